//! A connection's bytes: what a backend gives to the engine.

use std::any::Any;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_server_trait::CloseReason;

use crate::buffers::{RecvBuf, SendQueue};

/// A stream of bytes to one client.
///
/// It is the seam between the engine and a runtime, and it is wide on purpose: a narrower one, such as
/// a pair of read and write traits, costs system calls that are known to be in vain.
///
/// A method that returns `Pending` has stored the waker of its context and wakes it when calling again
/// may give something else.
pub trait Transport: Unpin + Send + 'static {
    /// Appends what has arrived to `rx`, at most as much as [`room`](RecvBuf::room) has capacity for.
    ///
    /// - `Ready(Ok(0))`: the peer has ended its side; nothing more will come.
    /// - `Ready(Ok(n))`: so many bytes were appended.
    /// - `Pending`: nothing is there. It remembers that: after a short read it makes no system call to be
    ///   told so again, unless the read has shown that more, or the end, may be behind it.
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>>;

    /// Sends from the front of `tx` with a vectored write, and [advances](SendQueue::advance) it. `tx` is
    /// not empty.
    ///
    /// - `Ready(Ok(n))`: so many bytes were taken, at least one.
    /// - `Pending`: there is no room.
    fn poll_send(&mut self, cx: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>>;

    /// Ready when everything that [`poll_send`](Transport::poll_send) has taken is on its way. A socket needs no
    /// more; a stream with a buffer of its own does.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Whether dropping it ends it in order, as it does a socket. If not, it is closed before.
    fn ends_when_dropped(&self) -> bool {
        true
    }

    /// Sends what there is room for, without asking whether the runtime knows of any. A socket is said to be
    /// writable only when a good part of its buffer is free; a client that reads little by little may never
    /// get there, and takes something all the same.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room, or no way to ask.
    fn try_send(&mut self, tx: &mut SendQueue) -> io::Result<usize> {
        let _ = tx;
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Whether and how the peer has ended its side, also behind bytes that have not been received. It receives
    /// nothing, waits for nothing, and wakes nobody. `None` as well where it cannot be known.
    fn peer_end(&self) -> Option<CloseReason> {
        None
    }

    /// Ends this side, or all of it.
    fn poll_close(&mut self, cx: &mut Context<'_>, how: Close) -> Poll<io::Result<()>>;

    /// Takes the stream out of this runtime, to go on in another one. The transport is of no use then.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if it cannot leave. It is still of use then.
    fn poll_detach(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Detached>>;
}

/// How a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Nothing more is sent; what the peer sends is still received.
    Write,
    /// At once, so that the peer sees a reset and cannot take what it got for complete.
    Reset,
}

/// A stream without its runtime.
#[derive(Debug)]
#[non_exhaustive]
pub struct Detached {
    /// The socket, if it is one.
    pub descriptor: Option<OwnedFd>,
    /// Bytes that the transport has received and not given to the engine yet.
    pub unread: Bytes,
    /// Whatever lies between the socket and HTTP, or a stream that is no socket.
    pub layers: Option<Box<dyn Any + Send>>,
}

impl Detached {
    /// A socket, and nothing else.
    pub fn socket(descriptor: OwnedFd) -> Self {
        Detached {
            descriptor: Some(descriptor),
            unread: Bytes::new(),
            layers: None,
        }
    }

    /// Something that is no socket.
    pub fn layers(layers: impl Any + Send) -> Self {
        Detached {
            descriptor: None,
            unread: Bytes::new(),
            layers: Some(Box::new(layers)),
        }
    }
}
