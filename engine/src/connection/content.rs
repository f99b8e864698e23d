//! The content of a request: collected, given to a handler as it comes, or dropped.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http_server_trait::{BodyErrorKind, Config, Rate};

use super::alarm::{Deadline, Phase, earlier};
use super::incoming::{Slot, Wants};
use super::link::{Filled, Link, Roused};
use super::stop::Stop;
use super::worker::Worker;
use crate::buffers::{RecvBuf, pages, room_for};
use crate::h1::answer::CONTINUE;
use crate::h1::{Event, Framing, Limits, Message, Refusal};
use crate::runtime::Runtime;
use crate::service::Service;
use crate::transport::Transport;

/// What is left to read of the content of a request.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) state: State,
    /// Boxed, for most requests have no content.
    progress: Option<Box<Progress>>,
}

/// How far the content of a request has come.
#[derive(Debug)]
struct Progress {
    /// Whether the client waits for a 100 that it has not been sent.
    owes_continue: bool,
    limit: u64,
    got: u64,
    /// How much was dropped because nobody wanted it.
    dropped: u64,
    /// When some of it last came, or when it was first waited for.
    came_at: Option<Instant>,
    /// Since when the client is waited for, and for how long it was before: while a handler does not
    /// read, the rate does not count.
    waited_since: Option<Instant>,
    waited: Duration,
    /// How much memory is collected in.
    collected: usize,
    /// When it is looked again whether its client is there still.
    look_at: Option<Instant>,
    /// The slot in which all of it is, for whoever takes the connection over: its body may not have taken it.
    given: Option<Slot>,
}

#[derive(Debug)]
pub(crate) enum State {
    /// There is none left.
    None,
    /// Nobody has asked for it yet.
    Untouched,
    /// A handler takes it as it comes.
    Taken(Slot),
    /// Nobody will take it.
    Unwanted,
    /// It cannot be read any further, for this reason.
    Broken(Trouble),
}

/// Why content cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The client did something that it is told.
    Refused(Refusal),
    /// It came too late, or too slowly.
    Late(Phase),
    /// Nothing can be said on the connection any more.
    Stop(Stop),
}

impl Trouble {
    fn kind(self) -> BodyErrorKind {
        match self {
            Trouble::Refused(refusal) => refusal.body_error(),
            Trouble::Late(_) => BodyErrorKind::TimedOut,
            Trouble::Stop(_) => BodyErrorKind::Disconnected,
        }
    }
}

/// What a step has brought.
enum Step {
    Data,
    End(Option<HeaderMap>),
}

type Collected = (Bytes, Option<HeaderMap>);

/// The first memory for content. It grows as content comes, not as much as its head promises.
const FIRST: usize = 64 * 1024;

/// No more than this is collected before other tasks have a turn, and what was asked of the connection is heeded: its
/// client may always be faster.
const TURN: u64 = 1 << 20;

impl Default for Progress {
    /// At its beginning, and with no limit yet: content that nobody reads is dropped whatever its limit.
    fn default() -> Self {
        Progress {
            owes_continue: false,
            limit: u64::MAX,
            got: 0,
            dropped: 0,
            came_at: None,
            waited_since: None,
            waited: Duration::ZERO,
            collected: 0,
            look_at: None,
            given: None,
        }
    }
}

impl Content {
    pub(crate) fn none() -> Self {
        Content {
            state: State::None,
            progress: None,
        }
    }

    pub(crate) fn of(message: &Message) -> Self {
        let state = if message.framing == Framing::Empty {
            State::None
        } else {
            State::Untouched
        };
        let mut content = Content {
            state,
            ..Content::none()
        };
        if message.expects_continue {
            content.progress().owes_continue = true;
        }
        content
    }

    /// From now on it is read, and it may have so many bytes.
    pub(crate) fn limit_to(&mut self, limit: u64) {
        self.progress().limit = limit;
    }

    fn progress(&mut self) -> &mut Progress {
        self.progress.get_or_insert_with(Box::default)
    }

    /// How many bytes of it have come.
    fn got(&self) -> u64 {
        self.progress.as_ref().map_or(0, |progress| progress.got)
    }

    /// How many bytes of it were dropped.
    fn dropped(&self) -> u64 {
        self.progress
            .as_ref()
            .map_or(0, |progress| progress.dropped)
    }

    /// Whether all of it has been read.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::None)
    }

    /// Whether the client still waits to be told that it may send it.
    pub(crate) fn is_held_back(&self) -> bool {
        let owes = |progress: &Progress| progress.owes_continue;
        self.progress.as_deref().is_some_and(owes)
    }

    /// Whether the client is to be told that it may send it. Once.
    fn lets_it_come(&mut self) -> bool {
        let owes = |progress: &mut Progress| std::mem::take(&mut progress.owes_continue);
        self.progress.as_deref_mut().is_some_and(owes)
    }

    /// Whether what comes of it is read, so that the end of its client is met behind it.
    pub(crate) fn is_read(&self) -> bool {
        match &self.state {
            State::Taken(slot) => !slot.is_paused(),
            _ => false,
        }
    }

    /// When to look again whether its client is there still, if somebody has looked.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        self.progress.as_ref()?.look_at
    }

    pub(crate) fn look_again_at(&mut self, at: Instant) {
        self.progress().look_at = Some(at);
    }

    fn deadline(&self, config: &Config) -> Option<Deadline> {
        let progress = self.progress.as_ref()?;
        // A time beyond what can be counted never comes.
        let stall = progress.came_at?.checked_add(config.body_stall);
        let stall = stall.map(|at| Deadline {
            phase: Phase::Body,
            at,
        });
        let rate = config
            .body_rate
            .zip(progress.waited_since)
            .and_then(|(rate, since)| {
                Some(Deadline {
                    phase: Phase::BodyRate,
                    at: since
                        .checked_add(earned(rate, progress.got).saturating_sub(progress.waited))?,
                })
            });
        earlier(stall, rate)
    }

    fn is_waited_for(&mut self, now: Instant) {
        let progress = self.progress();
        progress.came_at.get_or_insert(now);
        progress.waited_since.get_or_insert(now);
    }

    /// How much memory its collected part takes, and what waits for a handler.
    pub(crate) fn held(&self) -> usize {
        match &self.state {
            State::Taken(slot) => slot.buffered(),
            _ => self
                .progress
                .as_ref()
                .map_or(0, |progress| progress.collected),
        }
    }

    pub(crate) fn is_not_waited_for(&mut self, now: Instant) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        progress.came_at = None;
        if let Some(since) = progress.waited_since.take() {
            progress.waited += now.saturating_duration_since(since);
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), Refusal> {
        let progress = self.progress();
        progress.got += bytes as u64;
        progress.came_at = None;
        if progress.got > progress.limit {
            Err(Refusal::BodyTooLarge)
        } else {
            Ok(())
        }
    }
}

/// How long so many bytes may take at this rate.
pub(crate) fn earned(rate: Rate, bytes: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.bytes_per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).max(rate.grace)
}

impl<T: Transport, R: Runtime> Link<T, R> {
    /// All of the content, in memory.
    pub(crate) async fn collect<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
    ) -> Result<Collected, Trouble> {
        let collected = match message.framing {
            Framing::Length(length) => self
                .collect_length(worker, length)
                .await
                .map(|bytes| (bytes, None)),
            _ => self.collect_chunks(worker).await,
        };
        if let Some(record) = &mut self.current {
            record.bytes_in = self.content.got();
        }
        match collected {
            Ok(collected) => {
                self.content.state = State::None;
                Ok(collected)
            }
            Err(trouble) => {
                self.content.state = State::Broken(trouble);
                Err(trouble)
            }
        }
    }

    async fn collect_length<S: Service>(
        &mut self,
        worker: &Worker<S>,
        length: u64,
    ) -> Result<Bytes, Trouble> {
        // One that is beyond what a machine can address is beyond any limit.
        let length =
            usize::try_from(length).map_err(|_| Trouble::Refused(Refusal::BodyTooLarge))?;
        if self.rx.len() >= length {
            let whole = Bytes::copy_from_slice(&self.rx.bytes()[..length]);
            self.rx.consume(length);
            self.took(length);
            return Ok(whole);
        }
        self.let_it_come();
        let mut whole = Vec::with_capacity(room_for(length, FIRST.max(self.rx.len())));
        whole.extend_from_slice(self.rx.bytes());
        self.rx.consume(self.rx.len());
        self.took(whole.len());
        let mut whole = RecvBuf::of(whole);
        poll_fn(|cx| self.poll_collect_length(cx, worker, &mut whole, length)).await?;
        let mut whole = whole.take();
        if whole.len() > length {
            // The next request came with the end of this one.
            self.rx.prepend(&whole[length..]);
            whole.truncate(length);
        }
        Ok(Bytes::from(whole))
    }

    /// So many bytes of content of known length were read past the reader.
    fn took(&mut self, bytes: usize) {
        // Its length was held against the limit before.
        let _ = self.content.count(bytes);
        self.reader.passed(bytes as u64);
        if self.reader.left() == Some(0) {
            // Nothing but the end is left, and that needs no bytes.
            let _ = self.reader.read(&[], &Limits::default());
        }
    }

    /// Reads straight into the memory that the handler gets.
    fn poll_collect_length<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
        whole: &mut RecvBuf,
        length: usize,
    ) -> Poll<Result<(), Trouble>> {
        let mut turn = self.content.got() + TURN;
        while whole.len() < length {
            let _ = self.poll_flush(cx);
            whole.grow_towards(length);
            // Counted as the buffer that is read into, and as collected while this rests.
            self.content.progress().collected = 0;
            let before = whole.len();
            match self.poll_fill_into(cx, whole) {
                Poll::Ready(Ok(Filled::Some)) => self.took(whole.len().min(length) - before),
                Poll::Ready(Ok(Filled::End)) => {
                    return Poll::Ready(Err(Trouble::Refused(Refusal::Incomplete)));
                }
                Poll::Ready(Err(stop)) => return Poll::Ready(Err(Trouble::Stop(stop))),
                Poll::Pending => {
                    self.content.progress().collected = whole.held();
                    ready!(self.rest_for_content(cx, worker))?;
                }
            }
            if self.content.got() > turn && whole.len() < length {
                self.content.progress().collected = whole.held();
                turn = self.content.got() + TURN;
                cx.waker().wake_by_ref();
                ready!(self.rest_for_content(cx, worker))?;
            }
        }
        self.content.progress().collected = whole.held();
        Poll::Ready(Ok(()))
    }

    async fn collect_chunks<S: Service>(
        &mut self,
        worker: &Worker<S>,
    ) -> Result<Collected, Trouble> {
        self.let_it_come();
        let mut whole = Vec::new();
        let trailers = poll_fn(|cx| {
            let mut turn = self.content.got() + TURN;
            loop {
                let _ = self.poll_flush(cx);
                let step = self.poll_step(cx, &worker.limits, |data| whole.extend_from_slice(data));
                self.content.progress().collected = pages(whole.len());
                match step {
                    Poll::Ready(Ok(Step::Data)) if self.content.got() <= turn => {}
                    Poll::Ready(Ok(Step::Data)) => {
                        turn = self.content.got() + TURN;
                        cx.waker().wake_by_ref();
                        ready!(self.rest_for_content(cx, worker))?;
                    }
                    Poll::Ready(Ok(Step::End(trailers))) => return Poll::Ready(Ok(trailers)),
                    Poll::Ready(Err(trouble)) => return Poll::Ready(Err(trouble)),
                    Poll::Pending => ready!(self.rest_for_content(cx, worker))?,
                }
            }
        })
        .await?;
        Ok((Bytes::from(whole), trailers))
    }

    /// Somebody wants the content: a client that waits for a 100 gets it, unless it has begun to send.
    pub(crate) fn let_it_come(&mut self) {
        if self.content.lets_it_come() && self.rx.is_empty() {
            self.tx.write(|out| out.extend_from_slice(CONTINUE));
        }
    }

    /// The next piece of content, or its end.
    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
        mut take: impl FnMut(&[u8]),
    ) -> Poll<Result<Step, Trouble>> {
        loop {
            let (used, event) = match self.reader.read(self.rx.bytes(), limits) {
                Ok(read) => read,
                Err(refusal) => return Poll::Ready(Err(Trouble::Refused(refusal))),
            };
            match event {
                Event::Data(data) => {
                    take(data);
                    self.rx.consume(used);
                    let counted = self.content.count(used).map_err(Trouble::Refused);
                    return Poll::Ready(counted.map(|()| Step::Data));
                }
                Event::End(trailers) => {
                    self.rx.consume(used);
                    return Poll::Ready(Ok(Step::End(trailers)));
                }
                Event::Passed => self.rx.consume(used),
                // While content is read no head comes; more bytes are what is needed.
                Event::NeedsMore | Event::Head(..) => match ready!(self.poll_fill(cx)) {
                    Ok(Filled::Some) => {}
                    Ok(Filled::End) => {
                        return Poll::Ready(Err(Trouble::Refused(Refusal::Incomplete)));
                    }
                    Err(stop) => return Poll::Ready(Err(Trouble::Stop(stop))),
                },
            }
        }
    }

    /// Rests while content is waited for. `Ready(Ok)` says: go on.
    fn rest_for_content<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
    ) -> Poll<Result<(), Trouble>> {
        let now = self.now();
        if !self.holds_back {
            self.content.is_waited_for(now);
        }
        let deadline = self.content.deadline(worker.service.config());
        match ready!(self.rest(cx, worker, deadline)) {
            Roused::Asked => Poll::Ready(
                self.must_stop(&worker.tide)
                    .map_or(Ok(()), |stop| Err(Trouble::Stop(stop))),
            ),
            Roused::Late(phase) => Poll::Ready(Err(late(phase))),
        }
    }

    /// Moves content towards whoever takes it, or drops what nobody wants. Says whether the taker has
    /// got something new.
    pub(crate) fn pump<S: Service>(&mut self, cx: &mut Context<'_>, worker: &Worker<S>) -> bool {
        let mut moved = false;
        while let State::Taken(slot) = &self.content.state {
            let wants = slot.wants(cx);
            match wants {
                // It is read on, so that the end of its client is noticed, and kept for a takeover.
                Wants::Gone => {}
                Wants::Nothing | Wants::Full => {
                    let now = self.now();
                    self.content.is_not_waited_for(now);
                    return moved;
                }
                Wants::More => self.let_it_come(),
            }
            let mut piece = Bytes::new();
            let step = self.poll_step(cx, &worker.limits, |data| {
                piece = Bytes::copy_from_slice(data);
            });
            let State::Taken(slot) = &self.content.state else {
                break;
            };
            match step {
                Poll::Ready(Ok(Step::Data)) => slot.push(piece),
                Poll::Ready(Ok(Step::End(trailers))) => {
                    slot.end(Ok(trailers));
                    self.content_has_come();
                }
                Poll::Ready(Err(trouble)) => self.break_content(trouble),
                Poll::Pending => {
                    let now = self.now();
                    if wants == Wants::Gone {
                        self.content.is_not_waited_for(now);
                    } else if !self.holds_back {
                        self.content.is_waited_for(now);
                    }
                    return moved;
                }
            }
            moved = true;
            if let Some(record) = &mut self.current {
                record.bytes_in = self.content.got();
            }
        }
        if matches!(self.content.state, State::Unwanted) {
            self.drop_some(cx, worker);
        }
        moved
    }

    fn content_has_come(&mut self) {
        let state = std::mem::replace(&mut self.content.state, State::None);
        if let State::Taken(slot) = state {
            self.content.progress().given = Some(slot);
        }
    }

    /// Content of which nobody takes the rest any more.
    pub(crate) fn forget_who_has_gone(&mut self) {
        if let State::Taken(slot) = &self.content.state {
            if slot.is_gone() {
                self.content.state = State::Unwanted;
            }
        }
    }

    /// Puts content that came and was not taken in front of what came behind it.
    pub(crate) fn take_content_back(&mut self) {
        let state = std::mem::replace(&mut self.content.state, State::Unwanted);
        let slot = match state {
            State::Taken(slot) => Some(slot),
            _ => self.content.progress().given.take(),
        };
        if let Some(slot) = slot {
            self.rx.prepend(&slot.take_back().concat());
        }
    }

    /// The content cannot be read any further; its taker is told.
    pub(crate) fn break_content(&mut self, trouble: Trouble) {
        if let State::Taken(slot) = &self.content.state {
            slot.end(Err(trouble.kind()));
        }
        self.content.state = State::Broken(trouble);
    }

    /// Until when more content must have come, if any is waited for.
    pub(crate) fn content_deadline<S: Service>(&self, worker: &Worker<S>) -> Option<Deadline> {
        match self.content.state {
            State::Taken(_) => self.content.deadline(worker.service.config()),
            _ => None,
        }
    }

    /// Reads content that nobody wants, as far as that is worth it for the connection's sake.
    fn drop_some<S: Service>(&mut self, cx: &mut Context<'_>, worker: &Worker<S>) {
        let most = worker.service.config().unread_content;
        while matches!(self.content.state, State::Unwanted) && self.content.dropped() <= most {
            let mut dropped = 0;
            match self.poll_step(cx, &worker.limits, |data| dropped = data.len()) {
                Poll::Ready(Ok(Step::Data)) => self.content.progress().dropped += dropped as u64,
                Poll::Ready(Ok(Step::End(_))) => self.content.state = State::None,
                Poll::Ready(Err(trouble)) => self.content.state = State::Broken(trouble),
                Poll::Pending => return,
            }
        }
    }

    /// Reads the rest of the content after the answer, so that the connection can be kept. `false` says
    /// that it cannot.
    pub(crate) async fn drop_rest<S: Service>(&mut self, worker: &Worker<S>) -> Result<bool, Stop> {
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(Err(stop)) = self.poll_flush(cx) {
                    return Poll::Ready(Err(stop));
                }
                self.drop_some(cx, worker);
                match self.content.state {
                    State::None => return Poll::Ready(Ok(true)),
                    State::Broken(Trouble::Stop(stop)) => return Poll::Ready(Err(stop)),
                    State::Unwanted
                        if self.content.dropped() <= worker.service.config().unread_content => {}
                    _ => return Poll::Ready(Ok(false)),
                }
                match ready!(self.rest_for_content(cx, worker)) {
                    Ok(()) => {}
                    Err(Trouble::Stop(stop)) => return Poll::Ready(Err(stop)),
                    Err(trouble) => {
                        self.content.state = State::Broken(trouble);
                        return Poll::Ready(Ok(false));
                    }
                }
            }
        })
        .await
    }

    /// How much of the content is still to come, if that is known.
    pub(crate) fn content_left(&self) -> Option<u64> {
        self.reader.left()
    }
}

/// What a deadline that has passed means where content is waited for.
fn late(phase: Phase) -> Trouble {
    match phase {
        Phase::Write => Trouble::Stop(Stop::WriteStalled),
        Phase::WriteRate => Trouble::Stop(Stop::WriteTooSlow),
        phase => Trouble::Late(phase),
    }
}
