//! One mount, interchangeable HTTP servers: the one dependency of an application.
//!
//! Everything of [`http_server_trait`] is here, and the backends that are switched on: the features
//! `tokio`, `async-std` and `smol`. With one of them, [`default_server`] is it; with several,
//! [`server_named`] takes the one whose name came from a flag or a file.
//!
//! ```
//! use bayonet::{BoxError, HttpServer, Request, Response};
//!
//! async fn hello(request: Request) -> Response {
//!     Response::text(format!("hello from {}", request.conn().backend()))
//! }
//!
//! fn serve(name: &str) -> Result<(), BoxError> {
//!     let mut server = bayonet::server_named(name)?;
//!     let report = server.handler(hello).listen_blocking("127.0.0.1:1666")?;
//!     println!("{report}");
//!     Ok(())
//! }
//! # let _ = serve;
//! ```
//!
//! # Features
//!
//! | feature | adds | runs on |
//! |---|---|---|
//! | `tokio` | `backend_tokio` | tokio |
//! | `smol` | `backend_smol` | smol |
//! | `async-std` | `backend_asyncstd` | async-std, which is discontinued: for programs that are on it already |
//!
//! None is on by default. Features add and never choose:
//!
//! | switched on | [`default_server`] | [`server_named`] |
//! |---|---|---|
//! | none | an error that names the features | the same |
//! | one | that one | that one by its name |
//! | several | an error that lists their names | any of them by its name |
//!
//! A backend can also be named in code, which is how its other ways to start are reached:
//! `bayonet::backend_smol::Server::current()`, on the runtime that is running already.
//!
//! There is no logic in this crate. A framework or a library depends on [`http_server_trait`] itself, which
//! brings no runtime.

pub use http_server_trait::*;

#[cfg(feature = "async-std")]
pub use backend_asyncstd;
#[cfg(feature = "smol")]
pub use backend_smol;
#[cfg(feature = "tokio")]
pub use backend_tokio;

http_server_trait::backends! {
    #[cfg(feature = "tokio")]
    "tokio" => backend_tokio::Server,
    #[cfg(feature = "async-std")]
    "async-std" => backend_asyncstd::Server,
    #[cfg(feature = "smol")]
    "smol" => backend_smol::Server,
}

/// The README's blocks compile and run. They choose among backends, so all of them are wanted.
#[cfg(all(doctest, feature = "tokio", feature = "async-std", feature = "smol"))]
#[doc = include_str!("../../README.md")]
mod readme {}
