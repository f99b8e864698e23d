//! The books: what was accepted, how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

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
    accepted: AtomicU64,
    /// Connections that exist: one [`Open`] for each. Kept apart from the entries for accepting and
    /// closing, so that a connection that ends without an entry, or with two, shows.
    open: AtomicI64,
    requests: AtomicU64,
    /// Requests that exist, likewise.
    active: AtomicI64,
    completed: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    failures: AtomicU64,
    accept_errors: AtomicU64,
    closed: [AtomicU64; CloseReason::ALL.len()],
    aborted: [AtomicU64; AbortReason::ALL.len()],
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
            sum.completed += load(&page.completed);
            sum.accepted += load(&page.accepted);
            sum.requests += load(&page.requests);
            sum.bytes_in += load(&page.bytes_in);
            sum.bytes_out += load(&page.bytes_out);
            sum.failures += load(&page.failures);
            sum.accept_errors += load(&page.accept_errors);
            open += page.open.load(Ordering::Relaxed);
            active += page.active.load(Ordering::Relaxed);
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
            accepted: AtomicU64::new(0),
            open: AtomicI64::new(0),
            requests: AtomicU64::new(0),
            active: AtomicI64::new(0),
            completed: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            accept_errors: AtomicU64::new(0),
            closed: [const { AtomicU64::new(0) }; CloseReason::ALL.len()],
            aborted: [const { AtomicU64::new(0) }; AbortReason::ALL.len()],
        }
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
        add(&self.bytes_in, bytes_in as u64);
        add(&self.bytes_out, bytes_out as u64);
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
    pub(crate) fn enter(&mut self, page: &Page) {
        let Tally {
            requests,
            completed,
            active,
            bytes_in,
            bytes_out,
        } = std::mem::take(self);
        for (count, more) in [
            (&page.requests, requests.into()),
            (&page.completed, completed.into()),
            (&page.bytes_in, bytes_in),
            (&page.bytes_out, bytes_out),
        ] {
            if more > 0 {
                add(count, more);
            }
        }
        if active != 0 {
            page.active.fetch_add(active.into(), Ordering::Relaxed);
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
}
