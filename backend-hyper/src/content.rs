//! The content of a request: what hyper's `Incoming` gives, within the limits, and who has it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, header};
use http_body::{Body, Frame, SizeHint};
use http_server_trait::{BodyError, BodyErrorKind, BoxFuture, CloseReason, Config, Conn, Rate};
use hyper::body::Incoming;

/// The content of one request. The handler has it as a [`Content`]; what the handler leaves, the driver reads.
pub(crate) struct Slot {
    state: Mutex<State>,
    conn: Conn,
    stall: Duration,
    rate: Option<Rate>,
}

struct State {
    incoming: Option<Incoming>,
    /// A frame that came when it was only asked whether one comes.
    peeked: Option<Result<Frame<Bytes>, BodyError>>,
    limit: u64,
    got: u64,
    /// What nobody wanted. It is kept until the request is over: a handler may still take the connection over.
    dropped: BytesMut,
    /// Whether anybody has asked for it: then hyper has sent a 100.
    asked: bool,
    hold: Hold,
    trouble: Option<CloseReason>,
    /// When more must have come, and what it is called if it has not.
    late: Option<(BoxFuture<'static, ()>, CloseReason)>,
    /// Since when the client is waited for, and for how long it was before.
    waits: Option<Instant>,
    waited: Duration,
}

/// Who has the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nobody has asked for it.
    Untouched,
    /// It is being collected, or a handler has it.
    Taken,
    /// Nobody will take it.
    Unwanted,
    /// All of it has come.
    Over,
}

impl Slot {
    pub(crate) fn new(incoming: Incoming, conn: &Conn, config: &Config) -> Arc<Self> {
        let hold = if incoming.is_end_stream() {
            Hold::Over
        } else {
            Hold::Untouched
        };
        Arc::new(Slot {
            state: Mutex::new(State {
                incoming: Some(incoming),
                peeked: None,
                limit: u64::MAX,
                got: 0,
                dropped: BytesMut::new(),
                asked: false,
                hold,
                trouble: None,
                late: None,
                waits: None,
                waited: Duration::ZERO,
            }),
            conn: conn.clone(),
            stall: config.body_stall,
            rate: config.body_rate,
        })
    }

    /// How much is still to come, if that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.state().incoming.as_ref()?.size_hint().exact()
    }

    pub(crate) fn got(&self) -> u64 {
        self.state().got
    }

    pub(crate) fn hold(&self) -> Hold {
        self.state().hold
    }

    /// Whether a client that waits for a 100 was sent one.
    pub(crate) fn was_asked_for(&self) -> bool {
        self.state().asked
    }

    /// Why it cannot be read any further, if it cannot.
    pub(crate) fn trouble(&self) -> Option<CloseReason> {
        self.state().trouble
    }

    /// Sets the limit. What is declared to be more has failed already.
    pub(crate) fn limit(&self, limit: u64) -> Result<(), BodyError> {
        let mut state = self.state();
        state.limit = limit;
        let declared = state
            .incoming
            .as_ref()
            .and_then(|it| it.size_hint().exact());
        if declared.is_some_and(|length| length > limit) {
            return Err(state.fail(BodyErrorKind::TooLarge));
        }
        Ok(())
    }

    /// All of it, with its trailers.
    pub(crate) async fn collect(self: &Arc<Self>) -> Result<(Bytes, Option<HeaderMap>), BodyError> {
        // Given up in the middle, it is unwanted.
        let _taken = self.stream();
        let (mut all, mut trailers) = (BytesMut::new(), None);
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx)).await {
            match frame?.into_data() {
                Ok(data) if all.is_empty() && self.hold() == Hold::Over => {
                    return Ok((data, None));
                }
                Ok(data) => all.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        Ok((all.freeze(), trailers))
    }

    /// For a handler that takes it as it comes.
    pub(crate) fn stream(self: &Arc<Self>) -> Content {
        self.state().take();
        Content(Arc::clone(self))
    }

    /// Nobody will take it, unless a handler still has it.
    pub(crate) fn give_up(&self) {
        let mut state = self.state();
        if state.hold == Hold::Untouched {
            state.hold = Hold::Unwanted;
        }
    }

    /// The answer is out: what a handler has not read by now is nobody's.
    pub(crate) fn take_back(&self) {
        let mut state = self.state();
        if state.hold == Hold::Taken {
            state.hold = Hold::Unwanted;
        }
    }

    /// Asks for it and keeps what comes: so that hyper sends a 100 before an answer that is made of it.
    pub(crate) fn ask(&self, cx: &mut Context<'_>) {
        if let Poll::Ready(Some(frame)) = self.poll_frame(cx) {
            self.state().peeked = Some(frame);
        }
    }

    /// Reads what nobody wants, up to `most` in all, so that the connection can be kept. If there is more, or
    /// it does not come, hyper is let know that nobody will read it.
    pub(crate) fn poll_drop(&self, cx: &mut Context<'_>, most: u64) {
        while self.hold() == Hold::Unwanted {
            match self.poll_frame(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => {}
                Poll::Ready(Some(Ok(frame))) if self.has_dropped(&frame) <= most => {}
                Poll::Ready(Some(_)) => self.abandon(),
            }
        }
    }

    fn has_dropped(&self, frame: &Frame<Bytes>) -> u64 {
        let mut state = self.state();
        let data = frame.data_ref().map_or(&[][..], |data| data);
        state.dropped.extend_from_slice(data);
        state.dropped.len() as u64
    }

    /// Lets hyper know that nobody will read the rest.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        if state.hold != Hold::Over {
            state.hold = Hold::Over;
            state.trouble.get_or_insert(CloseReason::UnreadContent);
        }
        let dropped = state.incoming.take();
        drop(state);
        drop(dropped);
    }

    /// What hyper has read and nobody has taken, without its framing.
    pub(crate) fn take_read(&self) -> Vec<u8> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut read = self.state().dropped.to_vec();
        if matches!(self.hold(), Hold::Untouched | Hold::Unwanted) {
            while let Poll::Ready(Some(Ok(frame))) = self.poll_frame(&mut cx) {
                read.extend_from_slice(&frame.into_data().unwrap_or_default());
            }
        }
        read
    }

    fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let state = &mut *self.state();
        state.asked = true;
        if let Some(peeked) = state.peeked.take() {
            return Poll::Ready(Some(peeked));
        }
        let Some(incoming) = &mut state.incoming else {
            return Poll::Ready(None);
        };
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Pending if state.is_late(self, cx) => {
                Poll::Ready(Some(Err(state.fail(BodyErrorKind::TimedOut))))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                state.hold = Hold::Over;
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                let kind = kind(&error);
                Poll::Ready(Some(Err(state.fail(kind))))
            }
            Poll::Ready(Some(Ok(frame))) => {
                state.came();
                Poll::Ready(Some(state.count(frame)))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) {
        if self.hold == Hold::Untouched {
            self.hold = Hold::Taken;
        }
    }

    fn came(&mut self) {
        self.late = None;
        if let Some(since) = self.waits.take() {
            self.waited += since.elapsed();
        }
    }

    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        self.got += frame.data_ref().map_or(0, |data| data.len() as u64);
        if self.got > self.limit {
            return Err(self.fail(BodyErrorKind::TooLarge));
        }
        if self.incoming.as_ref().is_none_or(Body::is_end_stream) {
            self.hold = Hold::Over;
        }
        match frame.into_trailers() {
            Ok(trailers) => {
                self.hold = Hold::Over;
                Ok(Frame::trailers(allowed(trailers)))
            }
            Err(frame) => Ok(frame),
        }
    }

    fn fail(&mut self, kind: BodyErrorKind) -> BodyError {
        let late = self.late.as_ref().map(|(_, reason)| *reason);
        self.trouble.get_or_insert(match kind {
            BodyErrorKind::TooLarge => CloseReason::BodyTooLarge,
            BodyErrorKind::TimedOut => late.unwrap_or(CloseReason::BodyTimeout),
            BodyErrorKind::Disconnected => CloseReason::ClientLeft,
            _ => CloseReason::ProtocolError,
        });
        BodyError::new(kind)
    }

    /// Whether what is waited for should have come by now.
    fn is_late(&mut self, slot: &Slot, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let since = *self.waits.get_or_insert(now);
        let (late, _) = self.late.get_or_insert_with(|| {
            let (stall, waited) = (slot.stall, self.waited + (now - since));
            let earned = slot.rate.map(|rate| earned(rate, self.got));
            let (wait, reason) = match earned.map(|earned| earned.saturating_sub(waited)) {
                Some(rest) if rest < stall => (rest, CloseReason::BodyTooSlow),
                _ => (stall, CloseReason::BodyTimeout),
            };
            (slot.conn.exec().sleep(wait), reason)
        });
        late.as_mut().poll(cx).is_ready()
    }
}

/// How long so many bytes may take at this rate.
pub(crate) fn earned(rate: Rate, bytes: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.bytes_per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).max(rate.grace)
}

/// What hyper's error means. It has no kinds for what is wrong with content; its source has.
fn kind(error: &hyper::Error) -> BodyErrorKind {
    let source = std::error::Error::source(error).and_then(|it| it.downcast_ref::<io::Error>());
    match source.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => BodyErrorKind::Malformed,
        _ => BodyErrorKind::Disconnected,
    }
}

/// RFC 9110, 6.5.1: without those that frame, route, authenticate, or are needed before the content.
pub(crate) fn allowed(mut trailers: HeaderMap) -> HeaderMap {
    for name in NEVER_TRAILERS {
        trailers.remove(name);
    }
    trailers
}

const NEVER_TRAILERS: [HeaderName; 32] = [
    header::AGE,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::DATE,
    header::EXPECT,
    header::EXPIRES,
    header::HOST,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::LOCATION,
    header::MAX_FORWARDS,
    header::PRAGMA,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::RANGE,
    header::RETRY_AFTER,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
    header::WWW_AUTHENTICATE,
];

/// The content, in the hands of a handler.
pub(crate) struct Content(Arc<Slot>);

impl Body for Content {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.0.hold() == Hold::Unwanted {
            let gone = BodyError::new(BodyErrorKind::Disconnected);
            return Poll::Ready(Some(Err(gone)));
        }
        self.0.poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .length()
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.0.take_back();
        // The driver reads the rest.
        self.0.conn.driver().wake();
    }
}
