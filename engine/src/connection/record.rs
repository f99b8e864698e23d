//! What is written down about a request while it is under way, and until its answer is out.

use std::collections::VecDeque;
use std::time::Instant;

use http::{Method, StatusCode, Version};
use http_server_trait::{Completed, Failure, Outcome, Phases, Summary};

/// What is kept of a request, for hooks that run when it is gone.
#[derive(Debug)]
pub(crate) enum Kept {
    /// Its head: some hook may ask for it.
    Summary(Summary),
    /// Its request line, for the log if it fails; the target is the [link's](super::link::Link).
    Line {
        method: Method,
        version: Version,
        number: u64,
        received: Instant,
    },
}

/// A request that is under way, or whose answer waits to be sent.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) request: Kept,
    pub(crate) status: Option<StatusCode>,
    pub(crate) bytes_in: u64,
    /// How many bytes the connection had been given to send before this answer.
    pub(crate) out_from: u64,
    /// How long it took, if anybody is to be told.
    phases: Option<Box<Phases>>,
    /// When the current phase began.
    pub(crate) since: Instant,
    /// What went wrong in it, for the error hook.
    pub(crate) failures: Vec<Failure>,
}

impl Record {
    pub(crate) fn new(request: Kept, out_from: u64, received: Instant) -> Self {
        Record {
            request,
            status: None,
            bytes_in: 0,
            out_from,
            phases: None,
            since: received,
            failures: Vec::new(),
        }
    }

    pub(crate) fn phases(&mut self) -> &mut Phases {
        self.phases.get_or_insert_default()
    }

    /// What the `after` hooks are told; nothing, if nobody was to know of the request.
    pub(crate) fn completed(&self, outcome: Outcome, bytes_out: u64) -> Option<Completed> {
        let Kept::Summary(summary) = &self.request else {
            return None;
        };
        let mut completed = Completed::new(summary.clone(), self.status, outcome);
        completed.bytes_in = self.bytes_in;
        completed.bytes_out = bytes_out;
        completed.phases = self.phases.as_deref().copied().unwrap_or_default();
        Some(completed)
    }
}

/// An answer that is complete but not sent: where it ends in the stream of sent bytes, and its record if
/// anybody is to be told.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) end: u64,
    pub(crate) record: Option<Box<Record>>,
}

/// Memory for so many answers stays with a connection: who pipelines does so again.
const KEPT: usize = 16;

/// Answers that wait to be sent. Most often it is one, and needs no memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    first: Option<Unsent>,
    /// There once there were two.
    #[expect(
        clippy::box_collection,
        reason = "an idle connection has none: it pays for a pointer"
    )]
    more: Option<Box<VecDeque<Unsent>>>,
}

impl Outbox {
    pub(crate) fn push(&mut self, unsent: Unsent) {
        match &self.first {
            None => self.first = Some(unsent),
            Some(_) => self.more.get_or_insert_default().push_back(unsent),
        }
    }

    /// Takes the next one out, if all of it is among the first `sent` bytes.
    pub(crate) fn pop_sent(&mut self, sent: u64) -> Option<Unsent> {
        if self.first.as_ref()?.end > sent {
            return None;
        }
        self.pop()
    }

    /// Takes the next one out, sent or not.
    pub(crate) fn pop(&mut self) -> Option<Unsent> {
        let next = self.more.as_mut().and_then(|more| more.pop_front());
        std::mem::replace(&mut self.first, next)
    }

    /// Gives the memory of many back, if none wait.
    pub(crate) fn rest(&mut self) {
        let has_much = |more: &VecDeque<Unsent>| more.is_empty() && more.capacity() > KEPT;
        if self.more.as_deref().is_some_and(has_much) {
            self.more = None;
        }
    }

    /// How many bytes it takes beside itself.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let more = self.more.as_ref();
        more.map_or(0, |more| more.capacity() * size_of::<Unsent>())
    }

    pub(crate) fn len(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.len()) + usize::from(self.first.is_some())
    }
}
