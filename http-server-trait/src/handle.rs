//! The handle of a running server.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::app::App;
use crate::conn::Conn;
use crate::error::{
    AcceptError, AcceptErrorKind, AdoptError, AdoptErrorKind, ReplaceError, ReplaceErrorKind,
};
use crate::exec::BoxFuture;
use crate::facts::Facts;
use crate::generation::Generation;
use crate::inheritance::Inheritance;
use crate::latch::{Latch, Waiting};
use crate::listen::Address;
use crate::progress::{Progress, Readiness};
use crate::reason::CloseReason;
use crate::report::{Counters, Drain, Report};
use crate::server::HttpServer;
use crate::table::Connection;
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

    /// Gives away what a successor needs. The server serves on as before, until
    /// [`leave`](Control::leave) or [`stay`](Control::stay) is called.
    fn hand_over(&self) -> Result<Inheritance, AdoptError> {
        Err(AdoptError::new(AdoptErrorKind::Unsupported))
    }

    /// The successor accepts: this server accepts no more, parks its connections for it between two
    /// messages, and ends with the last one; what has not left after the deadline is cut. Gives back a latch that is set when every connection that had
    /// nothing under way has left.
    fn leave(&self, deadline: Option<Duration>) -> Latch<()> {
        let _ = deadline;
        Latch::new()
    }

    /// There will be no successor: this server serves on.
    fn stay(&self) {}

    /// Starts an application, and gives it all new requests, or so many of a hundred. Gives back its number.
    fn replace_app(
        &self,
        app: App,
        percent: Option<u8>,
    ) -> BoxFuture<'_, Result<u64, ReplaceError>> {
        let _ = (app, percent);
        Box::pin(async { Err(ReplaceError::new(ReplaceErrorKind::Unsupported)) })
    }

    /// Ends the trial of an application: it gets all new requests, or none. Gives back the number of the one
    /// that gets them.
    fn decide(&self, stays: bool) -> Result<u64, ReplaceError> {
        let _ = stays;
        Err(ReplaceError::new(ReplaceErrorKind::Unsupported))
    }

    /// Where it is in its life, if it tells. That it is ready and draining the handle sets; the backend sets that
    /// it has [stopped](Readiness::Stopped), just before [`ended`](Control::ended).
    fn progress(&self) -> Option<Progress> {
        None
    }

    /// Its connections.
    fn table(&self) -> Vec<Connection> {
        Vec::new()
    }

    /// The applications that it has, the one that most requests go to first.
    fn generations(&self) -> Vec<Generation> {
        vec![Generation::new(1, 100)]
    }
}

impl ServerHandle {
    /// The handle of this server. For authors of backends.
    pub fn new(control: Arc<dyn Control>) -> Self {
        if let Some(progress) = control.progress() {
            progress.set(Readiness::Ready);
        }
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

    /// Its open connections, each as it was a moment ago, in no particular order; empty with a backend
    /// without [`Feature::ConnectionTable`](crate::Feature::ConnectionTable). (Clause T-57.)
    ///
    /// ```
    /// # use http_server_trait::{ConnState, ServerHandle};
    /// # use std::time::Duration;
    /// # fn doc(handle: &ServerHandle) {
    /// for connection in handle.table() {
    ///     println!("{connection}");
    ///     if connection.state == ConnState::Idle && connection.age > Duration::from_secs(3600) {
    ///         connection.close_after_current_response(Duration::from_secs(10));
    ///     }
    /// }
    /// # }
    /// ```
    pub fn table(&self) -> Vec<Connection> {
        self.control.table()
    }

    /// Where it is in its life, to look at and to wait for. (Clause T-58.)
    ///
    /// ```
    /// # use http_server_trait::{Readiness, ServerHandle};
    /// # async fn doc(handle: ServerHandle) {
    /// handle.progress().reached(Readiness::Draining).await;
    /// println!("no more work for this one");
    /// # }
    /// ```
    pub fn progress(&self) -> Progress {
        self.control.progress().unwrap_or_else(|| {
            let progress = Progress::new();
            let ended = self.control.ended().is_set();
            progress.set(if ended {
                Readiness::Stopped
            } else {
                Readiness::Ready
            });
            progress
        })
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
        if let Some(progress) = self.control.progress() {
            progress.set(Readiness::Draining);
        }
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

    /// Whether there is room for another connection: fewer than
    /// [`Config::connections`](crate::Config::connections) are served. For
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

    /// Moves the running server to another backend: its sockets, its application, its idle connections.
    ///
    /// The listening sockets are never closed, so no connection is refused. Connections between two messages
    /// move at once; busy ones when their answer is out; those that were taken over stay. The application is
    /// the same one: no start hook runs again, and stop hooks run when the last server of it ends. The new
    /// server's limits are those of the application, unless it was [configured](crate::App::config_mut)
    /// itself.
    ///
    /// Ready when the other side accepts and every idle connection has moved, with the handle of the new
    /// server. This handle's [end](ServerHandle::wait) is that of the old one: when its last connection has
    /// left or ended. Its report says how many have [moved](Report::moved). (Clause T-67.)
    ///
    /// # Errors
    /// Why it could not be; then this server serves on as if nothing had happened. Both backends must have
    /// [`Feature::Handover`](crate::Feature::Handover).
    ///
    /// # Cancel safety
    /// Dropped before the other side accepts, this server serves on; dropped after that, the move goes on.
    pub async fn handover(&self, to: &mut dyn HttpServer) -> Result<ServerHandle, AdoptError> {
        self.handover_within(to, None).await
    }

    /// As [`handover`](ServerHandle::handover). What has not left the old server after this time is cut.
    ///
    /// # Errors
    /// As [`handover`](ServerHandle::handover).
    pub async fn handover_within(
        &self,
        to: &mut dyn HttpServer,
        deadline: impl Into<Option<Duration>>,
    ) -> Result<ServerHandle, AdoptError> {
        let inheritance = self.control.hand_over()?;
        let undecided = Undecided(Some(self.control.as_ref()));
        let successor = to.adopt(inheritance).await?;
        undecided.decided();
        let moved = self.control.leave(deadline.into());
        moved.waiting().await;
        Ok(successor)
    }
}

impl ServerHandle {
    /// Gives every new request to another application, without stopping.
    ///
    /// The new application's start hooks run first, in the runtime that serves. Then every request whose head
    /// is complete from now on is the new one's, on old connections as on new ones. A request belongs to
    /// one application from its middleware to its `after` hooks and error hooks, and finds the shared values
    /// of that one; [`Conn::generation`](crate::Conn::generation) is its number. Requests that have begun are
    /// finished by the application that they began with, and so are connections that it has taken over. When
    /// the last of them has ended, its stop hooks run, and it is dropped; only what is registered with a
    /// server that somebody keeps stays with that, as ever.
    ///
    /// The limits stay those of the server, as in a [`handover`](ServerHandle::handover); what a start hook of
    /// the old application has left among the shared values the new one does not see, unless it is
    /// given it. An application that is being [tried](ServerHandle::canary) is withdrawn, too. A hand-over
    /// takes all of them along; a shutdown ends each of them with its stop hooks. Gives back the number
    /// of the new application. (Clauses T-68, T-69.)
    ///
    /// ```
    /// # use http_server_trait::{App, Request, ServerHandle};
    /// # async fn doc(handle: ServerHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut app = App::new();
    /// app.handler(|request: Request| async move {
    ///     format!("generation {}", request.conn().generation())
    /// });
    /// let generation = handle.replace_app(app).await?;
    /// assert_eq!(handle.generations()[0].number, generation);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReplaceErrorKind::NotServing`] once an end or a hand-over has begun;
    /// [`ReplaceErrorKind::StartHook`] with the name of the hook that failed. The old application goes on then
    /// as if nothing had happened.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing has changed; what the start hooks of the new application have begun,
    /// its stop hooks end.
    pub async fn replace_app(&self, app: App) -> Result<u64, ReplaceError> {
        self.control.replace_app(app, None).await
    }

    /// Tries another application: gives it so many of a hundred new requests, and leaves the rest to the
    /// one that is there.
    ///
    /// The share is exact and not left to chance: of any hundred requests in a row, in the order in which their
    /// heads are complete, it gets `percent`, spread evenly. [`promote`](ServerHandle::promote) gives it all
    /// of them, [`rollback`](ServerHandle::rollback) none. Otherwise as
    /// [`replace_app`](ServerHandle::replace_app). One that was tried before is withdrawn. (Clause T-6A.)
    ///
    /// ```
    /// # use http_server_trait::{App, ServerHandle};
    /// # async fn doc(handle: ServerHandle, next: App) -> Result<(), Box<dyn std::error::Error>> {
    /// handle.canary(next, 5).await?;
    /// // ... look at what comes of it ...
    /// handle.rollback()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`replace_app`](ServerHandle::replace_app); [`ReplaceErrorKind::Share`] for more than 100.
    ///
    /// # Cancel safety
    /// As [`replace_app`](ServerHandle::replace_app).
    pub async fn canary(&self, app: App, percent: u8) -> Result<u64, ReplaceError> {
        if percent > 100 {
            return Err(ReplaceError::new(ReplaceErrorKind::Share));
        }
        self.control.replace_app(app, Some(percent)).await
    }

    /// Gives every new request to the application that is being [tried](ServerHandle::canary). Gives back
    /// its number.
    ///
    /// # Errors
    /// [`ReplaceErrorKind::NoCanary`] if none is; [`ReplaceErrorKind::NotServing`] once an end or a hand-over
    /// has begun.
    pub fn promote(&self) -> Result<u64, ReplaceError> {
        self.control.decide(true)
    }

    /// Gives no new request to the application that is being [tried](ServerHandle::canary), and all to
    /// the one before it, whose number it gives back. What the tried one has begun it finishes.
    ///
    /// # Errors
    /// As [`promote`](ServerHandle::promote).
    pub fn rollback(&self) -> Result<u64, ReplaceError> {
        self.control.decide(false)
    }

    /// The applications of this server: the one that new requests go to, one that is being tried, and those
    /// that have something to finish.
    pub fn generations(&self) -> Vec<Generation> {
        self.control.generations()
    }
}

/// A server that has shown what it has, and does not know yet whether anybody takes it.
struct Undecided<'a>(Option<&'a dyn Control>);

impl Undecided<'_> {
    fn decided(mut self) {
        self.0 = None;
    }
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        if let Some(control) = self.0 {
            control.stay();
        }
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
