//! Streams and listeners.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_std::io::{Read, Write};
use async_std::net::{TcpListener, TcpStream};
use async_std::os::unix::net::{UnixListener, UnixStream};
use http_server_engine::server;
use http_server_engine::socket::{self, Received};
use http_server_engine::{Close, Detached, RecvBuf, SendQueue, Transport};
use http_server_trait::{BoxFuture, CloseReason};

/// A stream. async-std waits only inside of its reads and writes, so these are used to wait, and the system
/// calls that are worth something are made beside them.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    /// Whether the last read has emptied it: then reading again would be in vain.
    drained: bool,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// It has left for another runtime.
    Gone,
}

/// What is read where only waiting was meant. The rest follows with the next read.
const SMALL: usize = 256;

impl Stream {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Stream {
            socket: Socket::Tcp(stream),
            drained: false,
        }
    }

    pub(crate) fn unix(stream: UnixStream) -> Self {
        Stream {
            socket: Socket::Unix(stream),
            drained: false,
        }
    }

    fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.socket {
            Socket::Tcp(stream) => Ok(stream.as_fd()),
            Socket::Unix(stream) => Ok(stream.as_fd()),
            Socket::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, into),
            Socket::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, from),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, from),
            Socket::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Transport for Stream {
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        if !self.drained {
            match socket::recv(self.descriptor()?, rx) {
                Ok(Received { count, drained }) => {
                    self.drained = drained;
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let mut small = [0; SMALL];
        let room = rx.room();
        let most = (room.capacity() - room.len()).min(SMALL);
        let read = self.poll_read(cx, &mut small[..most]);
        // Woken, there is something; and what was read here may not be all.
        self.drained = false;
        let count = ready!(read)?;
        rx.room().extend_from_slice(&small[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        match socket::send(self.descriptor()?, tx) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
        let (pieces, _) = tx.pieces();
        let count = ready!(self.poll_write(cx, &pieces[0]))?;
        tx.advance(count);
        Poll::Ready(Ok(count))
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
        // A duplicate, as async-std gives no socket away; its own `From` panics where that fails.
        let duplicate = self.descriptor()?.try_clone_to_owned()?;
        self.socket = Socket::Gone;
        Poll::Ready(Ok(Detached::socket(duplicate)))
    }
}

/// A listening socket. async-std accepts only in a future, so there is always one.
pub(crate) struct Listener {
    accept: Box<dyn Fn() -> Accepting + Send>,
    accepting: Option<Accepting>,
}

type Accepting = BoxFuture<'static, io::Result<(Stream, Option<SocketAddr>)>>;

impl Listener {
    pub(crate) fn tcp(listener: TcpListener) -> Self {
        let listener = Arc::new(listener);
        Listener::new(move || {
            let listener = Arc::clone(&listener);
            Box::pin(async move {
                listener
                    .accept()
                    .await
                    .map(|(stream, peer)| (Stream::tcp(stream), Some(peer)))
            })
        })
    }

    pub(crate) fn unix(listener: UnixListener) -> Self {
        let listener = Arc::new(listener);
        Listener::new(move || {
            let listener = Arc::clone(&listener);
            Box::pin(async move {
                listener
                    .accept()
                    .await
                    .map(|(stream, _)| (Stream::unix(stream), None))
            })
        })
    }

    fn new(accept: impl Fn() -> Accepting + Send + 'static) -> Self {
        Listener {
            accept: Box::new(accept),
            accepting: None,
        }
    }
}

impl server::Listener for Listener {
    type Stream = Stream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Stream, Option<SocketAddr>)>> {
        let accepted = ready!(
            self.accepting
                .get_or_insert_with(&self.accept)
                .as_mut()
                .poll(cx)
        );
        self.accepting = None;
        Poll::Ready(accepted)
    }
}
