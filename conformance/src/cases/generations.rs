//! Another application in a running server.

use std::sync::Arc;
use std::time::Duration;

use http_server_trait::{
    App, BoxError, Completed, Drain, Failure as Failed, Flow, Generation, Head, ReplaceErrorKind,
    Request, Response, Stopping, Takeover,
};

use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{Client, Play, want, want_eq};

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A shared value.
struct Number(u64);

/// What middleware leaves for the handler.
#[derive(Clone)]
struct Seen(u64);

/// Notes when it is dropped.
struct Noted(Stage, String);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.note(self.1.as_str());
    }
}

/// An application that answers its number, as each of its parts knows it: middleware, handler, shared value,
/// connection. It notes what its hooks are told, when it stops, and when it is dropped.
fn numbered(number: u64) -> impl FnOnce(&mut App, &Stage) {
    move |app, stage| {
        app.state(Number(number));
        app.middleware(move |mut head: Head| async move {
            head.extensions_mut().insert(Seen(number));
            head
        });
        let dropped = Noted(stage.clone(), format!("dropped {number}"));
        let noted = stage.clone();
        app.handler(move |request: Request| {
            let stage = dropped.0.clone();
            async move { answer(request, number, stage).await }
        });
        app.after(move |done: Arc<Completed>| {
            noted.note(format!("after {number} {}", done.request.path()));
            async {}
        });
        let noted = stage.clone();
        app.on_error(move |_: Arc<Failed>| {
            noted.note(format!("error {number}"));
            async {}
        });
        let noted = stage.clone();
        app.on_stop(move |stopping: Stopping| {
            noted.note(format!("stop {number}"));
            let noted = noted.clone();
            async move {
                // The first takes the longest: whoever does not wait for it is noticed.
                let time = noted.scaled(TEN_SECONDS) / u32::try_from(number)?;
                stopping.exec().sleep(time).await;
                noted.note(format!("stopped {number}"));
                Ok::<_, BoxError>(())
            }
        });
    }
}

async fn answer(request: Request, number: u64, stage: Stage) -> Result<Flow<Request>, BoxError> {
    let seen = request.extensions().get::<Seen>().map_or(0, |seen| seen.0);
    let shared = request.state::<Number>().map_or(0, |shared| shared.0);
    let known = request.conn().generation();
    let answer = format!("{seen}{number}{shared}{known}");
    match request.path() {
        "/wait" => {
            stage.note(format!("{number} waits"));
            stage.gate("go on").await;
        }
        "/fail" => return Err("as it should".into()),
        "/take" => {
            return Ok(Flow::Takeover(Takeover::raw(
                move |mut stream| async move {
                    stream.write_all(b"taken").await?;
                    stage.note("taken");
                    let mut piece = [0; 8];
                    while stream.read(&mut piece).await? > 0 {}
                    Ok::<_, BoxError>(())
                },
            )));
        }
        _ => {}
    }
    Ok(Flow::Reply(Response::text(answer)))
}

fn first(app: &mut App, stage: &Stage) {
    numbered(1)(app, stage);
}

/// Another application takes over.
fn replaced(play: &mut Play, number: u64) -> Verdict {
    let given = play.replace(numbered(number))?.map_err(Failure::new)?;
    want_eq!(given, number);
    Ok(())
}

/// How many of so many requests are answered by this application; the others are by the first.
fn share(client: &mut Client, requests: u32, number: u64) -> Result<u32, Failure> {
    let whole = number * 1111;
    let mut share = 0;
    for _ in 0..requests {
        let text = client.get("/")?.answered(200)?.text();
        share += u32::from(text == whole.to_string());
        want!(
            text == "1111" || text == whole.to_string(),
            "answered {text}"
        );
    }
    Ok(share)
}

cases! {
    /// Every request from then on is the new application's: on a connection that waits, on one that has
    /// sent half a head, on one that has said nothing, on a new one.
    must new_requests_are_the_new_applications ["T-68", "T-51"] needs [Generations, KeepAlive] app first |play| {
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("1111")?;
        let mut half = play.connect()?;
        half.send("GET / HTTP/1.1\r\nHo")?;
        let mut silent = play.connect()?;
        play.wait_until("all are there", |counters| counters.open == 3)?;
        replaced(play, 2)?;
        client.get("/")?.answered(200)?.content("2222")?;
        half.send("st: a\r\n\r\n")?.answered(200)?.content("2222")?;
        silent.get("/")?.answered(200)?.content("2222")?;
        play.connect()?.get("/")?.answered(200)?.content("2222")?;
        replaced(play, 3)?;
        for client in [&mut client, &mut half, &mut silent] {
            client.get("/")?.answered(200)?.content("3333")?;
        }
        Ok(())
    }
    /// A request that has begun stays with its application to its last hook; the next one of the connection is
    /// the new one's, also if it came before.
    must request_stays_with_its_application ["T-68"] needs [Generations, KeepAlive] app first |play| {
        let mut client = play.connect()?;
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")?;
        play.wait_for("1 waits")?;
        replaced(play, 2)?;
        play.connect()?.get("/other")?.answered(200)?.content("2222")?;
        client.silent()?;
        play.stage().open("go on");
        client.answered(200)?.content("1111")?;
        client.answered(200)?.content("2222")?;
        play.wait_for("after 1 /wait")?;
        play.wait_for("after 2 /next")
    }
    /// What fails is told to the error hooks of the application that it failed in.
    must failure_is_told_to_its_application ["T-68", "T-42"] needs [Generations, KeepAlive] app first |play| {
        let mut client = play.connect()?;
        client.get("/fail")?.answered(500)?;
        play.wait_for("error 1")?;
        replaced(play, 2)?;
        client.get("/fail")?.answered(500)?;
        play.wait_for("error 2")?;
        want_eq!(play.stage().count("error 1"), 1);
        Ok(())
    }
    /// It is dropped when its last request has ended, and its stop hooks run: connections that wait do not keep it.
    must replaced_application_is_dropped_with_its_last_request ["T-69"] needs [Generations, KeepAlive] app first |play| {
        // The first one is registered with the server, too, and stays so.
        replaced(play, 2)?;
        play.wait_for("stop 1")?;
        let mut waits = play.connect()?;
        waits.get("/")?.answered(200)?.content("2222")?;
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("2 waits")?;
        replaced(play, 3)?;
        play.connect()?.get("/")?.answered(200)?.content("3333")?;
        want_eq!(play.stage().count("dropped 2") + play.stage().count("stop 2"), 0);
        let handle = play.handle()?;
        want!(handle.generations().contains(&Generation::new(2, 0)), "{:?}", handle.generations());
        play.stage().open("go on");
        client.answered(200)?.content("2222")?;
        play.wait_for("dropped 2")?;
        play.wait_for("stop 2")?;
        play.wait_so("only the last is left", || handle.generations() == [Generation::new(3, 100)])?;
        waits.get("/")?.answered(200)?.content("3333")?;
        client.get("/")?.answered(200)?.content("3333")?.ok()
    }
    /// A connection that was taken over is its application's to its end.
    must takeover_stays_with_its_application ["T-69", "T-68"] needs [Generations, Takeover] app first |play| {
        replaced(play, 2)?;
        let mut client = play.connect()?;
        client.get("/take")?.until("taken")?;
        play.wait_for("taken")?;
        replaced(play, 3)?;
        play.connect()?.get("/")?.answered(200)?.content("3333")?;
        want_eq!(play.stage().count("dropped 2") + play.stage().count("stop 2"), 0);
        client.half_close()?;
        play.wait_for("dropped 2")?;
        play.wait_for("stop 2")
    }
    /// If the new one does not start, the hook is named, and nothing has changed.
    must application_that_does_not_start_changes_nothing ["T-68", "T-04"] needs [Generations, KeepAlive] app first |play| {
        let mut client = play.connect()?;
        let outcome = play.replace(|app, stage| {
            numbered(2)(app, stage);
            app.on_start(|_| async { Err::<(), _>("not today") });
        })?;
        let error = outcome.err().ok_or("it was replaced")?;
        want_eq!(error.kind(), ReplaceErrorKind::StartHook);
        let text = error.to_string();
        want!(text.contains("generations::application_that_does_not_start"), "{text}");
        want!(text.contains("not today"), "{text}");
        play.wait_for("dropped 2")?;
        client.get("/")?.answered(200)?.content("1111")?;
        want_eq!(play.handle()?.generations(), [Generation::new(1, 100)]);
        want_eq!(play.stage().count("stop 2"), 0);
        Ok(())
    }
    /// A server that ends takes no other application.
    must server_that_ends_keeps_its_application ["T-69", "T-65"] needs [Generations] app first |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("1 waits")?;
        play.begin_shutdown(Drain::default())?;
        let outcome = play.replace(numbered(2))?;
        want_eq!(outcome.err().map(|error| error.kind()), Some(ReplaceErrorKind::NotServing));
        play.stage().open("go on");
        client.next_answer()?.status(200)?.content("1111")?;
        let report = play.report()?;
        want!(report.is_clean(), "{report}");
        play.wait_for("stop 1")?;
        want_eq!(play.stage().count("stop 2"), 0);
        let outcome = play.replace(numbered(3))?;
        want_eq!(outcome.err().map(|error| error.kind()), Some(ReplaceErrorKind::NotServing));
        Ok(())
    }
    /// One on trial gets exactly its share, until it is withdrawn.
    must application_on_trial_gets_its_share ["T-6A"] needs [Generations, KeepAlive] app first |play| {
        let handle = play.handle()?;
        let mut client = play.connect()?;
        play.canary_of(&handle, 30, numbered(2))?.map_err(Failure::new)?;
        want_eq!(handle.generations(), [Generation::new(1, 70), Generation::new(2, 30)]);
        want_eq!(share(&mut client, 20, 2)?, 6);
        want_eq!(share(&mut play.connect()?, 20, 2)?, 6);
        want_eq!(handle.rollback().map_err(Failure::new)?, 1);
        want_eq!(share(&mut client, 5, 2)?, 0);
        play.wait_for("dropped 2")?;
        play.wait_for("stop 2")?;
        want_eq!(play.stage().count("stop 1"), 0);
        want_eq!(handle.rollback().err().map(|error| error.kind()), Some(ReplaceErrorKind::NoCanary));
        // Numbers are not given twice.
        replaced(play, 3)?;
        client.get("/")?.answered(200)?.content("3333")?;
        // It goes when another one is tried, and when another one takes over what it was tried beside.
        for number in [4, 5] {
            play.canary_of(&handle, 50, numbered(number))?.map_err(Failure::new)?;
        }
        play.wait_for("stop 4")?;
        want_eq!(play.stage().count("stop 3") + play.stage().count("stop 5"), 0);
        replaced(play, 6)?;
        play.wait_for("stop 5")?;
        want_eq!(share(&mut client, 4, 6)?, 4);
        play.wait_so("only the last is left", || handle.generations() == [Generation::new(6, 100)])
    }
    /// Or until it is found good; and one that is tried after it may be any share.
    must application_on_trial_is_promoted ["T-6A"] needs [Generations, KeepAlive] app first |play| {
        let handle = play.handle()?;
        let mut client = play.connect()?;
        play.canary_of(&handle, 0, numbered(2))?.map_err(Failure::new)?;
        want_eq!(share(&mut client, 5, 2)?, 0);
        want_eq!(handle.promote().map_err(Failure::new)?, 2);
        want_eq!(share(&mut client, 5, 2)?, 5);
        play.wait_for("stop 1")?;
        let outcome = play.canary_of(&handle, 101, numbered(3))?;
        want_eq!(outcome.err().map(|error| error.kind()), Some(ReplaceErrorKind::Share));
        Ok(())
    }
    /// All of them move with the server; what is finished in the old one is waited for.
    must applications_move_with_their_server ["T-69", "T-67"] needs [Generations, Handover, KeepAlive] app first |play| {
        let handle = play.handle()?;
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("1 waits")?;
        play.canary_of(&handle, 50, numbered(2))?.map_err(Failure::new)?;
        let mut successor = play.server(|_, _| {})?;
        let new = play.handover(&mut successor)?.map_err(Failure::new)?;
        want_eq!(handle.rollback().err().map(|error| error.kind()), Some(ReplaceErrorKind::NotServing));
        want_eq!(share(&mut play.connect()?, 10, 2)?, 5);
        want_eq!(new.promote().map_err(Failure::new)?, 2);
        want_eq!(share(&mut play.connect()?, 3, 2)?, 3);
        want_eq!(play.canary_of(&new, 0, numbered(3))?.map_err(Failure::new)?, 3);
        // On to a third, while the first has something to finish: the second waits for that.
        let mut successor = play.server(|_, _| {})?;
        let last = play.handover_of(&new, &mut successor)?.map_err(Failure::new)?;
        want_eq!(share(&mut play.connect()?, 3, 2)?, 3);
        want_eq!(play.stage().count("stop 1"), 0);
        play.stage().open("go on");
        client.answered(200)?.content("1111")?;
        client.get("/")?.answered(200)?.content("2222")?;
        play.wait_for("stop 1")?;
        play.report_of(&new)?;
        play.end(&last, Drain::default())?;
        for number in 1..=3 {
            want_eq!(play.stage().count(&format!("stopped {number}")), 1);
        }
        Ok(())
    }
    /// A shutdown ends each of them with its stop hooks, once.
    must shutdown_ends_every_application ["T-69", "T-05"] needs [Generations] app first |play| {
        let handle = play.handle()?;
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("1 waits")?;
        replaced(play, 2)?;
        play.canary_of(&handle, 50, numbered(3))?.map_err(Failure::new)?;
        play.begin_shutdown(Drain::default())?;
        play.stage().open("go on");
        client.next_answer()?.status(200)?.content("1111")?;
        let report = play.report()?;
        want!(report.is_clean() && report.hooks_clean, "{report}");
        for number in 1..=3 {
            want_eq!(play.stage().count(&format!("stop {number}")), 1);
            want_eq!(play.stage().count(&format!("stopped {number}")), 1);
        }
        want_eq!(play.stage().count("dropped 2") + play.stage().count("dropped 3"), 2);
        want_eq!(handle.generations(), []);
        Ok(())
    }
}
