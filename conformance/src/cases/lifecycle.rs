//! Start, stop, and what is under way meanwhile.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use http_server_trait::{
    AbortReason, Address, App, Body, BodyError, CloseReason, Completed, Drain, Feature,
    ListenErrorKind, Report, Request, Response, ServerHandle, streamed,
};

use super::hooks::note_failures;
use crate::case::cases;
use crate::failure::Verdict;
use crate::stage::Stage;
use crate::{Play, routes, want, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Notes that it was dropped.
struct OnDrop(Stage);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

/// Answers at once, at a gate, piece by piece, or never; and notes how it ended.
fn working(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    let told = stage.clone();
    app.after(move |done: Arc<Completed>| {
        told.note(format!("after {} {}", done.path(), done.outcome));
        async {}
    });
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            Ok::<_, BodyError>(match request.path() {
                "/wait" => {
                    stage.note("waits");
                    stage.gate("go on").await;
                    Response::text("finished")
                }
                "/never" => {
                    let _dropped = OnDrop(stage.clone());
                    stage.note("waits");
                    stage.gate("never").await;
                    Response::text("never")
                }
                "/stream" => {
                    let (mut sender, body) = Body::channel();
                    drop(request.exec().spawn(async move {
                        sender.send("first;").await?;
                        stage.gate("go on").await;
                        sender.send("last").await?;
                        sender.finish();
                        Ok::<_, BodyError>(())
                    }));
                    Response::text(body)
                }
                "/read" => {
                    stage.note("reads");
                    Response::text(request.bytes().await?)
                }
                _ => Response::text("ok"),
            })
        }
    }));
}

/// A handler that ends its own server.
fn ending_itself(app: &mut App, _: &Stage) {
    app.state(Itself::default());
    app.handler(|request: Request| async move {
        let itself = request.state::<Itself>().and_then(|itself| itself.0.get());
        if let Some(handle) = itself {
            drop(handle.shutdown(Drain::default()));
        }
        "ended"
    });
}

#[derive(Default, Clone)]
struct Itself(Arc<OnceLock<ServerHandle>>);

fn asking_for_another_runtime(app: &mut App) {
    routes::install(app);
    app.needs_runtime("a runtime of another name");
}

/// It took as long as this, and not much longer.
fn took(play: &Play, report: &Report, time: Duration) -> Verdict {
    // A busy machine is no failure.
    let most = play.scaled(time + seconds(1)) + seconds(if play.is_virtual() { 0 } else { 10 });
    let took = report.took;
    want!(
        took >= play.scaled(time) && took <= most,
        "it took {took:?}"
    );
    Ok(())
}

/// Where the server listens.
fn address(play: &Play) -> Address {
    play.addresses()[0].clone()
}

cases! {
    /// A server that has nothing to do ends at once, says so, and its address is free.
    must shutdown_of_a_resting_server_is_clean ["T-62", "T-60", "R-099", "A1-1"] |play| {
        play.connect()?.alive()?;
        play.wait_until("it rests", |counters| counters.open == 0)?;
        let handle = play.handle()?;
        want!(handle.report().is_none(), "it says that it has ended");
        play.begin_shutdown(Drain::default())?;
        let report = play.report()?;
        want!(report.is_clean() && report.hooks_clean, "it was no clean stop");
        want_eq!((report.finished, report.idle, report.cut), (0, 0, 0));
        want_eq!((report.counters.accepted, report.counters.requests), (1, 1));
        took(play, &report, seconds(0))?;
        want!(play.is_refused(), "it still accepts");
        want_eq!(handle.report().map(|report| report.counters.requests), Some(1));
        Ok(())
    }
    /// Connections that wait for their next request, or for their first, are closed at once, in order.
    must shutdown_closes_idle_connections_at_once ["T-62", "R-099", "A4-2"] needs [KeepAlive] |play| {
        let (mut used, mut fresh) = (play.connect()?, play.connect()?);
        used.get("/ok")?.answered(200)?;
        play.wait_until("both are there", |counters| counters.open == 2 && counters.completed == 1)?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(600))))?;
        used.closed()?;
        fresh.closed()?;
        let report = play.report()?;
        want_eq!((report.idle, report.finished, report.cut), (2, 0, 0));
        want!(report.is_clean(), "it was no clean stop");
        want_eq!(report.counters.closed(CloseReason::Shutdown), 2);
        took(play, &report, seconds(0))
    }
    /// What is under way is finished, and its answer says that it is the last. Requests behind it are not
    /// answered.
    must shutdown_lets_requests_finish ["T-62", "R-099", "R-092"] app working |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(600))))?;
        play.pause(seconds(20));
        client.get("/behind")?;
        play.stage().open("go on");
        client.answer()?.status(200)?.says_close()?.content("finished")?;
        client.gone()?;
        drop(client);
        let report = play.report()?;
        want_eq!((report.finished, report.idle, report.cut), (1, 0, 0));
        want!(report.is_clean(), "it was no clean stop");
        want_eq!(report.counters.requests, 1);
        took(play, &report, seconds(20))?;
        play.noted(&["waits", "after /wait sent"])
    }
    /// Meanwhile nothing new is accepted.
    must shutdown_accepts_nothing_more ["T-62", "R-099"] app working |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(6000))))?;
        play.wait_until_refused(&address(play))?;
        client.silent()?;
        play.stage().open("go on");
        client.answer()?.status(200)?;
        let report = play.report()?;
        // Whoever came before the server knew has asked for nothing.
        want_eq!((report.counters.requests, report.finished), (1, 1));
        want!(play.is_refused(), "it accepts again");
        Ok(())
    }
    /// A handler that does not come to its end is given up when the deadline strikes, no later: its client sees
    /// that there is no answer, and `after` is told.
    must shutdown_deadline_holds ["T-62", "R-099", "T-28", "A4-2"] needs [Limits] app working |play| {
        let mut client = play.connect()?;
        client.get("/never")?;
        play.wait_for("waits")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(10))))?;
        let all = client.everything()?;
        want!(all.is_empty(), "there came {}", all.escape_ascii());
        let report = play.report()?;
        want_eq!((report.finished, report.cut), (0, 1));
        want!(!report.is_clean(), "it says that it was a clean stop");
        want_eq!(report.counters.closed(CloseReason::ShutdownCut), 1);
        want_eq!(report.counters.aborted(AbortReason::ShutdownCut), 1);
        took(play, &report, seconds(10))?;
        play.noted(&["waits", "dropped", "after /never aborted: shutdown_cut"])
    }
    /// Who is told to end sooner ends sooner; who is told to end later does not listen.
    must shutdown_can_only_be_made_sooner ["T-62", "T-60"] needs [Limits] app working |play| {
        let mut client = play.connect()?;
        client.get("/never")?;
        play.wait_for("waits")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(100_000))))?;
        play.pause(seconds(10));
        client.silent()?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(20))))?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(100_000))))?;
        client.gone()?;
        let report = play.report()?;
        want_eq!(report.cut, 1);
        // Two seconds of silence were asked for.
        took(play, &report, seconds(32))
    }
    /// One that is to end now cuts whatever is under way.
    must shutdown_now_cuts_everything ["T-62", "R-099"] app working |play| {
        let mut clients = Vec::new();
        for (number, path) in ["/never", "/wait", "/never"].into_iter().enumerate() {
            let mut client = play.connect()?;
            client.get(path)?;
            play.wait_for_times("waits", number + 1)?;
            clients.push(client);
        }
        play.begin_shutdown(Drain::now())?;
        for client in &mut clients {
            client.gone()?;
        }
        let report = play.report()?;
        want_eq!((report.finished, report.cut, report.counters.aborted(AbortReason::ShutdownCut)), (0, 3, 3));
        took(play, &report, seconds(0))
    }
    /// An answer that is being sent is finished, too.
    must shutdown_lets_an_answer_finish ["T-62", "R-099"] needs [Streaming] app working |play| {
        let mut client = play.connect()?;
        client.get("/stream")?.until("first;\r\n")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(600))))?;
        client.silent()?;
        play.stage().open("go on");
        client.until("last\r\n0\r\n\r\n")?;
        client.closed()?;
        let report = play.report()?;
        want_eq!((report.finished, report.cut), (1, 0));
        play.noted(&["after /stream sent"])
    }
    /// Or it is cut when the deadline strikes, so that it does not look complete.
    must shutdown_deadline_cuts_an_answer ["T-62", "R-099", "T-41"] needs [Streaming, Limits] app working |play| {
        let mut client = play.connect()?;
        client.get("/stream")?.until("first;\r\n")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(10))))?;
        let rest = client.cut()?;
        want!(rest.is_empty(), "there came {}", rest.escape_ascii());
        let report = play.report()?;
        want_eq!((report.finished, report.cut), (0, 1));
        took(play, &report, seconds(10))?;
        play.noted(&["after /stream aborted: shutdown_cut"])
    }
    /// A request whose content is still coming is under way.
    must shutdown_lets_content_come ["T-62", "R-099"] needs [Streaming] app working |play| {
        let mut client = play.connect()?;
        client.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")?;
        play.wait_for("reads")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(600))))?;
        client.silent()?.send("67890")?;
        client.answer()?.status(200)?.says_close()?.content("1234567890")?;
        client.closed()?;
        want_eq!(play.report()?.finished, 1);
        Ok(())
    }
    /// So is one whose head has begun: a client that has sent half of it cannot know.
    house shutdown_lets_a_head_come ["T-62", "R-099"] app working |play| {
        let mut client = play.connect()?;
        client.send("GET /ok HTTP/1.1\r\n")?;
        play.wait_until("it has come", |counters| counters.bytes_in == 18)?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(600))))?;
        client.silent()?.send("Host: a\r\n\r\n")?.refused(200)?;
        let report = play.report()?;
        want!(report.is_clean(), "it was no clean stop");
        Ok(())
    }
    /// Of many connections each ends as it should, and the report adds up.
    must shutdown_of_many_adds_up ["T-62", "T-61", "R-099"] needs [KeepAlive, Streaming, Limits] app working |play| {
        let (mut idle, mut finish, mut cut) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..5 {
            let mut client = play.connect()?;
            client.get("/ok")?.answered(200)?;
            idle.push(client);
            let mut client = play.connect()?;
            client.get("/wait")?;
            play.wait_for_times("waits", 2 * number + 1)?;
            finish.push(client);
            let mut client = play.connect()?;
            client.get("/never")?;
            play.wait_for_times("waits", 2 * number + 2)?;
            cut.push(client);
        }
        play.wait_until("all is in the books", |counters| counters.completed == 5)?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(60))))?;
        for client in &mut idle {
            client.closed()?;
        }
        play.stage().open("go on");
        for client in &mut finish {
            client.answer()?.status(200)?.says_close()?.content("finished")?;
        }
        for client in &mut cut {
            client.gone()?;
        }
        let report = play.report()?;
        want_eq!((report.idle, report.finished, report.cut), (5, 5, 5));
        want_eq!((report.counters.accepted, report.counters.requests, report.counters.completed), (15, 15, 10));
        let text = report.to_string();
        for part in ["5 finished", "5 idle closed", "5 cut", "15 connections", "15 requests"] {
            want!(text.contains(part), "it says {text}");
        }
        Ok(())
    }
    /// A server may go on accepting for a while, so that a balancer notices that it will not for long.
    house lame_duck_accepts_for_a_while ["T-62"] app working |play| {
        play.begin_shutdown(Drain::within(play.scaled(seconds(60))).after(play.scaled(seconds(60))))?;
        play.pause(seconds(10));
        let mut client = play.connect()?;
        client.get("/ok")?.answer()?.status(200)?;
        drop(client);
        let report = play.report()?;
        want!(report.is_clean(), "it was no clean stop");
        want_eq!(report.counters.requests, 1);
        took(play, &report, seconds(60))?;
        want!(play.is_refused(), "it still accepts");
        Ok(())
    }

    /// The end is waited for from many places, before and after it came, by futures and by threads; all are told
    /// the same.
    must end_is_told_to_everybody_who_waits ["T-60", "A0-11"] app working |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        let handle = play.handle()?;
        for _ in 0..3 {
            let (stage, handle) = (play.stage().clone(), handle.clone());
            play.spawn(async move {
                stage.note("awaits");
                let report = handle.await;
                stage.note(format!("told {}", report.finished));
            });
        }
        let threads: Vec<_> = (0..3).map(|_| {
            let handle = handle.clone();
            std::thread::spawn(move || handle.wait().finished)
        }).collect();
        play.wait_for_times("awaits", 3)?;
        let shutdown = handle.shutdown(Drain::default());
        play.pause(seconds(2));
        want!(handle.report().is_none() && !threads.iter().any(std::thread::JoinHandle::is_finished),
            "somebody is told that it has ended");
        play.stage().open("go on");
        client.answer()?.status(200)?;
        want_eq!(play.run(shutdown)?.finished, 1);
        play.wait_for_times("told 1", 3)?;
        for thread in threads {
            want_eq!(thread.join().ok(), Some(1));
        }
        want_eq!(play.run(handle.clone())?.finished, 1);
        want_eq!(handle.wait().finished, 1);
        Ok(())
    }
    /// Nobody has to hold a server: it serves when the one who has started it is gone, with every handle but the
    /// one that will end it.
    must dropping_the_server_stops_nothing ["T-60", "T-02"] needs [KeepAlive] |play| {
        let mut server = play.server(|app, _| routes::install(app))?;
        let handle = play.start(&mut server, "127.0.0.1:0")?;
        let at = handle.addresses()[0].clone();
        let mut before = play.connect_at(&at)?;
        before.alive()?;
        drop(server);
        drop(handle);
        play.pause(seconds(1));
        before.alive()?;
        play.connect_at(&at)?.alive()
    }
    /// What was registered stays for the next start: a server can be started again, also while it runs, and each
    /// has its own books.
    must registrations_stay_for_the_next_start ["T-01", "T-02", "T-61"] needs [KeepAlive] |play| {
        let mut server = play.server(|app, _| routes::install(app))?;
        let first = play.start(&mut server, "127.0.0.1:0")?;
        server.app_mut().handler(|request: Request| async move { format!("late {}", request.path()) });
        let second = play.start(&mut server, "127.0.0.1:0")?;
        want!(first.addresses() != second.addresses(), "both are at {:?}", first.addresses());
        play.connect_at(&first.addresses()[0])?.alive()?;
        play.connect_at(&second.addresses()[0])?.alive()?;
        // What is registered later is for the starts after it.
        let mut client = play.connect_at(&second.addresses()[0])?;
        client.get("/other")?.answer()?.status(404)?;
        want!(play.end(&first, Drain::default())?.is_clean(), "it was no clean stop");
        client.alive()?;
        let counters = play.end(&second, Drain::default())?.counters;
        want_eq!((counters.accepted, counters.requests), (2, 3));
        want_eq!(first.counters().requests, 1);
        let third = play.start(&mut server, "127.0.0.1:0")?;
        play.connect_at(&third.addresses()[0])?.alive()
    }
    /// Fifty times on one port, in one process: the address is free as soon as the end is told, also with a
    /// connection that the client has not closed yet.
    must fifty_rounds_on_one_port ["T-62", "T-02", "A1-1", "A2-8", "R-099"] |play| {
        let mut server = play.server(|app, _| routes::install(app))?;
        // A host of its own, where there are several of this machine: between two rounds the port is free, and some
        // client's connection elsewhere might be given it.
        let host = if cfg!(target_os = "linux") { "127.0.53.1" } else { "127.0.0.1" };
        let mut port = 0;
        for round in 0..50 {
            let handle = play.start(&mut server, (host, port))?;
            let at = handle.address().ok_or("it has no address")?;
            want!(port == 0 || at.port() == port, "it listens on {at}, and was told {port}");
            port = at.port();
            let mut client = play.connect_at(&handle.addresses()[0])?;
            client.alive()?;
            if round % 2 == 0 {
                drop(client);
                want!(play.end(&handle, Drain::default())?.is_clean(), "round {round} was not clean");
            } else {
                want!(play.end(&handle, Drain::default())?.is_clean(), "round {round} was not clean");
                client.closed()?;
            }
        }
        Ok(())
    }
    /// A handler may end the server that it is in, and its answer is given all the same.
    must handler_ends_its_own_server ["T-60", "T-62"] |play| {
        let itself = Itself::default();
        let known = itself.clone();
        let mut server = play.server(|app, stage| {
            ending_itself(app, stage);
            app.state(known);
        })?;
        let handle = play.start(&mut server, "127.0.0.1:0")?;
        let _ = itself.0.set(handle.clone());
        let mut client = play.connect_at(&handle.addresses()[0])?;
        client.get("/")?.answer()?.status(200)?.content("ended")?;
        client.closed()?;
        want!(play.report_of(&handle)?.is_clean(), "it was no clean stop");
        Ok(())
    }
    /// An application that needs another runtime is not served by this one.
    must needed_runtime_is_asked_for ["T-52", "T-65"] |play| {
        let mut server = play.server(|app, _| asking_for_another_runtime(app))?;
        let Err(error) = play.try_start(&mut server, "127.0.0.1:0")? else {
            return Err("it was started all the same".into());
        };
        want_eq!(error.kind(), ListenErrorKind::NoRuntime);
        let text = error.to_string();
        want!(text.contains("a runtime of another name"), "it says {text}");
        Ok(())
    }
    /// One that needs the runtime whose name the backend has is served.
    must needed_runtime_is_there ["T-52"] needs [NativeRuntime] |play| {
        let name = play.server(|_, _| {})?.capabilities()?.backend();
        let mut server = play.server(|app, _| {
            routes::install(app);
            app.needs_runtime(name);
        })?;
        let handle = play.start(&mut server, "127.0.0.1:0")?;
        play.connect_at(&handle.addresses()[0])?.alive()
    }
    /// What a backend cannot do it says, with a reason, and when it is asked to do it all the same it says so
    /// again, and serves on.
    must what_a_backend_cannot_do_it_says ["T-65"] |play| {
        let mut server = play.server(|app, _| routes::install(app))?;
        let capabilities = server.capabilities()?;
        want!(!capabilities.backend().is_empty(), "it has no name");
        for feature in Feature::ALL {
            let reason = capabilities.why_not(*feature);
            want_eq!(capabilities.has(*feature), reason.is_none());
            want!(reason.is_none_or(|reason| reason.len() > 10), "without {feature}, and the reason is {reason:?}");
        }
        if !capabilities.has(Feature::Handover) {
            let error = play.handover(&mut server)?.err().ok_or("it was moved all the same")?;
            want_eq!(error.kind(), http_server_trait::AdoptErrorKind::Unsupported);
        }
        play.connect()?.alive()
    }
    /// The books are right whenever nothing happens, and everybody who has the handle can look into them.
    must books_can_be_looked_into ["T-61", "T-60", "T-01"] needs [KeepAlive] app working |play| {
        let handle = play.handle()?;
        want_eq!(handle.counters(), play.counters()?);
        let (mut one, mut two) = (play.connect()?, play.connect()?);
        one.get("/ok")?.answered(200)?;
        two.get("/wait")?;
        play.wait_for("waits")?;
        play.wait_until("both are in", |counters| counters.requests == 2 && counters.completed == 1)?;
        let counters = handle.counters();
        want!(counters.balances(), "they do not balance: {counters}");
        want_eq!((counters.accepted, counters.open, counters.active), (2, 2, 1));
        want_eq!((handle.connections(), counters.closed_in_all(), counters.aborted_in_all()), (2, 0, 0));
        want!(counters.bytes_in > 50 && counters.bytes_out > 50, "{counters:?}");
        drop(one);
        play.stage().open("go on");
        two.answered(200)?;
        drop(two);
        play.wait_until("both are gone", |counters| counters.closed(CloseReason::ClientClosed) == 2)?;
        play.wait_until("nothing is left", |counters| counters.open == 0 && counters.active == 0)?;
        want!(handle.counters().balances(), "they do not balance: {}", handle.counters());
        Ok(())
    }
}
