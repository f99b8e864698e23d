//! What a backend brings: its streams, its listeners, its workers.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_server_trait::backend::{Execute, Passed};

use crate::net::Family;
use crate::runtime::Runtime;
use crate::transport::Transport;

/// A runtime as a backend: everything that differs between them.
pub trait Backend: Send + Sync + 'static {
    /// Its name: `tokio`, `smol` ...
    const NAME: &'static str;
    /// Its tasks and its clock.
    type Runtime: Runtime;
    /// A listening socket that is bound, and not registered with a runtime yet.
    type Socket: Send + 'static;
    /// Its listening sockets.
    type Listener: Listener<Stream = Self::Stream>;
    /// Its streams.
    type Stream: Transport;

    /// Registers a listening socket with the runtime around this call.
    fn listener(socket: Self::Socket, family: Family) -> io::Result<Self::Listener>;

    /// A duplicate of a listening socket, for a successor.
    ///
    /// # Errors
    /// If there are no descriptors left, or these sockets cannot be duplicated.
    fn duplicate(socket: &Self::Socket) -> io::Result<Passed>;

    /// Makes a listening socket of what a predecessor has passed on; gives it back if it is of another kind.
    fn socket(passed: Passed) -> Result<Self::Socket, Passed>;

    /// Registers a connection of a predecessor's with the runtime around this call.
    ///
    /// # Errors
    /// If it is of another kind, or the runtime refuses it.
    fn stream(passed: Passed, family: Family) -> io::Result<Self::Stream>;
}

/// A duplicate of a descriptor, for a [`Backend`] whose sockets are the system's.
///
/// # Errors
/// If there are no descriptors left.
pub fn duplicate(socket: &OwnedFd) -> io::Result<Passed> {
    Ok(Passed::Descriptor(socket.try_clone()?))
}

/// The descriptor that was passed on, for a [`Backend`] whose sockets are the system's.
///
/// # Errors
/// Gives it back if it is none.
pub fn descriptor(passed: Passed) -> Result<OwnedFd, Passed> {
    match passed {
        Passed::Descriptor(descriptor) => Ok(descriptor),
        other @ Passed::Other(_) => Err(other),
    }
}

/// The error of a [`Backend`] that cannot go on with what was passed to it.
pub fn foreign() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "it comes from a network that this runtime does not know",
    )
}

/// A listening socket.
pub trait Listener: Unpin + Send + 'static {
    /// What it accepts.
    type Stream: Transport;

    /// Accepts a connection, and says who it is with, as far as that is known.
    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Stream, Option<SocketAddr>)>>;
}

/// One worker of a crew: a runtime, or a share of one.
pub struct Member<R> {
    /// Its tasks and its clock.
    pub runtime: R,
    /// How to reach it from elsewhere.
    pub exec: Arc<dyn Execute>,
}

impl<R> std::fmt::Debug for Member<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Member").field(&self.exec.runtime()).finish()
    }
}
