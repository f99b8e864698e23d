//! A number of things that exist, and those who wait for it to sink.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// How many of something exist.
#[derive(Debug, Default)]
pub(crate) struct Count {
    number: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

/// One of them. Dropping it counts it out.
#[derive(Debug)]
pub(crate) struct Counted(Option<Arc<Count>>);

impl Count {
    pub(crate) fn enter(self: &Arc<Self>) -> Counted {
        self.number.fetch_add(1, Ordering::AcqRel);
        Counted(Some(Arc::clone(self)))
    }

    /// One more, if there are fewer than `limit`.
    pub(crate) fn enter_below(self: &Arc<Self>, limit: usize) -> Option<Counted> {
        let one_more = |number| (number < limit).then_some(number + 1);
        let entered = self
            .number
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        entered.is_ok().then(|| Counted(Some(Arc::clone(self))))
    }

    /// Counts one out that was [kept](Counted::keep).
    pub(crate) fn leave(&self) {
        self.number.fetch_sub(1, Ordering::AcqRel);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = std::mem::take(&mut *waiting);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn get(&self) -> usize {
        self.number.load(Ordering::Acquire)
    }

    /// Ready when there are fewer than this. The waker is woken whenever one is counted out.
    pub(crate) fn poll_below(&self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who is counted out from now on finds the waker.
        if self.get() < limit {
            return Poll::Ready(());
        }
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Counted {
    /// It stays counted, until somebody [counts it out](Count::leave) there, which the caller sees to.
    pub(crate) fn keep(mut self) -> Option<Arc<Count>> {
        self.0.take()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(count) = self.0.take() {
            count.leave();
        }
    }
}
