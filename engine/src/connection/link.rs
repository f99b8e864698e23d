//! A connection's bytes, clock and books: what every step of the driver works with.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::Method;
use http_server_trait::backend::{Ask, Asks, RawHead, Registered, rest_heads};
use http_server_trait::{
    AbortReason, CloseReason, Config, Conn, ConnState, Failure, Head, Outcome, Summary,
};

use super::alarm::{Alarm, Deadline, Phase, earlier};
use super::content::{Content, State, earned};
use super::outbox::Outbox;
use super::record::{Ended, Record};
use super::stop::Stop;
use super::worker::{Tide, Worker};
use crate::budget::{Account, Budget};
use crate::buffers::{RecvBuf, SendQueue};
use crate::h1::{Message, Reader};
use crate::ledger::{Open, Tally};
use crate::runtime::Runtime;
use crate::service::Service;
use crate::transport::{Close, Transport};

/// A connection, below the level of requests.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of different kinds, not a state"
)]
pub(crate) struct Link<T, R: Runtime> {
    /// There until it is taken over or parked.
    pub(crate) io: Option<T>,
    pub(crate) rx: RecvBuf,
    pub(crate) tx: SendQueue,
    pub(crate) reader: Reader,
    pub(crate) conn: Conn,
    pub(crate) runtime: R,
    pub(crate) open: Open,
    /// Whether the peer has ended its side.
    pub(crate) peer_ended: bool,
    /// Why nothing can be sent or received any more.
    pub(crate) broken: Option<Stop>,
    /// Whether it is being closed.
    pub(crate) closing: bool,
    /// Whether a head has begun that is not complete, or the first one of the connection is waited for.
    pub(crate) waits_for_head: bool,
    /// Whether the client has said that it will send nothing more.
    pub(crate) is_last: bool,
    /// How many requests it has had.
    pub(crate) requests: u64,
    /// How many of them in a row, without a turn for other tasks.
    pub(crate) rounds: u8,
    /// The request that was begun last, as far as reading and answering it is concerned.
    pub(crate) message: Message,
    /// What is left to read of the content of the request.
    pub(crate) content: Content,
    /// The request that is under way.
    pub(crate) current: Option<Box<Record>>,
    /// Since when it waits: when the head that is waited for began, or since when it is idle.
    pub(crate) since: Option<Instant>,
    /// How many bytes the operating system has taken.
    pub(crate) sent: u64,
    pub(crate) outbox: Outbox,
    /// Why the connection has ended.
    pub(crate) close_reason: Option<CloseReason>,
    /// Requests that have ended, for the hooks to be told.
    pub(crate) ended: Ended,
    pub(crate) tally: Tally,
    /// What it holds of the memory, where that is limited.
    account: Option<Box<Account>>,
    /// Whether it is not read from, to keep the budget: then the client is not waited for.
    pub(crate) holds_back: bool,
    alarm: Alarm<R>,
    /// The time, asked for at most once between two rests.
    clock: Option<Instant>,
    heeded: Asks,
    registered: Registered,
    /// There while the client does not take at once what is sent to it.
    slow: Option<Box<Slow>>,
    /// Whether the client has been found to take more than the runtime knows.
    squeezes: bool,
}

/// How slow a client is.
#[derive(Default)]
struct Slow {
    /// When it last took something of what waits, or when that began to wait.
    taken_at: Option<Instant>,
    /// Since when something waits, and how much had been sent then: for the rate.
    waits_since: Option<(Instant, u64)>,
}

/// Why a rest has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roused {
    /// A deadline has passed.
    Late(Phase),
    /// Something new was asked of the connection.
    Asked,
}

/// What a read has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    Some,
    /// The peer has ended its side.
    End,
}

impl<T: Transport, R: Runtime> Link<T, R> {
    pub(crate) fn new(io: T, conn: Conn, runtime: R, open: Open) -> Self {
        Link {
            io: Some(io),
            rx: RecvBuf::new(),
            tx: SendQueue::new(),
            reader: Reader::new(),
            conn,
            runtime,
            open,
            peer_ended: false,
            broken: None,
            closing: false,
            is_last: false,
            requests: 0,
            rounds: 0,
            message: Message::unknown(),
            content: Content::none(),
            current: None,
            since: None,
            waits_for_head: true,
            sent: 0,
            outbox: Outbox::default(),
            close_reason: None,
            ended: Ended::default(),
            tally: Tally::default(),
            account: None,
            holds_back: false,
            alarm: Alarm::new(),
            clock: None,
            heeded: Asks::default(),
            registered: Registered::default(),
            slow: None,
            squeezes: false,
        }
    }

    /// With an account of what it holds.
    pub(crate) fn within(mut self, budget: Option<&Arc<Budget>>) -> Self {
        self.account = budget.map(|budget| Box::new(budget.open(self.conn.wire().clone())));
        self
    }

    /// Enters what it holds, beside a buffer of somebody else's that it reads into.
    fn weigh(&self, beside: usize) {
        if let Some(account) = &self.account {
            account.enter(beside + self.rx.held() + self.tx.held() + self.content.held());
        }
    }

    /// The time, as of the last rest.
    pub(crate) fn now(&mut self) -> Instant {
        match self.clock {
            Some(now) => now,
            None => self.now_anew(),
        }
    }

    /// The time as it is: after something of the application's has run.
    pub(crate) fn now_anew(&mut self) -> Instant {
        *self.clock.insert(self.runtime.now())
    }

    /// Something was waited for elsewhere than in a [rest](Link::rest): the time has gone on. The alarm counts on
    /// that as well, for it may have struck meanwhile.
    pub(crate) fn forget_time(&mut self) {
        self.clock = None;
    }

    /// Reads what has arrived.
    #[inline(never)]
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<Filled, Stop>> {
        self.poll_fill_here(cx)
    }

    /// The same, for the one place that every request goes through.
    #[expect(clippy::inline_always, reason = "a call less for each request")]
    #[inline(always)]
    pub(crate) fn poll_fill_here(&mut self, cx: &mut Context<'_>) -> Poll<Result<Filled, Stop>> {
        if self.may_not_read() {
            if let Some(cannot) = self.cannot_read(cx) {
                return cannot;
            }
        }
        let received = ready!(receive(&mut self.io, cx, &mut self.rx));
        if self.account.is_some() {
            self.weigh(0);
        }
        Poll::Ready(self.filled(received))
    }

    /// Reads what has arrived into a buffer of one's own.
    pub(crate) fn poll_fill_into(
        &mut self,
        cx: &mut Context<'_>,
        rx: &mut RecvBuf,
    ) -> Poll<Result<Filled, Stop>> {
        if self.may_not_read() {
            if let Some(cannot) = self.cannot_read(cx) {
                return cannot;
            }
        }
        let received = ready!(receive(&mut self.io, cx, rx));
        self.weigh(rx.held());
        Poll::Ready(self.filled(received))
    }

    /// Whether there may be a reason not to read. Most connections have none, and no account.
    #[inline]
    fn may_not_read(&self) -> bool {
        self.broken.is_some() || self.peer_ended || self.account.is_some()
    }

    /// Why nothing is read: all that comes has come, or there is no memory for it.
    #[cold]
    fn cannot_read(&mut self, cx: &mut Context<'_>) -> Option<Poll<Result<Filled, Stop>>> {
        if let Some(stop) = self.broken {
            return Some(Poll::Ready(Err(stop)));
        }
        if self.peer_ended {
            return Some(Poll::Ready(Ok(Filled::End)));
        }
        let account = self.account.as_ref()?;
        if account.is_over() {
            // Whether or not its end has been asked for yet: it reads no more.
            self.stop(Stop::OverBudget);
            return Some(Poll::Ready(Err(Stop::OverBudget)));
        }
        self.holds_back = account.must_wait(cx);
        if !self.holds_back {
            return None;
        }
        let now = self.now();
        // It is not the client that is slow.
        self.content.is_not_waited_for(now);
        Some(Poll::Pending)
    }

    #[inline]
    fn filled(&mut self, received: std::io::Result<usize>) -> Result<Filled, Stop> {
        match received {
            Ok(0) => {
                self.peer_ended = true;
                self.conn.set_disconnected(CloseReason::ClientClosed);
                Ok(Filled::End)
            }
            Ok(count) => {
                self.tally.bytes_in += count as u64;
                Ok(Filled::Some)
            }
            Err(error) => Err(self.broke(&error, Stop::ReadFailed)),
        }
    }

    /// Sends what waits. Ready when nothing does.
    #[inline(never)]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        self.poll_flush_here(cx)
    }

    /// The same, for the one place that every request goes through.
    #[expect(clippy::inline_always, reason = "a call less for each request")]
    #[inline(always)]
    pub(crate) fn poll_flush_here(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        if let Some(stop) = self.broken {
            return Poll::Ready(Err(stop));
        }
        while !self.tx.is_empty() {
            let Some(io) = &mut self.io else {
                return Poll::Ready(Err(Stop::WriteFailed));
            };
            match io.poll_send(cx, &mut self.tx) {
                Poll::Ready(Ok(count)) => {
                    self.took_some();
                    self.count_sent(count);
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(self.broke(&error, Stop::WriteFailed)));
                }
                Poll::Pending if self.squeezes && self.squeeze() => {}
                Poll::Pending => {
                    self.takes_nothing();
                    return Poll::Pending;
                }
            }
        }
        if let Some(io) = self.io.as_mut().filter(|io| !io.ends_when_dropped()) {
            match io.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.took_some(),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(self.broke(&error, Stop::WriteFailed)));
                }
                Poll::Pending => {
                    let now = self.now();
                    let slow = self.slow.get_or_insert_default();
                    slow.taken_at.get_or_insert(now);
                    return Poll::Pending;
                }
            }
        }
        if self.slow.is_some() {
            self.slow = None;
        }
        Poll::Ready(Ok(()))
    }

    /// The client takes nothing for now.
    #[cold]
    fn takes_nothing(&mut self) {
        let (now, sent) = (self.now(), self.sent);
        let slow = self.slow.get_or_insert_default();
        slow.taken_at.get_or_insert(now);
        slow.waits_since.get_or_insert((now, sent));
    }

    /// The client, or a buffer of the transport's, has taken something.
    fn took_some(&mut self) {
        if let Some(slow) = &mut self.slow {
            slow.taken_at = None;
        }
    }

    /// Whether anything that was given to it is not on its way: it waits here, or in a buffer of the transport's.
    pub(crate) fn owes(&self) -> bool {
        let is_taking = |slow: &Slow| slow.taken_at.is_some();
        !self.tx.is_empty() || self.slow.as_deref().is_some_and(is_taking)
    }

    /// Writes down which answers are out now.
    fn note_sent(&mut self) {
        let untold = self.outbox.pass(self.sent);
        self.completed(untold);
        while let Some(unsent) = self.outbox.pop_sent(self.sent) {
            self.completed(1);
            if let Some(record) = unsent.record {
                let bytes = unsent.end - record.out_from;
                self.end(record, Outcome::Sent, bytes);
            }
        }
    }

    fn completed(&mut self, count: u32) {
        self.tally.completed += count;
        self.tally.active = self.tally.active.wrapping_sub_unsigned(count);
    }

    fn end(&mut self, mut record: Box<Record>, outcome: Outcome, bytes_out: u64) {
        let now = self.now_anew();
        let took = now.saturating_duration_since(record.since);
        record.phases().send += took;
        self.ended.push(record, outcome, bytes_out);
    }

    /// How many bytes it has been given to send, sent or not.
    pub(crate) fn queued(&self) -> u64 {
        self.sent + self.tx.len() as u64
    }

    #[cold]
    fn broke(&mut self, error: &std::io::Error, otherwise: Stop) -> Stop {
        use std::io::ErrorKind as Kind;
        let stop = match error.kind() {
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::NotConnected => Stop::Reset,
            _ => otherwise,
        };
        self.stop(stop);
        stop
    }

    /// Nothing can be sent or received any more.
    pub(crate) fn stop(&mut self, stop: Stop) {
        let stop = *self.broken.get_or_insert(stop);
        self.conn.set_disconnected(stop.close_reason());
        self.tx.clear();
        // Nothing more is sent, whatever the application answers.
        let ended = Outcome::Aborted(stop.abort_reason());
        self.conn.set_ended(self.answered_up_to() + 1, ended);
        // Nothing waits any more, so nothing is late.
        self.slow = None;
    }

    /// What a future of the driver does last before it is pending: enters the books, gives buffers back,
    /// stores the waker, and looks at the clock. `Ready` says that it must not rest.
    pub(crate) fn rest<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
        deadline: Option<Deadline>,
    ) -> Poll<Roused> {
        self.show();
        self.tally.enter(&worker.page);
        rest_heads();
        self.rx.rest();
        self.tx.rest();
        if self.current.is_none() {
            // It may be idle for long.
            self.outbox.rest();
        }
        if self.account.is_some() {
            self.weigh(0);
        }
        self.conn.driver().keep(cx.waker(), &mut self.registered);
        // After the waker is stored: what is asked from now on wakes it. One that is to be killed never rests again,
        // whatever came in between when it was told so.
        if !self.conn.has_only(self.heeded) || self.heeded.has(Ask::Kill) {
            if let Some(roused) = self.hear(cx, worker) {
                return Poll::Ready(roused);
            }
        }
        let mut deadline = deadline;
        if let Some(at) = self.current.as_ref().and_then(|record| record.until) {
            let phase = Phase::Request;
            deadline = earlier(deadline, Some(Deadline { phase, at }));
        }
        if self.slow.is_some() {
            deadline = earlier(deadline, self.write_deadline(worker.service.config()));
        }
        let now = self.now();
        let polled = if self.alarm.sleeps(deadline, now) {
            Poll::Pending
        } else {
            self.poll_alarm(deadline, now)
        };
        self.clock = None;
        polled
    }

    /// What has come up, and whether it must not rest because of that.
    #[cold]
    fn hear<S: Service>(&mut self, cx: &mut Context<'_>, worker: &Worker<S>) -> Option<Roused> {
        if self.conn.was_roused() {
            // Its timer may have struck, or what is new have come after it was looked for.
            self.clock = None;
            cx.waker().wake_by_ref();
        }
        self.tell_ends();
        let asks = self.conn.asks();
        if asks == self.heeded && !asks.has(Ask::Kill) {
            return None;
        }
        self.heeded = asks;
        // One with nothing under way has nothing to heed but to go.
        if self.current.is_some() || !self.tx.is_empty() || self.io.is_none() {
            self.conn.heed(asks);
            worker.tide.heard.wake();
        }
        Some(Roused::Asked)
    }

    /// Asks its timer, and sets it.
    #[cold]
    fn poll_alarm(&mut self, deadline: Option<Deadline>, now: Instant) -> Poll<Roused> {
        let wire = self.conn.wire();
        let late = self.alarm.poll(wire, &self.runtime, deadline, now);
        match late {
            Poll::Ready(Phase::Write) if self.squeeze() => Poll::Ready(Roused::Asked),
            late => late.map(Roused::Late),
        }
    }

    /// Tells who waits for the end of a request.
    #[inline]
    pub(crate) fn tell_ends(&self) {
        if self.conn.awaits_ends() {
            self.conn.set_answered(self.answered_up_to());
        }
    }

    /// How many bytes were read from the connection and written to it, by whichever server.
    pub(crate) fn moved(&self) -> (u64, u64) {
        let (bytes_in, bytes_out) = self.conn.wire().live().bytes();
        // What has not been entered has not been shown either: one comes after the other.
        (
            bytes_in + self.tally.bytes_in,
            bytes_out + self.tally.bytes_out,
        )
    }

    /// Writes what it is doing, for who looks at the table.
    fn show(&self) {
        let live = self.conn.wire().live();
        live.moved(self.tally.bytes_in, self.tally.bytes_out);
        let state = if self.closing {
            ConnState::Closing
        } else if self.io.is_none() {
            ConnState::TakenOver
        } else if self.current.is_some() && !matches!(self.content.state, State::None) {
            ConnState::Receiving
        } else if !self.tx.is_empty() {
            ConnState::Sending
        } else if self.current.is_some() {
            ConnState::Handling
        } else if !self.rx.is_empty() {
            ConnState::Head
        } else {
            ConnState::Idle
        };
        live.write(state, self.tx.len(), self.requests, self.conn.generation());
    }

    /// Sends to a client that seems to take nothing, whatever the runtime says. Whether it takes something.
    #[cold]
    fn squeeze(&mut self) -> bool {
        self.squeezes = false;
        if self.tx.is_empty() {
            return false;
        }
        let io = self.io.as_mut();
        let Some(Ok(count @ 1..)) = io.map(|io| io.try_send(&mut self.tx)) else {
            return false;
        };
        self.took_some();
        self.count_sent(count);
        self.squeezes = true;
        true
    }

    fn count_sent(&mut self, count: usize) {
        self.sent += count as u64;
        self.tally.bytes_out += count as u64;
        self.note_sent();
    }

    fn write_deadline(&self, config: &Config) -> Option<Deadline> {
        let slow = self.slow.as_ref()?;
        // A time beyond what can be counted never comes.
        let stall = slow.taken_at?.checked_add(config.write_stall);
        let stall = stall.map(|at| Deadline {
            phase: Phase::Write,
            at,
        });
        let rate = config
            .write_rate
            .zip(slow.waits_since)
            .and_then(|(rate, (since, sent))| {
                let at = since.checked_add(earned(rate, self.sent - sent))?;
                Some(Deadline {
                    phase: Phase::WriteRate,
                    at,
                })
            });
        earlier(stall, rate)
    }

    /// Whether to stop at once, and why.
    pub(crate) fn must_stop(&self, tide: &Tide) -> Option<Stop> {
        let killed = self.heeded.has(Ask::Kill);
        killed.then(|| {
            if self.account.as_deref().is_some_and(Account::is_over) {
                Stop::OverBudget
            } else if tide.is_cutting() {
                Stop::ShutdownCut
            } else {
                Stop::Killed
            }
        })
    }

    /// Whether anything has been asked of it, whatever that is.
    #[inline]
    pub(crate) fn is_asked(&self) -> bool {
        (self.heeded, self.conn.asks()) != (Asks::default(), Asks::default())
    }

    /// Whether the answer that is under way is to be the last, and nothing is to be waited for.
    pub(crate) fn must_close(&self) -> bool {
        self.conn.asks().has(Ask::CloseAfterCurrentResponse)
    }

    pub(crate) fn must_park(&self) -> bool {
        self.conn.asks().has(Ask::Park)
    }

    /// The answer to the current request is complete: it waits in the queue, or is out already.
    pub(crate) fn answered(&mut self, tells: bool) {
        self.complete(tells);
        self.note_sent();
    }

    /// The answer to the current request is complete, and some of it waits in the queue.
    #[expect(clippy::inline_always, reason = "a call less for each request")]
    #[inline(always)]
    pub(crate) fn complete(&mut self, tells: bool) {
        let Some(record) = self.current.take() else {
            return;
        };
        let end = self.queued();
        if tells || record.has_failed() {
            self.outbox.push_told(end, record);
        } else {
            record.recycle();
            self.outbox.push(end);
        }
    }

    /// The current request will have no answer, and those that wait to be sent will not be sent.
    pub(crate) fn abort(&mut self, reason: AbortReason) {
        // What came first is why nothing more was sent; who waits has been told so.
        let reason = self.broken.map_or(reason, Stop::abort_reason);
        let ended = Outcome::Aborted(reason);
        self.conn.set_ended(self.answered_up_to() + 1, ended);
        while let Some(unsent) = self.outbox.pop() {
            if let Some(record) = unsent.record {
                let bytes = self.sent.saturating_sub(record.out_from);
                self.end(record, Outcome::Aborted(reason), bytes);
            }
            self.aborted(reason);
        }
        if let Some(record) = self.current.take() {
            let bytes = self.sent.saturating_sub(record.out_from);
            self.end(record, Outcome::Aborted(reason), bytes);
            self.aborted(reason);
        }
    }

    fn aborted(&mut self, reason: AbortReason) {
        // What is entered now is shown now.
        self.show();
        self.tally.active -= 1;
        self.tally.aborted(self.open.page(), reason);
    }

    /// The current request has handed the connection over.
    pub(crate) fn taken_over(&mut self) {
        if let Some(record) = self.current.take() {
            let bytes = self.sent.saturating_sub(record.out_from);
            self.completed(1);
            self.conn.set_ended(self.requests, Outcome::TakenOver);
            self.end(record, Outcome::TakenOver, bytes);
        }
    }

    /// Adds a failure to the current request.
    pub(crate) fn fail(&mut self, failure: Failure) {
        if let Some(summary) = self.summary() {
            if let Some(record) = &mut self.current {
                record.fail(failure.within(&summary));
            }
        }
    }

    /// What is known of the current request.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let record = self.current.as_ref()?;
        if let Some(summary) = record.summary() {
            return Some(summary.clone());
        }
        let line = String::from_utf8_lossy(&record.line);
        let (method, target) = line.split_once(' ').unwrap_or_default();
        Some(Summary::of_line(
            Method::from_bytes(method.as_bytes()).unwrap_or_default(),
            target,
            record.version,
            &self.conn,
            self.requests,
            record.received,
        ))
    }

    /// Finishes a head, and keeps what is to be known of it when it is gone.
    pub(crate) fn begin(&mut self, raw: RawHead, whole: bool) -> Head {
        let received = self.now();
        self.requests += 1;
        self.tally.requests += 1;
        self.tally.active += 1;
        let (_, target, version) = raw.line();
        let mut record = Record::new(version, self.queued(), received);
        let head = if whole {
            let mut head = raw.finish_next(&self.conn, self.requests, received);
            record.keep(head.summary());
            head
        } else {
            // A head begins with its method and target, as they were sent.
            let line = raw.text().get(..target.whole.end());
            record.line.extend_from_slice(line.unwrap_or_default());
            raw.finish_next(&self.conn, self.requests, received)
        };
        self.current = Some(record);
        head
    }

    /// Until then the answer to the current request must have begun.
    pub(crate) fn answer_until(&mut self, until: Option<Instant>) {
        if let Some(record) = &mut self.current {
            record.until = until;
        }
    }

    /// Ends a phase of the current request, and begins the next one.
    pub(crate) fn phase(
        &mut self,
        worker_tells: bool,
        add: impl FnOnce(&mut Record, std::time::Duration),
    ) {
        if !worker_tells {
            return;
        }
        let now = self.now_anew();
        if let Some(record) = &mut self.current {
            let took = now.saturating_duration_since(record.since);
            record.since = now;
            add(record, took);
        }
    }

    /// Ends this side of the connection.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>, how: Close) -> Poll<()> {
        match &mut self.io {
            // What the peer has broken already needs no end.
            Some(io) => io.poll_close(cx, how).map(drop),
            None => Poll::Ready(()),
        }
    }
}

/// Reads, if it is there still.
#[inline(never)]
fn receive<T: Transport>(
    io: &mut Option<T>,
    cx: &mut Context<'_>,
    rx: &mut RecvBuf,
) -> Poll<std::io::Result<usize>> {
    match io {
        Some(io) => io.poll_recv(cx, rx),
        None => Poll::Ready(Err(std::io::ErrorKind::NotConnected.into())),
    }
}

impl<T, R: Runtime> Link<T, R> {
    /// The requests up to this one have their complete answers, or have taken the connection over.
    fn answered_up_to(&self) -> u64 {
        self.requests - self.unanswered()
    }

    /// How many requests are under way, or have an answer that waits to be sent.
    fn unanswered(&self) -> u64 {
        self.outbox.len() as u64 + u64::from(self.current.is_some())
    }
}

impl<T, R: Runtime> Drop for Link<T, R> {
    /// A driver that is dropped where it waits, because its runtime ends, leaves its books in order.
    fn drop(&mut self) {
        // Nothing of it is kept on this thread, whoever polled it last.
        rest_heads();
        let page = std::sync::Arc::clone(self.open.page());
        let left = self.unanswered();
        if left > 0 {
            let ended = Outcome::Aborted(AbortReason::ServerError);
            self.conn.set_ended(self.answered_up_to() + 1, ended);
        }
        for _ in 0..left {
            self.tally.active -= 1;
            self.tally.aborted(&page, AbortReason::ServerError);
        }
        self.tally.enter(&page);
        page.closed(self.close_reason.unwrap_or(CloseReason::ServerError));
    }
}
