//! What must not compile, each beside what does.
//!
//! A handler takes a `Request`:
//! ```
//! http_server_trait::App::new().handler(|_: http_server_trait::Request| async {});
//! ```
//! ```compile_fail
//! http_server_trait::App::new().handler(|_: http_server_trait::Head| async {});
//! ```
//!
//! Middleware goes on with a `Head`, not with a `Request`:
//! ```
//! use http_server_trait::{App, Head};
//! App::new().middleware(|head: Head| async move { head });
//! ```
//! ```compile_fail
//! use http_server_trait::{App, Body, Head, Request};
//! App::new().middleware(|head: Head| async move { Request::new(head, Body::empty()) });
//! ```
//!
//! What a hook returns must mean something:
//! ```
//! http_server_trait::App::new().handler(|_: http_server_trait::Request| async { "text" });
//! ```
//! ```compile_fail
//! http_server_trait::App::new().handler(|_: http_server_trait::Request| async { 1.5 });
//! ```
//!
//! A hook's future must be `Send`:
//! ```
//! # async fn later() {}
//! http_server_trait::App::new().handler(|_: http_server_trait::Request| async {
//!     let shared = std::sync::Arc::new(());
//!     later().await;
//!     drop(shared);
//! });
//! ```
//! ```compile_fail
//! # async fn later() {}
//! http_server_trait::App::new().handler(|_: http_server_trait::Request| async {
//!     let shared = std::rc::Rc::new(());
//!     later().await;
//!     drop(shared);
//! });
//! ```
//!
//! An `after` hook can change nothing: it has only a shared look.
//! ```
//! use http_server_trait::{App, Completed};
//! App::new().after(|done: std::sync::Arc<Completed>| async move { drop(done.status) });
//! ```
//! ```compile_fail
//! use http_server_trait::{App, Completed};
//! App::new().after(|done: std::sync::Arc<Completed>| async move { done.status = None });
//! ```
//!
//! A naked `&mut dyn HttpServer` has no generic methods, a box has:
//! ```
//! # use http_server_trait::{HttpServer, Request};
//! fn mount(mut server: Box<dyn HttpServer>) { server.handler(|_: Request| async {}); }
//! fn by_app(server: &mut dyn HttpServer) { server.app_mut().handler(|_: Request| async {}); }
//! ```
//! ```compile_fail
//! # use http_server_trait::{HttpServer, Request};
//! fn mount(server: &mut dyn HttpServer) { server.handler(|_: Request| async {}); }
//! ```
//!
//! Once a writer is closed nothing can be written:
//! ```
//! # use http_server_trait::{Writer, WriterError};
//! async fn write(mut out: Writer) -> Result<(), WriterError> {
//!     out.write("text").await?;
//!     out.close().await
//! }
//! ```
//! ```compile_fail
//! # use http_server_trait::{Writer, WriterError};
//! async fn write(mut out: Writer) -> Result<(), WriterError> {
//!     out.close().await?;
//!     out.write("text").await
//! }
//! ```
