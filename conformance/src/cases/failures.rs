//! Failures: what the client is told, what the application is told, and whom else they concern.

use std::panic::panic_any;
use std::sync::Arc;
use std::time::Duration;

use http_server_trait::{
    App, Body, BodyError, BodyPlan, Cause, CloseReason, Completed, Conn, Failure as Told, Flow,
    Handler, Head, Request, Response, Summary, Takeover, streamed,
};

use super::hooks::note_failures;
use crate::case::cases;
use crate::stage::Stage;
use crate::{want, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What no client may see.
const SECRET: &str = "a secret";

/// Fails and panics in every place, at once and later.
fn failing(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.middleware(|head: Head| {
        if head.path() == "/middleware/panic/at-once" {
            panic_any(SECRET);
        }
        async move {
            match head.path() {
                "/middleware/panic" => panic!("{SECRET}"),
                "/middleware/fail" => Flow::Fail(SECRET.into()),
                _ => Flow::Continue(head),
            }
        }
    });
    let stage = stage.clone();
    app.handler(move |request: Request| {
        if request.path() == "/handler/panic/at-once" {
            panic_any(SECRET);
        }
        let stage = stage.clone();
        async move {
            match request.path() {
                "/handler/panic" => panic!("{SECRET}"),
                "/handler/panic/value" => panic_any(17),
                "/handler/fail" => Flow::Fail(SECRET.into()),
                "/handler/panic/later" => {
                    request.exec().sleep(stage.scaled(seconds(1))).await;
                    panic!("{SECRET}")
                }
                "/ok" => Flow::Reply(Response::text("ok")),
                _ => Flow::Continue(request),
            }
        }
    });
}

/// Notes everything that a failure knows.
fn note_all(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.on_error(move |failure: Arc<Told>| {
        let id = failure.conn().map(|conn| conn.id().to_string());
        let request = failure.request().and_then(Summary::id);
        let request = request.map(|id| id.to_string());
        let whose = match failure.cause() {
            Cause::Error(_) => "error",
            Cause::Panic(_) => "panic",
            Cause::Protocol(_) => "protocol",
            Cause::Answer(_) => "answer",
            _ => "other",
        };
        let whose_said = failure.is_protocol() == (whose == "protocol");
        stage.note(format!("{id:?} {request:?} {whose} {whose_said}"));
        stage.note(format!("line: {failure}"));
        async {}
    });
}

/// Fails with everything that a failure can know.
fn knowing(app: &mut App, stage: &Stage) {
    note_all(app, stage);
    app.handler(streamed(|mut request: Request| async move {
        match request.path() {
            "/fail" => Err(SECRET.into()),
            "/panic" => panic!("{SECRET}"),
            "/field" => Ok(Response::text("ok").with_field("x", "a\nb")),
            "/read" => {
                let content = request.bytes().await?;
                Ok(Response::text(content))
            }
            _ => Ok::<_, http_server_trait::BoxError>(Response::text("ok")),
        }
    }));
}

/// Everything that a client can leave from.
fn leaving(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    let told = stage.clone();
    app.after(move |done: Arc<Completed>| {
        told.note(format!("after {}", done.path()));
        async {}
    });
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            match request.path() {
                "/read" => Flow::Reply(match request.bytes().await {
                    Ok(content) => Response::text(content),
                    Err(error) => return Flow::Fail(error.into()),
                }),
                "/wait" => {
                    stage.note("waits");
                    stage.gate("go on").await;
                    Flow::Reply(Response::text("ok"))
                }
                "/endless" => {
                    let pieces = std::iter::repeat([b'x'; 4096].to_vec());
                    Flow::Reply(Response::text(Body::iter(pieces)))
                }
                _ => Flow::Reply(Response::text("ok")),
            }
        }
    }));
}

/// Fails in the middle of its answer.
fn failing_late(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            if request.path() == "/ok" {
                stage.note("the request behind");
                return Response::text("ok");
            }
            let (mut sender, body) = Body::channel();
            let path = request.path().to_owned();
            drop(request.exec().spawn(async move {
                sender.send("first;").await?;
                stage.gate(&path).await;
                match path.as_str() {
                    "/abort" => sender.abort(SECRET),
                    _ => drop(sender),
                }
                Ok::<_, BodyError>(())
            }));
            Response::text(body)
        }
    });
}

/// Error hooks, the first of which goes wrong itself.
fn failing_error_hook(app: &mut App, stage: &Stage) {
    app.on_error(|failure: Arc<Told>| {
        let at_once = failure.cause().to_string().contains("at once");
        assert!(!at_once, "in the error hook, at once");
        async { panic_any("in the error hook") }
    });
    note_failures(app, stage);
    app.handler(|request: Request| async move {
        match request.path() {
            "/ok" => Ok("ok"),
            "/at-once" => Err("at once"),
            _ => Err("later"),
        }
    });
}

/// An error hook that waits at a gate, and a note when the connection is completed.
fn slow_error_hook(app: &mut App, stage: &Stage) {
    let slow = stage.clone();
    app.on_error(move |failure: Arc<Told>| {
        slow.note(format!("{}", failure.hook()));
        slow.gate("go on")
    });
    let noting = stage.clone();
    let note_completed = move |conn: &Conn| {
        let (noting, completed) = (noting.clone(), conn.completed());
        drop(conn.exec().spawn(async move {
            let reason = completed.await;
            noting.note(format!("completed {reason}"));
        }));
    };
    app.handler(move |request: Request| {
        let path = request.path().to_owned();
        if path != "/ok" {
            note_completed(request.conn());
        }
        async move {
            match path.as_str() {
                "/ok" => Flow::Reply(Response::text("ok")),
                "/panic" => panic!("as it should"),
                "/takeover" => Flow::Takeover(Takeover::raw(|_| async { Err("as it should") })),
                _ => Flow::Fail("as it should".into()),
            }
        }
    });
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        // Not while another panic is on its way: that would end the process.
        if !std::thread::panicking() {
            panic_any(self.0);
        }
    }
}

/// Answers that panic when they are dropped: sent, and cut.
fn bombs(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let bomb = match request.path() {
                "/ok" => return Response::text("ok"),
                "/beside" => {
                    let mut answer = Response::text("ok");
                    let bomb = Arc::new(Bomb("beside an answer"));
                    answer.extensions_mut().insert(bomb);
                    return answer;
                }
                "/state" => {
                    let _bomb = Bomb("in a handler's state");
                    stage.note("dropped");
                    return Response::text("never");
                }
                _ => Bomb("in an answer's content"),
            };
            Response::text(Body::iter((0..3).map(move |number| {
                let _bomb = &bomb;
                format!("{number}")
            })))
        }
    });
}

/// Panics where it is asked what is to become of the content.
struct PlansBadly(&'static str);

impl Handler for PlansBadly {
    async fn handle(&self, request: Request) -> Flow<Request> {
        Flow::Continue(request)
    }

    fn body_plan(&self, head: &Head) -> BodyPlan {
        if head.path() == self.0 {
            panic_any(SECRET);
        }
        BodyPlan::Stream
    }
}

fn planning_badly(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.handler(PlansBadly("/first"));
    app.handler(PlansBadly("/second"));
    app.handler(|mut request: Request| async move { request.bytes().await });
}

/// Waits for ever, with something that panics when it is dropped.
fn bombs_with_a_deadline(app: &mut App, stage: &Stage) {
    app.config_mut().request_time = Some(seconds(5));
    note_failures(app, stage);
    let gate = stage.clone();
    app.middleware(move |head: Head| {
        let gate = gate.clone();
        async move {
            if head.path() == "/middleware" {
                let _bomb = Bomb("in a state");
                gate.gate("never").await;
            }
            head
        }
    });
    let gate = stage.clone();
    app.handler(move |_: Request| {
        let gate = gate.clone();
        async move {
            let _bomb = Bomb("in a state");
            gate.gate("never").await;
        }
    });
}

cases! {
    /// Whatever goes wrong before the head of the answer is out gives a 500 that tells nothing; and a connection
    /// that is clean is kept.
    must failure_before_the_head_is_a_500 ["T-40", "T-42", "A1-6", "A4-3", "R-097"] needs [KeepAlive] app failing |play| {
        let failures = [
            ("/middleware/fail", "middleware: a secret"),
            ("/middleware/panic", "middleware: panicked: a secret"),
            ("/middleware/panic/at-once", "middleware: panicked: a secret"),
            ("/handler/fail", "handler: a secret"),
            ("/handler/panic", "handler: panicked: a secret"),
            ("/handler/panic/at-once", "handler: panicked: a secret"),
            ("/handler/panic/later", "handler: panicked: a secret"),
            ("/handler/panic/value", "handler: panicked: a panic without a text"),
        ];
        let mut client = play.connect()?;
        for (number, (path, note)) in failures.into_iter().enumerate() {
            let answer = client.get(path)?.answered(500)?;
            let text = format!("{answer} {:?}", answer.fields);
            want!(!text.contains(SECRET), "the answer to {path} says {text}");
            let times = failures[..=number].iter().filter(|(_, other)| *other == note).count();
            play.wait_for_times(note, times)?;
            want_eq!(play.stage().notes().len(), number + 1);
        }
        want_eq!(play.counters()?.failures, 8);
        client.get("/ok")?.answered(200)?.ok()
    }
    /// A failure knows its hook, its connection and its request, and says all of it in one line.
    must failure_knows_where_it_happened ["T-42", "A4-5"] needs [KeepAlive] app knowing |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        client.get("/fail")?.answered(500)?;
        client.get("/panic")?.answered(500)?;
        client.get("/field")?.answered(500)?;
        play.wait_for_notes(6)?;
        let notes = play.stage().notes();
        want_eq!(notes[..4], [
            "Some(\"1\") Some(\"1.2\") error true",
            "line: handler, request 1.2, \"GET /fail HTTP/1.1\": a secret",
            "Some(\"1\") Some(\"1.3\") panic true",
            "line: handler, request 1.3, \"GET /panic HTTP/1.1\": panicked: a secret",
        ]);
        want!(notes[4].starts_with("Some(\"1\") Some(\"1.4\") "), "{}", notes[4]);
        want!(notes[5].contains("request 1.4, \"GET /field HTTP/1.1\": "), "{}", notes[5]);
        Ok(())
    }
    /// What a client did against the protocol is told as that, with the request if it was one.
    must protocol_fault_is_told_as_one ["T-42", "A4-3"] needs [StrictParsing, Limits] app knowing |play| {
        play.connect()?.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")?.refused(400)?;
        play.connect()?.send("POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n")?.refused(400)?;
        play.connect()?.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")?.refused(413)?;
        play.wait_for_notes(6)?;
        let notes = play.stage().notes();
        want_eq!(notes[0], "Some(\"1\") None protocol true");
        want!(notes[1].starts_with("line: server, connection 1: protocol error: "), "{}", notes[1]);
        want_eq!(notes[2], "Some(\"2\") Some(\"2.1\") protocol true");
        want!(notes[3].contains("request 2.1, \"POST /read HTTP/1.1\": protocol error: "), "{}", notes[3]);
        want_eq!(notes[4], "Some(\"3\") Some(\"3.1\") protocol true");
        Ok(())
    }
    /// A client that leaves is no failure, wherever it leaves: in its head, its content, while a handler works, in
    /// the answer, between two requests.
    must client_that_leaves_is_no_failure ["T-43", "T-28", "A4-3"] needs [Streaming] app leaving |play| {
        let mut client = play.connect()?;
        client.send("GET / HTTP/1.1\r\nHo")?;
        client.reset();
        let mut client = play.connect()?;
        client.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")?;
        play.wait_until("it is a request", |counters| counters.requests == 1)?;
        client.reset();
        play.wait_for("after /read")?;
        let mut client = play.connect()?;
        client.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")?.half_close()?.refused(400)?;
        play.wait_for_times("after /read", 2)?;
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        client.reset();
        play.pause(seconds(1));
        play.stage().open("go on");
        play.wait_for("after /wait")?;
        let mut client = play.connect()?;
        client.get("/endless")?.bytes(10_000)?;
        client.reset();
        play.wait_for("after /endless")?;
        let mut client = play.connect()?;
        client.get("/ok")?.answer()?.status(200)?;
        play.wait_for("after /ok")?;
        client.reset();
        play.wait_until("all have left", |counters| counters.open == 0 && counters.accepted == 6)?;
        let counters = play.counters()?;
        want_eq!(counters.failures, 0);
        want_eq!(counters.closed(CloseReason::ClientLeft), 5);
        play.noted(&["after /read", "after /read", "waits", "after /wait", "after /endless", "after /ok"])
    }
    /// What goes wrong after the head is out cuts the connection: the answer does not look complete, and nothing
    /// comes behind it that could be taken for its end.
    must failure_after_the_head_cuts_the_connection ["T-41", "T-35", "T-42", "A1-6"] needs [Streaming, KeepAlive] app failing_late |play| {
        for path in ["/abort", "/drop"] {
            let mut client = play.connect()?;
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n"))?;
            client.until("first;\r\n")?;
            play.stage().open(path);
            let rest = client.cut()?;
            want!(rest.is_empty(), "there came {}", rest.escape_ascii());
        }
        play.wait_for_notes(2)?;
        let notes = play.stage().notes();
        want_eq!(notes.len(), 2);
        want!(notes[0].starts_with("content of the answer: ") && notes[0].contains(SECRET), "{}", notes[0]);
        want!(notes[1].starts_with("content of the answer: "), "{}", notes[1]);
        Ok(())
    }
    /// An error hook that goes wrong itself is the last of what can be told: the others are told all the same,
    /// and the connection serves on.
    must error_hook_that_panics_hurts_nobody ["T-42", "T-40"] needs [KeepAlive] app failing_error_hook |play| {
        let mut client = play.connect()?;
        client.get("/at-once")?.answered(500)?;
        play.wait_for("handler: at once")?;
        client.get("/later")?.answered(500)?;
        play.wait_for("handler: later")?;
        client.get("/ok")?.answered(200)?.content("ok")?;
        play.noted(&["handler: at once", "handler: later"])
    }
    /// An error hook may take its time. The client has its answer, nobody else waits, and the connection is not
    /// completed before it.
    must error_hook_delays_only_completed ["T-42", "T-55", "A4-3"] needs [KeepAlive, Takeover] app slow_error_hook |play| {
        for (number, path) in ["/fail", "/panic"].into_iter().enumerate() {
            let mut client = play.connect()?;
            client.get(path)?.answer()?.status(500)?;
            play.wait_for_times("handler", number + 1)?;
        }
        let mut client = play.connect()?;
        client.get("/takeover")?;
        play.wait_for("takeover")?;
        play.connect()?.get("/ok")?.answer()?.status(200)?;
        play.pause(seconds(2));
        want_eq!(play.stage().notes().len(), 3);
        play.stage().open("go on");
        play.wait_for_times("completed client_closed", 2)?;
        play.wait_for("completed taken_over")
    }
    /// The same where there never was a request: a client that is refused does not wait for the hook that is told.
    must refusal_does_not_wait_for_the_error_hook ["T-42"] needs [StrictParsing] app slow_error_hook |play| {
        let mut client = play.connect()?;
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n")?.answer()?.status(400)?.says_close()?;
        play.wait_for("server")?;
        play.stage().open("go on");
        client.closed()
    }
    /// What the application leaves behind may panic when it is dropped. That is nobody else's trouble, and the
    /// books balance.
    must panic_in_a_drop_is_nobody_elses_trouble ["T-40", "T-61", "R-097"] app bombs |play| {
        for path in ["/content", "/state"] {
            let mut client = play.connect()?;
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))?;
            let all = client.everything()?;
            // Whether it gets its answer is not asked where that is what panics.
            want!(path == "/content" || all.starts_with(b"HTTP/1.1 500"), "{}", all.escape_ascii());
            play.connect()?.get("/ok")?.answer()?.status(200)?.content("ok")?;
        }
        play.wait_until("two failures", |counters| counters.failures == 2 && counters.open == 0)?;
        play.wait_for_notes(3)?;
        let notes = play.stage().notes();
        want!(notes.iter().any(|note| note.contains("in an answer's content")), "{notes:?}");
        want!(notes.iter().any(|note| note == "handler: panicked: in a handler's state"), "{notes:?}");
        Ok(())
    }
    /// Content that nobody wants may panic when it is dropped. Its answer is out, and the error hook is told.
    must panic_of_content_that_is_not_sent_is_a_failure ["T-42", "T-40"] app bombs |play| {
        let mut client = play.connect()?;
        client.send("HEAD /content HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        client.to_head().answer()?.status(200)?.ok()?;
        play.wait_for("content of the answer: panicked: in an answer's content")?;
        play.wait_until("its request is completed", |counters| {
            (counters.completed, counters.failures) == (1, 1)
        })
    }
    /// What an answer carries beside its content may panic when it is dropped, too. The client has its answer and goes
    /// on, with content in its request and without.
    must panic_of_what_an_answer_carries_is_a_failure ["T-42", "T-40"] needs [KeepAlive] app bombs |play| {
        let mut client = play.connect()?;
        client.get("/beside")?.answered(200)?.content("ok")?;
        play.wait_for_times("content of the answer: panicked: beside an answer", 1)?;
        client.post("/beside", "content")?.answered(200)?.content("ok")?;
        play.wait_for_times("content of the answer: panicked: beside an answer", 2)?;
        client.get("/ok")?.answered(200)?.content("ok")?;
        // Neither is what is written with more care.
        client.send("HEAD /beside HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.to_head().answer()?.status(200)?.ok()?;
        play.wait_for_times("content of the answer: panicked: beside an answer", 3)?;
        client.alive()
    }
    /// Who panics where it is asked whether to collect the content has failed like who panics with it.
    must panic_over_what_to_do_with_content_is_a_500 ["T-40", "T-42", "T-22"] needs [Streaming, KeepAlive]
        app planning_badly |play| {
        let mut client = play.connect()?;
        for (number, path) in ["/first", "/second"].into_iter().enumerate() {
            client.post(path, "content")?.answered(500)?;
            play.wait_for_times("handler: panicked: a secret", number + 1)?;
            client.post("/", "content")?.answered(200)?.content("content")?;
        }
        want_eq!(play.counters()?.failures, 2);
        client.alive()
    }
    /// A hook that is dropped because it took too long may panic in that. The client has the answer of the deadline
    /// all the same, and the error hook is told.
    must panic_of_a_hook_that_is_given_up_is_a_failure ["T-44", "T-40", "T-42"] needs [Limits]
        app bombs_with_a_deadline |play| {
        for (number, hook) in ["handler", "middleware"].into_iter().enumerate() {
            play.connect()?.get(&format!("/{hook}"))?.refused(503)?;
            play.wait_for(&format!("{hook}: panicked: in a state"))?;
            play.wait_until("one more is late", |counters| {
                let late = counters.closed(CloseReason::RequestTimeout);
                (late, counters.failures) == (number as u64 + 1, number as u64 + 1)
            })?;
        }
        want_eq!(play.counters()?.completed, 2);
        Ok(())
    }
    /// Failures are counted by the hook that they are told of, and by nobody twice.
    must failures_are_counted_once ["T-61", "T-42"] needs [KeepAlive] app failing |play| {
        let mut client = play.connect()?;
        for number in 1..=5 {
            client.get("/handler/fail")?.answered(500)?;
            client.get("/ok")?.answered(200)?;
            play.wait_until("one more", |counters| counters.failures == number)?;
        }
        play.wait_for_times("handler: a secret", 5)?;
        play.wait_until("all are completed", |counters| counters.requests == 10 && counters.completed == 10)?;
        want_eq!(play.counters()?.failures, 5);
        Ok(())
    }
}
