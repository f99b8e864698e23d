//! Sending an answer.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use http_server_trait::backend::{Answer, Pace, Reply, TakeoverRun, catch, plain};
use http_server_trait::{
    Body, BodyError, BodyErrorKind, Cause, CloseReason, Failure, Hook, Response, Takeover,
};

use super::End;
use super::alarm::{Phase, earlier};
use super::content::{Content, State, Trouble};
use super::hooks::Unfinished;
use super::link::{Link, Roused};
use super::record::Record;
use super::stop::Stop;
use super::worker::Worker;
use crate::buffers::SendQueue;
use crate::date::{self, Opening};
use crate::h1::answer::{self, CHUNK_END, Common, Framing, Objection, Plan};
use crate::h1::{Message, whole};
use crate::runtime::Runtime;
use crate::service::Service;
use crate::transport::Transport;

/// How often an answer is filled up and sent in a row before other tasks have a turn.
const ROUNDS: u32 = 32;

/// What becomes of a connection after an answer.
pub(crate) enum Next {
    /// Another request may come.
    Keep,
    /// It is closed, in a way that lets the client read its answer.
    Close(CloseReason),
    /// It is cut, so that the client sees that its answer is not complete.
    Cut(Stop),
    /// It is the application's.
    Hand(TakeoverRun),
}

impl Next {
    /// Why no further request is waited for, if none is.
    pub(super) fn end(self) -> Option<End> {
        match self {
            Next::Keep => None,
            Next::Close(reason) => Some(End::Close(reason)),
            Next::Cut(stop) => Some(End::Cut(stop)),
            Next::Hand(run) => Some(End::Hand(run)),
        }
    }
}

/// An answer of which not everything has been sent.
struct Sending {
    body: Body,
    framing: Framing,
    trailers: bool,
    pace: Pace,
    /// How much was promised and is still to come.
    left: u64,
    /// Whether the last frame must be out before the next is asked for.
    flush_first: bool,
    /// Whether the frame before was a small one, and there at once.
    small_before: bool,
}

impl<T: Transport, R: Runtime> Link<T, R> {
    /// Does what a hook has decided.
    pub(crate) async fn reply<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        decided: Result<Answer, Unfinished>,
    ) -> Next {
        let (answer, late) = match decided {
            Ok(answer) => (answer, None),
            Err(Unfinished::Stop(stop)) => {
                self.give_up(stop);
                return Next::Cut(stop);
            }
            Err(Unfinished::Deadline) => match self.answer_late(worker).await {
                Ok(answer) => (answer, Some(CloseReason::RequestTimeout)),
                Err(stop) => return Next::Cut(stop),
            },
        };
        if let Some(failure) = answer.failure {
            self.fail(*failure);
        }
        match answer.reply {
            Reply::Response(response) => self.respond(worker, message, response, late).await,
            Reply::Takeover(takeover) => self.hand_over(worker, message, takeover).await,
            Reply::Nothing => {
                self.give_up(Stop::Left);
                Next::Cut(Stop::Left)
            }
        }
    }

    /// Lets the deadline hook answer. It has as much time as the request had.
    async fn answer_late<S: Service>(&mut self, worker: &Worker<S>) -> Result<Answer, Stop> {
        let Some(summary) = self.summary() else {
            return Err(Stop::RequestDeadline);
        };
        let now = self.now_anew();
        let until = worker
            .service
            .config()
            .request_time
            .and_then(|time| now.checked_add(time));
        self.answer_until(until);
        match self
            .beside(worker, Hook::Deadline, worker.service.on_deadline(summary))
            .await
        {
            Ok(answer) => Ok(answer),
            Err(unfinished) => {
                let stop = match unfinished {
                    Unfinished::Stop(stop) => stop,
                    Unfinished::Deadline => Stop::RequestDeadline,
                };
                self.give_up(stop);
                Err(stop)
            }
        }
    }

    /// Refuses a request whose head was understood: its content is too large, malformed or too late.
    pub(crate) async fn refuse<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        trouble: Trouble,
    ) -> Next {
        let (answer, reason) = match trouble {
            Trouble::Stop(stop) => {
                self.give_up(stop);
                return Next::Cut(stop);
            }
            Trouble::Late(Phase::Request) => {
                return Box::pin(self.reply(worker, message, Err(Unfinished::Deadline))).await;
            }
            Trouble::Late(phase) => late_content(phase),
            Trouble::Refused(refusal) => (
                plain(refusal.status(), refusal.reason()),
                refusal.close_reason(),
            ),
        };
        let error: Box<dyn std::error::Error + Send + Sync> = match trouble {
            Trouble::Refused(refusal) => Box::new(refusal),
            _ => Box::new(BodyError::new(BodyErrorKind::TimedOut)),
        };
        // A client that left is not a failure (T-43).
        if reason != CloseReason::ClientLeft {
            self.fail(Failure::new(Hook::Server, Cause::Protocol(error)));
        }
        self.respond(worker, message, answer, Some(reason)).await
    }

    /// Answers that too much is under way, before any hook is asked.
    pub(crate) async fn shed<S: Service>(&mut self, worker: &Worker<S>, message: &Message) -> Next {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let answer = plain(status, "too many requests are under way").with_field(
            http::header::RETRY_AFTER,
            http::HeaderValue::from_static("1"),
        );
        self.respond(worker, message, answer, None).await
    }

    /// Answers without waiting for anything, or gives back what takes longer: a failure to be told, a takeover,
    /// content that is still to come.
    pub(crate) fn answer_at_once<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        decided: Result<Answer, Unfinished>,
    ) -> Result<Next, Result<Answer, Unfinished>> {
        let response = match decided {
            Ok(Answer {
                reply: Reply::Response(response),
                failure: None,
            }) => response,
            decided => return Err(decided),
        };
        if !self.writes_whole(worker, message, &response) {
            return self.answer_with_care(worker, message, response);
        }
        self.wrote_whole(worker, response);
        self.reader.next();
        Ok(Next::Keep)
    }

    /// The same for a request that had content, if all of that is read and there is nothing to be decided.
    #[inline(never)]
    pub(crate) fn reply_at_once<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        decided: Result<Answer, Unfinished>,
    ) -> Result<Next, Result<Answer, Unfinished>> {
        match decided {
            Ok(Answer {
                reply: Reply::Response(response),
                failure: None,
            }) if self.writes_whole(worker, message, &response) => {
                self.wrote_whole(worker, response);
                self.go_to_next();
                Ok(Next::Keep)
            }
            decided => Err(decided),
        }
    }

    /// An answer has been written as a whole.
    #[expect(clippy::inline_always, reason = "a call less for most requests")]
    #[inline(always)]
    fn wrote_whole<S: Service>(&mut self, worker: &Worker<S>, response: Response) {
        let tells = worker.service.has_after();
        if tells {
            self.note_status(response.status());
        }
        self.let_go_of(response);
        self.complete(tells);
    }

    /// Writes an answer as most are: all of it is there and nothing to be decided about it, and the connection goes on.
    /// If it is another, nothing has been done.
    #[expect(clippy::inline_always, reason = "a call less for most requests")]
    #[inline(always)]
    fn writes_whole<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        response: &Response,
    ) -> bool {
        if !self.content.is_over()
            || !worker.is_brief
            || worker.tide.is_draining()
            || self.must_close()
        {
            return false;
        }
        date::at(self.now(), &worker.server, |opening| {
            self.tx
                .write(|out| whole::write(out, message, response, opening))
        })
    }

    #[cold]
    fn answer_with_care<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        mut response: Response,
    ) -> Result<Next, Result<Answer, Unfinished>> {
        if !is_whole(response.body()) {
            return Err(Ok(response.into()));
        }
        let (plan, reason) = self.begin_answer(worker, message, &response, None);
        if plan.sends_content(message) {
            self.queue_whole(response.body_mut(), &plan);
        }
        self.let_go_of(response);
        let next = self.end_answer(worker, &plan, reason);
        if matches!(next, Next::Keep) {
            self.reader.next();
        }
        Ok(next)
    }

    async fn respond<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        mut response: Response,
        closes: Option<CloseReason>,
    ) -> Next {
        let (plan, reason) = self.begin_answer(worker, message, &response, closes);
        let sent = if !plan.sends_content(message) {
            Ok(())
        } else if is_whole(response.body()) {
            self.queue_whole(response.body_mut(), &plan);
            Ok(())
        } else {
            self.send_content(worker, response.take_body(), &plan).await
        };
        // What it still holds goes before the connection rests.
        self.let_go_of(response);
        match sent {
            Ok(()) => {}
            Err(stop @ Stop::AnswerCut) => return self.cut(worker, plan.framing, stop).await,
            Err(stop) => {
                self.give_up(stop);
                return Next::Cut(stop);
            }
        }
        match self.end_answer(worker, &plan, reason) {
            Next::Keep => self.keep(worker).await,
            next => next,
        }
    }

    /// Decides how an answer is sent, and writes its head. Gives why it must be the last, if it must.
    fn begin_answer<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        response: &Response,
        closes: Option<CloseReason>,
    ) -> (Plan, Option<CloseReason>) {
        self.answer_until(None);
        self.is_last = !message.keep_alive;
        self.give_content_up();
        let reason = closes.or_else(|| self.reason_to_close(worker));
        let plan = Plan::new(message, response, reason.is_some());
        if let Some(objection) = plan.objection {
            self.object(objection);
        }
        self.note_status(response.status());
        self.write_head(worker, message, response, &plan);
        (plan, reason)
    }

    fn note_status(&mut self, status: StatusCode) {
        if let Some(record) = &mut self.current {
            record.status = Some(status);
        }
    }

    /// All of an answer is queued.
    fn end_answer<S: Service>(
        &mut self,
        worker: &Worker<S>,
        plan: &Plan,
        reason: Option<CloseReason>,
    ) -> Next {
        self.answered(worker.service.has_after());
        if !plan.close {
            return Next::Keep;
        }
        Next::Close(reason.unwrap_or(if plan.app_closes {
            CloseReason::AppClosed
        } else {
            CloseReason::Finished
        }))
    }

    #[inline]
    pub(super) fn write_head<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        response: &Response,
        plan: &Plan,
    ) {
        let config = worker.service.config();
        let (now, server) = (self.now(), &worker.server);
        let date = config.date.then(|| date::at(now, server, Opening::date));
        let common = Common {
            date: date.as_ref(),
            server: server.line(),
        };
        self.tx
            .write(|out| answer::head(out, message, response, plan, common));
    }

    /// Nobody will take the rest of the content, unless the answer itself is made of it: then a client that
    /// waits for a 100 gets it now, for after the final answer there is none.
    fn give_content_up(&mut self) {
        self.forget_who_has_gone();
        match &self.content.state {
            State::Untouched => self.content.state = State::Unwanted,
            State::Taken(_) => self.let_it_come(),
            State::None | State::Unwanted | State::Broken(_) => {}
        }
    }

    /// Why this answer must be the last of its connection, if it must.
    fn reason_to_close<S: Service>(&self, worker: &Worker<S>) -> Option<CloseReason> {
        let config = worker.service.config();
        if let State::Broken(trouble) = self.content.state {
            return Some(match trouble {
                Trouble::Refused(refusal) => refusal.close_reason(),
                Trouble::Late(phase) => late_content(phase).1,
                Trouble::Stop(stop) => stop.close_reason(),
            });
        }
        if worker.tide.is_draining() {
            return Some(CloseReason::Shutdown);
        }
        if self.must_close() {
            return Some(CloseReason::AppClosed);
        }
        if config
            .requests_per_connection
            .is_some_and(|most| self.requests >= most)
        {
            return Some(CloseReason::RequestLimit);
        }
        // RFC 9110, 10.1.1: a client that was not told to send may send or not, and what comes next
        // could be read in two ways.
        let unread = matches!(self.content.state, State::Unwanted)
            && (self.content.is_held_back()
                || self
                    .content_left()
                    .is_some_and(|left| left > config.unread_content));
        unread.then_some(CloseReason::UnreadContent)
    }

    fn object(&mut self, objection: Objection) {
        self.fail(Failure::new(
            Hook::Server,
            Cause::Answer(Box::new(objection)),
        ));
    }

    async fn send_content<S: Service>(
        &mut self,
        worker: &Worker<S>,
        body: Body,
        plan: &Plan,
    ) -> Result<(), Stop> {
        let pace = body.pace();
        let mut sending = Sending {
            body,
            framing: plan.framing,
            trailers: plan.trailers,
            pace,
            left: plan.length.unwrap_or(u64::MAX),
            flush_first: false,
            small_before: false,
        };
        let sent = poll_fn(|cx| self.poll_send_content(cx, worker, &mut sending)).await;
        self.let_go_of(sending);
        sent
    }

    /// Drops what the application has made. What it panics with is a failure of its content.
    fn let_go_of<D>(&mut self, of_the_application: D) {
        if let Err(panic) = catch(|| drop(of_the_application)) {
            self.fail(Failure::new(Hook::Body, panic));
        }
    }

    /// Queues content that is there as a whole.
    #[inline]
    pub(super) fn queue_whole(&mut self, body: &mut Body, plan: &Plan) {
        let is_plain = plan.framing != Framing::Chunked;
        if is_plain && body.as_bytes().is_some_and(|bytes| self.tx.copies(bytes)) {
            return;
        }
        let bytes = body.take_bytes().unwrap_or_default();
        if is_plain {
            return self.tx.push(bytes);
        }
        if !bytes.is_empty() {
            self.queue_chunk(bytes);
        }
        self.tx.write(|out| answer::last_chunk(out, None));
    }

    fn queue_chunk(&mut self, bytes: Bytes) {
        if SendQueue::is_small(bytes.len()) {
            return self.tx.write(|out| {
                // Once for all three.
                out.reserve(bytes.len() + 16);
                answer::chunk_start(out, bytes.len());
                out.extend_from_slice(&bytes);
                out.extend_from_slice(CHUNK_END);
            });
        }
        self.tx.write(|out| answer::chunk_start(out, bytes.len()));
        self.tx.push(bytes);
        self.tx.write(|out| out.extend_from_slice(CHUNK_END));
    }

    /// Asks for content, sends it, and moves the request's own content meanwhile: an answer may be made of
    /// it.
    fn poll_send_content<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
        sending: &mut Sending,
    ) -> Poll<Result<(), Stop>> {
        let high = worker.service.config().write_high;
        let mut rounds = 0;
        loop {
            let mut waits_for_body = false;
            let mut beyond = false;
            while !sending.flush_first && self.asks_on(high, &mut beyond) {
                match catch(|| sending.body.poll_next(cx)) {
                    Ok(Poll::Pending) => {
                        waits_for_body = true;
                        sending.small_before = false;
                        break;
                    }
                    Ok(Poll::Ready(Some(Ok(frame)))) => {
                        if self.queue_frame(frame, sending) {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Ok(Poll::Ready(None)) => return Poll::Ready(self.end_content(sending)),
                    Ok(Poll::Ready(Some(Err(error)))) => {
                        return Poll::Ready(Err(self.content_failed(error)));
                    }
                    Err(panic) => {
                        self.fail(Failure::new(Hook::Body, panic));
                        return Poll::Ready(Err(Stop::AnswerCut));
                    }
                }
            }
            match self.poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    sending.flush_first = false;
                    if !waits_for_body && goes_on(cx, &mut rounds) {
                        continue;
                    }
                }
                Poll::Ready(Err(stop)) => return Poll::Ready(Err(stop)),
                Poll::Pending => {}
            }
            self.forget_who_has_gone();
            if self.pump(cx, worker) && goes_on(cx, &mut rounds) {
                continue;
            }
            let look = self.watch(cx);
            if let Some(stop) = self.broken {
                // Found by reading: there may be nothing to send for long.
                return Poll::Ready(Err(stop));
            }
            let deadline = earlier(self.content_deadline(worker), look);
            match ready!(self.rest(cx, worker, deadline)) {
                Roused::Asked => {
                    if let Some(stop) = self.must_stop(&worker.tide) {
                        return Poll::Ready(Err(stop));
                    }
                }
                Roused::Late(Phase::Look) => {}
                Roused::Late(Phase::Write) => return Poll::Ready(Err(Stop::WriteStalled)),
                Roused::Late(Phase::WriteRate) => return Poll::Ready(Err(Stop::WriteTooSlow)),
                Roused::Late(phase) => self.break_content(Trouble::Late(phase)),
            }
        }
    }

    /// Whether more content is asked for before what waits is sent. Where small pieces have led to the mark, once more:
    /// that may be the end, and leaves with them.
    fn asks_on(&self, high: usize, beyond: &mut bool) -> bool {
        let waits = self.tx.len();
        if waits < high {
            return true;
        }
        SendQueue::is_small(waits - high) && !std::mem::replace(beyond, true)
    }

    /// Queues a frame. `true` says that nothing more may be sent after it.
    fn queue_frame(&mut self, frame: Frame<Bytes>, sending: &mut Sending) -> bool {
        let mut bytes = match frame.into_data() {
            Ok(bytes) if bytes.is_empty() => return false,
            Ok(bytes) => bytes,
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                if let Some(name) = answer::wrong_trailer(&trailers) {
                    let error = format!("its trailer {name} may not be one, and was not sent");
                    self.fail(Failure::new(Hook::Server, Cause::Answer(error.into())));
                }
                if sending.framing != Framing::Chunked {
                    return false;
                }
                let trailers = Some(&trailers).filter(|_| sending.trailers);
                self.tx.write(|out| answer::last_chunk(out, trailers));
                return true;
            }
        };
        let mut over = false;
        if bytes.len() as u64 > sending.left {
            self.object(Objection::TooLong);
            bytes.truncate(usize::try_from(sending.left).unwrap_or(usize::MAX));
            over = true;
        }
        sending.left -= bytes.len() as u64;
        let is_small = SendQueue::is_small(bytes.len());
        if is_small && std::mem::replace(&mut sending.small_before, is_small) {
            self.tx.expect_many();
        }
        match sending.framing {
            Framing::Chunked => self.queue_chunk(bytes),
            _ => self.tx.push(bytes),
        }
        sending.flush_first = sending.pace == Pace::Each;
        over
    }

    fn end_content(&mut self, sending: &Sending) -> Result<(), Stop> {
        match sending.framing {
            Framing::Chunked => self.tx.write(|out| answer::last_chunk(out, None)),
            Framing::Length(_) if sending.left > 0 => {
                self.object(Objection::TooShort {
                    missing: sending.left,
                });
                return Err(Stop::AnswerCut);
            }
            _ => {}
        }
        Ok(())
    }

    #[cold]
    fn content_failed(&mut self, error: BodyError) -> Stop {
        // An answer that is made of the request's content fails with it, and that is the client's doing.
        if error.kind() == BodyErrorKind::Disconnected {
            return Stop::Left;
        }
        self.fail(Failure::new(Hook::Body, Cause::Error(Box::new(error))));
        Stop::AnswerCut
    }

    /// Ends a connection whose answer cannot be completed. What was queued is sent, where the client can see
    /// that something is missing; else it must see a reset.
    async fn cut<S: Service>(&mut self, worker: &Worker<S>, framing: Framing, stop: Stop) -> Next {
        if framing != Framing::UntilClose {
            let _ = poll_fn(|cx| self.poll_settle(cx, worker)).await;
        }
        self.abort(stop.abort_reason());
        Next::Cut(stop)
    }

    /// Keeps the connection, if the rest of the request can be read for that.
    async fn keep<S: Service>(&mut self, worker: &Worker<S>) -> Next {
        if matches!(self.content.state, State::Taken(_)) {
            // The handler has answered and its body is gone, or it was sent on as the answer.
            self.content.state = State::Unwanted;
        }
        if !self.content.is_over() {
            match self.drop_rest(worker).await {
                Ok(true) => {}
                Ok(false) => return Next::Close(CloseReason::UnreadContent),
                Err(stop) => {
                    self.give_up(stop);
                    return Next::Cut(stop);
                }
            }
        }
        self.go_to_next();
        Next::Keep
    }

    /// Nothing is left of a request and its content.
    fn go_to_next(&mut self) {
        self.reader.next();
        self.content = Content::none();
    }

    /// Hands the connection to the application, after the answer that goes before.
    async fn hand_over<S: Service>(
        &mut self,
        worker: &Worker<S>,
        message: &Message,
        takeover: Takeover,
    ) -> Next {
        if let Some(refusal) = self.refused_upgrade(message, &takeover) {
            self.object(Objection::Upgrade);
            return self.respond(worker, message, refusal, None).await;
        }
        self.answer_until(None);
        self.take_content_back();
        let (answer, run) = takeover.into_parts();
        if let Some(answer) = answer {
            self.note_status(answer.status());
            self.tx
                .write(|out| answer::bare_head(out, answer.status(), answer.field_lines()));
        }
        if let Err(stop) = poll_fn(|cx| self.poll_settle(cx, worker)).await {
            self.give_up(stop);
            return Next::Cut(stop);
        }
        self.taken_over();
        Next::Hand(run)
    }

    /// RFC 9110, 7.8: a 101 goes only to who asked for that protocol, in a way that counts.
    fn refused_upgrade(&self, message: &Message, takeover: &Takeover) -> Option<Response> {
        let answer = takeover.answer()?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let protocol = answer.field("upgrade").cloned();
        let offers = protocol
            .as_ref()
            .and_then(|name| name.to_str().ok())
            .is_some_and(|name| {
                let offers = self.current.as_deref().and_then(Record::upgrade);
                offers
                    .unwrap_or_default()
                    .split(',')
                    .any(|offer| offer.trim().eq_ignore_ascii_case(name))
            });
        if message.upgrades && offers {
            return None;
        }
        let refusal = plain(
            StatusCode::UPGRADE_REQUIRED,
            "another protocol is spoken here",
        );
        Some(match protocol {
            Some(protocol) => refusal.with_field(http::header::UPGRADE, protocol),
            None => refusal,
        })
    }
}

/// Whether to go on, where there is something to do. Content that is always there, for a client that always takes it,
/// rests from time to time: others have their turn, and what is asked of the connection is heeded.
fn goes_on(cx: &mut Context<'_>, rounds: &mut u32) -> bool {
    *rounds += 1;
    let goes_on = *rounds % ROUNDS != 0;
    if !goes_on {
        cx.waker().wake_by_ref();
    }
    goes_on
}

/// Whether all of it is in memory, and nothing comes after it.
fn is_whole(body: &Body) -> bool {
    body.trailers().is_none() && body.as_bytes().is_some()
}

/// The answer to content that came too late, and what the ledger calls it.
fn late_content(phase: Phase) -> (Response, CloseReason) {
    let status = StatusCode::REQUEST_TIMEOUT;
    match phase {
        Phase::BodyRate => (
            plain(status, "the content came too slowly"),
            CloseReason::BodyTooSlow,
        ),
        _ => (
            plain(status, "the content did not come in time"),
            CloseReason::BodyTimeout,
        ),
    }
}
