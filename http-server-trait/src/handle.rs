//! The handle of a running server.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::conn::{Conn, Facts};
use crate::error::{AcceptError, AcceptErrorKind, AdoptError, AdoptErrorKind};
use crate::exec::BoxFuture;
use crate::inheritance::Inheritance;
use crate::latch::{Latch, Waiting};
use crate::listen::Address;
use crate::reason::CloseReason;
use crate::report::{Counters, Drain, Report};
use crate::server::HttpServer;
use crate::takeover::Stream;

/// A running server.
///
/// Clones are the same server. It works from any runtime and from none, and is itself a future: of
/// the server's end. Dropping every handle does not stop the server. (Clauses T-60 to T-64.)
///
/// ```
/// # use http_server_trait::{Drain, HttpServer, ServerHandle};
/// # async fn doc(mut server: impl HttpServer) -> Result<(), Box<dyn std::error::Error>> {
/// let handle = server.listen("127.0.0.1:0").await?;
/// println!("listening on {}", handle.addresses()[0]);
/// let report = handle.shutdown(Drain::default()).await;
/// assert!(report.is_clean());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    control: Arc<dyn Control>,
    /// The future of the end, made when somebody first awaits it.
    ending: Option<Waiting<Report>>,
}

/// What a backend must be able to do for its handle. An application meets it as [`ServerHandle`].
pub trait Control: Send + Sync + 'static {
    /// Where it really listens, in the order it was told.
    fn addresses(&self) -> &[Address];
    /// What it has counted so far.
    fn counters(&self) -> Counters;
    /// Begins to end. A second call can only make the deadline nearer.
    fn shutdown(&self, drain: Drain);
    /// Set when the last connection, thread and hook has ended.
    fn ended(&self) -> &Latch<Report>;

    /// Serves a stream that somebody else accepted.
    fn serve(&self, stream: Box<dyn Stream>, facts: Facts) -> Result<Served, AcceptError> {
        let _ = (stream, facts);
        Err(AcceptError::new(AcceptErrorKind::Unsupported))
    }

    /// Whether there is room for another connection.
    fn should_accept(&self) -> bool {
        true
    }

    /// Accepts one connection and serves it in the background.
    fn accept_one(&self) -> BoxFuture<'_, Result<Served, AcceptError>> {
        Box::pin(async { Err(AcceptError::new(AcceptErrorKind::Unsupported)) })
    }

    /// Gives away what a successor needs, and parks connections for it.
    fn hand_over(&self) -> Result<Inheritance, AdoptError> {
        Err(AdoptError::new(AdoptErrorKind::Unsupported))
    }
}

impl ServerHandle {
    /// The handle of this server. For authors of backends.
    pub fn new(control: Arc<dyn Control>) -> Self {
        ServerHandle {
            control,
            ending: None,
        }
    }

    /// Where it really listens, in the order it was told: a port 0 has become a port.
    pub fn addresses(&self) -> &[Address] {
        self.control.addresses()
    }

    /// The first TCP address, if there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses().iter().find_map(Address::tcp)
    }

    /// What it has counted so far: the ledger.
    pub fn counters(&self) -> Counters {
        self.control.counters()
    }

    /// How many connections are open.
    pub fn connections(&self) -> u64 {
        self.counters().open
    }

    /// Begins to end: no new connections; idle ones are closed at once; requests under way may finish
    /// until the deadline, then they are cut. Gives the handle back, to await the end. A second call
    /// can only make the deadline nearer. (Clause T-62.)
    #[allow(clippy::must_use_candidate, reason = "most callers only want it begun")]
    pub fn shutdown(&self, drain: Drain) -> ServerHandle {
        self.control.shutdown(drain);
        self.clone()
    }

    /// Blocks this thread until the server has ended. Not for async code: await the handle there.
    pub fn wait(&self) -> Report {
        self.control.ended().wait()
    }

    /// How it ended, if it has.
    pub fn report(&self) -> Option<Report> {
        self.control.ended().get()
    }

    /// Serves a stream that somebody else accepted, of any kind. (Clause T-63.)
    ///
    /// # Errors
    /// [`AcceptErrorKind::NotServing`] once a shutdown has begun; [`AcceptErrorKind::Unsupported`] by
    /// a backend that cannot.
    pub fn serve(&self, stream: impl Stream) -> Result<Served, AcceptError> {
        self.serve_as(stream, Facts::default())
    }

    /// As [`serve`](ServerHandle::serve), with what is known of the stream: addresses, or the id of what
    /// it belongs to. Its number is given by the server.
    pub fn serve_as(&self, stream: impl Stream, facts: Facts) -> Result<Served, AcceptError> {
        self.control.serve(Box::new(stream), facts)
    }

    /// Whether there is room for another connection: under the limit, with descriptors to spare. For
    /// a loop of one's own around [`accept_one`](ServerHandle::accept_one).
    pub fn should_accept(&self) -> bool {
        self.control.should_accept()
    }

    /// Waits for a connection, accepts it, and serves it in the background; of a server that was
    /// started with [`Listen::by_hand`](crate::Listen::by_hand). (Clause T-64.)
    ///
    /// # Errors
    /// What accepting failed with. The server goes on, and the next call may succeed.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept_one(&self) -> Result<Served, AcceptError> {
        self.control.accept_one().await
    }

    /// Moves the running server to another backend: its sockets, its application, its idle
    /// connections. Ready when the other side accepts.
    ///
    /// # Errors
    /// Why it could not be; then this server serves on. Both backends must have
    /// [`Feature::Handover`](crate::Feature::Handover).
    pub async fn handover(&self, to: &mut dyn HttpServer) -> Result<ServerHandle, AdoptError> {
        to.adopt(self.control.hand_over()?).await
    }
}

impl Future for ServerHandle {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        let ended = self.control.ended().waiting();
        let ending = self.ending.get_or_insert(ended);
        Pin::new(ending).poll(cx)
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle")
            .field("addresses", &self.addresses())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

/// A connection that is being served in the background: a future of its end.
///
/// It is ready when the connection is closed, its hooks are done, and no
/// [`Hold`](crate::Hold) of it is left. Dropping it changes nothing.
#[derive(Clone, Debug)]
#[must_use = "it says when the connection has ended; `drop(served)` says that nobody asks"]
pub struct Served {
    conn: Conn,
    completed: Waiting<CloseReason>,
}

impl Served {
    /// This connection. For authors of backends.
    pub fn new(conn: Conn) -> Self {
        let completed = conn.completed();
        Served { conn, completed }
    }

    /// The connection.
    pub fn conn(&self) -> &Conn {
        &self.conn
    }
}

impl Future for Served {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        Pin::new(&mut self.completed).poll(cx)
    }
}
