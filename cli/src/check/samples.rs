//! A report that tries to break out of every format, for tests.

use http_server_conformance::remote::{self, Finding, Judged, Judgement};
use http_server_conformance::{Case, Exchange, Level, Piece, Step};

use super::report::{Checked, Report};

/// What a hostile server could call itself, and answer.
pub(crate) const EVIL: &str =
    "</pre><script>alert(\"1\")</script>&'`|]]>\u{0}\u{1b}[2J\u{e9}\u{202e}";

fn case(name: &str) -> &'static Case {
    remote::cases()
        .find(|case| case.name == name)
        .expect("it is one of them")
}

fn finding(level: Level) -> Finding {
    let mut finding = Finding::new(level, format!("it came to {EVIL}"));
    finding.variant = Some(format!("variant {EVIL}"));
    let steps = [
        Step::Sent(Piece::of(b"GET /ok HTTP/1.1\r\n\r\n")),
        Step::Received(Piece::of(EVIL.as_bytes())),
        Step::Note(EVIL.to_owned()),
        Step::ServerEnded,
        Step::Reset,
    ];
    finding.exchange = Exchange::from_iter(steps);
    finding
}

/// One server of each outcome, twice if there are to be several.
pub(crate) fn report(servers: usize) -> Report {
    let judged = || {
        let of = |name, judgement| Judged::new(case(name), judgement);
        vec![
            of("plain_get_is_answered", Judgement::Holds),
            of(
                "host_missing_is_refused",
                Judgement::Findings(vec![finding(Level::Should), finding(Level::Must)]),
            ),
            of(
                "invalid_request_line_is_refused",
                Judgement::Findings(vec![finding(Level::Should)]),
            ),
            of(
                "host_that_nobody_has_is_refused",
                Judgement::Findings(vec![finding(Level::House)]),
            ),
            of(
                "several_hosts_are_refused",
                Judgement::NotApplicable(EVIL.to_owned()),
            ),
            of(
                "invalid_host_is_refused",
                Judgement::NotPlayed(EVIL.to_owned()),
            ),
        ]
    };
    let server = |number| Checked {
        name: format!("{number}{EVIL}"),
        address: "127.0.0.1:1".to_owned(),
        calls_itself: Some(EVIL.to_owned()),
        echo: EVIL.to_owned(),
        judged: judged(),
    };
    Report {
        servers: (0..servers).map(server).collect(),
    }
}

/// Whether every element is closed, in its order, and every attribute quoted; gives the names of the elements.
pub(crate) fn elements(document: &str, never_closed: &[&str]) -> Vec<String> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    let mut rest = document;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = end_of_tag(rest);
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        let name = |text: &str| {
            let name = text.split([' ', '/', '\n']).next();
            name.unwrap_or_default().to_owned()
        };
        if let Some(closing) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name(closing)), "before {rest:.100}");
        } else if !tag.starts_with(['!', '?']) {
            all.push(name(tag));
            if !tag.ends_with('/') && !never_closed.contains(&name(tag).as_str()) {
                open.push(name(tag));
            }
        }
    }
    assert!(open.is_empty(), "{open:?} are never closed");
    all
}

/// Where the tag ends that begins here: not inside of an attribute.
fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    for (at, character) in tag.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            '<' => panic!("a tag in a tag: {tag:.100}"),
            _ => {}
        }
    }
    panic!("a tag without an end: {tag:.100}");
}

#[test]
fn html_holds_whatever_a_server_says() {
    for servers in [1, 2] {
        let page = super::html::write(&report(servers));
        let elements = elements(&page, &["meta", "link", "br", "wbr"]);
        assert!(!elements.iter().any(|name| name == "script"));
        // Of each finding what came back, as text and in hexadecimal.
        assert_eq!(
            page.matches("&lt;/pre&gt;&lt;script&gt;alert(\\&quot;1\\&quot;)")
                .count(),
            servers * 4
        );
        assert_eq!(
            page.matches("0000  3c 2f 70 72 65 3e 3c 73  &lt;/pre&gt;&lt;s")
                .count(),
            servers * 4
        );
        assert_eq!(
            page.matches("0000  47 45 54 20 2f 6f 6b 20  GET /ok")
                .count(),
            servers * 4
        );
        // It is one file: nothing is fetched.
        for fetched in [" src=", "@import", "url(", "<script"] {
            assert!(!page.contains(fetched), "{fetched}");
        }
        assert_eq!(page.matches("<link").count(), 1);
        assert!(page.contains("<link rel=\"icon\" href=\"data:,\">"));
        assert!(page.contains("width=device-width"));
        assert!(
            !page
                .chars()
                .any(|character| character.is_control() && character != '\n')
        );
    }
}

#[test]
fn junit_holds_whatever_a_server_says() {
    let report = super::junit::write(&report(2));
    let elements = elements(&report, &[]);
    let count = |wanted: &str| elements.iter().filter(|name| *name == wanted).count();
    assert_eq!((count("testsuite"), count("testcase")), (2, 12));
    assert_eq!(
        (
            count("failure"),
            count("error"),
            count("skipped"),
            count("system-out")
        ),
        (2, 2, 2, 4)
    );
    assert!(report.contains("tests=\"6\" failures=\"1\" errors=\"1\" skipped=\"1\""));
    assert!(
        !report
            .chars()
            .any(|character| character.is_control() && character != '\n')
    );
    assert!(report.contains("classname=\"0&lt;/pre&gt;"));
}

#[test]
fn brief_json_says_no_more_than_results() {
    let text = super::json::write(&report(1), true);
    let report: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let case = &report["servers"][0]["cases"][1];
    assert_eq!(case["result"], "must");
    assert!(case["clauses"][0]["rfc"].is_string());
    for name in ["findings", "about", "milliseconds"] {
        assert!(case.get(name).is_none(), "{name}");
    }
}

#[test]
fn json_says_what_was_sent_and_what_came_back() {
    let report: serde_json::Value =
        serde_json::from_str(&super::json::write(&report(1), false)).expect("it is JSON");
    let server = &report["servers"][0];
    assert_eq!(server["calls_itself"], EVIL);
    assert_eq!(report["every_must_holds"], false);
    let results: Vec<_> = server["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .map(|case| &case["result"])
        .collect();
    assert_eq!(
        results,
        [
            "holds",
            "must",
            "should",
            "differs",
            "not applicable",
            "not played"
        ]
    );
    let summary = &server["summary"];
    for name in [
        "holds",
        "must",
        "should",
        "differs",
        "not_applicable",
        "not_played",
    ] {
        assert_eq!(summary[name], 1, "{name}");
    }
    let missing = &server["cases"][1];
    assert_eq!(missing["clauses"][0]["rfc"], "9112, 3.2");
    let finding = &missing["findings"][1];
    assert_eq!(
        (&finding["level"], &finding["message"]),
        (&"must".into(), &format!("it came to {EVIL}").into())
    );
    let came = &finding["exchange"][1];
    assert_eq!(came["step"], "received");
    assert_eq!(came["length"], EVIL.len());
    assert_eq!(came["hex"], super::bytes::hex(EVIL.as_bytes()));
    assert_eq!(came["text"], EVIL.as_bytes().escape_ascii().to_string());
    assert_eq!(finding["exchange"][3]["step"], "server ended");
}

#[test]
fn rows_of_markdown_have_their_cells() {
    let report = super::markdown::write(&report(2));
    let mut cells = 0;
    for line in report.lines().filter(|line| line.starts_with('|')) {
        let ends = line
            .replace("\\\\", "")
            .replace("\\|", "")
            .matches('|')
            .count();
        if line.starts_with("|---") {
            assert_eq!(ends, cells, "{line}");
        }
        cells = ends;
    }
    assert!(report.contains("| `host_missing_is_refused` |"), "{report}");
    assert!(!report.contains("| <"), "{report}");
}

#[test]
fn terminals_get_no_control_bytes() {
    for servers in [1, 2] {
        let text = super::text::write(&report(servers));
        assert!(
            !text
                .chars()
                .any(|character| character.is_control() && character != '\n'),
            "{text}"
        );
    }
}
