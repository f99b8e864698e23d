//! A whole backend on plain threads: what the contract asks for, and nothing more.
//!
//! One thread accepts, one serves each connection, and each connection has one request. It depends on
//! `http-server-trait` alone: no engine, no runtime. This file is the three methods of [`HttpServer`],
//! `exchange.rs` asks the application, `wire.rs` is HTTP, `running.rs` counts and ends, and `threads.rs` stands
//! for a runtime.
//!
//! What it cannot do it says in its [`Capabilities`]; the conformance suite holds it to the rest.

mod exchange;
mod running;
mod threads;
mod wire;

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use http_server_trait::backend::Pipeline;
use http_server_trait::{
    Address, App, Capabilities, Exec, Feature, HttpServer, Listen, ListenError, ListenErrorKind,
    Place, ServerHandle, async_trait,
};

use running::Running;
use threads::Threads;

const NAME: &str = "threads";

/// What it leaves out, and why.
pub const LEFT_OUT: &[(Feature, &str)] = &[
    (Feature::UnixSockets, "TCP shows all there is to show"),
    (Feature::SystemSockets, "it sets no options of sockets"),
    (Feature::SeveralListeners, "it accepts on one socket"),
    (Feature::ServeStream, "it knows TCP streams only"),
    (Feature::AcceptByHand, "a thread of its own accepts"),
    (Feature::Takeover, "its streams block"),
    (Feature::Streaming, "content is always collected"),
    (Feature::KeepAlive, "one connection, one request"),
    (Feature::Interim, "one request, one answer"),
    (Feature::EarlyHints, "one request, one answer"),
    (Feature::Trailers, "it passes them over"),
    (Feature::Limits, "it knows one, of content"),
    (Feature::StrictParsing, "it reads friendly clients"),
    (Feature::NativeRuntime, "there is no runtime"),
    (Feature::Handover, "no connection waits for another"),
    (Feature::Generations, "it keeps the application that it has"),
    (Feature::ConnectionTable, "it keeps no table"),
];

/// A server on plain threads.
#[derive(Debug, Default)]
pub struct Server(App);

impl Server {
    /// A server with nothing registered.
    pub fn new() -> Self {
        Server::default()
    }
}

#[async_trait]
impl HttpServer for Server {
    fn app_mut(&mut self) -> &mut App {
        &mut self.0
    }

    fn capabilities(&self) -> Capabilities {
        let all = Capabilities::all(NAME);
        LEFT_OUT
            .iter()
            .fold(all, |rest, (feature, why)| rest.without(*feature, why))
    }

    async fn start(&mut self, on: Listen) -> Result<ServerHandle, ListenError> {
        let listener = bind(on)?;
        let address = listener
            .local_addr()
            .map_err(|error| ListenError::io(NAME, error))?;
        let addresses = vec![Address::Tcp(address)];
        let exec = Exec::new(Arc::new(Threads));
        let pipeline = Pipeline::start(self.0.clone(), NAME, exec, &addresses).await?;
        let running = Arc::new(Running::new(pipeline, addresses));
        let server = Arc::clone(&running);
        let acceptor = thread::spawn(move || server.accept(&listener));
        let server = Arc::clone(&running);
        thread::spawn(move || server.end(address, acceptor));
        Ok(ServerHandle::new(running))
    }
}

/// The one socket that it accepts on.
fn bind(on: Listen) -> Result<TcpListener, ListenError> {
    let unsupported = |what| Err(ListenError::new(ListenErrorKind::Unsupported, what));
    if on.is_by_hand() || on.sockets().len() != 1 {
        return unsupported("anything but one socket".to_owned());
    }
    match on.into_sockets().pop().map(|socket| socket.place) {
        Some(Place::Tcp(to)) => TcpListener::bind(to).map_err(|error| ListenError::io(to, error)),
        other => unsupported(format!("{other:?}")),
    }
}
