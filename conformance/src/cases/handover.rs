//! A running server moves to another one of its kind.

use std::time::Duration;

use http_server_trait::{
    AdoptErrorKind, App, Body, BodyError, BoxError, CloseReason, ConnState, Drain, Exec, Request,
    Response, ServerHandle, Starting, streamed,
};

use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{Play, want, want_eq};

/// Tells which request of which connection this is; waits at a gate; answers in pieces. Its start and stop
/// hooks make notes.
fn moving(app: &mut App, stage: &Stage) {
    let (started, stopped) = (stage.clone(), stage.clone());
    app.on_start(move |_| {
        started.note("start");
        async {}
    });
    app.on_stop(move |_| {
        stopped.note("stop");
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
                    Response::text(request.id().to_string())
                }
                "/stream" => {
                    let (mut sender, body) = Body::channel();
                    drop(request.exec().spawn(async move {
                        sender.send("first;").await?;
                        stage.note("sends");
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
                _ => Response::text(request.id().to_string()),
            })
        }
    }));
}

/// The same, and patient with who sends a head.
fn moving_in_no_hurry(app: &mut App, stage: &Stage) {
    app.config_mut().head_time = Duration::from_secs(1000);
    moving(app, stage);
}

/// Works with the handle to the runtime that its start hook got.
fn keeping(app: &mut App, stage: &Stage) {
    app.on_start(
        |starting: Starting| async move { starting.insert(Kept(starting.exec().clone())) },
    );
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let kept = request.state::<Kept>().map(|kept| kept.0.clone());
            let kept = kept.ok_or("it was kept")?;
            if request.path() == "/task" {
                drop(kept.spawn(async move {
                    stage.gate("go on").await;
                    stage.note("task is done");
                }));
                return Ok("begun");
            }
            kept.sleep(Duration::from_millis(1)).await;
            Ok::<_, BoxError>(kept.spawn(async { "worked" }).await?)
        }
    });
}

struct Kept(Exec);

/// Moves to a fresh server.
fn moved(play: &mut Play) -> Result<ServerHandle, Failure> {
    let mut successor = play.server(|_, _| {})?;
    play.handover(&mut successor)?.map_err(Failure::new)
}

/// The old server has ended, so many connections have left it for the new one, and nothing was cut.
fn has_left(play: &mut Play, connections: u64) -> Verdict {
    let old = play.handle()?;
    let report = play.report_of(&old)?;
    want_eq!((report.moved, report.cut, report.idle), (connections, 0, 0));
    want_eq!(report.counters.closed(CloseReason::Parked), connections);
    Ok(())
}

cases! {
    /// A connection that waits for its next request goes on in the new server: its id and the count of its
    /// requests with it. The client sees nothing of it.
    must idle_connection_moves_with_its_server ["T-67", "T-53"] needs [Handover, KeepAlive] app moving |play| {
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("1.1")?;
        let new = moved(play)?;
        want_eq!(new.addresses(), play.addresses());
        has_left(play, 1)?;
        client.get("/")?.answered(200)?.content("1.2")?;
        want!(play.wait_for_sum(&[&new], 1), "{}", new.counters());
        want_eq!(new.counters().accepted, 1);
        client.alive()
    }
    /// Its line of the table goes on as well: who it is, since when it is there, and what it has moved.
    must line_of_the_table_moves_with_its_connection ["T-57", "T-67"] needs [Handover, ConnectionTable, KeepAlive]
        app moving_in_no_hurry |play| {
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("1.1")?;
        client.send("GET / HT")?;
        let old = play.handle()?;
        let sent = client.sent_bytes();
        play.wait_so("half a head is there", || {
            let table = old.table();
            table.iter().any(|line| (line.bytes_in, line.state) == (sent, ConnState::Head))
        })?;
        let before = old.table().swap_remove(0);
        play.pause(Duration::from_secs(5));
        let new = moved(play)?;
        has_left(play, 1)?;
        want!(old.table().is_empty(), "it has left");
        play.wait_so("it has come", || new.table().iter().any(|line| line.state == ConnState::Head))?;
        let after = new.table().swap_remove(0);
        want_eq!((after.bytes_in, after.bytes_out), (before.bytes_in, before.bytes_out));
        want_eq!((&after.id, after.peer, after.listener), (&before.id, before.peer, before.listener));
        want_eq!((after.requests, after.generation), (1, 1));
        want!(after.age >= before.age + play.scaled(Duration::from_secs(5)), "{before}, {after}");
        client.send("TP/1.1\r\nHost: a\r\n\r\n")?.answered(200)?.content("1.2")?;
        let (sent, got) = (client.sent_bytes(), 2 * before.bytes_out);
        play.wait_so("what it moves is added", || {
            let table = new.table();
            table.iter().any(|line| (line.bytes_in, line.bytes_out, line.requests) == (sent, got, 2))
        })
    }
    /// So does one that has not sent anything yet, and one in the middle of a head: what came of it goes along.
    must half_a_head_moves_with_its_connection ["T-67"] needs [Handover, KeepAlive] app moving |play| {
        let mut silent = play.connect()?;
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?;
        client.send("GET / HTTP/1.1\r\nHo")?;
        play.wait_until("both are there", |counters| counters.open == 2)?;
        moved(play)?;
        has_left(play, 2)?;
        client.send("st: a\r\n\r\n")?.answered(200)?;
        silent.get("/")?.answered(200)?;
        client.alive()
    }
    /// A request that is under way is answered where it is; then its connection follows, with the requests that
    /// came behind it.
    must busy_connection_moves_after_its_answer ["T-67"] needs [Handover, KeepAlive] app moving |play| {
        let mut client = play.connect()?;
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHo")?;
        play.wait_for("waits")?;
        let new = moved(play)?;
                client.silent()?;
        play.stage().open("go on");
        client.answered(200)?.content("1.1")?;
        client.answered(200)?.content("1.2")?;
        has_left(play, 1)?;
        client.send("st: a\r\n\r\n")?.answered(200)?.content("1.3")?;
        want!(play.wait_for_sum(&[&new], 2), "{}", new.counters());
        client.alive()
    }
    /// An answer that is made piece by piece is completed where it began.
    must answer_in_pieces_is_completed_before_its_connection_moves ["T-67"] needs [Handover, KeepAlive, Streaming]
        app moving |play| {
        let mut client = play.connect()?;
        client.get("/stream")?;
        play.wait_for("sends")?;
        moved(play)?;
        play.stage().open("go on");
        client.answered(200)?.content("first;last")?;
        has_left(play, 1)?;
        client.get("/")?.answered(200)?.content("1.2")?.ok()
    }
    /// Content that is being sent is taken where it began to come.
    must content_on_its_way_is_taken_before_its_connection_moves ["T-67"] needs [Handover, KeepAlive, Streaming]
        app moving |play| {
        let mut client = play.connect()?;
        client.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")?;
        play.wait_for("reads")?;
        moved(play)?;
        client.send("later")?.answered(200)?.content("firstlater")?;
        has_left(play, 1)?;
        client.get("/")?.answered(200)?.content("1.2")?.ok()
    }
    /// Nobody is refused: there is no moment at which nobody accepts. Numbers go on.
    must new_connections_are_served_by_the_new_server ["T-67"] needs [Handover, KeepAlive] app moving |play| {
        play.connect()?.get("/")?.answered(200)?.content("1.1")?;
        let new = moved(play)?;
        play.connect()?.get("/")?.answered(200)?.content("2.1")?;
        want!(play.wait_for_sum(&[&new], 1), "{}", new.counters());
        let mut successor = play.server(|_, _| {})?;
        let newer = play.handover_of(&new, &mut successor)?.map_err(Failure::new)?;
        play.connect()?.get("/")?.answered(200)?.content("3.1")?;
        want!(play.wait_for_sum(&[&newer], 1), "{}", newer.counters());
        Ok(())
    }
    /// The application goes on: it does not start again, and stops when its last server does.
    must hooks_of_start_and_stop_run_once_however_often_it_moves ["T-67", "T-04", "T-05"] needs [Handover]
        app moving |play| {
        let new = moved(play)?;
        has_left(play, 0)?;
        play.noted(&["start"])?;
        play.end(&new, Drain::default())?;
        play.noted(&["start", "stop"])
    }
    /// What keeps the handle to the runtime that a start hook got has one to the runtime that serves now, also
    /// after several moves.
    must handle_to_the_runtime_follows_its_server ["T-52", "T-67"] needs [Handover, KeepAlive] app keeping |play| {
        let mut client = play.connect()?;
        client.get("/")?.answered(200)?.content("worked")?;
        let new = moved(play)?;
        has_left(play, 1)?;
        client.get("/")?.answered(200)?.content("worked")?;
        let mut successor = play.server(|_, _| {})?;
        let newer = play.handover_of(&new, &mut successor)?.map_err(Failure::new)?;
        want_eq!(play.report_of(&new)?.moved, 1);
        client.get("/")?.answered(200)?.content("worked")?;
        want!(play.wait_for_sum(&[&newer], 1), "{}", newer.counters());
        Ok(())
    }
    /// A task that was spawned before the move is waited for where it began, and is in the report.
    must task_that_was_spawned_before_the_move_is_waited_for ["T-52", "T-67"] needs [Handover, KeepAlive] app keeping |play| {
        let mut client = play.connect()?;
        client.get("/task")?.answered(200)?.content("begun")?;
        let old = play.handle()?;
        moved(play)?;
        play.wait_until("it has moved", |counters| counters.closed(CloseReason::Parked) == 1)?;
        client.get("/")?.answered(200)?.content("worked")?;
        want!(old.report().is_none(), "its runtime is needed yet");
        play.stage().open("go on");
        let report = play.report_of(&old)?;
        play.noted(&["task is done"])?;
        want_eq!((report.moved, report.tasks, report.tasks_left), (1, 1, 0));
        Ok(())
    }
    /// A server that ends, or has moved, has nothing to hand over. It says so, and nothing changes.
    must server_that_ends_is_not_handed_over ["T-67", "T-65"] needs [Handover, KeepAlive] app moving |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        moved(play)?;
        let mut successor = play.server(|_, _| {})?;
        let again = play.handover(&mut successor)?;
        want_eq!(again.err().map(|error| error.kind()), Some(AdoptErrorKind::NotServing));
        play.stage().open("go on");
        client.answered(200)?.content("1.1")?;
        client.get("/")?.answered(200)?.content("1.2")?.ok()
    }
}
