//! The live connections of a server: what they do, and what may be asked of one of them. And where the server is
//! in its own life.

use std::time::Duration;

use http_server_trait::http::StatusCode;
use http_server_trait::{
    App, Body, BodyError, CloseReason, ConnState, Connection, Drain, Facts, Flow, Readiness,
    Request, Response, Takeover, streamed,
};

use crate::case::cases;
use crate::failure::Failure;
use crate::stage::Stage;
use crate::{Play, want, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Waits, streams, reads, takes over: whatever a connection can be found at.
fn busy(app: &mut App, stage: &Stage) {
    app.config_mut().body_stall = seconds(1000);
    app.config_mut().write_stall = seconds(1000);
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move { doing(&mut request, stage).await }
    }));
}

/// The same, and patient with who has had its last answer.
fn patient(app: &mut App, stage: &Stage) {
    app.config_mut().linger_time = seconds(1000);
    busy(app, stage);
}

async fn doing(request: &mut Request, stage: Stage) -> Result<Flow<Request>, BodyError> {
    Ok(Flow::Reply(match request.path() {
        "/wait" => {
            stage.note("waits");
            stage.gate("go on").await;
            Response::text("done")
        }
        "/hold" => {
            let held = request.conn().hold();
            drop(request.exec().spawn(async move {
                stage.gate("let go").await;
                stage.note("lets go");
                drop(held);
            }));
            Response::text("done")
        }
        "/flood" => {
            let (mut sender, body) = Body::channel();
            drop(
                request.exec().spawn(async move {
                    while sender.send(vec![b'x'; 64 * 1024]).await.is_ok() {}
                }),
            );
            Response::text(body)
        }
        "/read" => Response::text(request.bytes().await?),
        "/take" => {
            return Ok(Flow::Takeover(Takeover::raw(
                move |mut stream| async move {
                    stream.write_all(b"taken").await?;
                    let mut piece = [0; 8];
                    while stream.read(&mut piece).await? > 0 {}
                    Ok::<_, http_server_trait::BoxError>(())
                },
            )));
        }
        _ => Response::text("ok"),
    }))
}

/// Waits until the connection of this number is so, and gives back its line of the table.
fn line(
    play: &mut Play,
    number: u64,
    state: ConnState,
    requests: u64,
) -> Result<Connection, Failure> {
    let handle = play.handle()?;
    let find = || {
        handle
            .table()
            .into_iter()
            .find(|line| line.id.number() == number)
    };
    play.wait_so(&format!("connection {number} is {state}"), || {
        find().is_some_and(|line| line.state == state && line.requests == requests)
    })?;
    Ok(find().ok_or("it has gone")?)
}

/// Tells where its server is.
fn tells_readiness(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.on_start(move |starting: http_server_trait::Starting| {
        noted.note(starting.progress().now().name());
        let (progress, stage) = (starting.progress().clone(), noted.clone());
        drop(starting.exec().spawn(async move {
            progress.reached(Readiness::Draining).await;
            stage.note("told of draining");
        }));
        async {}
    });
    app.handler(|request: Request| async move {
        let status = match request.conn().progress().now() {
            Readiness::Ready => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Response::text(request.conn().progress().now().name()).with_status(status)
    });
}

cases! {
    /// The table has a line for each connection, which says what it does and what it has moved.
    must table_shows_every_connection ["T-57"] needs [ConnectionTable, KeepAlive] app busy |play| {
        let mut idle = play.connect()?;
        idle.get("/")?.answered(200)?;
        let first = line(play, 1, ConnState::Idle, 1)?;
        want_eq!((first.requests, first.generation, first.buffered), (1, 1, 0));
        want_eq!((first.peer, first.backend), (idle.address(), play.server(|_, _| {})?.capabilities()?.backend()));
        want_eq!(first.bytes_in, idle.sent_bytes());
        want!(first.bytes_out > 50, "{first}");
        want_eq!(first.listener, Some(0));
        want!(first.to_string().starts_with("1 idle"), "{first}");

        let mut client = play.connect()?;
        client.send("GET /wait HTT")?;
        line(play, 2, ConnState::Head, 0)?;
        client.send("P/1.1\r\nHost: a\r\n\r\n")?;
        play.wait_for("waits")?;
        line(play, 2, ConnState::Handling, 1)?;
        play.pause(seconds(10));
        want!(line(play, 2, ConnState::Handling, 1)?.age >= play.scaled(seconds(10)), "it has no age");
        want_eq!(play.handle()?.table().len(), 2);
        play.stage().open("go on");
        client.answered(200)?.content("done")?;
        line(play, 2, ConnState::Idle, 1)?;
        drop(client);
        // The books are closed before the table is left.
        let handle = play.handle()?;
        play.wait_so("it has left", || handle.table().len() == 1)?;
        want_eq!(play.counters()?.open, 1);
        Ok(())
    }
    /// Its facts are those of the connection: the peer, and the listener that accepted it; absent where there is
    /// none.
    must table_tells_where_a_connection_comes_from ["T-57", "T-50"] needs [ConnectionTable, ServeStream, KeepAlive]
        app busy |play| {
        let (mut foreign, stream) = play.connect_by_hand();
        let mut facts = Facts::default();
        facts.parent = Some("outer".into());
        facts.peer = Some(([10, 0, 0, 1], 1234).into());
        facts.listener = Some(7);
        let served = play.handle()?.serve_as(stream, facts).map_err(Failure::new)?;
        foreign.get("/")?.answered(200)?;
        let first = line(play, 1, ConnState::Idle, 1)?;
        want_eq!((first.peer, first.listener), (Some(([10, 0, 0, 1], 1234).into()), None));
        want!(first.to_string().starts_with("outer/1 idle from 10.0.0.1:1234, "), "{first}");
        let (mut nameless, stream) = play.connect_by_hand();
        let _served = play.handle()?.serve(stream).map_err(Failure::new)?;
        nameless.get("/")?.answered(200)?;
        want_eq!(line(play, 2, ConnState::Idle, 1)?.peer, None);
        foreign.half_close()?.closed()?;
        want_eq!(play.run(served)?, CloseReason::ClientClosed);
        Ok(())
    }
    /// The listener is the one of several that accepted it.
    must table_tells_which_listener_accepted ["T-57"] needs [ConnectionTable, SeveralListeners] |play| {
        let path = play.unix_path()?;
        let mut server = play.server(busy)?;
        let places = ["127.0.0.1:0".to_owned(), format!("unix:{path}"), "127.0.0.1:0".to_owned()];
        let places: Vec<_> = places.iter().map(String::as_str).collect();
        let handle = play.start(&mut server, places.as_slice())?;
        for (index, address) in handle.addresses().to_vec().iter().enumerate() {
            let mut client = play.connect_at(address)?;
            client.get("/")?.answer()?.status(200)?;
            let table = handle.table();
            let accepted = table.iter().find(|line| line.id.number() == index as u64 + 1);
            want_eq!(accepted.map(|line| (line.listener, line.peer)), Some((Some(index), client.address())));
        }
        Ok(())
    }
    /// What is closed and still listened to, so that its client can read the answer, is said to be closing. The
    /// amount that waits is known to the connection, too.
    must table_tells_what_is_closing_and_what_waits ["T-57", "A3-3"] needs [ConnectionTable, ServeStream, Streaming]
        app patient |play| {
        let (mut client, stream) = play.connect_by_hand();
        let served = play.handle()?.serve(stream).map_err(Failure::new)?;
        let conn = served.conn().clone();
        want_eq!((conn.buffered(), conn.disconnect_reason()), (0, None));
        want!(conn.is_connected(), "it is there");
        client.get("/flood")?;
        let sending = line(play, 1, ConnState::Sending, 1)?;
        want!(sending.buffered > 0 && conn.buffered() > 0, "{sending}");
        let mut last = play.connect()?;
        last.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome")?;
        line(play, 2, ConnState::Closing, 1)?;
        last.answer()?.status(200)?.ok()?;
        conn.kill();
        want_eq!(play.run(served)?, CloseReason::Killed);
        want_eq!((conn.close_reason(), conn.disconnect_reason()), (Some(CloseReason::Killed), Some(CloseReason::Killed)));
        want!(!conn.is_connected(), "it has gone");
        Ok(())
    }
    /// It tells apart who sends, who is sent to, and whose connection the application has.
    must table_tells_what_a_connection_waits_for ["T-57"] needs [ConnectionTable, Takeover, Streaming] app busy |play| {
        let mut slow = play.connect()?;
        slow.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome")?;
        line(play, 1, ConnState::Receiving, 1)?;
        let mut flooded = play.connect()?;
        flooded.get("/flood")?;
        let third = line(play, 2, ConnState::Sending, 1)?;
        want!(third.buffered > 0, "{third}");
        let mut taken = play.connect()?;
        taken.get("/take")?.until("taken")?;
        taken.send("12345")?;
        line(play, 3, ConnState::TakenOver, 1)?;
        let bytes = taken.sent_bytes();
        let handle = play.handle()?;
        play.wait_so("what is taken over is counted, too", || {
            handle.table().iter().any(|line| line.bytes_in == bytes)
        })?;
        slow.send("where")?.answered(200)?.content("somewhere")?.ok()
    }
    /// A connection can be ended from its line of the table: after its answer if there is time, or at once.
    must connection_is_ended_by_its_line_of_the_table ["T-56", "T-57"] needs [ConnectionTable, KeepAlive] app busy |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        line(play, 1, ConnState::Handling, 1)?.close_after_current_response(play.scaled(seconds(100)));
        let mut patient = play.connect()?;
        patient.get("/wait")?;
        play.wait_for_times("waits", 2)?;
        line(play, 2, ConnState::Handling, 1)?.close_after_current_response(None);
        play.pause(seconds(10));
        play.stage().open("go on");
        client.last(200)?.content("done")?;
        patient.last(200)?.content("done")?;
        play.wait_until("they have left", |counters| counters.closed(CloseReason::AppClosed) == 2)?;

        let mut idle = play.connect()?;
        idle.get("/")?.answered(200)?;
        line(play, 3, ConnState::Idle, 1)?.close_after_current_response(None);
        idle.closed()?;

        let mut killed = play.connect()?;
        killed.get("/")?.answered(200)?;
        line(play, 4, ConnState::Idle, 1)?.kill();
        killed.gone()?;
        play.wait_until("it was killed", |counters| counters.closed(CloseReason::Killed) == 1)
    }
    /// What takes longer than it may is cut.
    must closing_that_takes_too_long_is_cut ["T-56", "A4-2"] needs [ConnectionTable, KeepAlive] app busy |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        line(play, 1, ConnState::Handling, 1)?.close_after_current_response(play.scaled(seconds(10)));
        client.gone()?;
        play.wait_until("it was killed", |counters| counters.closed(CloseReason::Killed) == 1)
    }
    /// Whoever waits for the end of a connection that was closed waits for what holds it, too.
    must end_of_a_closed_connection_waits_for_who_holds_it ["T-55", "A4-1", "A4-2"] needs [ServeStream, ConnectionTable]
        app busy |play| {
        let (mut client, stream) = play.connect_by_hand();
        let served = play.handle()?.serve(stream).map_err(Failure::new)?;
        let conn = served.conn().clone();
        client.get("/hold")?.answered(200)?;
        let stage = play.stage().clone();
        play.spawn(async move {
            stage.note(format!("completed: {}", served.await));
        });
        conn.close_after_current_response(play.scaled(seconds(1000)));
        client.closed()?;
        let closed = conn.clone();
        play.wait_so("it is closed", || closed.close_reason() == Some(CloseReason::AppClosed))?;
        want!(!conn.is_connected(), "it is still there");
        play.noted(&[])?;
        play.stage().open("let go");
        play.wait_for("completed: app_closed")?;
        play.noted(&["lets go", "completed: app_closed"])
    }
    /// A server is starting while its start hooks run, ready when it serves, draining when it has been asked to
    /// end, although it still accepts; then it has stopped. Who waits is told.
    must server_tells_where_it_is ["T-58", "T-62"] needs [KeepAlive] app tells_readiness |play| {
        let progress = play.handle()?.progress();
        want_eq!(progress.now(), Readiness::Ready);
        play.wait_for("starting")?;
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("ready")?;
        want_eq!(play.stage().count("told of draining"), 0);
        play.begin_shutdown(Drain::within(play.scaled(seconds(60))).after(play.scaled(seconds(60))))?;
        play.wait_for("told of draining")?;
        play.connect()?.get("/")?.answer()?.status(503)?.content("draining")?;
        play.report()?;
        want_eq!(progress.now(), Readiness::Stopped);
        play.run(progress.reached(Readiness::Stopped))
    }
}
