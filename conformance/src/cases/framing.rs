//! How long a message is: RFC 9112, sections 6 and 7.

use std::sync::Arc;
use std::time::Duration;

use http_server_trait::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_server_trait::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_server_trait::{
    App, Body, BodyError, Cause, FieldError, Flow, Head, Request, Response, streamed,
};

use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::play::Play;
use crate::routes;
use crate::stage::Stage;
use crate::{want, want_eq};

/// What stands behind a message that is refused, and must not be answered as a request.
const SMUGGLED: &str = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
/// The same where its bytes are counted.
const COUNTED: &str = "GET /trap HTTP/1.1\r\nHost: trap\r\n\r\n";

/// A POST to `/echo` with these field lines, and what follows its head.
fn post(fields: &str, rest: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{rest}")
}

/// A POST to `/echo` with these chunks.
fn chunked(chunks: &str) -> String {
    post("Transfer-Encoding: chunked", chunks)
}

/// Tries each of these, and says which one failed.
pub(super) fn each<T: AsRef<str>>(
    variants: impl IntoIterator<Item = T>,
    mut try_it: impl FnMut(&str) -> Verdict,
) -> Verdict {
    for variant in variants {
        let variant = variant.as_ref();
        try_it(variant).map_err(|failure| Failure::new(format!("{variant:?}: {failure}")))?;
    }
    Ok(())
}

/// Its content is sent back, and the next request on the connection is understood.
fn accepted(play: &mut Play, message: &str, content: &str) -> Verdict {
    let answer = play.connect()?.send(message)?.understood(200)?;
    answer.echoes(content)?.ok()
}

/// It is refused, by the project's choice with this status; the connection is closed, and nothing behind it is
/// answered.
fn refused(play: &mut Play, message: &str, status: u16) -> Verdict {
    let message = format!("{message}{SMUGGLED}");
    play.connect()?.send(message)?.not_taken(status)
}

/// Its content is refused in the same way.
fn content_refused(play: &mut Play, message: &str) -> Verdict {
    let message = format!("{message}{SMUGGLED}");
    play.connect()?.send(message)?.content_not_taken(400)
}

/// Nobody knows where it ends. RFC 9112, 6.3: 400 and a close. A coding that is not known may get 501 as well.
fn refused_as_endless(play: &mut Play, message: &str) -> Verdict {
    let message = format!("{message}{SMUGGLED}");
    play.connect()?.send(message)?.refused_for_good(400, &[501])
}

/// A HEAD that is refused, with nothing behind the head of its answer.
fn refused_head(play: &mut Play, message: &str) -> Verdict {
    let mut client = play.connect()?;
    let answer = client.send(message)?.to_head().answer()?;
    let is_refused = answer.status >= 400 && answer.closes();
    want!(play.is_foreign() || is_refused, "the answer is {answer}");
    client.clean(&answer)
}

/// Notes what the error hook is told: who failed, and what kind of failure it was.
pub(super) fn note_failures(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.on_error(move |failure: Arc<http_server_trait::Failure>| {
        let cause = match failure.cause() {
            Cause::Error(_) => "error",
            Cause::Panic(_) => "panic",
            Cause::Protocol(_) => "protocol",
            Cause::Answer(_) => "answer",
            _ => "something else",
        };
        noted.note(format!("{}: {cause}", failure.hook()));
        async {}
    });
}

/// What the error hook is told when an answer was not sent as it was given.
const CORRECTED: &str = "server: answer";

/// Answers without a look at the content.
fn answering_unread(app: &mut App, _: &Stage) {
    app.handler(streamed(|_: Request| async { "not read" }));
}

/// Answers with the content, its trailers, and the fields of the head that have the name of a trailer.
fn telling_trailers(app: &mut App, _: &Stage) {
    app.handler(|mut request: Request| async move {
        let content = request.bytes().await?;
        Ok::<_, BodyError>(told(&content, request.trailers(), &request))
    });
}

/// The same for content that is taken as it comes, frame by frame.
fn telling_streamed_trailers(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.handler(streamed(|mut request: Request| async move {
        let (mut content, mut trailers) = (Vec::new(), None);
        while let Some(frame) = request.body_mut().frame().await {
            match frame?.into_data() {
                Ok(data) => content.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        Ok::<_, BodyError>(told(&content, trailers.as_ref(), &request))
    }));
}

fn told(content: &[u8], trailers: Option<&HeaderMap>, head: &Head) -> String {
    let mut told = format!("{};", String::from_utf8_lossy(content));
    for (name, value) in trailers.into_iter().flatten() {
        told += &format!(" {name}={}", String::from_utf8_lossy(value.as_bytes()));
        if head.headers().contains_key(name) {
            told += " (also in the head)";
        }
    }
    told
}

/// Answers with the status that the path names and, whatever it is, with content.
fn content_with_any_status(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.handler(|request: Request| async move {
        let Ok(status) = request.path()[1..].parse::<StatusCode>() else {
            return Flow::Continue(request);
        };
        let content = match request.query() {
            Some("stream") => Body::iter(["con", "tent"]),
            Some("none") => Body::empty(),
            _ => Body::full("content"),
        };
        let mut answer = Response::new(status).with_body(content);
        if let Some(length) = request.field("x-length") {
            answer = answer.with_field(CONTENT_LENGTH, length);
        }
        Flow::Reply(answer)
    });
    routes::install(app);
}

/// Answers with the content `content`, whole at `/full` and in two pieces at `/pieces`, and with the
/// framing fields that the query has.
fn own_framing_fields(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.handler(|request: Request| async move {
        let content = match request.path() {
            "/full" => Body::full("content"),
            "/pieces" => Body::iter(["con", "tent"]),
            "/none" => Body::empty(),
            _ => return Ok(Flow::Continue(request)),
        };
        let mut answer = Response::new(StatusCode::OK).with_body(content);
        for field in request.query().unwrap_or_default().split('&') {
            match field.split_once('=') {
                Some(("length", value)) => answer.append_field(CONTENT_LENGTH, value)?,
                Some(("coding", value)) => answer.append_field(TRANSFER_ENCODING, value)?,
                _ => {}
            }
        }
        Ok::<_, FieldError>(Flow::Reply(answer))
    });
    routes::install(app);
}

/// What an answer says of its connection and of its trailers: `/426` offers another protocol, `/announced` has a `Trailer`
/// field and trailers, in pieces, `/none` the field and nothing else. With `close`, it is the last answer.
fn saying_more(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.handler(|request: Request| async move {
        let mut answer = match request.path() {
            "/426" => Response::new(StatusCode::UPGRADE_REQUIRED).with_field("upgrade", "toy"),
            "/announced" => {
                let mut trailers = HeaderMap::new();
                trailers.append("x-sum", HeaderValue::from_static("7"));
                let content = Body::iter(["con", "tent"]).with_trailers(trailers);
                Response::new(StatusCode::OK)
                    .with_body(content)
                    .with_field("trailer", "x-sum")
            }
            "/none" => Response::text("content").with_field("trailer", "x-sum"),
            _ => return Flow::Continue(request),
        };
        if request.query() == Some("close") {
            answer = answer.with_field("connection", "close");
        }
        Flow::Reply(answer)
    });
    routes::install(app);
}

/// Answers `content` with trailers: whole at `/full`, in two pieces at `/pieces`; `/none` has the trailers
/// alone. With the query `forbidden`, trailers are among them that none may be.
fn with_trailers(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.handler(|request: Request| async move {
        let content = match request.path() {
            "/full" => Body::full("content"),
            "/pieces" => Body::iter(["con", "tent"]),
            "/none" => Body::empty(),
            _ => return Flow::Continue(request),
        };
        let mut trailers = HeaderMap::new();
        if request.query() == Some("forbidden") {
            for name in FORBIDDEN.iter().chain(&FRAMING) {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("they are names");
                trailers.append(name, HeaderValue::from_static("1"));
            }
        }
        trailers.append("x-sum", HeaderValue::from_static("7"));
        let content = content.with_trailers(trailers);
        Flow::Reply(Response::new(StatusCode::OK).with_body(content))
    });
    routes::install(app);
}

/// Fields that must have no effect as trailers: RFC 9110, 6.5.1.
const FORBIDDEN: [&str; 18] = [
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Expect",
    "If-None-Match",
    "Max-Forwards",
    "Proxy-Authorization",
    "Range",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Upgrade",
    "Vary",
    "WWW-Authenticate",
];
/// Trailers that can only be there to have the message read in two ways.
const FRAMING: [&str; 3] = ["Content-Length", "Transfer-Encoding", "Host"];

cases! {
    /// Two readers of such a message could find its end in two places, and one of them would take its rest
    /// for a request of its own.
    must message_of_two_lengths_is_never_followed_by_another ["R-030", "R-031", "R-033", "R-034", "R-035"]
        needs [StrictParsing] |play| {
        let both = format!("0\r\n\r\n{COUNTED}");
        let length = format!("Content-Length: {}", both.len());
        let in_10 = |fields: &str| post(fields, &both).replacen("HTTP/1.1", "HTTP/1.0", 1);
        let messages = [
            post(&format!("{length}\r\nTransfer-Encoding: chunked"), &both),
            post(&format!("Transfer-Encoding: chunked\r\n{length}"), &both),
            in_10("Connection: keep-alive\r\nTransfer-Encoding: chunked"),
            in_10("Connection: keep-alive\r\nTransfer-Encoding: chunked").replacen("POST /echo", "GET /ok", 1),
            in_10(&format!("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n{length}")),
            post("Transfer-Encoding: chunked, x", &both),
            post("Transfer-Encoding: x", &both),
            post("Transfer-Encoding: identity", &both),
            post(&format!("Content-Length: 5\r\n{length}"), &both),
            post(&format!("Content-Length: 5, {}", both.len()), &both),
        ];
        play.each(messages, |play, message| {
            play.connect()?.send(message)?.answered_once_at_most().map(drop)
        })
    }
    /// Of the two ways that the RFC leaves, the one that cannot be wrong: nothing of it is processed.
    house content_length_beside_transfer_encoding_is_refused ["R-030"] needs [StrictParsing] |play| {
        let fields = [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Transfer-Encoding: chunked\r\nX: y\r\ncontent-length: 0",
            "Transfer-Encoding:\tCHUNKED \r\nContent-Length: 5",
            "Content-Length: 5\r\nTransfer-Encoding:",
            "Content-Length: 5\r\nTransfer-Encoding: identity",
            "Content-Length: 5\r\nTransfer-Encoding: gzip, chunked",
        ];
        play.each(fields, |play, fields| refused(play, &post(fields, "0\r\n\r\n"), 400))?;
        accepted(play, &post("Content-Length: 5", "0\r\n\r\n"), "0\r\n\r\n")?;
        accepted(play, &chunked("0\r\n\r\n"), "")
    }
    /// A coding that one reader sees and the next does not is how requests are smuggled.
    house transfer_encoding_in_disguise_is_refused ["R-003", "R-004", "R-017", "R-018", "R-052", "R-053"]
        needs [StrictParsing] |play| {
        let disguises = [
            "Content-Length: 5\r\nTransfer-Encoding : chunked",
            "Content-Length: 5\r\nTransfer-Encoding\t: chunked",
            "Content-Length: 5\r\n Transfer-Encoding: chunked",
            "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked",
            "Content-Length: 5\r\nTransfer-Encoding\r\n : chunked",
            "Content-Length: 5\r\nTransfer-Encoding: \x0bchunked",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\x0c",
            "Content-Length: 5\r\nTransfer-Encoding: chun\0ked",
            "Content-Length: 5\r\nTransfer-Encoding\0: chunked",
            "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked",
            "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked",
        ];
        play.each(disguises, |play, fields| refused(play, &post(fields, "hello"), 400))
    }
    /// To a reader that folds letters, digits or white space by the rules of Unicode these are `chunked` and a length.
    /// Here a message is octets, and they are bytes that no token and no number has.
    must letters_that_only_look_alike_are_others ["R-001", "R-034", "R-035", "R-051"]
        needs [StrictParsing] |play| {
        let codings = ["chun\u{212a}ed", "\u{a0}chunked", "chunked\u{a0}", "chunked\u{2003}", "\u{feff}chunked"];
        play.each(codings, |play, coding| {
            let message = post(&format!("Transfer-Encoding: {coding}"), "5\r\nhello\r\n0\r\n\r\n");
            refused_as_endless(play, &message)
        })?;
        play.each(["\u{ff15}", "\u{665}", "5\u{a0}", "\u{2075}"], |play, length| {
            refused(play, &post(&format!("Content-Length: {length}"), "hello"), 400)
        })
    }
    /// The same in names. No field has such a one.
    should names_that_only_look_alike_are_refused ["R-001", "R-050"] needs [StrictParsing] |play| {
        let lines = ["Content\u{2010}Length: 5", "Tran\u{17f}fer-Encoding: chunked", "\u{feff}Content-Length: 5"];
        play.each(lines, |play, line| refused(play, &post(line, "hello"), 400))
    }
    /// A client that names them so wants them taken away by the next proxy, and the message read in another way
    /// there. RFC 9110, 7.6.1 is about forwarding: to whoever reads the message they are what they are.
    must connection_options_take_no_framing_away ["R-036", "R-038", "R-057"] needs [KeepAlive] |play| {
        let options = "Connection: Content-Length, Transfer-Encoding, Host, Connection, Trailer";
        accepted(play, &post(&format!("{options}\r\nContent-Length: 5"), "hello"), "hello")?;
        accepted(play, &post(&format!("{options}\r\nTransfer-Encoding: chunked"), "5\r\nhello\r\n0\r\n\r\n"), "hello")
    }
    /// What has another name is another field.
    must names_like_those_of_framing_frame_nothing ["R-050"] needs [KeepAlive] |play| {
        let others = [
            "Transfer_Encoding: chunked",
            "X-Transfer-Encoding: chunked",
            "Transfer-Encodings: chunked",
            "Content_Length: 2",
            "Content-Lengt: 2",
        ];
        play.each(others, |play, other| {
            accepted(play, &post(&format!("{other}\r\nContent-Length: 5"), "hello"), "hello")
        })
    }
    /// Names of fields and of codings have no case, and white space around a value is not part of it.
    must chunked_is_understood_however_it_is_written ["R-050", "R-051"] needs [KeepAlive] |play| {
        let fields = [
            "Transfer-Encoding: chunked",
            "transfer-encoding: Chunked",
            "TRANSFER-ENCODING:CHUNKED",
            "Transfer-Encoding:  chunked  ",
        ];
        play.each(fields, |play, fields| accepted(play, &post(fields, "5\r\nhello\r\n0\r\n\r\n"), "hello"))
    }
    /// Where `chunked` is not the last coding, nobody knows where the message ends.
    must chunked_not_last_is_refused ["R-033", "R-034"] needs [StrictParsing] |play| {
        let codings = [
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: chunked, gzip",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding:",
            "Transfer-Encoding: ,",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunked x",
            "Transfer-Encoding: chun ked",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding: 'chunked'",
        ];
        play.each(codings, |play, fields| refused_as_endless(play, &post(fields, "5\r\nhello\r\n0\r\n\r\n")))
    }
    /// A sender must not apply `chunked` twice (RFC 9112, 6.1). What a recipient does with such a message is left
    /// open.
    house chunked_twice_is_refused ["R-034"] needs [StrictParsing] |play| {
        let codings = [
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked, chunked",
        ];
        play.each(codings, |play, fields| refused(play, &post(fields, "5\r\nhello\r\n0\r\n\r\n"), 400))
    }
    /// RFC 9112, 7.1: `chunked` has no parameters, and their presence should be treated as an error.
    should parameters_of_chunked_are_refused ["R-034"] needs [StrictParsing] |play| {
        let codings = [
            "Transfer-Encoding: chunked;a=b",
            "Transfer-Encoding: chunked;",
            "Transfer-Encoding: chunked;q=0.5",
        ];
        play.each(codings, |play, fields| refused(play, &post(fields, "5\r\nhello\r\n0\r\n\r\n"), 400))
    }
    /// The end of such a message could be found, but not what it says.
    should unknown_coding_before_chunked_is_not_implemented ["R-032"] needs [StrictParsing] |play| {
        let codings = [
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: identity, chunked",
            "Transfer-Encoding: x;a=b, br, chunked",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        ];
        play.each(codings, |play, fields| {
            let message = post(fields, "5\r\nhello\r\n0\r\n\r\n");
            play.connect()?.send(format!("{message}{SMUGGLED}"))?.refused(501)
        })?;
        accepted(play, &post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), "hello")
    }
    /// HTTP/1.0 knows no transfer codings: a proxy of that age has passed on what it did not understand.
    house transfer_encoding_in_http_10_is_refused ["R-031"] needs [StrictParsing] |play| {
        let in_10 = |fields: &str, rest: &str| post(fields, rest).replacen("HTTP/1.1", "HTTP/1.0", 1);
        let fields = ["Transfer-Encoding: chunked", "Connection: keep-alive\r\nTransfer-Encoding: chunked"];
        play.each(fields, |play, fields| refused(play, &in_10(fields, "5\r\nhello\r\n0\r\n\r\n"), 400))?;
        let mut client = play.connect()?;
        client.send(in_10("Content-Length: 5", "hello"))?.answer()?.status(200)?.content("hello")?;
        client.closed()
    }
    /// Only digits are a length, and only one length is one.
    must content_length_that_is_no_number_is_refused ["R-035", "R-036"] needs [StrictParsing] |play| {
        let lengths = [
            "Content-Length: 5, 6",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 6\r\nX: y\r\ncontent-length: 5",
            "Content-Length:",
            "Content-Length: +5",
            "Content-Length: -5",
            "Content-Length: 0x5",
            "Content-Length: 5 5",
            "Content-Length: 5;a",
            "Content-Length: 5.0",
            "Content-Length: 5e0",
            "Content-Length: \"5\"",
            "Content-Length: five",
            "Content-Length: 5h",
            "Content-Length: 1_0",
            "Content-Length: 5\t5",
            "Content-Length: \u{665}",
            "Content-Length: \u{ff15}",
        ];
        play.each(lengths, |play, fields| {
            let message = post(fields, &format!("hello{SMUGGLED}"));
            play.connect()?.send(message)?.refused_for_good(400, &[])
        })
    }
    /// The RFC lets equal lengths be read as one. Whoever sends them has merged two messages' fields.
    house content_length_that_is_repeated_is_refused ["R-035"] needs [StrictParsing] |play| {
        let lengths = [
            "Content-Length: 5, 5",
            "Content-Length: 5,",
            "Content-Length: 5\r\nContent-Length:",
            "Content-Length: 5\r\nContent-Length: 5",
        ];
        play.each(lengths, |play, fields| refused(play, &post(fields, "hello"), 400))
    }
    /// A length that wraps around would be a small one, and the rest of the content the next request.
    must content_length_does_not_overflow ["R-036"] needs [StrictParsing, Limits] |play| {
        // Each would be 5 in too few bits.
        let lengths = ["4294967301", "18446744073709551621", "340282366920938463463374607431768211461"];
        play.each(lengths, |play, length| {
            let message = post(&format!("Content-Length: {length}"), &format!("hello{SMUGGLED}"));
            play.connect()?.send(message)?.not_overflown(&[400, 413], "hello")
        })
    }
    /// A length beyond what a machine can count is still a length, and too large.
    house content_length_beyond_all_numbers_is_too_large ["R-036"] needs [StrictParsing, Limits] |play| {
        let lengths = [
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999",
        ];
        play.each(lengths, |play, length| refused(play, &post(&format!("Content-Length: {length}"), "hello"), 413))
    }
    /// `1*DIGIT` may begin with zeros, as many as there are.
    must content_length_may_have_leading_zeros ["R-036", "R-051"] needs [KeepAlive] |play| {
        let lengths = [
            "Content-Length: 5",
            "content-length:5",
            "Content-Length:  5  ",
            "Content-Length: 05",
            "Content-Length: 000000000000000000000000000005",
        ];
        play.each(lengths, |play, fields| accepted(play, &post(fields, "hello"), "hello"))?;
        // As many as a field has room for, and more digits than any number.
        accepted(play, &post(&format!("Content-Length: {}5", "0".repeat(4000)), "hello"), "hello")
    }
    /// Without either field there is no content, whatever the method: the next byte is the next request.
    must request_with_neither_length_nor_chunks_has_no_content ["R-037"] needs [KeepAlive] |play| {
        play.each(["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"], |play, method| {
            let mut client = play.connect()?;
            client.send(format!("{method} /echo HTTP/1.1\r\nHost: a\r\n\r\n{SMUGGLED}"))?;
            let answer = client.answered_somehow(200)?.content_if(200, "")?;
            if client.is_last(&answer)? {
                return Ok(());
            }
            client.answered(200)?.content("ok").map(drop)
        })
    }

    /// The seed's own example: a message in chunks that comes in eight pieces, one second after the other.
    must chunks_in_eight_pieces_are_one_content ["A0-9", "R-038"] needs [Streaming] |play| {
        let mut client = play.connect()?;
        client.send(chunked(""))?;
        for piece in ["4\r\n", "Wiki\r\n", "5\r\n", "pedia\r\n", "E\r\n", " in\r\n\r\nchunks.\r\n", "0\r\n", "\r\n"] {
            play.pause(Duration::from_secs(1));
            client.send(piece)?;
        }
        client.answer()?.status(200)?.content("Wikipedia in\r\n\r\nchunks.")?.ok()
    }
    /// Either case, and zeros in front, as many as there are.
    must chunk_sizes_are_hexadecimal_numbers ["R-038"] needs [KeepAlive] |play| {
        let chunks = [
            "a\r\n0123456789\r\n0\r\n\r\n",
            "A\r\n0123456789\r\n0\r\n\r\n",
            "0a\r\n0123456789\r\n000\r\n\r\n",
            "0000000000000000000000A\r\n0123456789\r\n00000000000000000000\r\n\r\n",
            "1\r\n0\r\n9\r\n123456789\r\n0\r\n\r\n",
        ];
        play.each(chunks, |play, chunks| accepted(play, &chunked(chunks), "0123456789"))
    }
    /// A size that one reader finds and another does not is how requests are smuggled.
    /// RFC 9112, 2.2: what does not match the grammar should get 400 and a close.
    should chunk_size_that_is_no_hexadecimal_number_is_refused ["R-038"] needs [StrictParsing] |play| {
        let sizes = [
            "", "g", "-5", "+5", "0x5", "5h", "5_0", "5,5", "5.", "\"5\"", "5 5", " 5", "5 ", "5\t", "\x0b5", "5\0",
        ];
        play.each(sizes, |play, size| content_refused(play, &chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n"))))?;
        // Read as nothing, each of these would be the last chunk.
        play.each(["", ";a", "-0", "+0", "0x0", "0 ", "5\r\nhello\r\n"], |play, size| {
            content_refused(play, &chunked(&format!("{size}\r\n\r\n")))
        })
    }
    /// A size that wraps around would be a small one, and the rest of the content the next request.
    must chunk_size_does_not_overflow ["R-038"] needs [StrictParsing] |play| {
        // Each would be 5 in too few bits.
        let sizes = ["10000000000000005", "100000000000000000000000000000005"];
        play.each(sizes, |play, size| {
            let message = chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n{SMUGGLED}"));
            play.connect()?.send(message)?.not_overflown(&[400], "hello")
        })?;
        // These are numbers: what follows is content, and not all of it.
        play.each(["100000005", "8000000000000005", "ffffffffffffffff"], |play, size| {
            let mut client = play.connect()?;
            client.send(chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n{SMUGGLED}")))?;
            client.half_close()?.not_overflown(&[400, 413], "hello")
        })
    }
    /// What stands where a chunk must end is an error, not something to look for the next chunk in.
    /// RFC 9112, 2.2: it should get 400 and a close.
    should chunk_data_ends_with_crlf ["R-039"] needs [StrictParsing] |play| {
        let chunks = [
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello!\r\n0\r\n\r\n",
            "5\r\nhell\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhello\r0\r\n\r\n",
            "5\r\nhello\r\r\n0\r\n\r\n",
            "5\r\nhello\n\r0\r\n\r\n",
            "5\r\nhello \r\n0\r\n\r\n",
        ];
        play.each(chunks, |play, chunks| content_refused(play, &chunked(chunks)))
    }
    /// No line of a message ends in LF alone, those between its chunks included.
    house bare_lf_in_chunk_lines_is_refused ["R-003"] needs [StrictParsing] |play| {
        let chunks = [
            "5\nhello\r\n0\r\n\r\n",
            "5;a\nhello\r\n0\r\n\r\n",
            "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello\r\n0\n\r\n",
            "5\r\nhello\r\n0\r\n\n",
            "5\r\nhello\r\n0\r\nx-sum: 7\n\r\n",
        ];
        play.each(chunks, |play, chunks| content_refused(play, &chunked(chunks)))
    }
    /// A CR that does not end a line is nowhere part of one.
    house bare_cr_in_chunk_lines_is_refused ["R-004"] needs [StrictParsing] |play| {
        let chunks = [
            "5\rhello\r\n0\r\n\r\n",
            "5\r\r\nhello\r\n0\r\n\r\n",
            "5;a\rb\r\nhello\r\n0\r\n\r\n",
            "5;a=\"\r\"\r\nhello\r\n0\r\n\r\n",
            "5\r\nhello\r\n0\r\r\n\r\n",
            "5\r\nhello\r\n0\r\nx-sum: \r7\r\n\r\n",
        ];
        play.each(chunks, |play, chunks| content_refused(play, &chunked(chunks)))
    }
    /// An extension that nobody knows means nothing. What looks like framing inside of a quoted string is none.
    must chunk_extensions_are_ignored ["R-040"] needs [KeepAlive] |play| {
        let extensions = [
            ";a", ";a=b", ";a=b;c=d", " ; a = b", "\t;\ta\t=\tb", ";a=\"\"", ";a=\"b c;d\"", ";a=\"5, 0\"",
            ";a=\"\\\"\"", ";a=\"\\\\\";b", ";a=\"\u{e9}\"",
        ];
        play.each(extensions, |play, extension| {
            let chunks = format!("5{extension}\r\nhello\r\n0{extension}\r\n\r\n");
            accepted(play, &chunked(&chunks), "hello")
        })
    }
    /// What an extension says does not matter, but where it ends does.
    house malformed_chunk_extensions_are_refused ["R-040"] needs [StrictParsing] |play| {
        let extensions = [
            ";", ";;a", "; ", ";=b", ";a=", ";a b", ";a=b c", ";a=\"b", ";a=\"b\\\"", ";a=\"b\"c", ";a=\"\0\"", ";a(b)",
            " a", "=a",
        ];
        play.each(extensions, |play, extension| {
            content_refused(play, &chunked(&format!("5{extension}\r\nhello\r\n0\r\n\r\n")))
        })
    }
    /// A handler that takes content as it comes learns that it is broken, and its error has a status.
    must streamed_content_that_is_malformed_is_an_error ["R-039", "T-23"] needs [StrictParsing, Streaming]
        app telling_streamed_trailers |play| {
        let bad = [
            "5\r\nhello!\r\n0\r\n\r\n",
            "5\r\nhello\r\nx\r\n\r\n",
            "5\r\nhello\r\n0\r\nno field\r\n\r\n",
        ];
        each(bad, |chunks| refused(play, &chunked(chunks), 400))?;
        play.wait_for_times("handler: protocol", bad.len())?;
        let mut client = play.connect()?;
        client.send(chunked("5\r\nhello\r\n0\r\n\r\n"))?.answered(200)?.content("hello;")?.ok()
    }

    /// The same for trailers that frame or route, which the RFC would have ignored.
    house streamed_content_whose_trailers_frame_is_an_error ["R-042", "T-23"] needs [StrictParsing, Streaming]
        app telling_streamed_trailers |play| {
        each(FRAMING, |name| refused(play, &chunked(&format!("5\r\nhello\r\n0\r\n{name}: 5\r\n\r\n")), 400))?;
        play.wait_for_times("handler: protocol", FRAMING.len())
    }
    /// Content that nobody reads is read past. Where its end cannot be found, nothing is looked for behind it.
    must malformed_content_that_nobody_reads_is_the_last_message ["R-039", "R-097"] needs [StrictParsing, Streaming]
        app answering_unread |play| {
        let bad = ["5\r\nhello!\r\n0\r\n\r\n", "x\r\n\r\n", "0\r\nno field\r\n\r\n"];
        each(bad, |chunks| {
            let mut client = play.connect()?;
            client.send(format!("{}{SMUGGLED}", chunked(chunks)))?.answer()?.status(200)?.content("not read")?;
            client.gone()
        })?;
        let mut client = play.connect()?;
        client.send(format!("{}{SMUGGLED}", chunked("5\r\nhello\r\n0\r\n\r\n")))?;
        client.answer()?.status(200)?.content("not read")?;
        client.answer()?.status(200)?.content("not read")?.ok()
    }
    /// What was asked before it is answered before it.
    must refusal_comes_after_the_answers_before_it ["R-033", "R-035", "R-039", "R-093"]
        needs [StrictParsing, KeepAlive] |play| {
        let bad = [post("Transfer-Encoding: gzip", ""), post("Content-Length: x", ""), chunked("x\r\n")];
        play.each(bad, |play, bad| {
            let mut client = play.connect()?;
            client.send(format!("{}{SMUGGLED}{bad}{SMUGGLED}", chunked("5\r\nhello\r\n0\r\n\r\n")))?;
            client.answered(200)?.content("hello")?;
            client.answered(200)?.content("ok")?;
            client.content_not_taken(400)
        })
    }

    /// Trailers reach the handler apart from the fields, and in their order.
    must trailers_are_handed_to_the_handler ["R-041"] needs [Trailers, KeepAlive] app telling_trailers |play| {
        let mut client = play.connect()?;
        client.send(chunked("5\r\nhello\r\n0\r\nX-Sum: \t7 \r\nx-lines: one\r\nX-Lines: two\r\n\r\n"))?;
        client.answered(200)?.content("hello; x-sum=7 x-lines=one x-lines=two")?;
        client.send(chunked("0\r\nx-sum: 0\r\n\r\n"))?.answered(200)?.content("; x-sum=0")?;
        // The ones of that message are not those of this one.
        client.send(chunked("5\r\nhello\r\n0\r\n\r\n"))?.answered(200)?.content("hello;")?.ok()
    }
    /// To a handler that takes content as it comes they are its last frame.
    must streamed_content_ends_with_its_trailers ["R-041", "T-22"] needs [Trailers, Streaming, KeepAlive]
        app telling_streamed_trailers |play| {
        let mut client = play.connect()?;
        client.send(chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 7\r\n\r\n"))?;
        client.answered(200)?.content("hello; x-sum=7")?;
        client.send(chunked("0\r\nx-sum: 0\r\n\r\n"))?.answered(200)?.content("; x-sum=0")?.ok()
    }
    /// What routes, authenticates or describes content comes before it, or not at all.
    must forbidden_trailers_have_no_effect ["R-042"] needs [Trailers, KeepAlive] app telling_trailers |play| {
        let mut client = play.connect()?;
        each(FORBIDDEN, |name| {
            client.send(chunked(&format!("5\r\nhello\r\n0\r\n{name}: close\r\nx-sum: 7\r\n\r\n")))?;
            client.answered(200)?.content("hello; x-sum=7")?.ok()
        })
    }
    /// A trailer that frames or routes has no effect on honest readers, so it is meant for another kind.
    house trailers_that_frame_or_route_are_refused ["R-042"] needs [StrictParsing] |play| {
        play.each(FRAMING, |play, name| content_refused(play, &chunked(&format!("5\r\nhello\r\n0\r\n{name}: 5\r\n\r\n"))))
    }
    /// Trailers are fields, and read as strictly. RFC 9112, 2.2: what is no field line should get 400 and a close.
    should malformed_trailers_are_refused ["R-017", "R-041"] needs [StrictParsing] |play| {
        let lines = ["x-sum", "x-sum : 7", ": 7", "x sum: 7"];
        play.each(lines, |play, line| content_refused(play, &chunked(&format!("5\r\nhello\r\n0\r\n{line}\r\n\r\n"))))
    }
    /// What the RFC lets a recipient replace by spaces, in trailers as in fields.
    house folded_trailers_and_control_bytes_in_them_are_refused ["R-018", "R-041", "R-052"]
        needs [StrictParsing] |play| {
        let lines = [" x-sum: 7", "x-sum: \0", "x-a: b\r\n c"];
        play.each(lines, |play, line| content_refused(play, &chunked(&format!("5\r\nhello\r\n0\r\n{line}\r\n\r\n"))))
    }

    /// Content whose length is not known comes in chunks. HTTP/1.0 has none: there its end is the close.
    must content_of_unknown_length_is_framed_for_its_client ["R-037", "R-043", "R-092", "T-30"]
        needs [KeepAlive, Streaming] app own_framing_fields |play| {
        let mut client = play.connect()?;
        let answer = client.get("/pieces")?.answered(200)?;
        want_eq!(answer.chunks, Some(vec![3, 4]));
        answer.has("transfer-encoding", "chunked")?.has_no("content-length")?.content("content")?;
        client.alive()?;
        each(["", "Connection: keep-alive\r\n"], |fields| {
            let mut client = play.connect()?;
            client.send(format!("GET /pieces HTTP/1.0\r\n{fields}\r\n"))?;
            let answer = client.answer()?.status(200)?.says_close()?.content("content")?;
            want!(answer.until_close, "the content ended before the connection did");
            client.closed()
        })?;
        // Where the length is known, HTTP/1.0 can stay.
        let mut client = play.connect()?;
        client.send("GET /full HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")?;
        client.answered(200)?.has("content-length", "7")?.content("content")?;
        client.alive()
    }
    /// The client was to hear of the close with the answer. What it has sent before must not take the answer
    /// away from it.
    must close_delimited_answer_reaches_a_client_that_sends_on ["R-037", "R-094"] needs [Streaming]
        app own_framing_fields |play| {
        let mut client = play.connect()?;
        client.send("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /ok HTTP/1.0\r\n\r\n")?;
        client.answer()?.status(200)?.says_close()?.content("content")?;
        client.closed()
    }
    /// Whatever the handler gives with them, answers of these statuses end with their head, and 204 has no
    /// framing fields at all. Content there would be taken for the next answer.
    must content_that_a_status_forbids_is_not_sent ["R-043", "R-044", "R-045", "R-071", "T-27"]
        needs [KeepAlive] app content_with_any_status |play| {
        let mut client = play.connect()?;
        for (times, path) in (1..).zip(["/204", "/204?stream", "/304", "/304?stream", "/205", "/205?stream"]) {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Length: 7\r\n\r\n"))?;
            let status = path[1..4].parse().map_err(Failure::new)?;
            let answer = client.answered(status)?.content("")?.has_no("transfer-encoding")?;
            if status == 205 {
                answer.has("content-length", "0")?;
            }
            client.alive()?;
            play.wait_for_times(CORRECTED, times)?;
        }
        // Nothing is said where nothing was given.
        client.get("/204?none")?.answered(204)?;
        client.get("/205?none")?.answered(205)?;
        client.alive()?;
        want_eq!(play.stage().notes().len(), 6);
        Ok(())
    }
    /// A length where none may be is not sent, and whoever gave it learns that.
    must length_that_a_status_forbids_is_not_sent ["R-044", "T-27"] needs [KeepAlive]
        app content_with_any_status |play| {
        let mut client = play.connect()?;
        let send = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Length: 7\r\n\r\n");
        client.send(send("/204?none"))?.answered(204)?;
        play.wait_for_times(CORRECTED, 1)?;
        client.send(send("/205?none"))?.answered(205)?.has("content-length", "0")?;
        play.wait_for_times(CORRECTED, 2)?;
        client.alive()
    }
    /// A 304 says how long the content is that it does not have, if the handler knows.
    must not_modified_says_the_length_of_what_it_stands_for ["R-044", "R-045"] needs [KeepAlive]
        app content_with_any_status |play| {
        let mut client = play.connect()?;
        client.send("GET /304?none HTTP/1.1\r\nHost: a\r\nX-Length: 7\r\n\r\n")?;
        client.answered(304)?.has("content-length", "7")?.content("")?;
        client.get("/304?none")?.answered(304)?.has_no("content-length")?.content("")?;
        client.alive()?;
        play.noted(&[])
    }
    /// A HEAD says how long the content of a GET would be, and has none, however the handler made it.
    must answer_to_head_has_the_length_and_no_content ["R-044", "R-045", "R-063"] needs [KeepAlive]
        app content_with_any_status |play| {
        let mut client = play.connect()?;
        let mut head = |path: &str, length: &str| {
            let message = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nX-Length: {length}\r\n\r\n");
            client.send(message)?.to_head().answered(200)
        };
        head("/200", "7")?.has("content-length", "7")?;
        head("/200?stream", "7")?.has("content-length", "7")?;
        head("/200?none", "7")?.has("content-length", "7")?;
        client.send("HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.to_head().answered(200)?.has("content-length", "7")?;
        client.send("HEAD /200?stream HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.to_head().answered(200)?.has_no("content-length")?;
        // What a GET would send is not known of an answer that was given none.
        client.send("HEAD /200?none HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.to_head().answered(200)?.has_no("content-length")?;
        client.send("HEAD /404 HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.to_head().answered(404)?.has("content-length", "7")?;
        client.alive()?;
        play.noted(&[])
    }
    /// A HEAD that is refused is a HEAD all the same.
    must refusal_of_head_has_no_content ["R-045", "R-063"] needs [StrictParsing] |play| {
        let fields = ["Content-Length: x", "Transfer-Encoding: gzip", "A : b"];
        play.each(fields, |play, fields| refused_head(play, &format!("HEAD /ok HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")))
    }
    /// The same where it is the project's choice to refuse it.
    house refusal_of_head_by_choice_has_no_content ["R-045", "R-063"] needs [StrictParsing] |play| {
        let messages = [
            "HEAD /ok HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
            "HEAD /ok HTTP/2.0\r\nHost: a\r\n\r\n",
            "HEAD /ok HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
            "HEAD /ok HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        ];
        play.each(messages, |play, message| refused_head(play, message))
    }
    /// A wrong length would make the client take the end of the content for the next answer, or wait for ever.
    must wrong_content_length_of_a_handler_is_corrected ["R-046", "T-27"] needs [KeepAlive]
        app own_framing_fields |play| {
        let mut client = play.connect()?;
        for right in ["/full?length=7", "/full?length=7&length=7"] {
            client.get(right)?.answered(200)?.has("content-length", "7")?.content("content")?;
        }
        client.get("/none?length=0")?.answered(200)?.has("content-length", "0")?.content("")?;
        client.alive()?;
        play.noted(&[])?;
        let wrong = [
            "length=6", "length=8", "length=0", "length=99999999999999999999", "length=seven", "length=-7",
            "length=7,7", "length=+7", "length=", "length=7&length=8",
        ];
        for (times, query) in (1..).zip(wrong) {
            each([query], |query| {
                client.get(&format!("/full?{query}"))?;
                client.answered(200)?.has("content-length", "7")?.content("content")?;
                client.alive()?;
                play.wait_for_times(CORRECTED, times)
            })?;
        }
        // Of nothing there is no length but 0: a client would wait for ever.
        client.get("/none?length=7")?.answered(200)?.has("content-length", "0")?.content("")?;
        client.alive()?;
        play.wait_for_times(CORRECTED, wrong.len() + 1)
    }
    /// RFC 9110, 7.8: who sends `Upgrade` names it as an option of the connection, so that no proxy passes it on.
    must upgrade_that_an_answer_offers_is_an_option_of_its_connection ["R-110", "R-092", "T-27"] needs [KeepAlive]
        app saying_more |play| {
        let mut client = play.connect()?;
        client.get("/426")?.answered(426)?.has("upgrade", "toy")?.has("connection", "upgrade")?;
        // Nothing else is said of a connection that stays as it is.
        client.get("/ok")?.answered(200)?.has_no("connection")?.has_no("keep-alive")?;
        client.get("/426?close")?.answer()?.status(426)?.has("connection", "close, upgrade")?;
        client.closed()?;
        play.noted(&[])
    }
    /// A field that announces trailers stands where there may be some: in chunks.
    must trailers_are_announced_only_where_they_can_come ["R-047", "T-27"] needs [KeepAlive, Streaming]
        app saying_more |play| {
        let mut client = play.connect()?;
        let reads = "Host: a\r\nTE: trailers\r\nConnection: TE\r\n";
        client.send(format!("GET /announced HTTP/1.1\r\n{reads}\r\n"))?;
        let answer = client.answered(200)?.has("trailer", "x-sum")?.content("content")?;
        want_eq!(answer.trailers, [("x-sum".to_owned(), "7".to_owned())]);
        client.send(format!("GET /none HTTP/1.1\r\n{reads}\r\n"))?;
        client.answered(200)?.has_no("trailer")?.has("content-length", "7")?.content("content")?.ok()
    }
    /// A length that the handler knows better than the server is believed.
    must length_of_a_stream_is_what_its_handler_says ["R-046", "T-30"] needs [KeepAlive, Streaming]
        app own_framing_fields |play| {
        let mut client = play.connect()?;
        client.get("/pieces?length=7")?;
        client.answered(200)?.has("content-length", "7")?.has_no("transfer-encoding")?.content("content")?;
        client.alive()?;
        play.noted(&[])?;
        // One that is no number cannot be, nor one of several.
        for (times, query) in (1..).zip(["length=seven", "length=7&length=8", "length=8&length=7"]) {
            client.get(&format!("/pieces?{query}"))?;
            client.answered(200)?.has("transfer-encoding", "chunked")?.content("content")?;
            play.wait_for_times(CORRECTED, times)?;
        }
        Ok(())
    }
    /// Content that ends before its promised length cannot be completed: the client must see that.
    must stream_shorter_than_its_length_is_cut ["R-046", "T-27", "T-41"] needs [Streaming]
        app own_framing_fields |play| {
        let mut client = play.connect()?;
        client.get("/pieces?length=8")?.cut()?;
        play.wait_for(CORRECTED)
    }
    /// Of content that goes on beyond its promised length, the client gets what was promised.
    must stream_longer_than_its_length_is_cut_off_there ["R-046", "T-27"] needs [KeepAlive, Streaming]
        app own_framing_fields |play| {
        let lengths = [(6, "conten"), (3, "con"), (2, "co"), (0, "")];
        for (times, (length, content)) in (1..).zip(lengths) {
            each([format!("{length}")], |length| {
                let mut client = play.connect()?;
                client.get(&format!("/pieces?length={length}"))?;
                client.answered(200)?.has("content-length", length)?.content(content)?;
                client.alive()?;
                play.wait_for_times(CORRECTED, times)
            })?;
        }
        Ok(())
    }
    /// The transfer coding is the server's. One that it did not apply would make the content unreadable.
    must own_transfer_encoding_of_a_handler_is_not_sent ["R-043", "R-046", "T-27"] needs [KeepAlive, Streaming]
        app own_framing_fields |play| {
        let mut client = play.connect()?;
        for (times, coding) in (1..).zip(["chunked", "gzip", "gzip,chunked"]) {
            client.get(&format!("/full?coding={coding}"))?;
            client.answered(200)?.has_no("transfer-encoding")?.has("content-length", "7")?.content("content")?;
            client.get(&format!("/pieces?coding={coding}"))?;
            client.answered(200)?.has("transfer-encoding", "chunked")?.content("content")?;
            client.get(&format!("/full?coding={coding}&length=7"))?;
            client.answered(200)?.has_no("transfer-encoding")?.has("content-length", "7")?.content("content")?;
            play.wait_for_times(CORRECTED, 3 * times)?;
        }
        let mut client = play.connect()?;
        client.send("GET /pieces?coding=chunked HTTP/1.0\r\n\r\n")?;
        client.answer()?.status(200)?.has_no("transfer-encoding")?.content("content")?;
        client.closed()
    }

    /// Trailers are for who reads them. To anybody else they are lost, and the content is not.
    must trailers_are_sent_only_to_who_asks_for_them ["R-047", "T-30"] needs [KeepAlive, Trailers, Streaming]
        app with_trailers |play| {
        let mut client = play.connect()?;
        each(["/full", "/pieces", "/none"], |path| {
            let content = if path == "/none" { "" } else { "content" };
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n"))?;
            let answer = client.answered(200)?.has("transfer-encoding", "chunked")?.content(content)?;
            want_eq!(answer.trailers, vec![("x-sum".to_owned(), "7".to_owned())]);
            let answer = client.get(path)?.answered(200)?.content(content)?;
            want!(answer.trailers.is_empty(), "there are trailers: {:?}", answer.trailers);
            Ok(())
        })?;
        // Without them the length can be told.
        client.get("/full")?.answered(200)?.has("content-length", "7")?;
        client.send("HEAD /full HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")?;
        client.to_head().answered(200)?;
        client.alive()?;
        let mut client = play.connect()?;
        client.send("GET /pieces HTTP/1.0\r\nTE: trailers\r\nConnection: TE\r\n\r\n")?;
        client.answer()?.status(200)?.has_no("transfer-encoding")?.content("content")?;
        client.closed()
    }
    /// `TE` is for the next hop alone. One that is not named in `Connection` was passed on by somebody who
    /// does not know it, and may not know trailers either.
    house te_without_its_connection_option_asks_for_nothing ["R-047"] needs [KeepAlive, Trailers]
        app with_trailers |play| {
        let mut client = play.connect()?;
        let others = [
            "TE: trailers", "TE: trailers\r\nConnection: xy", "TE: deflate\r\nConnection: te", "Xy: trailers\r\nConnection: te",
        ];
        each(others, |fields| {
            client.send(format!("GET /full HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"))?;
            client.answered(200)?.has("content-length", "7")?.content("content")?.ok()
        })?;
        client.send("GET /full HTTP/1.1\r\nHost: a\r\nte: deflate;q=0.5, Trailers\r\nconnection: x, te\r\n\r\n")?;
        let answer = client.answered(200)?.content("content")?;
        want_eq!(answer.trailers.len(), 1);
        Ok(())
    }
    /// A handler cannot put into trailers what has no place there, and is told so.
    must forbidden_trailers_are_not_sent ["R-042", "R-047", "T-27"] needs [Trailers] app with_trailers |play| {
        for (times, path) in (1..).zip(["/full", "/pieces", "/none"]) {
            let mut client = play.connect()?;
            client.send(format!(
                "GET {path}?forbidden HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n"
            ))?;
            let answer = client.answer()?.status(200)?;
            want_eq!(answer.trailers, vec![("x-sum".to_owned(), "7".to_owned())]);
            play.wait_for_times(CORRECTED, times)?;
        }
        // Nothing is said where nothing is wrong.
        let mut client = play.connect()?;
        client.send("GET /full HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n")?;
        client.answer()?.status(200)?;
        client.closed()?;
        want_eq!(play.stage().count(CORRECTED), 3);
        Ok(())
    }
}
