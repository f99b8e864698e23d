//! The writer style: an answer that is written down piece by piece.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::Frame;

use crate::body::{Body, BodySender};
use crate::catch::{panic_text, poll_caught};
use crate::error::{BodyError, BoxError, FieldError};
use crate::flow::IntoOutcome;
use crate::response::Response;

/// Answers in the writer style: the closure writes status, fields and content one after the other.
///
/// What is written is buffered until [`flush`](Writer::flush), [`unbuffer`](Writer::unbuffer) or
/// [`close`](Writer::close). An answer that was only closed has its exact length; one that was
/// flushed is sent in chunks. Status and fields are frozen at the first flush. The closure's future
/// is part of the answer: it is polled while the answer is sent, needs no task of its own, and is
/// dropped with it. (Clause T-36.)
///
/// # Errors
/// What the closure's future fails or panics with before anything was flushed, or that it ended
/// without `close`. Later failures cut the connection, so that the answer does not look complete.
///
/// ```
/// use http_server_trait::{BoxError, Request, Response, write_response};
///
/// async fn report(_: Request) -> Result<Response, BoxError> {
///     write_response(|mut out| async move {
///         out.field("content-type", "text/plain")?;
///         out.write("part one\n").await?;
///         out.flush().await?; // the client has it now
///         out.write("part two\n").await?;
///         out.close().await
///     })
///     .await
/// }
/// ```
pub async fn write_response<F, Fut, R>(write: F) -> Result<Response, BoxError>
where
    F: FnOnce(Writer) -> Fut,
    Fut: Future<Output = R> + Send + 'static,
    R: IntoOutcome,
{
    let started = Started::default();
    let writing = write(Writer::new(&started));
    let mut writing: Writing = Box::pin(async move { writing.await.into_outcome() });
    let ended = poll_fn(|cx| match poll_caught(writing.as_mut(), cx) {
        Poll::Ready(Ok(outcome)) => Poll::Ready(Some(outcome)),
        Poll::Ready(Err(panic)) => Poll::Ready(Some(Err(format!(
            "panicked: {}",
            panic_text(panic.as_ref())
        )
        .into()))),
        Poll::Pending if started.is_set() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    match ended {
        Some(outcome) => {
            outcome?;
            started.take().ok_or_else(|| WriterError::NotClosed.into())
        }
        None => {
            let mut response = started.take().ok_or(WriterError::NotClosed)?;
            let content = response.take_body();
            response.set_body(Body::stream(Driven {
                content,
                writing: Some(writing),
            }));
            Ok(response)
        }
    }
}

type Writing = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// An answer that has been started: how the writer gives it to the server.
#[derive(Clone, Default)]
struct Started(Arc<Mutex<Option<Response>>>);

impl Started {
    fn set(&self, response: Response) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
    }

    fn is_set(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    fn take(&self) -> Option<Response> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Writes an answer: see [`write_response`].
pub struct Writer {
    state: State,
    buffer: BytesMut,
    unbuffered: bool,
    started: Started,
}

enum State {
    /// Status and fields can still be changed.
    Open(Response),
    /// The head is frozen, and perhaps on its way.
    Frozen(BodySender),
    Closed,
}

/// Once the head is out, more than this is not held back for a flush that may never come.
const HELD_BACK: usize = 64 * 1024;

impl Writer {
    fn new(started: &Started) -> Self {
        Writer {
            state: State::Open(Response::new(StatusCode::OK)),
            buffer: BytesMut::new(),
            unbuffered: false,
            started: started.clone(),
        }
    }

    fn open(&mut self) -> Result<&mut Response, WriterError> {
        match &mut self.state {
            State::Open(response) => Ok(response),
            _ => Err(WriterError::Frozen),
        }
    }

    /// Sets the status. 200 if it is not set.
    ///
    /// # Errors
    /// [`WriterError::Frozen`] after the first flush.
    pub fn status(&mut self, status: StatusCode) -> Result<(), WriterError> {
        self.open()?.set_status(status);
        Ok(())
    }

    /// Sets a field, in place of its earlier lines.
    ///
    /// # Errors
    /// [`WriterError::Frozen`] after the first flush; [`WriterError::Field`] if it is none.
    pub fn field<N, V>(&mut self, name: N, value: V) -> Result<(), WriterError>
    where
        N: TryInto<HeaderName> + fmt::Debug + Clone,
        V: TryInto<HeaderValue>,
    {
        self.open()?
            .set_field(name, value)
            .map_err(WriterError::Field)
    }

    /// Writes a piece of content. Buffered, it stays here until a flush.
    ///
    /// # Errors
    /// [`WriterError::Content`] if the client has gone. Stop writing then.
    pub async fn write(&mut self, piece: impl AsRef<[u8]>) -> Result<(), WriterError> {
        self.buffer.extend_from_slice(piece.as_ref());
        let out = matches!(self.state, State::Frozen(_));
        if self.unbuffered || (out && self.buffer.len() >= HELD_BACK) {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Sends what has been written, the head first if it is not out yet. From now on status and fields
    /// are frozen.
    ///
    /// # Errors
    /// [`WriterError::Content`] if the client has gone.
    pub async fn flush(&mut self) -> Result<(), WriterError> {
        self.freeze();
        let piece = self.buffer.split().freeze();
        match &mut self.state {
            State::Frozen(sender) if !piece.is_empty() => Ok(sender.send(piece).await?),
            _ => Ok(()),
        }
    }

    /// Sends what has been written, and from now on each piece at once.
    ///
    /// # Errors
    /// [`WriterError::Content`] if the client has gone.
    pub async fn unbuffer(&mut self) -> Result<(), WriterError> {
        self.unbuffered = true;
        self.flush().await
    }

    /// Buffers again.
    ///
    /// # Errors
    /// [`WriterError::Frozen`] once the head is out: its length cannot be promised any more.
    pub fn rebuffer(&mut self) -> Result<(), WriterError> {
        self.open()?;
        self.unbuffered = false;
        Ok(())
    }

    /// The answer is complete.
    ///
    /// # Errors
    /// [`WriterError::Content`] if the client has gone.
    pub async fn close(mut self) -> Result<(), WriterError> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(response) => self
                .started
                .set(response.with_body(self.buffer.split().freeze())),
            State::Frozen(mut sender) => {
                let piece = self.buffer.split().freeze();
                if !piece.is_empty() {
                    sender.send(piece).await?;
                }
                sender.finish();
            }
            State::Closed => {}
        }
        Ok(())
    }

    fn freeze(&mut self) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(response) => {
                let (sender, body) = Body::channel();
                self.started.set(response.with_body(body));
                self.state = State::Frozen(sender);
            }
            state => self.state = state,
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("frozen", &!matches!(self.state, State::Open(_)))
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

/// Something cannot be written, or not any more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WriterError {
    /// The head is out: status, fields and buffering are what they were at the first flush.
    Frozen,
    /// This is no field.
    Field(FieldError),
    /// The writer was dropped without [`Writer::close`].
    NotClosed,
    /// The content is not taken any more.
    Content(BodyError),
}

impl From<BodyError> for WriterError {
    fn from(error: BodyError) -> Self {
        WriterError::Content(error)
    }
}

impl fmt::Display for WriterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriterError::Frozen => {
                f.write_str("the head of the answer is out and cannot be changed")
            }
            WriterError::Field(error) => error.fmt(f),
            WriterError::Content(error) => error.fmt(f),
            WriterError::NotClosed => f.write_str("the answer was written but never closed"),
        }
    }
}

impl std::error::Error for WriterError {}

/// Content, and the future that writes it.
struct Driven {
    content: Body,
    writing: Option<Writing>,
}

impl http_body::Body for Driven {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(writing) = &mut this.writing {
            // A panic in here unwinds into the server, which polls every body inside of a catch.
            if let Poll::Ready(outcome) = writing.as_mut().poll(cx) {
                this.writing = None;
                if let Err(error) = outcome {
                    return Poll::Ready(Some(Err(super::body::into_body_error(error))));
                }
            }
        }
        this.content.poll_next(cx)
    }
}
