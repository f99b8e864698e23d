//! The trait.

use async_trait::async_trait;

use crate::after::IntoAfter;
use crate::app::App;
use crate::capabilities::Capabilities;
use crate::error::{AdoptError, AdoptErrorKind, ListenError, ServerError};
use crate::handle::ServerHandle;
use crate::handler::IntoHandler;
use crate::inheritance::Inheritance;
use crate::listen::{IntoListen, Listen};
use crate::middleware::IntoMiddleware;
use crate::report::Report;

/// An HTTP server that a framework can be mounted on.
///
/// The four names of the contract are [`handler`](HttpServer::handler),
/// [`middleware`](HttpServer::middleware), [`after`](HttpServer::after) and
/// [`listen`](HttpServer::listen). A framework is written on them once, and the server under it is
/// changed by a cargo feature, or by a name at start through `Box<dyn HttpServer>`.
///
/// ```
/// # use http_server_trait::{HttpServer, Request};
/// async fn hello(request: Request) -> String {
///     format!("hello from {}", request.conn().backend())
/// }
///
/// async fn serve(mut server: impl HttpServer) -> Result<(), Box<dyn std::error::Error>> {
///     let handle = server.handler(hello).listen("127.0.0.1:1666").await?;
///     handle.await;
///     Ok(())
/// }
/// ```
///
/// # Through `dyn`
///
/// `Box<dyn HttpServer>` and `&mut S` are servers with the same four names. One form has them not: on
/// a naked `server: &mut dyn HttpServer` the compiler looks for `handler` on `dyn HttpServer` itself,
/// where generic methods cannot be. Write `server.app_mut().handler(..)`, which is the same, and
/// `server.start("..".into_listen()?)`; or `(&mut *server)` bound to a variable, as below.
///
/// ```
/// # use http_server_trait::{HttpServer, Request};
/// # async fn hello(_: Request) -> &'static str { "hello" }
/// async fn serve(server: &mut dyn HttpServer) -> Result<(), Box<dyn std::error::Error>> {
///     server.app_mut().handler(hello);
///     let mut server = server;
///     let handle = (&mut server).listen("127.0.0.1:0").await?;
///     # drop(handle);
///     Ok(())
/// }
/// ```
///
/// # Writing a backend
///
/// Three methods are asked for. [`backend`](crate::backend) has what they are built with, above all
/// [`Pipeline`](crate::backend::Pipeline); the repository has a server on plain
/// threads, `examples/minimal-backend`, that depends on this crate alone.
#[async_trait]
pub trait HttpServer: Send {
    /// What is registered with this server: plain data, the same for every backend. (Clause T-01.)
    fn app_mut(&mut self) -> &mut App;

    /// Binds, runs the start hooks, and serves in the background. Ready when it accepts. (Clause T-02.)
    ///
    /// The registrations stay: after an error, or the end of the server, it can be started again.
    ///
    /// # Errors
    /// [`ListenError`] names what could not be listened on, or the start hook that failed. Nothing has
    /// been accepted then, and nothing is left bound.
    async fn start(&mut self, on: Listen) -> Result<ServerHandle, ListenError>;

    /// Takes over a running server: its application, its listening sockets and its parked connections.
    ///
    /// # Errors
    /// [`AdoptErrorKind::Unsupported`] by a backend that cannot, which is the default.
    async fn adopt(&mut self, from: Inheritance) -> Result<ServerHandle, AdoptError> {
        drop(from);
        Err(AdoptError::new(AdoptErrorKind::Unsupported))
    }

    /// What it can do beyond what every backend must.
    fn capabilities(&self) -> Capabilities;

    /// Registers a handler after those that are there: see [`Handler`](crate::Handler).
    fn handler<M>(&mut self, handler: impl IntoHandler<M>) -> &mut Self
    where
        Self: Sized,
    {
        self.app_mut().handler(handler);
        self
    }

    /// Registers middleware after those that are there: see [`Middleware`](crate::Middleware).
    fn middleware<M>(&mut self, middleware: impl IntoMiddleware<M>) -> &mut Self
    where
        Self: Sized,
    {
        self.app_mut().middleware(middleware);
        self
    }

    /// Registers an `after` hook after those that are there: see [`After`](crate::After).
    fn after<M>(&mut self, after: impl IntoAfter<M>) -> &mut Self
    where
        Self: Sized,
    {
        self.app_mut().after(after);
        self
    }

    /// Starts listening and gives back the handle: [`start`](HttpServer::start) for whatever names a
    /// place.
    ///
    /// # Errors
    /// As [`start`](HttpServer::start).
    async fn listen(
        &mut self,
        on: impl IntoListen + Send + 'async_trait,
    ) -> Result<ServerHandle, ListenError>
    where
        Self: Sized,
    {
        let on = on.into_listen()?;
        self.start(on).await
    }

    /// Listens in the foreground: ready when the server has ended. For programs that have nothing else
    /// to do; it needs no runtime around it, and must not have one.
    ///
    /// # Errors
    /// If it could not start.
    fn listen_blocking(&mut self, on: impl IntoListen) -> Result<Report, ServerError>
    where
        Self: Sized,
    {
        let on = on.into_listen()?;
        let handle = crate::block_on(self.start(on))?;
        Ok(handle.wait())
    }
}

macro_rules! forward {
    ($($server:ty),+) => { $(
        #[async_trait]
        impl<S: HttpServer + ?Sized> HttpServer for $server {
            fn app_mut(&mut self) -> &mut App {
                (**self).app_mut()
            }

            async fn start(&mut self, on: Listen) -> Result<ServerHandle, ListenError> {
                (**self).start(on).await
            }

            async fn adopt(&mut self, from: Inheritance) -> Result<ServerHandle, AdoptError> {
                (**self).adopt(from).await
            }

            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }
        }
    )+ };
}

forward!(Box<S>, &mut S);
