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
//! [`Server::new`] has threads of its own, each with its tasks and its sockets; [`Server::current`] joins smol's
//! global executor, and [`Server::on`] an executor of yours. Either way smol's timers, its sockets and
//! `smol::spawn` work in hooks.

mod runtime;
mod stream;
mod threads;

use std::sync::Arc;

use http_server_engine::net;
use http_server_engine::server;
use http_server_trait::backend::Inheritance;
use http_server_trait::{
    AdoptError, App, Capabilities, HttpServer, Listen, ListenError, ServerHandle, async_trait,
};

use runtime::{Executor, Smol};
use threads::Own;

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
    /// as the machine runs at a time, each with its tasks and its sockets. It can be started from anywhere.
    ///
    /// On Linux the engine drives these sockets: 3 system calls for a lone request.
    pub fn new() -> Self {
        Server {
            app: App::new(),
            place: Place::Threads,
        }
    }

    /// A server on smol's global executor, that of `smol::spawn`.
    ///
    /// Its sockets are driven by smol's own I/O, which has a thread for it and asks the kernel anew for each wait:
    /// 18 system calls for a lone request, and 4 in bursts of 64, where [`Server::new`] makes 3 and 2.
    pub fn current() -> Self {
        Server {
            app: App::new(),
            place: Place::Around(Executor::Global),
        }
    }

    /// A server on this executor, which somebody runs. Its sockets cost what those of [`Server::current`] do.
    pub fn on(executor: Arc<smol::Executor<'static>>) -> Self {
        Server {
            app: App::new(),
            place: Place::Around(Executor::Own(executor)),
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
        let app = self.app.clone();
        match &self.place {
            Place::Threads => {
                let crew = threads::crew(server::workers(app.config()))?;
                server::start::<Own>(app, on, crew, net::bind).await
            }
            Place::Around(executor) => {
                let crew = threads::around(executor.clone());
                server::start::<Smol>(app, on, crew, net::bind).await
            }
        }
    }

    async fn adopt(&mut self, from: Inheritance) -> Result<ServerHandle, AdoptError> {
        self.app.follow(from.pipeline.config());
        match &self.place {
            Place::Threads => {
                let crew = threads::crew(server::workers(self.app.config()));
                server::adopt::<Own>(from, &self.app, crew.map_err(server::no_crew)?).await
            }
            Place::Around(executor) => {
                let crew = threads::around(executor.clone());
                server::adopt::<Smol>(from, &self.app, crew).await
            }
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all("smol")
    }
}
