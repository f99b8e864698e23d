//! Limits: of heads, content, chunks and trailers, of requests and connections; and what every answer has by
//! configuration.

use std::sync::Arc;
use std::time::Duration;

use http_server_trait::{
    App, AtCapacity, BodyErrorKind, CloseReason, Completed, Head, Request, Response, streamed,
};

use super::messages::{each, each_accepted, get_with, post_chunks};
use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{Client, Play, want, want_eq};

/// Each of these is over a limit: it is refused with this status, and the ledger knows it, too.
fn each_over<M: AsRef<[u8]>>(
    play: &mut Play,
    messages: &[M],
    status: u16,
    reason: CloseReason,
) -> Verdict {
    let before = play.counters()?.closed(reason);
    each(play, messages, |client| {
        client.answer()?.status(status)?.says_close()?;
        client.closed()
    })?;
    closed_for(play, reason, before + messages.len() as u64)
}

/// The ledger comes to this many connections that were closed for this reason.
fn closed_for(play: &mut Play, reason: CloseReason, times: u64) -> Verdict {
    play.wait_until(&format!("{times} times {reason}"), |counters| {
        counters.closed(reason) == times
    })
}

/// A GET whose request line has so many bytes.
fn line_of(size: usize) -> String {
    let padding = "q".repeat(size - "GET /ok? HTTP/1.1".len());
    format!("GET /ok?{padding} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// A GET whose head has so many bytes, line ends and all.
fn head_of(size: usize) -> Vec<u8> {
    let around = get_with("x: \r\n").len();
    get_with(format!("x: {}\r\n", "v".repeat(size - around)))
}

/// A GET with so many fields.
fn fields(count: usize) -> Vec<u8> {
    get_with("x:\r\n".repeat(count - 1))
}

/// A request whose method has so many bytes.
fn method_of(size: usize) -> String {
    format!("{} /ok HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(size))
}

/// A POST with so many bytes of content, of known length.
fn declared(path: &str, size: usize) -> String {
    let content = "c".repeat(size);
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n{content}")
}

/// A POST with so many bytes of content, in chunks of at most seven.
fn in_chunks(path: &str, size: usize) -> String {
    let content = vec![b'c'; size];
    let chunk = |piece: &[u8]| format!("{:x}\r\n{}\r\n", piece.len(), "c".repeat(piece.len()));
    let chunks: String = content.chunks(7).map(chunk).collect();
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    )
}

/// A POST that waits for a 100 before it sends so many bytes of content.
fn waiting_with(size: u64) -> String {
    format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
    )
}

/// A POST whose first chunk line has so many bytes.
fn chunk_line_of(size: usize) -> Vec<u8> {
    let extension = "e".repeat(size - "2;".len());
    post_chunks(format!("2;{extension}\r\nhi\r\n0\r\n\r\n"))
}

/// A POST whose chunk extensions have so many bytes: ten in each of two chunks, the others in the last.
fn extensions_of(size: usize) -> Vec<u8> {
    let chunks = "2;eeeeeeeee\r\nhi\r\n".repeat(2);
    let last = "e".repeat(size - 21);
    post_chunks(format!("{chunks}0;{last}\r\n\r\n"))
}

/// A POST whose trailers have so many bytes, line ends and all, in two lines.
fn trailers_of(size: usize) -> Vec<u8> {
    let around = "a: b\r\nx: \r\n".len();
    let value = "v".repeat(size - around);
    post_chunks(format!("2\r\nhi\r\n0\r\na: b\r\nx: {value}\r\n\r\n"))
}

/// A POST with so many trailers.
fn trailers(count: usize) -> Vec<u8> {
    let trailers = "x: y\r\n".repeat(count);
    post_chunks(format!("2\r\nhi\r\n0\r\n{trailers}\r\n"))
}

const BODY_LIMIT: usize = 20;

/// Content of at most 20 bytes; notes that the handler was called, and answers how much there was.
fn limited(app: &mut App, stage: &Stage) {
    app.config_mut().body = Some(BODY_LIMIT as u64);
    let noted = stage.clone();
    app.handler(move |mut request: Request| {
        noted.note("handler");
        async move {
            request
                .bytes()
                .await
                .map(|content| content.len().to_string())
        }
    });
    app.on_error(|_| async {});
}

/// As `limited`, but middleware sets other limits for some paths.
fn limited_by_path(app: &mut App, stage: &Stage) {
    app.middleware(|mut head: Head| async move {
        match head.path() {
            "/less" => head.set_body_limit(Some(5)),
            "/more" => head.set_body_limit(Some(30)),
            "/nothing" => head.set_body_limit(Some(0)),
            "/all" => head.set_body_limit(None),
            _ => {}
        }
        head
    });
    limited(app, stage);
}

/// As `limited`, with a handler that takes the content as it comes and notes what it gets.
fn limited_stream(app: &mut App, stage: &Stage) {
    app.config_mut().body = Some(BODY_LIMIT as u64);
    let noted = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let noted = noted.clone();
        async move {
            noted.note("handler");
            let mut length = 0;
            while let Some(piece) = request.body_mut().next().await {
                match piece {
                    Ok(piece) => length += piece.len(),
                    Err(error) => {
                        match error.kind() {
                            BodyErrorKind::TooLarge => noted.note("too large"),
                            BodyErrorKind::TrailersTooLarge => noted.note("trailers too large"),
                            _ => {}
                        }
                        return Err(error);
                    }
                }
                if length > BODY_LIMIT {
                    noted.note("more than the limit");
                }
            }
            Ok(length.to_string())
        }
    }));
    app.on_error(|_| async {});
}

/// Trailers of at most 40 bytes and 3 lines, and a handler that takes content as it comes.
fn limited_trailers(app: &mut App, stage: &Stage) {
    limited_stream(app, stage);
    app.config_mut().trailers = 40;
    app.config_mut().trailer_fields = 3;
}

/// Content of this length is accepted however it is framed, and the handler gets all of it.
fn fits(play: &mut Play, path: &str, size: usize) -> Verdict {
    each(
        play,
        &[declared(path, size), in_chunks(path, size)],
        |client| {
            client.answered(200)?.content(size.to_string())?;
            client
                .send(declared(path, 0))?
                .answered(200)?
                .content("0")?
                .ok()
        },
    )
}

/// Content of this length is refused however it is framed, and no handler hears of it.
fn fits_not(play: &mut Play, path: &str, size: usize) -> Verdict {
    let before = play.stage().count("handler");
    let messages = [declared(path, size), in_chunks(path, size)];
    each_over(play, &messages, 413, CloseReason::BodyTooLarge)?;
    want_eq!(play.stage().count("handler"), before);
    Ok(())
}

/// A client that has been let in, and is connected now.
fn let_in(play: &mut Play) -> Result<Client, Failure> {
    let mut client = play.connect()?;
    client.alive()?;
    Ok(client)
}

/// A client that is told that there is no room, unasked.
fn turned_away(play: &mut Play) -> Result<Client, Failure> {
    let mut client = play.connect()?;
    client
        .answer()?
        .status(503)?
        .says_close()?
        .has("retry-after", "1")?;
    client.closed()?;
    Ok(client)
}

/// A client that is let in, although the connection that has just left may be counted out a moment later
/// than it is closed.
fn let_in_soon(play: &mut Play) -> Result<Client, Failure> {
    for _ in 0..100 {
        let mut client = play.connect()?;
        match client.get("/ok")?.answer()?.status {
            200 => return Ok(client),
            503 => {}
            status => return Err(Failure::new(format!("the status is {status}"))),
        }
    }
    Err("there is room, and nobody is let in".into())
}

const OWN_DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// Adds neither Date nor Server; `/own` has its own.
/// Lets one request be under way at a time; `/wait` waits at a gate.
fn one_at_a_time(app: &mut App, stage: &Stage) {
    app.config_mut().in_flight = Some(1);
    let after = stage.clone();
    app.after(move |done: Arc<Completed>| {
        after.note(format!("after {}", done.request.path()));
        async {}
    });
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            stage.note(format!("handler {}", request.path()));
            if request.path() == "/wait" {
                stage.note("waits");
                stage.gate("go on").await;
            }
            request.path().to_owned()
        }
    });
}

fn without_common_fields(app: &mut App, _: &Stage) {
    app.config_mut().date = false;
    app.config_mut().server = None;
    app.handler(|request: Request| async move {
        let response = Response::text("ok");
        match request.path() {
            "/own" => response
                .with_field("date", OWN_DATE)
                .with_field("server", "its own"),
            _ => response,
        }
    });
}

cases! {
    /// One under, at and over the limit of a request line. What is over it is not waited for.
    must request_line_over_the_limit_gets_414 ["R-010", "R-056", "A1-10", "A2-9"] needs [KeepAlive, Limits]
        config |config| { config.request_line = 40 } |play| {
        each_accepted(play, &[line_of(39), line_of(40), format!("\r\n{}", line_of(40))])?;
        let unfinished = format!("GET /ok?{}", "q".repeat(100));
        each_over(play, &[line_of(41), line_of(42), line_of(400), unfinished], 414, CloseReason::HeadTooLarge)
    }
    /// One under, at and over the limit of a head, whose line ends count. What is over it is not waited for.
    /// RFC 9110, 5.4: it must get a 4xx; RFC 6585, 5: and this one says why.
    should head_over_the_limit_gets_431 ["R-056", "A1-10"] needs [KeepAlive, Limits]
        config |config| { config.head = 120 } |play| {
        each_accepted(play, &[head_of(119), head_of(120)])?;
        let unfinished = format!("GET /ok HTTP/1.1\r\nHost: a\r\nx: {}", "v".repeat(200));
        let many = get_with("x: y\r\n".repeat(30));
        let messages = [head_of(121), head_of(122), head_of(400), many, unfinished.into_bytes()];
        each_over(play, &messages, 431, CloseReason::HeadTooLarge)
    }
    /// A text for whoever looks at the answer: which limit it was.
    house refusal_says_which_limit_it_was ["R-056"] needs [Limits]
        config |config| {
            config.request_line = 40;
            config.head = 120;
            config.fields = 4;
            config.body = Some(5);
        } |play| {
        let messages = [line_of(41).into_bytes(), head_of(121), fields(5), declared("/echo", 6).into_bytes()];
        let mut texts = Vec::new();
        for message in messages {
            let answer = play.connect()?.send(message)?.answer()?;
            want!(answer.status >= 400 && !answer.content.is_empty(), "it says {answer}");
            texts.push(answer.text());
        }
        texts.sort();
        texts.dedup();
        want_eq!(texts.len(), 4);
        Ok(())
    }
    /// The limit is one of lines as well: many small ones cost more than their bytes.
    should more_fields_than_allowed_get_431 ["R-056", "A1-10", "A2-9"] needs [KeepAlive, Limits]
        config |config| { config.fields = 5 } |play| {
        each_accepted(play, &[fields(1), fields(4), fields(5)])?;
        each_over(play, &[fields(6), fields(7), fields(50)], 431, CloseReason::HeadTooLarge)
    }
    /// One under, at and over the limit of a method.
    should method_over_the_limit_gets_501 ["R-010"] needs [KeepAlive, Limits]
        config |config| { config.method = 10 } |play| {
        each_accepted(play, &[method_of(9), method_of(10)])?;
        each_over(play, &[method_of(11), method_of(12), method_of(60)], 501, CloseReason::ProtocolError)
    }
    /// Also of the methods that everybody knows.
    should known_method_over_the_limit_gets_501 ["R-010"] needs [KeepAlive, Limits]
        config |config| { config.method = 4 } |play| {
        let line = |method: &str| format!("{method} /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        each_accepted(play, &["GET", "PUT", "POST"].map(line))?;
        let long = ["PATCH", "DELETE", "OPTIONS"].map(line);
        each_over(play, &long, 501, CloseReason::ProtocolError)
    }
    /// What a server is without a word of configuration: 8 KiB, 16 KiB, 100 lines, 32 bytes, 256 bytes.
    house limits_of_heads_are_the_documented_ones ["R-056", "A2-9"] needs [KeepAlive, Limits]
        config |_config| {} |play| {
        each_accepted(play, &[line_of(8 << 10), method_of(32)])?;
        each_accepted(play, &[head_of(16 << 10), fields(100), chunk_line_of(256)])?;
        each_over(play, &[line_of((8 << 10) + 1)], 414, CloseReason::HeadTooLarge)?;
        each_over(play, &[head_of((16 << 10) + 1), fields(101)], 431, CloseReason::HeadTooLarge)?;
        each_over(play, &[method_of(33)], 501, CloseReason::ProtocolError)?;
        each_over(play, &[chunk_line_of(257)], 400, CloseReason::ProtocolError)
    }
    /// Limits are those of one message: many that are at them may come together.
    must limits_of_heads_are_those_of_one_message ["R-056", "R-093"] needs [KeepAlive, Limits]
        config |config| { config.request_line = 40; config.head = 120; config.fields = 3 } |play| {
        let message = head_of(120);
        let mut client = play.connect()?;
        client.send(message.repeat(4))?;
        for _ in 0..4 {
            client.answered(200)?.content("ok")?;
        }
        client.send([declared("/echo", 200).into_bytes(), message].concat())?;
        client.answered(200)?.content("c".repeat(200))?;
        client.answered(200)?.content("ok")?;
        client.send(head_of(121))?.refused(431)
    }

    /// Content of exactly the limit is accepted and one byte more is not, whether its length was declared or
    /// comes out chunk by chunk. No handler hears of what is refused.
    must content_over_the_limit_gets_413 ["A2-4", "A4-4", "T-20"] needs [KeepAlive, Limits] app limited |play| {
        for size in [0, 1, BODY_LIMIT - 1, BODY_LIMIT] {
            fits(play, "/", size)?;
        }
        for size in [BODY_LIMIT + 1, BODY_LIMIT + 2, 10 * BODY_LIMIT] {
            fits_not(play, "/", size)?;
        }
        Ok(())
    }
    /// Where the length is declared nobody has to send a byte to be told.
    must declared_content_over_the_limit_is_refused_before_its_first_byte ["A2-4", "A4-4"] needs [Limits]
        app limited |play| {
        let head = |length: u64| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        each_over(play, &[head(21), head(1 << 20), head(1 << 62)], 413, CloseReason::BodyTooLarge)?;
        want_eq!(play.stage().count("handler"), 0);
        Ok(())
    }
    /// A client that sends all it has before it reads can read why it was refused: closing at once would reset
    /// the connection and take the answer away.
    must client_that_goes_on_sending_can_read_its_413 ["R-094", "A2-4"] needs [Limits] app limited |play| {
        each_over(play, &[declared("/", 12_000), in_chunks("/", 12_000)], 413, CloseReason::BodyTooLarge)
    }
    /// What a chunk line announces is held against the limit by what comes of it.
    must chunks_are_counted_as_they_come ["A2-4"] needs [Limits] app limited |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        client.send("14\r\ncccccccccccccccccccc\r\n")?.silent()?;
        // No end of this chunk, and none of the message: it is refused for the one byte.
        client.send("5\r\nc")?.refused(413)?;
        want_eq!(play.stage().count("handler"), 0);
        closed_for(play, CloseReason::BodyTooLarge, 1)
    }
    /// Without a word of configuration the limit is 10 MiB.
    house limit_of_content_is_10_mib ["A4-4"] needs [Interim, Limits] config |_config| {} |play| {
        const LIMIT: u64 = 10 << 20;
        each(play, &[waiting_with(LIMIT)], |client| client.continues()?.half_close()?.refused(400))?;
        each_over(play, &[waiting_with(LIMIT + 1)], 413, CloseReason::BodyTooLarge)
    }
    /// No limit is no limit.
    must content_without_a_limit_is_let_in ["A4-4"] needs [Interim, Limits]
        config |config| { config.body = None } |play| {
        each(play, &[waiting_with(10 << 21), waiting_with(1 << 50)], |client| {
            client.continues()?.half_close()?.refused(400)
        })?;
        each(play, &[in_chunks("/echo", 300)], |client| client.answered(200)?.content("c".repeat(300))?.ok())
    }
    /// A limit of nothing lets messages without content through.
    must no_content_fits_a_limit_of_nothing ["A2-4"] needs [KeepAlive, Limits]
        config |config| { config.body = Some(0) } |play| {
        each_accepted(play, &[get_with(""), declared("/ok", 0).into_bytes(), in_chunks("/ok", 0).into_bytes()])?;
        each_over(play, &[declared("/ok", 1), in_chunks("/ok", 1)], 413, CloseReason::BodyTooLarge)
    }
    /// Middleware sets the limit of one request, below or above that of the server; the next request has its
    /// own again.
    must middleware_sets_the_limit_of_a_request ["T-14", "A4-4"] needs [KeepAlive, Limits] app limited_by_path |play| {
        fits(play, "/", BODY_LIMIT)?;
        fits_not(play, "/", BODY_LIMIT + 1)?;
        fits(play, "/less", 5)?;
        fits_not(play, "/less", 6)?;
        fits(play, "/more", 30)?;
        fits_not(play, "/more", 31)?;
        fits(play, "/nothing", 0)?;
        fits_not(play, "/nothing", 1)?;
        fits(play, "/all", 500)?;
        let mut client = play.connect()?;
        client.send(declared("/more", 30) + &declared("/less", 5) + &declared("/", 6))?;
        for length in ["30", "5", "6"] {
            client.answered(200)?.content(length)?;
        }
        client.send(in_chunks("/more", 21))?.answered(200)?.content("21")?;
        client.send(in_chunks("/", 21))?.refused(413)
    }
    /// A handler that takes content as it comes gets no more than the limit and learns why there is no more;
    /// what it gives back is answered as it should. Where the length was declared it is not even called.
    must streaming_handler_gets_no_more_than_the_limit ["T-22", "T-23", "A2-4"]
        needs [KeepAlive, Limits, Streaming] app limited_stream |play| {
        fits(play, "/", BODY_LIMIT)?;
        let called = play.stage().count("handler");
        each_over(play, &[declared("/", BODY_LIMIT + 1)], 413, CloseReason::BodyTooLarge)?;
        want_eq!(play.stage().count("handler"), called);
        each_over(play, &[in_chunks("/", BODY_LIMIT + 1), in_chunks("/", 200)], 413, CloseReason::BodyTooLarge)?;
        want_eq!(play.stage().count("handler"), called + 2);
        want_eq!(play.stage().count("too large"), 2);
        want_eq!(play.stage().count("more than the limit"), 0);
        Ok(())
    }

    /// One under, at and over the limit of a chunk line. What is over it is not waited for.
    should chunk_line_over_the_limit_is_refused ["R-040"] needs [KeepAlive, Limits]
        config |config| { config.chunk_line = 20 } |play| {
        each_accepted(play, &[chunk_line_of(19), chunk_line_of(20)])?;
        let zeros = post_chunks(format!("{}2\r\nhi\r\n0\r\n\r\n", "0".repeat(20)));
        let unfinished = post_chunks(format!("2;{}", "e".repeat(60)));
        let endless = post_chunks("0".repeat(60));
        let messages = [chunk_line_of(21), chunk_line_of(22), chunk_line_of(200), zeros, unfinished, endless];
        each_over(play, &messages, 400, CloseReason::ProtocolError)
    }
    /// Extensions are limited in one message, not only in one line: else small chunks carry any amount of what
    /// nobody reads. The next message starts anew.
    should chunk_extensions_over_the_limit_are_refused ["R-040"] needs [KeepAlive, Limits]
        config |config| { config.chunk_extensions = 30 } |play| {
        each_accepted(play, &[extensions_of(29), extensions_of(30)])?;
        let mut client = play.connect()?;
        client.send(extensions_of(30).repeat(2))?;
        client.answered(200)?.content("hihi")?;
        client.answered(200)?.content("hihi")?;
        client.alive()?;
        drop(client);
        let many = post_chunks("2;e\r\nhi\r\n".repeat(16) + "0\r\n\r\n");
        let messages = [extensions_of(31), extensions_of(32), extensions_of(200), many];
        each_over(play, &messages, 400, CloseReason::ProtocolError)
    }
    /// One under, at and over the limit of a trailer section, whose line ends count as those of a head do. What
    /// is over it is not waited for.
    house trailers_over_the_limit_get_431 ["R-041", "R-056"] needs [KeepAlive, Limits, Trailers]
        config |config| { config.trailers = 40 } |play| {
        each_accepted(play, &[trailers_of(39), trailers_of(40)])?;
        let unfinished = post_chunks(format!("0\r\nx: {}", "v".repeat(60)));
        let messages = [trailers_of(43), trailers_of(400), unfinished];
        each_over(play, &messages, 431, CloseReason::HeadTooLarge)?;
        each_over(play, &[trailers_of(41), trailers_of(42)], 431, CloseReason::HeadTooLarge)
    }
    /// The limit is one of lines as well.
    house more_trailers_than_allowed_get_431 ["R-041", "R-056"] needs [KeepAlive, Limits, Trailers]
        config |config| { config.trailer_fields = 4 } |play| {
        each_accepted(play, &[trailers(0), trailers(3), trailers(4)])?;
        each_over(play, &[trailers(5), trailers(6), trailers(40)], 431, CloseReason::HeadTooLarge)
    }
    /// Whether it is the server that reads the content or a handler: it is the same trailers, and the same answer.
    house streamed_trailers_over_the_limits_get_431 ["R-041", "R-056", "T-23"]
        needs [KeepAlive, Limits, Trailers, Streaming] app limited_trailers |play| {
        each_accepted(play, &[trailers_of(40), trailers(3)])?;
        want_eq!(play.stage().count("trailers too large"), 0);
        each_over(play, &[trailers_of(41), trailers_of(43), trailers(4)], 431, CloseReason::HeadTooLarge)?;
        want_eq!(play.stage().count("trailers too large"), 3);
        Ok(())
    }

    /// Where an application takes any length, what a head promises is not reserved: only what comes.
    must length_without_a_limit_is_not_believed ["R-036"] needs [Limits] app limited_by_path |play| {
        for length in ["18446744073709551615", "9223372036854775807", "4294967296"] {
            let mut client = play.connect()?;
            client.send(format!("POST /all HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"))?;
            client.send("c".repeat(3000))?.silent()?.half_close()?;
            client.answer()?.status(400)?.says_close()?;
            client.closed()?;
        }
        want_eq!(play.stage().count("handler"), 0);
        play.connect()?.send(declared("/all", 3))?.answered(200)?.content("3")?.ok()
    }
    /// The last request that a connection may have is answered in full, and its answer says that it was the
    /// last.
    house last_allowed_request_closes ["R-092", "A1-10"] needs [KeepAlive, Limits]
        config |config| { config.requests_per_connection = Some(3) } |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        client.post("/echo", "hi")?.answered(200)?.content("hi")?;
        client.get("/ok")?.answer()?.status(200)?.says_close()?.content("ok")?;
        client.closed()?;
        drop(client);
        closed_for(play, CloseReason::RequestLimit, 1)?;
        // Another connection has its own three.
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?.ok()
    }
    /// Requests beyond the last allowed one are not answered, also when they came together with it.
    house requests_beyond_the_allowed_ones_are_not_answered ["R-092", "R-093"] needs [KeepAlive, Limits]
        config |config| { config.requests_per_connection = Some(2) } |play| {
        let mut client = play.connect()?;
        client.send(get_with("").repeat(4))?;
        client.answered(200)?.content("ok")?;
        client.answer()?.status(200)?.says_close()?.content("ok")?;
        client.closed()?;
        drop(client);
        closed_for(play, CloseReason::RequestLimit, 1)?;
        want_eq!(play.counters()?.requests, 2);
        Ok(())
    }
    /// One connection is enough for one request.
    house one_request_for_each_connection ["R-092"] needs [Limits]
        config |config| { config.requests_per_connection = Some(1) } |play| {
        each(play, &[get_with(""), get_with("Connection: keep-alive\r\n")], |client| {
            client.answer()?.status(200)?.says_close()?.content("ok")?;
            client.closed()
        })?;
        closed_for(play, CloseReason::RequestLimit, 2)
    }

    /// One connection more than there may be is told so and when to come again; those that are in are not
    /// disturbed. Once one has left, the next is let in.
    house connection_over_the_cap_gets_503 ["A3-11"] needs [KeepAlive, Limits]
        config |config| { config.connections = Some(2) } |play| {
        let (mut one, mut two) = (let_in(play)?, let_in(play)?);
        drop(turned_away(play)?);
        closed_for(play, CloseReason::AtCapacity, 1)?;
        let mut asking = play.connect()?;
        asking.get("/ok")?.answer()?.status(503)?.has("retry-after", "1")?;
        asking.closed()?;
        drop(asking);
        closed_for(play, CloseReason::AtCapacity, 2)?;
        one.alive()?;
        two.alive()?;
        drop(one);
        closed_for(play, CloseReason::ClientClosed, 1)?;
        let mut three = let_in_soon(play)?;
        drop(turned_away(play)?);
        two.alive()?;
        three.alive()
    }
    /// Who was turned away takes no place, however long it stays to read that. Else clients that were turned
    /// away would keep out those that there is room for.
    house client_that_was_turned_away_takes_no_place ["A3-11"] needs [KeepAlive, Limits]
        config |config| { config.connections = Some(1) } |play| {
        let one = let_in(play)?;
        let away = turned_away(play)?;
        drop(one);
        closed_for(play, CloseReason::ClientClosed, 1)?;
        let mut two = let_in_soon(play)?;
        drop(away);
        two.alive()
    }
    /// Who was turned away is not waited for long: it need not close its side to be closed.
    house client_that_was_turned_away_cannot_stay ["A3-11", "T-61"] needs [KeepAlive, Limits]
        config |config| { config.connections = Some(1) } |play| {
        let mut one = let_in(play)?;
        let away = turned_away(play)?;
        play.wait_until("only who was let in is there", |counters| {
            counters.closed(CloseReason::AtCapacity) == 1 && counters.open == 1
        })?;
        drop(away);
        one.alive()
    }
    /// With the other choice nobody is turned away: who finds no room waits until there is some.
    house connections_over_the_cap_wait_for_room ["A3-11"] needs [KeepAlive, Limits]
        config |config| { config.connections = Some(1); config.at_capacity = AtCapacity::Pause } |play| {
        let mut one = let_in(play)?;
        let mut two = play.connect()?;
        two.get("/ok")?.silent()?;
        one.alive()?;
        drop(one);
        two.answered(200)?.content("ok")?;
        // Not before: of two that wait, either may be the first.
        let mut three = play.connect()?;
        three.get("/ok")?.silent()?;
        two.alive()?;
        drop(two);
        three.answered(200)?.content("ok")?;
        want_eq!(play.counters()?.closed(CloseReason::AtCapacity), 0);
        Ok(())
    }

    /// One address has no more than its share; the others are let in.
    house address_over_its_cap_gets_503 ["A3-11"] needs [KeepAlive, Limits]
        config |config| { config.connections_per_address = Some(2) } |play| {
        let (mut one, mut two) = (let_in(play)?, let_in(play)?);
        drop(turned_away(play)?);
        one.alive()?;
        drop(one);
        closed_for(play, CloseReason::ClientClosed, 1)?;
        let mut three = let_in_soon(play)?;
        two.alive()?;
        three.alive()
    }
    /// Who comes too fast waits, and is let in when its turn has come.
    house connections_that_come_too_fast_wait ["A3-11"] needs [KeepAlive, Limits]
        config |config| { config.accept_rate = Some(2) } |play| {
        let (mut one, mut two) = (let_in(play)?, let_in(play)?);
        // Half a second, however times are scaled: rates are not.
        let mut three = play.connect()?;
        three.get("/ok")?.silent_for(Duration::from_millis(100))?;
        one.alive()?;
        two.alive()?;
        three.answered(200)?.content("ok")?.ok()
    }
    /// More requests than may be under way are told when to come again, before anything is done for them.
    /// Their connections are kept.
    house requests_over_the_cap_are_shed ["A3-11", "T-28", "T-61"] needs [KeepAlive, Limits] app one_at_a_time |play| {
        let mut one = play.connect()?;
        one.get("/wait")?;
        play.wait_for("waits")?;
        let mut two = play.connect()?;
        two.get("/shed")?.answered(503)?.has("retry-after", "1")?;
        two.post("/shed", "content")?.answered(503)?.has("retry-after", "1")?;
        play.wait_for_times("after /shed", 2)?;
        play.stage().open("go on");
        one.answered(200)?.content("/wait")?;
        play.wait_for("after /wait")?;
        two.get("/ok")?.answered(200)?.content("/ok")?;
        play.wait_for("after /ok")?;
        want_eq!(play.stage().count("handler /shed"), 0);
        Ok(())
    }

    /// What is switched off is the server's: the application's own Date and Server are sent all the same.
    house own_fields_are_sent_where_the_servers_are_off ["A1-10", "A4-6"] needs [Limits]
        app without_common_fields |play| {
        let answer = play.connect()?.get("/")?.answer()?.status(200)?;
        answer.has_no("date")?.has_no("server")?;
        let answer = play.connect()?.get("/own")?.answer()?.status(200)?;
        answer.has("date", OWN_DATE)?.has("server", "its own")?.ok()
    }
}
