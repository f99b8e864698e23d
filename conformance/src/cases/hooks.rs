//! Hooks: their order, their decisions, their timing, and what they share.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_server_trait::http::StatusCode;
use http_server_trait::{
    Address, App, Body, BodyError, Chain, CloseReason, Completed, Drain, Failure as Told, Flow,
    Head, ListenErrorKind, Next, Request, Response, Starting, Stopping, Summary, around, blocking,
    streamed,
};

use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{Play, routes, want, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Notes which hook failed, and how.
pub(super) fn note_failures(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.on_error(move |failure: Arc<Told>| {
        stage.note(format!("{}: {}", failure.hook(), failure.cause()));
        async {}
    });
}

/// Notes each request that has ended.
fn note_after(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.after(move |done: Arc<Completed>| {
        let status = done.status.map_or(0, |status| status.as_u16());
        stage.note(format!("after {} {status} {}", done.path(), done.outcome));
        async {}
    });
}

fn noting(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        noted.note("middleware");
        async { head }
    });
    let noted = stage.clone();
    app.handler(move |mut request: Request| {
        let noted = noted.clone();
        async move {
            let content = request.bytes().await;
            noted.note("handler");
            content.map(|content| format!("{} bytes", content.len()))
        }
    });
    let noted = stage.clone();
    app.after(move |done: Arc<Completed>| {
        noted.note(format!("after {}", done.outcome));
        async {}
    });
}

fn three_handlers(app: &mut App, stage: &Stage) {
    for name in ["one", "two", "three"] {
        let noted = stage.clone();
        app.handler(move |request: Request| {
            noted.note(name);
            async move {
                if name == "two" {
                    None
                } else {
                    Some(Flow::Continue(request))
                }
            }
        });
    }
    let noted = stage.clone();
    app.after(move |_: Arc<Completed>| {
        noted.note("after");
        async {}
    });
}

/// Three handlers. The second takes its time to decide, and what it decides is in the path.
fn three_handlers_that_take_their_time(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    note_after(app, stage);
    for name in ["one", "two", "three"] {
        let stage = stage.clone();
        app.handler(move |request: Request| {
            stage.note(name);
            let stage = stage.clone();
            async move {
                if name != "two" {
                    return Ok(request);
                }
                request.exec().sleep(stage.scaled(seconds(1))).await;
                match request.path() {
                    "/fail" => Err("as it should"),
                    _ => Ok(request),
                }
            }
        });
    }
    app.handler(|_: Request| async { "passed on" });
}

/// Three hooks of middleware. The second answers, fails or panics where the path says so.
fn three_of_middleware(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    note_after(app, stage);
    for name in ["one", "two", "three"] {
        let stage = stage.clone();
        app.middleware(move |head: Head| {
            stage.note(name);
            async move {
                match (name, head.path()) {
                    ("two", "/reply") => Flow::Reply(Response::new(StatusCode::FORBIDDEN)),
                    ("two", "/fail") => Flow::Fail("as it should".into()),
                    ("two", "/panic") => panic!("as it should"),
                    _ => Flow::Continue(head),
                }
            }
        });
    }
    let stage = stage.clone();
    app.handler(move |_: Request| {
        stage.note("handler");
        async { "handled" }
    });
}

/// What hooks share. It is the same for all of them, or their counts would not add up.
#[derive(Default)]
struct Tally(AtomicUsize);

impl Tally {
    fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// Every hook counts in what is shared.
fn sharing(app: &mut App, stage: &Stage) {
    app.state(Tally::default());
    app.state("from the application");
    app.config_mut().request_time = Some(seconds(10));
    let noted = stage.clone();
    app.on_start(move |starting: Starting| {
        let count = starting.state::<Tally>().map(|tally| tally.count());
        noted.note(format!("start {count:?}"));
        async move { starting.insert(String::from("from a start hook")) }
    });
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        let count = head.state::<Tally>().map(Tally::count);
        noted.note(format!("middleware {count:?}"));
        async { head }
    });
    let waiting = stage.clone();
    app.handler(move |request: Request| {
        let never = waiting.gate("never");
        async move {
            match request.path() {
                "/fail" => return Err("as it should"),
                "/late" => never.await,
                _ => {}
            }
            let count = request.state::<Tally>().map(Tally::count);
            let text = request.state::<&str>();
            let string = request.state::<String>();
            let missing = request.state::<u8>();
            Ok(format!("{count:?} {text:?} {string:?} {missing:?}"))
        }
    });
    app.on_deadline(|request: Summary| async move {
        let tally = request.conn().and_then(|conn| conn.shared().get::<Tally>());
        format!("{:?}", tally.map(Tally::count))
    });
    let noted = stage.clone();
    app.on_error(move |failure: Arc<Told>| {
        let tally = failure.conn().and_then(|conn| conn.shared().get::<Tally>());
        noted.note(format!("error {:?}", tally.map(Tally::count)));
        async {}
    });
    let noted = stage.clone();
    app.after(move |done: Arc<Completed>| {
        let tally = done.conn().and_then(|conn| conn.shared().get::<Tally>());
        noted.note(format!("after {:?}", tally.map(Tally::count)));
        async {}
    });
    let noted = stage.clone();
    app.on_stop(move |stopping: Stopping| {
        let count = stopping.state::<Tally>().map(Tally::count);
        noted.note(format!("stop {count:?}"));
        async {}
    });
}

/// Takes half a minute for its answer, and notes what `after` is told.
fn measured(app: &mut App, stage: &Stage) {
    let taking = stage.clone();
    app.handler(move |mut request: Request| {
        let stage = taking.clone();
        async move {
            request.exec().sleep(stage.scaled(seconds(30))).await;
            let content = request.bytes().await?;
            Ok::<_, BodyError>((StatusCode::ACCEPTED, content))
        }
    });
    let stage = stage.clone();
    app.after(move |done: Arc<Completed>| {
        let id = done.id().map(|id| id.to_string());
        stage.note(format!("{} {}", id.unwrap_or_default(), done.request));
        stage.note(format!("{:?} {}", done.status, done.outcome));
        stage.note(format!("in {} out {}", done.bytes_in, done.bytes_out));
        let about = |time: Duration, low: u64, high: u64| {
            stage.scaled(seconds(low)) <= time && time < stage.scaled(seconds(high))
        };
        let phases = done.phases;
        let fits = about(phases.body, 4, 100)
            && about(phases.handler, 30, 1000)
            && phases.total() == phases.head + phases.body + phases.handler + phases.send
            && done.duration() == phases.total();
        stage.note(if fits {
            "times fit".to_owned()
        } else {
            format!("{phases:?}")
        });
        async {}
    });
}

/// Three `after` hooks; the first fails, the second panics, each in the ways that there are.
fn failing_after(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.after(|_: Arc<Completed>| async { Err("the first") });
    app.after(|done: Arc<Completed>| {
        assert_ne!(done.path(), "/at-once", "the second, at once");
        async move {
            assert_ne!(done.path(), "/later", "the second, later");
        }
    });
    note_after(app, stage);
    app.handler(|request: Request| async move { request.path().to_owned() });
}

/// Requests that end in every way that there is.
fn every_end(app: &mut App, stage: &Stage) {
    app.config_mut().body = Some(10);
    app.config_mut().request_time = Some(seconds(20));
    app.on_error(|_| async {});
    note_after(app, stage);
    app.middleware(|head: Head| async move {
        match head.path() {
            "/middleware/reply" => Flow::Reply(Response::new(StatusCode::FORBIDDEN)),
            "/middleware/fail" => Flow::Fail("as it should".into()),
            "/middleware/panic" => panic!("as it should"),
            _ => Flow::Continue(head),
        }
    });
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            match request.path() {
                "/ok" => Flow::Reply(Response::text("ok")),
                "/fail" => Flow::Fail("as it should".into()),
                "/panic" => panic!("as it should"),
                "/late" => {
                    stage.gate("never").await;
                    Flow::Continue(request)
                }
                "/wait" => {
                    stage.note("waits");
                    stage.gate("go on").await;
                    Flow::Reply(Response::text("ok"))
                }
                "/cut" => {
                    let pieces = [Ok("piece"), Err("as it should")];
                    let body = Body::try_iter(pieces);
                    Flow::Reply(Response::text(body))
                }
                _ => Flow::Continue(request),
            }
        }
    });
}

/// `after` waits at a gate.
fn slow_after(app: &mut App, stage: &Stage) {
    routes::install(app);
    let stage = stage.clone();
    app.after(move |_: Arc<Completed>| {
        stage.note("after");
        stage.gate("go on")
    });
}

/// Handlers around handlers.
fn wrapped(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    let inner = Chain::new()
        .then(|request: Request| async move {
            match request.path() {
                "/fail" => Flow::Fail("as it should".into()),
                "/panic" => panic!("as it should"),
                "/inner" => Flow::Reply(Response::text("inner").with_field("x-inner", "yes")),
                _ => Flow::Continue(request),
            }
        })
        .then(|request: Request| async move {
            match request.path() {
                "/second" => Flow::Reply(Response::text("second")),
                _ => Flow::Continue(request),
            }
        });
    let with_a_field = around(inner, |request: Request, next: Next| async move {
        let flow = next.run(request).await;
        flow.map_reply(|answer| answer.with_field("x-one", "yes"))
    });
    app.handler(around(
        with_a_field,
        |request: Request, next: Next| async move {
            if request.path() == "/no" {
                return Flow::Reply(Response::new(StatusCode::FORBIDDEN));
            }
            match next.run(request).await {
                Flow::Fail(error) => Flow::Reply(Response::text(format!("caught: {error}"))),
                flow => flow.map_reply(|answer| answer.with_field("x-two", "yes")),
            }
        },
    ));
    let stream = stage.clone();
    let counting = streamed(move |mut request: Request| {
        stream.note("called");
        async move {
            let content = request.bytes().await?;
            Ok::<_, BodyError>(format!("{} bytes", content.len()))
        }
    });
    app.handler(around(
        counting,
        |request: Request, next: Next| async move { next.run(request).await },
    ));
}

/// `/block` blocks its thread until something is noted; everything else is async.
fn blocking_and_async(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    let stage = stage.clone();
    app.handler(blocking(move |request: Request| match request.path() {
        "/block" => {
            stage.note("blocks");
            http_server_trait::block_on(stage.gate("go on"));
            Flow::Reply(Response::text("blocked"))
        }
        "/panic" => panic!("as it should"),
        "/fail" => Flow::Fail("as it should".into()),
        _ => Flow::Continue(request),
    }));
    app.handler(|mut request: Request| async move { request.bytes().await });
}

/// Does its work by the handle to the runtime that serves.
fn executing(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let exec = request.exec().clone();
            let spawned = exec.spawn(async move { 20 + 1 }).await;
            let blocked = exec.spawn_blocking(|| 20 + 2).await;
            let panicked = exec.spawn(async { panic_any("as it should") }).await;
            let before = exec.now();
            exec.sleep(stage.scaled(seconds(20))).await;
            let slept = exec.now() - before;
            let detached = stage.clone();
            let sleep = exec.sleep(stage.scaled(seconds(5)));
            drop(exec.spawn(async move {
                sleep.await;
                detached.note("runs on");
            }));
            let fits = slept >= stage.scaled(seconds(20));
            format!(
                "{:?} {:?} {} {fits}",
                spawned.ok(),
                blocked.ok(),
                panicked.is_err_and(|error: http_server_trait::TaskError| {
                    error.to_string().contains("as it should")
                }),
            )
        }
    });
}

fn naming_the_runtime(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let same = request.exec().runtime() == request.conn().backend();
        format!("the same: {same}")
    });
}

/// Work in the background holds its connection, and its `completed` is noted.
fn holding(app: &mut App, stage: &Stage) {
    let slow = stage.clone();
    app.after(move |_: Arc<Completed>| slow.gate("after"));
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let conn = request.conn().clone();
        let (noting, completed) = (stage.clone(), conn.completed());
        drop(request.exec().spawn(async move {
            let reason = completed.await;
            noting.note(format!("completed {reason}"));
        }));
        let (working, hold) = (stage.clone(), conn.hold());
        drop(request.exec().spawn(async move {
            working.gate("work").await;
            working.note("work done");
            drop(hold);
        }));
        async { "ok" }
    });
}

fn started_in_order(app: &mut App, stage: &Stage) {
    struct First(&'static str);
    let noted = stage.clone();
    app.on_start(move |starting: Starting| {
        let noted = noted.clone();
        async move {
            let bound = starting.addresses().iter().filter_map(Address::tcp);
            let real = bound.filter(|address| address.port() != 0).count();
            noted.note(format!("first, bound to {real}"));
            starting.exec().sleep(noted.scaled(seconds(1))).await;
            starting.insert(First("shared"));
        }
    });
    let noted = stage.clone();
    app.on_start(move |starting: Starting| {
        let found = starting.state::<First>().map(|first| first.0);
        noted.note(format!("second, {found:?}"));
        async { Ok::<_, String>(()) }
    });
    let noted = stage.clone();
    app.handler(move |request: Request| {
        noted.note("handler");
        async move { request.state::<First>().map(|first| first.0) }
    });
}

/// A start hook that waits at a gate.
fn slow_start(app: &mut App, stage: &Stage) {
    routes::install(app);
    let stage = stage.clone();
    app.on_start(move |starting: Starting| {
        let listens = starting.addresses().first().and_then(Address::tcp);
        stage.note(listens.map_or("nowhere".into(), |address| address.to_string()));
        stage.note("starting");
        stage.gate("go on")
    });
}

// Named functions: the error names the hook.
async fn start_that_fails(_: Starting) -> Result<(), &'static str> {
    Err("as it should")
}

async fn start_that_panics(_: Starting) {
    panic_any("as it should");
}

async fn start_that_hangs(starting: Starting) {
    starting.exec().sleep(seconds(3600)).await;
}

/// A server whose last start hook is not the one that fails: that one is never called.
fn not_started(play: &mut Play, name: &str, cause: &str, hook: impl FnOnce(&mut App)) -> Verdict {
    let mut server = play.server(|app, stage| {
        routes::install(app);
        app.config_mut().hook_time = seconds(10);
        hook(app);
        let noted = stage.clone();
        app.on_start(move |_: Starting| {
            noted.note("a later start hook");
            async {}
        });
        let noted = stage.clone();
        app.on_stop(move |_: Stopping| {
            noted.note("a stop hook");
            async {}
        });
    })?;
    let Err(error) = play.try_start(&mut server, "127.0.0.1:0")? else {
        return Err("it was started all the same".into());
    };
    want_eq!(error.kind(), ListenErrorKind::StartHook);
    want!(error.what().contains(name), "{} is named", error.what());
    let text = error.to_string();
    want!(
        text.contains(name) && text.contains(cause),
        "it says {text}"
    );
    play.noted(&[])
}

/// Stop hooks that note what they find, beside a handler that waits.
fn stopping(app: &mut App, stage: &Stage) {
    app.state("shared");
    let stage = stage.clone();
    for name in ["first", "second"] {
        let noted = stage.clone();
        app.on_stop(move |stopping: Stopping| {
            let noted = noted.clone();
            async move {
                stopping.exec().sleep(noted.scaled(seconds(1))).await;
                let found = stopping.state::<&str>();
                noted.note(format!("{name} stop, {found:?}"));
            }
        });
    }
    note_after(app, &stage);
    app.handler(move |_: Request| {
        stage.note("waits");
        let gate = stage.gate("go on");
        async move {
            gate.await;
            "finished"
        }
    });
}

async fn stop_that_panics(_: Stopping) {
    panic_any("as it should");
}

/// Stop hooks that fail in every way, and one after them.
fn failing_stop(app: &mut App, stage: &Stage) {
    routes::install(app);
    app.config_mut().hook_time = seconds(10);
    note_failures(app, stage);
    app.on_stop(|_: Stopping| async { Err("as it should") });
    app.on_stop(stop_that_panics);
    app.on_stop(|stopping: Stopping| async move {
        stopping.exec().sleep(seconds(3600)).await;
    });
    let noted = stage.clone();
    app.on_stop(move |_: Stopping| {
        noted.note("the last one");
        async {}
    });
}

cases! {
    /// Middleware runs when the head is there and no content is; the handler when all of it is.
    must middleware_runs_before_the_content_and_handler_after_it ["T-15", "T-20", "A0-2"] app noting |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")?;
        play.wait_for("middleware")?;
        play.pause(seconds(2));
        want_eq!(play.stage().count("handler"), 0);
        client.send("hello")?.answer()?.status(200)?.content("5 bytes")?;
        play.wait_for("after sent")?;
        play.noted(&["middleware", "handler", "after sent"])
    }
    /// The first handler that does not go on ends the chain; `after` is called once all the same.
    must handlers_run_in_order_until_one_stops ["T-03", "T-10", "T-28", "A0-3"] app three_handlers |play| {
        play.connect()?.get("/")?.answer()?.status(404)?;
        play.wait_for("after")?;
        play.noted(&["one", "two", "after"])
    }
    /// A decision may come late, and is the same decision: an error ends the chain, a request that is given back
    /// goes on.
    must late_decision_is_a_decision ["T-10", "T-11", "T-12", "A0-3"] needs [KeepAlive] app three_handlers_that_take_their_time |play| {
        let mut client = play.connect()?;
        client.get("/fail")?.answered(500)?;
        play.wait_for("after /fail 500 sent")?;
        play.noted(&["one", "two", "handler: as it should", "after /fail 500 sent"])?;
        client.get("/on")?.answered(200)?.content("passed on")?;
        play.wait_for("after /on 200 sent")?;
        want_eq!(play.stage().notes()[4..], ["one", "two", "three", "after /on 200 sent"]);
        Ok(())
    }
    /// Middleware runs in its order; the first that does not go on ends it, and no handler is called.
    must middleware_runs_in_order_until_one_stops ["T-03", "T-10", "T-28", "T-40"] needs [KeepAlive] app three_of_middleware |play| {
        let mut client = play.connect()?;
        let all = [
            ("/on", 200, &["one", "two", "three", "handler", "after /on 200 sent"][..]),
            ("/reply", 403, &["one", "two", "after /reply 403 sent"]),
            ("/fail", 500, &["one", "two", "middleware: as it should", "after /fail 500 sent"]),
            ("/panic", 500, &["one", "two", "middleware: panicked: as it should", "after /panic 500 sent"]),
        ];
        let mut before = 0;
        for (path, status, notes) in all {
            client.get(path)?.answered(status)?;
            play.wait_for(notes[notes.len() - 1])?;
            want_eq!(play.stage().notes()[before..], *notes);
            before += notes.len();
        }
        Ok(())
    }
    /// What the application shares is one and the same thing in every hook, from the start to the stop.
    must hooks_share_state ["T-51", "A4-5", "T-05"] needs [Limits] app sharing |play| {
        play.noted(&["start Some(1)"])?;
        let mut client = play.connect()?;
        let text = client.get("/")?.answer()?.status(200)?.text();
        want_eq!(text, "Some(3) Some(\"from the application\") Some(\"from a start hook\") None");
        play.wait_for("after Some(4)")?;
        let mut client = play.connect()?;
        client.get("/fail")?.answer()?.status(500)?;
        play.wait_for("after Some(7)")?;
        let mut client = play.connect()?;
        client.get("/late")?.answer()?.content("Some(9)")?;
        play.wait_for("after Some(10)")?;
        drop(client);
        play.begin_shutdown(Drain::default())?;
        play.report()?;
        play.noted(&[
            "start Some(1)",
            "middleware Some(2)", "after Some(4)",
            "middleware Some(5)", "error Some(6)", "after Some(7)",
            "middleware Some(8)", "after Some(10)",
            "stop Some(11)",
        ])
    }
    /// `after` is told what became of the request: status, outcome, bytes both ways, and how long each phase
    /// took.
    must after_is_told_how_it_went ["T-28", "A0-5"] app measured |play| {
        let mut client = play.connect()?;
        client.send("POST /path?query HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n12345")?;
        play.pause(seconds(5));
        client.send("67890")?;
        let answer = client.everything()?;
        play.wait_until("the request is completed", |counters| counters.completed == 1)?;
        let id = play.counters()?.accepted;
        play.wait_for_times("times fit", 1)?;
        play.noted(&[
            &format!("{id}.1 POST /path?query HTTP/1.1"),
            "Some(202) sent",
            &format!("in 10 out {}", answer.len()),
            "times fit",
        ])
    }
    /// An `after` that fails or panics is told of and counted. The others are called, and the connection serves on.
    must after_that_fails_hurts_nobody ["T-29", "T-42", "A0-5"] needs [KeepAlive] app failing_after |play| {
        let mut client = play.connect()?;
        for path in ["/at-once", "/later", "/at-once"] {
            client.get(path)?.answered(200)?.content(path)?;
            play.wait_for_times(&format!("after {path} 200 sent"), 1)?;
        }
        play.wait_for_times("after /at-once 200 sent", 2)?;
        play.wait_for_times("after: the first", 3)?;
        let panics: Vec<_> = play.stage().notes().into_iter().filter(|note| note.contains("panicked")).collect();
        want_eq!(panics.len(), 3);
        want!(panics[0].contains("the second, at once") && panics[1].contains("the second, later"), "{panics:?}");
        play.wait_until("six failures", |counters| counters.failures == 6)
    }
    /// Exactly once, for every request whose head was understood, whatever became of it; and not for what was no
    /// request.
    must after_is_called_once_whatever_happened ["T-28", "T-61", "A0-3"] needs [Limits, StrictParsing] app every_end |play| {
        let ends = [
            ("/ok", 200), ("/none", 404), ("/fail", 500), ("/panic", 500), ("/late", 503),
            ("/middleware/reply", 403), ("/middleware/fail", 500), ("/middleware/panic", 500),
        ];
        for (path, status) in ends {
            play.connect()?.get(path)?.answer()?.status(status)?;
            play.wait_for(&format!("after {path} {status} sent"))?;
        }
        play.connect()?.post("/large", "more than ten bytes")?.refused(413)?;
        play.wait_for("after /large 413 sent")?;
        play.connect()?.send("POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")?.half_close()?.refused(400)?;
        play.wait_for("after /half 400 sent")?;
        play.connect()?.get("/cut")?.cut()?;
        play.wait_for("after /cut 200 aborted: answer_cut")?;
        let mut client = play.connect()?;
        client.send("POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")?;
        play.wait_until("it is a request", |counters| counters.requests == 12)?;
        client.reset();
        play.wait_for("after /reset 0 aborted: client_left")?;
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        client.reset();
        play.connect()?.send("no request\r\n\r\n")?.refused(400)?;
        play.stage().open("go on");
        play.wait_until("nothing is under way", |counters| counters.active == 0 && counters.open == 0)?;
        let notes = play.stage().notes();
        let told = notes.iter().filter(|note| note.starts_with("after ")).count();
        want_eq!(told as u64, play.counters()?.requests);
        want_eq!(told, 13);
        Ok(())
    }
    /// The answer is out before `after` is told of it, and the next request of the connection waits for it.
    must answer_does_not_wait_for_after ["T-28", "T-12"] needs [KeepAlive] app slow_after |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        play.wait_for("after")?;
        client.get("/ok")?.silent()?;
        // Nobody else does.
        play.connect()?.get("/ok")?.answer()?.status(200)?;
        play.wait_for_times("after", 2)?;
        want_eq!(play.stage().count("after"), 2);
        play.stage().open("go on");
        client.answered(200)?;
        play.wait_for_times("after", 3)
    }
    /// A handler can be wrapped: its answer changed, its failure answered, itself left out; and several can be
    /// wrapped as one. What the inner one does not answer goes on.
    must handlers_can_be_wrapped ["T-24", "T-10"] needs [KeepAlive] app wrapped |play| {
        let mut client = play.connect()?;
        let answer = client.get("/inner")?.answered(200)?.content("inner")?.has("x-inner", "yes")?;
        answer.has("x-one", "yes")?.has("x-two", "yes")?;
        let answer = client.get("/second")?.answered(200)?.content("second")?;
        answer.has("x-one", "yes")?.has("x-two", "yes")?;
        client.get("/no")?.answered(403)?.has_no("x-one")?.has_no("x-two")?;
        client.get("/fail")?.answered(200)?.content("caught: as it should")?.has_no("x-one")?;
        client.get("/panic")?.answered(500)?.has_no("x-two")?;
        play.wait_for("handler: panicked: as it should")?;
        client.post("/other", "12345")?.answered(200)?.content("5 bytes")?.has_no("x-two")?.ok()
    }
    /// A handler that blocks is called where that stalls nobody: async ones are served beside more of them than
    /// there are threads that serve.
    must blocking_handlers_stall_nobody ["T-21", "A1-5"] needs [BlockingThreads, KeepAlive] app blocking_and_async |play| {
        let mut waiting = Vec::new();
        for number in 1..=4 {
            let mut client = play.connect()?;
            client.get("/block")?;
            play.wait_for_times("blocks", number)?;
            waiting.push(client);
        }
        let served = (0..4).try_for_each(|_| {
            play.connect()?.post("/", "content")?.answer()?.status(200)?.content("content")?.ok()
        });
        // Open in any case: a server that failed this must not hang for it.
        play.stage().open("go on");
        served?;
        for client in &mut waiting {
            client.answered(200)?.content("blocked")?;
        }
        Ok(())
    }
    /// For the rest it is a handler like others: it passes on, it fails, and its panic is its own.
    must blocking_handler_is_a_handler ["T-21", "T-11", "T-40", "T-42"] needs [KeepAlive] app blocking_and_async |play| {
        let mut client = play.connect()?;
        client.post("/", "passed on")?.answered(200)?.content("passed on")?;
        client.get("/fail")?.answered(500)?;
        client.get("/panic")?.answered(500)?;
        play.wait_for("handler: panicked: as it should")?;
        play.noted(&["handler: as it should", "handler: panicked: as it should"])?;
        client.post("/", "goes on")?.answered(200)?.content("goes on")?.ok()
    }
    /// Hooks spawn, sleep and block by one handle, whatever runtime serves. A task that panics says so to who
    /// waits for it; one that nobody waits for runs on.
    must exec_works_on_whatever_serves ["T-52"] app executing |play| {
        play.connect()?.get("/")?.answer()?.status(200)?.content("Some(21) Some(22) true true")?;
        play.wait_for("runs on")
    }
    /// The runtime behind it is the one whose name the backend has.
    must exec_is_of_the_runtime_that_serves ["T-52"] needs [NativeRuntime] app naming_the_runtime |play| {
        play.connect()?.get("/")?.answer()?.status(200)?.content("the same: true")?.ok()
    }
    /// `completed` is ready when the connection is closed, its hooks are done, and nobody holds it.
    must completed_waits_for_hooks_and_holds ["T-55", "A4-1"] needs [KeepAlive] app holding |play| {
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?;
        drop(client);
        play.pause(seconds(2));
        play.noted(&[])?;
        play.stage().open("after");
        play.wait_until("it is closed", |counters| counters.closed(CloseReason::ClientClosed) == 1)?;
        play.pause(seconds(2));
        play.noted(&[])?;
        play.stage().open("work");
        play.wait_for("completed client_closed")?;
        play.noted(&["work done", "completed client_closed"])
    }

    /// Start hooks run in order, when the sockets are bound; what they leave is there for everybody.
    must start_hooks_run_in_order_and_leave_state ["T-04", "T-03", "T-51"] app started_in_order |play| {
        play.noted(&["first, bound to 1", "second, Some(\"shared\")"])?;
        play.connect()?.get("/")?.answer()?.status(200)?.content("shared")?;
        play.noted(&["first, bound to 1", "second, Some(\"shared\")", "handler"])
    }
    /// Nothing is accepted before they are done: a client that is early waits.
    must nothing_is_accepted_before_the_start_hooks_are_done ["T-04", "T-02"] |play| {
        let mut server = play.server(slow_start)?;
        let starting = play.begin_start(&mut server, "127.0.0.1:0")?;
        play.wait_for("starting")?;
        let address = play.stage().notes()[0].parse().map_err(Failure::new)?;
        let mut early = play.connect_at(&Address::Tcp(address))?;
        early.get("/ok")?.silent()?;
        play.stage().open("go on");
        let handle = play.started(&starting, &mut server)?.map_err(Failure::new)?;
        want_eq!(handle.address(), Some(address));
        early.answer()?.status(200)?.ok()
    }
    /// A start hook that fails is named with its reason, nothing is started after it, and nothing is left.
    must start_hook_that_fails_is_named ["T-04"] |play| {
        not_started(play, "start_that_fails", "as it should", |app| { app.on_start(start_that_fails); })
    }
    /// One that panics is no other case.
    must start_hook_that_panics_is_named ["T-04"] |play| {
        not_started(play, "start_that_panics", "panicked: as it should", |app| { app.on_start(start_that_panics); })
    }
    /// Nor is one that does not come to its end.
    must start_hook_that_takes_too_long_is_named ["T-04"] needs [Limits] |play| {
        not_started(play, "start_that_hangs", "too long", |app| { app.on_start(start_that_hangs); })
    }
    /// The address of a server that was not started is free for the next.
    must failed_start_leaves_its_address_free ["T-04", "T-02"] |play| {
        let free = play.addresses()[0].tcp().ok_or("it listens on no TCP address")?;
        play.begin_shutdown(Drain::now())?;
        play.report()?;
        let mut server = play.server(|app, _| { app.on_start(start_that_fails); })?;
        want!(play.try_start(&mut server, free)?.is_err(), "it was started all the same");
        let mut server = play.server(|app, _| routes::install(app))?;
        let handle = play.start(&mut server, free)?;
        play.connect_at(&handle.addresses()[0])?.alive()
    }
    /// Stop hooks run when the last request has ended, in order, with what is shared, before the server says
    /// that it has ended.
    must stop_hooks_run_after_the_last_connection ["T-05", "T-03", "T-51"] app stopping |play| {
        let mut client = play.connect()?;
        client.get("/")?;
        play.wait_for("waits")?;
        play.begin_shutdown(Drain::default())?;
        play.pause(seconds(3));
        play.noted(&["waits"])?;
        play.stage().open("go on");
        client.answer()?.status(200)?.content("finished")?;
        want!(play.report()?.is_clean(), "it was no clean stop");
        play.noted(&["waits", "after / 200 sent", "first stop, Some(\"shared\")", "second stop, Some(\"shared\")"])
    }
    /// A stop hook that fails, panics or takes too long is told of, the others run, the server ends, and its
    /// report does not call that clean.
    must stop_hooks_that_fail_do_not_hold_the_end_up ["T-05", "T-42"] needs [Limits] app failing_stop |play| {
        play.connect()?.alive()?;
        play.begin_shutdown(Drain::default())?;
        let report = play.report()?;
        want!(!report.hooks_clean && !report.is_clean() && report.cut == 0, "it says {report:?}");
        let notes = play.stage().notes();
        want_eq!(notes.len(), 4);
        want_eq!(notes[..2], ["stop hook: as it should", "stop hook: panicked: as it should"]);
        want!(notes[2].starts_with("stop hook: ") && notes[2].ends_with("took too long"), "{}", notes[2]);
        want_eq!(notes[3], "the last one");
        Ok(())
    }
}
