//! What goes on when a server moves, what stays, and who may ask for it when.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use http_server_trait::backend::Inheritance;
use http_server_trait::{
    AdoptError, AdoptErrorKind, App, BoxError, BoxFuture, Capabilities, CloseReason, Completed,
    Drain, Failure as Told, Flow, Head, HttpServer, Listen, ListenError, ReplaceErrorKind, Request,
    Response, ServerHandle, Takeover,
};

use crate::another::Another;
use crate::case::cases;
use crate::failure::Failure;
use crate::stage::Stage;
use crate::{Play, want, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Limits of its own, and a handler that sleeps for a while.
fn in_time(app: &mut App, stage: &Stage) {
    let config = app.config_mut();
    (config.head_time, config.idle_time) = (seconds(60), seconds(60));
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            if request.path() == "/sleep" {
                request.exec().sleep(stage.scaled(seconds(32))).await;
                stage.note("has slept");
            }
            "ok"
        }
    });
}

/// Waits, or takes the connection over and sends back what comes.
fn staying(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            match request.path() {
                "/wait" => {
                    stage.note("waits");
                    stage.gate("go on").await;
                }
                "/take" => {
                    return Flow::Takeover(Takeover::raw(|mut stream| async move {
                        stream.write_all(b"taken").await?;
                        let mut piece = [0; 64];
                        loop {
                            match stream.read(&mut piece).await? {
                                0 => return Ok::<_, BoxError>(()),
                                read => stream.write_all(&piece[..read]).await?,
                            }
                        }
                    }));
                }
                _ => {}
            }
            Flow::Reply(Response::text(request.id().to_string()))
        }
    });
}

/// Every hook there is, and a value that they share.
fn whole(app: &mut App, stage: &Stage) {
    app.state(AtomicUsize::new(0));
    app.middleware(|mut head: Head| {
        let seen = head
            .state::<AtomicUsize>()
            .map_or(0, |count| count.fetch_add(1, Ordering::SeqCst) + 1);
        head.extensions_mut().insert(seen);
        async { head }
    });
    let noted = stage.clone();
    app.after(move |done: Arc<Completed>| {
        noted.note(format!("after {}", done.path()));
        async {}
    });
    let noted = stage.clone();
    app.on_error(move |failure: Arc<Told>| {
        noted.note(format!("error of {}", failure.hook()));
        async {}
    });
    app.handler(|request: Request| async move {
        match request.path() {
            "/fail" => Err::<String, BoxError>("as it should".into()),
            _ => {
                let seen = request.extensions().get::<usize>();
                Ok(format!("{seen:?}"))
            }
        }
    });
}

/// A server that takes over when its gate is open.
struct Hesitant {
    inner: Box<dyn HttpServer>,
    stage: Stage,
}

impl HttpServer for Hesitant {
    fn app_mut(&mut self) -> &mut App {
        self.inner.app_mut()
    }

    fn start<'s, 'f>(&'s mut self, on: Listen) -> BoxFuture<'f, Result<ServerHandle, ListenError>>
    where
        's: 'f,
        Self: 'f,
    {
        self.inner.start(on)
    }

    fn adopt<'s, 'f>(
        &'s mut self,
        from: Inheritance,
    ) -> BoxFuture<'f, Result<ServerHandle, AdoptError>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            self.stage.gate("adopt").await;
            self.inner.adopt(from).await
        })
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

fn hesitant(play: &mut Play) -> Result<Hesitant, Failure> {
    let inner = play.server(|_, _| {})?.take()?;
    let stage = play.stage().clone();
    Ok(Hesitant { inner, stage })
}

/// Polls a future once; it is not to be ready yet.
async fn begin<F: Future + Unpin>(future: &mut F) -> bool {
    poll_fn(|cx| Poll::Ready(pin!(&mut *future).poll(cx).is_pending())).await
}

fn kind<T>(outcome: &Result<T, AdoptError>) -> Option<AdoptErrorKind> {
    outcome.as_ref().err().map(AdoptError::kind)
}

/// Moves to a fresh server, whatever has not left in time being cut.
fn moved_within(play: &mut Play, within: Duration) -> Result<ServerHandle, Failure> {
    let (handle, mut server) = (play.handle()?, play.server(|_, _| {})?.take()?);
    let within = play.scaled(within);
    let new = play.run(async move { handle.handover_within(server.as_mut(), within).await })?;
    let new = new.map_err(Failure::new)?;
    play.successors.push(new.clone());
    Ok(new)
}

cases! {
    /// Deadlines go on to run: a head that has begun and a connection that is idle have as much time as they would
    /// have had.
    must deadlines_move_with_their_connections ["T-67"] needs [Handover, KeepAlive, Limits] app in_time |play| {
        let mut idle = play.connect()?;
        idle.get("/")?.answered(200)?;
        let mut begun = play.connect()?;
        begun.send("GET / HTTP/1.1\r\nHo")?;
        play.wait_until("both are there", |counters| counters.accepted == 2)?;
        play.pause(seconds(48));
        let mut successor = play.server(|app, _| {
            let config = app.config_mut();
            (config.head_time, config.idle_time) = (seconds(60), seconds(60));
        })?;
        let new = play.handover(&mut successor)?.map_err(Failure::new)?;
        // Longer than they have left, and shorter than they would have if it began anew.
        let mut sleeper = play.connect()?;
        sleeper.get("/sleep")?;
        begun.refused(408)?;
        idle.closed()?;
        want_eq!(play.stage().count("has slept"), 0);
        sleeper.answered(200)?;
        play.wait_so("both are in the books", || {
            let closed = |reason| new.counters().closed(reason);
            (closed(CloseReason::HeadTimeout), closed(CloseReason::IdleTimeout)) == (1, 1)
        })
    }
    /// Connections that were taken over stay with the old server, for as long as they like; the new one does not
    /// wait for them.
    must connection_that_was_taken_over_stays ["T-67", "T-16"] needs [Handover, Takeover, KeepAlive] app staying |play| {
        let mut taken = play.connect()?;
        taken.get("/take")?.until("taken")?;
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("2.1")?;
        let old = play.handle()?;
        let mut successor = play.server(|_, _| {})?;
        let new = play.handover(&mut successor)?.map_err(Failure::new)?;
        client.get("/")?.answered(200)?.content("2.2")?;
        play.pause(seconds(20));
        taken.send("still here")?.until("still here")?;
        want!(old.report().is_none(), "it has somebody to serve");
        play.wait_so("each has one", || (old.counters().open, new.counters().open) == (1, 1))?;
        taken.half_close()?.closed()?;
        let report = play.report_of(&old)?;
        want_eq!((report.moved, report.cut, report.idle), (1, 0, 0));
        want_eq!(report.counters.closed(CloseReason::TakenOver), 1);
        client.alive()
    }
    /// Unless it is given no more than some time: what has not left then is cut, and the report says how much that
    /// was.
    must what_has_not_left_in_time_is_cut ["T-67", "T-62"] needs [Handover, Takeover, KeepAlive] app staying |play| {
        let mut taken = play.connect()?;
        taken.get("/take")?.until("taken")?;
        let mut busy = play.connect()?;
        busy.get("/wait")?;
        play.wait_for("waits")?;
        let mut idle = play.connect()?;
        idle.get("/")?.answered(200)?.content("3.1")?;
        let old = play.handle()?;
        moved_within(play, seconds(10))?;
        taken.gone()?;
        busy.gone()?;
        let report = play.report_of(&old)?;
        want_eq!((report.moved, report.cut), (1, 2));
        idle.get("/")?.answered(200)?.content("3.2")?;
        idle.alive()
    }
    /// A request that is finished where it was is in the report.
    must report_of_a_move_says_what_was_finished ["T-67"] needs [Handover, KeepAlive] app staying |play| {
        let mut busy = play.connect()?;
        busy.get("/wait")?;
        play.wait_for("waits")?;
        let old = play.handle()?;
        let mut successor = play.server(|_, _| {})?;
        play.handover(&mut successor)?.map_err(Failure::new)?;
        play.stage().open("go on");
        busy.answered(200)?.content("1.1")?;
        let report = play.report_of(&old)?;
        want_eq!((report.finished, report.moved, report.cut), (1, 1, 0));
        want!(report.is_clean(), "{report}");
        busy.get("/")?.answered(200)?.content("1.2")?.ok()
    }
    /// The application is the same one: its shared values, its middleware, its `after` and error hooks go on.
    must application_goes_on_with_its_server ["T-67", "T-51", "T-28", "T-42"] needs [Handover, KeepAlive] app whole |play| {
        let mut client = play.connect()?;
        for number in 0..3 {
            client.get("/")?.answered(200)?.content(format!("Some({})", 2 * number + 1))?;
            client.get("/fail")?.answered(500)?;
            play.wait_for_times("after /", number + 1)?;
            play.wait_for_times("error of handler", number + 1)?;
            play.wait_for_times("after /fail", number + 1)?;
            let here = play.successors.last().cloned().map_or_else(|| play.handle(), Ok)?;
            let mut successor = play.server(|_, _| {})?;
            play.handover_of(&here, &mut successor)?.map_err(Failure::new)?;
        }
        want_eq!(play.stage().notes().len(), 9);
        Ok(())
    }
    /// It is handed over to one server at a time, and gets no other application meanwhile; who comes second is told
    /// so, and nothing changes.
    must server_is_handed_over_to_one_at_a_time ["T-67", "T-69", "T-65"] needs [Handover, Generations, KeepAlive]
        app staying |play| {
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("1.1")?;
        let handle = play.handle()?;
        let (mut slow, mut quick) = (hesitant(play)?, play.server(|_, _| {})?.take()?);
        let stage = play.stage().clone();
        let outcome = play.run(async move {
            let mut first = Box::pin(handle.handover(&mut slow));
            let waits = begin(&mut first).await;
            let second = handle.handover(quick.as_mut()).await;
            let other = handle.replace_app(App::new()).await;
            stage.open("adopt");
            let other = other.err().map(|error| error.kind());
            (waits, kind(&second), other, first.await)
        })?;
        let (waits, second, other, first) = outcome;
        want!(waits, "it is to wait for its gate");
        want_eq!((second, other), (Some(AdoptErrorKind::NotServing), Some(ReplaceErrorKind::NotServing)));
        let new = first.map_err(Failure::new)?;
        play.successors.push(new);
        client.get("/")?.answered(200)?.content("1.2")?;
        client.alive()
    }
    /// A move that is given up before the other side accepts has changed nothing: the server serves on, and may be
    /// handed over again.
    must move_that_is_given_up_changes_nothing ["T-67"] needs [Handover, KeepAlive] app staying |play| {
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("1.1")?;
        let (handle, mut slow) = (play.handle()?, hesitant(play)?);
        let waits = play.run(async move {
            let mut moving = Box::pin(handle.handover(&mut slow));
            begin(&mut moving).await
        })?;
        want!(waits, "it is to wait for its gate");
        client.get("/")?.answered(200)?.content("1.2")?;
        play.connect()?.get("/")?.answered(200)?.content("2.1")?;
        play.wait_until("all were here", |counters| counters.requests == 3)?;
        let mut successor: Another = play.server(|_, _| {})?;
        play.handover(&mut successor)?.map_err(Failure::new)?;
        client.get("/")?.answered(200)?.content("1.3")?;
        client.alive()
    }
    /// A server that is draining is not handed over, and goes on to drain.
    must server_that_drains_is_not_handed_over ["T-67", "T-62"] needs [Handover, KeepAlive] app staying |play| {
        let mut busy = play.connect()?;
        busy.get("/wait")?;
        play.wait_for("waits")?;
        play.begin_shutdown(Drain::within(play.scaled(seconds(1000))))?;
        let mut successor = play.server(|_, _| {})?;
        let moved = play.handover(&mut successor)?;
        want_eq!(kind(&moved), Some(AdoptErrorKind::NotServing));
        let at = play.addresses()[0].clone();
        play.wait_until_refused(&at)?;
        play.stage().open("go on");
        busy.last(200)?.content("1.1")?;
        let report = play.report()?;
        want_eq!((report.finished, report.moved, report.cut), (1, 0, 0));
        Ok(())
    }
}
