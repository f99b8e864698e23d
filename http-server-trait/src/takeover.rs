//! Connections that the application takes over.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_io::{AsyncRead, AsyncWrite};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, StatusCode};

use crate::conn::Conn;
use crate::error::BoxError;
use crate::exec::BoxFuture;
use crate::flow::IntoOutcome;
use crate::response::Response;

/// Takes a connection out of the server's hands: raw, or after an answer such as a 101.
///
/// From then on the server reads and writes nothing; the function has the stream, with the bytes
/// that were received and not used first. That is content, too, which no handler took: as it came, but
/// where a streaming handler had begun to read chunks, what was read ahead of it comes without its
/// framing. A body of this request that lives on has nothing more to give. The server still counts the connection, waits for it when
/// it shuts down, and closes it when the function's future ends. (Clauses T-16, T-17.)
///
/// ```
/// use http_server_trait::{App, Flow, Head, Takeover};
///
/// let mut app = App::new();
/// app.middleware(|head: Head| async move {
///     if head.field("upgrade") != Some("echo") {
///         return Flow::Continue(head);
///     }
///     Flow::Takeover(Takeover::upgrade("echo", |mut stream| async move {
///         let mut piece = [0; 1024];
///         loop {
///             match stream.read(&mut piece).await? {
///                 0 => return stream.close().await,
///                 read => stream.write_all(&piece[..read]).await?,
///             }
///         }
///     }))
/// });
/// ```
#[must_use = "a takeover happens when a hook returns it"]
pub struct Takeover {
    answer: Option<Response>,
    run: Run,
}

type Run = Box<dyn FnOnce(Upgraded) -> BoxFuture<'static, Result<(), BoxError>> + Send>;

impl Takeover {
    /// Takes the connection as it is. The server answers nothing.
    pub fn raw<F, Fut, R>(run: F) -> Self
    where
        F: FnOnce(Upgraded) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: IntoOutcome + 'static,
    {
        let run: Run = Box::new(move |stream| {
            let running = run(stream);
            Box::pin(async move { running.await.into_outcome() })
        });
        Takeover { answer: None, run }
    }

    /// Answers 101 Switching Protocols first. The client must have asked for this protocol with
    /// `Upgrade` and `Connection: upgrade`, over HTTP/1.1; else the server answers 426 Upgrade
    /// Required instead, with the protocol's name (RFC 9110 sections 7.8 and 15.5.22).
    pub fn upgrade<F, Fut, R>(protocol: &'static str, run: F) -> Self
    where
        F: FnOnce(Upgraded) -> Fut + Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
        R: IntoOutcome + 'static,
    {
        let answer = Response::new(StatusCode::SWITCHING_PROTOCOLS)
            .with_field(UPGRADE, HeaderValue::from_static(protocol))
            .with_field(CONNECTION, HeaderValue::from_static("upgrade"));
        Takeover::raw(run).after(answer)
    }

    /// Sends the head of this answer first: a 101 with fields of one's own, or a 200 to `CONNECT`. It has
    /// no content. One that cannot be sent, for a field or for its status, becomes a 500 as any other
    /// (clause T-26), and nothing is taken over.
    pub fn after(mut self, answer: Response) -> Self {
        self.answer = Some(answer);
        self
    }

    /// The answer to send first, if there is one, and what takes the stream then. For authors of
    /// backends.
    pub fn into_parts(self) -> (Option<Response>, TakeoverRun) {
        (self.answer, TakeoverRun(self.run))
    }

    pub(crate) fn answer_mut(&mut self) -> Option<&mut Response> {
        self.answer.as_mut()
    }

    /// The answer that is sent first, if there is one.
    pub fn answer(&self) -> Option<&Response> {
        self.answer.as_ref()
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover")
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

/// What an application does with a connection. For authors of backends.
pub struct TakeoverRun(Run);

impl TakeoverRun {
    /// Starts it. The connection is the application's until the future ends.
    pub fn start(self, stream: Upgraded) -> BoxFuture<'static, Result<(), BoxError>> {
        (self.0)(stream)
    }
}

impl fmt::Debug for TakeoverRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TakeoverRun")
    }
}

/// Anything that can be read from and written to without blocking.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// A connection that is the application's.
///
/// It reads first what the server had received and not used. It implements `futures-io`'s traits, and
/// has the few methods that one needs without them.
pub struct Upgraded {
    stream: Pin<Box<dyn Stream>>,
    unread: Bytes,
    conn: Conn,
}

impl Upgraded {
    /// A stream, with bytes that are to be read before it. For authors of backends.
    pub fn new(stream: impl Stream, unread: Bytes, conn: Conn) -> Self {
        Upgraded {
            stream: Box::pin(stream),
            unread,
            conn,
        }
    }

    /// The bytes that were received and not used. [`read`](Upgraded::read) gives them first.
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// What is known of the connection.
    pub fn conn(&self) -> &Conn {
        &self.conn
    }

    /// Reads some bytes; none means that the peer has ended its side.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, into)).await
    }

    /// Writes all of these bytes, and hands them to the operating system.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, some of the bytes may have been written.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| Pin::new(&mut *self).poll_write(cx, bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
    }

    /// Ends this side; the peer may still send.
    pub async fn close(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut *self).poll_close(cx)).await
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.unread.is_empty() {
            return self.stream.as_mut().poll_read(cx, into);
        }
        let taken = self.unread.len().min(into.len());
        self.unread.copy_to_slice(&mut into[..taken]);
        Poll::Ready(Ok(taken))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, pieces)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_close(cx)
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded")
            .field("conn", &self.conn)
            .field("unread", &self.unread.len())
            .finish_non_exhaustive()
    }
}
