//! An event that happens once, waited for by futures and by plain threads alike.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A value that is set once and waited for by any number of futures and threads.
///
/// It needs no runtime: a [`ServerHandle`](crate::ServerHandle) built on it can be awaited on
/// tokio, on smol, or waited for by a thread that knows no runtime at all. Clones share the value.
///
/// ```
/// use http_server_trait::backend::Latch;
///
/// let ended = Latch::new();
/// let waiter = ended.clone();
/// let thread = std::thread::spawn(move || waiter.wait());
/// assert!(ended.set(7));
/// assert!(!ended.set(8), "only the first value counts");
/// assert_eq!(thread.join().unwrap(), 7);
/// ```
pub struct Latch<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
    happened: Condvar,
}

struct State<T> {
    value: Option<T>,
    waiting: Vec<Waker>,
}

impl<T: Clone> Latch<T> {
    /// A latch that has not happened yet.
    pub fn new() -> Self {
        let state = State {
            value: None,
            waiting: Vec::new(),
        };
        Latch(Arc::new(Shared {
            state: Mutex::new(state),
            happened: Condvar::new(),
        }))
    }

    /// Sets the value and wakes everyone. Says whether this call was the one that set it.
    pub fn set(&self, value: T) -> bool {
        let waiting = {
            let mut state = self.lock();
            if state.value.is_some() {
                return false;
            }
            state.value = Some(value);
            std::mem::take(&mut state.waiting)
        };
        self.0.happened.notify_all();
        waiting.into_iter().for_each(Waker::wake);
        true
    }

    /// The value, if it has been set.
    pub fn get(&self) -> Option<T> {
        self.lock().value.clone()
    }

    /// Whether the value has been set.
    pub fn is_set(&self) -> bool {
        self.lock().value.is_some()
    }

    /// Blocks this thread until the value is set. Not for async code: see [`Latch::waiting`].
    pub fn wait(&self) -> T {
        let mut state = self.lock();
        loop {
            if let Some(value) = &state.value {
                return value.clone();
            }
            state = self
                .0
                .happened
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A future of the value. It owns its share of the latch and may be dropped at any time.
    pub fn waiting(&self) -> Waiting<T> {
        Waiting(self.clone())
    }

    /// The poll form of [`Latch::waiting`]. A waker that is already known is not stored twice.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.lock();
        if let Some(value) = &state.value {
            return Poll::Ready(value.clone());
        }
        if !state
            .waiting
            .iter()
            .any(|known| known.will_wake(cx.waker()))
        {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // The state is whole after every statement, so a panic elsewhere cannot have broken it.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Default for Latch<T> {
    fn default() -> Self {
        Latch::new()
    }
}

impl<T> Clone for Latch<T> {
    fn clone(&self) -> Self {
        Latch(Arc::clone(&self.0))
    }
}

impl<T: Clone + fmt::Debug> fmt::Debug for Latch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Latch").field(&self.get()).finish()
    }
}

/// The future of a [`Latch`].
#[derive(Clone, Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Waiting<T: Clone>(Latch<T>);

impl<T: Clone> Future for Waiting<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.0.poll(cx)
    }
}
