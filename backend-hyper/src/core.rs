//! A running server: what all its parts share, and what its handle refers to.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_server_trait::backend::{Ask, Control, Latch, Pipeline};
use http_server_trait::{
    AcceptError, AcceptErrorKind, Address, BoxFuture, CloseReason, Conn, Counters, Drain, Facts,
    Progress, Report, Served, Stream,
};
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::accept::Listener;
use crate::drive::drive;
use crate::link::Link;
use crate::wire::{Socket, Traffic, Wire};

/// A running server.
pub(crate) struct Core {
    pub(crate) pipeline: Pipeline,
    pub(crate) addresses: Vec<Address>,
    pub(crate) handle: Handle,
    /// Places for connections.
    pub(crate) places: Arc<Semaphore>,
    /// How many requests may be under way, where that is limited.
    pub(crate) flights: Option<Arc<Semaphore>>,
    pub(crate) stops_accepting: Latch<()>,
    pub(crate) ended: Latch<Report>,
    /// Told when a connection leaves, and when an end is asked for.
    pub(crate) changed: Notify,
    pub(crate) ending: Mutex<Option<Ending>>,
    pub(crate) draining: AtomicBool,
    pub(crate) cutting: AtomicBool,
    /// Connections that the end of the server found idle.
    pub(crate) idle: AtomicU64,
    pub(crate) traffic: Arc<Traffic>,
    /// Where the application accepts.
    pub(crate) by_hand: Mutex<Vec<Arc<Listener>>>,
    /// How many connections each address has, where that is limited.
    guests: Mutex<HashMap<IpAddr, usize>>,
    /// When the connections so far are paid for, where their pace is limited.
    paid: Mutex<Option<Instant>>,
    books: Mutex<Counters>,
    conns: Mutex<HashMap<u64, Conn>>,
    numbers: AtomicU64,
}

/// An end that has been asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) asked: Instant,
    pub(crate) begins: Instant,
    /// `None` is never.
    pub(crate) until: Option<Instant>,
}

/// A connection's place among the others. Dropping it leaves.
pub(crate) struct Seat {
    core: Arc<Core>,
    conn: Conn,
    reason: CloseReason,
    guest: Option<IpAddr>,
    place: Option<OwnedSemaphorePermit>,
}

impl Core {
    pub(crate) fn new(pipeline: Pipeline, addresses: Vec<Address>, handle: Handle) -> Arc<Self> {
        let config = pipeline.config();
        let most = config.connections.unwrap_or_else(default_most);
        let flights = config.in_flight.map(|most| Arc::new(semaphore(most)));
        Arc::new(Core {
            places: Arc::new(semaphore(most)),
            flights,
            pipeline,
            addresses,
            handle,
            stops_accepting: Latch::new(),
            ended: Latch::new(),
            changed: Notify::new(),
            ending: Mutex::new(None),
            draining: AtomicBool::new(false),
            cutting: AtomicBool::new(false),
            idle: AtomicU64::new(0),
            traffic: Arc::default(),
            by_hand: Mutex::default(),
            guests: Mutex::default(),
            paid: Mutex::default(),
            books: Mutex::default(),
            conns: Mutex::default(),
            numbers: AtomicU64::new(0),
        })
    }

    /// Counts a connection that is about to be accepted, unless that would be too fast: then when it may be. A
    /// second's worth may come at once.
    pub(crate) fn pace(&self) -> Option<Instant> {
        let each = Duration::from_secs(1) / self.pipeline.config().accept_rate?.max(1);
        let now = Instant::now();
        let mut paid = lock(&self.paid);
        let next = paid.map_or(now, |paid| paid.max(now)) + each;
        if let Some(wait) = (next - now).checked_sub(Duration::from_secs(1)) {
            if !wait.is_zero() {
                return Some(now + wait);
            }
        }
        *paid = Some(next);
        None
    }

    /// Writes in the books.
    pub(crate) fn count(&self, write: impl FnOnce(&mut Counters)) {
        write(&mut lock(&self.books));
    }

    pub(crate) fn counters(&self) -> Counters {
        let mut books = lock(&self.books).clone();
        books.bytes_in = self.traffic.read.load(Ordering::Relaxed);
        books.bytes_out = self.traffic.written.load(Ordering::Relaxed);
        books
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn is_cutting(&self) -> bool {
        self.cutting.load(Ordering::Acquire)
    }

    pub(crate) fn open(&self) -> usize {
        lock(&self.conns).len()
    }

    /// Asks every connection for this.
    pub(crate) fn ask(&self, what: Ask) {
        // Not under the lock: one that is woken may leave at once.
        let conns: Vec<Conn> = lock(&self.conns).values().cloned().collect();
        for conn in conns {
            conn.ask(what);
        }
    }

    /// Lets a connection in.
    pub(crate) fn admit(
        self: &Arc<Self>,
        mut facts: Facts,
        place: Option<OwnedSemaphorePermit>,
    ) -> Seat {
        facts.number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let number = facts.number;
        let conn = Conn::new(facts, self.pipeline.site().clone());
        self.count(|books| {
            books.accepted += 1;
            books.open += 1;
        });
        lock(&self.conns).insert(number, conn.clone());
        Seat {
            core: Arc::clone(self),
            conn,
            // Until it is known better: a panic in the driver is a bug.
            reason: CloseReason::ServerError,
            guest: None,
            place,
        }
    }

    /// Serves a connection in the background.
    pub(crate) fn serve(self: &Arc<Self>, socket: Socket, seat: Seat) -> Served {
        let served = Served::new(seat.conn.clone());
        let wire = Wire::new(socket, Arc::clone(&self.traffic));
        let link = Link::new(Arc::clone(self), seat.conn.clone(), wire);
        drop(
            self.handle
                .spawn(async move { seat.leave(drive(link).await) }),
        );
        served
    }

    /// The application accepts on this.
    pub(crate) fn accepts_by_hand(&self, listener: Listener) {
        lock(&self.by_hand).push(Arc::new(listener));
    }

    pub(crate) fn ending(&self) -> MutexGuard<'_, Option<Ending>> {
        lock(&self.ending)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one statement, so a panic elsewhere cannot have broken it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn semaphore(most: usize) -> Semaphore {
    Semaphore::new(most.min(Semaphore::MAX_PERMITS))
}

/// Three quarters of the descriptors, and no more than ten thousand.
fn default_most() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let most = limit.map_or(u64::MAX, |limit| limit / 4 * 3).min(10_000);
    usize::try_from(most).unwrap_or(10_000).max(1)
}

impl Seat {
    /// Whether the address that it is with has not too many.
    pub(crate) fn is_welcome(&mut self) -> bool {
        let most = self.core.pipeline.config().connections_per_address;
        let Some((most, peer)) = most.zip(self.conn.peer()) else {
            return true;
        };
        let household = household(peer.ip());
        let mut guests = lock(&self.core.guests);
        let here = guests.get(&household).copied().unwrap_or_default();
        if here >= most {
            return false;
        }
        guests.insert(household, here + 1);
        self.guest = Some(household);
        true
    }

    pub(crate) fn conn(&self) -> &Conn {
        &self.conn
    }

    /// Leaves, for this reason.
    pub(crate) fn leave(mut self, reason: CloseReason) {
        self.reason = reason;
    }
}

/// Who has one IPv6 address has 2^64 of them: the network is what counts. An IPv4 address in IPv6 clothes is
/// itself.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(guest) = self.guest {
            let mut guests = lock(&self.core.guests);
            match guests.remove(&guest) {
                None | Some(1) => {}
                Some(here) => drop(guests.insert(guest, here - 1)),
            }
        }
        // Who is told of the end finds the place free.
        self.place = None;
        let reason = self.reason;
        self.core.count(|books| {
            books.open -= 1;
            books.add_closed(reason, 1);
        });
        self.conn.set_closed(reason);
        lock(&self.core.conns).remove(&self.conn.id().number());
        self.core.changed.notify_waiters();
    }
}

/// What the handle refers to.
pub(crate) struct Running(pub(crate) Arc<Core>);

impl Control for Running {
    fn addresses(&self) -> &[Address] {
        &self.0.addresses
    }

    fn counters(&self) -> Counters {
        self.0.counters()
    }

    fn shutdown(&self, drain: Drain) {
        let now = Instant::now();
        // A time beyond what can be counted never comes.
        let begins = now.checked_add(drain.lame_duck).unwrap_or(now);
        let until = begins.checked_add(drain.deadline);
        {
            let mut ending = self.0.ending();
            *ending = Some(match *ending {
                None => Ending {
                    asked: now,
                    begins,
                    until,
                },
                Some(earlier) => Ending {
                    asked: earlier.asked,
                    begins: earlier.begins.min(begins),
                    until: match (earlier.until, until) {
                        (Some(earlier), Some(until)) => Some(earlier.min(until)),
                        (earlier, until) => earlier.or(until),
                    },
                },
            });
        }
        self.0.changed.notify_waiters();
    }

    fn ended(&self) -> &Latch<Report> {
        &self.0.ended
    }

    fn progress(&self) -> Option<Progress> {
        Some(self.0.pipeline.site().progress.clone())
    }

    fn serve(&self, stream: Box<dyn Stream>, mut facts: Facts) -> Result<Served, AcceptError> {
        if self.0.ending().is_some() {
            return Err(AcceptError::new(AcceptErrorKind::NotServing));
        }
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else {
            return Err(AcceptError::new(AcceptErrorKind::AtCapacity));
        };
        // Handed in, not accepted by a listener of this server.
        facts.listener = None;
        let seat = self.0.admit(facts, Some(place));
        Ok(self.0.serve(Socket::Foreign(Pin::from(stream)), seat))
    }

    fn should_accept(&self) -> bool {
        self.0.ending().is_none() && self.0.places.available_permits() > 0
    }

    fn accept_one(&self) -> BoxFuture<'_, Result<Served, AcceptError>> {
        Box::pin(accept_one(&self.0))
    }
}

/// Accepts one connection, on whichever socket has one.
async fn accept_one(core: &Arc<Core>) -> Result<Served, AcceptError> {
    if core.stops_accepting.is_set() {
        return Err(AcceptError::new(AcceptErrorKind::NotServing));
    }
    let listeners = lock(&core.by_hand).clone();
    if listeners.is_empty() {
        return Err(AcceptError::new(AcceptErrorKind::Unsupported));
    }
    let mut accepting: Vec<_> = listeners.iter().map(|it| Box::pin(it.accept())).collect();
    let mut stop = pin!(core.stops_accepting.waiting());
    let accepted = poll_fn(|cx: &mut Context<'_>| {
        // Whatever runtime polls this, the socket belongs to the server's.
        let _inside = core.handle.enter();
        if stop.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        for (index, accepting) in accepting.iter_mut().enumerate() {
            if let Poll::Ready(accepted) = accepting.as_mut().poll(cx) {
                return Poll::Ready(Some((index, accepted)));
            }
        }
        Poll::Pending
    });
    match accepted.await {
        None => Err(AcceptError::new(AcceptErrorKind::NotServing)),
        Some((index, Ok(socket))) => {
            let place = Arc::clone(&core.places).try_acquire_owned().ok();
            let seat = core.admit(crate::accept::facts(&socket, index), place);
            Ok(core.serve(socket, seat))
        }
        Some((_, Err(error))) => {
            core.count(|books| books.accept_errors += 1);
            Err(accept_error(error))
        }
    }
}

fn accept_error(error: io::Error) -> AcceptError {
    let kind = match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
            AcceptErrorKind::OutOfDescriptors
        }
        _ => AcceptErrorKind::Io,
    };
    AcceptError::new(kind).with_source(error)
}
