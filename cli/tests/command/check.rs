//! `bayonet check` as a user meets it: against the demo, against servers that do wrong, against none.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::naive;
use crate::support::{Demo, bayonet};

/// Makes each function a test of each backend that is compiled in.
macro_rules! on_every_backend {
    ($($test:ident)*) => {
        on_every_backend! { @on "tokio", tokio, $($test)* }
        on_every_backend! { @on "async-std", async_std, $($test)* }
        on_every_backend! { @on "smol", smol, $($test)* }
    };
    (@on $name:literal, $module:ident, $($test:ident)*) => {
        #[cfg(feature = $name)]
        mod $module {
            $( #[test] fn $test() { super::$test($name) } )*
        }
    };
}

on_every_backend! {
    demo_holds_every_must_and_every_should
}

struct Checked {
    code: Option<i32>,
    out: String,
    err: String,
}

fn check(line: &[&str]) -> Checked {
    let Output {
        status,
        stdout,
        stderr,
    } = bayonet()
        .arg("check")
        .args(line)
        .output()
        .expect("it can be started");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Checked {
        code: status.code(),
        out: text(stdout),
        err: text(stderr),
    }
}

/// A check of a server that lets others wait, and is near.
fn check_naive(line: &[&str]) -> Checked {
    check(&[line, &["--patience", "200"]].concat())
}

/// A file that is gone in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("bayonet-check-{}-{name}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path that is text")
    }

    fn read(&self) -> String {
        std::fs::read_to_string(&self.0).expect("the report")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is not there if the test has failed before.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The results of the cases of a report in JSON, by name.
fn result_of<'a>(report: &'a Value, case: &str) -> &'a Value {
    let cases = report["servers"][0]["cases"].as_array().expect("cases");
    cases
        .iter()
        .find(|it| it["name"] == case)
        .unwrap_or_else(|| panic!("there is no {case}"))
}

fn demo_holds_every_must_and_every_should(backend: &str) {
    let unix = Scratch::new(&format!("{backend}.sock"));
    let demo = Demo::with(backend, &["--bind", &format!("unix:{}", unix.path())]);
    for (place, more) in [
        (format!("http://{}/plaintext", demo.address), &[][..]),
        (format!("unix:{}", unix.path()), &["--ok", "/plaintext"]),
    ] {
        let line = [&[place.as_str(), "--format", "json"][..], more].concat();
        let checked = check(&line);
        assert_eq!(checked.code, Some(0), "{place}: {}", checked.err);
        let report: Value = serde_json::from_str(&checked.out).expect("it is JSON");
        let summary = &report["servers"][0]["summary"];
        for none in ["must", "should", "not_applicable", "not_played"] {
            assert_eq!(summary[none], 0, "{none} at {place}: {}", checked.err);
        }
        // The demo says who it is. That is all that it has chosen otherwise.
        assert_eq!(summary["differs"], 1, "{place}: {}", checked.err);
        let named = result_of(&report, "server_is_not_named_by_default");
        assert_eq!(named["result"], "differs");
        assert!(summary["holds"].as_u64() > Some(90), "{summary}");
    }
    demo.stop();
}

#[test]
fn server_that_refuses_nothing_fails_by_name_clause_and_bytes() {
    let address = naive::serve(None).to_string();
    let checked = check_naive(&[&address]);
    assert_eq!(checked.code, Some(1), "{}", checked.err);
    for part in [
        "Does not hold, and must:",
        "host_missing_is_refused (RFC 9112, 3.2)",
        "- must: the status is 200, and should be 400",
        "> \"GET /ok HTTP/1.1\\r\\n\\r\\n\"",
        "< \"HTTP/1.1 200 OK\\r\\n",
        "chunked_not_last_is_refused (RFC 9112, 6.3)",
        "Does not hold, and should:",
        "Differs from what Bayonet has chosen",
        "musts do not hold",
        "cases: it needs an application of its own in the server",
    ] {
        assert!(checked.out.contains(part), "{part} in:\n{}", checked.out);
    }
    // A line for each case, as nobody sees a bar here.
    let told = checked.err.lines().filter(|line| line.starts_with("must "));
    assert!(told.count() > 3, "{}", checked.err);
    assert!(!checked.err.contains('\r'), "{}", checked.err);
}

#[test]
fn every_format_tells_the_same() {
    let address = naive::serve(None).to_string();
    let line = [
        address.as_str(),
        "--only",
        "host_missing_is_refused",
        "--only",
        "plain_get_is_answered",
    ];
    for (format, parts) in [
        (
            "json",
            &[
                "\"result\": \"must\"",
                "\"hex\": \"474554202f6f6b20485454502f312e310d0a0d0a\"",
            ][..],
        ),
        (
            "junit",
            &[
                "tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\"",
                "<failure message=\"",
                "GET /ok HTTP/1.1",
            ],
        ),
        (
            "html",
            &[
                "<pre>GET /ok HTTP/1.1\\r\\n",
                "0000  47 45 54 20",
                "rfc9112#section-3.2",
            ],
        ),
        (
            "markdown",
            &["| 1 of 2 |", "| `host_missing_is_refused` |", "**must**"],
        ),
        ("text", &["host_missing_is_refused (RFC 9112, 3.2)"]),
    ] {
        let file = Scratch::new(&format!("report.{format}"));
        let to_file = [&line[..], &["--format", format, "--output", file.path()]].concat();
        let checked = check_naive(&to_file);
        assert_eq!(checked.code, Some(1), "{format}: {}", checked.err);
        assert!(
            checked.out.contains("1 must does not hold"),
            "{format}: {}",
            checked.out
        );
        let report = file.read();
        for part in parts {
            assert!(report.contains(part), "{part} in:\n{report}");
        }
        let to_out = check_naive(&[&line[..], &["--format", format]].concat());
        assert_eq!(to_out.code, Some(1), "{format}: {}", to_out.err);
        for part in parts {
            assert!(to_out.out.contains(part), "{part} in:\n{}", to_out.out);
        }
    }
}

#[test]
fn what_is_not_asked_for_does_not_fail() {
    let address = naive::serve(None).to_string();
    for (line, code) in [
        (&["--only", "plain_get_is_answered"][..], 0),
        (&["--only", "host_missing_is_refused"], 1),
        (&["--only", "R-012"], 1),
        (&["--only", "9112, 3.2"], 1),
        // It should, and does not have to.
        (&["--only", "invalid_request_line_is_refused"], 0),
        (&["--only", "host_that_nobody_has_is_refused"], 0),
    ] {
        let checked = check_naive(&[&[address.as_str()][..], line].concat());
        assert_eq!(
            checked.code,
            Some(code),
            "{line:?}: {}{}",
            checked.out,
            checked.err
        );
    }
    let musts = check_naive(&[&address, "--only", "host", "--level", "must"]);
    assert!(
        musts.out.contains("host_missing_is_refused"),
        "{}",
        musts.out
    );
    assert!(
        !musts.out.contains("host_that_nobody_has_is_refused"),
        "{}",
        musts.out
    );
}

#[test]
fn servers_are_compared_side_by_side() {
    let demo = Demo::on(bayonet::backend_names()[0]);
    let good = format!("good=http://{}/plaintext", demo.address);
    let bad = format!("bad={}", naive::serve(None));
    let line = ["--compare", good.as_str(), &bad, "--only", "messages"];
    let checked = check_naive(&line);
    assert_eq!(checked.code, Some(1), "{}", checked.err);
    let row = checked
        .out
        .lines()
        .find(|line| line.contains("host_missing_is_refused"));
    let row: Vec<_> = row.expect("a row").split_whitespace().collect();
    assert_eq!(row[..3], ["holds", "must", "host_missing_is_refused"]);
    assert!(
        checked.out.contains("\ngood: every must holds"),
        "{}",
        checked.out
    );
    let markdown = check_naive(&[&line[..], &["--format", "markdown"]].concat());
    let row = markdown
        .out
        .lines()
        .find(|line| line.starts_with("| `host_missing_is_refused` |"));
    assert!(
        row.expect("a row").ends_with("| holds | **must** |"),
        "{}",
        markdown.out
    );
    demo.stop();
}

#[test]
fn server_that_cannot_be_asked_is_told_with_a_way_out() {
    // Bound, and closed again: nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = free.local_addr().expect("its address").to_string();
    drop(free);
    let naive = naive::serve(None).to_string();
    let mute = naive::serve(Some(0));
    for (line, parts) in [
        (
            &[nobody.as_str()][..],
            &["cannot be reached", "start the server first"][..],
        ),
        (
            &["unix:/nowhere/at/all"],
            &["cannot be reached", "start the server first"],
        ),
        (
            &[&naive, "--ok", "/nothing"],
            &["answered with 404", "--ok /PATH"],
        ),
        (&[&naive, "--echo", "/ok"], &["POST /ok", "--no-echo"]),
        (
            &[&mute.to_string()],
            &["does not answer in HTTP/1", "without TLS"],
        ),
        (&[&naive, &naive], &["--compare"]),
        (
            &[&naive, "--only", "nonsense"],
            &["--only nonsense", "--list"],
        ),
        (
            &[&naive, "--output", "/nowhere/at/all", "--only", "plain_get"],
            &["--output /nowhere/at/all", "may write"],
        ),
        (&["https://127.0.0.1"], &["TLS", "http://"]),
        (&["nonsense"], &["'nonsense'", "HOST:PORT"]),
        (&[], &["<SERVER>"]),
        (&[&naive, "--format", "pdf"], &["'pdf'", "html"]),
    ] {
        let checked = check(line);
        assert_eq!(checked.code, Some(2), "{line:?}: {}", checked.err);
        assert!(!checked.out.contains("hold"), "{line:?}: {}", checked.out);
        for part in parts {
            assert!(
                checked.err.contains(part),
                "{line:?}: {part} in:\n{}",
                checked.err
            );
        }
    }
}

/// It is found once, and all that follows is not played: no must is said to fail that nobody has tried.
#[test]
fn server_that_goes_away_is_not_accused_of_what_nobody_tried() {
    let address = naive::serve(Some(12)).to_string();
    let checked = check_naive(&[&address, "--jobs", "1", "--format", "json"]);
    assert_eq!(checked.code, Some(1), "{}", checked.err);
    let report: Value = serde_json::from_str(&checked.out).expect("it is JSON");
    let summary = &report["servers"][0]["summary"];
    assert!(summary["not_played"].as_u64() > Some(80), "{summary}");
    let last = report["servers"][0]["cases"]
        .as_array()
        .and_then(|cases| cases.last());
    let last = last.expect("a case");
    assert_eq!(last["reason"], "the server does not listen any more");
}

#[test]
fn cases_are_listed_with_their_clauses() {
    let checked = check(&["--list"]);
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""));
    for part in [
        "messages\n",
        "  host_missing_is_refused (must; RFC 9112, 3.2)\n",
        "Not asked",
    ] {
        assert!(checked.out.contains(part), "{part} in:\n{}", checked.out);
    }
    let some = check(&["--list", "--level", "must", "--only", "expect"]);
    assert!(
        some.out.contains("expectation_in_http_10_is_ignored"),
        "{}",
        some.out
    );
    assert!(!some.out.contains("(house"), "{}", some.out);
}
