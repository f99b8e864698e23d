//! The side of the demo: a small server that knows the mount.

use std::sync::Arc;
use std::time::Duration;

use bayonet::http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL};
use bayonet::http::{HeaderValue, Method, StatusCode};
use bayonet::{
    Address, Flow, Handler, HttpServer, IntoFlow, IntoListen, Listen, Place as Socket, Request,
    Response, ServerHandle, block_on,
};
use serde_json::{Value, json};

use super::place::Place;
use super::{args, token};
use crate::demo::mount::{Mount, NoSwap};
use crate::failure::Failure;

/// So many may be steering at a time.
const MOST: usize = 32;
/// How long who steers may take to read what came of it, when the demo has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// The control of a running demo.
pub(crate) struct Control {
    handle: ServerHandle,
    token: Option<String>,
}

impl Control {
    /// Listens where it was told, on one thread of this backend.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub(crate) fn start(backend: &str, place: &Place, mount: &Arc<Mount>) -> Result<Self, Failure> {
        let refused =
            |why: &dyn std::fmt::Display| Failure::new(format!("`--control {place}`: {why}"));
        let (listen, token) = match place {
            // Nobody but the owner may write to it, and so connect.
            Place::Unix(path) => (Listen::on(Socket::Unix(path.clone())).mode(0o600), None),
            Place::Loopback(address) => {
                let token = token::random().map_err(|error| refused(&error))?;
                let listen = address.into_listen().map_err(|error| refused(&error))?;
                (listen, Some(token))
            }
        };
        let mut server = bayonet::server_named(backend).map_err(|error| refused(&error))?;
        let config = server.app_mut().config_mut();
        config.workers = Some(1);
        config.connections = Some(MOST);
        config.body = Some(0);
        server.app_mut().handler(Desk {
            mount: Arc::clone(mount),
            token: token.clone(),
        });
        let handle = block_on(server.start(listen)).map_err(|error| refused(&error))?;
        Ok(Control { handle, token })
    }

    /// Where it really listens.
    pub(crate) fn address(&self) -> &Address {
        &self.handle.addresses()[0]
    }

    /// What an address asks for.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Ends it, when the last answer is out.
    pub(crate) fn end(self) {
        self.handle
            .shutdown(bayonet::Drain::within(FAREWELL))
            .wait();
    }
}

struct Desk {
    mount: Arc<Mount>,
    token: Option<String>,
}

impl Handler for Desk {
    async fn handle(&self, request: Request) -> Flow<Request> {
        if !self.knows(&request) {
            return answer(
                StatusCode::UNAUTHORIZED,
                &json!({ "error": "the token is missing or wrong" }),
            )
            .into_flow();
        }
        let swap = request.path().strip_prefix("/swap/");
        match (request.method(), request.path()) {
            (&Method::GET, "/status") => self.status().into_flow(),
            (&Method::GET, "/connections") => self.connections().into_flow(),
            (&Method::POST, "/drain") => self.drain(&request).await.into_flow(),
            (&Method::POST, path) if swap.is_some() => {
                let to = path.trim_start_matches("/swap/").to_owned();
                swapped(&self.mount, &request, to).await.into_flow()
            }
            (_, "/status" | "/connections") => only("GET").into_flow(),
            (_, "/drain") => only("POST").into_flow(),
            _ if swap.is_some() => only("POST").into_flow(),
            _ => answer(
                StatusCode::NOT_FOUND,
                &json!({ "error": "there is GET /status, GET /connections, POST /swap/BACKEND and POST /drain" }),
            )
            .into_flow(),
        }
    }
}

impl Desk {
    /// A Unix socket has asked the operating system already.
    fn knows(&self, request: &Request) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let given = request.field(AUTHORIZATION.as_str());
        given
            .and_then(|given| given.strip_prefix("Bearer "))
            .is_some_and(|given| token::same(given, token))
    }

    fn status(&self) -> Response {
        match serde_json::to_value(self.mount.status()) {
            Ok(status) => answer(StatusCode::OK, &status),
            Err(error) => failed(&error),
        }
    }

    fn connections(&self) -> Response {
        match serde_json::to_value(self.mount.connections()) {
            Ok(table) => answer(StatusCode::OK, &table),
            Err(error) => failed(&error),
        }
    }

    /// Answers when the demo has ended.
    async fn drain(&self, request: &Request) -> Response {
        let query = request.query().unwrap_or_default();
        let Some(Ok(within)) = query.strip_prefix("within=").map(args::seconds) else {
            return answer(
                StatusCode::BAD_REQUEST,
                &json!({ "error": "say how long: ?within=SECONDS, from 0 to 3600" }),
            );
        };
        self.mount.shutdown(bayonet::Drain::within(within));
        let mount = Arc::clone(&self.mount);
        let ended = request.exec().spawn_blocking(move || mount.ended()).await;
        match ended {
            Ok(end) => {
                let text = end.report.to_string();
                answer(
                    StatusCode::OK,
                    &json!({ "clean": end.is_clean(), "report": text }),
                )
            }
            Err(error) => failed(&error),
        }
    }
}

/// Swaps, and tells what came of it. The work is done on a thread of its own: what has begun is finished,
/// whether or not somebody waits for the answer.
pub(crate) async fn swapped(mount: &Arc<Mount>, request: &Request, to: String) -> Response {
    let mount = Arc::clone(mount);
    let outcome = request.exec().spawn_blocking(move || mount.swap(&to)).await;
    match outcome {
        Ok(Ok(swap)) => match serde_json::to_value(swap) {
            Ok(swap) => answer(StatusCode::OK, &swap),
            Err(error) => failed(&error),
        },
        Ok(Err(error)) => {
            let status = match error {
                NoSwap::Unknown(_) => StatusCode::NOT_FOUND,
                NoSwap::Busy(_) => StatusCode::CONFLICT,
                NoSwap::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            answer(status, &json!({ "error": error.to_string() }))
        }
        Err(error) => failed(&error),
    }
}

fn answer(status: StatusCode, json: &Value) -> Response {
    Response::json(format!("{json}\n"))
        .with_status(status)
        .with_field(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// A no, and why.
pub(crate) fn refusal(status: StatusCode, why: &str) -> Response {
    answer(status, &json!({ "error": why }))
}

fn only(method: &'static str) -> Response {
    let error = json!({ "error": format!("this is for {method}") });
    answer(StatusCode::METHOD_NOT_ALLOWED, &error)
        .with_field(ALLOW, HeaderValue::from_static(method))
}

#[cold]
fn failed(error: &dyn std::fmt::Display) -> Response {
    let error = json!({ "error": error.to_string() });
    answer(StatusCode::INTERNAL_SERVER_ERROR, &error)
}
