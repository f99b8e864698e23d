//! Methods, statuses, and the fields that a server adds: RFC 9110, sections 6.6, 9 and 15.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use http_server_trait::http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, LINK, SERVER, TRANSFER_ENCODING,
};
use http_server_trait::http::{HeaderMap, HeaderValue, StatusCode};
use http_server_trait::{App, Flow, Head, InterimError, Request, Response, Tunnels};

use super::framing::{each, note_failures};
use crate::case::cases;
use crate::client::Client;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{routes, want, want_eq};

/// Answers with method and target, whatever they are, and notes that it was called.
fn naming(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.handler(move |request: Request| {
        noted.note("handler");
        async move { format!("{} {}", request.method(), request.target()) }
    });
}

/// The same, and CONNECT and TRACE are its business.
fn naming_tunnels(app: &mut App, stage: &Stage) {
    app.config_mut().tunnels = Tunnels::ToApp;
    note_failures(app, stage);
    app.handler(|request: Request| async move {
        let name = format!("{} {}", request.method(), request.target());
        let status = if request.target() == "nowhere:443" {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::OK
        };
        (status, name)
    });
}

/// Has no answer to anything.
fn passing_on(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move { request });
}

/// Answers with the status that the path names, and the fields `Date` and `Server` that the request has as
/// `x-date` and `x-server`.
fn dated(app: &mut App, _: &Stage) {
    app.config_mut().server = Some(HeaderValue::from_static("conformance"));
    app.handler(|request: Request| async move {
        let mut answer = Response::new(request.path()[1..].parse()?);
        for (name, own) in [("x-date", DATE), ("x-server", SERVER)] {
            if let Some(value) = request.field(name) {
                answer.set_field(own, value)?;
            }
        }
        Ok::<_, http_server_trait::BoxError>(answer)
    });
}

/// Middleware and handler send a `103` each, the handler's with framing fields, and note how that went; the
/// handler waits at the gate `answer` and answers. For `/left` it answers at once, and sends its `103` when the gate
/// `late` is open; for `/patient` it waits at that of this name.
fn hinting(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        noted.note(hint(&head, "</early.css>"));
        async { head }
    });
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let path = request.path().to_owned();
            if path == "/left" {
                let exec = request.exec().clone();
                let _task = exec.spawn(async move {
                    stage.gate("late").await;
                    stage.note(format!("too late: {}", hint(&request, "</late.css>")));
                });
                return format!("answer to {path}");
            }
            stage.note(hint(&request, "</late.css>"));
            let gate = if path == "/patient" {
                "patient"
            } else {
                "answer"
            };
            stage.gate(gate).await;
            format!("answer to {path}")
        }
    });
}

fn hint(head: &Head, link: &'static str) -> &'static str {
    let mut fields = HeaderMap::new();
    fields.insert(LINK, HeaderValue::from_static(link));
    fields.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
    fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    match head.send_interim(early_hints(), fields) {
        Ok(()) => "sent",
        Err(InterimError::Version) => "version",
        Err(_) => "refused",
    }
}

fn early_hints() -> StatusCode {
    StatusCode::from_u16(103).expect("103 is a status")
}

/// Sends a `103` that says `Connection: close`, and answers.
fn hinting_at_the_end(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let close = (CONNECTION, HeaderValue::from_static("close"));
        request.send_interim(early_hints(), HeaderMap::from_iter([close]))?;
        Ok::<_, InterimError>("and yet it lives")
    });
}

/// Tries to send an interim answer of the status that the path names.
fn interim_of_any_status(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let sent = request.send_interim(request.path()[1..].parse()?, HeaderMap::new());
        Ok::<_, http_server_trait::BoxError>(match sent {
            Ok(()) => "sent",
            Err(InterimError::Status(_)) => "no interim status",
            Err(_) => "not sent",
        })
    });
}

/// Answers with the status that the path names: middleware does with the query `early`.
fn any_final_status(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.middleware(|head: Head| async move {
        match head.path()[1..].parse::<StatusCode>() {
            Ok(status) if head.query() == Some("early") => Flow::Reply(Response::new(status)),
            _ => Flow::Continue(head),
        }
    });
    app.handler(|request: Request| async move {
        match request.path()[1..].parse::<StatusCode>() {
            Ok(status) => Flow::Reply(Response::text("content").with_status(status)),
            Err(_) => Flow::Continue(request),
        }
    });
    routes::install(app);
}

/// The seconds since 1970 that an IMF-fixdate names, with the right day of the week: RFC 9110, 5.6.7.
fn seconds(date: &str) -> Option<u64> {
    // 1970 began on a Thursday.
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, u64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let number = |place: Range<usize>| {
        let digits = date.get(place)?;
        let digits =
            Some(digits).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        digits?.parse::<u64>().ok()
    };
    let between = [3..5, 7..8, 11..12, 16..17, 19..20, 22..23, 25..29];
    let between: Option<String> = between.into_iter().map(|place| date.get(place)).collect();
    if date.len() != 29 || between? != ",    :: GMT" {
        return None;
    }
    let (day, year) = (number(5..7)?, number(12..16)?);
    let (hour, minute, second) = (number(17..19)?, number(20..22)?, number(23..25)?);
    let month = MONTHS
        .iter()
        .position(|(name, _)| date.get(8..11) == Some(name))?;
    let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years: u64 = (1970..year)
        .map(|year| 365 + u64::from(is_leap(year)))
        .sum();
    let months: u64 = MONTHS[..month].iter().map(|(_, days)| days).sum();
    let days = years + months + u64::from(month > 1 && is_leap(year)) + day.checked_sub(1)?;
    let weekday = DAYS[usize::try_from(days % 7).ok()?];
    (date.get(..3) == Some(weekday)).then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// The next answer has this status, and one `Date`, of now.
fn dated_now(client: &mut Client, status: u16) -> Verdict {
    let answer = client.answer()?.status(status)?;
    let dates: Vec<_> = answer.all("date").collect();
    want_eq!(dates.len(), 1);
    let date =
        seconds(dates[0]).ok_or_else(|| Failure::new(format!("the date is {}", dates[0])))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_err(Failure::new)?;
    // A wrong time zone would be half an hour away at least.
    let apart = now.abs_diff(Duration::from_secs(date));
    want!(
        apart < Duration::from_secs(1700),
        "{} is {apart:?} from now",
        dates[0]
    );
    Ok(())
}

/// No server takes this for a request, however lenient.
const MALFORMED: &str = "GET /ok HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n";

cases! {
    /// `get` is not GET, and `head` has content like any other method.
    must methods_have_case ["R-060"] app naming |play| {
        each(["GET", "get", "Get", "POST", "post", "head", "connect", "trace"], |method| {
            let mut client = play.connect()?;
            client.send(format!("{method} /a HTTP/1.1\r\nHost: a\r\n\r\n"))?;
            client.answer()?.status(200)?.content(format!("{method} /a"))?.ok()
        })
    }
    /// Which methods there are is the application's to know.
    house any_method_reaches_the_application ["R-061", "A2-6"] app naming |play| {
        let methods = [
            "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "PURGE", "M-SEARCH", "X", "GETT", "1",
            "!#$%&'*+-.^_`|~", "A-METHOD-OF-THIRTYTWO-CHARACTERS",
        ];
        each(methods, |method| {
            let mut client = play.connect()?;
            client.send(format!("{method} /a HTTP/1.1\r\nHost: a\r\n\r\n"))?;
            client.answer()?.status(200)?.content(format!("{method} /a"))?.ok()
        })
    }
    /// A HEAD says everything that a GET would, but for the content.
    must head_is_answered_like_get_without_content ["R-060", "R-063", "R-044"] |play| {
        let mut said = Vec::new();
        for method in ["GET", "HEAD"] {
            let mut client = play.connect()?;
            client.send(format!("{method} /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))?;
            if method == "HEAD" {
                client.to_head();
            }
            let answer = client.last(200)?;
            said.push(answer.content(if method == "HEAD" { "" } else { "ok" })?);
        }
        said[1].says_what_a_get_says(&said[0])
    }
    /// Content that has no meaning is content all the same. Read as a request it would be one that nobody
    /// sent.
    must content_of_any_method_is_never_the_next_request ["R-064", "R-093"] needs [KeepAlive] |play| {
        let content = "GET /trap HTTP/1.1\r\nHost: trap\r\n\r\n";
        let length = content.len();
        let messages = ["GET", "HEAD", "DELETE", "OPTIONS", "PURGE", "get"].into_iter().flat_map(|method| {
            let head = format!("{method} /ok HTTP/1.1\r\nHost: a\r\n");
            [
                format!("{head}Content-Length: {length}\r\n\r\n{content}"),
                format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{content}\r\n0\r\n\r\n"),
            ]
        });
        play.each(messages, |play, message| {
            let mut client = play.connect()?;
            client.send(message)?.post("/echo", "next")?;
            if message.starts_with("HEAD") {
                client.to_head();
            }
            let answer = client.answered_somehow(200)?;
            if client.is_last(&answer)? {
                return Ok(());
            }
            client.answered(200)?.content("next")?;
            client.silent().map(drop)
        })
    }
    /// A question about the server needs no route, other questions do.
    must options_star_needs_no_route ["R-065", "T-2A"] app passing_on |play| {
        let mut client = play.connect()?;
        client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let answer = client.answer()?.status(204)?;
        let allowed: Vec<_> = answer.all("allow").flat_map(|line| line.split(", ")).collect();
        for method in ["GET", "HEAD", "OPTIONS"] {
            want!(allowed.contains(&method), "{method} is not among {allowed:?}");
        }
        each(["OPTIONS /", "OPTIONS /*", "GET /"], |line| {
            let mut client = play.connect()?;
            client.send(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"))?.answer()?.status(404)?.ok()
        })
    }
    /// An application that knows better answers itself.
    house options_star_is_the_applications_first ["R-065"] app naming |play| {
        let mut client = play.connect()?;
        client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.answer()?.status(200)?.content("OPTIONS *")?.ok()
    }
    /// No tunnel through an origin server, no request sent back to a script that may not read its cookies,
    /// and no routing of either.
    must connect_and_trace_are_refused ["R-066", "R-067"] needs [StrictParsing] app naming |play| {
        each(["CONNECT a:443", "TRACE /a"], |line| {
            let mut client = play.connect()?;
            client.send(format!(
                "{line} HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nAuthorization: secret\r\n\r\n\
                GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            ))?;
            let answer = client.answer()?.status(501)?.says_close()?;
            want!(!answer.text().contains("secret"), "it says {}", answer.text());
            client.closed()
        })?;
        play.noted(&[])
    }
    /// An application that wants them gets them like any other method.
    house connect_and_trace_reach_the_application_that_wants_them ["R-067"] needs [KeepAlive]
        app naming_tunnels |play| {
        let mut client = play.connect()?;
        client.send("TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n")?.answered(200)?.content("TRACE /a")?;
        client.send("CONNECT nowhere:443 HTTP/1.1\r\nHost: nowhere:443\r\n\r\n")?;
        client.answered(502)?.content("CONNECT nowhere:443")?;
        play.noted(&[])
    }
    /// After a 2xx to CONNECT the client takes every byte for the tunnel's: there is no framing and no
    /// content, and what the client sends is no request.
    must success_of_connect_has_no_framing_and_no_content ["R-043", "R-044", "T-27"] app naming_tunnels |play| {
        let mut client = play.connect()?;
        client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let answer = client.answer()?.status(200)?.says_close()?.content("")?;
        answer.has_no("content-length")?.has_no("transfer-encoding")?;
        client.closed()?;
        play.wait_for("server: answer")
    }

    /// Whoever caches an answer must know when it was made: all of them say it, once, and in one form.
    must date_is_in_every_answer ["R-068"] needs [StrictParsing] app dated |play| {
        each(["200", "204", "301", "304", "404"], |status| {
            let mut client = play.connect()?;
            client.get(&format!("/{status}"))?;
            dated_now(&mut client, status.parse().map_err(Failure::new)?)
        })?;
        let mut client = play.connect()?;
        client.send(MALFORMED)?;
        dated_now(&mut client, 400)
    }
    /// An application that passes an answer on keeps its date: there are never two.
    must own_date_replaces_the_servers ["R-068"] app dated |play| {
        let own = "Sun, 06 Nov 1994 08:49:37 GMT";
        want_eq!(seconds(own), Some(784_111_777));
        let mut client = play.connect()?;
        client.send(format!("GET /200 HTTP/1.1\r\nHost: a\r\nX-Date: {own}\r\n\r\n"))?;
        client.answer()?.status(200)?.has("date", own)?.ok()
    }
    /// A server behind one that dates its answers need not.
    house date_can_be_switched_off ["A1-10"] needs [StrictParsing] config |config| { config.date = false } |play| {
        play.connect()?.get("/ok")?.answer()?.status(200)?.has_no("date")?;
        let mut client = play.connect()?;
        client.send(MALFORMED)?.answer()?.status(400)?.has_no("date")?.ok()
    }
    /// What runs here is nobody's business.
    house server_is_not_named_by_default ["R-077", "A4-6"] |play| {
        play.connect()?.get("/ok")?.answer()?.status(200)?.has_no("server")?.ok()
    }
    /// What is configured stands in every answer, but where the application has its own word.
    should server_is_named_as_configured ["R-077", "A4-6", "A1-10"] needs [StrictParsing] app dated |play| {
        play.connect()?.get("/200")?.answer()?.status(200)?.has("server", "conformance")?;
        let mut client = play.connect()?;
        client.send(MALFORMED)?.answer()?.status(400)?.has("server", "conformance")?;
        let mut client = play.connect()?;
        client.send("GET /200 HTTP/1.1\r\nHost: a\r\nX-Server: other/1\r\n\r\n")?;
        client.answer()?.status(200)?.has("server", "other/1")?.ok()
    }

    /// Interim answers leave at once, while the final one is still being made; without framing fields,
    /// whatever the handler gave.
    must early_hints_come_before_the_answer ["R-043", "R-044", "R-070", "T-25"] needs [EarlyHints] app hinting |play| {
        let mut client = play.connect()?;
        client.get("/")?;
        for link in ["</early.css>", "</late.css>"] {
            client.next_answer()?.status(103)?.has("link", link)?;
        }
        client.silent()?;
        play.stage().open("answer");
        client.answer()?.status(200)?.has_no("link")?.content("answer to /")?;
        play.noted(&["sent", "sent"])
    }
    /// Each comes after the answer before it.
    must interim_answers_stay_with_their_request ["R-070", "R-093", "T-25"] needs [EarlyHints, KeepAlive]
        app hinting |play| {
        play.stage().open("answer");
        let mut client = play.connect()?;
        client.get("/a")?.get("/b")?;
        for path in ["/a", "/b"] {
            client.next_answer()?.status(103)?;
            client.next_answer()?.status(103)?;
            client.answered(200)?.content(format!("answer to {path}"))?;
        }
        // One that comes when its request has been answered goes with no other.
        client.get("/left")?.next_answer()?.status(103)?;
        client.answered(200)?.content("answer to /left")?;
        client.get("/patient")?.next_answer()?.status(103)?;
        client.next_answer()?.status(103)?;
        play.stage().open("late");
        play.wait_for("too late: sent")?;
        play.stage().open("patient");
        client.answered(200)?.content("answer to /patient")?;
        client.silent().map(drop)
    }
    /// Whether the connection stays is for the final answer to say.
    must interim_answer_says_nothing_of_the_connection ["T-25", "T-27"] needs [EarlyHints, KeepAlive]
        app hinting_at_the_end |play| {
        let mut client = play.connect()?;
        client.get("/")?.next_answer()?.status(103)?.has_no("connection")?;
        client.answered(200)?.content("and yet it lives")?;
        client.get("/")?.next_answer()?.status(103)?.ok()
    }
    /// A client of HTTP/1.0 would take it for the answer.
    must http_10_gets_no_interim_answer ["R-069", "T-25"] app hinting |play| {
        play.stage().open("answer");
        let mut client = play.connect()?;
        client.send("GET / HTTP/1.0\r\n\r\n")?.answer()?.status(200)?.content("answer to /")?;
        client.closed()?;
        play.noted(&["version", "version"])
    }
    /// An interim answer that is final would end the request; 100 and 101 are the server's.
    must only_interim_statuses_are_sent_in_the_interim ["R-070", "T-25"] app interim_of_any_status |play| {
        each(["100", "101", "200", "204", "404", "500"], |status| {
            play.connect()?.get(&format!("/{status}"))?.answer()?.status(200)?.content("no interim status")?.ok()
        })
    }
    /// A 1xx in place of an answer would leave the client waiting for it.
    must interim_status_is_no_answer ["R-070", "T-25", "T-40", "T-42"] needs [KeepAlive] app any_final_status |play| {
        let mut client = play.connect()?;
        for (times, status) in (1..).zip(["100", "101", "102", "103", "199"]) {
            client.get(&format!("/{status}"))?.answered(500)?;
            play.wait_for_times("handler: error", times)?;
            client.get(&format!("/{status}?early"))?.answered(500)?;
            play.wait_for_times("middleware: error", times)?;
        }
        client.get("/200")?.answered(200)?.content("content")?;
        client.get("/299")?.answered(299)?.content("content")?;
        client.get("/599")?.answered(599)?.content("content")?;
        client.alive()
    }

    /// How content is framed has nothing to do with the method (RFC 9112, 6).
    must content_in_chunks_is_accepted_for_every_method ["R-064", "A2-6"] needs [Streaming] |play| {
        play.each(["POST", "PUT", "PATCH", "DELETE", "PURGE"], |play, method| {
            let mut client = play.connect()?;
            client.send(format!(
                "{method} /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            ))?;
            let answer = client.answered_somehow(200)?.content_if(200, "hello")?;
            client.clean(&answer)
        })
    }
    /// A POST without content is one, and no reason for a 411.
    must post_without_length_has_empty_content ["A2-6", "R-037"] needs [KeepAlive] |play| {
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let answer = client.answered_somehow(200)?.content_if(200, "")?;
        client.clean(&answer)
    }
}
