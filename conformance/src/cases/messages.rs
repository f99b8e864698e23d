//! Messages and lines: RFC 9112, sections 2, 3, 4 and 8.

use http_server_trait::http::StatusCode;
use http_server_trait::http::header::HOST;
use http_server_trait::{
    App, BodyError, CloseReason, Failure as Told, Request, Response, streamed,
};

use std::sync::Arc;

use crate::case::cases;
use crate::failure::Verdict;
use crate::stage::Stage;
use crate::{Client, Play, want, want_eq};

/// Sends each of these on a connection of its own and lets `then` look at what comes of it. A failure says
/// which one it was.
pub(super) fn each<M: AsRef<[u8]>>(
    play: &mut Play,
    messages: &[M],
    then: impl Fn(&mut Client) -> Verdict,
) -> Verdict {
    play.each(messages.iter().map(AsRef::as_ref), |play, message| {
        let mut client = play.connect()?;
        client.send(message)?;
        if message.starts_with(b"HEAD ") {
            client.to_head();
        }
        then(&mut client)
    })
}

/// Each of these is refused with this status, which the RFC names, and a close.
pub(super) fn each_refused<M: AsRef<[u8]>>(
    play: &mut Play,
    messages: &[M],
    status: u16,
) -> Verdict {
    each(play, messages, |client| client.refused(status))
}

/// Each of these is refused, by the project's choice with this status and a close.
pub(super) fn each_not_taken<M: AsRef<[u8]>>(
    play: &mut Play,
    messages: &[M],
    status: u16,
) -> Verdict {
    each(play, messages, |client| client.not_taken(status))
}

/// Each of these has content that is refused, by the project's choice with this status and a close.
fn each_content_not_taken<M: AsRef<[u8]>>(play: &mut Play, messages: &[M], status: u16) -> Verdict {
    each(play, messages, |client| client.content_not_taken(status))
}

/// Each of these is answered with 200, and nothing of it is taken for another request.
pub(super) fn each_accepted<M: AsRef<[u8]>>(play: &mut Play, messages: &[M]) -> Verdict {
    each(play, messages, |client| client.understood(200).map(drop))
}

/// A GET for `/ok` with these lines after its Host.
pub(super) fn get_with(lines: impl AsRef<[u8]>) -> Vec<u8> {
    let mut message = b"GET /ok HTTP/1.1\r\nHost: a\r\n".to_vec();
    message.extend_from_slice(lines.as_ref());
    message.extend_from_slice(b"\r\n");
    message
}

/// A POST to `/echo` whose content comes in chunks: these bytes.
pub(super) fn post_chunks(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut message =
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    message.extend_from_slice(bytes.as_ref());
    message
}

/// A GET with this request line, and a Host.
fn request_line(line: impl AsRef<[u8]>) -> Vec<u8> {
    let mut message = line.as_ref().to_vec();
    message.extend_from_slice(b"\r\nHost: a\r\n\r\n");
    message
}

fn request_lines(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(request_line).collect()
}

/// A GET for `/ok` with this target.
fn targets<T: AsRef<[u8]>>(targets: &[T]) -> Vec<Vec<u8>> {
    let line = |target: &T| [b"GET ", target.as_ref(), b" HTTP/1.1"].concat();
    targets.iter().map(line).map(request_line).collect()
}

fn hosts(hosts: &[&str]) -> Vec<String> {
    let message = |host: &&str| format!("GET /ok HTTP/1.1\r\nHost: {host}\r\n\r\n");
    hosts.iter().map(message).collect()
}

/// Answers what it was asked: the path, and the host in each way that it can be had.
fn telling(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        if request.path() == "/ok" && request.host() == Some("conformance") {
            return "ok".to_owned();
        }
        let map = request.headers().get(HOST);
        let map = map.and_then(|value| value.to_str().ok());
        format!(
            "path {} query {} host {} field {} map {}",
            request.path(),
            request.query().unwrap_or("-"),
            request.host().unwrap_or("-"),
            request.field("host").unwrap_or("-"),
            map.unwrap_or("-"),
        )
    });
}

/// Answers with the status that the path names.
fn statuses(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let code = request.path().trim_start_matches('/').parse().ok()?;
        Some(Response::new(StatusCode::from_u16(code).ok()?))
    });
}

/// Notes when its handler, its `after` and its error hook are called.
fn noting(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.handler(move |_: Request| {
        noted.note("handler");
        async { "ok" }
    });
    let noted = stage.clone();
    app.after(move |_| {
        noted.note("after");
        async {}
    });
    let noted = stage.clone();
    app.on_error(move |_: Arc<Told>| {
        noted.note("told");
        async {}
    });
}

/// As `noting`, with a handler that takes the content as it comes and notes how it ends.
fn noting_stream(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let noted = noted.clone();
        async move {
            match request.bytes().await {
                Ok(_) => noted.note("complete"),
                Err(error) => {
                    noted.note(format!("{:?}", error.kind()));
                    return Err(error);
                }
            }
            Ok::<_, BodyError>("ok")
        }
    }));
    let noted = stage.clone();
    app.on_error(move |_: Arc<Told>| {
        noted.note("told");
        async {}
    });
}

/// Sends each of these and ends the client's side. The connection is closed, and before that there may be an error
/// (RFC 9112, 8).
fn each_ends_early<M: AsRef<[u8]>>(play: &mut Play, messages: &[M]) -> Verdict {
    each(play, messages, |client| {
        client.half_close()?.refused_or_left()
    })?;
    let times = messages.len() as u64;
    play.wait_until("every one of them has left", |counters| {
        counters.closed(CloseReason::ClientLeft) == times
    })
}

/// What `telling` tells of each of these targets.
fn targets_are(play: &mut Play, cases: &[(&str, &str)]) -> Verdict {
    for (target, expected) in cases {
        let expected = format!("{expected} host a field a map a");
        each(play, &targets(&[target]), |client| {
            client.answer()?.status(200)?.content(&expected)?.ok()
        })?;
    }
    Ok(())
}

/// Chunked content, cut wherever that is another state of its reader.
const CHUNKS_CUT: &[&str] = &[
    "",
    "5",
    "5\r",
    "5\r\n",
    "5\r\nhel",
    "5\r\nhello",
    "5\r\nhello\r",
    "5\r\nhello\r\n",
    "5\r\nhello\r\n0",
    "5\r\nhello\r\n0\r\n",
    "5\r\nhello\r\n0\r\nx: y",
    "5\r\nhello\r\n0\r\nx: y\r\n",
    "5\r\nhello\r\n0\r\nx: y\r\n\r",
];

/// The answer to each of these request lines begins like this.
fn each_status_line(play: &mut Play, cases: &[(&str, &str)]) -> Verdict {
    for (line, expected) in cases {
        each(play, &[request_line(line)], |client| {
            let found = client.until("\r\n")?;
            want!(
                found.starts_with(expected),
                "the status line is {found:?}, and should begin with {expected:?}"
            );
            Ok(())
        })?;
    }
    Ok(())
}

cases! {
    /// The neighbour of all that follows: this is accepted.
    must plain_get_is_answered ["R-060", "A2-1"] |play| {
        play.connect()?.get("/ok")?.answer()?.status(200)?.content("ok")?.ok()
    }
    /// Pipelined requests are answered in their order, none is lost, and the last one closes.
    must pipelined_requests_are_answered_in_order ["R-093", "R-091", "A0-10"] needs [KeepAlive] |play| {
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nres1\
            POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nres2")?;
        client.answered(200)?.content("res1")?;
        client.last(200)?.content("res2")?.ok()
    }
    /// What a client sends after its last request is not answered. It may meet a reset: it was to send nothing.
    must requests_after_close_are_not_answered ["R-091"] |play| {
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast\
            GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.answered_once_at_most().map(drop)
    }

    /// Old clients send an empty line after their content: it is not part of the next request.
    should one_empty_line_before_a_request_is_passed_over ["R-002", "A2-9"] needs [KeepAlive] |play| {
        each_accepted(play, &["\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n"])?;
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n\
            GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.answered(200)?.content("hi")?;
        client.answered(200)?.content("ok")?;
        client.alive()
    }
    /// No client sends two; whoever does may go on doing so for ever.
    house two_empty_lines_before_a_request_are_refused ["R-002"] needs [StrictParsing] |play| {
        each_not_taken(play, &[
            "\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\n\r\n\r\n",
        ], 400)
    }
    /// A proxy in front may have taken the LF for a part of the line. So no line may end in it: whoever is
    /// lenient in one place and strict in another can be made to disagree with itself.
    house bare_lf_ends_no_line_of_a_head ["R-003"] needs [StrictParsing] |play| {
        each_not_taken(play, &[
            "\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\nx: y\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nx: y\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\n\n",
            "GET /ok HTTP/1.1\r\nHost: a\n\n",
            "GET /ok HTTP/1.1\n\n",
        ], 400)
    }
    /// The same in chunked content, where the classic disagreement is about where a chunk line ends.
    house bare_lf_ends_no_line_of_chunked_content ["R-003", "R-039"]
        needs [KeepAlive, StrictParsing] |play| {
        each_accepted(play, &[post_chunks("2\r\nhi\r\n0\r\nx: y\r\n\r\n")])?;
        each_content_not_taken(play, &[
            post_chunks("2\nhi\r\n0\r\n\r\n"),
            post_chunks("2;a=b\nhi\r\n0\r\n\r\n"),
            post_chunks("2\r\nhi\n0\r\n\r\n"),
            post_chunks("2\r\nhi\r\n0\n\r\n"),
            post_chunks("2\r\nhi\r\n0\r\n\n"),
            post_chunks("2\r\nhi\r\n0\r\nx: y\n\r\n"),
            post_chunks("2\r\nhi\r\n0\r\nx: y\r\n\n"),
        ], 400)
    }
    /// Some take a bare CR for the end of a line and some for white space.
    house bare_cr_is_refused_in_every_line_of_a_head ["R-004"] needs [StrictParsing] |play| {
        each_not_taken(play, &[
            "\rGET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
            "GE\rT /ok HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET\r /ok HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /o\rk HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /ok?a\rb HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /ok\rHTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\rHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\rx: y\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nx\r: y\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\n\rx: y\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nx:\ry\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nx: y\rz\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nx: y\r\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n",
        ], 400)
    }
    /// A bare CR is no more the end of a chunk line than it is that of a field line.
    house bare_cr_is_refused_in_every_line_of_chunked_content ["R-004", "R-039"]
        needs [StrictParsing] |play| {
        each_content_not_taken(play, &[
            post_chunks("2\rhi\r\n0\r\n\r\n"),
            post_chunks("2\r\r\nhi\r\n0\r\n\r\n"),
            post_chunks("\r2\r\nhi\r\n0\r\n\r\n"),
            post_chunks("2;a\r=b\r\nhi\r\n0\r\n\r\n"),
            post_chunks("2;a=\"b\rc\"\r\nhi\r\n0\r\n\r\n"),
            post_chunks("2\r\nhi\r0\r\n\r\n"),
            post_chunks("2\r\nhi\r\r\n0\r\n\r\n"),
            post_chunks("2\r\nhi\r\n0\r\r\n\r\n"),
            post_chunks("2\r\nhi\r\n0\r\nx: y\rz\r\n\r\n"),
            post_chunks("2\r\nhi\r\n0\r\nx: y\r\n\r\r\n\r\n"),
        ], 400)
    }
    /// RFC 9112, 2.2: a recipient of a bare CR must take the element for invalid, or the CR for a space. Whichever
    /// it is, no line ends there.
    must bare_cr_ends_no_line ["R-004"] needs [StrictParsing] |play| {
        each_not_taken(play, &[
            "GET /ok HTTP/1.1\rHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\nX: y\rHost: a\r\n\r\n",
        ], 400)?;
        each_content_not_taken(play, &[post_chunks("2\rhi\r\n0\r\n\r\n")], 400)
    }
    /// A CR in content is content like any other byte.
    must cr_and_lf_are_ordinary_bytes_of_content ["R-004"] needs [KeepAlive] |play| {
        let mut client = play.connect()?;
        let content = "a\rb\nc\r\n\r\nGET / HTTP/1.1\r\n\0";
        client.post("/echo", content)?.answered(200)?.content(content)?;
        let chunk = format!("{:x}\r\n{content}\r\n0\r\n\r\n", content.len());
        client.send(post_chunks(chunk))?.answered(200)?.content(content)?;
        client.alive()
    }
    /// A proxy may drop such a line, another take it for part of the request line.
    house white_space_before_the_first_field_is_refused ["R-005"] needs [StrictParsing] |play| {
        each_not_taken(play, &[
            "GET /ok HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\n\tHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\n x: y\r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\n \r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\n\t\r\nHost: a\r\n\r\n",
        ], 400)?;
        each_accepted(play, &["GET /ok HTTP/1.1\r\nHost: a\r\n\r\n"])
    }
    /// RFC 9112, 2.2: such a line is a reason to reject the message, or is not read. Either way this one has no
    /// Host.
    must white_space_before_the_first_field_makes_no_field ["R-005", "R-012"] needs [StrictParsing] |play| {
        each_refused(play, &[
            "GET /ok HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\n\tHost: a\r\n\r\n",
        ], 400)
    }

    /// The version has one form, in capitals. What looks nearly like it was not written by a client.
    should malformed_version_is_refused ["R-006", "R-008"] needs [StrictParsing] |play| {
        let versions = [
            "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/", "HTTP", "1.1", "HTTP/1.10", "HTTP/11.1", "HTTP/01.1",
            "HTTP/1.01", "HTTP/1.1.1", "HTTP/1,1", "HTTP/1x1", "HTTP/1.x", "HTTP/x.1", "HTTP/-1.1", "HTTP/+1.1",
            "HTTP /1.1", "HTTP/1 .1", "HTTP/1. 1", "HTTP\\1.1", "HTTP1.1", "HTTPS/1.1", "HTP/1.1", "XHTTP/1.1",
            "http/1.1", "Http/1.1", "HTTP/1.1;", "HTTP/\u{661}.1",
        ];
        let lines: Vec<_> = versions.iter().map(|version| format!("GET /ok {version}")).collect();
        let messages: Vec<_> = lines.iter().map(request_line).collect();
        each_not_taken(play, &messages, 400)?;
        each_accepted(play, &request_lines(&["GET /ok HTTP/1.1"]))
    }
    /// Another major version is another protocol, and the answer says so. RFC 9110, 2.5, lets a server say so
    /// "if it wishes".
    house another_major_version_gets_505 ["R-007"] needs [StrictParsing] |play| {
        each_not_taken(play, &request_lines(&[
            "GET /ok HTTP/2.0", "GET /ok HTTP/3.0", "GET /ok HTTP/9.9", "GET /ok HTTP/0.9", "GET /ok HTTP/0.0",
            "GET /ok HTTP/2.1",
        ]), 505)
    }
    /// A higher minor version is 1.1 and something more that need not be understood: the connection is kept,
    /// chunks are read, Host is needed.
    should higher_minor_version_is_handled_as_11 ["R-007"] needs [KeepAlive] |play| {
        each(play, &request_lines(&["GET /ok HTTP/1.2", "GET /ok HTTP/1.9"]), |client| {
            client.understood(200)?.content("ok")?.ok()
        })?;
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")?;
        client.answered(200)?.content("hi")?;
        if play.is_foreign() {
            return Ok(());
        }
        client.send("GET /ok HTTP/1.9\r\n\r\n")?.refused(400)
    }
    /// HTTP/0.9 has no version and no fields. Its answers would have no head, so it is not spoken.
    should http_09_is_refused ["R-006", "R-008"] needs [StrictParsing] |play| {
        each_not_taken(play, &["GET /ok\r\n\r\n", "GET /ok \r\n\r\n"], 400)
    }
    /// What is not `method SP target SP version` is not repaired: another server on the way may have repaired
    /// it differently.
    should invalid_request_line_is_refused ["R-008"] needs [StrictParsing] |play| {
        each_not_taken(play, &request_lines(&[
            "GET", "GET ", "GET  ", "/ok", "/ok HTTP/1.1", "HTTP/1.1", "GET  HTTP/1.1", "GET /ok HTTP/1.1 HTTP/1.1",
            "GET /ok HTTP/1.1 x", "GET: /ok HTTP/1.1", "G(ET /ok HTTP/1.1", "\"GET\" /ok HTTP/1.1",
            "G\u{c9}T /ok HTTP/1.1", "GET\0 /ok HTTP/1.1", "GET,POST /ok HTTP/1.1", "GET /ok, HTTP/1.1, x",
        ]), 400)
    }
    /// RFC 9112, 3, lets a recipient take any white space for the one space between two words of the line, and
    /// warns: another one may take it for something else.
    house request_line_with_other_white_space_is_refused ["R-008"] needs [StrictParsing] |play| {
        each_not_taken(play, &request_lines(&[
            " GET /ok HTTP/1.1", "\tGET /ok HTTP/1.1", "GET  /ok HTTP/1.1", "GET /ok  HTTP/1.1", "GET /ok HTTP/1.1 ",
            "GET /ok HTTP/1.1\t", "GET\t/ok HTTP/1.1", "GET /ok\tHTTP/1.1", "GET\u{b}/ok HTTP/1.1",
        ]), 400)
    }
    /// RFC 9112 wants this much at least.
    should request_line_of_8000_octets_is_served ["R-009"] needs [KeepAlive] |play| {
        let around = "GET /ok? HTTP/1.1".len();
        let line = format!("GET /ok?{} HTTP/1.1", "q".repeat(8000 - around));
        want_eq!(line.len(), 8000);
        each_accepted(play, &[request_line(line)])
    }
    /// A method longer than any known one cannot be implemented, unless the application takes any method.
    should method_longer_than_any_is_not_implemented ["R-010"] needs [StrictParsing] |play| {
        let messages = request_lines(&[&format!("{} /ok HTTP/1.1", "M".repeat(200))]);
        each(play, &messages, |client| client.refused_or_served(501))
    }
    /// A client that has put a form into a target is told that it is too long, not that it is wrong.
    must target_longer_than_wanted_is_told_so ["R-010"] needs [StrictParsing] |play| {
        each(play, &targets(&[format!("/ok?{}", "q".repeat(20_000))]), |client| client.refused_or_served(414))
    }

    /// White space in a target: who splits the line elsewhere sees another target and another version.
    /// RFC 9112, 3.2: a recipient should answer with an error or a redirect.
    should white_space_in_a_target_is_refused ["R-011", "R-008"] needs [StrictParsing] |play| {
        each_not_taken(play, &targets(&[
            "/o k", "/ok ?q", "/ok?a b", "/o\tk", "/ok?a\tb", "/ok HTTP/1.1 /ok", "/o\u{b}k", "/o\u{c}k",
        ]), 400)?;
        each(play, &targets(&["/ok?a%20b", "/ok?a+b"]), |client| client.not_refused(200, 400))
    }
    /// No URI has these. Read leniently they become log lines, paths and fields of other people's making.
    should bytes_that_no_uri_has_are_refused_in_a_target ["R-008", "R-001"] needs [StrictParsing] |play| {
        let controls = (0..=0x1f_u8).chain([0x7f]);
        let never = controls.chain(*b"\"<>#").chain([0x80, 0xc3, 0xe9, 0xff]);
        // The line ends are other cases' business.
        let targets_with = |byte: u8| [[b"/o", &[byte][..], b"k"].concat(), [b"/ok?", &[byte][..]].concat()];
        let with = never.filter(|byte| !matches!(byte, b'\r' | b'\n')).flat_map(targets_with);
        let others = ["/o\u{e9}k", "/ok?\u{1f980}", "/o\u{a0}k", "/ok#", "/ok#top", "/ok?q#top", "/o\\k"];
        let all = with.chain(others.map(|target| target.as_bytes().to_vec()));
        each_not_taken(play, &targets(&all.collect::<Vec<_>>()), 400)
    }
    /// A target reaches a hook as it was sent: nothing of it is decoded, resolved or repaired.
    must targets_are_passed_on_as_they_are ["R-008"] app telling |play| {
        targets_are(play, &[
            ("/", "path / query -"),
            ("//a//b/", "path //a//b/ query -"),
            ("/a/../b/./c", "path /a/../b/./c query -"),
            ("/?", "path / query "),
            ("/a?b=c&d=e?f/g", "path /a query b=c&d=e?f/g"),
            ("/-._~!$&'()*+,;=:@", "path /-._~!$&'()*+,;=:@ query -"),
            ("/%41%2f%00%e2%82%AC", "path /%41%2f%00%e2%82%AC query -"),
        ])
    }
    /// What browsers send every day, although no URI has it. It means the same to everybody.
    house targets_that_only_browsers_send_are_served ["R-008"] app telling |play| {
        targets_are(play, &[
            ("/a|b[c]^{d}", "path /a|b[c]^{d} query -"),
            ("/?a=[1]|{2}^`\\", "path / query a=[1]|{2}^`\\"),
        ])
    }
    /// Half an escape is decoded by everybody in another way. In a query it is the application's: forms have
    /// had bare percent signs for ever.
    house malformed_escape_in_a_path_is_refused ["R-008"] needs [KeepAlive, StrictParsing] |play| {
        each_not_taken(play, &targets(&["/%", "/%6", "/%zz", "/%6g", "/ok%", "/%%41", "/%u0041", "/%-1", "/%6?b"]), 400)?;
        each_accepted(play, &targets(&["/ok?a=%6f", "/ok?100%", "/ok?%zz"]))
    }

    /// HTTP/1.1 without Host could be meant for anybody.
    must host_missing_is_refused ["R-012"] needs [StrictParsing] |play| {
        each_refused(play, &[
            "GET /ok HTTP/1.1\r\n\r\n",
            "GET /ok HTTP/1.1\r\nX-Host: a\r\nHosts: a\r\n\r\n",
            "GET http://a/ok HTTP/1.1\r\n\r\n",
        ], 400)
    }
    /// HTTP/1.0 knows no Host.
    must http_10_needs_no_host ["R-012"] |play| {
        each(play, &["GET /ok HTTP/1.0\r\n\r\n", "GET /ok HTTP/1.0\r\nHost: a\r\n\r\n"], |client| {
            client.answer()?.status(200)?.content("ok")?;
            client.closed()
        })
    }
    /// Of two Host lines one server on the way routes by the first and another by the second.
    must several_hosts_are_refused ["R-012"] needs [StrictParsing] |play| {
        each_refused(play, &[
            "GET /ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nx: y\r\nhOST: a\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n",
            "GET /ok HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        ], 400)
    }
    /// With an absolute form they are to be refused as well, and to be ignored: RFC 9112, 3.2 and 3.2.2.
    house several_hosts_beside_an_absolute_form_are_refused ["R-012", "R-013"] needs [StrictParsing] |play| {
        each_not_taken(play, &["GET http://a/ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"], 400)
    }
    /// A Host is a name or an address and perhaps a port. Everything else is somebody's attempt to be
    /// understood in two ways.
    must invalid_host_is_refused ["R-012"] needs [StrictParsing] |play| {
        each_refused(play, &hosts(&[
            "a:b", "a:-1", "a:+1", "a:80:80", "a:8 0", "a b", "a,b:c", "a\tb", "a/b", "a/", "a?b", "a#b",
            "a\\b", "a@b", "user:password@a", "@a", "http://a", "[::1", "::1", "[]", "[::1]a", "[::1]:x", "[::g]",
            "a[::1]", "[[::1]]", "[127.0.0.1]", "\u{e9}", "<a>", "a\"b",
        ]), 400)?;
        each_refused(play, &["GET /ok HTTP/1.0\r\nHost: a/b\r\n\r\n"], 400)
    }
    /// The grammar lets a host have no name, a port have no digits or too many, and a name have escapes. Nobody is
    /// known to send such a thing, and those who read it read it differently.
    house host_that_nobody_has_is_refused ["R-012"] needs [StrictParsing] |play| {
        each_not_taken(play, &hosts(&["", " ", ":80", "a:", "[::1]:", "a:65536", "%41", "[::1%25eth0]"]),
            400)?;
        each_not_taken(play, &targets(&["http://a:/ok", "http://a:65536/ok", "http://%41/ok"]), 400)
    }
    /// The good neighbours of the bad hosts. No word of the RFCs makes a server answer for each of them.
    house valid_host_is_accepted ["R-012"] needs [KeepAlive] |play| {
        let messages = hosts(&[
            "a", "A.Example", "example.com.", "a:80", "a:0", "a:65535", "127.0.0.1", "127.0.0.1:8080", "[::1]",
            "[::1]:443", "[2001:db8::7]", "[::ffff:127.0.0.1]", "a_b", "xn--caf-dma.example", "a-b.c~d", "  a  ",
        ]);
        each(play, &messages, |client| client.not_refused(200, 400))
    }

    /// Any client may send what only a proxy used to get.
    must absolute_form_is_accepted ["R-013"] needs [KeepAlive] |play| {
        // A client sends the same in Host.
        let messages = [
            ("http://a/ok", "a"), ("http://a:80/ok", "a:80"), ("HTTP://a/ok", "a"),
            ("hTTp://A.Example/ok", "A.Example"), ("http://127.0.0.1:80/ok", "127.0.0.1:80"),
            ("http://[::1]:80/ok", "[::1]:80"), ("http://a/ok?q=/&r=http://b/", "a"),
        ];
        let messages = messages.map(|(target, host)| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        each(play, &messages, |client| client.not_refused(200, 400))
    }
    /// The Host field of such a request counts for nothing, however a hook asks for it: else one hook serves
    /// one host and the next another.
    must authority_of_absolute_form_replaces_host ["R-013"] app telling |play| {
        let cases = [
            ("GET http://target.example:81/a?b HTTP/1.1\r\nHost: field.example\r\n\r\n",
                "path /a query b host target.example:81 field target.example:81 map target.example:81"),
            ("GET HTTP://[::1]/a HTTP/1.1\r\nX: y\r\nHOST: field.example\r\n\r\n",
                "path /a query - host [::1] field [::1] map [::1]"),
            ("GET /a HTTP/1.1\r\nHost: field.example\r\n\r\n",
                "path /a query - host field.example field field.example map field.example"),
        ];
        for (message, expected) in cases {
            each(play, &[message], |client| client.answer()?.status(200)?.content(expected)?.ok())?;
        }
        // No field to replace.
        each(play, &["GET http://target.example/a HTTP/1.0\r\n\r\n"], |client| {
            let answer = client.answer()?.status(200)?;
            let text = answer.text();
            want!(text.starts_with("path /a query - host target.example "), "the answer is {text}");
            Ok(())
        })
    }
    /// An absolute form whose authority is none, and what is no form at all.
    should malformed_absolute_form_is_refused ["R-013", "R-008"] needs [StrictParsing] |play| {
        each_not_taken(play, &targets(&[
            "http://", "http:///ok", "http//a/ok", "http://user@a/ok",
            "http://user:password@a/ok", "http://a:b/ok", "http://[::1/ok", "http://a\\b/ok", "http://a/o k",
            "http://a/ok#b", "http://a/%zz", "://a/ok", "ok", "?q", "./ok", "a/ok",
        ]), 400)
    }
    /// Absolute forms that the grammar knows, and that nobody is asked for here.
    house absolute_form_of_another_kind_is_refused ["R-013"] needs [StrictParsing] |play| {
        each_not_taken(play, &targets(&["http:/ok", "http:ok", "ftp://a/ok", "file:///ok"]), 400)
    }
    /// `host:port` is a target of CONNECT alone, and CONNECT has no other. An origin server has no tunnels;
    /// that is another answer than the one to a malformed target. RFC 9112, 3.2: an invalid target should get 400.
    should authority_form_is_for_connect_alone ["R-014"] needs [StrictParsing] |play| {
        each_not_taken(play, &request_lines(&[
            "OPTIONS [::1]:80 HTTP/1.1", "GET 127.0.0.1:80 HTTP/1.1",
            "CONNECT /ok HTTP/1.1", "CONNECT * HTTP/1.1", "CONNECT http://a/ok HTTP/1.1", "CONNECT a HTTP/1.1",
            "CONNECT a: HTTP/1.1", "CONNECT :80 HTTP/1.1", "CONNECT user@a:80 HTTP/1.1", "CONNECT a:80/ HTTP/1.1",
        ]), 400)?;
        each(play, &request_lines(&["CONNECT a:80 HTTP/1.1", "CONNECT [::1]:443 HTTP/1.1"]), |client| {
            client.refused_as_unknown(&[405, 501])
        })
    }
    /// To the grammar, `a:80` is an absolute form as well, of the scheme `a`.
    house authority_form_that_looks_absolute_is_for_connect_alone ["R-014"] needs [StrictParsing] |play| {
        each_not_taken(play, &request_lines(&["GET a:80 HTTP/1.1", "POST a:443 HTTP/1.1"]), 400)
    }
    /// `*` is a target of OPTIONS alone. RFC 9112, 3.2.4, says so, and does not say what to do about others.
    house asterisk_form_is_for_options_alone ["R-015"] needs [StrictParsing] |play| {
        each_not_taken(play, &request_lines(&[
            "GET * HTTP/1.1", "HEAD * HTTP/1.1", "POST * HTTP/1.1", "M-SEARCH * HTTP/1.1", "options * HTTP/1.1",
        ]), 400)
    }
    /// What only begins with `*` has none of the four forms.
    should asterisk_form_is_one_asterisk ["R-015", "R-008"] needs [StrictParsing] |play| {
        each_not_taken(play, &request_lines(&[
            "OPTIONS ** HTTP/1.1", "OPTIONS *?q HTTP/1.1", "OPTIONS */ok HTTP/1.1",
        ]), 400)
    }
    /// The good neighbour: a hook sees the asterisk as the path.
    must asterisk_form_is_accepted_with_options ["R-015"] app telling |play| {
        each(play, &request_lines(&["OPTIONS * HTTP/1.1"]), |client| {
            client.answer()?.status(200)?.content("path * query - host a field a map a")?.ok()
        })
    }

    /// Version, space, code, space, reason: the second space is there also without a reason.
    must status_line_has_its_one_form ["R-016"] app statuses |play| {
        each_status_line(play, &[
            ("GET /200 HTTP/1.1", "HTTP/1.1 200 "),
            ("GET /404 HTTP/1.1", "HTTP/1.1 404 "),
            // Codes that have no reason that is known.
            ("GET /299 HTTP/1.1", "HTTP/1.1 299 "),
            ("GET /599 HTTP/1.1", "HTTP/1.1 599 "),
        ])
    }
    /// The version of an answer is the server's own, whatever the client's (RFC 9110, 6.2): it tells the client
    /// what it could ask for.
    should answer_has_the_version_of_its_server ["R-016", "R-069"] app statuses |play| {
        each_status_line(play, &[
            ("GET /200 HTTP/1.0", "HTTP/1.1 200 "),
            ("GET /599 HTTP/1.0", "HTTP/1.1 599 "),
        ])
    }

    /// A client that speaks another protocol learns so at once, although what it has sent looks like no end of
    /// anything: it does not wait for the time-out of a head.
    house another_protocol_is_answered_at_once ["R-008"] needs [StrictParsing] |play| {
        each_not_taken(play, &[
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], // the beginning of a TLS ClientHello
            b"\x80\x2e\x01\x03\x01",                          // of one of SSL 2
            b"\0",
            b"{\"jsonrpc\": \"2.0\"}",
            b"\x05\x01\x00",                                  // SOCKS
        ], 400)
    }
    /// A line of the PROXY protocol says whose connection it is. From a client that nobody trusts it must not come in,
    /// and one of version 2 begins with what looks like empty lines.
    should proxy_line_that_nobody_asked_for_is_refused ["R-002", "R-008"] needs [StrictParsing] |play| {
        let request = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
        let first = format!("PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n{request}").into_bytes();
        let second = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x03\xe8\0\x50", request.as_bytes()].concat();
        let unknown = format!("PROXY UNKNOWN\r\n{request}").into_bytes();
        each_not_taken(play, &[first, second, unknown], 400)
    }
    /// A client that begins with HTTP/2 as if that had been agreed on is told which version is spoken here.
    house preface_of_http_2_gets_505 ["R-007"] needs [StrictParsing] |play| {
        each_not_taken(play, &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"], 505)
    }

    /// A head that ends early is no request: no hook hears of it.
    must head_that_ends_early_is_no_request ["R-020", "T-43"] needs [StrictParsing] app noting |play| {
        each_ends_early(play, &[
            "G",
            "GET",
            "GET /ok HTTP/1.1",
            "GET /ok HTTP/1.1\r",
            "GET /ok HTTP/1.1\r\n",
            "GET /ok HTTP/1.1\r\nHost: a",
            "GET /ok HTTP/1.1\r\nHost: a\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\n\r",
            "\r\nGET /ok",
        ])?;
        want_eq!(play.counters()?.requests, 0);
        play.noted(&[])
    }
    /// A client that ended its side in the middle of a message may still read: it is told. RFC 9112, 8: a server may.
    house message_that_ends_early_is_refused_with_400 ["R-020"] needs [StrictParsing] |play| {
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\n";
        let messages = [
            "G".to_owned(),
            "GET /ok HTTP/1.1\r\nHost: a\r\n".to_owned(),
            format!("{head}Content-Length: 5\r\n\r\nhell"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"),
        ];
        // Another server may answer before the content has ended.
        let known = if play.is_foreign() { &messages[..2] } else { &messages };
        each(play, known, |client| client.half_close()?.refused(400))
    }
    /// The end of a client between two messages is the end of a connection and no error.
    must end_between_two_messages_is_no_error ["R-020", "T-43"] needs [KeepAlive] app noting |play| {
        play.connect()?.half_close()?.closed()?;
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        client.half_close()?.closed()?;
        play.wait_until("both have closed", |counters| counters.closed(CloseReason::ClientClosed) == 2)?;
        play.noted(&["handler", "after"])
    }
    /// Content that is shorter than its length is never a handler's. The request is counted and told of: its
    /// head was understood.
    must content_that_ends_early_reaches_no_handler ["R-020", "T-20", "T-43", "T-28"]
        needs [StrictParsing] app noting |play| {
        let head = "POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        each_ends_early(play, &[head.to_owned(), format!("{head}h"), format!("{head}hell")])?;
        play.wait_for_times("after", 3)?;
        play.noted(&["after"; 3])
    }
    /// Chunked content without its last chunk is not complete, nor is it without the empty line at its end.
    must chunks_that_end_early_reach_no_handler ["R-020", "T-20", "T-43"] needs [StrictParsing] app noting |play| {
        let messages: Vec<_> = CHUNKS_CUT.iter().map(post_chunks).collect();
        each_ends_early(play, &messages)?;
        play.wait_for_times("after", CHUNKS_CUT.len())?;
        want_eq!(play.stage().count("handler"), 0);
        want_eq!(play.stage().count("told"), 0);
        Ok(())
    }
    /// A handler that takes content as it comes learns that it is not complete, and does not take the end of
    /// the connection for the end of the content.
    must streaming_handler_learns_that_content_ended_early ["R-020", "T-23", "T-43"]
        needs [Streaming, StrictParsing] app noting_stream |play| {
        let mut messages: Vec<_> = CHUNKS_CUT.iter().map(post_chunks).collect();
        messages.push(b"POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell".to_vec());
        each_ends_early(play, &messages)?;
        want_eq!(play.stage().count("Disconnected"), messages.len());
        want_eq!(play.stage().count("complete"), 0);
        want_eq!(play.stage().count("told"), 0);
        // The good neighbour.
        let mut client = play.connect()?;
        client.send(post_chunks("5\r\nhello\r\n0\r\nx: y\r\n\r\n"))?.half_close()?;
        client.answer()?.status(200)?.content("ok")?;
        play.wait_for("complete")
    }
}
