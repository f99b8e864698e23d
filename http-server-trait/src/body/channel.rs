//! Content that a task elsewhere produces, with back-pressure.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::error::{BodyError, BodyErrorKind};

/// When a [`BodySender`] waits, and when it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// With this many bytes buffered or more, sending waits. Default 64 KiB.
    pub high: usize,
    /// Once it waits, it goes on with this many bytes or fewer. Default 16 KiB.
    pub low: usize,
}

impl Default for Marks {
    fn default() -> Self {
        Marks {
            high: 64 * 1024,
            low: 16 * 1024,
        }
    }
}

/// The producing end of [`Body::channel`](crate::Body::channel).
///
/// Content is complete only when [`finish`](BodySender::finish) says so. A sender that is dropped
/// without it, by a panic or an early return, cuts the connection: a truncated answer never looks
/// complete. (Clauses T-34, T-35.)
///
/// ```
/// use http_server_trait::Body;
///
/// # http_server_trait::block_on(async {
/// let (mut sender, body) = Body::channel();
/// std::thread::spawn(move || {
///     for tick in 0..3 {
///         sender.send_blocking(format!("tick {tick}\n")).unwrap();
///     }
///     sender.finish();
/// });
/// assert_eq!(body.bytes().await.unwrap(), "tick 0\ntick 1\ntick 2\n");
/// # });
/// ```
pub struct BodySender {
    shared: Arc<Mutex<State>>,
    /// Whether `finish` or `abort` has been called.
    ended: bool,
}

/// The consuming end: one kind of body.
pub(super) struct Receiver(Arc<Mutex<State>>);

struct State {
    marks: Marks,
    pieces: VecDeque<Bytes>,
    buffered: usize,
    /// Above the high mark, and not yet down to the low one.
    holding: bool,
    end: Option<Result<Option<HeaderMap>, BodyError>>,
    receiver_gone: bool,
    sender: Option<Waker>,
    receiver: Option<Waker>,
    /// Called when sending begins to wait, and when it goes on. Away only while it is being called.
    on_high: Option<Callback>,
    on_low: Option<Callback>,
    /// What they are still to be told, in order.
    edges: VecDeque<Edge>,
    /// Whether somebody tells them just now.
    telling: bool,
}

/// What changes for a sender.
#[derive(Clone, Copy)]
enum Edge {
    High,
    Low,
}

impl State {
    fn callback(&mut self, edge: Edge) -> &mut Option<Callback> {
        match edge {
            Edge::High => &mut self.on_high,
            Edge::Low => &mut self.on_low,
        }
    }

    /// Notes an edge for the callbacks, if there are any. Whether they are to be told of it by who has come to it.
    fn note(&mut self, edge: Edge) -> bool {
        if self.on_high.is_some() || self.on_low.is_some() || self.telling {
            self.edges.push_back(edge);
        }
        !self.edges.is_empty()
    }
}

type Callback = Box<dyn FnMut() + Send>;

pub(super) fn channel(marks: Marks) -> (BodySender, Receiver) {
    let shared = Arc::new(Mutex::new(State {
        marks: Marks {
            high: marks.high.max(1),
            low: marks.low.min(marks.high),
        },
        pieces: VecDeque::new(),
        buffered: 0,
        holding: false,
        end: None,
        receiver_gone: false,
        sender: None,
        receiver: None,
        on_high: None,
        on_low: None,
        edges: VecDeque::new(),
        telling: false,
    }));
    (
        BodySender {
            shared: Arc::clone(&shared),
            ended: false,
        },
        Receiver(shared),
    )
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Tells the callbacks of the edges, one after the other, and not under the lock. Where both ends are busy at once,
/// whoever tells already tells of the other's, too: who hears them hears them in their order.
fn tell(shared: &Mutex<State>) {
    loop {
        let (edge, callback) = {
            let mut state = lock(shared);
            if state.telling {
                return;
            }
            let Some(edge) = state.edges.pop_front() else {
                return;
            };
            state.telling = true;
            (edge, state.callback(edge).take())
        };
        let mut telling = Telling {
            shared,
            edge,
            callback,
        };
        if let Some(callback) = &mut telling.callback {
            callback();
        }
    }
}

/// A callback that is being called. It is put back, also when it panics, unless there is another in its place.
struct Telling<'a> {
    shared: &'a Mutex<State>,
    edge: Edge,
    callback: Option<Callback>,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        let mut state = lock(self.shared);
        state.telling = false;
        let other = state.callback(self.edge).take();
        *state.callback(self.edge) = other.or(self.callback.take());
    }
}

impl BodySender {
    /// Sends a piece, when there is room for it.
    ///
    /// # Errors
    /// [`BodyErrorKind::Disconnected`] once nobody will take it any more; stop producing then.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing has been sent.
    pub async fn send(&mut self, piece: impl Into<Bytes>) -> Result<(), BodyError> {
        poll_fn(|cx| self.poll_ready(cx)).await?;
        self.push(piece.into());
        Ok(())
    }

    /// As [`send`](BodySender::send), for a thread that may block.
    pub fn send_blocking(&mut self, piece: impl Into<Bytes>) -> Result<(), BodyError> {
        crate::block_on(self.send(piece))
    }

    /// Sends a piece if there is room for it, else gives it back.
    ///
    /// # Errors
    /// The piece itself, if above the high mark or if nobody will take it any more: see
    /// [`is_closed`](BodySender::is_closed).
    pub fn try_send(&mut self, piece: impl Into<Bytes>) -> Result<(), Bytes> {
        let piece = piece.into();
        {
            let state = lock(&self.shared);
            if state.holding || state.receiver_gone {
                return Err(piece);
            }
        }
        self.push(piece);
        Ok(())
    }

    /// Ready when a piece would be taken at once.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let mut state = lock(&self.shared);
        if state.receiver_gone {
            return Poll::Ready(Err(BodyError::new(BodyErrorKind::Disconnected)));
        }
        if state.holding {
            state.sender = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// How many bytes the server has not taken yet.
    pub fn buffered(&self) -> usize {
        lock(&self.shared).buffered
    }

    /// Whether sending waits just now: above the high mark, and not yet down to the low one.
    pub fn is_holding(&self) -> bool {
        lock(&self.shared).holding
    }

    /// Calls this each time that sending begins to wait: what is buffered has reached the high mark, and had been
    /// at the low one since the last time. Runs in the call that sends; in place of an earlier one. This and
    /// [`on_low`](BodySender::on_low) are called in turn, and never at once: when the content is taken while this
    /// is under way, the other one is called after it, from here. (Clause T-34.)
    ///
    /// ```
    /// use http_server_trait::Body;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use std::sync::Arc;
    ///
    /// # http_server_trait::block_on(async {
    /// let (mut sender, mut body) = Body::channel();
    /// let (full, room) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    /// let (full_now, room_now) = (full.clone(), room.clone());
    /// sender.on_high(move || drop(full_now.fetch_add(1, Ordering::SeqCst)));
    /// sender.on_low(move || drop(room_now.fetch_add(1, Ordering::SeqCst)));
    /// for _ in 0..4 {
    ///     sender.try_send(vec![0; 16 * 1024]).unwrap();
    /// }
    /// assert!(sender.try_send("more").is_err(), "64 KiB wait");
    /// while sender.is_holding() {
    ///     body.next().await;
    /// }
    /// assert_eq!((full.load(Ordering::SeqCst), room.load(Ordering::SeqCst)), (1, 1));
    /// # });
    /// ```
    ///
    /// # Panics
    /// What it panics with, the call that sends panics with.
    pub fn on_high(&mut self, hook: impl FnMut() + Send + 'static) -> &mut Self {
        lock(&self.shared).on_high = Some(Box::new(hook));
        self
    }

    /// Calls this each time that sending may go on: it had to wait, and what is buffered has sunk to the low mark.
    /// Runs where the content is taken; in place of an earlier one. It must not block, and a panic in it is one
    /// of the content: the connection is cut. See [`on_high`](BodySender::on_high).
    pub fn on_low(&mut self, hook: impl FnMut() + Send + 'static) -> &mut Self {
        lock(&self.shared).on_low = Some(Box::new(hook));
        self
    }

    /// Whether nobody will take content any more: the client has gone, or the server dropped the
    /// answer.
    pub fn is_closed(&self) -> bool {
        lock(&self.shared).receiver_gone
    }

    /// Ready when nobody will take content any more.
    pub async fn closed(&mut self) {
        poll_fn(|cx| {
            let mut state = lock(&self.shared);
            if state.receiver_gone {
                return Poll::Ready(());
            }
            state.sender = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The content is complete.
    pub fn finish(mut self) {
        self.end(Ok(None));
    }

    /// The content is complete, and these trailers follow it.
    pub fn finish_with(mut self, trailers: HeaderMap) {
        self.end(Ok(Some(trailers)));
    }

    /// The content cannot be completed. The connection is cut and the error hook told.
    pub fn abort(mut self, error: impl Into<crate::BoxError>) {
        self.end(Err(super::into_body_error(error.into())));
    }

    fn push(&mut self, piece: Bytes) {
        let mut state = lock(&self.shared);
        if piece.is_empty() || state.receiver_gone {
            return;
        }
        state.buffered += piece.len();
        let fills = !state.holding && state.buffered >= state.marks.high;
        state.holding |= fills;
        let tells = fills && state.note(Edge::High);
        state.pieces.push_back(piece);
        let receiver = state.receiver.take();
        drop(state);
        wake(receiver);
        if tells {
            tell(&self.shared);
        }
    }

    fn end(&mut self, how: Result<Option<HeaderMap>, BodyError>) {
        self.ended = true;
        let mut state = lock(&self.shared);
        state.end = Some(how);
        let receiver = state.receiver.take();
        drop(state);
        wake(receiver);
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Err(BodyError::new(BodyErrorKind::Abandoned)));
        }
    }
}

impl fmt::Debug for BodySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.shared);
        f.debug_struct("BodySender")
            .field("buffered", &state.buffered)
            .field("marks", &state.marks)
            .field("closed", &state.receiver_gone)
            .finish_non_exhaustive()
    }
}

impl Receiver {
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut state = lock(&self.0);
        if let Some(piece) = state.pieces.pop_front() {
            state.buffered -= piece.len();
            let resumed = state.holding && state.buffered <= state.marks.low;
            if resumed {
                state.holding = false;
                let tells = state.note(Edge::Low);
                let sender = state.sender.take();
                drop(state);
                wake(sender);
                if tells {
                    tell(&self.0);
                }
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match state.end.take() {
            None => {
                state.receiver = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(end) => {
                // Whoever asks again after the trailers, or after the error, finds the end.
                state.end = Some(Ok(None));
                Poll::Ready(match end {
                    Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
                    Err(error) => Some(Err(error)),
                })
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.receiver_gone = true;
        let dropped = std::mem::take(&mut state.pieces);
        state.buffered = 0;
        let sender = state.sender.take();
        drop(state);
        drop(dropped);
        wake(sender);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex, mpsc};
    use std::task::{Context, Poll, Waker};
    use std::thread;

    use super::{Marks, Receiver, channel};

    const MARKS: Marks = Marks { high: 4, low: 1 };

    /// Takes all that is there.
    fn drain(receiver: &mut Receiver) {
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(_)) = receiver.poll_next(&mut cx) {}
    }

    #[test]
    fn callbacks_are_told_in_their_order_although_both_ends_are_busy() {
        let (mut sender, mut receiver) = channel(MARKS);
        let told = Arc::new(Mutex::new(Vec::new()));
        let (high, low) = (told.clone(), told.clone());
        let (called, is_called) = mpsc::channel();
        let (go_on, waits) = mpsc::channel::<()>();
        sender.on_high(move || {
            called.send(()).unwrap();
            waits.recv().unwrap();
            high.lock().unwrap().push("high");
        });
        sender.on_low(move || low.lock().unwrap().push("low"));
        let sending = thread::spawn(move || {
            sender.try_send("four").unwrap();
            sender
        });
        is_called.recv().unwrap();
        // The other end does not wait for the callback, and does not overtake it.
        drain(&mut receiver);
        assert!(told.lock().unwrap().is_empty());
        go_on.send(()).unwrap();
        let sender = sending.join().unwrap();
        assert_eq!(*told.lock().unwrap(), ["high", "low"]);
        assert_eq!((sender.buffered(), sender.is_holding()), (0, false));
    }

    #[test]
    fn callback_that_panics_is_called_again_the_next_time() {
        let (mut sender, mut receiver) = channel(MARKS);
        let told = Arc::new(Mutex::new(Vec::new()));
        let (high, low) = (told.clone(), told.clone());
        sender.on_high(move || {
            high.lock().unwrap().push("high");
            assert!(high.lock().unwrap().len() > 1, "the first time");
        });
        sender.on_low(move || low.lock().unwrap().push("low"));
        let first = catch_unwind(AssertUnwindSafe(|| sender.try_send("four")));
        assert!(first.is_err());
        drain(&mut receiver);
        sender.try_send("four").unwrap();
        drain(&mut receiver);
        assert_eq!(*told.lock().unwrap(), ["high", "low", "high", "low"]);
    }
}
