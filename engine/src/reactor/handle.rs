//! How a loop is reached from anywhere.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Instant;

use http_server_trait::BoxFuture;

use super::poller::Poller;
use super::source::Sources;
use super::timers::{Alarm, Timers};
use super::{here, lock};
use crate::runtime::Runtime;

/// A loop, from anywhere: clones mean the same one. It may outlive its loop, and does nothing then.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Shared>);

/// What a loop shares with whoever reaches it.
///
/// It holds no descriptor: a waker, a [`Handle`] or a stream may be kept when the loop has ended.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) poller: Weak<Poller>,
    inbox: Mutex<Inbox>,
    pub(super) sources: Mutex<Sources>,
    pub(super) timers: Timers,
}

/// What comes to a loop from other threads, and whether it has to be woken for it.
///
/// No wake can be lost: the loop looks into it and says that it sleeps under one lock, and who puts something in
/// finds that out under the same lock. Either he was before the loop, which sees what he has brought, or after it, and
/// then he sees that it sleeps and rings. Between that and the wait itself a ring is kept by the kernel.
#[derive(Default)]
pub(super) struct Inbox {
    /// Tasks that were woken, by their keys.
    pub(super) woken: Vec<usize>,
    pub(super) spawned: Vec<BoxFuture<'static, ()>>,
    /// There is something to see, and not here.
    roused: bool,
    /// The loop waits for events, or will at once. The first who sees that rings, and no other.
    sleeps: bool,
    /// The loop has ended: nobody takes anything out any more.
    ended: bool,
}

impl Handle {
    pub(super) fn new(poller: &Arc<Poller>) -> Self {
        Handle(Arc::new(Shared {
            poller: Arc::downgrade(poller),
            inbox: Mutex::default(),
            sources: Mutex::default(),
            timers: Timers::default(),
        }))
    }

    /// Runs a future on the loop's thread. If the loop has ended, it is dropped.
    pub fn spawn_boxed(&self, future: BoxFuture<'static, ()>) {
        match here::of(&self.0) {
            Some(local) => local.spawned.borrow_mut().push(future),
            None => self.0.pass(future),
        }
    }
}

impl Runtime for Handle {
    type Timer = Alarm;

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.spawn_boxed(Box::pin(future));
    }

    fn timer(&self, at: Instant) -> Alarm {
        Alarm::new(self.clone(), at)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Shared {
    /// How many sockets there are.
    #[cfg(test)]
    pub(super) fn sources_len(&self) -> usize {
        lock(&self.sources).len()
    }

    /// Brings a future from another thread.
    fn pass(&self, future: BoxFuture<'static, ()>) {
        let mut inbox = lock(&self.inbox);
        if inbox.ended {
            // What it does when it is dropped may bring another one.
            drop(inbox);
            drop(future);
            return;
        }
        inbox.spawned.push(future);
        self.ring_if_asleep(inbox);
    }

    /// Wakes a task from another thread.
    pub(super) fn wake(&self, task: usize) {
        let mut inbox = lock(&self.inbox);
        if !inbox.ended {
            inbox.woken.push(task);
            self.ring_if_asleep(inbox);
        }
    }

    /// Lets the loop look around, from another thread.
    pub(super) fn rouse(&self) {
        let mut inbox = lock(&self.inbox);
        inbox.roused = true;
        self.ring_if_asleep(inbox);
    }

    fn ring_if_asleep(&self, mut inbox: MutexGuard<'_, Inbox>) {
        let sleeps = std::mem::take(&mut inbox.sleeps);
        drop(inbox);
        if sleeps {
            self.ring();
        }
    }

    #[cold]
    fn ring(&self) {
        if let Some(poller) = self.poller.upgrade() {
            poller.ring();
        }
    }

    /// Whether the loop may wait for events: if so, it has said that it does.
    pub(super) fn falls_asleep(&self) -> bool {
        let mut inbox = lock(&self.inbox);
        inbox.sleeps = !inbox.roused && inbox.woken.is_empty() && inbox.spawned.is_empty();
        inbox.sleeps
    }

    /// The loop does not sleep; it takes out what was brought.
    pub(super) fn awakes(&self, take: impl FnOnce(&mut Inbox)) {
        let mut inbox = lock(&self.inbox);
        inbox.sleeps = false;
        inbox.roused = false;
        take(&mut inbox);
    }

    /// From now on nothing is taken in. Gives what was there, to be dropped.
    pub(super) fn end(&self) -> Vec<BoxFuture<'static, ()>> {
        let mut inbox = lock(&self.inbox);
        inbox.ended = true;
        inbox.woken = Vec::new();
        std::mem::take(&mut inbox.spawned)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("woken", &self.woken)
            .field("spawned", &self.spawned.len())
            .field("sleeps", &self.sleeps)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
