//! A connection's socket, as hyper, the driver and an application that has taken it over see it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead as FuturesRead, AsyncWrite as FuturesWrite};
use http_server_trait::{AbortReason, CloseReason, Stream};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A stream of any kind.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Somebody else accepted it.
    Foreign(Pin<Box<dyn Stream>>),
}

/// A share of the one socket: hyper has one, and its driver, which sees to what hyper does not look at.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Line>>);

struct Line {
    /// Gone once the connection is closed, whoever still has a share.
    socket: Option<Socket>,
    traffic: Arc<Traffic>,
    /// What was read while hyper did not read.
    ahead: Vec<u8>,
    ended: bool,
    broken: Option<Broken>,
    /// Whether writes ask the kernel, whatever tokio remembers.
    insists: bool,
    /// When the client began to take nothing, the last time that the kernel was asked.
    insisted: Option<Instant>,
    /// Whether the next flush is the end of an answer.
    ends_answer: bool,
    flow: Flow,
}

/// What has gone over the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    /// How many of the bytes that were read hyper has taken.
    pub(crate) taken: u64,
    /// How many were written.
    pub(crate) written: u64,
    /// How many bytes hyper had taken when the last answer was out.
    pub(crate) answered: Option<u64>,
    /// How often hyper found that everything was written.
    pub(crate) flushes: u64,
    /// Since when the client takes nothing of what is to be written.
    pub(crate) stuck: Option<Instant>,
    /// Since when it was not so that everything was written at once, and how much was written before.
    pub(crate) slow: Option<(Instant, u64)>,
}

/// What has gone over all wires of a server.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) read: AtomicU64,
    pub(crate) written: AtomicU64,
}

/// How a socket has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Broken {
    /// The peer reset it.
    Reset,
    Reading,
    Writing,
}

impl Broken {
    /// What the books say of a request that was under way.
    pub(crate) fn abort_reason(self) -> AbortReason {
        match self {
            Broken::Reset => AbortReason::ClientLeft,
            Broken::Reading => AbortReason::ReadError,
            Broken::Writing => AbortReason::WriteError,
        }
    }
}

/// No more than this is read for the sake of noticing the end of the client.
const AHEAD: usize = 16 * 1024;

impl Wire {
    pub(crate) fn new(socket: Socket, traffic: Arc<Traffic>) -> Self {
        Wire(Arc::new(Mutex::new(Line {
            socket: Some(socket),
            traffic,
            ahead: Vec::new(),
            ended: false,
            broken: None,
            insists: false,
            insisted: None,
            ends_answer: false,
            flow: Flow::default(),
        })))
    }

    pub(crate) fn flow(&self) -> Flow {
        self.line().flow
    }

    /// Whether something waits that hyper has not read: bytes, or the end.
    pub(crate) fn has_news(&self) -> bool {
        let line = self.line();
        !line.ahead.is_empty() || line.ended || line.broken.is_some()
    }

    /// Whether and how the peer has gone.
    pub(crate) fn disconnected(&self) -> Option<CloseReason> {
        let line = self.line();
        match line.broken {
            Some(Broken::Reset) => Some(CloseReason::ClientLeft),
            Some(Broken::Reading) => Some(CloseReason::ReadError),
            Some(Broken::Writing) => Some(CloseReason::WriteError),
            None => line.ended.then_some(CloseReason::ClientClosed),
        }
    }

    pub(crate) fn broken(&self) -> Option<Broken> {
        self.line().broken
    }

    /// Reads while hyper does not, so that the end of the client is noticed.
    pub(crate) fn watch(&self, cx: &mut Context<'_>) {
        let line = &mut *self.line();
        while line.ahead.len() < AHEAD && !line.ended && line.broken.is_none() {
            let mut piece = [0; 4096];
            match line.poll_socket(cx, &mut piece) {
                Poll::Ready(Ok(count)) => line.ahead.extend_from_slice(&piece[..count]),
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }

    /// Makes writes ask the kernel. Says whether that may help: once for each time that the client takes nothing.
    ///
    /// The kernel says that a socket is writable only when a good part of its buffer is free; a client that reads
    /// little by little may never come so far, and is no client that takes nothing.
    pub(crate) fn insist(&self) -> bool {
        let mut line = self.line();
        let stuck = line.flow.stuck;
        line.insists = line.insisted != stuck;
        line.insisted = stuck;
        line.insists
    }

    /// hyper has all of an answer: it is sent at the next flush.
    pub(crate) fn ends_answer(&self) {
        self.line().ends_answer = true;
    }

    /// Takes what was read ahead.
    pub(crate) fn take_ahead(&self) -> Vec<u8> {
        std::mem::take(&mut self.line().ahead)
    }

    /// Reads some bytes; none at the end.
    pub(crate) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let line = &mut *self.line();
        let count = if line.ahead.is_empty() {
            ready!(line.poll_socket(cx, into))?
        } else {
            let count = line.ahead.len().min(into.len());
            into[..count].copy_from_slice(&line.ahead[..count]);
            line.ahead.drain(..count);
            count
        };
        line.flow.taken += count as u64;
        Poll::Ready(Ok(count))
    }

    /// Writes some of these bytes.
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line = &mut *self.line();
        let sent = match &mut line.socket {
            Some(Socket::Tcp(socket)) if line.insists => {
                match SockRef::from(&*socket).send_vectored(pieces) {
                    Ok(count) => Poll::Ready(Ok(count)),
                    // An error comes again.
                    Err(_) => {
                        line.insists = false;
                        Pin::new(socket).poll_write_vectored(cx, pieces)
                    }
                }
            }
            Some(Socket::Tcp(socket)) => Pin::new(socket).poll_write_vectored(cx, pieces),
            Some(Socket::Unix(socket)) => Pin::new(socket).poll_write_vectored(cx, pieces),
            Some(Socket::Foreign(stream)) => stream.as_mut().poll_write_vectored(cx, pieces),
            None => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        match &sent {
            Poll::Ready(Ok(count)) => {
                line.flow.written += *count as u64;
                let written = &line.traffic.written;
                written.fetch_add(*count as u64, Ordering::Relaxed);
                line.flow.stuck = None;
            }
            Poll::Ready(Err(error)) => line.broke(error, Broken::Writing),
            Poll::Pending => {
                let now = *line.flow.stuck.get_or_insert_with(Instant::now);
                line.flow.slow.get_or_insert((now, line.flow.written));
            }
        }
        sent
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = &mut *self.line();
        if let Some(Socket::Foreign(stream)) = &mut line.socket {
            ready!(stream.as_mut().poll_flush(cx))?;
        }
        line.flow.flushes += 1;
        line.flow.slow = None;
        if std::mem::take(&mut line.ends_answer) {
            line.flow.answered = Some(line.flow.taken);
        }
        Poll::Ready(Ok(()))
    }

    /// Ends this side.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.line().socket {
            Some(Socket::Tcp(socket)) => Pin::new(socket).poll_shutdown(cx),
            Some(Socket::Unix(socket)) => Pin::new(socket).poll_shutdown(cx),
            Some(Socket::Foreign(stream)) => stream.as_mut().poll_close(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Closes it.
    pub(crate) fn close(&self) {
        let socket = self.line().socket.take();
        // Not under the lock: a foreign stream does as it likes when it is dropped.
        drop(socket);
    }

    /// Closes it in a way that the peer takes for no end.
    pub(crate) fn reset(&self) {
        if let Some(Socket::Tcp(socket)) = &self.line().socket {
            // A socket that has failed already needs no reset.
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
        self.close();
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn poll_socket(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let mut room = ReadBuf::new(into);
        let read = match &mut self.socket {
            Some(Socket::Tcp(socket)) => ready!(Pin::new(socket).poll_read(cx, &mut room)),
            Some(Socket::Unix(socket)) => ready!(Pin::new(socket).poll_read(cx, &mut room)),
            Some(Socket::Foreign(stream)) => {
                let count = ready!(stream.as_mut().poll_read(cx, room.initialize_unfilled()));
                count.map(|count| room.advance(count))
            }
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        if let Err(error) = read {
            self.broke(&error, Broken::Reading);
            return Poll::Ready(Err(error));
        }
        let count = room.filled().len();
        self.ended |= count == 0;
        let read = &self.traffic.read;
        read.fetch_add(count as u64, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn broke(&mut self, error: &io::Error, what: Broken) {
        use io::ErrorKind as Kind;
        let how = match error.kind() {
            Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted => Broken::Reset,
            _ => what,
        };
        self.broken.get_or_insert(how);
    }
}

/// Who a connection is with, and where it arrived.
pub(crate) fn ends(socket: &Socket) -> (Option<SocketAddr>, Option<SocketAddr>) {
    match socket {
        Socket::Tcp(socket) => (socket.peer_addr().ok(), socket.local_addr().ok()),
        Socket::Unix(_) | Socket::Foreign(_) => (None, None),
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = ready!(self.poll_recv(cx, into.initialize_unfilled()))?;
        into.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Wire::poll_flush(&self, cx)
    }

    /// Nothing: how a connection is closed is the driver's to say, for hyper closes at once and does not
    /// read what the client still sends, and that may take its answer away from it (RFC 9112, 9.6).
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl FuturesRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_recv(cx, into)
    }
}

impl FuturesWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, pieces)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Wire::poll_flush(&self, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(cx)
    }
}
