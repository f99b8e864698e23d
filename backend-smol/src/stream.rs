//! Streams and listeners.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use http_server_engine::net::Family;
use http_server_engine::server;
use http_server_engine::socket::{self, Received};
use http_server_engine::{Close, Detached, RecvBuf, SendQueue, Transport};
use http_server_trait::CloseReason;
use smol::Async;

/// A stream, TCP or Unix. smol's reactor registers it once, and is asked anew for each wait.
#[derive(Debug)]
pub(crate) struct Stream {
    /// There until it leaves for another runtime.
    socket: Option<Async<OwnedFd>>,
    /// Whether the last read has emptied it: then reading again would be in vain.
    drained: bool,
}

impl Stream {
    /// A connected socket, which does not block.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Stream {
            socket: Some(Async::new_nonblocking(socket)?),
            drained: false,
        })
    }

    fn socket(&self) -> io::Result<&Async<OwnedFd>> {
        self.socket
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Transport for Stream {
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        loop {
            if !self.drained {
                match socket::recv(self.socket()?.get_ref(), rx) {
                    Ok(Received { count, drained }) => {
                        self.drained = drained;
                        return Poll::Ready(Ok(count));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            ready!(self.socket()?.poll_readable(cx))?;
            self.drained = false;
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        loop {
            match socket::send(self.socket()?.get_ref(), tx) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
            ready!(self.socket()?.poll_writable(cx))?;
        }
    }

    fn try_send(&mut self, tx: &mut SendQueue) -> io::Result<usize> {
        socket::send(self.socket()?.get_ref(), tx)
    }

    fn peer_end(&self) -> Option<CloseReason> {
        socket::peer_end(self.socket().ok()?.get_ref())
    }

    fn poll_close(&mut self, _: &mut Context<'_>, how: Close) -> Poll<io::Result<()>> {
        Poll::Ready(
            self.socket()
                .and_then(|socket| socket::close(socket.get_ref(), how)),
        )
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        let socket = self.socket.take().ok_or(io::ErrorKind::NotConnected)?;
        Poll::Ready(socket.into_inner().map(Detached::socket))
    }
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Async<OwnedFd>,
    family: Family,
}

impl Listener {
    /// A listening socket, which does not block.
    pub(crate) fn new(socket: OwnedFd, family: Family) -> io::Result<Self> {
        Ok(Listener {
            socket: Async::new_nonblocking(socket)?,
            family,
        })
    }
}

impl server::Listener for Listener {
    type Stream = Stream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Stream, Option<SocketAddr>)>> {
        loop {
            match socket::accept(self.socket.get_ref(), self.family) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => {
                    return Poll::Ready(
                        accepted.and_then(|(socket, peer)| Ok((Stream::new(socket)?, peer))),
                    );
                }
            }
            ready!(self.socket.poll_readable(cx))?;
        }
    }
}
