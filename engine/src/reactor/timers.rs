//! The timers of a loop.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::handle::Handle;
use super::{here, lock};
use crate::runtime::Timer;

/// All timers that are set, and who waits for each.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    by_time: BTreeMap<Key, Waker>,
    last: NonZeroU64,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            by_time: BTreeMap::new(),
            last: NonZeroU64::MIN,
        }
    }
}

/// A time, and a number that tells those of one time apart.
type Key = (Instant, NonZeroU64);

impl Timers {
    /// Takes out what is due, and gives who waited for it to `wake`. It reads the clock only if there are timers, and
    /// says what it read.
    pub(super) fn fire(&self, wake: &mut Vec<Waker>) -> Option<Instant> {
        let mut queue = lock(&self.queue);
        queue.by_time.first_key_value()?;
        let now = Instant::now();
        while let Some(entry) = queue.by_time.first_entry() {
            if entry.key().0 > now {
                break;
            }
            wake.push(entry.remove());
        }
        Some(now)
    }

    /// When the first one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let queue = lock(&self.queue);
        queue.by_time.first_key_value().map(|((at, _), _)| *at)
    }

    /// The loop has ended: none will fire.
    pub(super) fn end(&self) {
        let all = std::mem::take(&mut lock(&self.queue).by_time);
        drop(all);
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.queue).by_time.len()
    }
}

/// A timer of a loop. It may be used on any thread.
#[derive(Debug)]
pub struct Alarm {
    handle: Handle,
    at: Instant,
    /// Its number in the queue. It has none as long as nobody has waited for it; if it has one and is not in the
    /// queue, it is due.
    number: Option<NonZeroU64>,
}

impl Alarm {
    pub(super) fn new(handle: Handle, at: Instant) -> Self {
        Alarm {
            handle,
            at,
            number: None,
        }
    }

    /// Enters it into the queue, unless it is due.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let (number, is_first) = {
            let mut queue = lock(&self.handle.0.timers.queue);
            queue.last = queue.last.saturating_add(1);
            let key = (self.at, queue.last);
            queue.by_time.insert(key, waker);
            let is_first = queue.by_time.first_key_value().map(|(key, _)| *key) == Some(key);
            (key.1, is_first)
        };
        self.number = Some(number);
        if is_first && here::of(&self.handle.0).is_none() {
            // The loop may sleep until another one is due.
            self.handle.0.rouse();
        }
        Poll::Pending
    }

    /// Whether it is due: then it is in the queue no more.
    fn look(&self, number: NonZeroU64, cx: &Context<'_>) -> Poll<()> {
        let mut queue = lock(&self.handle.0.timers.queue);
        let Some(waker) = queue.by_time.get_mut(&(self.at, number)) else {
            return Poll::Ready(());
        };
        if waker.will_wake(cx.waker()) {
            return Poll::Pending;
        }
        let before = std::mem::replace(waker, cx.waker().clone());
        // It may do anything, so not under the lock.
        drop(queue);
        drop(before);
        Poll::Pending
    }

    fn leave(&mut self) {
        if let Some(number) = self.number.take() {
            let waker = lock(&self.handle.0.timers.queue)
                .by_time
                .remove(&(self.at, number));
            drop(waker);
        }
    }
}

impl Timer for Alarm {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.number {
            Some(number) => self.look(number, cx),
            None => self.wait(cx),
        }
    }

    fn set(&mut self, at: Instant) {
        self.leave();
        self.at = at;
    }

    fn at(&self) -> Instant {
        self.at
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.leave();
    }
}
