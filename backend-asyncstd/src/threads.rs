//! Where a server runs: on threads of its own, or on the global executor.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::thread::{self, ThreadId};

use async_std::task;
use http_server_engine::server::{Crew, Member};
use http_server_trait::{BoxFuture, ListenError, Waiting};

use crate::runtime::{AsyncStd, Executor, Remote};

/// Threads, each with tasks of its own: no task moves, and no queue is shared.
pub(crate) fn crew(workers: usize) -> Result<Crew<AsyncStd>, ListenError> {
    Crew::threads("async-std", workers, work)
}

/// The global executor.
pub(crate) fn around() -> Crew<AsyncStd> {
    Crew::current(member(Executor::Global))
}

fn member(executor: Executor) -> Member<AsyncStd> {
    Member {
        runtime: AsyncStd(executor.clone()),
        exec: Arc::new(Remote(executor)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the same on every backend")]
fn work(end: Waiting<()>, join: &dyn Fn(Member<AsyncStd>)) -> io::Result<()> {
    let door = Arc::new(Door::new());
    join(member(Executor::Local(Arc::clone(&door))));
    task::block_on(async move {
        let mut end = pin!(end);
        poll_fn(|cx| {
            door.poll_let_in(cx);
            end.as_mut().poll(cx)
        })
        .await;
    });
    Ok(())
}

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
    fn new() -> Self {
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
    fn poll_let_in(&self, cx: &mut Context<'_>) {
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
