//! What RFC 9110 leaves to the application: which methods a resource has, ranges, conditions. The server has no
//! opinion of its own on these, and passes on unharmed what both sides say.

use http_server_trait::http::header::{ACCEPT_RANGES, ALLOW, CONTENT_RANGE, ETAG, LAST_MODIFIED};
use http_server_trait::http::{Method, StatusCode};
use http_server_trait::{App, Request, Response};

use super::framing::each;
use crate::case::cases;
use crate::stage::Stage;
use crate::want;

const CONTENT: &str = "0123456789";
const TAG: &str = "\"a\"";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A resource that has GET and HEAD alone.
fn read_only(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        if [Method::GET, Method::HEAD].contains(request.method()) {
            return Response::text("ok");
        }
        let allow = match request.path() {
            "/nothing" => "",
            _ => "GET, HEAD",
        };
        Response::new(StatusCode::METHOD_NOT_ALLOWED).with_field(ALLOW, allow)
    });
}

/// Ten bytes, of which `bytes=2-4` can be had; a range that begins beyond them is told so.
fn ranged(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let range = request.field("range");
        let is_get = request.method() == Method::GET;
        match range.filter(|_| is_get) {
            Some("bytes=2-4") => Response::text(&CONTENT[2..=4])
                .with_status(StatusCode::PARTIAL_CONTENT)
                .with_field(CONTENT_RANGE, "bytes 2-4/10"),
            Some("bytes=10-") => Response::new(StatusCode::RANGE_NOT_SATISFIABLE)
                .with_field(CONTENT_RANGE, "bytes */10"),
            _ => Response::text(CONTENT).with_field(ACCEPT_RANGES, "bytes"),
        }
    });
}

/// Tells what it was asked under which conditions, and has the content of `CONTENT` with the two validators. At
/// `/conditions` it answers by the precedence of RFC 9110, 13.2.2.
fn conditional(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        if request.path() == "/told" {
            let names = ["if-match", "if-none-match", "if-modified-since", "if-range"];
            let told = names.map(|name| format!("{:?}", request.field_joined(name)));
            return Response::text(told.join(" "));
        }
        let known = request.field_joined("if-none-match");
        let answer = if request.field("if-match").is_some_and(|tag| tag != TAG) {
            Response::new(StatusCode::PRECONDITION_FAILED)
        } else if known.map_or_else(
            || request.field("if-modified-since") == Some(MODIFIED),
            |known| {
                known
                    .split(',')
                    .any(|tag| tag.trim().trim_start_matches("W/") == TAG)
            },
        ) {
            Response::new(StatusCode::NOT_MODIFIED)
        } else {
            Response::text(CONTENT)
        };
        answer
            .with_field(ETAG, TAG)
            .with_field(LAST_MODIFIED, MODIFIED)
    });
}

cases! {
    /// The server knows no resources, so it has no 405 of its own: every method comes to the application, and its 405
    /// goes out with its Allow, also an empty one, and also where it answers a method with content.
    must method_not_allowed_is_the_applications_with_its_allow ["R-062", "R-061"] needs [KeepAlive]
        app read_only |play| {
        let mut client = play.connect()?;
        each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "PROPFIND"], |method| {
            client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"))?;
            client.answered(405)?.has("allow", "GET, HEAD")?.ok()
        })?;
        client.post("/nothing", "hello")?.answered(405)?.has("allow", "")?;
        client.get("/")?.answered(200)?.has_no("allow")?.content("ok")?.ok()
    }
    /// A range is a question to whoever knows the content. The server answers none by itself, whatever it says: one,
    /// many, a malformed one; to GET and to others. What the application answers goes out as it is.
    must ranges_are_the_applications_to_answer ["R-073"] needs [KeepAlive] app ranged |play| {
        let mut client = play.connect()?;
        let many = format!("bytes={}", vec!["0-0"; 500].join(","));
        let ranges = ["bytes=0-4", "bytes=-3", "bytes=4-2", "bytes=", "lines=1-2", "bytes=x", "bytes=0-0,2-3", &many];
        each(ranges, |range| {
            client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n"))?;
            let answer = client.answered(200)?.has("accept-ranges", "bytes")?.has_no("content-range")?;
            answer.content(CONTENT)?.ok()
        })?;
        client.send("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n")?;
        client.answered(206)?.has("content-range", "bytes 2-4/10")?.has("content-length", "3")?.content("234")?;
        client.send("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=10-\r\n\r\n")?;
        client.answered(416)?.has("content-range", "bytes */10")?.content("")?;
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n")?;
        client.to_head().answered(200)?.has("content-length", "10")?;
        client.alive()
    }
    /// Conditions reach the application as they were sent, in the order of their lines, and none is acted on by the
    /// server. Its 304 and 412 go out with their validators: a 304 has no content, and no length that is not its own.
    must conditions_are_the_applications_to_judge ["R-074", "R-075"] needs [KeepAlive] app conditional |play| {
        let mut client = play.connect()?;
        client.send("GET /told HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"x,y\"\r\nIf-Match: *\r\nif-none-match: \"z\"\r\n\
            If-Range: \"r\"\r\n\r\n")?;
        client.answered(200)?
            .content("Some(\"*\") Some(\"W/\\\"x,y\\\", \\\"z\\\"\") None Some(\"\\\"r\\\"\")")?;
        let mut asked = |method: &str, lines: &str, status: u16| {
            client.send(format!("{method} /conditions HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))?;
            if method == "HEAD" {
                client.to_head();
            }
            let answer = client.answered(status)?.has("etag", TAG)?.has("last-modified", MODIFIED)?;
            if status == 304 {
                want!(answer.field("content-length").is_none_or(|length| length == "10"), "{answer}");
            }
            answer.content(if status == 200 && method == "GET" { CONTENT } else { "" })
        };
        asked("GET", "", 200)?;
        for method in ["GET", "HEAD"] {
            asked(method, "If-None-Match: \"a\"\r\n", 304)?;
            asked(method, "If-None-Match: W/\"a\", \"b\"\r\n", 304)?;
            asked(method, &format!("If-Modified-Since: {MODIFIED}\r\n"), 304)?;
            // If-None-Match goes before If-Modified-Since, and If-Match before both.
            asked(method, &format!("If-None-Match: \"b\"\r\nIf-Modified-Since: {MODIFIED}\r\n"), 200)?;
            asked(method, "If-Match: W/\"a\"\r\nIf-None-Match: \"a\"\r\n", 412)?;
        }
        client.alive()
    }
    /// An offer of another protocol that nobody takes up changes nothing: the request is answered in the protocol
    /// that it came in, and what follows it, too.
    must upgrade_that_nobody_takes_up_is_ignored ["R-110", "R-072"] needs [KeepAlive] |play| {
        let offers = [
            "Upgrade: x-nobody/1", "Connection: upgrade\r\nUpgrade: x-nobody/1", "Connection: Upgrade",
            "Connection: upgrade\r\nUpgrade: x-nobody/1, x-none", "Connection: upgrade\r\nUpgrade:",
            "Connection: keep-alive\r\nUpgrade: x-nobody/1\r\nUpgrade: x-none",
        ];
        play.each(offers, |play, offer| {
            let mut client = play.connect()?;
            client.send(format!("GET /ok HTTP/1.1\r\nHost: a\r\n{offer}\r\n\r\n"))?;
            client.understood(200)?.has_no("upgrade")?.content("ok")?.ok()
        })?;
        let mut client = play.connect()?;
        client.send("GET /ok HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x-nobody/1\r\n\r\n")?;
        client.answer()?.status(200)?.has_no("upgrade")?.content("ok")?;
        client.closed()
    }
}
