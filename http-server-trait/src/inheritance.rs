//! What moves when a running server is handed over.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use bytes::Bytes;

use crate::conn::Facts;
use crate::listen::Address;
use crate::pipeline::Pipeline;

/// What a successor takes over from a running server: the started application, the listening
/// sockets, and the connections that are parked for it while the old server winds down.
///
/// It is in this crate so that any backend can give and any can take.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inheritance {
    /// The application, started: its start hooks do not run again.
    pub pipeline: Arc<Pipeline>,
    /// Duplicates of all listening sockets, and where they listen.
    pub listeners: Vec<(OwnedFd, Address)>,
    /// Connections that leave the old server between two messages.
    pub parked: Arrivals,
}

impl Inheritance {
    /// What a server gives away, and where it then leaves parked connections.
    pub fn new(pipeline: Arc<Pipeline>, listeners: Vec<(OwnedFd, Address)>) -> (Self, Departures) {
        let queue = Arc::new(Queue::default());
        let parked = Arrivals(Arc::clone(&queue));
        (
            Inheritance {
                pipeline,
                listeners,
                parked,
            },
            Departures(queue),
        )
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
