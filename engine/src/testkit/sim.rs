//! The virtual clock, and the executor that follows it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use http_server_trait::backend::Execute;
use http_server_trait::{Address, BoxFuture};

use super::net::{Client, Network};
use crate::runtime::{Runtime, Timer};

/// A simulation: a clock that moves when it is told to, tasks that run when they are told to, and a network
/// in memory. Clones are the same simulation.
#[derive(Clone)]
pub struct Sim(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    ready: Arc<Mutex<Vec<u64>>>,
    network: Network,
    start: Instant,
}

struct State {
    now: Instant,
    timers: BTreeMap<(Instant, u64), Waker>,
    tasks: HashMap<u64, Option<Task>>,
    next: u64,
    random: u64,
}

struct Task {
    future: BoxFuture<'static, ()>,
    /// The same one each time, as in any executor: who compares wakers finds that nothing has changed.
    waker: Waker,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sim {
    /// A simulation whose choices all come from this seed.
    pub fn new(seed: u64) -> Self {
        let start = Instant::now();
        let state = State {
            now: start,
            timers: BTreeMap::new(),
            tasks: HashMap::new(),
            next: 0,
            random: seed ^ 0x9e37_79b9_7f4a_7c15,
        };
        Sim(Arc::new(Inner {
            state: Mutex::new(state),
            ready: Arc::default(),
            network: Network::default(),
            start,
        }))
    }

    /// Its network.
    pub fn network(&self) -> &Network {
        &self.0.network
    }

    /// Connects to an address that a server of this simulation listens on; `None` if none does.
    pub fn connect(&self, to: &Address) -> Option<Client> {
        self.0.network.connect(self, to)
    }

    /// How much time has passed in it.
    pub fn elapsed(&self) -> Duration {
        lock(&self.0.state).now - self.0.start
    }

    /// A number below `bound`, from the seed.
    pub fn random(&self, bound: usize) -> usize {
        let mut state = lock(&self.0.state);
        // xorshift64*: enough to make choices with, and the same everywhere.
        state.random ^= state.random >> 12;
        state.random ^= state.random << 25;
        state.random ^= state.random >> 27;
        let mixed = state.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).unwrap_or(0) % bound.max(1)
    }

    /// Runs every task that can run, in an order that the seed decides, until none can. No time passes.
    pub fn run(&self) {
        while let Some(id) = self.pick() {
            self.poll_task(id);
        }
    }

    fn pick(&self) -> Option<u64> {
        let count = lock(&self.0.ready).len();
        if count == 0 {
            return None;
        }
        let choice = self.random(count);
        Some(lock(&self.0.ready).remove(choice))
    }

    fn poll_task(&self, id: u64) {
        // Taken out while it is polled: it may spawn, and wake itself.
        let Some(mut task) = lock(&self.0.state)
            .tasks
            .get_mut(&id)
            .and_then(Option::take)
        else {
            return;
        };
        let mut cx = Context::from_waker(&task.waker);
        let polled = task.future.as_mut().poll(&mut cx);
        let mut state = lock(&self.0.state);
        if polled.is_pending() {
            state.tasks.insert(id, Some(task));
        } else {
            state.tasks.remove(&id);
            drop(state);
            drop(task);
        }
    }

    fn waker(&self, id: u64) -> Waker {
        Waker::from(Arc::new(Ready {
            id,
            ready: Arc::clone(&self.0.ready),
        }))
    }

    /// Lets so much time pass. Timers fire in their order, and what they wake runs in between.
    pub fn advance(&self, time: Duration) {
        let until = lock(&self.0.state).now + time;
        self.run();
        while self.fire_next(until) {
            self.run();
        }
        lock(&self.0.state).now = until;
    }

    /// Lets time pass to the next timer, if there is one until then. Says whether there was.
    pub fn step(&self, at_most: Duration) -> bool {
        let until = lock(&self.0.state).now + at_most;
        self.run();
        let fired = self.fire_next(until);
        if fired {
            self.run();
        } else {
            lock(&self.0.state).now = until;
        }
        fired
    }

    fn fire_next(&self, until: Instant) -> bool {
        let mut state = lock(&self.0.state);
        match state.timers.first_entry() {
            Some(first) if first.key().0 <= until => {
                let ((at, _), waker) = first.remove_entry();
                state.now = state.now.max(at);
                drop(state);
                waker.wake();
                true
            }
            _ => false,
        }
    }

    /// Runs a future to its end. Time passes when nothing else can happen.
    ///
    /// # Panics
    /// If the future waits for something that will never happen.
    pub fn block_on<T: Send + 'static>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let waker = Waker::from(Arc::new(Ready {
            id: u64::MAX,
            ready: Arc::clone(&self.0.ready),
        }));
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            self.run();
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            assert!(
                !lock(&self.0.ready).is_empty() || self.fire_next(self.far()),
                "the simulation waits for something that will never happen"
            );
        }
    }

    fn far(&self) -> Instant {
        lock(&self.0.state).now + Duration::from_secs(100 * 365 * 24 * 3600)
    }

    /// How many tasks have not ended.
    pub fn tasks(&self) -> usize {
        lock(&self.0.state).tasks.len()
    }

    fn spawn_boxed(&self, future: BoxFuture<'static, ()>) {
        let id = {
            let mut state = lock(&self.0.state);
            state.next += 1;
            let id = state.next;
            let waker = self.waker(id);
            state.tasks.insert(id, Some(Task { future, waker }));
            id
        };
        lock(&self.0.ready).push(id);
    }

    fn set_timer(&self, at: Instant, waker: Waker) -> u64 {
        let mut state = lock(&self.0.state);
        state.next += 1;
        let id = state.next;
        state.timers.insert((at, id), waker);
        id
    }

    fn clear_timer(&self, at: Instant, id: u64) {
        lock(&self.0.state).timers.remove(&(at, id));
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("elapsed", &self.elapsed())
            .field("tasks", &self.tasks())
            .finish_non_exhaustive()
    }
}

struct Ready {
    id: u64,
    ready: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = lock(&self.ready);
        // The future of `block_on` is polled anyway.
        if self.id != u64::MAX && !ready.contains(&self.id) {
            ready.push(self.id);
        }
    }
}

impl Runtime for Sim {
    type Timer = SimTimer;

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.spawn_boxed(Box::pin(future));
    }

    fn timer(&self, at: Instant) -> SimTimer {
        SimTimer {
            sim: self.clone(),
            at,
            set: None,
        }
    }

    fn now(&self) -> Instant {
        lock(&self.0.state).now
    }
}

impl Execute for Sim {
    fn runtime(&self) -> &'static str {
        "sim"
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.spawn_boxed(future);
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let mut timer = self.timer(Runtime::now(self) + time);
        Box::pin(std::future::poll_fn(move |cx| timer.poll_ready(cx)))
    }

    /// Runs in its turn, on the one thread that there is: it must not wait for anything.
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        self.spawn_boxed(Box::pin(async move { work() }));
    }

    fn now(&self) -> Instant {
        Runtime::now(self)
    }
}

/// A timer of the virtual clock.
pub struct SimTimer {
    sim: Sim,
    at: Instant,
    set: Option<(Instant, u64)>,
}

impl SimTimer {
    fn clear(&mut self) {
        if let Some((at, id)) = self.set.take() {
            self.sim.clear_timer(at, id);
        }
    }
}

impl Timer for SimTimer {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.clear();
        if Runtime::now(&self.sim) >= self.at {
            return Poll::Ready(());
        }
        self.set = Some((self.at, self.sim.set_timer(self.at, cx.waker().clone())));
        Poll::Pending
    }

    fn set(&mut self, at: Instant) {
        self.clear();
        self.at = at;
    }

    fn at(&self) -> Instant {
        self.at
    }
}

impl Drop for SimTimer {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for SimTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimTimer")
            .field("set", &self.set.is_some())
            .finish_non_exhaustive()
    }
}
