//! The executor handle of a request: tasks, timers and blocking work on whatever runtime serves.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::catch::{CatchUnwind, panic_text};
use crate::latch::Latch;

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a runtime must be able to do for an application. A backend implements it once; an
/// application meets it as [`Exec`].
pub trait Execute: Send + Sync + 'static {
    /// The runtime's name: `tokio`, `smol` ...
    fn runtime(&self) -> &'static str;
    /// Runs a future in the background.
    fn spawn(&self, future: BoxFuture<'static, ()>);
    /// A future that is ready after this time.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
    /// Runs a closure where blocking stalls nobody.
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>);
    /// The time by the clock that `sleep` follows. A simulator's clock is not the machine's.
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// Spawns, sleeps and blocks on whatever runtime serves the request.
///
/// An application that uses this handle, and no runtime's own functions, runs on every backend and
/// follows a live swap: the handle always means the runtime that serves *now*. (Clause T-52.)
///
/// ```
/// # use http_server_trait::{Exec, backend::Execute};
/// # use std::time::Duration;
/// # struct Threads;
/// # impl Execute for Threads {
/// #     fn runtime(&self) -> &'static str { "threads" }
/// #     fn spawn(&self, f: http_server_trait::BoxFuture<'static, ()>) {
/// #         std::thread::spawn(|| http_server_trait::block_on(f));
/// #     }
/// #     fn sleep(&self, time: Duration) -> http_server_trait::BoxFuture<'static, ()> {
/// #         Box::pin(async move { std::thread::sleep(time) })
/// #     }
/// #     fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) { std::thread::spawn(work); }
/// # }
/// # let exec = Exec::new(std::sync::Arc::new(Threads));
/// # http_server_trait::block_on(async {
/// let digest = exec.spawn_blocking(|| (1..=10).sum::<u32>());
/// exec.sleep(Duration::from_millis(1)).await;
/// assert_eq!(digest.await.unwrap(), 55);
/// # });
/// ```
#[derive(Clone)]
pub struct Exec(Arc<RwLock<Current>>);

/// The runtime that serves now, and what is under way on it.
#[derive(Clone)]
struct Current {
    runtime: Arc<dyn Execute>,
    tasks: Tasks,
}

/// The tasks that were spawned with an [`Exec`] on one runtime and have not ended. For authors of backends: a
/// runtime that a server leaves ends when they have.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Mutex<UnderWay>>);

#[derive(Default)]
struct UnderWay {
    count: u64,
    waiting: Vec<Waker>,
}

/// One of them. Dropping it counts it out.
struct Counted(Tasks);

impl Tasks {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Ready when there are none.
    pub fn poll_none(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut under_way = self.lock();
        if under_way.count == 0 {
            return Poll::Ready(());
        }
        if !under_way
            .waiting
            .iter()
            .any(|waker| waker.will_wake(cx.waker()))
        {
            under_way.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn enter(&self) -> Counted {
        self.lock().count += 1;
        Counted(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let waiting = {
            let mut under_way = self.0.lock();
            under_way.count -= 1;
            match under_way.count {
                0 => std::mem::take(&mut under_way.waiting),
                _ => Vec::new(),
            }
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tasks").field(&self.count()).finish()
    }
}

impl Exec {
    /// A handle to this runtime. For authors of backends.
    pub fn new(runtime: Arc<dyn Execute>) -> Self {
        let tasks = Tasks::default();
        Exec(Arc::new(RwLock::new(Current { runtime, tasks })))
    }

    /// The name of the runtime that serves now.
    pub fn runtime(&self) -> &'static str {
        self.current().runtime()
    }

    /// Runs a future in the background. Dropping the [`Task`] lets it run on.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let (task, done) = Task::pair();
        let Current { runtime, tasks } = self.read();
        let counted = tasks.enter();
        runtime.spawn(Box::pin(async move {
            let outcome = CatchUnwind::new(future).await;
            done.finish(outcome);
            drop(counted);
        }));
        task
    }

    /// Waits. The time is the runtime's own, so a simulated clock is honoured.
    pub fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.current().sleep(time)
    }

    /// Runs a closure on a thread where blocking stalls nobody. Dropping the [`Task`] lets it run on.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        let (task, done) = Task::pair();
        let Current { runtime, tasks } = self.read();
        let counted = tasks.enter();
        runtime.spawn_blocking(Box::new(move || {
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(work));
            done.finish(outcome);
            drop(counted);
        }));
        task
    }

    /// The time by the clock that [`Exec::sleep`] follows.
    pub fn now(&self) -> Instant {
        self.current().now()
    }

    /// Points every clone of this handle at the runtime of another one. For authors of backends: a hand-over.
    pub fn follow(&self, to: &Exec) {
        let to = to.read();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// The runtime as it is now.
    pub fn current(&self) -> Arc<dyn Execute> {
        self.read().runtime
    }

    /// What was spawned on the runtime as it is now, and is under way. For authors of backends.
    pub fn tasks(&self) -> Tasks {
        self.read().tasks
    }

    fn read(&self) -> Current {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exec").field(&self.runtime()).finish()
    }
}

type Outcome<T> = Latch<Arc<std::sync::Mutex<Option<Result<T, TaskError>>>>>;

/// The result of a spawned task, as a future.
///
/// # Errors
/// [`TaskError`] if the task panicked, or if its runtime ended before the task did.
///
/// # Cancel safety
/// Dropping it detaches the task, which runs on.
#[must_use = "a future does nothing unless it is awaited; `drop(task)` says that the task runs on"]
pub struct Task<T>(Outcome<T>);

impl<T> Task<T> {
    fn pair() -> (Self, Done<T>) {
        let latch = Latch::new();
        (Task(latch.clone()), Done(Some(latch)))
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx).map(|cell| {
            let taken = cell.lock().unwrap_or_else(PoisonError::into_inner).take();
            taken.unwrap_or_else(|| Err(TaskError("its result was taken before".into())))
        })
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("finished", &self.0.is_set())
            .finish()
    }
}

/// The other end of a [`Task`]. Dropped unfinished, it says that the runtime ended.
struct Done<T>(Option<Outcome<T>>);

impl<T> Done<T> {
    fn finish(mut self, outcome: Result<T, Box<dyn Any + Send>>) {
        self.set(outcome.map_err(|panic| {
            let text = panic_text(panic.as_ref());
            // The task may be detached: then this line is all that anybody ever learns.
            log::error!("a spawned task panicked: {text}");
            TaskError(format!("it panicked: {text}"))
        }));
    }

    fn set(&mut self, outcome: Result<T, TaskError>) {
        if let Some(latch) = self.0.take() {
            latch.set(Arc::new(std::sync::Mutex::new(Some(outcome))));
        }
    }
}

impl<T> Drop for Done<T> {
    fn drop(&mut self) {
        self.set(Err(TaskError("its runtime ended first".into())));
    }
}

/// Why a spawned task has no result.
#[derive(Clone, Debug)]
pub struct TaskError(String);

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task did not finish: {}", self.0)
    }
}

impl std::error::Error for TaskError {}
