//! The task that drives a connection, for whoever wants something of it.

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// How to wake the task that drives a connection. For authors of backends.
///
/// Who is registered stays so, however often it is woken: a driver that rests as the same task again need not say so,
/// see [`Driver::keep`].
#[derive(Debug, Default)]
pub struct Driver {
    waker: Mutex<Option<Waker>>,
}

/// Who a driver has registered as. The driver keeps it beside its own state, where a look at it costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    data: usize,
    /// Where the waker's functions are; zero if it has not registered yet.
    functions: usize,
}

impl Registered {
    #[inline]
    fn of(waker: &Waker) -> Self {
        Registered {
            data: waker.data().addr(),
            functions: ptr::from_ref(waker.vtable()).addr(),
        }
    }
}

impl Driver {
    /// From now on this one is woken, and no other.
    pub fn register(&self, waker: &Waker) {
        let before = {
            let mut registered = self.lock();
            match &*registered {
                Some(same) if same.will_wake(waker) => None,
                _ => registered.replace(waker.clone()),
            }
        };
        // It may be the last of its task, and do anything when it is dropped.
        drop(before);
    }

    /// Like [`register`](Driver::register), for the one task that drives the connection: it costs two comparisons where
    /// that is `registered` already. A waker that is kept here is not freed, so no other one can be taken for it.
    #[inline]
    pub fn keep(&self, waker: &Waker, registered: &mut Registered) {
        let now = Registered::of(waker);
        if *registered != now {
            self.register(waker);
            *registered = now;
        }
    }

    /// Wakes the task that is registered, if one is. It is polled again, also where it is at work just now.
    pub fn wake(&self) {
        let waker = self.lock().clone();
        // What a waker does is its runtime's affair, and happens outside of the lock.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        // Every change of it is one assignment.
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Wake, Waker};

    use super::{Driver, Registered};

    #[derive(Default)]
    struct Task(AtomicU32);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_is_registered_is_woken_each_time() {
        let driver = Driver::default();
        driver.wake();
        let tasks = [(); 2].map(|()| Arc::new(Task::default()));
        let wakers = tasks.each_ref().map(|task| Waker::from(Arc::clone(task)));
        let woken = || tasks.each_ref().map(|task| task.0.load(Ordering::Relaxed));
        let mut registered = Registered::default();
        driver.keep(&wakers[0], &mut registered);
        driver.wake();
        driver.wake();
        assert_eq!(woken(), [2, 0]);
        driver.keep(&wakers[0].clone(), &mut registered);
        driver.wake();
        assert_eq!(woken(), [3, 0]);
        driver.keep(&wakers[1], &mut registered);
        driver.wake();
        assert_eq!(woken(), [3, 1], "another task drives it");
    }

    #[test]
    fn a_waker_that_is_registered_is_kept() {
        let driver = Driver::default();
        let mut registered = Registered::default();
        let task = Arc::new(Task::default());
        driver.keep(&Waker::from(Arc::clone(&task)), &mut registered);
        assert_eq!(Arc::strong_count(&task), 2);
        driver.keep(&Waker::from(Arc::clone(&task)), &mut registered);
        assert_eq!(Arc::strong_count(&task), 2, "once");
        driver.keep(Waker::noop(), &mut registered);
        assert_eq!(Arc::strong_count(&task), 1);
    }
}
