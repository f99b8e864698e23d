//! One mount, interchangeable HTTP servers: the contract between web frameworks and servers.
//!
//! A lens mount lets a photographer change the lens and keep the camera. Here a framework is written
//! once against [`HttpServer`], and the server under it is changed by a cargo feature, or by a name at
//! start. This crate is the mount: it knows no runtime and does no I/O.
//!
//! ```
//! use http_server_trait::{App, Head, Request, Response, Completed};
//! use std::sync::Arc;
//!
//! /// Everything an application is made of, for whatever server it will be mounted on.
//! fn install(app: &mut App) {
//!     app.middleware(|head: Head| async move {
//!         // called when the head is there; go on with it, or answer at once
//!         head
//!     });
//!     app.handler(|request: Request| async move {
//!         // called when the content is there, too
//!         Response::text(format!("{} bytes at {}", request.body().length().unwrap_or(0), request.path()))
//!     });
//!     app.after(|done: Arc<Completed>| async move {
//!         // called when the answer is out, whatever happened
//!         println!("{done}");
//!     });
//! }
//! # install(&mut App::new());
//! ```
//!
//! # Where to begin
//!
//! * to write an application: [`App`], [`Request`], [`Response`], [`Body`], and the table at [`Flow`];
//! * to write a framework: [`HttpServer`], and take `&mut App`;
//! * to write a backend: [`backend`], and the [`contract`] that the conformance suite holds it to.
//!
//! The promises are numbered: see [`contract`].

mod after;
mod app;
mod backends;
mod block_on;
mod body;
mod capabilities;
mod catch;
mod compose;
mod config;
mod conn;
pub mod contract;
mod driver;
mod ends;
mod error;
mod exec;
mod facts;
mod failure;
mod fields;
mod flow;
mod frozen;
mod generation;
mod handle;
mod handler;
mod head;
mod inheritance;
mod latch;
mod listen;
mod middleware;
mod pipeline;
mod place;
mod pool;
mod progress;
mod reason;
#[cfg(doctest)]
mod refusals;
mod report;
mod request;
mod response;
mod server;
mod sink;
mod state;
mod summary;
mod table;
mod takeover;
mod writer;

pub use async_trait::async_trait;
pub use bytes;
pub use http;
pub use http_body;

pub use after::{After, Completed, IntoAfter, Phases};
pub use app::{App, Starting, Stopping};
pub use backends::ChoiceError;
pub use block_on::block_on;
pub use body::{Body, BodySender, Marks};
pub use capabilities::{Capabilities, Feature};
pub use compose::{Chain, Next, adapt, around, blocking, cancel_on_disconnect, streamed};
pub use config::{AtCapacity, Config, Rate, Tunnels};
pub use conn::{Conn, ConnId, Hold, RequestId};
pub use error::{
    AcceptError, AcceptErrorKind, AdoptError, AdoptErrorKind, BodyError, BodyErrorKind, BoxError,
    FieldError, InterimError, ListenError, ListenErrorKind, ReplaceError, ReplaceErrorKind,
    ServerError, ServerErrorKind,
};
pub use exec::{BoxFuture, Exec, Task, TaskError};
pub use facts::{Facts, TlsFacts};
pub use failure::{Cause, Failure, Hook};
pub use flow::{Flow, IntoFlow, IntoOutcome};
pub use generation::Generation;
pub use handle::{Served, ServerHandle};
pub use handler::{BodyPlan, Handler, IntoHandler};
pub use head::Head;
pub use latch::Waiting;
pub use listen::{Address, IntoListen, Listen, Place, Socket};
pub use middleware::{IntoMiddleware, Middleware};
pub use progress::{Progress, Readiness};
pub use reason::{AbortReason, CloseReason, Outcome};
pub use report::{Counters, Drain, Report};
pub use request::Request;
pub use response::{IntoResponse, Response};
pub use server::HttpServer;
pub use state::State;
pub use summary::Summary;
pub use table::{ConnState, Connection};
pub use takeover::{Stream, Takeover, Upgraded};
pub use writer::{Writer, WriterError, write_response};

/// What a backend is built with. Applications and frameworks need none of it.
///
/// A backend implements [`HttpServer`] on its server, [`Control`](backend::Control) on what a handle
/// of it refers to, and [`Execute`](backend::Execute) on its runtime; it makes a
/// [`Conn`] for each connection and a [`Head`] for each request, and
/// leaves the rest to [`Pipeline`](backend::Pipeline).
pub mod backend {
    pub use crate::body::Pace;
    pub use crate::catch::catch;
    pub use crate::conn::{Ask, Asks, Site, Wire};
    pub use crate::driver::{Driver, Registered};
    pub use crate::exec::{Execute, Tasks};
    pub use crate::frozen::{Line, RawHead, Span, Target};
    pub use crate::handle::Control;
    pub use crate::handler::{FnHook, Shared, ViaArc, ViaFn, ViaTrait, Working};
    pub use crate::head::rest_heads;
    pub use crate::inheritance::{Arrivals, Departures, Inheritance, Inherited, Parked, Passed};
    pub use crate::latch::Latch;
    pub use crate::pipeline::{Answer, Farewell, Handling, Pipeline, Reply, error_page, plain};
    pub use crate::pool::forget_spare;
    pub use crate::sink::say;
    pub use crate::table::Live;
    pub use crate::takeover::TakeoverRun;
}
