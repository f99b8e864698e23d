//! What is written down about a request while it is under way, and until its answer is out.

use std::collections::VecDeque;
use std::time::Instant;

use http::StatusCode;
use http_server_trait::{Completed, Failure, Outcome, Phases, Summary};

/// A request that is under way, or whose answer waits to be sent.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) summary: Summary,
    pub(crate) status: Option<StatusCode>,
    pub(crate) bytes_in: u64,
    /// How many bytes the connection had been given to send before this answer.
    pub(crate) out_from: u64,
    pub(crate) phases: Phases,
    /// When the current phase began.
    pub(crate) since: Instant,
    /// What went wrong in it, for the error hook.
    pub(crate) failures: Vec<Failure>,
}

impl Record {
    pub(crate) fn new(summary: Summary, out_from: u64, received: Instant) -> Self {
        Record {
            summary,
            status: None,
            bytes_in: 0,
            out_from,
            phases: Phases::default(),
            since: received,
            failures: Vec::new(),
        }
    }

    /// Adds a failure, with what it happened in.
    pub(crate) fn fail(&mut self, failure: Failure) {
        let failure = failure.within(&self.summary);
        self.failures.push(failure);
    }

    /// What the `after` hooks are told.
    pub(crate) fn completed(&self, outcome: Outcome, bytes_out: u64) -> Completed {
        let mut completed = Completed::new(self.summary.clone(), self.status, outcome);
        completed.bytes_in = self.bytes_in;
        completed.bytes_out = bytes_out;
        completed.phases = self.phases;
        completed
    }
}

/// An answer that is complete but not sent: where it ends in the stream of sent bytes, and its record if
/// anybody is to be told.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) end: u64,
    pub(crate) record: Option<Box<Record>>,
}

/// Answers that wait to be sent. Most often it is one, and needs no memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    first: Option<Unsent>,
    more: VecDeque<Unsent>,
}

impl Outbox {
    pub(crate) fn push(&mut self, unsent: Unsent) {
        match &self.first {
            None => self.first = Some(unsent),
            Some(_) => self.more.push_back(unsent),
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
        let next = self.more.pop_front();
        std::mem::replace(&mut self.first, next)
    }

    pub(crate) fn len(&self) -> usize {
        self.more.len() + usize::from(self.first.is_some())
    }
}
