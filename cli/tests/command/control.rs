//! A running demo that is looked at, swapped and ended from another terminal.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use crate::support::{Client, Demo, Signal, bayonet};

/// What a command said, and its exit code.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(line: &[&str], environment: &[(&str, &str)]) -> Said {
    let mut command = bayonet();
    command.args(line);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .envs(environment.iter().copied())
        .output()
        .expect("it can be started");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said {
        code: status.code(),
        out: text(stdout),
        err: text(stderr),
    }
}

impl Said {
    /// It went well.
    fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{} {}", self.out, self.err);
        self.out
    }

    /// It did not, and this is said of it.
    fn wrong(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{} {}", self.out, self.err);
        assert_eq!(self.out, "");
        for part in parts {
            assert!(self.err.contains(part), "{part} in {}", self.err);
        }
    }
}

/// A Unix socket for the control that no other test has.
fn socket(name: &str) -> (PathBuf, String) {
    let path = std::env::temp_dir().join(format!("bayonet-{name}-{}", std::process::id()));
    let place = format!("unix:{}", path.display());
    (path, place)
}

/// Who serves this connection, and which of its requests this is.
fn serves<S: std::io::Read + std::io::Write>(client: &mut Client<S>) -> (String, String) {
    let answer = client.ask("GET /conn HTTP/1.1\r\nHost: demo\r\n\r\n");
    let facts: serde_json::Value = serde_json::from_str(&answer.content).expect("JSON");
    let text = |name: &str| facts[name].as_str().unwrap_or_default().to_owned();
    assert!(
        text("worker").starts_with(&format!("bayonet-{}-", text("backend"))),
        "{facts}"
    );
    (text("backend"), text("request"))
}

fn json(place: &str) -> serde_json::Value {
    let status = run(&["status", "--json", "--control", place], &[]).well();
    serde_json::from_str(&status).expect("JSON")
}

#[test]
fn one_connection_is_served_by_every_backend_in_turn() {
    let (path, place) = socket("swap");
    let demo = Demo::with("tokio", &["--control", &place]);
    assert!(
        demo.banner.contains(&format!("control at {place}\n")),
        "{}",
        demo.banner
    );
    let mode = path.metadata().expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is for its owner alone");

    let mut client = demo.connect();
    assert_eq!(serves(&mut client), ("tokio".into(), "1.1".into()));
    for (number, to) in (2..).zip(["smol", "async-std", "tokio", "tokio", "smol"]) {
        let said = run(&["swap", to, "--control", &place], &[]).well();
        assert!(said.contains(&format!("-> {to} in ")), "{said}");
        assert!(said.contains(": 1 connection moved\n"), "{said}");
        assert_eq!(serves(&mut client), (to.into(), format!("1.{number}")));
    }

    let status = json(&place);
    assert_eq!(
        (&status["backend"], &status["state"]),
        (&"smol".into(), &"serving".into())
    );
    assert_eq!(status["addresses"][0], format!("http://{}", demo.address));
    assert_eq!(
        (status["accepted"].as_u64(), status["requests"].as_u64()),
        (Some(1), Some(6))
    );
    assert_eq!(status["servers"][0]["connections"], 1);
    let swaps = status["swaps"].as_array().expect("swaps");
    assert_eq!((swaps.len(), status["swapped"].as_u64()), (5, Some(5)));
    for swap in swaps {
        assert_eq!(
            (&swap["moved"], &swap["cut"]),
            (&1.into(), &0.into()),
            "{swap}"
        );
    }
    let table = run(&["status", "--control", &place], &[]).well();
    for part in [
        "serving on smol",
        "smol       serving",
        "tokio -> tokio",
        "async-std -> tokio",
    ] {
        assert!(table.contains(part), "{part} in {table}");
    }

    let table = run(&["status", "--connections", "--control", &place], &[]).well();
    let mut lines = table.lines();
    assert!(
        lines.next().is_some_and(|head| head.contains("requests")),
        "{table}"
    );
    let words: Vec<_> = lines
        .next()
        .map(str::split_whitespace)
        .into_iter()
        .flatten()
        .collect();
    // It has been moved five times, and had a request on each server.
    assert_eq!(
        (words[0], words[2], words[3], words[6]),
        ("1", "smol", "idle", "6"),
        "{table}"
    );
    assert_eq!(words.last(), Some(&"1"), "{table}");
    assert_eq!(lines.next(), None, "{table}");
    let whole = ["status", "--connections", "--json", "--control", &place];
    let table: serde_json::Value = serde_json::from_str(&run(&whole, &[]).well()).expect("JSON");
    assert_eq!(table[0]["requests"], 6);
    assert!(table[0]["bytes_out"].as_u64() > Some(10), "{table}");

    let said = run(&["drain", "--control", &place], &[]).well();
    assert!(said.starts_with("clean stop in "), "{said}");
    assert_eq!(client.rest(), "");
    let end = demo.end();
    assert_eq!(end.status.code(), Some(0), "{}", end.err);
    assert!(
        end.out.contains("before, 5 swaps: 5 connections moved"),
        "{}",
        end.out
    );
    assert!(!path.exists(), "nothing is left of the control");
}

#[test]
fn what_is_under_way_stays_until_it_is_answered() {
    let (_, place) = socket("stay");
    let demo = Demo::with("smol", &["--control", &place]);
    let mut busy = demo.connect();
    busy.send(
        "POST /echo HTTP/1.1\r\nHost: demo\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
    );
    assert_eq!(busy.head().status, 200);
    assert_eq!(busy.chunk(), "one");

    // The environment names the control as well as the line does.
    let environment = [("BAYONET_CONTROL", place.as_str())];
    let said = run(&["swap", "tokio"], &environment).well();
    assert!(
        said.contains(": 0 connections moved; 1 with something under way on smol"),
        "{said}"
    );
    let status = json(&place);
    assert_eq!(status["servers"][1]["backend"], "smol");
    assert_eq!(status["servers"][1]["state"], "leaving");
    assert_eq!(status["swaps"][0]["staying"], 1);

    busy.send("5\r\nmount\r\n0\r\n\r\n");
    assert_eq!(
        (busy.chunk(), busy.chunk()),
        ("mount".to_owned(), String::new())
    );
    assert_eq!(serves(&mut busy), ("tokio".into(), "1.2".into()));
    let swap = loop {
        let status = json(&place);
        if status["servers"].as_array().expect("servers").len() == 1 {
            break status["swaps"][0].clone();
        }
    };
    assert_eq!(
        (&swap["moved"], &swap["finished"], &swap["staying"]),
        (&1.into(), &1.into(), &0.into()),
        "{swap}"
    );
    demo.stop();
}

#[test]
fn ctrl_c_finds_the_server_that_serves_now_and_the_one_that_it_is_leaving() {
    let (_, place) = socket("signal");
    let demo = Demo::with("async-std", &["--control", &place]);
    let mut busy = demo.connect();
    busy.send(
        "POST /echo HTTP/1.1\r\nHost: demo\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
    );
    assert_eq!((busy.head().status, busy.chunk()), (200, "one".to_owned()));
    run(&["swap", "smol", "--control", &place], &[]).well();
    let mut here = demo.connect();
    assert_eq!(serves(&mut here).0, "smol");

    demo.signal(Signal::INT);
    assert_eq!(here.rest(), "", "what is idle is closed at once");
    let refused = run(&["swap", "tokio", "--control", &place], &[]);
    refused.wrong(&["the demo is draining"]);
    busy.send("5\r\nmount\r\n0\r\n\r\n");
    assert_eq!(
        (busy.chunk(), busy.chunk()),
        ("mount".to_owned(), String::new())
    );
    let end = demo.end();
    assert_eq!(end.status.code(), Some(0), "{} {}", end.out, end.err);
    assert!(end.out.contains("clean stop"), "{}", end.out);
}

#[test]
fn a_drain_that_cuts_says_so() {
    let (_, place) = socket("cut");
    let demo = Demo::with("tokio", &["--control", &place]);
    let mut busy = demo.connect();
    busy.send(
        "POST /echo HTTP/1.1\r\nHost: demo\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
    );
    assert_eq!((busy.head().status, busy.chunk()), (200, "one".to_owned()));
    run(&["swap", "smol", "--control", &place], &[]).well();
    let said = run(&["drain", "--within", "0", "--control", &place], &[]);
    assert_eq!(said.code, Some(3), "{} {}", said.out, said.err);
    assert_eq!(demo.end().status.code(), Some(3));
}

#[test]
fn an_address_asks_for_the_token() {
    let demo = Demo::with("tokio", &["--control", "127.0.0.1:0"]);
    let told = |what: &str| {
        let mut lines = demo.banner.lines();
        lines
            .find_map(|line| line.strip_prefix(what))
            .expect("it is told")
            .to_owned()
    };
    let (place, token) = (told("control at "), told("token "));
    assert_eq!(token.len(), 32, "{token}");
    let status = ["status", "--control", &place];
    run(&status, &[]).wrong(&["asks for a token", "--token TOKEN", "BAYONET_TOKEN"]);
    for wrong in ["", "a", &token[1..], &"0".repeat(32), "a\r\nb"] {
        run(
            &["swap", "smol", "--control", &place, "--token", wrong],
            &[],
        )
        .wrong(&["asks for a token"]);
    }
    let on_tokio = run(&status, &[("BAYONET_TOKEN", &token)]).well();
    assert!(on_tokio.starts_with("serving on tokio"), "{on_tokio}");
    run(
        &["swap", "smol", "--control", &place, "--token", &token],
        &[],
    )
    .well();
    let on_smol = run(&status, &[("BAYONET_TOKEN", &token)]).well();
    assert!(on_smol.starts_with("serving on smol"), "{on_smol}");
    demo.stop();
}

/// Lets the demo have descriptors below this number, or as many as it may. Gives back what was so before.
#[cfg(target_os = "linux")]
fn descriptors(demo: &Demo, below: Option<u64>) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
    // Whoever lowers this one cannot raise it again.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = below.or(maximum);
    let before = prlimit(
        Some(demo.id()),
        Resource::Nofile,
        Rlimit { current, maximum },
    );
    before.expect("it runs").current
}

/// The number that the demo's next descriptor gets.
#[cfg(target_os = "linux")]
fn lowest_free(demo: &Demo) -> u64 {
    let taken = |number: &u64| {
        let path = format!("/proc/{}/fd/{number}", demo.id().as_raw_nonzero());
        std::fs::symlink_metadata(path).is_ok()
    };
    let free = (0..1000).find(|number| !taken(number));
    free.expect("some are free")
}

#[cfg(target_os = "linux")]
#[test]
fn a_swap_that_fails_changes_nothing() {
    let (_, place) = socket("full");
    let demo = Demo::with("smol", &["--control", &place]);
    let mut client = demo.connect();
    assert_eq!(serves(&mut client).0, "smol");

    let allowed = descriptors(&demo, None);
    // One is for who asks for the swap.
    descriptors(&demo, Some(lowest_free(&demo) + 1));
    run(&["swap", "tokio", "--control", &place], &[])
        .wrong(&["the new server could not start", "Too many open files"]);
    assert_eq!(serves(&mut client), ("smol".into(), "1.2".into()));

    descriptors(&demo, allowed);
    assert_eq!(json(&place)["swaps"], serde_json::json!([]));
    run(&["swap", "tokio", "--control", &place], &[]).well();
    assert_eq!(serves(&mut client), ("tokio".into(), "1.3".into()));
    drop(client);
    demo.stop();
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let (path, place) = socket("refuse");
    run(&["status", "--control", &place], &[]).wrong(&[
        "nobody is at unix:",
        &format!("bayonet demo --control {place}"),
    ]);
    run(&["status"], &[]).wrong(&["`--control` is missing", "BAYONET_CONTROL"]);
    run(&["status"], &[("BAYONET_CONTROL", "here")])
        .wrong(&["BAYONET_CONTROL is `here`", "unix:/PATH"]);
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "here"] {
        for line in [
            &["demo", "--control", open][..],
            &["drain", "--control", open],
        ] {
            let said = run(line, &[]);
            assert_eq!(said.code, Some(2), "{line:?}");
            assert!(said.err.contains("unix:/PATH"), "{}", said.err);
        }
    }

    let demo = Demo::with("smol", &["--control", &place]);
    let names = bayonet::backend_names().join(", ");
    run(&["swap", "wasp", "--control", &place], &[]).wrong(&["`wasp`", &names]);
    run(&["swap", "a b", "--control", &place], &[]).wrong(&["`a b`", "bayonet backends"]);
    let twice = run(&["demo", "--bind", "127.0.0.1:0", "--control", &place], &[]);
    twice.wrong(&["`--control unix:"]);
    assert!(path.exists(), "it is still the first one's");
    assert_eq!(json(&place)["backend"], "smol");
    demo.stop();
}
