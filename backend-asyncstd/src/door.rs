//! The way to a thread's local tasks, where there is no loop beside them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};
use std::thread::{self, ThreadId};

use async_std::task;
use http_server_trait::BoxFuture;

/// How futures come to a thread from elsewhere: async-std's local tasks are spawned where they run.
pub(crate) struct Door {
    thread: ThreadId,
    outside: Mutex<Outside>,
}

#[derive(Default)]
struct Outside {
    futures: VecDeque<BoxFuture<'static, ()>>,
    inside: Option<Waker>,
}

impl Door {
    pub(crate) fn new() -> Self {
        Door {
            thread: thread::current().id(),
            outside: Mutex::default(),
        }
    }

    /// Whether this is the thread that it leads to.
    pub(crate) fn is_here(&self) -> bool {
        thread::current().id() == self.thread
    }

    /// Passes a future to the thread.
    pub(crate) fn pass(&self, future: BoxFuture<'static, ()>) {
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        outside.futures.push_back(future);
        let inside = outside.inside.take();
        drop(outside);
        if let Some(inside) = inside {
            inside.wake();
        }
    }

    /// Spawns what was passed, and waits for more.
    pub(crate) fn poll_let_in(&self, cx: &mut Context<'_>) {
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        outside.inside = Some(cx.waker().clone());
        let futures = std::mem::take(&mut outside.futures);
        drop(outside);
        for future in futures {
            drop(task::spawn_local(future));
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Door").field(&self.thread).finish()
    }
}
