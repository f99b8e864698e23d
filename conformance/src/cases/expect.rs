//! `Expect`: RFC 9110, section 10.1.1.

use http_server_trait::http::StatusCode;
use http_server_trait::{App, BodyError, BodyPlan, Flow, Head, Request, Response, streamed};

use super::framing::each;
use crate::case::cases;
use crate::failure::Verdict;
use crate::stage::Stage;
use crate::{Play, routes, want};

/// The head of a POST that waits to be let in, framed like this.
fn waiting(path: &str, framing: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{framing}\r\n\r\n")
}

/// A client of HTTP/1.0 has this expectation, and nothing comes of it.
fn expected_in_10(play: &mut Play, expectation: &str) -> Verdict {
    play.needs_echo()?;
    let mut client = play.connect()?;
    client.send(format!(
        "POST /echo HTTP/1.0\r\nExpect: {expectation}\r\nContent-Length: 5\r\n\r\n"
    ))?;
    // Another server may begin to answer before it has seen the content.
    client.silent_at_home()?.send("hello")?;
    client.final_answer()?.status(200)?.content("hello")?;
    client.closed()
}

/// Middleware that waits at the gate `middleware`, and the two routes.
fn slow_middleware(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.middleware(move |head: Head| {
        let stage = stage.clone();
        async move {
            stage.note("middleware");
            stage.gate("middleware").await;
            head
        }
    });
    routes::install(app);
}

/// Middleware that denies `/denied` and fails for `/failed`; a handler that answers for `/unread` and fails
/// for `/broken`, both without a look at the content.
fn early_replies(app: &mut App, _: &Stage) {
    app.middleware(|head: Head| async move {
        match head.path() {
            "/denied" => Ok(Flow::Reply(Response::new(StatusCode::FORBIDDEN))),
            "/failed" => Err("it is to fail"),
            _ => Ok(Flow::Continue(head)),
        }
    });
    app.handler(streamed(|request: Request| async move {
        match request.path() {
            "/broken" => Err("it is to fail"),
            "/ok" => Ok("ok"),
            _ => Ok("not read"),
        }
    }));
}

/// Waits at the gate `read`, takes the content piece by piece, and notes what it has.
fn slow_reader(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            stage.note("called");
            stage.gate("read").await;
            let mut content = Vec::new();
            while let Some(piece) = request.body_mut().next().await {
                for byte in piece? {
                    content.push(byte);
                    stage.note(String::from_utf8_lossy(&content));
                }
            }
            Ok::<_, BodyError>(content)
        }
    }));
}

/// Sends the content back as it comes.
fn streamed_echo(app: &mut App, _: &Stage) {
    app.handler(streamed(|mut request: Request| async move {
        Response::new(StatusCode::OK).with_body(request.take_body())
    }));
}

/// A handler that streams and passes on, before the two routes, which collect.
fn streamed_and_passed_on(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(streamed(move |request: Request| {
        let stage = stage.clone();
        async move {
            stage.note("passing on");
            stage.gate("pass on").await;
            request
        }
    }));
    routes::install(app);
}

/// Middleware that has the content streamed whatever the handler asks for, and a handler that takes it.
fn streamed_by_middleware(app: &mut App, stage: &Stage) {
    app.middleware(|mut head: Head| async move {
        head.set_body_plan(BodyPlan::Stream);
        head
    });
    let stage = stage.clone();
    app.handler(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            stage.note("called");
            stage.gate("read").await;
            request.bytes().await
        }
    });
}

cases! {
    /// A client that waits to be let in is, once, when a handler wants the content. Another server may answer at
    /// once, and let nobody in.
    must content_is_let_in_when_it_is_collected ["R-080", "A2-7"] needs [Interim, KeepAlive] |play| {
        let mut client = play.connect()?;
        client.send(waiting("/echo", "Content-Length: 5"))?.continues()?.silent_at_home()?;
        client.send("he")?.silent_at_home()?.send("llo")?.answered(200)?.content("hello")?;
        client.send(waiting("/echo", "Transfer-Encoding: chunked"))?.continues()?;
        client.send("5\r\nhello\r\n0\r\n\r\n")?.answered(200)?.content("hello")?;
        if play.is_foreign() {
            return Ok(());
        }
        // Who does not ask for it gets none.
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")?.silent()?;
        client.send("hello")?.answered(200)?.content("hello")?.ok()
    }
    /// Middleware decides before the client is let in.
    must content_is_not_let_in_before_middleware_has_decided ["R-080", "T-15"] needs [Interim]
        app slow_middleware |play| {
        let mut client = play.connect()?;
        client.send(waiting("/echo", "Content-Length: 5"))?;
        play.wait_for("middleware")?;
        client.silent()?;
        play.stage().open("middleware");
        client.continues()?.send("hello")?.answer()?.status(200)?.content("hello")?.ok()
    }
    /// A handler that streams lets the client in with its first look at the content, not before and not
    /// again.
    must content_is_let_in_when_a_handler_first_reads ["R-080", "A2-7", "T-22"] needs [Interim, Streaming]
        app slow_reader |play| {
        let mut client = play.connect()?;
        client.send(waiting("/", "Content-Length: 5"))?;
        play.wait_for("called")?;
        client.silent()?;
        play.stage().open("read");
        client.continues()?.send("he")?;
        play.wait_for("he")?;
        client.send("llo")?.answer()?.status(200)?.content("hello")?.ok()
    }
    /// The same where middleware asks for the streaming.
    must content_is_let_in_late_where_middleware_streams_it ["R-080", "T-14"] needs [Interim, Streaming]
        app streamed_by_middleware |play| {
        let mut client = play.connect()?;
        client.send(waiting("/", "Transfer-Encoding: chunked"))?;
        play.wait_for("called")?;
        client.silent()?;
        play.stage().open("read");
        client.continues()?.send("5\r\nhello\r\n0\r\n\r\n")?.answer()?.status(200)?.content("hello")?.ok()
    }
    /// The first handler does not want the content; the second wants all of it.
    must content_is_let_in_for_the_handler_that_wants_it ["R-080", "T-20"] needs [Interim, Streaming]
        app streamed_and_passed_on |play| {
        let mut client = play.connect()?;
        client.send(waiting("/echo", "Content-Length: 5"))?;
        play.wait_for("passing on")?;
        client.silent()?;
        play.stage().open("pass on");
        client.continues()?.send("hello")?.answer()?.status(200)?.content("hello")?.ok()
    }
    /// An answer that is made of the content needs it: the client is let in before the answer begins, for
    /// after it there is no 100.
    must content_is_let_in_for_an_answer_that_is_made_of_it ["R-080", "T-22", "T-30"]
        needs [Interim, Streaming, KeepAlive] app streamed_echo |play| {
        let mut client = play.connect()?;
        client.send(waiting("/", "Content-Length: 5"))?.continues()?;
        client.send("he")?.send("llo")?.answered(200)?.has("content-length", "5")?.content("hello")?;
        client.send(waiting("/", "Transfer-Encoding: chunked"))?.continues()?;
        client.send("2\r\nhe\r\n")?.send("3\r\nllo\r\n0\r\n\r\n")?;
        client.answered(200)?.has("transfer-encoding", "chunked")?.content("hello")?.ok()
    }
    /// The final answer comes in place of the 100. Whether the client now sends its content or its next
    /// request nobody can know, so neither is read.
    must early_reply_lets_nothing_in_and_closes ["R-082", "T-15"] needs [Interim, Streaming] app early_replies |play| {
        let paths = [("/denied", 403), ("/failed", 500), ("/unread", 200), ("/broken", 500)];
        for (path, status) in paths {
            each([path], |path| {
                let content = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
                let mut client = play.connect()?;
                client.send(waiting(path, &format!("Content-Length: {}", content.len())))?;
                client.answer()?.status(status)?.says_close()?;
                client.send(content)?.gone()
            })?;
        }
        // Where there is no content to wait for, there is no doubt.
        let mut client = play.connect()?;
        client.send(waiting("/denied", "Content-Length: 0"))?.answered(403)?;
        client.alive()
    }
    /// Content that is too large for its head to be believed is not asked for.
    house content_beyond_the_limit_is_not_let_in ["R-080", "R-082"] needs [Interim, Limits]
        config |config| { config.body = Some(5) } |play| {
        play.connect()?.send(waiting("/echo", "Content-Length: 6"))?.refused(413)?;
        let mut client = play.connect()?;
        client.send(waiting("/echo", "Content-Length: 5"))?.continues()?.send("hello")?;
        client.answer()?.status(200)?.content("hello")?.ok()
    }
    /// HTTP/1.0 knows no expectations: this one was passed on by somebody who does not know it either.
    must expectation_in_http_10_is_ignored ["R-081", "R-069"] |play| {
        expected_in_10(play, "100-continue")
    }
    /// The same for one that nobody knows.
    house unknown_expectation_in_http_10_is_ignored ["R-081"] |play| {
        expected_in_10(play, "x")
    }
    /// Nothing to wait for, nothing to be let in: RFC 9110, 10.1.1, lets a server leave the 100 out. The next
    /// request is understood.
    house request_without_content_gets_no_100 ["R-081"] needs [KeepAlive] |play| {
        let messages = [
            waiting("/echo", "Content-Length: 0"),
            waiting("/echo", "X: y"),
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n".to_owned(),
        ];
        play.each(messages, |play, message| {
            let mut client = play.connect()?;
            let answer = client.send(message)?.final_answer()?.status(200)?.echoes("")?;
            want!(play.is_foreign() || !answer.closes(), "the answer says `Connection: close`");
            client.clean(&answer)
        })
    }
    /// A client need not wait. The 100 may be left out then, but neither the content nor what follows it.
    must content_that_does_not_wait_is_read_all_the_same ["R-080", "R-093"] needs [KeepAlive] |play| {
        let framed = ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"];
        play.each(framed, |play, framed| {
            let mut client = play.connect()?;
            client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{framed}"))?;
            let mut answer = client.next_answer()?;
            if answer.status == 100 {
                answer = client.answer()?;
            }
            let answer = answer.status(200)?.echoes("hello")?;
            want!(play.is_foreign() || !answer.closes(), "the answer says `Connection: close`");
            client.clean(&answer)
        })
    }
    /// Who expects what the server does not know is told so. RFC 9110, 10.1.1: a server may.
    house unknown_expectation_is_refused ["R-083", "A2-7"] needs [StrictParsing, Interim] |play| {
        let expect = |expectation: &str| {
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: {expectation}\r\nContent-Length: 5\r\n\r\n")
        };
        let unknown = ["x", "100-continue, x", "x, 100-continue", "100-continue\r\nExpect: x", "100", "100-continue=x",
            "100-continue;a", "\"100-continue\"", "100-continued"];
        play.each(unknown, |play, expectation| {
            let message = format!("{}GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", expect(expectation));
            play.connect()?.send(message)?.not_taken(417)
        })?;
        let known = ["100-continue", "100-Continue", "100-CONTINUE", ", 100-continue ,", "100-continue, 100-continue"];
        play.each(known, |play, expectation| {
            let mut client = play.connect()?;
            client.send(expect(expectation))?.continues()?.send("hello")?;
            client.answer()?.status(200)?.content("hello")?.ok()
        })
    }
}
