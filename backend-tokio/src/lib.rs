//! [`http_server_trait`] on [tokio].
//!
//! ```
//! use http_server_trait::{Drain, HttpServer, Request};
//!
//! async fn hello(request: Request) -> String {
//!     format!("hello from {}", request.conn().backend())
//! }
//!
//! # http_server_trait::block_on(async {
//! let mut server = backend_tokio::Server::new();
//! let handle = server.handler(hello).listen("127.0.0.1:0").await.unwrap();
//! println!("listening on {}", handle.addresses()[0]);
//! assert!(handle.shutdown(Drain::default()).await.is_clean());
//! # });
//! ```
//!
//! [`Server::new`] has threads of its own, each with a runtime of its own; [`Server::current`] joins the
//! runtime that is running. Either way hooks run on tokio: its timers, its sockets, `tokio::spawn` and
//! `tokio::task::id` work in them.

mod runtime;
mod stream;
mod threads;

use http_server_engine::net;
use http_server_engine::server::{self, Crew};
use http_server_trait::backend::Inheritance;
use http_server_trait::{
    AdoptError, App, Capabilities, HttpServer, Listen, ListenError, ListenErrorKind, ServerHandle,
    async_trait,
};

use runtime::Tokio;

/// A server on tokio.
#[derive(Debug)]
pub struct Server {
    app: App,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Threads,
    Around(Option<tokio::runtime::Handle>),
}

impl Server {
    /// A server with threads of its own: [`Config::workers`](http_server_trait::Config::workers), or as many
    /// as the machine runs at a time, each with a runtime and its sockets. It can be started from anywhere.
    pub fn new() -> Self {
        Server {
            app: App::new(),
            place: Place::Threads,
        }
    }

    /// A server on the runtime that is running here, which must have I/O and time switched on. Where none is
    /// running, starting fails.
    pub fn current() -> Self {
        Server {
            app: App::new(),
            place: Place::Around(tokio::runtime::Handle::try_current().ok()),
        }
    }

    fn crew(&self) -> Result<Crew<Tokio>, ListenError> {
        match &self.place {
            Place::Threads => threads::crew(server::workers(self.app.config())),
            Place::Around(Some(handle)) => Ok(threads::around(handle.clone())),
            Place::Around(None) => Err(ListenError::new(ListenErrorKind::NoRuntime, "tokio")),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Server::new()
    }
}

#[async_trait]
impl HttpServer for Server {
    fn app_mut(&mut self) -> &mut App {
        &mut self.app
    }

    async fn start(&mut self, on: Listen) -> Result<ServerHandle, ListenError> {
        server::start::<Tokio>(self.app.clone(), on, self.crew()?, net::bind).await
    }

    async fn adopt(&mut self, from: Inheritance) -> Result<ServerHandle, AdoptError> {
        self.app.follow(from.pipeline.config());
        let crew = self.crew().map_err(server::no_crew)?;
        server::adopt::<Tokio>(from, &self.app, crew).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all("tokio")
    }
}
