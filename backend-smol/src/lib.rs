//! [`http_server_trait`] on [smol].
//!
//! ```
//! use http_server_trait::{Drain, HttpServer, Request};
//!
//! async fn hello(request: Request) -> String {
//!     format!("hello from {}", request.conn().backend())
//! }
//!
//! # http_server_trait::block_on(async {
//! let mut server = backend_smol::Server::new();
//! let handle = server.handler(hello).listen("127.0.0.1:0").await.unwrap();
//! println!("listening on {}", handle.addresses()[0]);
//! assert!(handle.shutdown(Drain::default()).await.is_clean());
//! # });
//! ```
//!
//! [`Server::new`] has threads of its own, each with an executor of its own; [`Server::current`] joins smol's
//! global executor, and [`Server::on`] an executor of yours. Either way hooks run on smol: its timers, its
//! sockets and `smol::spawn` work in them.

mod runtime;
mod stream;
mod threads;

use std::sync::Arc;

use http_server_engine::net;
use http_server_engine::server::{self, Crew};
use http_server_trait::backend::Inheritance;
use http_server_trait::{
    AdoptError, App, Capabilities, HttpServer, Listen, ListenError, ServerHandle, async_trait,
};

use runtime::{Executor, Smol};

/// A server on smol.
#[derive(Debug)]
pub struct Server {
    app: App,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Threads,
    Around(Executor),
}

impl Server {
    /// A server with threads of its own: [`Config::workers`](http_server_trait::Config::workers), or as many
    /// as the machine runs at a time, each with an executor and its sockets. It can be started from anywhere.
    pub fn new() -> Self {
        Server {
            app: App::new(),
            place: Place::Threads,
        }
    }

    /// A server on smol's global executor, that of `smol::spawn`.
    pub fn current() -> Self {
        Server {
            app: App::new(),
            place: Place::Around(Executor::Global),
        }
    }

    /// A server on this executor, which somebody runs.
    pub fn on(executor: Arc<smol::Executor<'static>>) -> Self {
        Server {
            app: App::new(),
            place: Place::Around(Executor::Own(executor)),
        }
    }

    fn crew(&self) -> Result<Crew<Smol>, ListenError> {
        match &self.place {
            Place::Threads => threads::crew(server::workers(self.app.config())),
            Place::Around(executor) => Ok(threads::around(executor.clone())),
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
        server::start::<Smol>(self.app.clone(), on, self.crew()?, net::bind).await
    }

    async fn adopt(&mut self, from: Inheritance) -> Result<ServerHandle, AdoptError> {
        self.app.follow(from.pipeline.config());
        let crew = self.crew().map_err(server::no_crew)?;
        server::adopt::<Smol>(from, &self.app, crew).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all("smol")
    }
}
