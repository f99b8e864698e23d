//! The timers of a loop.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::handle::Handle;
use super::{here, lock};
use crate::runtime::Timer;

/// All timers that are set, and who waits for each.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: Mutex<Queue>,
    /// How often some were found due. As long as that stays the same, a timer knows without a lock that it is not.
    rounds: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    by_time: BTreeMap<Key, Waker>,
    last: u64,
}

/// A time, and a number that tells those of one time apart.
type Key = (Instant, u64);

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
        if !wake.is_empty() {
            self.rounds.fetch_add(1, Ordering::Release);
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

    fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Acquire)
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
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nobody waits for it yet.
    Set,
    Waiting {
        number: u64,
        waker: Waker,
        /// Until this round it was not due.
        round: u64,
    },
    Due,
}

impl Alarm {
    pub(super) fn new(handle: Handle, at: Instant) -> Self {
        Alarm {
            handle,
            at,
            state: State::Set,
        }
    }

    /// Enters it into the queue, unless it is due.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            self.state = State::Due;
            return Poll::Ready(());
        }
        let timers = &self.handle.0.timers;
        let waker = cx.waker().clone();
        let (number, round, is_first) = {
            let mut queue = lock(&timers.queue);
            queue.last += 1;
            let key = (self.at, queue.last);
            queue.by_time.insert(key, waker.clone());
            let is_first = queue.by_time.first_key_value().map(|(key, _)| *key) == Some(key);
            (key.1, timers.rounds(), is_first)
        };
        self.state = State::Waiting {
            number,
            waker,
            round,
        };
        if is_first && here::of(&self.handle.0).is_none() {
            // The loop may sleep until another one is due.
            self.handle.0.rouse();
        }
        Poll::Pending
    }

    /// Whether it is due: then it is in the queue no more.
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Waiting {
            number,
            waker,
            round,
        } = &mut self.state
        else {
            return Poll::Pending;
        };
        let timers = &self.handle.0.timers;
        let mut queue = lock(&timers.queue);
        *round = timers.rounds();
        let Some(there) = queue.by_time.get_mut(&(self.at, *number)) else {
            drop(queue);
            self.state = State::Due;
            return Poll::Ready(());
        };
        if waker.will_wake(cx.waker()) {
            return Poll::Pending;
        }
        let before = std::mem::replace(there, cx.waker().clone());
        drop(queue);
        drop(before);
        waker.clone_from(cx.waker());
        Poll::Pending
    }

    fn leave(&mut self) {
        if let State::Waiting { number, .. } = self.state {
            let waker = lock(&self.handle.0.timers.queue)
                .by_time
                .remove(&(self.at, number));
            drop(waker);
        }
    }
}

impl Timer for Alarm {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.state {
            State::Waiting { waker, round, .. }
                if *round == self.handle.0.timers.rounds() && waker.will_wake(cx.waker()) =>
            {
                Poll::Pending
            }
            State::Waiting { .. } => self.look(cx),
            State::Set => self.wait(cx),
            State::Due => Poll::Ready(()),
        }
    }

    fn set(&mut self, at: Instant) {
        self.leave();
        self.at = at;
        self.state = State::Set;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.leave();
    }
}
