//! Time: every wait has its end, each with a reason of its own, and a client inside of it is served.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use http_server_trait::http::StatusCode;
use http_server_trait::{
    AbortReason, App, Body, BodyError, BodyPlan, BodySender, CloseReason, Config, Exec, Head, Rate,
    Request, Response, Summary, streamed,
};

use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{Client, Play, want, want_eq};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One connection was closed for this reason, and no other.
fn closed_for(play: &mut Play, reason: CloseReason) -> Verdict {
    play.wait_until(&format!("{reason} once"), |counters| {
        counters.closed(reason) == 1
    })
}

/// Sends these pieces, so long apart.
fn send_slowly(play: &mut Play, client: &mut Client, pieces: &[&str], apart: u64) -> Verdict {
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            play.pause(seconds(apart));
        }
        client.send(piece)?;
    }
    Ok(())
}

/// Notes that it was dropped.
struct OnDrop(Stage);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

/// Content for `/stream` is taken as it comes, by a handler that notes how it fails; other content is collected.
/// Either way the answer is the content.
fn contents(app: &mut App, stage: &Stage) {
    app.config_mut().body_stall = seconds(20);
    app.config_mut().linger_time = seconds(60);
    app.middleware(|mut head: Head| async move {
        if head.path() != "/stream" {
            head.set_body_plan(BodyPlan::Collect);
        }
        head
    });
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            stage.note("called");
            let content = request.bytes().await;
            if let Err(error) = &content {
                stage.note(format!("{:?}", error.kind()));
            }
            content
        }
    }));
}

/// As `contents`, with a lowest rate: 100 bytes in a second, after ten seconds.
fn contents_at_a_rate(app: &mut App, stage: &Stage) {
    contents(app, stage);
    app.config_mut().body_stall = seconds(600);
    app.config_mut().body_rate = Some(Rate {
        bytes_per_second: 100,
        grace: seconds(10),
    });
}

/// As `contents_at_a_rate`, but the rate counts nearly from the beginning.
fn contents_at_a_rate_at_once(app: &mut App, stage: &Stage) {
    contents(app, stage);
    app.config_mut().body_rate = Some(Rate {
        bytes_per_second: 1000,
        grace: Duration::from_millis(500),
    });
}

/// Takes one piece of its content, and the rest half a minute later.
fn takes_its_time(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            let mut length = 0;
            if request.path() != "/later" {
                stage.note("waits for the first");
                length = request
                    .body_mut()
                    .next()
                    .await
                    .map_or(Ok(0), |piece| Ok::<_, BodyError>(piece?.len()))?;
            }
            stage.note("takes its time");
            request.exec().sleep(stage.scaled(seconds(30))).await;
            stage.note("goes on");
            while let Some(piece) = request.body_mut().next().await {
                length += piece?.len();
            }
            Ok::<_, BodyError>(length.to_string())
        }
    }));
}

fn takes_its_time_in_spite_of_a_stall(app: &mut App, stage: &Stage) {
    app.config_mut().body_stall = seconds(10);
    takes_its_time(app, stage);
}

fn takes_its_time_in_spite_of_a_rate(app: &mut App, stage: &Stage) {
    app.config_mut().body_stall = seconds(600);
    app.config_mut().body_rate = Some(Rate {
        bytes_per_second: 100,
        grace: seconds(10),
    });
    takes_its_time(app, stage);
}

/// Refuses at once, and does not read.
fn early(app: &mut App, _: &Stage) {
    app.config_mut().body_stall = seconds(10);
    app.handler(streamed(|_: Request| async { StatusCode::FORBIDDEN }));
}

/// Produces content without end, until nobody takes it any more.
async fn produce(mut sender: BodySender, stage: Stage) {
    while sender.send([b'x'; 4096].to_vec()).await.is_ok() {}
    stage.note("told");
}

/// `/channel` and `/iterator` are answered without end, `/<number>` with so many bytes.
fn large(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            match request.path() {
                "/channel" => {
                    let (sender, body) = Body::channel();
                    drop(request.exec().spawn(produce(sender, stage)));
                    Ok(body)
                }
                "/iterator" => {
                    let told = OnDrop(stage);
                    Ok(Body::iter(std::iter::repeat_with(move || {
                        let _told = &told;
                        [b'x'; 4096].to_vec()
                    })))
                }
                path => path[1..]
                    .parse()
                    .map(|length| Body::full(vec![b'x'; length])),
            }
        }
    });
}

fn large_with_a_stall(app: &mut App, stage: &Stage) {
    app.config_mut().write_stall = seconds(20);
    large(app, stage);
}

fn large_with_a_rate(app: &mut App, stage: &Stage) {
    app.config_mut().write_stall = seconds(600);
    app.config_mut().write_rate = Some(Rate {
        bytes_per_second: 8 * 1024,
        grace: seconds(10),
    });
    large(app, stage);
}

/// A large answer that is queued whole, and a handler behind it that waits. Both begin when all requests are
/// there. The one that waits would notice if it was asked without end.
fn large_before_a_wait(app: &mut App, stage: &Stage) {
    app.config_mut().write_stall = seconds(10);
    app.config_mut().write_high = 64 << 20;
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            stage.gate("all is sent").await;
            if let Ok(length) = request.path()[1..].parse() {
                return Body::full(vec![b'x'; length]);
            }
            stage.note("waits");
            let mut gate = stage.gate("go on");
            let mut asked = 0;
            poll_fn(|cx| {
                asked += 1;
                if asked > 10_000 {
                    stage.note("asked over and over");
                    return Poll::Ready(());
                }
                Pin::new(&mut gate).poll(cx)
            })
            .await;
            stage.note("goes on");
            Body::empty()
        }
    });
}

/// More than fits between the two ends of a connection.
fn size_of_large(play: &Play) -> usize {
    if play.is_virtual() {
        300 * 1024
    } else {
        16 << 20
    }
}

/// Answers half a minute later: `/middleware` decides so late, `/handler` is handled so late.
fn late(app: &mut App, stage: &Stage) {
    let deciding = stage.clone();
    app.middleware(move |head: Head| {
        let stage = deciding.clone();
        async move {
            if head.path() == "/middleware" {
                be_late(head.exec().clone(), stage).await;
            }
            head
        }
    });
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            if request.path() == "/handler" {
                be_late(request.exec().clone(), stage).await;
            }
            "late, but here"
        }
    });
}

async fn be_late(exec: Exec, stage: Stage) {
    let sleep = exec.sleep(stage.scaled(seconds(30)));
    let _told = OnDrop(stage);
    sleep.await;
}

fn late_with_short_limits(app: &mut App, stage: &Stage) {
    app.config_mut().head_time = seconds(10);
    app.config_mut().idle_time = seconds(10);
    app.config_mut().body_stall = seconds(10);
    late(app, stage);
}

fn late_with_a_deadline(app: &mut App, stage: &Stage) {
    app.config_mut().request_time = Some(seconds(10));
    late(app, stage);
}

fn late_with_a_deadline_hook(app: &mut App, stage: &Stage) {
    late_with_a_deadline(app, stage);
    app.on_deadline(|request: Summary| async move {
        (
            StatusCode::GATEWAY_TIMEOUT,
            format!("{} takes too long", request.path()),
        )
    });
}

fn late_with_a_deadline_hook_that_panics(app: &mut App, stage: &Stage) {
    late_with_a_deadline(app, stage);
    let failed = stage.clone();
    app.on_error(move |failure| {
        failed.note(failure.hook().to_string());
        async {}
    });
    app.on_deadline(|request: Summary| async move {
        assert_ne!(request.path(), "/handler", "as it should");
        "never"
    });
}

fn late_with_a_deadline_hook_that_is_late(app: &mut App, stage: &Stage) {
    late_with_a_deadline(app, stage);
    let stage = stage.clone();
    app.on_deadline(move |_: Summary| {
        let gate = stage.gate("never");
        async move {
            gate.await;
            "never"
        }
    });
}

/// Answers after five seconds, of twenty.
fn nearly_late(app: &mut App, stage: &Stage) {
    app.config_mut().request_time = Some(seconds(20));
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            request.exec().sleep(stage.scaled(seconds(5))).await;
            "in time"
        }
    });
}

/// Begins its answer at once, and takes twenty seconds for it, of ten.
fn long_answer(app: &mut App, stage: &Stage) {
    app.config_mut().request_time = Some(seconds(10));
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let exec = request.exec().clone();
            let (mut sender, body) = Body::channel();
            let produce = async move {
                for piece in ["one,", "two,", "three,", "four,", "five"] {
                    exec.sleep(stage.scaled(seconds(4))).await;
                    sender.send(piece).await?;
                }
                sender.finish();
                Ok::<_, BodyError>(())
            };
            drop(request.exec().spawn(produce));
            Response::text(body)
        }
    });
}

fn content_with_a_deadline(app: &mut App, _: &Stage) {
    app.config_mut().request_time = Some(seconds(10));
    app.config_mut().linger_time = seconds(60);
    app.handler(|mut request: Request| async move { request.bytes().await });
}

/// A connection may be idle for so many seconds, and not for so many.
fn stays_idle(play: &mut Play, within: u64, beyond: u64) -> Verdict {
    let (mut client, mut other) = (play.connect()?, play.connect()?);
    client.get("/ok")?.answered(200)?;
    other.get("/ok")?.answered(200)?;
    play.pause(seconds(within));
    other.get("/ok")?.answered(200)?;
    play.pause(seconds(beyond - within));
    want_eq!(play.counters()?.closed(CloseReason::IdleTimeout), 1);
    client.closed()?;
    other.alive()
}

cases! {
    /// A connection that says nothing holds a place; nothing was asked, so nothing is answered.
    should silent_client_is_closed_without_an_answer ["R-096", "A2-10"] needs [Limits] config |config| {
        config.head_time = seconds(20);
    } |play| {
        play.connect()?.closed()?;
        closed_for(play, CloseReason::HeadTimeout)?;
        want_eq!(play.counters()?.requests, 0);
        let mut client = play.connect()?;
        play.pause(seconds(4));
        client.get("/ok")?.answer()?.status(200)?.ok()
    }
    /// One that began to ask is told why it is not waited for.
    should head_that_does_not_end_gets_408 ["R-096", "A2-10"] needs [Limits] config |config| {
        config.head_time = seconds(10);
    } |play| {
        for part in ["G", "GET /ok HTTP/1.1", "GET /ok HTTP/1.1\r\nHost: a\r\n\r"] {
            play.connect()?.send(part)?.refused(408)?;
        }
        play.wait_until("three time-outs", |counters| counters.closed(CloseReason::HeadTimeout) == 3)?;
        want_eq!(play.counters()?.requests, 0);
        Ok(())
    }
    /// Byte by byte a head could be drawn out for ever: its time is one for all of it.
    should trickle_does_not_extend_the_head_time ["R-096", "A2-10"] needs [Limits] config |config| {
        config.head_time = seconds(10);
        config.linger_time = seconds(60);
    } |play| {
        let mut client = play.connect()?;
        let head = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
        for byte in &head.as_bytes()[..20] {
            client.send([*byte])?;
            play.pause(seconds(1));
        }
        client.send(&head[20..])?.refused(408)?;
        closed_for(play, CloseReason::HeadTimeout)
    }
    /// The time of the first head begins with the connection: not to begin is no way to get more of it.
    should head_time_begins_with_the_connection ["R-096"] needs [Limits] config |config| {
        config.head_time = seconds(10);
        config.linger_time = seconds(60);
    } |play| {
        let mut client = play.connect()?;
        send_slowly(play, &mut client, &["", "GET /ok HTTP/1.1\r\n", "Host: a\r\n\r\n"], 7)?;
        client.refused(408)
    }
    /// A slow network is no attack: a head that pauses, and comes in time, is served.
    must pause_inside_a_head_is_served ["A0-8"] config |config| {
        config.head_time = seconds(20);
    } |play| {
        let mut client = play.connect()?;
        send_slowly(play, &mut client, &["GET /ok HT", "TP/1.1\r\nHost: a\r\n\r\n"], 5)?;
        client.answer()?.status(200)?.content("ok")?.ok()
    }
    /// Between two requests a client may be silent for longer than a head may take; once it has begun the next
    /// one, it may not.
    should head_time_of_a_later_request_begins_with_its_first_byte ["R-096"] needs [Limits, KeepAlive] config |config| {
        config.head_time = seconds(20);
        // So long that a head that got this time would not be waited for.
        config.idle_time = seconds(2000);
    } |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        play.pause(seconds(30));
        send_slowly(play, &mut client, &["GET /ok HTTP/1.1\r\n", "Host: a\r\n\r\n"], 4)?;
        client.answered(200)?;
        play.pause(seconds(30));
        client.send("GET /ok HTTP/1.1\r\n")?.refused(408)?;
        closed_for(play, CloseReason::HeadTimeout)
    }
    /// A connection that is kept and not used is closed, without an answer that nobody asked for.
    should idle_connection_is_closed ["R-096", "A0-8", "A1-10"] needs [Limits, KeepAlive] config |config| {
        config.head_time = seconds(100);
        config.idle_time = seconds(20);
    } |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        for _ in 0..5 {
            play.pause(seconds(5));
            client.get("/ok")?.answered(200)?;
        }
        client.closed()?;
        closed_for(play, CloseReason::IdleTimeout)
    }
    /// Without a word of configuration a connection may be idle for longer than the minute of most balancers, and behind
    /// one, with a profile of its own, for ten seconds more: who closes first must be the balancer.
    house idle_time_is_the_documented_one ["R-096", "A1-10"] needs [Limits, KeepAlive] config |_config| {} |play| {
        stays_idle(play, 62, 70)
    }
    /// The same with the profile for that.
    house idle_time_behind_a_proxy_is_the_documented_one ["R-096", "A1-10"] needs [Limits, KeepAlive]
        config |config| { *config = Config::behind_proxy() } |play| {
        stays_idle(play, 72, 80)
    }
    /// The profile for the open internet has a lowest rate, both ways, and a cap for each address.
    house hardened_profile_is_the_documented_one ["R-096", "A2-10", "A3-11"] needs [Limits, KeepAlive]
        config |config| { *config = Config::hardened() } |play| {
        let mut slow = play.connect()?;
        slow.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")?;
        for _ in 0..11 {
            slow.send("x")?;
            play.pause(seconds(1));
        }
        slow.refused(408)?;
        closed_for(play, CloseReason::BodyTooSlow)?;
        drop(slow);
        let mut clients = Vec::new();
        for _ in 0..100 {
            let mut client = play.connect()?;
            client.alive()?;
            clients.push(client);
        }
        play.connect()?.answer()?.status(503)?.says_close()?;
        clients[0].alive()
    }
    /// An empty line before a request is passed over, and is none: nobody keeps a connection by it.
    should empty_line_does_not_extend_the_idle_time ["R-096", "R-002"] needs [Limits, KeepAlive] config |config| {
        config.head_time = seconds(100);
        config.idle_time = seconds(60);
    } |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        play.pause(seconds(45));
        client.send("\r\n")?;
        play.pause(seconds(35));
        want_eq!(play.counters()?.closed(CloseReason::IdleTimeout), 1);
        client.closed()
    }
    /// The time of an idle connection is over at the first byte of a request, not at its last.
    should request_that_has_begun_is_not_idle ["R-096"] needs [Limits, KeepAlive] config |config| {
        config.head_time = seconds(100);
        config.idle_time = seconds(20);
    } |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?;
        send_slowly(play, &mut client, &["GET /ok ", "HTTP/1.1\r\nHost: a\r\n\r\n"], 40)?;
        client.answered(200)?.ok()
    }

    /// Content that is promised and does not come is not waited for, wherever it stops; the handler that would
    /// get it whole is never called.
    should content_that_stalls_gets_408 ["R-096", "A2-10", "T-20"] needs [Limits] app contents |play| {
        let parts = [
            "Content-Length: 10\r\n\r\n",
            "Content-Length: 10\r\n\r\n123456789",
            "Transfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\n",
        ];
        let mut clients = Vec::new();
        for part in parts {
            let mut client = play.connect()?;
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{part}"))?;
            clients.push((part, client));
        }
        for (part, client) in &mut clients {
            client.refused(408).map_err(|failure| Failure::new(format!("{part:?}: {failure}")))?;
        }
        play.wait_until("six time-outs", |counters| counters.closed(CloseReason::BodyTimeout) == 6)?;
        play.noted(&[])
    }
    /// A handler that takes its content as it comes learns of it, and what it gives back is the answer.
    should streamed_content_that_stalls_is_an_error ["R-096", "T-23"] needs [Limits, Streaming] app contents |play| {
        let mut client = play.connect()?;
        client.send("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")?.refused(408)?;
        play.noted(&["called", "TimedOut"])?;
        closed_for(play, CloseReason::BodyTimeout)
    }
    /// However long all of it takes: content that keeps coming is waited for.
    must slow_but_steady_content_is_served ["A0-9"] needs [Streaming] app contents |play| {
        let pieces = ["POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n", "1", "2", "3", "4", "5", "6"];
        let mut client = play.connect()?;
        send_slowly(play, &mut client, &pieces, 4)?;
        client.answer()?.status(200)?.content("123456")?;
        let collected = pieces.map(|piece| piece.replace("/stream", "/"));
        let mut client = play.connect()?;
        send_slowly(play, &mut client, &collected.each_ref().map(String::as_str), 4)?;
        client.answer()?.status(200)?.content("123456")?;
        let mut client = play.connect()?;
        let chunks = ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r", "\nab\r\n", "1\r\nc", "\r\n0\r\n", "\r\n"];
        send_slowly(play, &mut client, &chunks, 4)?;
        client.answer()?.status(200)?.content("abc")?.ok()
    }
    /// A byte now and then is no stall; a lowest rate catches it.
    house content_below_the_lowest_rate_gets_408 ["R-096", "A2-10"] needs [Limits] app contents_at_a_rate |play| {
        for path in ["/", "/stream"] {
            let mut client = play.connect()?;
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"))?;
            for _ in 0..20 {
                client.send("x")?;
                play.pause(seconds(1));
            }
            client.refused(408)?;
        }
        play.wait_until("two that are too slow", |counters| counters.closed(CloseReason::BodyTooSlow) == 2)
    }
    /// Content above that rate may take as long as it likes.
    house content_above_the_lowest_rate_is_served ["R-096"] needs [Limits] app contents_at_a_rate |play| {
        for path in ["/", "/stream"] {
            let mut client = play.connect()?;
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 6000\r\n\r\n"))?;
            for _ in 0..20 {
                client.send([b'x'; 300])?;
                play.pause(seconds(1));
            }
            client.answer()?.status(200)?.content([b'x'; 6000])?;
        }
        Ok(())
    }
    /// Every byte counts for the rate, not only full seconds of them: this client is faster than it must be at
    /// every moment.
    house rate_of_content_is_counted_by_the_byte ["R-096"] needs [Limits] app contents_at_a_rate_at_once |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")?.send([b'x'; 1900])?;
        // On sockets times are scaled and rates are not, so there the client does not come near the limit.
        play.pause(Duration::from_millis(if play.is_virtual() { 1500 } else { 0 }));
        client.send([b'x'; 100])?.answer()?.status(200)?.ok()
    }
    /// A handler that lets its content wait is not the client's stall: nothing more is read meanwhile, so
    /// nothing more can come.
    house handler_that_takes_its_time_is_no_stall ["T-22", "R-098"] needs [Streaming] app takes_its_time_in_spite_of_a_stall |play| {
        let mut client = play.connect()?;
        client.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")?;
        play.wait_for("goes on")?;
        client.send("67890")?.answer()?.status(200)?.content("10")?.ok()
    }
    /// Nor is it the client's slowness, once so much was read ahead for the handler that no more is: the rate
    /// does not count while the server itself does not read.
    house handler_that_takes_its_time_is_not_slow_content ["T-22", "R-098"] needs [Streaming] app takes_its_time_in_spite_of_a_rate |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        play.wait_for("waits for the first")?;
        client.send("1\r\nx\r\n".repeat(200))?;
        play.wait_for("goes on")?;
        client.send("1\r\nx\r\n0\r\n\r\n")?.answer()?.status(200)?.content("201")?.ok()
    }
    /// Content that nobody wants any more is not waited for either: the answer is out, and the connection ends.
    should unread_content_that_stalls_holds_nothing_up ["R-096", "R-097"] needs [Limits, Streaming] app early |play| {
        for part in ["Content-Length: 10\r\n\r\n12345", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"] {
            let mut client = play.connect()?;
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{part}"))?.answer()?.status(403)?;
            client.closed()?;
        }
        play.wait_until("none is open", |counters| counters.open == 0)
    }

    /// A client that takes nothing of its answer is given up: its connection is cut, and whoever makes that
    /// answer is told to stop.
    should client_that_does_not_read_is_cut ["R-096", "A2-10"] needs [Limits, Streaming] app large_with_a_stall |play| {
        for (path, note) in [("/channel", "told"), ("/iterator", "dropped")] {
            let mut client = play.connect()?;
            client.get(path)?;
            play.wait_for(note)?;
            client.cut()?;
        }
        play.wait_until("two that do not read", |counters| counters.closed(CloseReason::WriteTimeout) == 2)?;
        want_eq!(play.counters()?.aborted(AbortReason::WriteTimeout), 2);
        Ok(())
    }
    /// One that pauses, and reads on in time, gets all of it.
    should client_that_pauses_before_it_reads_is_served ["R-096"] app large_with_a_stall |play| {
        let size = size_of_large(play);
        let mut client = play.connect()?;
        client.send(format!("GET /{size} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))?;
        play.pause(seconds(4));
        let got = client.everything()?.len();
        want!(got > size, "{got} bytes came, of {size} and a head");
        Ok(())
    }
    /// And so does one that reads little by little: it takes something of its answer all the time. On a socket
    /// that is less than makes the operating system say that there is room again.
    should client_that_reads_little_by_little_is_served ["R-096", "R-164"] app large_with_a_stall |play| {
        let size = size_of_large(play);
        let mut client = play.connect_with_little_room()?;
        client.send(format!("GET /{size} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))?;
        let mut got = 0;
        for _ in 0..5 {
            play.pause(seconds(5));
            got += client.bytes(1)?.len();
        }
        got += client.everything()?.len();
        want!(got > size, "{got} bytes came, of {size} and a head");
        Ok(())
    }
    /// A client that pipelines and does not read is given up as well, while the next handler works: that one
    /// goes on, and nobody is kept busy for a client that takes nothing.
    should client_that_does_not_read_is_cut_behind_a_handler ["R-096", "T-54"] needs [Limits, KeepAlive] app large_before_a_wait |play| {
        let mut client = play.connect()?;
        let size = size_of_large(play);
        client.send(format!("GET /{size} HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n"))?;
        play.stage().open("all is sent");
        play.wait_for("waits")?;
        play.pause(seconds(30));
        play.stage().open("go on");
        play.wait_for("goes on")?;
        want_eq!(play.stage().count("asked over and over"), 0);
        client.cut()?;
        closed_for(play, CloseReason::WriteTimeout)?;
        want_eq!(play.counters()?.aborted(AbortReason::WriteTimeout), 2);
        Ok(())
    }
    /// A little now and then is no stall; a lowest rate catches that client, too.
    house client_that_reads_below_the_lowest_rate_is_cut ["R-096", "A2-10"] needs [Limits, Streaming] app large_with_a_rate |play| {
        let mut client = play.connect()?;
        client.get("/channel")?;
        play.wait_for("told")?;
        client.cut()?;
        closed_for(play, CloseReason::WriteTooSlow)?;
        want_eq!(play.counters()?.aborted(AbortReason::WriteTooSlow), 1);
        Ok(())
    }
    /// One that reads above that rate may take as long as it likes.
    house client_that_reads_above_the_lowest_rate_is_served ["R-096"] needs [Limits] app large_with_a_rate |play| {
        let size = 450 * 1024;
        let mut client = play.connect()?;
        client.get(&format!("/{size}"))?;
        let mut got = 0;
        while got < size {
            play.pause(seconds(4));
            got += client.bytes(1)?.len();
        }
        Ok(())
    }

    /// The times of clients are none of a handler's, nor of middleware's: it may take as long as it likes.
    must slow_handler_is_not_cut_by_the_times_of_clients ["A0-8", "T-12"] app late_with_short_limits |play| {
        for path in ["/handler", "/middleware"] {
            let mut client = play.connect()?;
            client.post(path, "content")?.answer()?.status(200)?.content("late, but here")?;
        }
        Ok(())
    }
    /// Also when it is not the first on its connection.
    must later_slow_handler_is_not_cut_either ["A0-8"] needs [KeepAlive] app late_with_short_limits |play| {
        let mut client = play.connect()?;
        for _ in 0..2 {
            client.get("/")?.answered(200)?;
            client.post("/handler", "content")?.answered(200)?;
        }
        Ok(())
    }
    /// What was sent behind it and is not complete is not late because of it either.
    must half_a_request_behind_a_slow_handler_is_not_late ["A0-8"] needs [KeepAlive] app late_with_short_limits |play| {
        let halves = [
            ("GET / HT", "TP/1.1\r\nHost: a\r\n\r\n"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha", "lf"),
        ];
        for (front, back) in halves {
            let mut client = play.connect()?;
            client.send(format!("GET /handler HTTP/1.1\r\nHost: a\r\n\r\n{front}"))?.answered(200)?;
            client.send(back)?.answered(200)?;
        }
        Ok(())
    }
    /// Where a request has a deadline, it gets an answer when it strikes, and the hook is dropped where it waits.
    must request_deadline_is_answered_with_503 ["T-44", "A0-8"] needs [Limits] app late_with_a_deadline |play| {
        for (number, path) in ["/handler", "/middleware"].into_iter().enumerate() {
            let mut client = play.connect()?;
            client.get(path)?.refused(503)?;
            play.wait_for_times("dropped", number + 1)?;
        }
        play.wait_until("two that are late", |counters| counters.closed(CloseReason::RequestTimeout) == 2)?;
        want_eq!(play.counters()?.completed, 2);
        Ok(())
    }
    /// Or with what the application says then.
    must request_deadline_is_answered_by_its_hook ["T-44", "A1-10"] needs [Limits] app late_with_a_deadline_hook |play| {
        let mut client = play.connect()?;
        client.get("/handler")?.answer()?.status(504)?.says_close()?.content("/handler takes too long")?;
        client.closed()?;
        closed_for(play, CloseReason::RequestTimeout)
    }
    /// A deadline hook that panics is a failure like any other.
    must deadline_hook_that_panics_is_a_failure ["T-44", "T-40", "T-42"] needs [Limits] app late_with_a_deadline_hook_that_panics |play| {
        play.connect()?.get("/handler")?.refused(500)?;
        play.wait_for("deadline hook")
    }
    /// One that takes too long itself is not waited for: there is nobody left to answer.
    house deadline_hook_that_is_late_cuts_the_connection ["T-44"] needs [Limits] app late_with_a_deadline_hook_that_is_late |play| {
        play.connect()?.get("/handler")?.gone()?;
        closed_for(play, CloseReason::RequestTimeout)?;
        want_eq!(play.counters()?.aborted(AbortReason::RequestTimeout), 1);
        Ok(())
    }
    /// Each request has a deadline of its own, and one that is answered in time meets none.
    must requests_inside_their_deadline_are_answered ["T-44"] needs [KeepAlive] app nearly_late |play| {
        let mut client = play.connect()?;
        for _ in 0..5 {
            client.get("/")?.answered(200)?.content("in time")?;
        }
        client.silent_for(seconds(30))?.get("/")?.answered(200)?.ok()
    }
    /// The deadline is one of the beginning of an answer. One that has begun may take as long as it likes.
    must request_deadline_does_not_strike_in_an_answer ["T-44"] needs [Streaming] app long_answer |play| {
        let mut client = play.connect()?;
        client.get("/")?.answer()?.status(200)?.content("one,two,three,four,five")?.ok()
    }
    /// It counts from the head: content that comes slowly takes from it.
    house request_deadline_counts_the_content ["T-44"] needs [Limits] app content_with_a_deadline |play| {
        let mut client = play.connect()?;
        let pieces = ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n", "1", "2", "3", "4", "5", "6"];
        send_slowly(play, &mut client, &pieces, 4)?;
        client.refused(503)?;
        closed_for(play, CloseReason::RequestTimeout)
    }

    /// For the sake of a client that still sends the server reads on after its last answer, but not for ever.
    should lingering_ends_in_time ["R-094", "R-096"] needs [Limits, StrictParsing] config |config| {
        config.linger_time = seconds(2);
    } |play| {
        let mut client = play.connect()?;
        client.send("POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")?.refused(400)?;
        for _ in 0..10 {
            play.pause(seconds(1));
            client.send("x")?;
        }
        want!(!play.is_virtual() || play.counters()?.open == 0, "each byte that comes makes it longer");
        play.wait_until("the connection is closed", |counters| counters.open == 0)
    }
    /// Nor without end.
    should lingering_ends_after_so_many_bytes ["R-094", "R-096"] needs [Limits, StrictParsing] config |config| {
        config.linger_time = seconds(6000);
        config.linger_bytes = 10_000;
    } |play| {
        let mut client = play.connect()?;
        client.send("POST /ok HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")?.refused(400)?;
        client.send([b'x'; 5000])?;
        want_eq!(play.counters()?.open, 1);
        client.send([b'x'; 5001])?;
        play.wait_until("the connection is closed", |counters| counters.open == 0)
    }
}
