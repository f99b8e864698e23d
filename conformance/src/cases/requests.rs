//! What hooks see of a request, and what their results mean.

use std::sync::Arc;

use http_server_trait::bytes::Bytes;
use http_server_trait::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_server_trait::http::{self, HeaderValue, Method, StatusCode};
use http_server_trait::{
    App, Body, BodyError, BoxError, Completed, Conn, Flow, Head, IntoHandler, IntoResponse, Next,
    Request, Response, Tunnels, adapt, around,
};

use super::framing::{each, note_failures};
use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::play::Play;
use crate::stage::Stage;
use crate::{routes, want, want_eq};

/// Answers with what the request line says.
fn describing(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        format!(
            "{} {} {:?} path={} query={:?} host={:?}",
            request.method(),
            request.target(),
            request.version(),
            request.path(),
            request.query(),
            request.host(),
        )
    });
}

/// Answers with the target as a `Uri`, and with its parts.
fn describing_uris(app: &mut App, _: &Stage) {
    app.config_mut().tunnels = Tunnels::ToApp;
    app.handler(|request: Request| async move {
        let uri = request.uri();
        let scheme = uri.scheme_str().unwrap_or("-");
        let authority = uri.authority().map_or("-", |authority| authority.as_str());
        let described = format!(
            "{uri} {scheme} {authority} {} {:?}",
            uri.path(),
            uri.query()
        );
        // An answer to CONNECT has content only if it says no.
        let status = if request.method() == Method::CONNECT {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::OK
        };
        (status, described)
    });
}

/// Answers with everything that can be asked about the field `x-a`.
fn describing_fields(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move { described_field(&request, "X-A") });
}

fn described_field(head: &Head, name: &str) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let lines: Vec<_> = head.field_lines(name).map(text).collect();
    let mapped = head.headers().get_all(name).iter();
    let mapped: Vec<_> = mapped.map(|value| text(value.as_bytes())).collect();
    let joined = head.field_joined(name);
    let same = lines == mapped && head.field_bytes(name).map(text) == lines.first().cloned();
    format!(
        "{:?} {lines:?} {joined:?}{}",
        head.field(name),
        if same {
            ""
        } else {
            ", and not the same everywhere"
        }
    )
}

/// Middleware that changes fields, and a handler that answers with them.
fn changing_fields(app: &mut App, _: &Stage) {
    app.middleware(|mut head: Head| async move {
        let fields = head.headers_mut();
        fields.append("x-a", HeaderValue::from_static("added"));
        fields.insert("x-b", HeaderValue::from_static("replaced"));
        fields.remove("x-c");
        head
    });
    app.handler(|request: Request| async move {
        ["X-A", "x-b", "X-C", "x-d"]
            .map(|name| described_field(&request, name))
            .join("; ")
    });
}

/// Middleware that lies about the framing, and the two routes.
fn changing_framing(app: &mut App, _: &Stage) {
    app.middleware(|mut head: Head| async move {
        let fields = head.headers_mut();
        fields.insert(CONTENT_LENGTH, HeaderValue::from_static("1"));
        fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        fields.insert("connection", HeaderValue::from_static("close"));
        head
    });
    routes::install(app);
}

/// What hooks leave for the ones after them.
#[derive(Clone)]
struct Trail(Vec<&'static str>);

fn leave(head: &mut Head, name: &'static str) {
    let extensions = head.extensions_mut();
    let mut trail = extensions.remove().unwrap_or(Trail(Vec::new()));
    trail.0.push(name);
    extensions.insert(trail);
}

/// Two hooks of middleware and two handlers, each of which leaves its name; the last answers with all.
fn leaving_names(app: &mut App, _: &Stage) {
    for name in ["one", "two"] {
        app.middleware(move |mut head: Head| async move {
            leave(&mut head, name);
            head
        });
    }
    app.handler(|mut request: Request| async move {
        leave(&mut request, "three");
        request
    });
    app.handler(|request: Request| async move {
        request
            .extensions()
            .get()
            .map(|Trail(names)| names.join(", "))
    });
}

/// Middleware that leaves a value, and a handler on the types of the `http` crate.
fn http_types(app: &mut App, _: &Stage) {
    app.middleware(|mut head: Head| async move {
        leave(&mut head, "middleware");
        head
    });
    app.handler(adapt::http(|request: http::Request<Body>| async move {
        let (head, body) = request.into_parts();
        let names = head.extensions.get().map_or(0, |Trail(names)| names.len());
        let number = head.extensions.get::<Conn>().map(|conn| conn.id().number());
        let content = body.bytes().await?;
        let described = format!(
            "{} {} {:?} {:?} {names} {} {}",
            head.method,
            head.uri,
            head.version,
            head.headers.get("x-a"),
            number.is_some(),
            String::from_utf8_lossy(&content),
        );
        let mut answer = http::Response::new(described);
        *answer.status_mut() = StatusCode::CREATED;
        answer
            .headers_mut()
            .append("x-b", HeaderValue::from_static("one"));
        answer
            .headers_mut()
            .append("x-b", HeaderValue::from_static("two"));
        Ok::<_, BodyError>(answer)
    }));
}

struct Shared(&'static str);

/// A handler that passes the request on as one of the `http` crate, changed, and one that looks at it.
fn there_and_back(app: &mut App, _: &Stage) {
    app.state(Shared("shared"));
    app.handler(|mut request: Request| async move {
        leave(&mut request, "left");
        let mut request = request.into_http();
        request
            .headers_mut()
            .insert("x-b", HeaderValue::from_static("added"));
        Request::from(request)
    });
    app.handler(|mut request: Request| async move {
        let content = request.bytes().await?;
        let names = request
            .extensions()
            .get()
            .map(|Trail(names)| names.join(", "));
        let described = format!(
            "{} {} path={} query={:?} {:?} {:?} {:?} {names:?} {}",
            request.method(),
            request.target(),
            request.path(),
            request.query(),
            request.version(),
            request.field("x-a"),
            request.field("X-B"),
            String::from_utf8_lossy(&content),
        );
        match request.path() {
            // Without a connection these would panic.
            "/conn" => {
                let shared = request.state().map(|Shared(text)| *text);
                Ok(format!("{} {shared:?}", request.id().number()))
            }
            _ => Ok::<_, BodyError>(described),
        }
    });
}

/// Notes the id of each request in every hook, and answers with it.
fn telling_ids(app: &mut App, stage: &Stage) {
    let noted = stage.clone();
    app.middleware(move |head: Head| {
        noted.note(format!("middleware {}", head.id()));
        async { head }
    });
    app.handler(|request: Request| async move {
        let (id, conn) = (request.id(), request.conn().id());
        let same = *id.conn() == conn && conn.parent().is_none();
        format!("{} {} {} {id} {same}", conn.number(), id.number(), conn)
    });
    let noted = stage.clone();
    app.after(move |done: Arc<Completed>| {
        let id = done.request.id().map(|id| id.to_string());
        noted.note(format!("after {}", id.unwrap_or_default()));
        async {}
    });
}

/// Registers a handler for one path.
fn at<M, H: IntoHandler<M>>(app: &mut App, path: &'static str, handler: H) {
    let here = move |request: Request, next: Next| async move {
        if request.path() == path {
            next.run(request).await
        } else {
            Flow::Continue(request)
        }
    };
    app.handler(around(handler, here));
}

/// A type of an application's own.
struct Csv(&'static str);

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        Response::text(self.0).with_field("content-type", "text/csv")
    }
}

/// A handler for everything that a handler can return. What goes on is answered at the end.
fn every_result(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    at(app, "/response", |_: Request| async {
        Response::html("page").with_status(StatusCode::CREATED)
    });
    at(app, "/http", |_: Request| async {
        let answer = http::Response::builder().status(202).header("x-a", "b");
        answer.body(Body::full("body"))
    });
    at(app, "/status", |_: Request| async {
        StatusCode::IM_A_TEAPOT
    });
    at(app, "/str", |_: Request| async { "text" });
    at(app, "/string", |_: Request| async { String::from("text") });
    at(app, "/bytes", |_: Request| async {
        Bytes::from_static(b"\0\xff")
    });
    at(app, "/vec", |_: Request| async { vec![0_u8, 255] });
    at(app, "/body", |_: Request| async { Body::full("body") });
    at(app, "/pair", |_: Request| async {
        (StatusCode::CONFLICT, "text")
    });
    at(app, "/nothing", |_: Request| async {});
    at(app, "/own", |_: Request| async { Csv("a,b") });
    at(app, "/some", |_: Request| async { Some("text") });
    at(app, "/none", |_: Request| async { None::<&str> });
    at(app, "/ok", |_: Request| async { Ok::<_, BoxError>("text") });
    at(app, "/error", |_: Request| async {
        Err::<&str, _>("a secret")
    });
    at(app, "/ok-none", |_: Request| async {
        Ok::<_, BoxError>(None::<StatusCode>)
    });
    at(app, "/request", |request: Request| async { request });
    at(app, "/some-request", |request: Request| async {
        Some(request)
    });
    at(app, "/ok-request", |request: Request| async {
        Ok::<_, BoxError>(request)
    });
    at(app, "/reply", |_: Request| async {
        Flow::Reply(Response::text("text"))
    });
    at(app, "/continue", |request: Request| async {
        Flow::Continue(request)
    });
    at(app, "/fail", |_: Request| async {
        Flow::Fail("a secret".into())
    });
    app.handler(|request: Request| async move { format!("passed on: {}", request.path()) });
}

/// Middleware for everything that middleware can return, and a handler that notes that it was called.
fn every_result_of_middleware(app: &mut App, stage: &Stage) {
    note_failures(app, stage);
    app.middleware(|head: Head| async { head });
    app.middleware(|head: Head| async { (head.path() != "/none").then_some(head) });
    app.middleware(|head: Head| async {
        match head.path() {
            "/error" => Err("a secret"),
            _ => Ok(head),
        }
    });
    app.middleware(|head: Head| async {
        match head.path() {
            "/reply" => Flow::Reply((StatusCode::FORBIDDEN, "text").into_response()),
            "/fail" => Flow::Fail("a secret".into()),
            _ => Flow::Continue(head),
        }
    });
    let stage = stage.clone();
    app.handler(move |request: Request| {
        stage.note(format!("handler {}", request.path()));
        async {}
    });
}

/// Middleware that answers everything, before a handler that notes that it was called.
fn answering_middleware(app: &mut App, stage: &Stage) {
    app.middleware(|_: Head| async { StatusCode::SERVICE_UNAVAILABLE });
    let stage = stage.clone();
    app.handler(move |_: Request| {
        stage.note("handler");
        async {}
    });
}

/// Answers with the keys of a Ring request, one to a line.
fn ring(app: &mut App, _: &Stage) {
    app.handler(|mut request: Request| async move {
        let body = request.bytes().await?;
        let (host, conn) = (request.host().unwrap_or_default(), request.conn());
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let cookie = request.field_joined("cookie");
        let keys = [
            (
                "server-port",
                conn.local().map(|local| local.port().to_string()),
            ),
            ("server-name", Some(name.to_owned())),
            ("remote-addr", conn.peer().map(|peer| peer.ip().to_string())),
            ("uri", Some(request.path().to_owned())),
            ("query-string", request.query().map(str::to_owned)),
            ("scheme", Some(conn.scheme().to_string())),
            (
                "request-method",
                Some(request.method().as_str().to_lowercase()),
            ),
            ("protocol", Some(format!("{:?}", request.version()))),
            ("cookie", cookie),
            ("body", Some(String::from_utf8_lossy(&body).into_owned())),
        ];
        let lines = keys.map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("nil")));
        Ok::<_, BodyError>(lines.join("\n"))
    });
}

/// The message is answered with this content.
fn answered_with(play: &mut Play, message: &str, content: &str) -> Verdict {
    let mut client = play.connect()?;
    let answer = client.send(message)?.answer()?;
    answer
        .content(content)
        .map(drop)
        .map_err(|failure| Failure::new(format!("{message:?}: {failure}")))
}

cases! {
    /// Method, target and version are as they were sent; path and query are not decoded; the host is that of
    /// the target where it names one.
    must handler_sees_the_request_line ["R-013", "R-015", "A1-2"] app describing |play| {
        let cases = [
            ("GET /a/b?c=d&e HTTP/1.1\r\nHost: h:1",
                "GET /a/b?c=d&e HTTP/1.1 path=/a/b query=Some(\"c=d&e\") host=Some(\"h:1\")"),
            ("get / HTTP/1.1\r\nhost: H", "get / HTTP/1.1 path=/ query=None host=Some(\"H\")"),
            ("GET /? HTTP/1.1\r\nHost: h", "GET /? HTTP/1.1 path=/ query=Some(\"\") host=Some(\"h\")"),
            ("GET /a??b?=/ HTTP/1.1\r\nHost: h",
                "GET /a??b?=/ HTTP/1.1 path=/a query=Some(\"?b?=/\") host=Some(\"h\")"),
            ("GET /%61%2F%00?%20+ HTTP/1.1\r\nHost: h",
                "GET /%61%2F%00?%20+ HTTP/1.1 path=/%61%2F%00 query=Some(\"%20+\") host=Some(\"h\")"),
            ("GET //a/./../b; HTTP/1.1\r\nHost: h",
                "GET //a/./../b; HTTP/1.1 path=//a/./../b; query=None host=Some(\"h\")"),
            ("GET http://x:8/a?b HTTP/1.1\r\nHost: h",
                "GET http://x:8/a?b HTTP/1.1 path=/a query=Some(\"b\") host=Some(\"x:8\")"),
            ("OPTIONS * HTTP/1.1\r\nHost: h", "OPTIONS * HTTP/1.1 path=* query=None host=Some(\"h\")"),
            ("GET / HTTP/1.1\r\nHost: [::1]:80", "GET / HTTP/1.1 path=/ query=None host=Some(\"[::1]:80\")"),
            ("GET / HTTP/1.0", "GET / HTTP/1.0 path=/ query=None host=None"),
            ("GET http://x/ HTTP/1.0", "GET http://x/ HTTP/1.0 path=/ query=None host=Some(\"x\")"),
        ];
        for (head, content) in cases {
            answered_with(play, &format!("{head}\r\n\r\n"), content)?;
        }
        Ok(())
    }
    /// A version that is not known yet is the highest that is.
    should handler_sees_a_higher_minor_version_as_11 ["R-007"] app describing |play| {
        answered_with(play, "GET / HTTP/1.7\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1 path=/ query=None host=Some(\"h\")")
    }
    /// A target without a path means `/` (RFC 9110, 4.2.3). Who routes by the path must find it there.
    must path_of_a_bare_authority_is_the_root ["R-013", "A1-2"] app describing |play| {
        let cases = [
            ("GET http://x", "path=/ query=None host=Some(\"x\")"),
            ("GET http://x?a", "path=/ query=Some(\"a\") host=Some(\"x\")"),
        ];
        for (line, described) in cases {
            let mut client = play.connect()?;
            let answer = client.send(format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n"))?.answer()?.status(200)?;
            want!(answer.text().ends_with(described), "{line}: it says {}", answer.text());
        }
        Ok(())
    }
    /// And the target itself stays what was sent.
    house target_of_a_bare_authority_is_not_completed ["R-013"] needs [StrictParsing] app describing |play| {
        let cases = [
            ("GET http://x HTTP/1.1", "GET http://x HTTP/1.1 path=/ query=None host=Some(\"x\")"),
            ("GET http://x?a HTTP/1.1", "GET http://x?a HTTP/1.1 path=/ query=Some(\"a\") host=Some(\"x\")"),
        ];
        for (head, content) in cases {
            answered_with(play, &format!("{head}\r\nHost: h\r\n\r\n"), content)?;
        }
        Ok(())
    }
    /// Every form of a target can be had as a `Uri`, and what only looks like an authority is none.
    must uri_is_there_in_every_form ["R-013", "R-014", "R-015"] app describing_uris |play| {
        let cases = [
            ("GET /a?b", "/a?b - - /a Some(\"b\")"),
            ("GET /", "/ - - / None"),
            ("GET //x/a", "//x/a - - //x/a None"),
            ("GET /http://x/", "/http://x/ - - /http://x/ None"),
            ("GET /a|b[]^{}?[]|", "/a|b[]^{}?[]| - - /a|b[]^{} Some(\"[]|\")"),
            ("GET http://x:8/a?b", "http://x:8/a?b http x:8 /a Some(\"b\")"),
            ("GET https://x", "https://x/ https x / None"),
            ("GET HTTP://x?a", "http://x/?a http x / Some(\"a\")"),
            ("GET http://[::1]:80/", "http://[::1]:80/ http [::1]:80 / None"),
            ("OPTIONS *", "* - - * None"),
            ("CONNECT x:443", "x:443 - x:443  None"),
        ];
        for (line, content) in cases {
            answered_with(play, &format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n"), content)?;
        }
        Ok(())
    }
    /// A field can be asked for in several ways, and they agree: names have no case, lines keep their order,
    /// and what is not UTF-8 is bytes.
    must fields_are_found_in_every_way ["R-050", "R-051", "R-053", "R-054"] app describing_fields |play| {
        let cases: [(&[u8], &str); 6] = [
            (b"X-A: 1\r\n", "Some(\"1\") [\"1\"] Some(\"1\")"),
            (b"x-a:1\r\nX-B: 2\r\nx-A: \t3, 4 \r\n", "Some(\"1\") [\"1\", \"3, 4\"] Some(\"1, 3, 4\")"),
            (b"X_A: 1\r\nX-AA: 2\r\nX-: 3\r\n", "None [] None"),
            (b"X-A:\r\n", "Some(\"\") [\"\"] Some(\"\")"),
            ("X-A: \u{e9}\r\n".as_bytes(), "Some(\"\u{e9}\") [\"\\\\xc3\\\\xa9\"] Some(\"\u{e9}\")"),
            (b"X-A: \xe9\r\nX-A: b\r\n", "None [\"\\\\xe9\", \"b\"] Some(\"\u{fffd}, b\")"),
        ];
        for (fields, content) in cases {
            let message = [b"GET / HTTP/1.1\r\nHost: a\r\n", fields, b"\r\n"].concat();
            let mut client = play.connect()?;
            let answer = client.send(&message)?.answer()?;
            answer.content(content).map_err(|failure| {
                Failure::new(format!("{}: {failure}", fields.escape_ascii()))
            })?;
        }
        Ok(())
    }
    /// What middleware does to the fields, the handler sees, in whatever way it asks.
    must changed_fields_are_what_the_next_hook_sees ["R-050", "R-054"] app changing_fields |play| {
        let message = "GET / HTTP/1.1\r\nHost: a\r\nX-A: sent\r\nX-B: sent\r\nX-B: twice\r\nX-C: sent\r\n\
            X-D: sent\r\n\r\n";
        answered_with(play, message,
            "Some(\"sent\") [\"sent\", \"added\"] Some(\"sent, added\"); \
            Some(\"replaced\") [\"replaced\"] Some(\"replaced\"); \
            None [] None; \
            Some(\"sent\") [\"sent\"] Some(\"sent\")")
    }
    /// How a message is framed was decided before any hook, and stays.
    must changed_fields_do_not_change_the_framing ["R-093"] needs [KeepAlive] app changing_framing |play| {
        let mut client = play.connect()?;
        client.post("/echo", "hello")?.get("/ok")?;
        client.answered(200)?.content("hello")?;
        client.answered(200)?.content("ok")?.ok()
    }
    /// Hooks talk to the hooks after them, and to nobody else's.
    must extensions_are_passed_on ["T-13"] needs [KeepAlive] app leaving_names |play| {
        let mut client = play.connect()?;
        // The next request finds nothing of the one before.
        for _ in 0..2 {
            client.get("/")?.answered(200)?.content("one, two, three")?;
        }
        Ok(())
    }
    /// A handler on the types of the `http` crate gets everything in them, and its answer is sent as it is.
    must http_types_are_taken_and_given ["T-11", "T-13"] app http_types |play| {
        let mut client = play.connect()?;
        client.send("PUT http://x:8/a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello")?;
        let answer = client.answer()?.status(201)?;
        want_eq!(answer.all("x-b").collect::<Vec<_>>(), ["one", "two"]);
        answer.content("PUT http://x:8/a?b HTTP/1.1 Some(\"1\") 1 true hello")?.ok()
    }
    /// A request that was one of the `http` crate on its way lacks nothing.
    must request_comes_back_from_the_http_types ["T-13"] app there_and_back |play| {
        let mut client = play.connect()?;
        client.send("PUT /a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello")?;
        client.answer()?.status(200)?.content(
            "PUT /a?b path=/a query=Some(\"b\") HTTP/1.1 Some(\"1\") Some(\"added\") Some(\"left\") hello",
        )?.ok()
    }
    /// Its target is still what was sent, also where the types of `http` have no form for it.
    house target_without_a_path_comes_back_from_the_http_types ["T-13", "R-013"] needs [StrictParsing]
        app there_and_back |play| {
        let cases = [
            ("GET http://x", "GET http://x path=/ query=None HTTP/1.1 None Some(\"added\") Some(\"left\") "),
            ("GET http://x?a", "GET http://x?a path=/ query=Some(\"a\") HTTP/1.1 None Some(\"added\") Some(\"left\") "),
            ("GET http://x/", "GET http://x/ path=/ query=None HTTP/1.1 None Some(\"added\") Some(\"left\") "),
        ];
        for (line, content) in cases {
            answered_with(play, &format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n"), content)?;
        }
        Ok(())
    }
    /// Its connection goes with it: hooks after that one would panic, and not see what is shared.
    must request_comes_back_from_the_http_types_with_its_connection ["T-51", "T-53"] app there_and_back |play| {
        play.connect()?.get("/conn")?.answer()?.status(200)?.content("1 Some(\"shared\")")?.ok()
    }
    /// Requests are counted on their connection, connections in their server, and an id has both.
    must ids_are_unique_and_count_up ["T-53"] needs [KeepAlive] app telling_ids |play| {
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let mut client = play.connect()?;
            for request in 1..=2 {
                let text = client.get("/")?.answered(200)?.text();
                let conn = text.split(' ').next().unwrap_or_default().to_owned();
                want_eq!(text, format!("{conn} {request} {conn} {conn}.{request} true"));
                play.wait_for(&format!("after {conn}.{request}"))?;
                want_eq!(play.stage().count(&format!("middleware {conn}.{request}")), 1);
                numbers.push(conn.parse::<u64>().map_err(Failure::new)?);
            }
        }
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        want_eq!(sorted.len(), 3);
        Ok(())
    }
    /// Whatever a handler would naturally return means what one would naturally expect.
    must results_of_handlers_mean_what_they_say ["T-10", "T-11", "R-076"] app every_result |play| {
        const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
        const BINARY: Option<&str> = Some("application/octet-stream");
        let cases: [(&str, u16, Option<&str>, &[u8]); 21] = [
            ("/response", 201, Some("text/html; charset=utf-8"), b"page"),
            ("/http", 202, None, b"body"),
            ("/status", 418, None, b""),
            ("/str", 200, TEXT, b"text"),
            ("/string", 200, TEXT, b"text"),
            ("/bytes", 200, BINARY, b"\0\xff"),
            ("/vec", 200, BINARY, b"\0\xff"),
            ("/body", 200, None, b"body"),
            ("/pair", 409, TEXT, b"text"),
            ("/nothing", 204, None, b""),
            ("/own", 200, Some("text/csv"), b"a,b"),
            ("/some", 200, TEXT, b"text"),
            ("/none", 404, TEXT, b"404 Not Found\n"),
            ("/ok", 200, TEXT, b"text"),
            ("/ok-none", 404, TEXT, b"404 Not Found\n"),
            ("/request", 200, TEXT, b"passed on: /request"),
            ("/some-request", 200, TEXT, b"passed on: /some-request"),
            ("/ok-request", 200, TEXT, b"passed on: /ok-request"),
            ("/reply", 200, TEXT, b"text"),
            ("/continue", 200, TEXT, b"passed on: /continue"),
            ("/other", 200, TEXT, b"passed on: /other"),
        ];
        for (path, status, kind, content) in cases {
            each([path], |path| {
                let answer = play.connect()?.get(path)?.answer()?.status(status)?;
                want_eq!(answer.field("content-type"), kind);
                answer.content(content).map(drop)
            })?;
        }
        play.connect()?.get("/http")?.answer()?.has("x-a", "b")?;
        play.noted(&[])
    }
    /// A handler that fails is answered for. What its error says is not the client's business.
    must failing_handler_is_a_500_that_tells_nothing ["T-11", "T-40", "T-42"] app every_result |play| {
        each(["/error", "/fail"], |path| {
            let answer = play.connect()?.get(path)?.answer()?.status(500)?;
            want!(!answer.text().contains("secret"), "it says {}", answer.text());
            Ok(())
        })?;
        play.wait_for_times("handler: error", 2)
    }
    /// The same table holds for middleware: what goes on reaches the handler, nothing else does.
    must results_of_middleware_mean_what_they_say ["T-10", "T-11", "T-42"] app every_result_of_middleware |play| {
        let cases = [("/none", 404), ("/error", 500), ("/reply", 403), ("/fail", 500), ("/on", 204)];
        for (path, status) in cases {
            each([path], |path| {
                let answer = play.connect()?.get(path)?.answer()?.status(status)?;
                want!(!answer.text().contains("secret"), "it says {}", answer.text());
                Ok(())
            })?;
        }
        play.wait_for_times("middleware: error", 2)?;
        let mut notes = play.stage().notes();
        notes.retain(|note| note.starts_with("handler"));
        want_eq!(notes, ["handler /on"]);
        Ok(())
    }
    /// Middleware may answer everything.
    must middleware_that_only_answers_lets_nothing_through ["T-10", "T-11"] app answering_middleware |play| {
        play.connect()?.get("/")?.answer()?.status(503)?.content("")?;
        play.noted(&[])
    }
    /// Everything that a Ring request has can be told: the `uri` begins with `/`, the query has no `?`, and
    /// the lines of `Cookie` are one.
    must keys_of_a_ring_request_are_there ["A1-2"] app ring |play| {
        let port = play.addresses()[0].tcp().map(|address| address.port().to_string());
        let port = port.unwrap_or_else(|| "nil".to_owned());
        let message = "POST /a?b=c HTTP/1.1\r\nHost: name:81\r\nCookie: a=1\r\nX: y\r\ncookie: b=2; c=3\r\n\
            Content-Length: 5\r\n\r\nhello";
        answered_with(play, message, &format!(
            "server-port={port}\nserver-name=name\nremote-addr=127.0.0.1\nuri=/a\nquery-string=b=c\nscheme=http\n\
            request-method=post\nprotocol=HTTP/1.1\ncookie=a=1; b=2; c=3\nbody=hello"
        ))
    }
}
