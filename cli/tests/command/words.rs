//! What the command says: its help, and what it answers to what cannot be.

use std::net::TcpListener;
use std::process::Output;

use crate::support::{Demo, bayonet};

fn run(line: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = bayonet().args(line).output().expect("it can be started");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

fn first() -> &'static str {
    bayonet::backend_names()
        .first()
        .copied()
        .expect("a test without a backend tests nothing")
}

#[test]
fn a_wrong_line_names_the_flag_the_value_and_the_way_out() {
    let names = bayonet::backend_names().join(", ");
    for (line, parts) in [
        (
            &["demo", "--backend", "wasp"][..],
            &["'wasp'", "--backend", names.as_str()][..],
        ),
        (
            &["--backend", "wasp"],
            &["'wasp'", "--backend", names.as_str()],
        ),
        (
            &["demo", "--bind", "nowhere"],
            &["'nowhere'", "--bind", "127.0.0.1:1666"],
        ),
        (
            &["demo", "--bind", "[::1]:99999"],
            &["'[::1]:99999'", "--bind", "from 0 to 65535"],
        ),
        (&["demo", "--bind", "unix:"], &["'unix:'", "--bind", "path"]),
        (
            &["demo", "--workers", "0"],
            &["'0'", "--workers", "from 1 to 1024"],
        ),
        (
            &["demo", "--workers", "many"],
            &["'many'", "--workers", "from 1 to 1024"],
        ),
        (&["demo", "--worker", "1"], &["'--worker'", "--workers"]),
        (&["dmo"], &["'dmo'", "demo"]),
    ] {
        let (code, out, err) = run(line);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{line:?}: {err}");
        for part in parts {
            assert!(
                err.contains(part),
                "{part} in the answer to {line:?}: {err}"
            );
        }
    }
}

#[test]
fn an_address_in_use_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let (code, out, err) = run(&["demo", "--backend", first(), "--bind", &address]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains(&format!("`--bind {address}`")), "{err}");
    assert!(
        err.contains("in use") && err.contains("`--bind 127.0.0.1:0`"),
        "{err}"
    );
}

#[test]
fn a_path_that_cannot_be_is_named_with_a_way_out() {
    let path = "unix:/no/such/directory/bayonet.sock";
    let (code, _, err) = run(&["demo", "--backend", first(), "--bind", path]);
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.contains(&format!("`--bind {path}`")) && err.contains("directory"),
        "{err}"
    );
}

#[test]
fn help_teaches() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for part in [
        "bayonet --backend smol",
        "curl -i http://127.0.0.1:1666/plaintext",
        "Exit codes",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let (_, help, _) = run(&["demo", "--help"]);
    for part in [
        "--backend",
        "--bind",
        "--workers",
        "unix:/PATH",
        "tokio",
        "async-std",
        "smol",
        "127.0.0.1:1666",
        "/plaintext",
        "/json",
        "/echo",
        "/stream",
        "/big",
        "/conn",
        "/slow",
        "/panic",
        "/upgrade",
        "Ctrl-C",
        "Examples:",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let longest = help.lines().map(str::len).max();
    assert!(longest <= Some(100), "{longest:?}");
}

#[test]
fn backends_are_listed() {
    let (code, list, _) = run(&["backends"]);
    assert_eq!(code, Some(0));
    let listed: Vec<_> = list
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(listed, bayonet::backend_names());
}

#[test]
fn the_banner_has_three_lines_to_try() {
    let demo = Demo::on(first());
    let lines: Vec<_> = demo
        .banner
        .lines()
        .filter(|line| line.contains("curl "))
        .collect();
    assert_eq!(lines.len(), 3, "{}", demo.banner);
    let base = format!("http://{}", demo.address);
    for line in lines {
        let (_, path) = line
            .split_once(&base)
            .expect("the address that it listens on");
        let expected = if path == "/echo" { 405 } else { 200 };
        assert_eq!(demo.get(path).status, expected, "{line}");
    }
    demo.stop();
}
