//! Content that a handler takes as it comes: a bounded slot between the driver and the body.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_server_trait::{BodyError, BodyErrorKind};

/// The driver's side of the slot.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Mutex<State>>);

/// The body's side: what the handler reads.
pub(crate) struct Incoming(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    pieces: VecDeque<Bytes>,
    buffered: usize,
    /// Whether somebody has asked for content at all: only then is a 100 sent.
    wanted: bool,
    end: Option<Result<Option<HeaderMap>, BodyErrorKind>>,
    /// How much is still to come, if its length is known.
    left: Option<u64>,
    gone: bool,
    reader: Option<Waker>,
    driver: Option<Waker>,
}

/// No more than this is read ahead of a handler, in bytes and in pieces: a piece of one byte costs more
/// than one byte.
const AHEAD: usize = 64 * 1024;
const PIECES_AHEAD: usize = 64;

impl State {
    fn is_full(&self) -> bool {
        self.buffered >= AHEAD || self.pieces.len() >= PIECES_AHEAD
    }
}

/// What the slot wants of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Nothing yet: nobody has asked.
    Nothing,
    /// More content.
    More,
    /// It has enough for now.
    Full,
    /// Nobody will take any.
    Gone,
}

pub(crate) fn slot(length: Option<u64>) -> (Slot, Incoming) {
    let shared = Arc::new(Mutex::new(State {
        pieces: VecDeque::new(),
        buffered: 0,
        wanted: false,
        end: None,
        left: length,
        gone: false,
        reader: None,
        driver: None,
    }));
    (Slot(Arc::clone(&shared)), Incoming(shared))
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Slot {
    /// What it wants; the waker is woken when that changes.
    pub(crate) fn wants(&self, cx: &mut Context<'_>) -> Wants {
        let mut state = lock(&self.0);
        if !state
            .driver
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()))
        {
            state.driver = Some(cx.waker().clone());
        }
        match &*state {
            state if state.is_full() => Wants::Full,
            state if state.gone => Wants::Gone,
            state if !state.wanted => Wants::Nothing,
            _ => Wants::More,
        }
    }

    /// Whether it wants nothing for now.
    pub(crate) fn is_paused(&self) -> bool {
        let state = lock(&self.0);
        state.is_full() || !state.gone && !state.wanted
    }

    /// How much waits to be taken.
    pub(crate) fn buffered(&self) -> usize {
        lock(&self.0).buffered
    }

    /// Whether nobody will take any.
    pub(crate) fn is_gone(&self) -> bool {
        lock(&self.0).gone
    }

    pub(crate) fn push(&self, piece: Bytes) {
        let mut state = lock(&self.0);
        state.buffered += piece.len();
        state.pieces.push_back(piece);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// What its body has not taken. A body that lives on learns that it gets no more.
    pub(crate) fn take_back(&self) -> Vec<Bytes> {
        let mut state = lock(&self.0);
        let pieces: Vec<_> = std::mem::take(&mut state.pieces).into();
        state.buffered = 0;
        if !pieces.is_empty() || state.end.is_none() {
            state.end = Some(Err(BodyErrorKind::Disconnected));
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        pieces
    }

    pub(crate) fn end(&self, how: Result<Option<HeaderMap>, BodyErrorKind>) {
        let mut state = lock(&self.0);
        state.end.get_or_insert(how);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Nobody will bring more: a connection that ends in the middle must not look like the end.
        self.end(Err(BodyErrorKind::Disconnected));
    }
}

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut state = lock(&self.0);
        let first = !std::mem::replace(&mut state.wanted, true);
        let was_full = state.is_full();
        if let Some(piece) = state.pieces.pop_front() {
            state.buffered -= piece.len();
            state.left = state
                .left
                .map(|left| left.saturating_sub(piece.len() as u64));
            let driver = (was_full && !state.is_full())
                .then(|| state.driver.clone())
                .flatten();
            drop(state);
            wake(driver);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match state.end.clone() {
            None => {
                state.reader = Some(cx.waker().clone());
                let driver = first.then(|| state.driver.clone()).flatten();
                drop(state);
                wake(driver);
                Poll::Pending
            }
            Some(Ok(trailers)) => {
                state.end = Some(Ok(None));
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            Some(Err(kind)) => Poll::Ready(Some(Err(BodyError::new(kind)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0)
            .left
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.gone = true;
        // What it has not taken stays where it is: whoever takes the connection over is to have it.
        let driver = state.driver.take();
        drop(state);
        wake(driver);
    }
}
