//! Content, of requests and of answers.

mod blocking;
mod channel;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use crate::error::{BodyError, BodyErrorKind, BoxError};
use crate::exec::Exec;
use crate::writer::WriterError;
use blocking::Blocking;
pub use channel::{BodySender, Marks};

/// Content: none, bytes, or something that gives bytes over time.
///
/// It is a [`http_body::Body`], and is made from whatever an application has:
///
/// | from | with | framed by | sent |
/// |---|---|---|---|
/// | nothing | [`Body::empty`] | length 0 | |
/// | bytes, text | [`Body::full`], `From` | its length | without a copy when large |
/// | any `http_body::Body` | [`Body::stream`] | its exact size if it knows it | ready frames together |
/// | an iterator | [`Body::iter`] | chunks | each element before the next is asked for |
/// | a reader | [`Body::reader`] | chunks | read where blocking stalls nobody |
/// | a file | [`Body::file`] | its length | read where blocking stalls nobody |
/// | a task elsewhere | [`Body::channel`] | chunks | with back-pressure |
///
/// (Clauses T-30 to T-36.)
///
/// ```
/// use http_server_trait::Body;
///
/// # http_server_trait::block_on(async {
/// let body = Body::iter(["one, ", "two"]);
/// assert_eq!(body.bytes().await.unwrap(), "one, two");
/// # });
/// ```
#[derive(Default)]
pub struct Body {
    kind: Kind,
}

type Stream = Pin<Box<dyn Source + Send>>;
type Iter = Box<dyn Iterator<Item = Result<Bytes, BodyError>> + Send>;

// The mutexes are never locked while they are polled (`get_mut` needs no lock). They make the body
// `Sync`, so that a handler may hold `&Request` over an `.await`.
#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    /// As [`Full`](Kind::Full), of what there is as long as the program runs: nothing is to be dropped.
    Static(&'static [u8]),
    Full(Bytes),
    Stream(Mutex<Stream>),
    Iter(Mutex<Iter>),
    Blocking(Box<Blocking>),
    Channel(channel::Receiver),
    /// With trailers that are known before the content has been taken. Rare, and so without a place of its own in
    /// every body.
    Trailed(Box<(Body, HeaderMap)>),
}

/// How a server should send what a body gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Frames that are ready may leave together.
    Together,
    /// Each frame is handed to the operating system before the next one is asked for.
    Each,
}

impl Body {
    /// No content.
    #[inline]
    pub const fn empty() -> Self {
        Body { kind: Kind::Empty }
    }

    fn of_static(bytes: &'static [u8]) -> Self {
        if bytes.is_empty() {
            Body::empty()
        } else {
            Kind::Static(bytes).into()
        }
    }

    /// Sets it.
    #[inline]
    pub(crate) fn set(&mut self, new: Body) {
        self.clear();
        std::mem::forget(std::mem::replace(self, new));
    }

    /// Empties it. What most contents are needs no drop, and so is not asked for it.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if matches!(self.kind, Kind::Empty | Kind::Static(_)) {
            std::mem::forget(std::mem::take(&mut self.kind));
        } else {
            drop_body(std::mem::take(self));
        }
    }

    /// These bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() {
            Body::empty()
        } else {
            Kind::Full(bytes).into()
        }
    }

    /// Any [`http_body::Body`].
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Kind::Stream(Mutex::new(Box::pin(body))).into()
    }

    /// The elements of an iterator. Each has been handed to the operating system before the next is
    /// asked for. (Clause T-31.)
    ///
    /// `next` is called where the server does its I/O and must not block; for a source that does,
    /// there are [`Body::reader`] and [`BodySender::send_blocking`].
    pub fn iter<I>(elements: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Bytes>,
        I::IntoIter: Send + 'static,
    {
        Body::try_iter(
            elements
                .into_iter()
                .map(|element| Ok::<_, BodyError>(element.into())),
        )
    }

    /// As [`Body::iter`], for elements that may fail. An error cuts the connection, so that the
    /// answer does not look complete.
    pub fn try_iter<I, T, E>(elements: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>>,
        I::IntoIter: Send + 'static,
        T: Into<Bytes>,
        E: Into<BoxError>,
    {
        let elements = elements.into_iter().map(|element| match element {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(into_body_error(error.into())),
        });
        Kind::Iter(Mutex::new(Box::new(elements))).into()
    }

    /// What a reader gives, up to its end, in pieces of at most 64 KiB. It is read on the runtime's
    /// threads for blocking work. (Clause T-32.)
    pub fn reader(reader: impl io::Read + Send + 'static) -> Self {
        Kind::Blocking(Box::new(Blocking::reader(reader, None))).into()
    }

    /// As [`Body::reader`], for a reader that gives exactly `length` bytes. Bytes after them are not
    /// read; too few of them cut the connection.
    pub fn reader_of_length(reader: impl io::Read + Send + 'static, length: u64) -> Self {
        Kind::Blocking(Box::new(Blocking::reader(reader, Some(length)))).into()
    }

    /// Part of a file: from `offset`, at most `length` bytes, or all that follow. What lies beyond
    /// the end of the file is not sent. (Clause T-33.)
    ///
    /// # Errors
    /// If the file's size cannot be asked for, or its position not be set.
    pub fn file(file: std::fs::File, offset: u64, length: Option<u64>) -> io::Result<Self> {
        Ok(Kind::Blocking(Box::new(Blocking::file(file, offset, length)?)).into())
    }

    /// Content that comes from elsewhere: a sender for a task, and the body that it feeds. The sender
    /// waits while more than 64 KiB are buffered, until less than 16 KiB are. (Clauses T-34, T-35.)
    pub fn channel() -> (BodySender, Self) {
        Body::channel_with(Marks::default())
    }

    /// As [`Body::channel`], with marks of one's own.
    pub fn channel_with(marks: Marks) -> (BodySender, Self) {
        let (sender, receiver) = channel::channel(marks);
        (sender, Kind::Channel(receiver).into())
    }

    /// With these trailers after its content. They are sent to clients that said `TE: trailers`, and
    /// only in chunks (RFC 9110 section 6.5.1).
    pub fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.take_trailers();
        if !trailers.is_empty() {
            self = Kind::Trailed(Box::new((self, trailers))).into();
        }
        self
    }

    /// The trailers, as far as they are known before the content has been taken: those of a request
    /// whose content was collected, or those of [`Body::with_trailers`].
    #[inline]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        match &self.kind {
            Kind::Trailed(trailed) => Some(&trailed.1),
            _ => None,
        }
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        match std::mem::take(&mut self.kind) {
            Kind::Trailed(trailed) => {
                let (content, trailers) = *trailed;
                *self = content;
                Some(trailers)
            }
            kind => {
                self.kind = kind;
                None
            }
        }
    }

    /// The content, if all of it is in memory.
    #[inline]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Empty => Some(&[]),
            Kind::Static(bytes) => Some(bytes),
            Kind::Full(bytes) => Some(bytes),
            Kind::Trailed(trailed) => trailed.0.as_bytes(),
            _ => None,
        }
    }

    /// Takes the content, if all of it is in memory; the body is empty then.
    #[inline]
    pub fn take_bytes(&mut self) -> Option<Bytes> {
        match std::mem::take(&mut self.kind) {
            Kind::Empty => Some(Bytes::new()),
            Kind::Static(bytes) => Some(Bytes::from_static(bytes)),
            Kind::Full(bytes) => Some(bytes),
            Kind::Trailed(mut trailed) => {
                let bytes = trailed.0.take_bytes();
                self.kind = Kind::Trailed(trailed);
                bytes
            }
            kind => {
                self.kind = kind;
                None
            }
        }
    }

    /// Its length, if it is known.
    #[inline]
    pub fn length(&self) -> Option<u64> {
        if let Some(bytes) = self.as_bytes() {
            return Some(bytes.len() as u64);
        }
        http_body::Body::size_hint(self).exact()
    }

    /// Whether it is known to have nothing to give.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.kind, Kind::Empty)
    }

    /// All of the content. The server's limits hold for the content of a request; for any other
    /// content that may be without end, [`Body::bytes_up_to`] has a limit.
    ///
    /// # Errors
    /// As the content fails.
    ///
    /// # Cancel safety
    /// What was taken is lost when the future is dropped.
    pub async fn bytes(self) -> Result<Bytes, BodyError> {
        self.bytes_up_to(u64::MAX).await
    }

    /// All of the content, if it is not longer than `limit`.
    ///
    /// # Errors
    /// [`BodyErrorKind::TooLarge`] if it is; else as the content fails.
    pub async fn bytes_up_to(mut self, limit: u64) -> Result<Bytes, BodyError> {
        Ok(self.collect_up_to(limit).await?.0)
    }

    /// All of the content and its trailers, if it is not longer than `limit`.
    pub(crate) async fn collect_up_to(
        &mut self,
        limit: u64,
    ) -> Result<(Bytes, Option<HeaderMap>), BodyError> {
        if let Some(bytes) = self.take_bytes() {
            within(bytes.len() as u64, limit)?;
            return Ok((bytes, self.take_trailers()));
        }
        let mut all = BytesMut::new();
        let mut trailers = None;
        while let Some(frame) = self.frame().await {
            match frame?.into_data() {
                Ok(data) => {
                    within(all.len() as u64 + data.len() as u64, limit)?;
                    all.extend_from_slice(&data);
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        Ok((all.freeze(), trailers))
    }

    /// The next piece of content; `None` at its end. Trailers are passed over.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            match self.frame().await? {
                Err(error) => return Some(Err(error)),
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
            }
        }
    }

    /// The next frame: a piece of content, or the trailers. `None` at the end.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn frame(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// How it wants to be sent. For authors of backends.
    pub fn pace(&self) -> Pace {
        match &self.kind {
            Kind::Iter(_) => Pace::Each,
            Kind::Trailed(trailed) => trailed.0.pace(),
            _ => Pace::Together,
        }
    }

    /// Tells it where blocking work is done. [`Pipeline`](crate::backend::Pipeline) does so with
    /// every answer; a body that was never told reads its file where it is polled. For authors of
    /// backends.
    #[inline]
    pub fn attach(&mut self, exec: &Exec) {
        if matches!(self.kind, Kind::Blocking(_) | Kind::Trailed(_)) {
            self.attach_source(exec);
        }
    }

    #[cold]
    fn attach_source(&mut self, exec: &Exec) {
        match &mut self.kind {
            Kind::Blocking(blocking) => blocking.attach(exec),
            Kind::Trailed(trailed) => trailed.0.attach(exec),
            _ => {}
        }
    }

    /// The poll form of [`Body::frame`].
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Static(bytes) => {
                let bytes = Bytes::from_static(bytes);
                self.kind = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream) => inner(stream).as_mut().poll_source(cx),
            Kind::Iter(iter) => Poll::Ready(inner(iter).next().map(|next| next.map(Frame::data))),
            Kind::Blocking(blocking) => blocking.poll_next(cx),
            Kind::Channel(receiver) => receiver.poll_next(cx),
            Kind::Trailed(trailed) => trailed.0.poll_next(cx),
        };
        match polled {
            Poll::Ready(None) => {
                let trailers = self.take_trailers();
                self.kind = Kind::Empty;
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Poll::Ready(Some(Err(error))) => {
                // A body that has failed gives nothing more, whatever its source would do.
                self.kind = Kind::Empty;
                Poll::Ready(Some(Err(error)))
            }
            polled => polled,
        }
    }

    fn size(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Static(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => stream.lock().unwrap_or_else(PoisonError::into_inner).size(),
            Kind::Iter(_) | Kind::Channel(_) => SizeHint::new(),
            Kind::Blocking(blocking) => blocking
                .length()
                .map_or_else(SizeHint::new, SizeHint::with_exact),
            Kind::Trailed(trailed) => trailed.0.size(),
        }
    }
}

/// Drops content that holds something.
#[inline(never)]
fn drop_body(body: Body) {
    drop(body);
}

fn inner<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
}

fn within(length: u64, limit: u64) -> Result<(), BodyError> {
    if length > limit {
        Err(BodyError::new(BodyErrorKind::TooLarge))
    } else {
        Ok(())
    }
}

/// Keeps a [`BodyError`] as it is, so that its kind survives a way through other crates' types.
pub(crate) fn into_body_error(error: BoxError) -> BodyError {
    let error = match error.downcast::<BodyError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    match error.downcast::<WriterError>() {
        Ok(error) => match *error {
            WriterError::Content(error) => error,
            error => BodyError::from_source(error),
        },
        Err(error) => BodyError::from_source(error),
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.get_mut().poll_next(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.size()
    }
}

impl From<Kind> for Body {
    fn from(kind: Kind) -> Self {
        Body { kind }
    }
}

macro_rules! full_from {
    ($($from:ty),+) => { $(
        impl From<$from> for Body {
            fn from(content: $from) -> Self {
                Body::full(content)
            }
        }
    )+ };
}

full_from!(Bytes, String, Vec<u8>, Box<[u8]>);

impl From<&'static str> for Body {
    #[inline]
    fn from(content: &'static str) -> Self {
        Body::of_static(content.as_bytes())
    }
}

impl From<&'static [u8]> for Body {
    #[inline]
    fn from(content: &'static [u8]) -> Self {
        Body::of_static(content)
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Body::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Trailed(trailed) => return trailed.0.fmt(f),
            Kind::Empty => "empty",
            Kind::Static(_) | Kind::Full(_) => "full",
            Kind::Stream(_) => "stream",
            Kind::Iter(_) => "iter",
            Kind::Blocking(_) => "blocking",
            Kind::Channel(_) => "channel",
        };
        f.debug_struct("Body")
            .field("kind", &kind)
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

/// Any body as one that gives `Bytes` and [`BodyError`].
trait Source {
    fn poll_source(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>>;

    fn size(&self) -> SizeHint;
}

impl<B> Source for B
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    fn poll_source(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.poll_frame(cx).map(|frame| {
            let frame = frame?.map_err(|error| into_body_error(error.into()));
            Some(frame.map(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))))
        })
    }

    fn size(&self) -> SizeHint {
        self.size_hint()
    }
}
