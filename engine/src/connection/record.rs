//! What is written down about a request while it is under way, and until its answer is out.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use http::{StatusCode, Version};
use http_server_trait::{Completed, Failure, Outcome, Phases, Summary};

/// A request that is under way, or whose answer waits to be sent. Its box is used again: an idle connection has none.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its method and target, if nothing else of its head is kept.
    pub(crate) line: Vec<u8>,
    pub(crate) version: Version,
    pub(crate) status: Option<StatusCode>,
    pub(crate) bytes_in: u64,
    /// How many bytes the connection had been given to send before this answer.
    pub(crate) out_from: u64,
    pub(crate) received: Instant,
    /// Until when its answer must have begun.
    pub(crate) until: Option<Instant>,
    /// When the current phase began.
    pub(crate) since: Instant,
    /// Most requests have none: of them nobody is told anything.
    told: Option<Box<Told>>,
}

/// What hooks are told that run when the request is gone, and what else few requests have.
#[derive(Debug, Default)]
struct Told {
    /// The protocols that it would like to go on with.
    upgrade: Option<String>,
    /// Its head, if some hook may ask for it.
    summary: Option<Summary>,
    /// How long it took.
    phases: Phases,
    /// What went wrong in it, for the error hook.
    failures: Vec<Failure>,
}

/// How many boxes a thread keeps: one for each request that is under way at a time, most often.
const SPARE: usize = 64;

/// Memory for a request line of this length is used again with its box.
const KEPT_LINE: usize = 256;

type Boxes = Vec<Box<Record>>;

thread_local! {
    /// The box that was given back last. Most often it is the one that is taken next.
    static LAST: Cell<Option<Box<Record>>> = const { Cell::new(None) };
    static POOL: RefCell<Boxes> = const { RefCell::new(Vec::new()) };
}

/// The box that was given back last. A thread that is ending has none any more.
#[inline]
fn last_box() -> Option<Box<Record>> {
    LAST.try_with(Cell::take).ok().flatten()
}

/// A box that was used before that, if this thread has one.
fn earlier_box() -> Option<Box<Record>> {
    POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten()
}

#[cold]
fn put_aside(record: Box<Record>) {
    let _ = POOL.try_with(|pool| {
        let mut spare = pool.borrow_mut();
        if spare.len() < SPARE {
            spare.push(record);
        }
    });
}

/// Frees the boxes that this thread keeps.
pub(crate) fn forget_spare() {
    drop(LAST.try_with(Cell::take));
    drop(POOL.try_with(RefCell::take));
}

/// How many bytes the lines in the boxes of this thread have.
#[cfg(test)]
pub(crate) fn spare() -> usize {
    let mut lines = 0;
    while let Some(spare) = last_box().or_else(earlier_box) {
        lines += spare.line.capacity();
    }
    lines
}

impl Record {
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the box is what is used again"
    )]
    #[inline]
    pub(crate) fn new(version: Version, out_from: u64, received: Instant) -> Box<Self> {
        let mut record = last_box().unwrap_or_else(|| Record::another(received));
        record.line.clear();
        record.version = version;
        record.status = None;
        record.bytes_in = 0;
        record.out_from = out_from;
        record.received = received;
        record.until = None;
        record.since = received;
        record
    }

    #[cold]
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the box is what is used again"
    )]
    fn another(received: Instant) -> Box<Self> {
        let fresh = || Record {
            line: Vec::new(),
            version: Version::HTTP_11,
            status: None,
            bytes_in: 0,
            out_from: 0,
            received,
            until: None,
            since: received,
            told: None,
        };
        earlier_box().unwrap_or_else(|| Box::new(fresh()))
    }

    /// It is over: the next one may have the box.
    #[expect(clippy::inline_always, reason = "a call less for each request")]
    #[inline(always)]
    pub(crate) fn recycle(mut self: Box<Self>) {
        if self.told.is_some() || self.line.capacity() > KEPT_LINE {
            self.empty();
        }
        if let Ok(Some(before)) = LAST.try_with(|last| last.replace(Some(self))) {
            put_aside(before);
        }
    }

    /// What it holds may do anything when it is dropped, so not inside the pool.
    #[cold]
    fn empty(&mut self) {
        self.told = None;
        if self.line.capacity() > KEPT_LINE {
            self.line = Vec::new();
        }
    }

    /// Its head is kept.
    pub(crate) fn keep(&mut self, summary: Summary) {
        self.told().summary = Some(summary);
    }

    fn told(&mut self) -> &mut Told {
        self.told.get_or_insert_default()
    }

    pub(crate) fn summary(&self) -> Option<&Summary> {
        self.told.as_ref()?.summary.as_ref()
    }

    pub(crate) fn would_upgrade(&mut self, to: Option<String>) {
        self.told().upgrade = to;
    }

    pub(crate) fn upgrade(&self) -> Option<&str> {
        self.told.as_ref()?.upgrade.as_deref()
    }

    pub(crate) fn phases(&mut self) -> &mut Phases {
        &mut self.told().phases
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.told().failures.push(failure);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.told
            .as_ref()
            .is_some_and(|told| !told.failures.is_empty())
    }

    pub(crate) fn take_failures(&mut self) -> Vec<Failure> {
        let told = self.told.as_mut();
        told.map(|told| std::mem::take(&mut told.failures))
            .unwrap_or_default()
    }

    /// What the `after` hooks are told; nothing, if nobody was to know of the request.
    pub(crate) fn completed(&self, outcome: Outcome, bytes_out: u64) -> Option<Completed> {
        let told = self.told.as_ref()?;
        let mut completed = Completed::new(told.summary.clone()?, self.status, outcome);
        completed.bytes_in = self.bytes_in;
        completed.bytes_out = bytes_out;
        completed.phases = told.phases;
        Some(completed)
    }
}

/// Requests that have ended, for the hooks to be told: the last one first, and each in a box of its own, so that an
/// idle connection pays for a pointer.
#[derive(Debug, Default)]
pub(crate) struct Ended(Option<Box<One>>);

#[derive(Debug)]
struct One {
    record: Box<Record>,
    outcome: Outcome,
    bytes_out: u64,
    before: Ended,
}

impl Ended {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn push(&mut self, record: Box<Record>, outcome: Outcome, bytes_out: u64) {
        let before = std::mem::take(self);
        self.0 = Some(Box::new(One {
            record,
            outcome,
            bytes_out,
            before,
        }));
    }

    fn pop(&mut self) -> Option<Box<One>> {
        let mut last = self.0.take()?;
        *self = std::mem::take(&mut last.before);
        Some(last)
    }

    /// Takes all of them out, in the order in which they have ended.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Box<Record>, Outcome, u64)> + use<> {
        let mut first = Ended::default();
        while let Some(mut last) = self.pop() {
            last.before = first;
            first = Ended(Some(last));
        }
        std::iter::from_fn(move || {
            let next = *first.pop()?;
            let One {
                record,
                outcome,
                bytes_out,
                ..
            } = next;
            Some((record, outcome, bytes_out))
        })
    }
}

impl Drop for Ended {
    /// One after the other, for they may be many.
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
