//! What a request knows about its connection.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::driver::Driver;
use crate::ends::Ends;
use crate::exec::Exec;
use crate::facts::{Facts, Known, TlsFacts};
use crate::latch::{Latch, Waiting};
use crate::progress::Progress;
use crate::reason::{CloseReason, Outcome};
use crate::state::State;
use crate::table::{ConnState, Connection, Live};

/// One connection: its facts, its end, and what the application shares with it.
///
/// Cloning is cheap, and a clone may outlive the connection. (Clauses T-50 to T-55.)
#[derive(Clone)]
pub struct Conn(Arc<Shared>);

/// A connection as the requests of one generation of the application see it.
struct Shared {
    site: Arc<Site>,
    wire: Wire,
}

/// A connection as its server sees it. It holds nothing of the application, so that a connection that waits
/// keeps no generation of it alive. For authors of backends.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

/// It is kept small: there is one for as long as a connection lives, and most connections are idle.
struct Inner {
    known: Known,
    life: Mutex<Life>,
    /// What is asked of the driver: [`Asks`], and the marks below. One load shows that there is nothing.
    control: AtomicU8,
    /// What of it the driver has seen.
    heeded: AtomicU8,
    driver: Driver,
    live: Live,
}

/// The driver was woken since it last looked: also where its waker was not there just then.
const ROUSED: u8 = 16;
/// Interim answers wait.
const INTERIM: u8 = 32;
/// Somebody waits for the end of a request.
const AWAITED: u8 = 64;
/// The rest are [`Ask`]s.
const ASKS: u8 = ROUSED - 1;

/// Where a connection is in its life.
#[derive(Default)]
struct Life {
    disconnected: Option<CloseReason>,
    closed: Option<CloseReason>,
    holds: u32,
    /// There once it is needed: most connections are never waited for, and have no interim answers.
    rare: Option<Box<Rare>>,
}

/// Who waits for something of a connection, and what waits on it.
#[derive(Default)]
struct Rare {
    on_disconnect: Option<Latch<CloseReason>>,
    on_complete: Option<Latch<CloseReason>>,
    interim: Vec<Interim>,
    ends: Ends,
}

impl Life {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn settle(&self) {
        let Some(rare) = &self.rare else {
            return;
        };
        if let (Some(latch), Some(why)) = (&rare.on_disconnect, self.disconnected) {
            latch.set(why);
        }
        if let (Some(latch), Some(reason), 0) = (&rare.on_complete, self.closed, self.holds) {
            latch.set(reason);
        }
    }

    fn ends(&mut self) -> &mut Ends {
        let is_closed = self.closed.is_some();
        let ends = &mut self.rare().ends;
        if is_closed {
            ends.close();
        }
        ends
    }
}

/// What all connections of one server share. A backend makes it once.
#[derive(Clone, Debug)]
pub struct Site {
    /// The backend's name, as in [`Capabilities::backend`](crate::Capabilities::backend).
    pub backend: &'static str,
    /// The runtime that serves.
    pub exec: Exec,
    /// The application's shared values.
    pub state: State,
    /// Which application of this server it is, from 1.
    pub generation: u64,
    /// Where the server is in its life.
    pub progress: Progress,
}

/// The id of a connection: that of its parent, if it has one, and its own number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnId {
    parent: Option<Arc<str>>,
    number: u64,
}

impl ConnId {
    /// The connection's own number, unique in its server.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What it was made by, if that has an id.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parent {
            Some(parent) => write!(f, "{parent}/{}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// The id of a request: that of its connection, and its number there, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    conn: ConnId,
    number: u64,
}

impl RequestId {
    pub(crate) fn new(conn: ConnId, number: u64) -> Self {
        RequestId { conn, number }
    }

    /// The connection that it came on.
    pub fn conn(&self) -> &ConnId {
        &self.conn
    }

    /// Its place among the requests of its connection, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.conn, self.number)
    }
}

/// Something that was asked of a connection from outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Ask {
    /// Close once the answer that is under way has been sent; at once if there is none.
    CloseAfterCurrentResponse = 1,
    /// Close now, whatever is under way.
    Kill = 2,
    /// Leave this server between two messages, for another one.
    Park = 4,
    /// Let go of the application between two messages: there is a new one.
    Renew = 8,
}

/// Everything that has been asked of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks(u8);

impl Asks {
    /// Whether this has been asked.
    pub fn has(self, what: Ask) -> bool {
        self.0 & what as u8 != 0
    }
}

/// An interim answer that waits for its turn on the wire.
pub(crate) struct Interim {
    pub(crate) request: u64,
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
}

impl Conn {
    /// A connection of this server. For authors of backends.
    pub fn new(facts: Facts, server: impl Into<Arc<Site>>) -> Self {
        let site = server.into();
        let wire = Wire(Arc::new(Inner {
            known: Known::of(facts, || site.exec.now()),
            life: Mutex::default(),
            control: AtomicU8::new(0),
            heeded: AtomicU8::new(0),
            driver: Driver::default(),
            live: Live::default(),
        }));
        Conn(Arc::new(Shared { site, wire }))
    }

    /// The same connection, for requests that another generation of the application answers. For authors
    /// of backends.
    pub fn within(&self, site: &Arc<Site>) -> Self {
        if self.0.site.generation == site.generation {
            return self.clone();
        }
        self.0.wire.within(site)
    }

    /// What tells it apart from others that are there.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The connection without the application. For authors of backends.
    pub fn wire(&self) -> &Wire {
        &self.0.wire
    }

    fn inner(&self) -> &Inner {
        &self.0.wire.0
    }

    /// Its id. It stands in every message about it.
    pub fn id(&self) -> ConnId {
        self.wire().id()
    }

    /// The address of the other side; absent, never faked, where there is none.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.inner().known.peer()
    }

    /// The address that was connected to; absent, never faked, where there is none.
    pub fn local(&self) -> Option<SocketAddr> {
        self.inner().known.local()
    }

    /// `https` on an encrypted connection, else `http`.
    pub fn scheme(&self) -> http::uri::Scheme {
        if self.inner().known.tls().is_some() {
            http::uri::Scheme::HTTPS
        } else {
            http::uri::Scheme::HTTP
        }
    }

    /// What is known of the encryption, if there is any.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.inner().known.tls().map(Arc::as_ref)
    }

    /// Which listening socket accepted it; absent for a stream that was handed in.
    pub fn listener(&self) -> Option<usize> {
        self.inner().known.listener()
    }

    /// The name of the backend that serves it.
    pub fn backend(&self) -> &'static str {
        self.0.site.backend
    }

    /// Tasks, timers and blocking work on the runtime that serves it.
    pub fn exec(&self) -> &Exec {
        &self.0.site.exec
    }

    /// The application's shared values.
    pub fn shared(&self) -> &State {
        &self.0.site.state
    }

    /// Where the server that serves it is in its life: for a handler that a balancer asks.
    pub fn progress(&self) -> &Progress {
        &self.0.site.progress
    }

    /// Which application of its server answers the request that this was taken from: 1 is the one that the
    /// server was started with, and each that [replaces](crate::ServerHandle::replace_app) it, or is
    /// [tried](crate::ServerHandle::canary) beside it, has the next number.
    pub fn generation(&self) -> u64 {
        self.0.site.generation
    }

    /// A future that is ready when the peer has ended its side, or the connection is gone: with the reason, as far
    /// as it is known then.
    ///
    /// It consumes no content, and by itself it stops nothing: a client that half-closes after its
    /// request still waits for the answer. A handler that wants to stop then races its own work
    /// against this. (Clause T-54.) What became of a request is for [`Head::outcome`](crate::Head::outcome) to say.
    ///
    /// The end of a peer is noticed at once where what it sends is read; where it lies behind content that the handler
    /// leaves unread, or behind more requests than are read ahead, within a second. What cannot be noticed: an end
    /// that has not come, because what lies before it is more than the operating system takes in.
    pub fn disconnected(&self) -> Waiting<CloseReason> {
        let mut life = self.life();
        let latch = &mut life.rare().on_disconnect;
        let is_first = latch.is_none();
        let waiting = latch.get_or_insert_with(Latch::new).waiting();
        life.settle();
        drop(life);
        if is_first {
            // It has not looked until now.
            self.inner().rouse();
        }
        waiting
    }

    /// Whether somebody has asked to be told when the peer ends its side, and has not been told. For authors of
    /// backends.
    pub fn is_watched(&self) -> bool {
        let life = self.life();
        let is_asked = |rare: &Rare| rare.on_disconnect.is_some();
        life.rare.as_deref().is_some_and(is_asked) && life.disconnected.is_none()
    }

    /// Why the peer is not there any more, as far as is known: what [`disconnected`](Conn::disconnected) says. The
    /// books may call it otherwise in the end, see [`close_reason`](Conn::close_reason): a client that has ended its
    /// side may be about to read its answer, or be gone.
    pub fn disconnect_reason(&self) -> Option<CloseReason> {
        self.life().disconnected
    }

    /// Whether the peer is there, as far as is known. One that has only ended its own side may still
    /// read, and is not counted as there: see [`CloseReason::ClientClosed`].
    pub fn is_connected(&self) -> bool {
        self.life().disconnected.is_none()
    }

    /// Why the connection was closed, if it has been: one of the reasons of the ledger. Known when the hooks
    /// of its last request are done.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.life().closed
    }

    /// How many bytes of answers wait to be sent, as of the last time that the connection came to rest. What
    /// a [`BodySender`](crate::BodySender) holds comes before that: see
    /// [`BodySender::buffered`](crate::BodySender::buffered).
    pub fn buffered(&self) -> usize {
        self.inner().live.buffered()
    }

    /// A future that is ready when the connection is closed, its `after` and error hooks are done, and
    /// nothing that the application does for it is under way any more: see [`Conn::hold`].
    pub fn completed(&self) -> Waiting<CloseReason> {
        self.wire().completed()
    }

    /// Keeps [`completed`](Conn::completed) from being ready until the guard is dropped: for work that
    /// goes on in the background when the connection has closed. (Clause T-55.)
    pub fn hold(&self) -> Hold {
        self.life().holds += 1;
        Hold(self.wire().clone())
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.inner().life()
    }

    /// Closes it once the answer that is under way has been sent; at once if there is none. What takes
    /// longer than `within` is cut; `None` waits for as long as it takes. A connection that was taken over is only
    /// ended by that. (Clause T-56.)
    ///
    /// ```
    /// # use http_server_trait::{Conn, Request};
    /// # use std::time::Duration;
    /// async fn last_one(request: Request) -> &'static str {
    ///     request.conn().close_after_current_response(Duration::from_secs(10));
    ///     "good-bye"
    /// }
    /// ```
    pub fn close_after_current_response(&self, within: impl Into<Option<Duration>>) {
        self.wire().close_within(within.into(), self.exec());
    }

    /// Closes it now, whatever is under way: a request without its answer ends as
    /// [`AbortReason::Killed`](crate::AbortReason::Killed). (Clause T-56.)
    pub fn kill(&self) {
        self.ask(Ask::Kill);
    }

    /// Asks the connection's driver for something. For authors of backends.
    pub fn ask(&self, what: Ask) {
        self.wire().ask(what);
    }

    /// Everything that has been asked. One load: cheap enough for every rest. For authors of backends.
    pub fn asks(&self) -> Asks {
        Asks(self.inner().control.load(Ordering::Acquire) & ASKS)
    }

    /// Whether there is nothing for the driver but what it has [heeded](Conn::heed): nothing else was asked of it, it was
    /// not [roused](Conn::was_roused), no interim answers [wait](Conn::has_interim), and nobody waits for
    /// [ends](Conn::awaits_ends). One load for all of that. For authors of backends.
    #[inline]
    pub fn has_only(&self, heeded: Asks) -> bool {
        self.inner().control.load(Ordering::Acquire) == heeded.0
    }

    /// Notes that the driver has seen these. For authors of backends.
    pub fn heed(&self, asks: Asks) {
        self.inner().heeded.store(asks.0, Ordering::Release);
    }

    /// Takes a request back, as when it was carried out. For authors of backends.
    pub fn forget(&self, what: Ask) {
        self.inner()
            .control
            .fetch_and(!(what as u8), Ordering::AcqRel);
    }

    /// The task that drives this connection. For authors of backends.
    pub fn driver(&self) -> &Driver {
        &self.inner().driver
    }

    /// Whether the driver was woken since it last asked this: for the sake of the connection's timer, or of what it
    /// does not find among [`asks`](Conn::asks). One that had not registered yet was not polled again for it. So it is
    /// to be asked when it has; `true` says to look once more, by a clock that has gone on. One load: cheap enough for
    /// every rest. For authors of backends.
    pub fn was_roused(&self) -> bool {
        self.inner().has(ROUSED) && self.inner().unmark(ROUSED)
    }

    /// A future of the end of request number `number`.
    pub(crate) fn end_of(&self, number: u64) -> Waiting<Outcome> {
        let mut life = self.life();
        let waiting = life.ends().of(number);
        let awaits = life.ends().is_awaited();
        // Who asks again and again does not keep the driver from resting: it tells at each rest already.
        let begins = awaits && !self.inner().mark(AWAITED);
        drop(life);
        if begins {
            self.inner().rouse();
        }
        waiting
    }

    /// Whether somebody waits for the end of a request: then [`set_answered`](Conn::set_answered) is to be called.
    /// One load: cheap enough for every rest. For authors of backends.
    pub fn awaits_ends(&self) -> bool {
        self.inner().has(AWAITED)
    }

    /// Says that the requests up to this one have their complete answers. It need not be said when nobody
    /// [waits](Conn::awaits_ends). For authors of backends.
    pub fn set_answered(&self, up_to: u64) {
        let mut life = self.life();
        life.ends().answered(up_to);
        if !life.ends().is_awaited() {
            self.inner().unmark(AWAITED);
        }
    }

    /// Says that the requests from this one on end like this, and those before have their answers. Only the first
    /// call counts; gives how this one has ended by that. It must be said as soon as it is certain, whoever waits. For
    /// authors of backends.
    pub fn set_ended(&self, from: u64, outcome: Outcome) -> Outcome {
        let mut life = self.life();
        let outcome = life.ends().ended(from, outcome);
        self.inner().unmark(AWAITED);
        outcome
    }

    /// Says that the peer has gone. Only the first call counts. For authors of backends.
    pub fn set_disconnected(&self, why: CloseReason) {
        let mut life = self.life();
        life.disconnected.get_or_insert(why);
        life.settle();
    }

    /// Says that the connection is closed and its hooks are done. Only the first call counts. For
    /// authors of backends.
    pub fn set_closed(&self, reason: CloseReason) {
        self.wire().set_closed(reason);
    }

    /// Queues an interim answer and wakes the driver.
    pub(crate) fn push_interim(&self, interim: Interim) {
        self.life().rare().interim.push(interim);
        self.inner().mark(INTERIM);
        self.inner().rouse();
    }

    /// Takes the interim answers that wait for request number `request`; older ones are dropped,
    /// their request is over. For authors of backends.
    pub fn take_interim(&self, request: u64) -> Vec<(StatusCode, HeaderMap)> {
        if !self.inner().unmark(INTERIM) {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.life().rare().interim);
        let current = waiting
            .into_iter()
            .filter(|interim| interim.request == request);
        current
            .map(|interim| (interim.status, interim.fields))
            .collect()
    }

    /// Whether interim answers wait. One load: cheap enough for every poll. For authors of backends.
    pub fn has_interim(&self) -> bool {
        self.inner().has(INTERIM)
    }

    /// The facts that it was made of, to carry them to another server. For authors of backends.
    pub fn facts(&self) -> Facts {
        self.inner().known.facts()
    }
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.rouse();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rouse();
    }
}

impl Inner {
    /// Wakes the driver, or has it look once more if it is at work.
    fn rouse(&self) {
        self.mark(ROUSED);
        self.driver.wake();
    }

    /// Whether there is this mark.
    #[inline]
    fn has(&self, mark: u8) -> bool {
        self.control.load(Ordering::Acquire) & mark != 0
    }

    /// Sets a mark. Whether it was there before.
    fn mark(&self, mark: u8) -> bool {
        self.control.fetch_or(mark, Ordering::AcqRel) & mark != 0
    }

    /// Takes a mark away. Whether it was there.
    fn unmark(&self, mark: u8) -> bool {
        self.control.fetch_and(!mark, Ordering::AcqRel) & mark != 0
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        // It is whole after every change, so a panic elsewhere cannot have broken it.
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    /// Asks the connection's driver for something.
    pub fn ask(&self, what: Ask) {
        self.0.control.fetch_or(what as u8, Ordering::AcqRel);
        self.0.driver.wake();
    }

    /// A waker that is the same for as long as the connection lives: it wakes whichever task drives the connection
    /// by then.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// Whether the driver has seen this.
    pub fn has_heeded(&self, what: Ask) -> bool {
        Asks(self.0.heeded.load(Ordering::Acquire)).has(what)
    }

    /// Its number, unique in its server.
    pub fn number(&self) -> u64 {
        self.0.known.number
    }

    fn id(&self) -> ConnId {
        ConnId {
            parent: self.0.known.parent().cloned(),
            number: self.0.known.number,
        }
    }

    /// What it is doing: written by its driver, read by who looks at the table.
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// Its line of the table.
    pub fn snapshot(&self, backend: &'static str, exec: &Exec) -> Connection {
        let known = &self.0.known;
        let mut line = Connection::new(self.clone(), exec.clone(), self.id(), backend);
        (line.peer, line.listener) = (known.peer(), known.listener());
        line.age = exec.now().saturating_duration_since(known.opened);
        self.0.live.tell(&mut line);
        if self.0.life().closed.is_some() {
            line.state = ConnState::Closing;
        }
        line
    }

    /// Has it closed after its answer, and cuts it if that takes longer than this.
    pub(crate) fn close_within(&self, within: Option<Duration>, exec: &Exec) {
        self.ask(Ask::CloseAfterCurrentResponse);
        let Some(within) = within else {
            return;
        };
        let (wire, mut late) = (self.clone(), exec.sleep(within));
        let mut closed = self.completed();
        drop(exec.spawn(async move {
            let is_late = poll_fn(|cx| match Pin::new(&mut closed).poll(cx) {
                Poll::Ready(_) => Poll::Ready(false),
                Poll::Pending => late.as_mut().poll(cx).map(|()| true),
            });
            if is_late.await {
                wire.ask(Ask::Kill);
            }
        }));
    }

    /// Ready when it is closed, its hooks are done, and nobody holds it.
    fn completed(&self) -> Waiting<CloseReason> {
        let mut life = self.0.life();
        let latch = life.rare().on_complete.get_or_insert_with(Latch::new);
        let waiting = latch.waiting();
        life.settle();
        waiting
    }

    /// The connection, for requests that this application answers.
    pub fn within(&self, site: &Arc<Site>) -> Conn {
        let (site, wire) = (Arc::clone(site), self.clone());
        Conn(Arc::new(Shared { site, wire }))
    }

    /// Says that the connection is closed and its hooks are done. Only the first call counts.
    pub fn set_closed(&self, reason: CloseReason) {
        let mut life = self.0.life();
        life.disconnected.get_or_insert(reason);
        life.closed.get_or_insert(reason);
        if let Some(rare) = &mut life.rare {
            rare.ends.close();
        }
        life.settle();
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wire").field(&self.number()).finish()
    }
}

/// Background work of a connection that is under way: see [`Conn::hold`].
#[derive(Debug)]
#[must_use = "dropped at once it holds nothing"]
pub struct Hold(Wire);

impl Drop for Hold {
    fn drop(&mut self) {
        let mut life = self.0.0.life();
        life.holds -= 1;
        life.settle();
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("id", &format_args!("{}", self.id()))
            .field("peer", &self.peer())
            .field("local", &self.local())
            .field("backend", &self.backend())
            .finish_non_exhaustive()
    }
}
