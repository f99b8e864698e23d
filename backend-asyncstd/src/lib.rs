//! async-std is no longer maintained (RUSTSEC-2025-0052): for something new take smol, which it runs on inside.
//!
//! [`http_server_trait`] on [async-std](async_std). It is one of the backends all the same, and passes what
//! they pass.
//!
//! ```
//! use http_server_trait::{Drain, HttpServer, Request};
//!
//! async fn hello(request: Request) -> String {
//!     format!("hello from {}", request.conn().backend())
//! }
//!
//! # http_server_trait::block_on(async {
//! let mut server = backend_asyncstd::Server::new();
//! let handle = server.handler(hello).listen("127.0.0.1:0").await.unwrap();
//! println!("listening on {}", handle.addresses()[0]);
//! assert!(handle.shutdown(Drain::default()).await.is_clean());
//! # });
//! ```
//!
//! [`Server::new`] has threads of its own, whose tasks are async-std's local ones; [`Server::current`] joins
//! async-std's global executor. Either way hooks run on async-std: its timers, its sockets, `task::spawn` and
//! `task::current` work in them, and each connection is a task of its own. What does not work in hooks of
//! `Server::new()` is the unstable `task::spawn_local`: take `Exec::spawn`, which spawns on the same thread.

#[cfg(not(target_os = "linux"))]
mod door;
mod runtime;
mod stream;
mod threads;

use http_server_engine::net;
use http_server_engine::server;
use http_server_trait::backend::Inheritance;
use http_server_trait::{
    AdoptError, App, Capabilities, HttpServer, Listen, ListenError, ServerHandle, async_trait,
};

use runtime::AsyncStd;
use threads::Own;

/// A server on async-std.
#[derive(Debug)]
pub struct Server {
    app: App,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Threads,
    Around,
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

    /// A server on async-std's global executor, that of `task::spawn`.
    ///
    /// Its sockets are driven by async-std's own I/O, which has a thread for it and asks the kernel anew for each
    /// wait: 12 system calls for a lone request, and 5 in bursts of 64, where [`Server::new`] makes 3 and 2.
    pub fn current() -> Self {
        Server {
            app: App::new(),
            place: Place::Around,
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
            Place::Around => {
                let crew = threads::around();
                server::start::<AsyncStd>(app, on, crew, net::bind).await
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
            Place::Around => {
                let crew = threads::around();
                server::adopt::<AsyncStd>(from, &self.app, crew).await
            }
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all("async-std")
    }
}
