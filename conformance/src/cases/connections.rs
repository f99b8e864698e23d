//! Connections: how long they live, what one message leaves behind for the next, and how they end.

use std::time::Duration;

use http_server_trait::bytes::Bytes;
use http_server_trait::http::StatusCode;
use http_server_trait::{
    AbortReason, App, Body, CloseReason, Conn, Flow, Head, Request, Response, cancel_on_disconnect,
    streamed,
};

use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{Answer, Client, Play, want, want_eq};

/// Sends each of these on a connection of its own; a failure says which it was.
fn each(play: &mut Play, messages: &[&str], script: impl Fn(&mut Client) -> Verdict) -> Verdict {
    play.each(messages.iter().copied(), |play, message| {
        let mut client = play.connect()?;
        client.send(message)?;
        script(&mut client)
    })
}

/// Whether an answer has this connection option.
fn has_option(answer: &Answer, option: &str) -> bool {
    answer.all("connection").any(|line| {
        line.split(',')
            .any(|element| element.trim().eq_ignore_ascii_case(option))
    })
}

/// After this answer the connection is either of further use or closed, and the answer says which.
fn clean_or_closed(client: &mut Client, answer: &Answer) -> Verdict {
    if answer.closes() {
        client.closed()
    } else {
        client.alive()
    }
}

/// How many connections were closed for this reason, in the end.
fn closed_for(play: &mut Play, reason: CloseReason, times: u64) -> Verdict {
    play.wait_until(&format!("{reason} {times} times"), |counters| {
        counters.closed(reason) == times
    })
}

/// Notes that it was dropped.
struct OnDrop(Stage);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

/// Everything is answered with its path; `/wait` waits at a gate first.
fn waiting(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            if request.path() == "/wait" {
                stage.note("waits");
                stage.gate("go on").await;
                stage.note("goes on");
            }
            request.path().to_owned()
        }
    });
}

fn waiting_middleware(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.middleware(move |head: Head| {
        let stage = stage.clone();
        async move {
            if head.path() == "/wait" {
                stage.note("waits");
                stage.gate("go on").await;
            }
            head
        }
    });
    app.handler(|request: Request| async move { request.path().to_owned() });
}

/// How much unread content is worth reading in these cases.
const UNREAD: usize = 1000;
/// A refusal that does not fit into one packet.
const LONG_REFUSAL: usize = 15_000;

/// Refuses everything but `/ok` before it has read any content.
fn early(app: &mut App, _: &Stage) {
    app.config_mut().unread_content = UNREAD as u64;
    // Who waits for the rest of content that is too much waits for longer than a client does.
    app.config_mut().body_stall = Duration::from_secs(5000);
    app.handler(streamed(|request: Request| async move {
        match request.path() {
            "/ok" => (StatusCode::OK, "ok".to_owned()),
            _ => (StatusCode::FORBIDDEN, "n".repeat(LONG_REFUSAL)),
        }
    }));
}

/// As `early`, by middleware.
fn early_middleware(app: &mut App, _: &Stage) {
    app.middleware(|head: Head| async move {
        if head.path() == "/ok" {
            return Flow::Continue(head);
        }
        Flow::Reply(Response::text("no").with_status(StatusCode::FORBIDDEN))
    });
    app.handler(|_: Request| async { "ok" });
}

fn field_of_its_own(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let option = request.path().trim_start_matches('/').to_owned();
        Response::text("ok").with_field("connection", option)
    });
}

/// Handlers that do not do what they should, with and without their content.
fn careless(app: &mut App, _: &Stage) {
    app.handler(streamed(|mut request: Request| async move {
        match request.path() {
            "/panic" => panic!("as it should"),
            "/fail" => Err("as it should"),
            "/panic-late" => {
                let _first = request.body_mut().next().await;
                panic!("as it should")
            }
            _ => Ok("ok"),
        }
    }));
    app.on_error(|_| async {});
}

fn closing(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let conn = request.conn().clone();
            match request.path() {
                "/now" => conn.close_after_current_response(None),
                "/later" => {
                    let task = request.exec().spawn(async move {
                        stage.gate("close").await;
                        conn.close_after_current_response(None);
                    });
                    drop(task);
                }
                _ => {}
            }
            "ok"
        }
    });
}

/// Waits for the end of the client, and answers all the same.
fn watching(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            if request.path() == "/ok" {
                return "ok";
            }
            let conn = request.conn().clone();
            let disconnected = conn.disconnected();
            let is_there = conn.is_connected() && conn.disconnect_reason().is_none();
            stage.note(if is_there { "watches" } else { "is gone" });
            let why = disconnected.await;
            let is_gone = !conn.is_connected() && conn.disconnect_reason() == Some(why);
            stage.note(if is_gone { why.name() } else { "is there" });
            stage.gate("go on").await;
            stage.note("goes on");
            "still here"
        }
    });
}

/// Longer than any time-out of the head or of its like: nothing but what a case does wakes its connection then.
const UNTIL_QUIET: Duration = Duration::from_secs(20);

/// Waits for the end of the client before it reads what the client has sent, in middleware or in the handler.
fn watching_unread(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        let stage = noted.clone();
        async move {
            if head.path() == "/middleware" {
                watch(head.conn().clone(), &stage).await;
            }
            head
        }
    });
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            match request.path() {
                "/handler" => watch(request.conn().clone(), &stage).await,
                "/task" => {
                    let (conn, stage) = (request.conn().clone(), stage.clone());
                    let task = request.exec().spawn(async move {
                        stage.gate("ask").await;
                        watch(conn, &stage).await;
                    });
                    // It lives as long as the request does, or longer.
                    let _ = task.await;
                }
                _ => {}
            }
            request.bytes().await
        }
    }));
}

async fn watch(conn: Conn, stage: &Stage) {
    let disconnected = conn.disconnected();
    stage.note("watches");
    let why = disconnected.await;
    stage.note(why.name());
}

/// Waits for the end of the client in the middle of an answer.
fn watching_answer(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let (mut sender, body) = Body::channel();
            let conn = request.conn().clone();
            let task = request.exec().spawn(async move {
                sender.send("first,").await?;
                let why = conn.disconnected().await;
                stage.note(why.name());
                sender.send("last").await?;
                sender.finish();
                Ok::<_, http_server_trait::BodyError>(())
            });
            drop(task);
            Response::text(body)
        }
    });
}

fn given_up(app: &mut App, stage: &Stage) {
    let failed = stage.clone();
    app.on_error(move |_| {
        failed.note("failure");
        async {}
    });
    let stage = stage.clone();
    app.handler(cancel_on_disconnect(move |request: Request| {
        let stage = stage.clone();
        async move {
            if request.path() == "/ok" {
                return "ok";
            }
            let _told = OnDrop(stage.clone());
            stage.note("works");
            stage.gate("go on").await;
            stage.note("answers");
            "answer"
        }
    }));
}

/// An answer without end, which notes when it is dropped.
fn endless(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let told = OnDrop(stage.clone());
        async move {
            if request.path() == "/ok" {
                return Response::text("ok");
            }
            let pieces = std::iter::repeat_with(move || {
                let _told = &told;
                Bytes::from_static(&[b'x'; 4096])
            });
            Response::text(Body::iter(pieces))
        }
    });
}

cases! {
    /// What makes HTTP/1.1 cheap: nobody has to ask for the connection to be kept.
    must http11_persists_by_default ["R-090", "A2-5"] needs [KeepAlive] |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?.content("ok")?;
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")?.answered(200)?;
        client.alive()
    }
    /// A client of HTTP/1.0 that did not ask for more reads up to the end of the connection.
    must http10_is_closed_after_its_answer ["R-090", "A2-5"] |play| {
        let messages = [
            "GET /ok HTTP/1.0\r\n\r\n",
            "GET /ok HTTP/1.0\r\nConnection: close\r\n\r\n",
            "GET /ok HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
            "GET /ok HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
            "GET /ok HTTP/1.0\r\nConnection: keep-alives\r\n\r\n",
            "GET /ok HTTP/1.0\r\nConnection: persistent\r\n\r\n",
        ];
        let is_foreign = play.is_foreign();
        each(play, &messages, |client| {
            let answer = client.answer()?.status(200)?.content("ok")?;
            want!(is_foreign || !has_option(&answer, "keep-alive"), "the answer says `keep-alive`");
            client.closed()
        })
    }
    /// A client of HTTP/1.0 keeps a connection only if the answer says so, too. RFC 9112, 9.3: where the server
    /// wishes to.
    house http10_keep_alive_is_answered_with_keep_alive ["R-090", "A2-5"] needs [KeepAlive] |play| {
        let messages = [
            "GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET /ok HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n",
            "GET /ok HTTP/1.0\r\nConnection: other, keep-alive\r\n\r\n",
        ];
        each(play, &messages, |client| {
            for _ in 0..3 {
                let answer = client.answered(200)?.content("ok")?;
                want!(has_option(&answer, "keep-alive"), "the answer does not say `keep-alive`");
                client.send("GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")?;
            }
            client.answered(200)?;
            // Each request asks for itself.
            client.send("GET /ok HTTP/1.0\r\n\r\n")?.answer()?.status(200)?;
            client.closed()
        })
    }
    /// A client that will send nothing more says so, in whatever form an option may have, and is told the same.
    must close_is_honoured ["R-091", "R-092", "R-057"] |play| {
        let messages = [
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nconnection:CLOSE\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: other ,\tClose\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: other\r\nConnection: close\r\n\r\n",
        ];
        each(play, &messages, |client| client.last(200).map(drop))
    }
    /// Whoever is to go away is told so: with the last answer to a client that wanted to close, and with a
    /// refusal after which nothing more is read.
    should last_answer_says_close ["R-092"] needs [StrictParsing] |play| {
        let messages = [
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        ];
        each(play, &messages, |client| {
            let answer = client.answer()?;
            client.end_is_announced(&answer)
        })
    }
    /// The neighbours of `close`: options of other names, and fields that are none of the connection.
    must other_options_do_not_close ["R-090", "R-057"] needs [KeepAlive] |play| {
        let messages = [
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: \"close\"\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection:\r\n\r\n",
        ];
        each(play, &messages, |client| {
            client.answered(200)?;
            client.alive()
        })
    }
    /// An application that wants a connection closed can say so in its answer.
    must close_of_a_handler_is_honoured_and_said ["R-092", "T-27"] app field_of_its_own |play| {
        let mut client = play.connect()?;
        client.get("/close")?.refused(200)
    }
    /// And the ledger tells whose wish it was.
    must close_of_a_handler_is_told_from_that_of_a_client ["T-61"] needs [KeepAlive] app field_of_its_own |play| {
        play.connect()?.get("/close")?.refused(200)?;
        closed_for(play, CloseReason::AppClosed, 1)?;
        play.connect()?.send("GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?.refused(200)?;
        closed_for(play, CloseReason::Finished, 1)
    }
    /// Whether a connection is kept is not for a handler to promise.
    must keep_alive_of_a_handler_promises_nothing ["T-27", "R-091"] app field_of_its_own |play| {
        let mut client = play.connect()?;
        client.send("GET /keep-alive HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let answer = client.answer()?.status(200)?.says_close()?;
        want!(!has_option(&answer, "keep-alive"), "the answer says `keep-alive`");
        client.closed()
    }
    /// Nothing of one request stays on the connection and reaches the next.
    must many_requests_one_after_the_other ["R-090"] needs [KeepAlive] |play| {
        let mut client = play.connect()?;
        for number in 0..50 {
            let content = format!("request {number}").repeat(number % 7);
            client.post("/echo", &content)?.answered(200)?.content(&content)?;
        }
        client.alive()
    }
    /// What comes in one segment is many messages: each gets its answer, in its order.
    must fifty_pipelined_requests_are_answered_in_order ["R-093"] needs [KeepAlive] |play| {
        let mut client = play.connect()?;
        let one = |number| format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{number:03}");
        client.send((0..50).map(one).collect::<Vec<_>>().concat())?;
        for number in 0..50 {
            client.answered(200)?.content(format!("{number:03}"))?;
        }
        client.alive()
    }
    /// An answer that takes long holds back those behind it, and none in front of it.
    must pipelined_requests_wait_for_a_slow_handler ["R-093", "T-12"] needs [KeepAlive] app waiting |play| {
        let mut client = play.connect()?;
        let paths: Vec<_> = (0..20).map(|number| if number == 5 { "/wait".into() } else { format!("/{number}") }).collect();
        let requests = paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.send(requests.collect::<Vec<_>>().concat())?;
        for path in &paths[..5] {
            client.answered(200)?.content(path)?;
        }
        play.wait_for("waits")?;
        client.silent()?;
        play.stage().open("go on");
        for path in &paths[5..] {
            client.answered(200)?.content(path)?;
        }
        client.alive()
    }
    /// Answers may leave together, but none waits for a request that is not there yet. A client that waits for it
    /// would wait for ever; the RFCs have no word about that.
    house answer_is_not_held_back_for_half_a_request ["R-093"] needs [KeepAlive] |play| {
        let halves = [
            ("GET /ok HT", "TP/1.1\r\nHost: a\r\n\r\n", "ok"),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha", "lf", "half"),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf", "\r\n0\r\n\r\n", "half"),
        ];
        for (front, back, content) in halves {
            let mut client = play.connect()?;
            client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst{front}"))?;
            client.answered(200)?.content("first")?;
            client.silent_at_home()?.send(back)?.answered(200)?.content(content)?;
        }
        Ok(())
    }
    /// Messages of every framing in one segment: the end of each is the beginning of the next.
    must pipelined_contents_are_not_mixed ["R-093"] needs [KeepAlive] |play| {
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst\
            GET /ok HTTP/1.1\r\nHost: a\r\n\r\n\
            POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n\
            HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\n\
            POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\
            POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: trailer\r\n\r\n\
            POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlast")?;
        client.answered(200)?.content("first")?;
        client.answered(200)?.content("ok")?;
        client.answered(200)?.content("second")?;
        client.to_head().answered(200)?.content("")?;
        client.answered(200)?.content("")?;
        client.answered(200)?.content("")?;
        client.answered(200)?.content("last")?;
        client.alive()
    }
    /// Content where none is expected must not be taken for a request: whoever can make a client send it would
    /// speak in that client's name.
    must content_of_any_method_is_not_the_next_request ["R-064", "R-093"] |play| {
        const TRAP: &str = "GET /trap HTTP/1.1\r\nHost: trap\r\n\r\n";
        let length = TRAP.len();
        let messages = ["GET", "HEAD", "DELETE", "OPTIONS"].into_iter().flat_map(|method| [
            format!("{method} /ok HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{TRAP}"),
            format!("{method} /ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                {length:x}\r\n{TRAP}\r\n0\r\n\r\n"),
        ]);
        play.each(messages, |play, message| {
            let mut client = play.connect()?;
            client.send(message)?;
            if message.starts_with("HEAD") {
                client.to_head();
            }
            let answer = client.answer()?;
            want!(play.is_foreign() || answer.status == 200, "the status is {}", answer.status);
            client.clean(&answer)
        })
    }
    /// A client that pipelines without reading waits for its answers, and not in the server's memory.
    must pipelining_without_end_is_not_read_without_end ["R-098"] needs [KeepAlive] app waiting |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        let requests = "GET /ok HTTP/1.1\r\nHost: conformance\r\n\r\n".repeat(if play.is_virtual() { 4000 } else { 400_000 });
        let taken = client.send_some(requests.as_bytes());
        play.stage().open("go on");
        want!(taken < requests.len(), "all of {taken} bytes were taken");
        client.answered(200)?.content("/wait")?;
        client.answered(200)?.content("/ok")?.ok()
    }

    /// A refusal does not cost the connection where reading the rest of the content is cheap. The content looks
    /// like a request here, which it must never be taken for.
    must early_reply_drains_small_body_and_keeps_connection ["R-097", "R-093"] needs [KeepAlive, Streaming] app early |play| {
        let content = "GET /trap HTTP/1.1\r\n\r\n".repeat(UNREAD / 22 + 1);
        let head = format!("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: {UNREAD}\r\n\r\n");
        let mut answer_first = play.connect()?;
        answer_first.send(&head)?.answered(403)?;
        answer_first.send(&content[..UNREAD])?.alive()?;
        let mut all_at_once = play.connect()?;
        all_at_once.send(head + &content[..UNREAD])?.answered(403)?;
        all_at_once.alive()
    }
    /// The same where middleware refuses, before the content is looked at.
    must early_reply_of_middleware_keeps_connection ["R-097", "T-15"] needs [KeepAlive] app early_middleware |play| {
        let mut client = play.connect()?;
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")?.answered(403)?;
        client.send("hello")?.alive()?;
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?.answered(403)?;
        client.send("5\r\nhello\r\n0\r\n\r\n")?.alive()
    }
    /// Content in chunks that nobody reads is read to its end, if that is not far.
    must early_reply_drains_small_chunks_and_keeps_connection ["R-097", "R-093"] needs [KeepAlive, Streaming] app early |play| {
        let mut client = play.connect()?;
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?.answered(403)?;
        client.send("16\r\nGET /trap HTTP/1.1\r\n\r\n\r\n")?.send("0\r\nx: y\r\n\r\n")?.alive()
    }
    /// One byte more than is worth reading: the answer says that it is the last one, and comes whole.
    house early_reply_to_large_content_says_close ["R-097", "R-092", "R-094"] needs [Streaming, Limits] app early |play| {
        let head = format!("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", UNREAD + 1);
        for content in [0, UNREAD + 1] {
            let mut client = play.connect()?;
            client.send(&head)?.send("x".repeat(content))?;
            client.answer()?.status(403)?.says_close()?.content("n".repeat(LONG_REFUSAL))?;
            client.closed()?;
        }
        closed_for(play, CloseReason::UnreadContent, 2)
    }
    /// Of content in chunks the length is not known beforehand. When it turns out to be much, the connection is
    /// closed, and the answer has come whole before.
    house early_reply_to_many_chunks_closes ["R-097", "R-094"] needs [Streaming, Limits] app early |play| {
        let mut client = play.connect()?;
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for _ in 0..=UNREAD / 10 {
            client.send("a\r\n0123456789\r\n")?;
        }
        client.answer()?.status(403)?.content("n".repeat(LONG_REFUSAL))?;
        client.closed()?;
        closed_for(play, CloseReason::UnreadContent, 1)
    }
    /// Whether a client that waits to be told to send will do so is not known once it has got its answer: what
    /// came next could be content or a request.
    must early_reply_instead_of_a_100_closes ["R-082", "R-097"] needs [Streaming, Interim] app early |play| {
        let mut client = play.connect()?;
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")?;
        client.refused(403)
    }
    /// Closing a socket with something unread in it resets the connection, and a reset takes away from the
    /// client what it has not read yet. So the server reads on for a while.
    must client_that_goes_on_sending_reads_its_whole_answer ["R-094"] needs [Streaming, Limits] app early |play| {
        let mut client = play.connect()?;
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")?;
        for _ in 0..10 {
            client.send([b'x'; 4096])?;
        }
        client.answer()?.status(403)?.says_close()?.content("n".repeat(LONG_REFUSAL))?;
        client.closed()
    }
    /// The same where the message was refused before it was a request. RFC 9112, 9.6, describes how, and why, and
    /// does not ask for it.
    house client_that_goes_on_sending_reads_its_refusal ["R-094"] needs [StrictParsing] |play| {
        let mut client = play.connect()?;
        client.send("POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")?;
        for _ in 0..10 {
            client.send([b'x'; 4096])?;
        }
        client.refused(400)
    }

    /// A client that ends its side has nothing more to say, and still listens. The RFCs have no word about it.
    house half_close_after_a_request_gets_its_answer ["R-095"] |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.half_close()?.answer()?.status(200)?.content("ok")?;
        client.closed()?;
        let mut client = play.connect()?;
        client.post("/echo", "content")?.half_close()?.answer()?.status(200)?.content("content")?;
        client.closed()
    }
    /// However long the answer takes.
    must half_close_does_not_cancel_a_slow_handler ["R-095", "T-54"] app waiting |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        client.half_close()?.silent()?;
        play.stage().open("go on");
        client.answer()?.status(200)?.content("/wait")?;
        client.closed()
    }
    /// Every request that came whole is answered, whatever follows.
    must half_close_after_a_pipeline_gets_every_answer ["R-095", "R-093"] needs [KeepAlive] app waiting |play| {
        let mut client = play.connect()?;
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.half_close()?;
        client.answered(200)?.content("/1")?;
        play.wait_for("waits")?;
        play.stage().open("go on");
        client.answered(200)?.content("/wait")?;
        client.answered(200)?.content("/3")?;
        client.closed()
    }
    /// A request whose end will never come is no request; those before it are.
    /// RFC 9112, 8: it may be answered with an error, or not at all.
    must half_close_in_a_message_leaves_those_before_it ["R-020", "R-093"] needs [KeepAlive, StrictParsing] app waiting |play| {
        let halves = [
            "GET /2 HTTP/1.1\r\nHost: a\r\n",
            "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
            "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ];
        for half in halves {
            let mut client = play.connect()?;
            client.send(format!("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n{half}"))?.half_close()?;
            let told = client.answered(200)
                .and_then(|answer| answer.content("/1"))
                .and_then(|_| client.refused_or_left());
            told.map_err(|failure| Failure::new(format!("{half:?}: {failure}")))?;
        }
        closed_for(play, CloseReason::ClientLeft, 3)
    }
    /// The ends of a connection that nobody did wrong in.
    must quiet_ends_are_told_apart ["T-61", "R-090"] needs [KeepAlive] app waiting |play| {
        drop(play.connect()?);
        closed_for(play, CloseReason::ClientClosed, 1)?;
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?;
        drop(client);
        closed_for(play, CloseReason::ClientClosed, 2)?;
        play.connect()?.send("GET / HTTP/1.0\r\n\r\n")?.answer()?.status(200)?;
        closed_for(play, CloseReason::Finished, 1)
    }

    /// A client that is gone before it has asked for anything is no trouble.
    must reset_between_messages_is_a_close ["T-61", "T-43"] needs [KeepAlive] app waiting |play| {
        play.connect()?.reset();
        closed_for(play, CloseReason::ClientClosed, 1)?;
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?;
        client.reset();
        closed_for(play, CloseReason::ClientClosed, 2)?;
        play.connect()?.alive()
    }
    /// One that goes in the middle of its request takes nothing with it but that request.
    must reset_in_a_request_ends_only_that ["T-61", "R-097"] app waiting |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\n")?;
        client.reset();
        closed_for(play, CloseReason::ClientLeft, 1)?;
        want_eq!(play.counters()?.requests, 0);
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")?;
        play.wait_until("a request", |counters| counters.requests == 1)?;
        client.reset();
        closed_for(play, CloseReason::ClientLeft, 2)?;
        want_eq!(play.counters()?.aborted(AbortReason::ClientLeft), 1);
        play.connect()?.alive()
    }
    /// One that goes while its handler works does not stop that handler; its answer is lost, and counted so.
    must reset_while_a_handler_works_does_not_cancel_it ["T-54", "T-61"] app waiting |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        client.reset();
        play.connect()?.alive()?;
        play.stage().open("go on");
        play.wait_for("goes on")?;
        closed_for(play, CloseReason::ClientLeft, 1)?;
        want_eq!(play.counters()?.aborted(AbortReason::ClientLeft), 1);
        Ok(())
    }
    /// One that goes in the middle of its answer ends the making of that answer.
    must reset_in_an_answer_ends_it ["T-61", "R-098"] needs [Streaming] app endless |play| {
        let mut client = play.connect()?;
        client.get("/endless")?.bytes(10_000)?;
        client.reset();
        play.wait_for("dropped")?;
        closed_for(play, CloseReason::ClientLeft, 1)?;
        want_eq!(play.counters()?.aborted(AbortReason::ClientLeft), 1);
        play.connect()?.alive()
    }

    /// A handler that goes wrong takes nothing with it but its own answer, also with content that it did not
    /// read, or not all of it.
    must careless_handlers_leave_the_connection_clean_or_closed ["R-097", "T-40"] needs [Streaming] app careless |play| {
        for path in ["/panic", "/fail", "/panic-late"] {
            let messages = [
                format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"),
                format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 22\r\n\r\nGET /trap HTTP/1.1\r\n\r\n"),
                format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                    a\r\nGET /trap \r\nc\r\nHTTP/1.1\r\n\r\n\r\n0\r\n\r\n"),
            ];
            for message in messages {
                let mut client = play.connect()?;
                client.send(&message)?;
                let told = client.answer().and_then(|answer| {
                    let answer = answer.status(500)?;
                    clean_or_closed(&mut client, &answer)
                });
                told.map_err(|failure| Failure::new(format!("{message:?}: {failure}")))?;
            }
        }
        Ok(())
    }
    /// And a failure is no reason to give up a connection that is clean.
    house failures_keep_the_connection ["R-097"] needs [KeepAlive, Streaming] app careless |play| {
        let mut client = play.connect()?;
        for path in ["/panic", "/fail", "/panic-late", "/ignore"] {
            client.post(path, "content")?.answered(if path == "/ignore" { 200 } else { 500 })?;
        }
        client.alive()
    }

    /// A connection that is busy finishes its answer, says that it is the last, and is closed.
    must close_after_current_response_finishes_it ["A4-2", "R-092"] needs [KeepAlive] app closing |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        client.get("/now")?.answer()?.status(200)?.says_close()?.content("ok")?;
        client.closed()?;
        closed_for(play, CloseReason::AppClosed, 1)
    }
    /// One that is idle is closed at once.
    must close_after_current_response_closes_an_idle_connection ["A4-2"] needs [KeepAlive] app closing |play| {
        let mut client = play.connect()?;
        client.get("/later")?.answered(200)?;
        client.get("/ok")?.answered(200)?;
        client.silent()?;
        play.stage().open("close");
        client.closed()?;
        closed_for(play, CloseReason::AppClosed, 1)
    }

    /// A handler can learn that its client has ended its side, and that alone stops nothing: the client may
    /// wait for its answer.
    must disconnected_is_ready_at_the_end_of_the_client ["T-54", "R-095"] app watching |play| {
        let mut client = play.connect()?;
        client.get("/watch")?;
        play.wait_for("watches")?;
        client.silent()?.half_close()?;
        play.wait_for("client_closed")?;
        client.silent()?;
        play.stage().open("go on");
        client.answer()?.status(200)?.content("still here")?;
        client.closed()
    }
    /// Nobody has to read what has come before it for that, and it is there still when somebody does.
    must disconnected_is_ready_behind_content_that_nobody_reads ["T-54", "T-22", "R-095"] needs [Streaming]
        app watching_unread |play| {
        let length = "Content-Length: 5\r\n\r\nhello";
        let chunks = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let messages = [("/handler", length), ("/handler", chunks), ("/middleware", length), ("/middleware", chunks)];
        for (times, (path, content)) in (1..).zip(messages) {
            let mut client = play.connect()?;
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{content}"))?;
            play.wait_for_times("watches", times)?;
            client.silent_for(UNTIL_QUIET)?.half_close()?;
            play.wait_for_times("client_closed", times)?;
            client.answer()?.status(200)?.content("hello")?;
            client.closed()?;
        }
        Ok(())
    }
    /// Whoever asks when the client has left already is told, and that also where the connection has come to rest.
    must disconnected_is_ready_for_who_asks_late ["T-54", "T-22"] needs [Streaming] app watching_unread |play| {
        let mut client = play.connect()?;
        client.send("POST /task HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")?.silent()?.half_close()?;
        client.silent_for(UNTIL_QUIET)?;
        play.stage().open("ask");
        play.wait_for("client_closed")?;
        client.answer()?.status(200)?.content("hello")?;
        client.closed()
    }
    /// The same for a reset, and for content of which only a part has come.
    must disconnected_is_ready_at_a_reset_behind_content_that_nobody_reads ["T-54"] needs [Streaming]
        app watching_unread |play| {
        for (times, path) in (1..).zip(["/handler", "/middleware"]) {
            let mut client = play.connect()?;
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello"))?;
            play.wait_for_times("watches", times)?;
            client.reset();
            play.wait_for_times("client_left", times)?;
        }
        closed_for(play, CloseReason::ClientLeft, 2)?;
        play.connect()?.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")?.answered(200)?.content("hi")?.ok()
    }
    /// More requests may wait on the connection than are read ahead of their answers.
    must disconnected_is_ready_behind_requests_that_wait ["T-54", "R-095", "R-098"] needs [KeepAlive] app watching |play| {
        let waiting = 10;
        let large = format!("GET /ok HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(4000));
        let mut client = play.connect()?;
        client.get("/watch")?;
        play.wait_for("watches")?;
        client.send(large.repeat(waiting))?.silent_for(UNTIL_QUIET)?.half_close()?;
        play.wait_for("client_closed")?;
        play.stage().open("go on");
        client.answer()?.status(200)?.content("still here")?;
        for _ in 0..waiting {
            client.answer()?.status(200)?.content("ok")?;
        }
        client.closed()
    }
    /// A reset is told from an end, and stops nothing either.
    must disconnected_is_ready_at_a_reset ["T-54"] app watching |play| {
        let mut client = play.connect()?;
        client.get("/watch")?;
        play.wait_for("watches")?;
        client.reset();
        play.wait_for("client_left")?;
        play.stage().open("go on");
        play.wait_for("goes on")?;
        play.connect()?.alive()
    }
    /// Also while an answer is sent that has nothing to send just now: that is when a handler of events wants to
    /// know.
    must disconnected_is_ready_in_the_middle_of_an_answer ["T-54", "R-095"] needs [Streaming] app watching_answer |play| {
        let mut client = play.connect()?;
        client.get("/")?.until("first,\r\n")?;
        client.silent()?.half_close()?;
        play.wait_for("client_closed")?;
        client.until("last\r\n0\r\n\r\n")?;
        client.closed()
    }
    /// The same for a client that is gone for good.
    must reset_in_the_middle_of_an_answer_is_noticed ["T-54"] needs [Streaming] app watching_answer |play| {
        let mut client = play.connect()?;
        client.get("/")?.until("first,\r\n")?;
        client.reset();
        play.wait_for("client_left")?;
        closed_for(play, CloseReason::ClientLeft, 1)
    }
    /// A handler whose work is for nobody else can be given up with its client; then there is no answer, and that
    /// is no failure.
    must cancel_on_disconnect_gives_a_handler_up ["T-54", "T-43"] app given_up |play| {
        let mut client = play.connect()?;
        client.get("/work")?;
        play.wait_for("works")?;
        client.silent()?.half_close()?;
        play.wait_for("dropped")?;
        let all = client.everything()?;
        play.noted(&["works", "dropped"])?;
        want!(all.is_empty(), "there came {}", all.escape_ascii());
        Ok(())
    }
    /// The same at a reset, and the ledger says that the client left.
    must cancel_on_disconnect_gives_a_handler_up_at_a_reset ["T-54", "T-43"] app given_up |play| {
        let mut client = play.connect()?;
        client.get("/work")?;
        play.wait_for("works")?;
        client.reset();
        play.wait_for("dropped")?;
        closed_for(play, CloseReason::ClientLeft, 1)?;
        want_eq!(play.counters()?.aborted(AbortReason::ClientLeft), 1);
        play.noted(&["works", "dropped"])
    }
    /// Of a client that stays nothing is given up.
    must cancel_on_disconnect_leaves_others_alone ["T-54"] app given_up |play| {
        let mut client = play.connect()?;
        client.get("/work")?;
        play.wait_for("works")?;
        client.silent()?;
        play.stage().open("go on");
        client.answer()?.status(200)?.content("answer")?;
        play.noted(&["works", "answers", "dropped"])
    }

    /// While handlers wait, more of them than there are threads, other connections are served.
    must waiting_handlers_disturb_no_other_connection ["T-12", "A0-4"] app waiting |play| {
        let mut waiting = Vec::new();
        for number in 1..=5 {
            let mut client = play.connect()?;
            client.get("/wait")?;
            play.wait_for_times("waits", number)?;
            waiting.push(client);
        }
        for _ in 0..5 {
            play.connect()?.get("/other")?.answer()?.status(200)?.content("/other")?;
        }
        want_eq!(play.stage().count("goes on"), 0);
        play.stage().open("go on");
        for client in &mut waiting {
            client.answer()?.status(200)?.content("/wait")?;
        }
        Ok(())
    }
    /// The same for middleware that takes its time to decide.
    must waiting_middleware_disturbs_no_other_connection ["T-12", "A0-4"] app waiting_middleware |play| {
        let mut waiting = play.connect()?;
        waiting.get("/wait")?;
        play.wait_for("waits")?;
        for _ in 0..5 {
            play.connect()?.get("/other")?.answer()?.status(200)?.content("/other")?;
        }
        waiting.silent()?;
        play.stage().open("go on");
        waiting.answer()?.status(200)?.content("/wait")?.ok()
    }
}
