//! Streams and listeners.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use http_server_engine::server;
use http_server_engine::socket::{self, Received};
use http_server_engine::{Close, Detached, RecvBuf, SendQueue, Transport};
use http_server_trait::CloseReason;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A stream. tokio registers it once, edge-triggered, and remembers what is ready.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// It has left for another runtime.
    Gone,
}

impl Stream {
    fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            Stream::Tcp(stream) => Ok(stream.as_fd()),
            Stream::Unix(stream) => Ok(stream.as_fd()),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Unix(stream) => stream.poll_read_ready(cx),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_write_ready(cx),
            Stream::Unix(stream) => stream.poll_write_ready(cx),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Makes a system call; when it says that it would block, tokio forgets the readiness.
    fn call<T>(&self, interest: Interest, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Stream::Tcp(stream) => stream.try_io(interest, call),
            Stream::Unix(stream) => stream.try_io(interest, call),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Transport for Stream {
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        // Only a hint; tokio knows.
        if rx.take_drained() {
            ready!(self.poll_readable(cx))?;
        }
        loop {
            let mut last = None;
            let received = self.call(Interest::READABLE, || {
                match socket::recv(self.descriptor()?, rx)? {
                    // The socket is empty now, as tokio itself would conclude. Said like this it forgets the
                    // readiness, and the next poll waits without asking the kernel. That the peer has ended
                    // its side is a readiness of its own, which stays.
                    Received {
                        count,
                        drained: true,
                    } => {
                        last = Some(count);
                        Err(io::ErrorKind::WouldBlock.into())
                    }
                    Received { count, .. } => Ok(count),
                }
            });
            if let Some(count) = last {
                rx.set_drained(true);
                return Poll::Ready(Ok(count));
            }
            match received {
                // tokio knows of nothing, or has just learned that there is nothing.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_readable(cx))?;
                }
                received => return Poll::Ready(received),
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        loop {
            match self.call(Interest::WRITABLE, || socket::send(self.descriptor()?, tx)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.poll_writable(cx))?;
                }
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn try_send(&mut self, tx: &mut SendQueue) -> io::Result<usize> {
        socket::send(self.descriptor()?, tx)
    }

    fn peer_end(&self) -> Option<CloseReason> {
        socket::peer_end(self.descriptor().ok()?)
    }

    fn poll_close(&mut self, _: &mut Context<'_>, how: Close) -> Poll<io::Result<()>> {
        Poll::Ready(
            self.descriptor()
                .and_then(|descriptor| socket::close(descriptor, how)),
        )
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        let descriptor = match std::mem::replace(self, Stream::Gone) {
            Stream::Tcp(stream) => OwnedFd::from(stream.into_std()?),
            Stream::Unix(stream) => OwnedFd::from(stream.into_std()?),
            Stream::Gone => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        Poll::Ready(Ok(Detached::socket(descriptor)))
    }
}

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl server::Listener for Listener {
    type Stream = Stream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Stream, Option<SocketAddr>)>> {
        match self {
            Listener::Tcp(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, peer)| (Stream::Tcp(stream), Some(peer))),
            Listener::Unix(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, _)| (Stream::Unix(stream), None)),
        }
    }
}
