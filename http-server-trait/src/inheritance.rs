//! What moves when a running server is handed over.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use atomic_waker::AtomicWaker;
use bytes::Bytes;

use crate::facts::Facts;
use crate::listen::Address;
use crate::pipeline::Pipeline;

/// What a successor takes over from a running server: the started application, the listening
/// sockets, and the connections that are parked for it while the old server winds down.
///
/// It is in this crate so that any backend can give and any can take. The old server goes on accepting
/// until the successor says that it does: until then nothing of it has changed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inheritance {
    /// The application, started: its start hooks do not run again. It is continued with
    /// [`Pipeline::continued`].
    pub pipeline: Arc<Pipeline>,
    /// An application that is tried beside it, and how many of a hundred requests it gets.
    pub canary: Option<(Arc<Pipeline>, u8)>,
    /// The number of the last application: numbers go on.
    pub generations: Arc<AtomicU64>,
    /// Duplicates of all listening sockets, and where they listen.
    pub listeners: Vec<Inherited>,
    /// Connections that leave the old server between two messages.
    pub parked: Arrivals,
    /// The number of the last connection: numbers go on, so that ids stay unique.
    pub numbers: Arc<AtomicU64>,
}

/// A place that is listened on, and all its sockets: each has a queue of its own in the kernel, so all of them
/// must be accepted on.
#[derive(Debug)]
pub struct Inherited {
    /// Duplicates of the sockets.
    pub sockets: Vec<Passed>,
    /// Where they listen.
    pub address: Address,
    /// Whether the file of a Unix socket is to be removed in the end.
    pub owns_path: bool,
}

/// Something that is passed from one server to another.
pub enum Passed {
    /// A descriptor of the operating system. It does not block.
    Descriptor(OwnedFd),
    /// Something else, of a network that is not the system's.
    Other(Box<dyn Any + Send>),
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Passed::Descriptor(descriptor) => descriptor.fmt(f),
            Passed::Other(_) => f.write_str("Other"),
        }
    }
}

impl Inheritance {
    /// What a server gives away, and where it then leaves parked connections.
    pub fn new(
        pipeline: Arc<Pipeline>,
        listeners: Vec<Inherited>,
        numbers: Arc<AtomicU64>,
    ) -> (Self, Departures) {
        let queue = Arc::new(Queue::default());
        let inheritance = Inheritance {
            generations: Arc::new(AtomicU64::new(pipeline.site().generation)),
            canary: None,
            pipeline,
            listeners,
            parked: Arrivals(Arc::clone(&queue)),
            numbers,
        };
        (inheritance, Departures(queue))
    }
}

/// A connection between two messages, on its way from one server to another.
#[non_exhaustive]
pub struct Parked {
    /// The socket, if the connection is one.
    pub descriptor: Option<OwnedFd>,
    /// What was received and not used: the successor reads it first.
    pub unread: Bytes,
    /// The facts of the connection. They stay what they were.
    pub facts: Facts,
    /// How many requests it has had.
    pub requests: u64,
    /// How many bytes were read from it, those of `unread` included, and written to it.
    pub moved: (u64, u64),
    /// When the head that is being waited for began to come; if nothing of it has, since when the
    /// connection is idle. Its time goes on to run.
    pub since: Option<Instant>,
    /// Whatever lies between the socket and HTTP: the state of TLS, or a stream that is no socket.
    pub layers: Option<Box<dyn Any + Send>>,
}

impl Parked {
    /// A parked connection that is a socket, with nothing unread.
    pub fn new(facts: Facts) -> Self {
        Parked {
            descriptor: None,
            unread: Bytes::new(),
            facts,
            requests: 0,
            moved: (0, 0),
            since: None,
            layers: None,
        }
    }
}

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parked")
            .field("facts", &self.facts)
            .field("unread", &self.unread.len())
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    arrived: AtomicWaker,
}

#[derive(Default)]
struct Waiting {
    parked: VecDeque<Parked>,
    closed: bool,
}

/// Where a server leaves the connections that it parks. Dropping it says that no more will come.
pub struct Departures(Arc<Queue>);

impl Departures {
    /// Leaves a connection for the successor.
    pub fn send(&self, parked: Parked) {
        lock(&self.0).parked.push_back(parked);
        self.0.arrived.wake();
    }
}

impl Drop for Departures {
    fn drop(&mut self) {
        lock(&self.0).closed = true;
        self.0.arrived.wake();
    }
}

/// Where a successor finds the connections that were parked for it.
pub struct Arrivals(Arc<Queue>);

impl Arrivals {
    /// The next parked connection; `None` when no more will come.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Parked>> {
        self.0.arrived.register(cx.waker());
        let mut waiting = lock(&self.0);
        match waiting.parked.pop_front() {
            Some(parked) => Poll::Ready(Some(parked)),
            None if waiting.closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn lock(queue: &Queue) -> std::sync::MutexGuard<'_, Waiting> {
    queue.state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Departures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Departures")
            .field(&lock(&self.0).parked.len())
            .finish()
    }
}

impl fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Arrivals")
            .field(&lock(&self.0).parked.len())
            .finish()
    }
}
