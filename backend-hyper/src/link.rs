//! What the parts of a connection share: hyper's service, the bodies on both ways, and the driver.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use http::StatusCode;
use http_server_trait::backend::{Ask, Pipeline, TakeoverRun};
use http_server_trait::{
    AbortReason, CloseReason, Completed, Config, Conn, Failure, Head, Outcome, Phases, Response,
    Summary,
};
use hyper::upgrade::OnUpgrade;
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::Outgoing;
use crate::content::{Hold, Slot};
use crate::core::Core;
use crate::wire::{Broken, Flow, Wire};

/// A connection.
pub(crate) struct Link {
    pub(crate) server: Arc<Core>,
    pub(crate) conn: Conn,
    pub(crate) wire: Wire,
    state: Mutex<State>,
}

pub(crate) struct State {
    /// The request that is under way.
    record: Option<Record>,
    /// Whether one is, or its hooks have not been told of its end.
    busy: bool,
    requests: u64,
    pub(crate) slot: Option<Arc<Slot>>,
    /// Why the last answer said that the connection is closed after it.
    pub(crate) closing: Option<CloseReason>,
    verdict: Option<Verdict>,
    /// What takes the connection when hyper has handed it over.
    handing: Option<(OnUpgrade, TakeoverRun)>,
    /// An answer that waits until so many flushes were made.
    waits_for_flush: Option<u64>,
    waiting: Waiting,
}

/// Since when the next request is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) since: Instant,
    /// When hyper took its first bytes.
    pub(crate) begun: Option<Instant>,
    pub(crate) is_first: bool,
    /// How much hyper had taken before.
    taken: u64,
}

/// An end that hyper knows nothing of.
pub(crate) enum Verdict {
    /// The application takes the connection over, after this answer.
    Hand {
        answer: Option<Response>,
        run: TakeoverRun,
    },
    /// The client has left, and what was done for it was given up.
    Left,
    /// The request took too long, and nobody answered for it.
    Late,
}

/// A request that is under way.
pub(crate) struct Record {
    server: Arc<Core>,
    summary: Summary,
    status: Option<StatusCode>,
    slot: Arc<Slot>,
    /// How much had been written before its answer.
    written: u64,
    phases: Phases,
    since: Instant,
    failures: Vec<Failure>,
    sending: Sending,
    flight: Option<OwnedSemaphorePermit>,
    outcome: Option<Outcome>,
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Not,
    Begun,
    /// hyper has all of it. It is sent at the next flush.
    Given {
        flushes: u64,
    },
    Failed,
}

impl Link {
    pub(crate) fn new(server: Arc<Core>, conn: Conn, wire: Wire) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Link {
            server,
            conn,
            wire,
            state: Mutex::new(State {
                record: None,
                busy: false,
                requests: 0,
                slot: None,
                closing: None,
                verdict: None,
                handing: None,
                waits_for_flush: None,
                waiting: Waiting {
                    since: now,
                    begun: None,
                    is_first: true,
                    taken: 0,
                },
            }),
        })
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.server.pipeline
    }

    pub(crate) fn config(&self) -> &Config {
        self.server.pipeline.config()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when the hooks have been told of the request before. The driver polls hyper when they have, and
    /// hyper this, so that nobody needs a waker.
    pub(crate) async fn is_free(&self) {
        poll_fn(|_| {
            if self.state().busy {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// A request begins: its head was understood.
    pub(crate) fn begin(&self, parts: http::request::Parts, slot: &Arc<Slot>) -> (Head, Summary) {
        let now = Instant::now();
        let mut state = self.state();
        state.requests += 1;
        state.busy = true;
        let received = state.waiting.begun.unwrap_or(now);
        let mut head = Head::from_http(parts, &self.conn, state.requests, received);
        let summary = head.summary();
        state.slot = Some(Arc::clone(slot));
        state.record = Some(Record {
            server: Arc::clone(&self.server),
            summary: summary.clone(),
            status: None,
            slot: Arc::clone(slot),
            written: self.wire.flow().written,
            phases: Phases::default(),
            since: received,
            failures: Vec::new(),
            sending: Sending::Not,
            flight: None,
            outcome: None,
        });
        self.server.count(|books| {
            books.requests += 1;
            books.active += 1;
        });
        (head, summary)
    }

    /// Whether the request may be under way beside the others.
    pub(crate) fn may_take_off(&self) -> bool {
        let Some(flights) = &self.server.flights else {
            return true;
        };
        let flight = Arc::clone(flights).try_acquire_owned().ok();
        let may = flight.is_some();
        if let Some(record) = &mut self.state().record {
            record.flight = flight;
        }
        may
    }

    /// A phase of the request has ended.
    pub(crate) fn phase(&self, set: impl FnOnce(&mut Phases, Duration)) {
        if let Some(record) = &mut self.state().record {
            record.end_phase(set);
        }
    }

    /// Something has failed in the request. The error hook is told when its answer is out.
    pub(crate) fn fail(&self, failure: Failure) {
        if let Some(record) = &mut self.state().record {
            record.failures.push(failure.within(&record.summary));
        }
    }

    /// hyper is about to be given an answer.
    pub(crate) fn answers(&self, status: StatusCode, closing: Option<CloseReason>) {
        let mut state = self.state();
        state.closing = closing;
        if let Some(record) = &mut state.record {
            record.status = Some(status);
            record.sending = Sending::Begun;
        }
    }

    /// hyper has all of the answer, or will get no more of it.
    pub(crate) fn gave(&self, all: bool) {
        let flushes = self.wire.flow().flushes;
        if let Some(record) = &mut self.state().record {
            record.sending = match record.sending {
                Sending::Begun if all => Sending::Given { flushes },
                Sending::Begun => Sending::Failed,
                sending => sending,
            };
        }
        if all {
            self.wire.ends_answer();
        }
    }

    /// Ends the connection in a way that hyper knows nothing of: it waits for this in vain.
    pub(crate) async fn end(&self, verdict: Verdict) -> http::Response<Outgoing> {
        self.state().verdict = Some(verdict);
        pending().await
    }

    pub(crate) fn take_verdict(&self) -> Option<Verdict> {
        self.state().verdict.take()
    }

    /// hyper hands the connection over after this answer.
    pub(crate) fn hands(&self, upgrade: OnUpgrade, run: TakeoverRun) {
        self.state().handing = Some((upgrade, run));
    }

    pub(crate) fn take_handing(&self) -> Option<(OnUpgrade, TakeoverRun)> {
        self.state().handing.take()
    }

    /// An answer gives no more before everything that hyper has is written.
    pub(crate) fn wait_for_flush(&self, flushes: u64) {
        self.state().waits_for_flush = Some(flushes);
    }

    /// Whether an answer waited for what has happened.
    pub(crate) fn has_waited_for(&self, flow: Flow) -> bool {
        let mut state = self.state();
        let has_come = state.waits_for_flush.is_some_and(|it| flow.flushes > it);
        if has_come {
            state.waits_for_flush = None;
        }
        has_come
    }

    /// Tells who waits for the end of a request that is over already, or cannot be answered any more.
    pub(crate) fn tell_ends(&self) {
        if !self.conn.awaits_ends() {
            return;
        }
        let (requests, under_way) = {
            let state = self.state();
            (state.requests, u64::from(state.record.is_some()))
        };
        let answered = requests - under_way;
        match self.wire.broken() {
            Some(broken) => {
                let ended = Outcome::Aborted(broken.abort_reason());
                self.conn.set_ended(answered + 1, ended);
            }
            None => self.conn.set_answered(answered),
        }
    }

    /// Notes when the first bytes of a request have come.
    pub(crate) fn look(&self, flow: Flow) {
        let mut state = self.state();
        if !state.busy && state.waiting.begun.is_none() && flow.taken > state.waiting.taken {
            state.waiting.begun = Some(Instant::now());
        }
    }

    /// The request whose answer has been sent, if one has.
    pub(crate) fn take_sent(&self, flow: Flow) -> Option<Record> {
        let mut state = self.state();
        let is_over = state.handing.is_some();
        let record = state.record.as_mut()?;
        match record.sending {
            Sending::Given { flushes } if flow.flushes > flushes => {}
            _ => return None,
        }
        record.slot.take_back();
        record.end_phase(|phases, took| phases.send = took);
        let outcome = if is_over {
            Outcome::TakenOver
        } else {
            Outcome::Sent
        };
        record.settle(outcome);
        state.record.take()
    }

    /// The request that is under way, which will not be answered.
    pub(crate) fn take_aborted(&self, outcome: Outcome) -> Option<Record> {
        let mut record = self.state().record.take()?;
        // What came first is why nothing more was sent; who waits has been told so.
        let broken = self.wire.broken().map(Broken::abort_reason);
        let outcome = match (outcome, broken) {
            (Outcome::Aborted(_), Some(reason)) => Outcome::Aborted(reason),
            (outcome, _) => outcome,
        };
        record.end_phase(|phases, took| phases.send = took);
        record.settle(outcome);
        Some(record)
    }

    /// Tells the hooks of a request that has ended.
    pub(crate) async fn tell(self: Arc<Self>, mut record: Record) {
        let pipeline = self.pipeline();
        for failure in std::mem::take(&mut record.failures) {
            self.server.count(|books| books.failures += 1);
            pipeline.report(failure).await;
        }
        if !pipeline.has_after() {
            return;
        }
        let written = self.wire.flow().written;
        let outcome = record.outcome.unwrap_or(Outcome::Sent);
        let mut done = Completed::new(record.summary.clone(), record.status, outcome);
        done.bytes_in = record.slot.got();
        done.bytes_out = written - record.written;
        done.phases = record.phases;
        let failed = pipeline.after(done).await;
        self.server.count(|books| books.failures += failed);
    }

    /// The hooks have been told: another request may begin.
    pub(crate) fn told(&self) {
        let flow = self.wire.flow();
        // hyper may have read on since.
        let taken = flow.answered.unwrap_or(flow.taken);
        let mut state = self.state();
        state.busy = false;
        state.waiting = Waiting {
            since: Instant::now(),
            begun: None,
            is_first: false,
            taken,
        };
    }

    /// Why the answer that is about to be sent must be the last, if it must.
    pub(crate) fn reason_to_close(&self, expects: bool, slot: &Slot) -> Option<CloseReason> {
        if let Some(trouble) = slot.trouble() {
            return Some(trouble);
        }
        if self.server.is_draining() {
            return Some(CloseReason::Shutdown);
        }
        if self.conn.asks().has(Ask::CloseAfterCurrentResponse) {
            return Some(CloseReason::AppClosed);
        }
        let config = self.config();
        let requests = self.state().requests;
        if config
            .requests_per_connection
            .is_some_and(|most| requests >= most)
        {
            return Some(CloseReason::RequestLimit);
        }
        // RFC 9110, 10.1.1: a client that was not told to send may send or not, and what comes next could be
        // read in two ways.
        let is_held_back = expects && !slot.was_asked_for();
        let is_long = slot
            .length()
            .is_some_and(|left| left > config.unread_content);
        let is_unread = slot.hold() == Hold::Unwanted && (is_held_back || is_long);
        is_unread.then_some(CloseReason::UnreadContent)
    }
}

impl State {
    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    pub(crate) fn waiting(&self) -> Waiting {
        self.waiting
    }

    /// Whether an answer is being sent.
    pub(crate) fn is_answering(&self) -> bool {
        match &self.record {
            Some(record) => record.sending != Sending::Not,
            // Its hooks are being told.
            None => self.busy,
        }
    }
}

impl Record {
    fn end_phase(&mut self, set: impl FnOnce(&mut Phases, Duration)) {
        let now = Instant::now();
        set(&mut self.phases, now.saturating_duration_since(self.since));
        self.since = now;
    }

    /// Writes down how it ended.
    fn settle(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        if let (Some(conn), Some(id)) = (self.summary.conn(), self.summary.id()) {
            match outcome {
                Outcome::Sent => conn.set_answered(id.number()),
                // No request comes after it.
                _ => {
                    conn.set_ended(id.number(), outcome);
                }
            }
        }
        self.flight = None;
        self.server.count(|books| {
            books.active -= 1;
            match outcome {
                Outcome::Aborted(reason) => books.add_aborted(reason, 1),
                Outcome::Sent | Outcome::TakenOver => books.completed += 1,
                _ => books.add_aborted(AbortReason::ServerError, 1),
            }
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // A panic in the driver, or a runtime that ended.
        if self.outcome.is_none() {
            self.settle(Outcome::Aborted(AbortReason::ServerError));
        }
    }
}
