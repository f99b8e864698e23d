//! The books: what was accepted, how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use http_server_trait::{AbortReason, CloseReason, Counters};

/// The books of a server. Each worker writes on a page of its own, so that counting costs no traffic
/// between processors; reading adds the pages up.
#[derive(Debug, Default)]
pub struct Ledger {
    pages: std::sync::Mutex<Vec<Arc<Page>>>,
}

/// One worker's page.
///
/// A page may be written from several threads, where a runtime moves tasks. The counts are relaxed:
/// the sums are right at any quiet point, which is all that is promised.
#[derive(Debug)]
#[repr(align(128))] // two cache lines, so that the processor's prefetching does not share them either
pub struct Page {
    /// The [token] of the thread that was the first to enter something; zero before that.
    owner: AtomicUsize,
    /// What its owner has entered. Nobody else writes there, so that a request needs no locked instruction.
    own: Moves,
    /// What others have.
    others: Moves,
    accepted: AtomicU64,
    /// Connections that exist: one [`Open`] for each. Kept apart from the entries for accepting and
    /// closing, so that a connection that ends without an entry, or with two, shows.
    open: AtomicI64,
    failures: AtomicU64,
    accept_errors: AtomicU64,
    closed: [AtomicU64; CloseReason::ALL.len()],
    aborted: [AtomicU64; AbortReason::ALL.len()],
}

/// What changes with each request.
#[derive(Debug)]
struct Moves {
    requests: AtomicU64,
    completed: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// Requests that exist, less those that ended here and began elsewhere.
    active: AtomicI64,
}

impl Moves {
    const fn new() -> Self {
        Moves {
            requests: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            active: AtomicI64::new(0),
        }
    }

    /// For one of several writers.
    #[cold]
    fn add(&self, tally: &Tally) {
        for (count, more) in [
            (&self.requests, tally.requests.into()),
            (&self.completed, tally.completed.into()),
            (&self.bytes_in, tally.bytes_in),
            (&self.bytes_out, tally.bytes_out),
        ] {
            if more > 0 {
                add(count, more);
            }
        }
        if tally.active != 0 {
            self.active
                .fetch_add(tally.active.into(), Ordering::Relaxed);
        }
    }

    /// For the only writer.
    #[inline]
    fn write(&self, tally: &Tally) {
        let more = |count: &AtomicU64, more: u64| {
            count.store(load(count).wrapping_add(more), Ordering::Relaxed);
        };
        more(&self.requests, tally.requests.into());
        more(&self.completed, tally.completed.into());
        more(&self.bytes_in, tally.bytes_in);
        more(&self.bytes_out, tally.bytes_out);
        if tally.active != 0 {
            let active = self.active.load(Ordering::Relaxed);
            let active = active.wrapping_add(tally.active.into());
            self.active.store(active, Ordering::Relaxed);
        }
    }
}

/// A number that no other thread has as long as this one lives, and that is not zero: where it keeps what is its own.
/// One that comes later may have it again, and sees what this one has written.
#[inline]
fn token() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

impl Ledger {
    /// A new page, for a worker.
    pub fn page(&self) -> Arc<Page> {
        let page = Arc::new(Page::new());
        self.lock().push(Arc::clone(&page));
        page
    }

    /// The sum of all pages.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        let (mut open, mut active) = (0, 0);
        for page in self.lock().iter() {
            for reason in CloseReason::ALL {
                sum.add_closed(*reason, load(&page.closed[reason.index()]));
            }
            for reason in AbortReason::ALL {
                sum.add_aborted(*reason, load(&page.aborted[reason.index()]));
            }
            for moves in [&page.own, &page.others] {
                sum.completed += load(&moves.completed);
                sum.requests += load(&moves.requests);
                sum.bytes_in += load(&moves.bytes_in);
                sum.bytes_out += load(&moves.bytes_out);
                active += moves.active.load(Ordering::Relaxed);
            }
            sum.accepted += load(&page.accepted);
            sum.failures += load(&page.failures);
            sum.accept_errors += load(&page.accept_errors);
            open += page.open.load(Ordering::Relaxed);
        }
        sum.open = open.max(0).unsigned_abs();
        sum.active = active.max(0).unsigned_abs();
        sum
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Page>>> {
        self.pages
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

impl Page {
    fn new() -> Self {
        Page {
            owner: AtomicUsize::new(0),
            own: Moves::new(),
            others: Moves::new(),
            accepted: AtomicU64::new(0),
            open: AtomicI64::new(0),
            failures: AtomicU64::new(0),
            accept_errors: AtomicU64::new(0),
            closed: [const { AtomicU64::new(0) }; CloseReason::ALL.len()],
            aborted: [const { AtomicU64::new(0) }; AbortReason::ALL.len()],
        }
    }

    /// Whether this thread is the one that writes on the page without others in its way: the first that does.
    #[inline]
    fn is_own(&self) -> bool {
        let (owner, token) = (self.owner.load(Ordering::Relaxed), token());
        owner == token || (owner == 0 && self.become_own(token))
    }

    #[cold]
    fn become_own(&self, token: usize) -> bool {
        let (is, to) = (Ordering::Relaxed, Ordering::Relaxed);
        self.owner.compare_exchange(0, token, is, to).is_ok()
    }

    /// A connection was accepted. It is open as long as the guard lives.
    pub fn accepted(self: &Arc<Self>) -> Open {
        add(&self.accepted, 1);
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// A connection ended.
    pub fn closed(&self, reason: CloseReason) {
        add(&self.closed[reason.index()], 1);
    }

    /// Bytes were read and written where no tally is kept.
    pub(crate) fn moved(&self, bytes_in: usize, bytes_out: usize) {
        let mut tally = Tally {
            bytes_in: bytes_in as u64,
            bytes_out: bytes_out as u64,
            ..Tally::default()
        };
        tally.enter(self);
    }

    /// A hook failed or panicked.
    pub fn failed(&self) {
        add(&self.failures, 1);
    }

    /// Accepting failed.
    pub fn accept_error(&self) {
        add(&self.accept_errors, 1);
    }
}

/// A connection that is open.
#[derive(Debug)]
pub struct Open(Arc<Page>);

impl Open {
    /// The page that it is written on.
    pub fn page(&self) -> &Arc<Page> {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one connection has to add to its page. It is added when the connection comes to rest, so that
/// a burst of requests is one entry.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u32,
    pub(crate) completed: u32,
    pub(crate) active: i32,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Tally {
    #[inline]
    pub(crate) fn enter(&mut self, page: &Page) {
        let tally = std::mem::take(self);
        if page.is_own() {
            page.own.write(&tally);
        } else {
            page.others.add(&tally);
        }
    }

    /// A request was aborted. Rare, so entered at once, with what came before it.
    pub(crate) fn aborted(&mut self, page: &Page, reason: AbortReason) {
        self.enter(page);
        add(&page.aborted[reason.index()], 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{AbortReason, CloseReason, Ledger, Tally};

    #[test]
    fn pages_add_up_and_balance() {
        let ledger = Ledger::default();
        let pages = [ledger.page(), ledger.page()];
        let mut open = Vec::new();
        for page in &pages {
            open.push(page.accepted());
            drop(page.accepted());
            page.closed(CloseReason::IdleTimeout);
            let mut tally = Tally {
                requests: 3,
                completed: 1,
                active: 1,
                bytes_in: 10,
                bytes_out: 20,
            };
            tally.aborted(page, AbortReason::ClientLeft);
            tally.enter(page);
        }
        let sum = ledger.counters();
        assert!(sum.balances());
        assert_eq!(
            (sum.accepted, sum.open, sum.closed(CloseReason::IdleTimeout)),
            (4, 2, 2)
        );
        assert_eq!((sum.requests, sum.completed, sum.active), (6, 2, 2));
        assert_eq!(
            (sum.aborted(AbortReason::ClientLeft), sum.bytes_in),
            (2, 20)
        );
        drop(open);
        assert!(
            !ledger.counters().balances(),
            "two connections ended and nobody said why"
        );
    }

    #[test]
    fn threads_that_write_on_one_page_lose_nothing() {
        let ledger = Ledger::default();
        let page = ledger.page();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let mut tally = Tally {
                            requests: 1,
                            completed: 1,
                            bytes_out: 3,
                            ..Tally::default()
                        };
                        tally.enter(&page);
                        page.moved(2, 0);
                    }
                });
            }
        });
        let sum = ledger.counters();
        assert_eq!((sum.requests, sum.completed), (40_000, 40_000));
        assert_eq!((sum.bytes_in, sum.bytes_out), (80_000, 120_000));
    }
}
