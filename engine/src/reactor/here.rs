//! The loop of this thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use http_server_trait::BoxFuture;

use super::handle::{Handle, Shared};
use super::poller::Poller;

thread_local! {
    static HERE: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

/// What a loop has for its own thread, where neither a lock nor a ring is needed.
pub(super) struct Local {
    pub(super) handle: Handle,
    pub(super) poller: Arc<Poller>,
    /// Tasks that were woken, by their keys, in that order.
    pub(super) ready: RefCell<VecDeque<usize>>,
    pub(super) spawned: RefCell<Vec<BoxFuture<'static, ()>>>,
    /// How many tasks were woken that somebody else runs.
    pub(super) due: Cell<usize>,
}

impl Local {
    pub(super) fn new(poller: Arc<Poller>) -> Self {
        Local {
            handle: Handle::new(&poller),
            poller,
            ready: RefCell::default(),
            spawned: RefCell::default(),
            due: Cell::new(0),
        }
    }

    /// Whether there is something to do without an event.
    pub(super) fn is_busy(&self) -> bool {
        !self.ready.borrow().is_empty() || self.due.get() > 0 || !self.spawned.borrow().is_empty()
    }
}

/// The loop that this belongs to, if this is its thread.
pub(super) fn of(shared: &Arc<Shared>) -> Option<Rc<Local>> {
    with(shared, Rc::clone)
}

/// Does something with the loop that this belongs to, if this is its thread.
pub(super) fn with<T>(shared: &Arc<Shared>, run: impl FnOnce(&Rc<Local>) -> T) -> Option<T> {
    // A thread that ends has none any more.
    HERE.try_with(|here| match &*here.borrow() {
        Some(local) if Arc::ptr_eq(&local.handle.0, shared) => Some(run(local)),
        _ => None,
    })
    .ok()
    .flatten()
}

/// The loop of this thread.
pub(super) fn current() -> Option<(Handle, Arc<Poller>)> {
    HERE.try_with(|here| {
        let here = here.borrow();
        let local = here.as_ref()?;
        Some((local.handle.clone(), Arc::clone(&local.poller)))
    })
    .ok()
    .flatten()
}

/// As long as it lives, this thread is that of a loop.
pub(super) struct Inside(Option<Rc<Local>>);

impl Inside {
    pub(super) fn of(local: Rc<Local>) -> Self {
        Inside(HERE.replace(Some(local)))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let before = self.0.take();
        let after = HERE.try_with(|here| here.replace(before));
        drop(after);
    }
}
