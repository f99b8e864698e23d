//! The memory that connections buffer in, where it is limited.
//!
//! Below three quarters of the budget nothing happens. Above, a connection that holds more than its share is
//! not read from any more; what it sends waits in the kernel, and its sender with it. One of those at a time is
//! read from all the same, so that they do not wait for each other for ever. Beyond the budget the connection
//! that holds most is cut.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use http_server_trait::Config;
use http_server_trait::backend::{Ask, Wire};
use slab::Slab;

use crate::buffers::POOLED;

/// What all connections of a server may hold together, and each of them.
#[derive(Debug)]
pub(crate) struct Budget {
    total: usize,
    each: usize,
    held: AtomicUsize,
    holders: Mutex<Slab<Arc<Holder>>>,
    /// Who is read from although there is little left; [`NOBODY`] if nobody is.
    turn: AtomicUsize,
    /// Who waits to be read from, by the keys of their accounts.
    waiting: Mutex<BTreeMap<usize, Waker>>,
}

/// A connection that holds some.
#[derive(Debug)]
struct Holder {
    held: AtomicUsize,
    wire: Wire,
    over: AtomicBool,
}

/// A connection's account.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Arc<Budget>,
    holder: Arc<Holder>,
    key: usize,
}

const NOBODY: usize = usize::MAX;

/// What an ordinary request and its answer take, a buffer each: who holds no more is always read from.
const LITTLE: usize = 2 * POOLED;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Budget {
    /// The budget of this configuration, if it has one.
    pub(crate) fn of(config: &Config) -> Option<Arc<Self>> {
        if config.memory.is_none() && config.connection_memory.is_none() {
            return None;
        }
        Some(Arc::new(Budget {
            total: config.memory.unwrap_or(usize::MAX),
            each: config.connection_memory.unwrap_or(usize::MAX),
            held: AtomicUsize::new(0),
            holders: Mutex::default(),
            turn: AtomicUsize::new(NOBODY),
            waiting: Mutex::default(),
        }))
    }

    /// Opens an account.
    pub(crate) fn open(self: &Arc<Self>, wire: Wire) -> Account {
        let holder = Arc::new(Holder {
            held: AtomicUsize::new(0),
            wire,
            over: AtomicBool::new(false),
        });
        let key = lock(&self.holders).insert(Arc::clone(&holder));
        Account {
            budget: Arc::clone(self),
            holder,
            key,
        }
    }

    fn pass_turn(&self, from: usize, to: usize) -> bool {
        let passed = self
            .turn
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        passed.is_ok()
    }

    /// Lets those that wait look again.
    fn wake_all(&self) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        waiting.into_values().for_each(Waker::wake);
    }

    fn is_tight(&self) -> bool {
        self.held.load(Ordering::Acquire) > self.total / 4 * 3
    }

    /// Cuts whoever holds most, and more than its share: there may be many that hold little.
    #[cold]
    fn shed(&self) {
        let holders = lock(&self.holders);
        let free = holders.iter().map(|(_, holder)| holder);
        let most = free
            .filter(|holder| !holder.over.load(Ordering::Acquire))
            .max_by_key(|holder| holder.held.load(Ordering::Acquire));
        let most = most.map(Arc::clone);
        drop(holders);
        if let Some(most) = most {
            most.cut();
        }
    }
}

impl Holder {
    fn cut(&self) {
        self.over.store(true, Ordering::Release);
        self.wire.ask(Ask::Kill);
    }
}

impl Account {
    /// Enters what the connection holds now.
    pub(crate) fn enter(&self, holds: usize) {
        let held = self.holder.held.swap(holds, Ordering::AcqRel);
        if holds == held {
            return;
        }
        let budget = &self.budget;
        if holds < held {
            let less = held - holds;
            budget.held.fetch_sub(less, Ordering::AcqRel);
            let had_turn = budget.pass_turn(self.key, NOBODY);
            if had_turn || !budget.is_tight() {
                budget.wake_all();
            }
            return;
        }
        let total = budget.held.fetch_add(holds - held, Ordering::AcqRel) + (holds - held);
        if holds > budget.each {
            self.holder.cut();
        } else if total > budget.total {
            budget.shed();
        }
    }

    /// Whether the connection is to read no more for now. It is woken when it may.
    pub(crate) fn must_wait(&self, cx: &mut Context<'_>) -> bool {
        if !self.holds_too_much() || self.has_turn() {
            return false;
        }
        let before = lock(&self.budget.waiting).insert(self.key, cx.waker().clone());
        drop(before);
        // Somebody may have given something back before the waker was there.
        self.holds_too_much() && !self.has_turn()
    }

    fn has_turn(&self) -> bool {
        let turn = self.budget.turn.load(Ordering::Acquire);
        turn == self.key || self.budget.pass_turn(NOBODY, self.key)
    }

    /// Whether there is little left, and this one holds more than half of its share.
    fn holds_too_much(&self) -> bool {
        let budget = &self.budget;
        if !budget.is_tight() {
            return false;
        }
        let share = (budget.total / 2 / lock(&budget.holders).len().max(1)).max(LITTLE);
        self.holder.held.load(Ordering::Acquire) > share
    }

    /// Whether the connection was cut to keep the budget.
    pub(crate) fn is_over(&self) -> bool {
        self.holder.over.load(Ordering::Acquire)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.enter(0);
        // Whoever held nothing may have had its turn, too.
        self.budget.pass_turn(self.key, NOBODY);
        // Its key is the next one's as soon as it has left.
        let waker = lock(&self.budget.waiting).remove(&self.key);
        let left = lock(&self.budget.holders).try_remove(self.key);
        drop((waker, left));
        // One holder less is a larger share for the others, and nobody may be left whose turn it is.
        let budget = &self.budget;
        if !budget.is_tight() || budget.turn.load(Ordering::Acquire) == NOBODY {
            budget.wake_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};

    use http_server_trait::backend::Site;
    use http_server_trait::{Config, Conn, Exec, Facts, Progress, State};

    use super::{Account, Budget, LITTLE, lock};
    use crate::testkit::Sim;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    fn open(budget: &Arc<Budget>, number: u64) -> Account {
        let site = Site {
            backend: "none",
            exec: Exec::new(Arc::new(Sim::new(1))),
            state: State::default(),
            generation: 1,
            progress: Progress::new(),
        };
        let mut facts = Facts::default();
        facts.number = number;
        budget.open(Conn::new(facts, site).wire().clone())
    }

    #[test]
    fn who_has_gone_waits_no_more() {
        let mut config = Config::default();
        config.memory = Some(100 * LITTLE);
        let budget = Budget::of(&config).unwrap();
        let large = open(&budget, 0);
        // Many make the share of each small.
        let _crowd: Vec<_> = (100..120).map(|number| open(&budget, number)).collect();
        large.enter(90 * LITTLE);
        assert!(!large.must_wait(&mut Context::from_waker(Waker::noop())));
        for number in 1..100 {
            let account = open(&budget, number);
            account.enter(9 * LITTLE);
            let waker = Waker::from(Arc::new(Nobody));
            for _ in 0..3 {
                assert!(account.must_wait(&mut Context::from_waker(&waker)));
            }
            drop(account);
            assert_eq!(lock(&budget.waiting).len(), 0, "{number} have gone");
        }
    }
}
