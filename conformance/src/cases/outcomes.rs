//! How a request ends, for who waits to be told.

use std::time::Duration;

use http_server_trait::{
    AbortReason, App, Body, BodyError, BoxError, CloseReason, Flow, Request, RequestId, Response,
    Takeover, streamed,
};

use crate::case::cases;
use crate::failure::Failure;
use crate::stage::Stage;
use crate::{Play, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Notes how each request ends, and answers in many ways.
fn told(app: &mut App, stage: &Stage) {
    // So that no connection ends, or only wakes, because a case waits.
    let config = app.config_mut();
    (config.head_time, config.idle_time) = (Duration::MAX, Duration::MAX);
    // Somebody always leaves before the answer is complete.
    app.on_error(|_| async {});
    let stage = stage.clone();
    app.handler(streamed(move |request: Request| {
        let stage = stage.clone();
        async move { answered(request, stage).await }
    }));
}

/// The same, and not for ever.
fn told_in_time(app: &mut App, stage: &Stage) {
    app.config_mut().request_time = Some(seconds(30));
    told(app, stage);
}

async fn answered(mut request: Request, stage: Stage) -> Result<Flow<Request>, BoxError> {
    let id = request.id();
    if request.path() == "/late" {
        drop(request.exec().clone().spawn(async move {
            stage.gate("go on").await;
            note_of(&id, &stage, request.outcome().await);
        }));
        return Ok(Flow::Reply(Response::text("late")));
    }
    let (noting, outcome) = (stage.clone(), request.outcome());
    drop(
        request
            .exec()
            .spawn(async move { note_of(&id, &noting, outcome.await) }),
    );
    Ok(Flow::Reply(match request.path() {
        "/stream" => Response::text(stream(&request, stage)),
        "/cut" => {
            let (mut sender, body) = Body::channel();
            sender.send("half of ").await?;
            Response::text(body)
        }
        // Waits for an abort: there is no answer that could be complete.
        "/wait" => {
            stage.note("waits");
            let why = request.outcome().await;
            stage.note(format!("told of {why}"));
            stage.gate("go on").await;
            Response::text("too late")
        }
        "/slow" => {
            stage.note("waits");
            stage.gate("never").await;
            Response::text("never")
        }
        "/read" => {
            let gone = request.conn().disconnected();
            let content = request.bytes().await?;
            drop(gone);
            Response::text(content)
        }
        "/take" => {
            return Ok(Flow::Takeover(Takeover::raw(|mut stream| async move {
                stream.write_all(b"taken").await
            })));
        }
        _ => Response::text("ok"),
    }))
}

/// Two pieces, with a gate between them.
fn stream(request: &Request, stage: Stage) -> Body {
    let (mut sender, body) = Body::channel();
    drop(request.exec().spawn(async move {
        sender.send("first,").await?;
        stage.note("sends");
        stage.gate("go on").await;
        sender.send("last").await?;
        sender.finish();
        Ok::<_, BodyError>(())
    }));
    body
}

fn note_of(id: &RequestId, stage: &Stage, outcome: http_server_trait::Outcome) {
    stage.note(format!("{id} {outcome}"));
}

/// What was noted of this request: one end, and no other.
fn one_end(play: &mut Play, id: &str, outcome: &str) -> Result<(), Failure> {
    play.wait_for(&format!("{id} {outcome}"))?;
    let of_it = format!("{id} ");
    let mut notes = play.stage().notes();
    notes.retain(|note| note.starts_with(&of_it));
    want_eq!(notes, [format!("{id} {outcome}")]);
    Ok(())
}

cases! {
    /// A request is completed when all of its answer is out, and not before. Each has its own end.
    must outcome_is_told_when_the_answer_is_out ["T-59", "A3-3"] needs [KeepAlive, Streaming] app told |play| {
        let mut client = play.connect()?;
        client.get("/stream")?;
        play.wait_for("sends")?;
        client.until("first,\r\n")?;
        play.pause(seconds(10));
        play.noted(&["sends"])?;
        play.stage().open("go on");
        client.until("0\r\n\r\n")?;
        one_end(play, "1.1", "sent")?;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3))?;
        for number in 2..=4 {
            client.answered(200)?.content("ok")?;
            one_end(play, &format!("1.{number}"), "sent")?;
        }
        client.alive()
    }
    /// Who asks when it is over is told all the same.
    must outcome_can_be_asked_for_late ["T-59"] needs [KeepAlive, Streaming] app told |play| {
        let mut client = play.connect()?;
        client.get("/late")?.answered(200)?.content("late")?;
        play.pause(seconds(1));
        play.stage().open("go on");
        one_end(play, "1.1", "sent")?;
        client.get("/")?.answered(200)?;
        one_end(play, "1.2", "sent")?;
        let mut gone = play.connect()?;
        gone.send("GET /late HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?.last(200)?;
        one_end(play, "2.1", "sent")
    }
    /// A client that leaves before its answer is complete: the reason is the one that the books have.
    must outcome_of_a_client_that_left_is_an_abort ["T-59", "T-61", "A3-3"] needs [Streaming] app told |play| {
        let mut client = play.connect()?;
        client.get("/stream")?;
        play.wait_for("sends")?;
        client.reset();
        one_end(play, "1.1", "aborted: client_left")?;
        play.stage().open("go on");
        play.wait_until("it is in the books", |counters| {
            counters.aborted(AbortReason::ClientLeft) == 1 && counters.closed(CloseReason::ClientLeft) == 1
        })
    }
    /// A handler that waits for the end of its own request is told as soon as no answer can reach the client.
    must outcome_is_told_before_the_answer_if_there_can_be_none ["T-59", "T-54"] app told |play| {
        let mut client = play.connect()?;
        client.get("/wait")?;
        play.wait_for("waits")?;
        client.reset();
        one_end(play, "1.1", "aborted: client_left")?;
        play.stage().open("go on");
        play.wait_until("it is in the books", |counters| counters.aborted(AbortReason::ClientLeft) == 1)?;
        want_eq!(play.counters()?.completed, 0);
        Ok(())
    }
    /// Also where what the client has sent before it left is read by nobody.
    must outcome_is_told_behind_content_that_nobody_reads ["T-59", "T-54"] needs [Streaming] app told |play| {
        let mut client = play.connect()?;
        client.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello")?;
        play.wait_for("waits")?;
        client.reset();
        one_end(play, "1.1", "aborted: client_left")?;
        play.stage().open("go on");
        play.wait_until("it is in the books", |counters| counters.aborted(AbortReason::ClientLeft) == 1)
    }
    /// Content that its producer leaves incomplete, a deadline, a takeover: each has its end, and one.
    must outcome_says_how_a_request_ended ["T-59", "T-41", "T-44"] needs [Takeover, Streaming, Limits]
        app told_in_time |play| {
        let mut cut = play.connect()?;
        cut.get("/cut")?.cut()?;
        one_end(play, "1.1", "aborted: answer_cut")?;

        let mut late = play.connect()?;
        late.get("/slow")?;
        play.wait_for("waits")?;
        late.last(503)?;
        // The answer of the deadline is an answer.
        one_end(play, "2.1", "sent")?;

        let mut taken = play.connect()?;
        taken.get("/take")?.until("taken")?;
        one_end(play, "3.1", "taken_over")?;

        play.wait_until("all are in the books", |counters| {
            (counters.completed, counters.aborted(AbortReason::AnswerCut)) == (2, 1)
        })
    }
    /// One that is killed says so, to who waits and in the books.
    must outcome_of_a_killed_connection_is_an_abort ["T-59", "T-56"] needs [ConnectionTable] app told |play| {
        let mut client = play.connect()?;
        client.get("/slow")?;
        play.wait_for("waits")?;
        let handle = play.handle()?;
        handle.table().iter().for_each(http_server_trait::Connection::kill);
        client.gone()?;
        one_end(play, "1.1", "aborted: killed")?;
        play.wait_until("it is in the books", |counters| counters.aborted(AbortReason::Killed) == 1)?;
        // What has ended already does not end otherwise.
        let mut left = play.connect()?;
        left.get("/wait")?;
        play.wait_for_times("waits", 2)?;
        left.reset();
        one_end(play, "2.1", "aborted: client_left")?;
        handle.table().iter().for_each(http_server_trait::Connection::kill);
        play.wait_until("both are in the books", |counters| counters.open == 0)?;
        let counters = play.counters()?;
        want_eq!((counters.aborted(AbortReason::Killed), counters.aborted(AbortReason::ClientLeft)), (1, 1));
        Ok(())
    }
    /// Waiting takes nothing of the content, and stops nothing.
    must waiting_for_an_end_consumes_nothing ["T-59", "T-54"] needs [Streaming] app told |play| {
        let mut client = play.connect()?;
        client.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst")?;
        client.send("later")?.answer()?.status(200)?.content("firstlater")?;
        one_end(play, "1.1", "sent")
    }
    /// An answer that is completed while its server moves has the end that it would have had.
    must outcome_is_told_where_the_server_moves ["T-59", "T-67"] needs [Handover, KeepAlive, Streaming] app told |play| {
        let mut client = play.connect()?;
        client.get("/stream")?;
        play.wait_for("sends")?;
        let mut late = play.connect()?;
        late.get("/late")?.answered(200)?;
        let mut successor = play.server(|_, _| {})?;
        play.handover(&mut successor)?.map_err(Failure::new)?;
        play.stage().open("go on");
        client.answered(200)?.content("first,last")?;
        one_end(play, "1.1", "sent")?;
        one_end(play, "2.1", "sent")?;
        client.get("/")?.answered(200)?;
        one_end(play, "1.2", "sent")
    }
}
