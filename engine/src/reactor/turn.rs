//! One turn of a loop: what is due, what has happened, what was brought.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use rustix::event::epoll::Event;

use super::here::Local;
use super::lock;
use super::poller::{BELL, Poller};
use super::tasks::give_up;

/// What wakes the tasks of a loop.
pub(super) struct Turn {
    pub(super) local: Rc<Local>,
    events: Vec<Event>,
    /// Who is to be woken, when no lock is held any more: a waker may do anything.
    wake: Vec<Waker>,
}

impl Turn {
    /// # Errors
    /// If there are no descriptors left.
    pub(super) fn new() -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        Ok(Turn {
            local: Rc::new(Local::new(poller)),
            events: Vec::new(),
            wake: Vec::new(),
        })
    }

    /// Wakes whose time has come and for whom something has happened. It waits for that if there is nothing to do.
    pub(super) fn turn(&mut self) {
        let now = self.local.handle.0.timers.fire(&mut self.wake);
        self.wake_up();
        let most = self.patience(now);
        self.local.poller.wait(&mut self.events, most);
        self.take_in();
        self.tell();
    }

    /// How long may be waited.
    fn patience(&self, now: Option<Instant>) -> Option<Duration> {
        let shared = &self.local.handle.0;
        if self.local.is_busy() || !shared.falls_asleep() {
            return Some(Duration::ZERO);
        }
        // Only now: who sets an earlier timer on another thread after this sees that the loop sleeps.
        let next = shared.timers.next()?;
        let now = now.unwrap_or_else(Instant::now);
        Some(next.saturating_duration_since(now))
    }

    /// Takes in what other threads have brought.
    fn take_in(&self) {
        let local = &self.local;
        local.handle.0.awakes(|inbox| {
            local.ready.borrow_mut().extend(inbox.woken.drain(..));
            local.spawned.borrow_mut().append(&mut inbox.spawned);
        });
    }

    fn tell(&mut self) {
        {
            let sources = lock(&self.local.handle.0.sources);
            for event in &self.events {
                let (mark, flags) = (event.data.u64(), event.flags);
                if mark != BELL {
                    sources.tell(mark, flags, &mut self.wake);
                }
            }
        }
        self.wake_up();
    }

    fn wake_up(&mut self) {
        self.wake.drain(..).for_each(Waker::wake);
    }

    /// The loop ends: what was spawned and is not a task yet is dropped, and so is what will be spawned. Whoever has a
    /// socket of this loop elsewhere is told.
    pub(super) fn end(&mut self) {
        let shared = &self.local.handle.0;
        shared.end().into_iter().for_each(give_up);
        self.local.spawned.take().into_iter().for_each(give_up);
        shared.timers.end();
        lock(&shared.sources).end(&mut self.wake);
        self.wake_up();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Also when the thread has panicked, or the loop was never run: nobody must wait for it.
        self.end();
    }
}
