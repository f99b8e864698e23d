//! A loop beside an executor that runs the tasks.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use http_server_trait::BoxFuture;
use http_server_trait::backend::catch;

use super::handle::{Handle, Shared};
use super::here::{self, Inside};
use super::tasks::give_up;
use super::turn::Turn;
use crate::runtime::Runtime;

/// The sockets and timers of a thread whose tasks are run by another executor on it, because they are to be its tasks:
/// async-std knows the current task only of those that it runs itself.
///
/// It is a task of that executor among the others. The executor runs tasks in the order in which they were woken, so
/// when this one has its turn, those before it have had theirs; and it counts who was woken since. With nobody left
/// to run it waits for events in the kernel, and the thread with it. That is only right if all other tasks of the
/// executor are spawned by its [`Handle`]: nobody else's waker ends the wait.
pub struct Beside {
    turn: Turn,
    spawn: fn(Tracked),
}

impl Beside {
    /// `spawn` is to spawn a future on the executor of this thread.
    ///
    /// # Errors
    /// If there are no descriptors left: it takes two.
    pub fn new(spawn: fn(Tracked)) -> io::Result<Self> {
        Ok(Beside {
            turn: Turn::new()?,
            spawn,
        })
    }

    /// How it is reached.
    pub fn handle(&self) -> Handle {
        self.turn.local.handle.clone()
    }

    /// The task: to be spawned on the executor, on this thread. It is ready when the future is.
    pub fn run(
        mut self,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> {
        let ended = Arc::new(AtomicBool::new(false));
        let end_here = Arc::clone(&ended);
        self.handle().spawn(async move {
            end.await;
            end_here.store(true, Ordering::Relaxed);
        });
        let mut inside = None;
        poll_fn(move |cx| {
            inside.get_or_insert_with(|| Inside::of(Rc::clone(&self.turn.local)));
            self.spawn_new();
            if ended.load(Ordering::Relaxed) {
                inside = None;
                self.turn.end();
                return Poll::Ready(());
            }
            self.turn.turn();
            self.spawn_new();
            // Behind those who were woken just now.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// What it counts.
    #[cfg(test)]
    pub(super) fn local(&self) -> Rc<here::Local> {
        Rc::clone(&self.turn.local)
    }

    fn spawn_new(&self) {
        let local = &self.turn.local;
        if local.spawned.borrow().is_empty() {
            return;
        }
        for future in local.spawned.take() {
            (self.spawn)(Tracked::new(local, future));
        }
    }
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").finish_non_exhaustive()
    }
}

/// A task beside a loop: the loop knows whether it is woken.
pub struct Tracked {
    /// There until it has ended.
    future: Option<BoxFuture<'static, ()>>,
    place: Rc<here::Local>,
    /// There from the first poll on.
    ticket: Option<(Arc<Ticket>, Waker)>,
}

/// What wakes such a task.
struct Ticket {
    state: AtomicU8,
    task: Waker,
    shared: Arc<Shared>,
}

/// It rests.
const RESTS: u8 = 0;
/// It was woken on its own thread, and counts as due there.
const DUE: u8 = 1;
/// It was woken on another thread.
const WOKEN: u8 = 2;
/// It has ended.
const ENDED: u8 = 3;

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let here = here::of(&self.shared);
        let state = if here.is_some() { DUE } else { WOKEN };
        let woken = self
            .state
            .compare_exchange(RESTS, state, Ordering::AcqRel, Ordering::Acquire);
        if woken.is_err() {
            return;
        }
        if let Some(local) = here {
            local.due.set(local.due.get() + 1);
            self.task.wake_by_ref();
        } else {
            // In this order: the loop, once roused, leaves the turn to who is in the queue.
            self.task.wake_by_ref();
            self.shared.rouse();
        }
    }
}

impl Tracked {
    /// Counts as due until its first poll.
    fn new(place: &Rc<here::Local>, future: BoxFuture<'static, ()>) -> Self {
        place.due.set(place.due.get() + 1);
        Tracked {
            future: Some(future),
            place: Rc::clone(place),
            ticket: None,
        }
    }

    /// It is polled, or will not be any more: it is due no longer.
    fn settle(&self, state: u8) {
        let before = match &self.ticket {
            Some((ticket, _)) => ticket.state.swap(state, Ordering::AcqRel),
            None => DUE,
        };
        if before == DUE {
            self.place.due.set(self.place.due.get().saturating_sub(1));
        }
    }

    /// A waker that wakes this task by the executor's.
    fn watch(&mut self, task: &Waker) {
        let is_known = self
            .ticket
            .as_ref()
            .is_some_and(|(ticket, _)| ticket.task.will_wake(task));
        if is_known {
            return;
        }
        let ticket = Arc::new(Ticket {
            state: AtomicU8::new(RESTS),
            task: task.clone(),
            shared: Arc::clone(&self.place.handle.0),
        });
        if let Some((before, _)) = &self.ticket {
            before.state.store(ENDED, Ordering::Release);
        }
        self.ticket = Some((Arc::clone(&ticket), Waker::from(ticket)));
    }
}

impl Future for Tracked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.settle(RESTS);
        this.watch(cx.waker());
        let (Some((_, waker)), Some(future)) = (&this.ticket, &mut this.future) else {
            return Poll::Ready(());
        };
        let polled = catch(|| future.as_mut().poll(&mut Context::from_waker(waker)));
        if matches!(polled, Ok(Poll::Pending)) {
            return Poll::Pending;
        }
        // A panic has been told on stderr. It ends the task, and not the executor with it.
        if let Some(future) = this.future.take() {
            give_up(future);
        }
        Poll::Ready(())
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.settle(ENDED);
        if let Some(future) = self.future.take() {
            give_up(future);
        }
    }
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").finish_non_exhaustive()
    }
}
