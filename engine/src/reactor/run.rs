//! A thread's tasks, and what wakes them.

use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::handle::Handle;
use super::here::Inside;
use super::tasks::Tasks;
use super::turn::Turn;
use crate::runtime::Runtime;

/// The tasks of a thread, run by it, and its sockets and timers. It lives on one thread.
pub struct Loop {
    turn: Turn,
    tasks: Tasks,
}

/// So many tasks are polled before it is looked what has happened meanwhile.
const ROUND: usize = 64;

impl Loop {
    /// # Errors
    /// If there are no descriptors left: it takes two.
    pub fn new() -> io::Result<Self> {
        Ok(Loop {
            turn: Turn::new()?,
            tasks: Tasks::default(),
        })
    }

    /// How it is reached.
    pub fn handle(&self) -> Handle {
        self.turn.local.handle.clone()
    }

    /// Runs on this thread until the future is ready. Tasks that have not ended by then are dropped.
    pub fn run(mut self, end: impl Future<Output = ()> + Send + 'static) {
        let inside = Inside::of(Rc::clone(&self.turn.local));
        let ended = Arc::new(AtomicBool::new(false));
        let end_here = Arc::clone(&ended);
        self.handle().spawn(async move {
            end.await;
            end_here.store(true, Ordering::Relaxed);
        });
        loop {
            self.work();
            // Before it waits: nobody would end the wait any more.
            if ended.load(Ordering::Relaxed) {
                break;
            }
            self.turn.turn();
        }
        // What is spawned by what is dropped now is passed to the loop, and dropped with it.
        drop(inside);
        self.tasks.clear();
        self.turn.end();
    }

    /// Polls who was woken, but not for ever.
    fn work(&mut self) {
        let local = Rc::clone(&self.turn.local);
        for _ in 0..ROUND {
            self.take_in_new();
            let next = local.ready.borrow_mut().pop_front();
            match next {
                Some(key) => self.tasks.poll(key),
                None => return,
            }
        }
    }

    fn take_in_new(&mut self) {
        let local = &self.turn.local;
        if local.spawned.borrow().is_empty() {
            return;
        }
        for future in local.spawned.take() {
            let key = self.tasks.insert(&local.handle, future);
            local.ready.borrow_mut().push_back(key);
        }
    }
}

impl fmt::Debug for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loop").finish_non_exhaustive()
    }
}
