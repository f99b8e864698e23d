//! The tasks of a loop.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use http_server_trait::BoxFuture;
use http_server_trait::backend::catch;
use slab::Slab;

use super::handle::{Handle, Shared};
use super::here::{self, Local};

/// All tasks, by their keys.
#[derive(Default)]
pub(super) struct Tasks(Slab<Task>);

struct Task {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    ticket: Arc<Ticket>,
    /// Made of the ticket once, and not for each poll.
    waker: Waker,
}

/// What wakes a task.
struct Ticket {
    key: usize,
    /// Whether it is in a queue already.
    is_woken: AtomicBool,
    shared: Arc<Shared>,
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let put = |local: &Rc<Local>| local.ready.borrow_mut().push_back(self.key);
        if here::with(&self.shared, put).is_none() {
            self.shared.wake(self.key);
        }
    }
}

impl Tasks {
    /// Takes a future in, and gives the key under which it is to be polled.
    pub(super) fn insert(&mut self, handle: &Handle, future: BoxFuture<'static, ()>) -> usize {
        let entry = self.0.vacant_entry();
        let key = entry.key();
        let ticket = Arc::new(Ticket {
            key,
            is_woken: AtomicBool::new(true),
            shared: Arc::clone(&handle.0),
        });
        entry.insert(Task {
            future,
            waker: Waker::from(Arc::clone(&ticket)),
            ticket,
        });
        key
    }

    /// Polls a task. The key may be that of one that has ended, which was woken late: then whoever has its place is
    /// polled in vain, or nobody.
    pub(super) fn poll(&mut self, key: usize) {
        let Some(task) = self.0.get_mut(key) else {
            return;
        };
        // Not a mere store: what was done before a wake that found the flag set must be seen by this poll.
        task.ticket.is_woken.swap(false, Ordering::AcqRel);
        let mut cx = Context::from_waker(&task.waker);
        let polled = catch(|| task.future.as_mut().poll(&mut cx));
        // A panic has been told on stderr. It ends the task, and nothing else.
        if !matches!(polled, Ok(Poll::Pending)) {
            let task = self.0.remove(key);
            give_up(task.future);
            if self.0.is_empty() {
                // The memory of a crowd goes with it.
                self.0.shrink_to_fit();
            }
        }
    }

    /// Drops all tasks.
    pub(super) fn clear(&mut self) {
        self.0.drain().for_each(|task| give_up(task.future));
    }
}

/// Drops a future, which may be the application's and panic.
pub(super) fn give_up(future: BoxFuture<'static, ()>) {
    let _ = catch(|| drop(future));
}
