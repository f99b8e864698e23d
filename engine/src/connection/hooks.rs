//! Running the application's hooks, while the connection goes on living.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_server_trait::backend::{catch, rest_heads};
use http_server_trait::{CloseReason, Failure, Hook};

use super::alarm::{Deadline, Phase, earlier};
use super::content::{State, Trouble};
use super::link::{Filled, Link, Roused};
use super::stop::Stop;
use super::worker::Worker;
use crate::h1::answer;
use crate::runtime::Runtime;
use crate::service::Service;
use crate::transport::Transport;

/// How often a hook is polled in a row because content arrived for it, before other tasks have a turn.
const ROUNDS: u32 = 32;

/// How often it is looked for the end of a client behind what it has sent and nobody reads. No runtime can be asked to
/// wait for that alone.
const LOOK: Duration = Duration::from_secs(1);

/// A hook did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// The request took too long.
    Deadline,
    /// Nobody is to be answered any more.
    Stop(Stop),
}

impl<T: Transport, R: Runtime> Link<T, R> {
    /// Runs a hook: see [`Link::poll_beside`]. One that does not come to its end is dropped here; what it panics
    /// with then is a failure of it like any other.
    pub(crate) async fn beside<S: Service, F: Future>(
        &mut self,
        worker: &Worker<S>,
        which: Hook,
        hook: F,
    ) -> Result<F::Output, Unfinished> {
        let mut hook = pin!(Some(hook));
        let ended = poll_fn(|cx| self.poll_hook(cx, worker, hook.as_mut())).await;
        if ended.is_err() {
            self.let_go(which, hook);
        }
        ended
    }

    /// Polls a hook that can be [let go of](Link::let_go): see [`Link::poll_beside`].
    #[inline]
    pub(crate) fn poll_hook<S: Service, F: Future>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
        hook: Pin<&mut Option<F>>,
    ) -> Poll<Result<F::Output, Unfinished>> {
        match hook.as_pin_mut() {
            Some(hook) => self.poll_beside(cx, worker, hook),
            None => Poll::Pending,
        }
    }

    /// Drops a hook that is not waited for any more.
    #[cold]
    pub(crate) fn let_go<F>(&mut self, which: Hook, mut hook: Pin<&mut Option<F>>) {
        if let Err(panic) = catch(|| hook.set(None)) {
            self.fail(Failure::new(which, panic));
        }
    }

    /// Runs a hook. Meanwhile what waits is sent, content is moved to it if it takes that as it comes, and
    /// the end of the client is noticed; which by itself stops no hook.
    #[inline]
    pub(crate) fn poll_beside<S: Service, F: Future>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
        mut hook: Pin<&mut F>,
    ) -> Poll<Result<F::Output, Unfinished>> {
        let mut rounds = 0;
        loop {
            let polled = hook.as_mut().poll(cx);
            self.send_interim();
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Ok(output));
            }
            ready!(self.poll_meanwhile(cx, worker, &mut rounds))?;
        }
    }

    /// What is done while a hook waits. `Ready(Ok)` says: poll it once more.
    #[inline(never)]
    fn poll_meanwhile<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
        rounds: &mut u32,
    ) -> Poll<Result<(), Unfinished>> {
        let moved = self.pump(cx, worker);
        // A connection that breaks does not stop the hook; the next step will see it.
        let _ = self.poll_flush(cx);
        let look = self.watch(cx);
        if moved {
            *rounds += 1;
            if *rounds % ROUNDS != 0 {
                return Poll::Ready(Ok(()));
            }
            // It rests although there is something to do: nobody may keep it from its deadlines.
            cx.waker().wake_by_ref();
        }
        let deadline = earlier(self.content_deadline(worker), look);
        let roused = ready!(self.rest(cx, worker, deadline));
        Poll::Ready(self.roused_beside(roused, worker))
    }

    fn roused_beside<S: Service>(
        &mut self,
        roused: Roused,
        worker: &Worker<S>,
    ) -> Result<(), Unfinished> {
        match roused {
            Roused::Asked => match self.must_stop(&worker.tide) {
                Some(stop) => Err(Unfinished::Stop(stop)),
                None => Ok(()),
            },
            Roused::Late(Phase::Look) => Ok(()),
            Roused::Late(Phase::Request) => {
                self.answer_until(None);
                Err(Unfinished::Deadline)
            }
            Roused::Late(Phase::Write) => {
                self.stop(Stop::WriteStalled);
                Ok(())
            }
            Roused::Late(Phase::WriteRate) => {
                self.stop(Stop::WriteTooSlow);
                Ok(())
            }
            Roused::Late(phase) => {
                self.break_content(Trouble::Late(phase));
                Ok(())
            }
        }
    }

    /// Notices the end of a client that has nothing more to send, and reads what it pipelines. While
    /// content is still to come that would be reading ahead of a handler, so it only [looks](Link::look); says
    /// when it does so again.
    pub(crate) fn watch(&mut self, cx: &mut Context<'_>) -> Option<Deadline> {
        if self.peer_ended {
            return None;
        }
        if matches!(self.content.state, State::None) {
            while self.rx.len() < crate::buffers::READ_AHEAD {
                match self.poll_fill(cx) {
                    Poll::Ready(Ok(Filled::Some)) => {}
                    Poll::Pending if self.holds_back => break,
                    _ => return None,
                }
            }
        } else if self.content.is_read() && !self.holds_back {
            return None;
        }
        self.look()
    }

    /// Looks now and then whether the client is there still, for somebody who waits for its end: what it has sent
    /// lies before that, and is not read.
    #[cold]
    fn look(&mut self) -> Option<Deadline> {
        if !self.conn.is_watched() && !self.conn.awaits_ends() {
            return None;
        }
        let now = self.now();
        let next = self.content.look_at().filter(|at| now < *at);
        let at = match next {
            Some(at) => at,
            None => {
                match self.io.as_ref().and_then(Transport::peer_end) {
                    Some(CloseReason::ClientClosed) => {
                        self.conn.set_disconnected(CloseReason::ClientClosed);
                        // It may be gone for good later.
                        if !self.conn.awaits_ends() {
                            return None;
                        }
                    }
                    Some(_) => {
                        self.stop(Stop::Reset);
                        return None;
                    }
                    None => {}
                }
                let at = now.checked_add(LOOK)?;
                self.content.look_again_at(at);
                at
            }
        };
        let phase = Phase::Look;
        Some(Deadline { phase, at })
    }

    /// Interim answers leave as soon as the hook waits for something.
    #[inline]
    fn send_interim(&mut self) {
        if self.conn.has_interim() {
            self.queue_interim();
        }
    }

    #[cold]
    fn queue_interim(&mut self) {
        for (status, fields) in self.conn.take_interim(self.requests) {
            self.tx
                .write(|out| answer::interim(out, status, fields.iter()));
        }
    }

    /// Tells the hooks about the requests that have ended.
    pub(crate) async fn tell<S: Service>(&mut self, worker: &Worker<S>) {
        self.tell_ends();
        // Who is told may wait, and that is no rest.
        rest_heads();
        while !self.ended.is_empty() {
            for (mut record, outcome, bytes_out) in self.ended.take() {
                for failure in record.take_failures() {
                    worker.page.failed();
                    worker.service.report(failure).await;
                    self.forget_time();
                }
                let done = record.completed(outcome, bytes_out);
                record.recycle();
                if let Some(done) = done.filter(|_| worker.service.has_after()) {
                    let failed = worker.service.after(done).await;
                    self.forget_time();
                    (0..failed).for_each(|_| worker.page.failed());
                }
            }
        }
    }

    /// Sends everything that waits, and tells the hooks about what has ended by that.
    pub(crate) async fn settle<S: Service>(&mut self, worker: &Worker<S>) -> Result<(), Stop> {
        let flushed = poll_fn(|cx| self.poll_settle(cx, worker)).await;
        if let Err(stop) = flushed {
            self.give_up(stop);
        }
        self.tell(worker).await;
        flushed
    }

    /// Sends everything that waits; the hooks are told later.
    pub(crate) fn poll_settle<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
    ) -> Poll<Result<(), Stop>> {
        loop {
            if let Poll::Ready(flushed) = self.poll_flush(cx) {
                return Poll::Ready(flushed);
            }
            ready!(self.rest_between(cx, worker))?;
        }
    }

    /// Lets other tasks have a turn between two requests. It is a rest like any other, also for a connection that
    /// always has something to do: what was asked of it is heeded, and the clock goes on.
    pub(crate) async fn yield_now<S: Service>(&mut self, worker: &Worker<S>) -> Result<(), Stop> {
        let mut yielded = false;
        poll_fn(|cx| {
            if !std::mem::replace(&mut yielded, true) {
                cx.waker().wake_by_ref();
                ready!(self.rest_between(cx, worker))?;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Rests while no request is under way. `Ready(Ok)` says: go on.
    fn rest_between<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
    ) -> Poll<Result<(), Stop>> {
        Poll::Ready(match ready!(self.rest(cx, worker, None)) {
            Roused::Asked => self.must_stop(&worker.tide).map_or(Ok(()), Err),
            Roused::Late(Phase::WriteRate) => Err(Stop::WriteTooSlow),
            // No other deadline is set while an answer is being sent.
            Roused::Late(_) => Err(Stop::WriteStalled),
        })
    }

    /// Gives the current request up.
    pub(crate) fn give_up(&mut self, stop: Stop) {
        self.stop(stop);
        self.abort(stop.abort_reason());
    }
}
