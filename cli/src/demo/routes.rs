//! The routes of the demo. Each is an early answer or a stream: nothing is collected.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bayonet::bytes::Bytes;
use bayonet::http::header::{ALLOW, CONTENT_TYPE};
use bayonet::http::{HeaderValue, Method, StatusCode};
use bayonet::{App, Body, BodyPlan, Flow, Handler, Head, IntoFlow, Request, Response};
use serde::Serialize;

use super::guard::Guard;
use super::pulse::{self, Pulse};
use super::{echo, page};
use crate::control;

/// What the `Server` field says.
pub(crate) const SERVED_BY: &str = concat!("bayonet/", env!("CARGO_PKG_VERSION"));

/// A route: where, how, and what for.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) methods: Methods,
    /// Where a link on the welcome page leads to, if a browser can ask for it.
    pub(crate) link: Option<&'static str>,
    pub(crate) about: &'static str,
}

/// The methods of a route.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Methods {
    Get,
    Post,
}

impl Methods {
    /// As `Allow` lists them. (RFC 9110, 10.2.1)
    fn allow(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Methods::Get => "GET, HEAD, OPTIONS",
            Methods::Post => "POST, OPTIONS",
        })
    }

    fn has(self, method: &Method) -> bool {
        match self {
            Methods::Get => method == Method::GET || method == Method::HEAD,
            Methods::Post => method == Method::POST,
        }
    }
}

/// Every route, as the welcome page lists them.
pub(crate) const ROUTES: [Route; 11] = [
    get(
        "/",
        Some("/"),
        "A page for browsers, a short text for others",
    ),
    get("/plaintext", Some("/plaintext"), "Hello, World!"),
    get(
        "/json",
        Some("/json"),
        "The same, serialised for each request",
    ),
    Route {
        path: "/echo",
        methods: Methods::Post,
        link: None,
        about: "The content back, as it comes, with its type",
    },
    get("/stream", Some("/stream"), "64 chunks of 1 KiB"),
    get("/big", Some("/big"), "1 MiB"),
    get(
        "/conn",
        Some("/conn"),
        "What a request knows: its connection, the runtime, the thread",
    ),
    get(
        "/slow",
        Some("/slow?ms=500"),
        "An answer after ?ms=N milliseconds",
    ),
    get(
        "/events",
        None,
        "What the page shows, as server-sent events",
    ),
    get(
        "/panic",
        Some("/panic"),
        "A handler that panics, and a client that gets its 500",
    ),
    get("/upgrade", None, "101, then every byte comes back"),
];

const fn get(path: &'static str, link: Option<&'static str>, about: &'static str) -> Route {
    Route {
        path,
        methods: Methods::Get,
        link,
        about,
    }
}

/// Sets what a server of the demo is to be like: the first one, and each that takes over.
pub(crate) fn configure(app: &mut App, workers: Option<usize>) {
    let config = app.config_mut();
    config.workers = workers;
    config.server = Some(HeaderValue::from_static(SERVED_BY));
}

/// Installs the demo. With a guard, the page can swap.
pub(crate) fn install(app: &mut App, pulse: Arc<Pulse>, guard: Option<Guard>) {
    app.handler(Demo { pulse, guard });
}

struct Demo {
    pulse: Arc<Pulse>,
    guard: Option<Guard>,
}

impl Handler for Demo {
    async fn handle(&self, request: Request) -> Flow<Request> {
        if let (Some(guard), Some(to)) = (&self.guard, request.path().strip_prefix("/swap/")) {
            return self.swap(guard, &request, to).await.into_flow();
        }
        let Some(route) = ROUTES.iter().find(|route| route.path == request.path()) else {
            return nothing_here().into_flow();
        };
        if !route.methods.has(request.method()) {
            return not_like_this(route, request.method()).into_flow();
        }
        match route.path {
            "/" => page::welcome(&request, self.guard.as_ref()).into_flow(),
            "/plaintext" => Response::text("Hello, World!").into_flow(),
            "/json" => json().into_flow(),
            "/echo" => echoed(request).into_flow(),
            "/stream" => Response::text(Body::iter(PIECES.clone())).into_flow(),
            "/big" => Response::text(BIG.clone()).into_flow(),
            "/conn" => facts(&request).into_flow(),
            "/slow" => slow(&request).await.into_flow(),
            pulse::PATH => self.pulse.stream(&request).into_flow(),
            "/panic" => panic!("the demo was asked to panic, and the client gets a 500"),
            "/upgrade" => echo::upgrade().into_flow(),
            // A path in the table that has no arm is not there yet.
            _ => Flow::Continue(request),
        }
    }

    /// Nothing is waited for: what is refused is refused before its content has come.
    fn body_plan(&self, _: &Head) -> BodyPlan {
        BodyPlan::Stream
    }
}

impl Demo {
    /// Answers `POST /swap/BACKEND`, from the server that is left.
    async fn swap(&self, guard: &Guard, request: &Request, to: &str) -> Response {
        if request.method() != Method::POST {
            return control::refusal(StatusCode::METHOD_NOT_ALLOWED, "this is for POST")
                .with_field(ALLOW, HeaderValue::from_static("POST"));
        }
        if let Err(why) = guard.lets(request) {
            return control::refusal(StatusCode::FORBIDDEN, why);
        }
        match self.pulse.mount() {
            Some(mount) => control::swapped(mount, request, to.to_owned()).await,
            None => control::refusal(StatusCode::SERVICE_UNAVAILABLE, "the demo is just starting"),
        }
    }
}

fn nothing_here() -> (StatusCode, &'static str) {
    let text = "404 Not Found: there is nothing here. GET / lists what there is.\n";
    (StatusCode::NOT_FOUND, text)
}

/// OPTIONS is told which methods there are; anything else that they are not its own. (RFC 9110, 9.3.7, 15.5.6)
fn not_like_this(route: &Route, method: &Method) -> Response {
    let answer = if method == Method::OPTIONS {
        Response::new(StatusCode::NO_CONTENT)
    } else {
        let text = format!(
            "405 Method Not Allowed: {} is not for {method}\n",
            route.path
        );
        Response::text(text).with_status(StatusCode::METHOD_NOT_ALLOWED)
    };
    answer.with_field(ALLOW, route.methods.allow())
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

fn json() -> Result<Response, serde_json::Error> {
    let message = Message {
        message: "Hello, World!",
    };
    Ok(Response::json(serde_json::to_vec(&message)?))
}

fn echoed(mut request: Request) -> Response {
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let answer = Response::new(StatusCode::OK)
        // What it is, the client has said; a browser is not to guess again.
        .with_field(
            "x-content-type-options",
            HeaderValue::from_static("nosniff"),
        )
        .with_body(request.take_body());
    match content_type {
        Some(content_type) => answer.with_field(CONTENT_TYPE, content_type),
        None => answer,
    }
}

/// 64 lines of 1 KiB.
static PIECES: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let line = |number: usize| format!("{:.<1023}\n", format!("chunk {number:02} of 64 "));
    (1..=64).map(|number| line(number).into()).collect()
});

/// 1 MiB in 16,384 numbered lines.
static BIG: LazyLock<Bytes> = LazyLock::new(|| {
    let line = |number: usize| format!("{:.<63}\n", format!("line {number:05} of 16384 "));
    (1..=16_384).map(line).collect::<String>().into()
});

/// What `/conn` tells. A fact that does not exist is null, never faked.
#[derive(Serialize)]
struct Facts {
    backend: &'static str,
    runtime: &'static str,
    worker: String,
    connection: String,
    request: String,
    peer: Option<String>,
    local: Option<String>,
    listener: Option<usize>,
    scheme: String,
    version: String,
    server: &'static str,
}

fn facts(request: &Request) -> Result<Response, serde_json::Error> {
    let conn = request.conn();
    let facts = Facts {
        backend: conn.backend(),
        runtime: conn.exec().runtime(),
        worker: worker(),
        connection: conn.id().to_string(),
        request: request.id().to_string(),
        peer: conn.peer().map(|peer| peer.to_string()),
        local: conn.local().map(|local| local.to_string()),
        listener: conn.listener(),
        scheme: conn.scheme().to_string(),
        version: format!("{:?}", request.version()),
        server: SERVED_BY,
    };
    Ok(Response::json(serde_json::to_string_pretty(&facts)? + "\n"))
}

/// The name of the thread that serves just now.
pub(crate) fn worker() -> String {
    let thread = std::thread::current();
    thread
        .name()
        .unwrap_or("a thread without a name")
        .to_owned()
}

/// The longest that `/slow` takes: shorter than a drain, so that Ctrl-C waits for it.
const SLOWEST: u64 = 20_000;

async fn slow(request: &Request) -> Response {
    let milliseconds = match milliseconds(request.query()) {
        Ok(milliseconds) => milliseconds,
        Err(why) => {
            let text = format!("400 Bad Request: {why}\n");
            return Response::text(text).with_status(StatusCode::BAD_REQUEST);
        }
    };
    request
        .exec()
        .sleep(Duration::from_millis(milliseconds))
        .await;
    Response::text(format!("this took {milliseconds} ms\n"))
}

/// What `ms` says.
fn milliseconds(query: Option<&str>) -> Result<u64, String> {
    let values = query.unwrap_or_default().split('&');
    let mut values = values.filter_map(|pair| pair.strip_prefix("ms="));
    let way_out = format!("give milliseconds from 0 to {SLOWEST}, as in /slow?ms=250");
    match (values.next(), values.next()) {
        (None, _) => Err(format!("`ms` is missing; {way_out}")),
        (Some(_), Some(_)) => Err(format!("`ms` is there more than once; {way_out}")),
        (Some(value), None) => match value.parse() {
            Ok(milliseconds) if milliseconds <= SLOWEST => Ok(milliseconds),
            _ => Err(format!("`ms={value}` is not possible; {way_out}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{BIG, PIECES, SLOWEST, milliseconds};

    #[test]
    fn sizes_are_what_is_promised() {
        assert_eq!(PIECES.len(), 64);
        assert!(PIECES.iter().all(|piece| piece.len() == 1024));
        assert_eq!(BIG.len(), 1 << 20);
    }

    #[test]
    fn milliseconds_are_bounded() {
        assert_eq!(milliseconds(Some("ms=0")), Ok(0));
        assert_eq!(milliseconds(Some("a=b&ms=250")), Ok(250));
        assert_eq!(milliseconds(Some("ms=20000")), Ok(SLOWEST));
        for bad in [
            None,
            Some(""),
            Some("ms"),
            Some("ms="),
            Some("ms=-1"),
            Some("ms=1.5"),
            Some("ms=20001"),
            Some("ms=99999999999999999999"),
            Some("ms=1&ms=2"),
            Some("MS=1"),
        ] {
            let error = milliseconds(bad).expect_err("no such time");
            assert!(error.contains("/slow?ms=250"), "{bad:?}: {error}");
        }
    }
}
