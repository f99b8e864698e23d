//! The table of the live connections.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::conn::{Ask, ConnId, Wire};
use crate::exec::Exec;

/// A connection in the table of a server, as it was a moment ago: see
/// [`ServerHandle::table`](crate::ServerHandle::table).
///
/// A connection writes what it is doing whenever it comes to rest, so that looking at it costs it nothing: the
/// numbers are those of its last rest.
#[derive(Clone)]
#[non_exhaustive]
pub struct Connection {
    /// Its id.
    pub id: ConnId,
    /// The address of the other side; absent, never faked, where there is none.
    pub peer: Option<SocketAddr>,
    /// Which listening socket accepted it; absent for a stream that was handed in.
    pub listener: Option<usize>,
    /// What it is doing.
    pub state: ConnState,
    /// How long ago it was accepted, by whichever server.
    pub age: Duration,
    /// How many requests it has had.
    pub requests: u64,
    /// Bytes read from it, by whichever server.
    pub bytes_in: u64,
    /// Bytes written to it, by whichever server.
    pub bytes_out: u64,
    /// Bytes that wait to be written.
    pub buffered: usize,
    /// Which application answered its last request: see [`Conn::generation`](crate::Conn::generation).
    pub generation: u64,
    /// The backend that serves it.
    pub backend: &'static str,
    wire: Wire,
    exec: Exec,
}

impl Connection {
    pub(crate) fn new(wire: Wire, exec: Exec, id: ConnId, backend: &'static str) -> Self {
        Connection {
            id,
            peer: None,
            listener: None,
            state: ConnState::Idle,
            age: Duration::ZERO,
            requests: 0,
            bytes_in: 0,
            bytes_out: 0,
            buffered: 0,
            generation: 0,
            backend,
            wire,
            exec,
        }
    }

    /// Closes it once its answer has been sent: see
    /// [`Conn::close_after_current_response`](crate::Conn::close_after_current_response).
    pub fn close_after_current_response(&self, within: impl Into<Option<Duration>>) {
        self.wire.close_within(within.into(), &self.exec);
    }

    /// Closes it now: see [`Conn::kill`](crate::Conn::kill).
    pub fn kill(&self) {
        self.wire.ask(Ask::Kill);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({self})")
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.state)?;
        if let Some(peer) = self.peer {
            write!(f, " from {peer}")?;
        }
        write!(
            f,
            ", {:.1} s, {} requests, {} in, {} out, {} waiting, generation {} on {}",
            self.age.as_secs_f64(),
            self.requests,
            self.bytes_in,
            self.bytes_out,
            self.buffered,
            self.generation,
            self.backend
        )
    }
}

/// Declares the states of a connection, each with a stable name.
macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What a connection is doing.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum ConnState { $($(#[$doc])* $variant,)+ }

        impl ConnState {
            /// Every state.
            pub const ALL: &'static [ConnState] = &[$(ConnState::$variant,)+];

            /// Its stable name, for tables and metrics.
            pub fn name(self) -> &'static str {
                match self { $(ConnState::$variant => $name,)+ }
            }
        }
    };
}

states! {
    /// It waits for a request.
    #[default]
    Idle = "idle",
    /// Some of a head has come.
    Head = "head",
    /// A request is under way, and some of its content is still to come.
    Receiving = "receiving",
    /// A request is complete, and its answer is being made.
    Handling = "handling",
    /// Some of an answer waits to be sent.
    Sending = "sending",
    /// The application has taken it over.
    TakenOver = "taken_over",
    /// It is being closed.
    Closing = "closing",
}

impl fmt::Display for ConnState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a connection is doing, as its driver last wrote it. For authors of backends.
#[derive(Debug, Default)]
pub struct Live {
    state: AtomicU8,
    buffered: AtomicUsize,
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// No server lives through more of them.
    generation: AtomicU32,
}

impl Live {
    /// Writes what it is doing. Only the driver of the connection may: one writer needs no more than stores.
    pub fn write(&self, state: ConnState, buffered: usize, requests: u64, generation: u64) {
        self.state.store(state as u8, Ordering::Relaxed);
        self.buffered.store(buffered, Ordering::Relaxed);
        self.requests.store(requests, Ordering::Relaxed);
        let generation = u32::try_from(generation).unwrap_or(u32::MAX);
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// Adds bytes that were read and written since the last time.
    pub fn moved(&self, bytes_in: u64, bytes_out: u64) {
        for (sum, more) in [(&self.bytes_in, bytes_in), (&self.bytes_out, bytes_out)] {
            if more > 0 {
                sum.store(sum.load(Ordering::Relaxed) + more, Ordering::Relaxed);
            }
        }
    }

    /// Adds bytes that the application has read and written itself, from wherever it did.
    pub fn add(&self, bytes_in: u64, bytes_out: u64) {
        self.bytes_in.fetch_add(bytes_in, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes_out, Ordering::Relaxed);
    }

    /// Bytes that were read and written, as of the last time that they were added.
    pub fn bytes(&self) -> (u64, u64) {
        let load = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        (load(&self.bytes_in), load(&self.bytes_out))
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffered.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, line: &mut Connection) {
        let state = usize::from(self.state.load(Ordering::Relaxed));
        line.state = ConnState::ALL.get(state).copied().unwrap_or_default();
        line.buffered = self.buffered();
        line.requests = self.requests.load(Ordering::Relaxed);
        (line.bytes_in, line.bytes_out) = self.bytes();
        line.generation = self.generation.load(Ordering::Relaxed).into();
    }
}
