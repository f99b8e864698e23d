//! [`http_server_trait`] on [hyper], which has an HTTP engine of its own.
//!
//! ```
//! use http_server_trait::{Drain, HttpServer, Request};
//!
//! async fn hello(request: Request) -> String {
//!     format!("hello from {}", request.conn().backend())
//! }
//!
//! # http_server_trait::block_on(async {
//! let mut server = backend_hyper::Server::new();
//! let handle = server.handler(hello).listen("127.0.0.1:0").await.unwrap();
//! println!("listening on {}", handle.addresses()[0]);
//! assert!(handle.shutdown(Drain::default()).await.is_clean());
//! # });
//! ```
//!
//! It is here as a witness: a second engine under the same trait and the same conformance cases, so that neither
//! is judged by Bayonet's own engine alone. What hyper cannot do is said by
//! [`capabilities`](HttpServer::capabilities), and in the README of this crate.
//!
//! [`Server::new`] has a runtime and threads of its own; [`Server::current`] joins the runtime that is running.
//! Either way hooks run on tokio.

mod accept;
mod answer;
mod content;
mod core;
mod drain;
mod drive;
mod link;
mod runtime;
mod service;
mod wire;

use std::sync::Arc;

use http_server_engine::net::{self, Bound};
use http_server_trait::backend::Pipeline;
use http_server_trait::{
    App, Capabilities, Exec, Feature, HttpServer, Listen, ListenError, ListenErrorKind,
    ServerHandle, async_trait,
};
use tokio::runtime::{Handle, Runtime};

use accept::{Listener, accept};
use core::{Core, Running};
use drain::drain;
use runtime::Remote;

/// A server on hyper.
#[derive(Debug)]
pub struct Server {
    app: App,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Threads,
    Around(Option<Handle>),
}

impl Server {
    /// A server with a runtime of its own, of [`Config::workers`](http_server_trait::Config::workers) threads,
    /// or as many as the machine runs at a time. It can be started from anywhere.
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
            place: Place::Around(Handle::try_current().ok()),
        }
    }

    fn runtime(&self) -> Result<(Handle, Option<Runtime>), ListenError> {
        match &self.place {
            Place::Threads => {
                let runtime = runtime::own(self.app.config())?;
                Ok((runtime.handle().clone(), Some(runtime)))
            }
            Place::Around(Some(handle)) => Ok((handle.clone(), None)),
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
        let (handle, runtime) = self.runtime()?;
        let started = start(self.app.clone(), on, handle).await;
        match started {
            Ok((core, drains)) => {
                let Drains { accepting, bound } = drains;
                let draining = drain(Arc::clone(&core), accepting, bound, runtime);
                drop(core.handle.spawn(draining));
                Ok(ServerHandle::new(Arc::new(Running(core))))
            }
            Err(error) => {
                if let Some(runtime) = runtime {
                    // Not from inside of another runtime, where it would not be allowed to wait.
                    runtime.shutdown_background();
                }
                Err(error)
            }
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all("hyper")
            .without(
                Feature::StrictParsing,
                "hyper reads leniently: no check of Host, Content-Length dropped beside Transfer-Encoding, bare LF",
            )
            .without(
                Feature::Limits,
                "hyper has one limit for a head and none of ours for chunks and trailers; there is no memory budget",
            )
            .without(
                Feature::Trailers,
                "hyper sends only trailers that `Trailer` has named",
            )
            .without(
                Feature::EarlyHints,
                "hyper's server has no way to send interim answers",
            )
            .without(
                Feature::NativeRuntime,
                "hyper is no runtime: hooks run on tokio",
            )
            .without(
                Feature::Handover,
                "moving a running server from or to hyper is not built",
            )
            .without(
                Feature::Generations,
                "another application in a running hyper is not built",
            )
            .without(
                Feature::ConnectionTable,
                "what its connections do, hyper keeps to itself",
            )
    }
}

/// What the end of a server has to see to.
struct Drains {
    accepting: Vec<tokio::task::JoinHandle<()>>,
    bound: Vec<Bound>,
}

async fn start(app: App, on: Listen, handle: Handle) -> Result<(Arc<Core>, Drains), ListenError> {
    let by_hand = on.is_by_hand();
    let bind = |socket| net::bind(socket, 1, app.config());
    let mut bound = on
        .into_sockets()
        .into_iter()
        .map(bind)
        .collect::<Result<Vec<_>, _>>()?;
    let addresses: Vec<_> = bound.iter().map(|bound| bound.address.clone()).collect();
    let exec = Exec::new(Arc::new(Remote(handle.clone())));
    let starting = {
        let addresses = addresses.clone();
        // The start hooks run in the runtime that will serve.
        handle.spawn(async move { Pipeline::start(app, "hyper", exec, &addresses).await })
    };
    let pipeline = starting.await.map_err(|error| {
        ListenError::new(ListenErrorKind::NoRuntime, "tokio").with_source(error)
    })??;
    let core = Core::new(pipeline, addresses, handle);
    let mut accepting = Vec::new();
    for (index, bound) in bound.iter_mut().enumerate() {
        for socket in std::mem::take(&mut bound.sockets) {
            let registered = {
                let _inside = core.handle.enter();
                Listener::new(socket, bound.family)
            };
            let listener = match registered {
                Ok(listener) => listener,
                Err(error) => {
                    // Those before it may accept already.
                    core.stops_accepting.set(());
                    core.pipeline.stop().await;
                    return Err(ListenError::io(&bound.address, error));
                }
            };
            if by_hand {
                core.accepts_by_hand(listener);
            } else {
                accepting.push(
                    core.handle
                        .spawn(accept(Arc::clone(&core), index, listener)),
                );
            }
        }
    }
    Ok((core, Drains { accepting, bound }))
}
