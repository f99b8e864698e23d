//! Takeovers: connections that the application speaks on itself, raw or after a 101.

use std::sync::Arc;
use std::time::Duration;

use http_server_trait::bytes::Bytes;
use http_server_trait::http::StatusCode;
use http_server_trait::{
    App, Body, BoxError, CloseReason, Completed, Drain, Flow, Head, Request, Response, Takeover,
    Tunnels, Upgraded, streamed,
};

use super::hooks::note_failures;
use crate::case::cases;
use crate::failure::Verdict;
use crate::stage::Stage;
use crate::{Client, Play, want, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A toy protocol: what comes is sent back, between brackets; an exclamation mark ends it.
async fn toy(mut stream: Upgraded) -> Result<(), BoxError> {
    let mut piece = [0; 1000];
    loop {
        let read = stream.read(&mut piece).await?;
        let said = &piece[..read];
        if !said.is_empty() {
            stream.write_all(&[b"[", said, b"]"].concat()).await?;
        }
        if read == 0 || said.contains(&b'!') {
            stream.write_all(b"bye").await?;
            return Ok(stream.close().await?);
        }
    }
}

/// Sends back what comes, until the client has ended its side.
async fn echo(mut stream: Upgraded) -> Result<(), BoxError> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut piece).await? {
            0 => return Ok(stream.close().await?),
            read => stream.write_all(&piece[..read]).await?,
        }
    }
}

fn note_after(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.after(move |done: Arc<Completed>| {
        let status = done.status.map_or(0, |status| status.as_u16());
        stage.note(format!("after {} {status} {}", done.path(), done.outcome));
        async {}
    });
}

fn note_handler(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |mut request: Request| {
        stage.note(format!("handler {}", request.path()));
        async move { request.bytes().await }
    });
}

/// Middleware that upgrades to the toy protocol at `/toy`.
fn upgrading(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    note_after(app, stage);
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        let noted = noted.clone();
        async move {
            if head.path() != "/toy" {
                return Flow::Continue(head);
            }
            Flow::Takeover(Takeover::upgrade("toy", move |stream| {
                noted.note("upgraded");
                toy(stream)
            }))
        }
    });
    note_handler(app, stage);
}

/// A handler that upgrades, when its content is there.
fn upgrading_handler(app: &mut App, stage: &Stage) {
    note_after(app, stage);
    app.handler(|mut request: Request| async move {
        let content = request.bytes().await?;
        if request.path() != "/toy" {
            return Ok(Flow::Reply(Response::text(content)));
        }
        Ok::<_, BoxError>(Flow::Takeover(Takeover::upgrade(
            "toy",
            |mut stream: Upgraded| async move {
                stream
                    .write_all(&[b"<", &content[..], b">"].concat())
                    .await?;
                toy(stream).await
            },
        )))
    });
}

/// Middleware that takes the connection as it is, and says what the server had received of it.
fn raw(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    note_after(app, stage);
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        let noted = noted.clone();
        async move {
            if head.path() != "/raw" {
                return Flow::Continue(head);
            }
            Flow::Takeover(Takeover::raw(|mut stream: Upgraded| async move {
                let unread = stream.unread().to_vec();
                let mut first = vec![0; unread.len()];
                let mut read = 0;
                while read < first.len() {
                    read += stream.read(&mut first[read..]).await?;
                }
                noted.note(format!("unread come first: {}", first == unread));
                noted.note(format!("unread are left: {}", stream.unread().len()));
                stream.write_all(&first).await?;
                toy(stream).await
            }))
        }
    });
    note_handler(app, stage);
}

/// An echo at `/echo`, whatever comes.
fn echoing(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.config_mut().head_time = seconds(10);
    app.config_mut().idle_time = seconds(10);
    app.config_mut().body_stall = seconds(10);
    app.config_mut().request_time = Some(seconds(10));
    app.middleware(|head: Head| async move {
        match head.path() {
            "/echo" => Flow::Takeover(Takeover::raw(echo)),
            _ => Flow::Continue(head),
        }
    });
    app.handler(|_: Request| async { "ok" });
}

async fn panics(_: Upgraded) {
    panic!("as it should");
}

/// A handler that takes one piece of its content, lets the rest of it go, and takes the connection: it sends back
/// that piece, and all that it reads.
fn taking_over_early(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            let first = match request.body_mut().next().await {
                Some(piece) => piece?,
                None => Bytes::new(),
            };
            let keeps = request.path() == "/keeps";
            let mut content = request.take_body();
            if !keeps {
                content = Body::empty();
            }
            // More of it comes meanwhile.
            stage.note("has begun");
            stage.gate("go on").await;
            let run = move |mut stream: Upgraded| async move {
                stream.write_all(&[b"<", &first[..], b">"].concat()).await?;
                if keeps {
                    let ended = content.next().await.is_some_and(|piece| piece.is_err());
                    stage.note(format!("the content ended with an error: {ended}"));
                }
                echo(stream).await
            };
            Ok::<_, BoxError>(Flow::Takeover(Takeover::raw(run)))
        }
    }));
}

/// Takeovers whose first answer is none, by middleware and by the handler.
fn answering_wrongly(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    let noted = stage.clone();
    let wrong = move |path: &str| {
        let answer = match path.rsplit('/').next() {
            Some("field") => {
                Response::new(StatusCode::OK).with_field("x-never", "a\r\n\r\nHTTP/1.1 200 OK")
            }
            Some("continue") => Response::new(StatusCode::CONTINUE),
            Some("processing") => Response::new(StatusCode::PROCESSING),
            _ => return None,
        };
        let noted = noted.clone();
        let run = move |_: Upgraded| {
            noted.note("taken over");
            async {}
        };
        Some(Takeover::raw(run).after(answer))
    };
    let early = wrong.clone();
    app.middleware(move |head: Head| {
        let wrong = early.clone();
        async move {
            let is_early = head.path().starts_with("/early/");
            match wrong(head.path()).filter(|_| is_early) {
                Some(takeover) => Flow::Takeover(takeover),
                None => Flow::Continue(head),
            }
        }
    });
    app.handler(move |request: Request| {
        let wrong = wrong.clone();
        async move {
            match wrong(request.path()) {
                Some(takeover) => Flow::Takeover(takeover),
                None => Flow::Reply(Response::text("ok")),
            }
        }
    });
}

/// Takeovers that go wrong.
fn failing(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.handler(|request: Request| async move {
        match request.path() {
            "/fail" => Flow::Takeover(Takeover::raw(|_| async { Err("as it should") })),
            "/panic" => Flow::Takeover(Takeover::raw(panics)),
            "/at-once" => {
                let run = |stream: Upgraded| {
                    assert!(stream.unread().len() > 1_000_000, "at once");
                    async {}
                };
                Flow::Takeover(Takeover::raw(run))
            }
            "/left" => Flow::Takeover(Takeover::raw(|mut stream: Upgraded| async move {
                stream.write_all(b"here").await?;
                while stream.read(&mut [0; 100]).await? > 0 {}
                Ok::<_, BoxError>(())
            })),
            _ => Flow::Reply(Response::text("ok")),
        }
    });
}

/// Tells what it knows of its connection, and when that is completed.
fn knowing(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        let before = (request.conn().id(), request.conn().peer());
        let exec = request.exec().clone();
        async move {
            Takeover::raw(move |mut stream: Upgraded| async move {
                let conn = stream.conn().clone();
                let same = before == (conn.id(), conn.peer());
                drop(exec.spawn(async move {
                    let reason = conn.completed().await;
                    stage.note(format!("completed {reason}"));
                }));
                stream
                    .write_all(format!("the same: {same}").as_bytes())
                    .await?;
                stream.close().await
            })
        }
    });
}

/// `CONNECT` becomes a tunnel, which sends back what comes.
fn tunnel(app: &mut App, stage: &Stage) {
    note_after(app, stage);
    app.config_mut().tunnels = Tunnels::ToApp;
    app.handler(|_: Request| async {
        let answer = Response::new(StatusCode::OK).with_field("x-tunnel", "yes");
        Takeover::raw(echo).after(answer)
    });
}

/// A connection that asks for the toy protocol with these lines.
fn asks(play: &mut Play, version: &str, lines: &str) -> Result<Client, crate::Failure> {
    let mut client = play.connect()?;
    client.send(format!("GET /toy {version}\r\nHost: a\r\n{lines}\r\n"))?;
    Ok(client)
}

/// As a client has to ask for it.
const PROPERLY: &str = "Connection: upgrade\r\nUpgrade: toy\r\n";

/// Everything that is sent comes back.
fn comes_back(client: &mut Client, bytes: &[u8]) -> Verdict {
    client.send(bytes)?;
    let mut got = Vec::new();
    while got.len() < bytes.len() {
        got.extend(client.bytes(1)?);
    }
    want!(got == bytes, "there came back {}", got.escape_ascii());
    Ok(())
}

cases! {
    /// Middleware answers 101 and speaks another protocol: the 101 names it, and has no framing.
    must upgrade_speaks_another_protocol ["T-16", "T-17", "R-072", "R-044", "A0-12"] needs [Takeover] app upgrading |play| {
        let mut client = asks(play, "HTTP/1.1", PROPERLY)?;
        let answer = client.next_answer()?.status(101)?.has("upgrade", "toy")?.has("connection", "upgrade")?;
        answer.has_no("content-length")?.has_no("transfer-encoding")?;
        play.wait_for("upgraded")?;
        client.send("hello")?.until("o]")?;
        client.send("end!")?.until("]bye")?;
        client.closed()?;
        play.wait_until("it is over", |counters| counters.closed(CloseReason::TakenOver) == 1)?;
        play.noted(&["after /toy 101 taken_over", "upgraded"])
    }
    /// What the client has sent behind its request is the protocol's, not another request: it comes first.
    must upgrade_reads_what_came_with_the_request ["T-16", "A0-6"] needs [Takeover] app upgrading |play| {
        let mut client = play.connect()?;
        client.send(format!("GET /toy HTTP/1.1\r\nHost: a\r\n{PROPERLY}\r\nGET /trap HTTP/1.1\r\n\r\n!"))?;
        client.next_answer()?.status(101)?;
        let said = client.everything()?;
        let said: Vec<u8> = said.into_iter().filter(|byte| !b"[]".contains(byte)).collect();
        want_eq!(String::from_utf8_lossy(&said), "GET /trap HTTP/1.1\r\n\r\n!bye");
        want_eq!(play.stage().count("handler /trap"), 0);
        Ok(())
    }
    /// A raw takeover gets the connection as it is: the server answers nothing, reads nothing more, and calls no
    /// handler. What it had received comes first.
    must raw_takeover_gets_the_connection_as_it_is ["T-16", "T-28", "A0-6"] needs [Takeover] app raw |play| {
        for behind in ["", "what came behind", "GET /trap HTTP/1.1\r\nHost: a\r\n\r\n"] {
            let mut client = play.connect()?;
            client.send(format!("POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n{behind}"))?;
            play.wait_for_times("unread are left: 0", 1)?;
            let mut got = String::new();
            while got.replace(['[', ']'], "") != behind {
                got += &String::from_utf8_lossy(&client.bytes(1)?);
            }
            client.silent()?.send("end!")?.until("]bye")?;
            client.closed()?;
        }
        play.wait_until("all are over", |counters| counters.closed(CloseReason::TakenOver) == 3)?;
        want_eq!(play.stage().count("after /raw 0 taken_over"), 3);
        want_eq!(play.stage().count("unread come first: true"), 3);
        want_eq!(play.stage().notes().len(), 9);
        Ok(())
    }
    /// Requests in front of it are answered first, in their order; and afterwards nothing is a request, whatever
    /// it looks like: the connection is never used again.
    must takeover_ends_a_pipeline ["T-16", "R-093", "A0-6"] needs [Takeover, KeepAlive] app raw |play| {
        let mut client = play.connect()?;
        client.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none\
            POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo\
            GET /raw HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.answered(200)?.content("one")?;
        client.answered(200)?.content("two")?;
        client.send("GET /4 HTTP/1.1\r\nHost: a\r\n\r\n!")?;
        let said = client.everything()?;
        let said: Vec<u8> = said.into_iter().filter(|byte| !b"[]".contains(byte)).collect();
        want_eq!(String::from_utf8_lossy(&said),
            "GET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n!bye");
        let notes = play.stage().notes();
        let handled: Vec<_> = notes.iter().filter(|note| note.starts_with("handler")).collect();
        want_eq!(handled, ["handler /1", "handler /2"]);
        play.wait_until("all three are completed", |counters| counters.requests == 3 && counters.completed == 3)
    }
    /// A 101 goes only to who asked for that protocol, in a way that counts; others are told its name, and their
    /// connection goes on.
    must upgrade_that_nobody_asked_for_gets_426 ["T-17", "R-072", "R-110"] needs [Takeover, KeepAlive] app upgrading |play| {
        let ways = [
            "", "Upgrade: toy\r\n", "Connection: upgrade\r\n", "Connection: upgrade\r\nUpgrade: toys\r\n",
            "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", "Connection: keep-alive\r\nUpgrade: toy\r\n",
            "Connection: upgrade\r\nUpgrade: toy/2\r\n", "Connection: trailer\r\nUpgrade: toy\r\n",
        ];
        for lines in ways {
            let mut client = asks(play, "HTTP/1.1", lines)?;
            client.answered(426)?.has("upgrade", "toy")?;
            client.post("/other", "goes on")?.answered(200)?.content("goes on")?;
        }
        let old = format!("Connection: keep-alive\r\n{PROPERLY}");
        asks(play, "HTTP/1.0", &old)?.answer()?.status(426)?.has("upgrade", "toy")?;
        want_eq!(play.stage().count("upgraded"), 0);
        // Each is told of: what was sent is not what the application gave.
        play.wait_until("all are told", |counters| counters.failures == 9)
    }
    /// A client may offer several protocols, in any case and on any line.
    must upgrade_takes_any_of_the_offers ["T-17", "R-057", "R-072"] needs [Takeover] app upgrading |play| {
        let ways = [
            "connection: Upgrade\r\nupgrade: TOY\r\n", "Connection: keep-alive, UPGRADE\r\nUpgrade: h2c, toy\r\n",
            "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: toy\r\n",
            "Connection: keep-alive\r\nConnection: upgrade\r\nUpgrade: toy ,h2c\r\n",
        ];
        for lines in ways {
            let mut client = asks(play, "HTTP/1.1", lines)?;
            client.next_answer()?.status(101)?.has("upgrade", "toy")?;
            client.send("!")?.until("bye")?;
        }
        Ok(())
    }
    /// A handler upgrades when all of its content is there; what comes behind that is the protocol's.
    must handler_upgrades_after_its_content ["T-16", "T-17", "T-20", "R-093"] needs [Takeover, KeepAlive] app upgrading_handler |play| {
        let framings = [
            "Content-Length: 7\r\n\r\ncontent",
            "Transfer-Encoding: chunked\r\n\r\n3\r\ncon\r\n4\r\ntent\r\n0\r\n\r\n",
        ];
        for framing in framings {
            let mut client = play.connect()?;
            client.post("/first", "first")?.answered(200)?.content("first")?;
            client.send(format!("POST /toy HTTP/1.1\r\nHost: a\r\n{PROPERLY}{framing}behind!"))?;
            client.next_answer()?.status(101)?;
            let said = client.everything()?;
            let said: Vec<u8> = said.into_iter().filter(|byte| !b"[]".contains(byte)).collect();
            want_eq!(String::from_utf8_lossy(&said), "<content>behind!bye");
        }
        play.wait_for_times("after /toy 101 taken_over", 2)
    }
    /// Content that a handler had begun to read and has not taken is the connection's again, in front of what came
    /// behind it: nothing of it is lost, whether the server had read it ahead or not.
    must takeover_in_the_middle_of_content_loses_nothing ["T-16", "T-22"] needs [Takeover, Streaming]
        app taking_over_early |play| {
        for rest in ["", "456789behind"] {
            let mut client = play.connect()?;
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123{rest}"))?;
            play.wait_for("has begun")?;
            play.stage().open("go on");
            if rest.is_empty() {
                client.send("456789behind")?;
            }
            client.half_close()?;
            let said = client.everything()?;
            let said: Vec<u8> = said.into_iter().filter(|byte| !b"<>".contains(byte)).collect();
            want_eq!(String::from_utf8_lossy(&said), "0123456789behind");
        }
        // Of chunks the framing may be gone, and nothing else.
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
            2\r\nla\r\n3\r\nrge\r\n4\r\nrest\r\n0\r\n\r\nbehind")?.half_close()?;
        let said = String::from_utf8_lossy(&client.everything()?).into_owned();
        let content: String = said.chars().filter(|letter| letter.is_alphabetic()).collect();
        want_eq!(content, "largerestbehind");
        Ok(())
    }
    /// A body that lives on in a takeover gets no more: it learns that, and does not wait for ever.
    must content_of_a_takeover_ends_with_an_error ["T-16", "T-22"] needs [Takeover, Streaming]
        app taking_over_early |play| {
        play.stage().open("go on");
        let mut client = play.connect()?;
        client.send("POST /keeps HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0")?.until("<0>")?;
        play.wait_for("the content ended with an error: true")?;
        comes_back(&mut client, b"more")?;
        client.half_close()?.closed()
    }
    /// The answer in front of a takeover is an answer: one that cannot be sent is a clean 500 and is told of, and
    /// nothing is taken over.
    must takeover_with_an_answer_that_cannot_be_sent_is_a_500 ["T-26", "T-16", "R-019", "R-070"]
        needs [Takeover, KeepAlive] app answering_wrongly |play| {
        for (times, kind) in (1..).zip(["field", "continue", "processing"]) {
            let mut client = play.connect()?;
            client.get(&format!("/early/{kind}"))?.answered(500)?.has_no("x-never")?;
            client.get(&format!("/{kind}"))?.answered(500)?.has_no("x-never")?;
            client.alive()?;
            play.wait_until("both are told", |counters| counters.failures == 2 * times)?;
        }
        want_eq!(play.stage().count("taken over"), 0);
        Ok(())
    }
    /// Much is moved both ways, and nothing of it is lost or mixed; a client that does not read holds the
    /// application up, not the server.
    must takeover_moves_much_both_ways ["T-16", "R-098", "T-61"] needs [Takeover] app echoing |play| {
        let mut client = play.connect()?;
        client.get("/echo")?;
        for size in [1, 1000, 5000] {
            let bytes: Vec<u8> = (0..size).map(|number: usize| b"abcdefghijk"[number % 11]).collect();
            comes_back(&mut client, &bytes)?;
        }
        let most = if play.is_virtual() { 300_000 } else { 32 << 20 };
        let taken = client.send_some(&vec![b'x'; most]);
        want!(taken < most, "all of {taken} bytes were taken");
        play.connect()?.get("/ok")?.answer()?.status(200)?;
        client.half_close()?;
        let echoed = client.everything()?;
        want_eq!(echoed.len(), taken);
        play.wait_until("all is counted", |counters| counters.bytes_out > taken as u64)
    }
    /// The times of messages are none of another protocol's: it may rest for as long as it likes.
    must taken_over_connection_may_rest ["T-16", "R-096"] needs [Takeover] app echoing |play| {
        let mut client = play.connect()?;
        client.get("/echo")?;
        comes_back(&mut client, b"one")?;
        client.silent_for(seconds(60))?;
        comes_back(&mut client, b"two")?;
        client.half_close()?.closed()?;
        play.wait_until("it is over", |counters| counters.closed(CloseReason::TakenOver) == 1)
    }
    /// A takeover that fails or panics is told of with its connection, which is closed. One whose client has gone
    /// learns that like any other reader.
    must takeover_that_fails_is_told_of ["T-42", "T-16", "T-61"] needs [Takeover] app failing |play| {
        for (path, note) in [("/fail", "as it should"), ("/panic", "panicked: as it should"), ("/at-once", "panicked: at once")] {
            let mut client = play.connect()?;
            client.get(path)?.gone()?;
            play.wait_for(&format!("takeover: {note}"))?;
        }
        let mut client = play.connect()?;
        client.get("/left")?.until("here")?;
        client.reset();
        play.wait_until("all are over", |counters| counters.closed(CloseReason::TakenOver) == 4 && counters.failures == 4)?;
        play.connect()?.get("/ok")?.answer()?.status(200)?.ok()
    }
    /// Connection, ids and addresses are what they were; it is completed when the application has finished.
    must taken_over_connection_is_the_same ["T-16", "T-55", "T-53"] needs [Takeover] app knowing |play| {
        let mut client = play.connect()?;
        client.get("/")?.until("the same: true")?;
        client.closed()?;
        play.wait_for("completed taken_over")
    }
    /// A success to CONNECT makes a tunnel: no framing, and from then on bytes.
    must connect_becomes_a_tunnel ["T-16", "R-043", "R-044", "R-067"] needs [Takeover] app tunnel |play| {
        let mut client = play.connect()?;
        client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")?;
        let head = client.until("\r\n\r\n")?.to_lowercase();
        want!(head.starts_with("http/1.1 200 ") && head.contains("x-tunnel: yes"), "the head is {head:?}");
        want!(!head.contains("content-length") && !head.contains("transfer-encoding"), "the head is {head:?}");
        comes_back(&mut client, b"GET / HTTP/1.1\r\n\r\n")?;
        client.half_close()?.closed()?;
        play.wait_until("it is told", |counters| counters.closed(CloseReason::TakenOver) == 1)?;
        play.noted(&["after  200 taken_over"])
    }
    /// A shutdown waits for what was taken over.
    must shutdown_waits_for_a_takeover ["T-62", "T-16", "R-099"] needs [Takeover] app echoing |play| {
        let mut client = play.connect()?;
        client.get("/echo")?;
        comes_back(&mut client, b"before")?;
        play.begin_shutdown(Drain::default())?;
        play.pause(seconds(5));
        comes_back(&mut client, b"and after")?;
        client.half_close()?.closed()?;
        want!(play.report()?.is_clean(), "it was no clean stop");
        Ok(())
    }
    /// But not for longer than its deadline.
    must shutdown_cuts_a_takeover_at_its_deadline ["T-62", "T-16", "R-099"] needs [Takeover, Limits] app echoing |play| {
        let mut client = play.connect()?;
        client.get("/echo")?;
        comes_back(&mut client, b"before")?;
        let deadline = play.scaled(seconds(10));
        play.begin_shutdown(Drain::within(deadline))?;
        client.gone()?;
        let report = play.report()?;
        want!(report.cut == 1 && !report.is_clean(), "it says {report:?}");
        want!(report.took >= deadline, "it took {:?}", report.took);
        want_eq!(report.counters.closed(CloseReason::ShutdownCut), 1);
        Ok(())
    }
}
