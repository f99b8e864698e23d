//! The end of a connection: closed with a lingering read, cut, handed over, or parked.

use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::Instant;

use http::StatusCode;
use http_server_trait::backend::{Parked, rest_heads};
use http_server_trait::{Cause, CloseReason, Failure, Hook};

use super::alarm::{Deadline, Phase};
use super::link::{Filled, Link, Roused};
use super::stop::Stop;
use super::worker::Worker;
use super::{End, Fate};
use crate::h1::Refusal;
use crate::runtime::Runtime;
use crate::service::Service;
use crate::transport::{Close, Transport};

impl<T: Transport, R: Runtime> Link<T, R> {
    pub(super) async fn finish<S: Service>(&mut self, worker: &Worker<S>, end: End) -> Fate {
        let reason = match end {
            End::Close(reason) => self.close(worker, reason).await,
            End::Leave(reason) => {
                if reason == CloseReason::Shutdown {
                    worker.tide.left_idle();
                }
                reason
            }
            End::Refused(refusal) => self.close_refused(worker, refusal).await,
            End::LateHead(true) => {
                self.answer_refused(
                    worker,
                    StatusCode::REQUEST_TIMEOUT,
                    "the head did not come in time",
                );
                self.close(worker, CloseReason::HeadTimeout).await
            }
            // Nothing was asked, so nothing is answered.
            End::LateHead(false) => CloseReason::HeadTimeout,
            End::Cut(stop) => self.cut_off(stop).await,
            End::Hand(run) => self.run_takeover(worker, run).await,
            End::Park => match self.park().await {
                Some(parked) => {
                    self.close_reason = Some(CloseReason::Parked);
                    return Fate::Parked(Box::new(parked));
                }
                None => self.close(worker, CloseReason::Shutdown).await,
            },
        };
        let ends_when_dropped = self.io.as_ref().is_none_or(T::ends_when_dropped);
        if !ends_when_dropped && self.broken.is_none() {
            self.end_this_side(worker).await;
        }
        self.close_reason = Some(reason);
        Fate::Closed(reason)
    }

    /// Ends this side, and gives that no more time than a client has to read its last answer.
    async fn end_this_side<S: Service>(&mut self, worker: &Worker<S>) {
        self.closing = true;
        let until = self
            .now_anew()
            .checked_add(worker.service.config().linger_time);
        poll_fn(|cx| {
            while self.poll_close(cx, Close::Write).is_pending() {
                let deadline = until.map(|at| Deadline {
                    phase: Phase::Linger,
                    at,
                });
                match ready!(self.rest(cx, worker, deadline)) {
                    Roused::Asked if self.must_stop(&worker.tide).is_none() => {}
                    Roused::Asked | Roused::Late(_) => break,
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    async fn close_refused<S: Service>(
        &mut self,
        worker: &Worker<S>,
        refusal: Refusal,
    ) -> CloseReason {
        self.answer_refused(worker, refusal.status(), refusal.reason());
        if refusal != Refusal::Incomplete {
            worker.page.failed();
            // The client has its answer before anybody is told: an error hook may take its time.
            let sent = self.settle(worker).await;
            let failure =
                Failure::new(Hook::Server, Cause::Protocol(Box::new(refusal))).on(&self.conn);
            worker.service.report(failure).await;
            self.forget_time();
            if let Err(stop) = sent {
                return self.cut_off(stop).await;
            }
        }
        self.close(worker, refusal.close_reason()).await
    }

    /// Sends what waits, ends this side, and reads for a while what the client still sends: closing a socket
    /// with unread bytes resets it, and a reset can take the answer away from a client that has not read it
    /// (RFC 9112, 9.6).
    async fn close<S: Service>(&mut self, worker: &Worker<S>, reason: CloseReason) -> CloseReason {
        if let Err(stop) = self.settle(worker).await {
            return self.cut_off(stop).await;
        }
        if reason == CloseReason::Finished && self.is_last && self.rx.is_empty() {
            // A client that said that it will send nothing more: has it? The transport knows without asking
            // the kernel, most of the time.
            let _ = poll_fn(|cx| Poll::Ready(self.poll_fill(cx))).await;
            if self.rx.is_empty() {
                return reason;
            }
        }
        if self.peer_ended {
            return reason;
        }
        self.end_this_side(worker).await;
        self.linger(worker).await;
        reason
    }

    async fn linger<S: Service>(&mut self, worker: &Worker<S>) {
        let config = worker.service.config();
        let until: Option<Instant> = self.now_anew().checked_add(config.linger_time);
        let mut read = self.rx.len() as u64;
        self.rx.consume(self.rx.len());
        poll_fn(|cx| {
            loop {
                match self.poll_fill(cx) {
                    Poll::Ready(Ok(Filled::Some)) => {
                        read += self.rx.len() as u64;
                        self.rx.consume(self.rx.len());
                        if read > config.linger_bytes {
                            return Poll::Ready(());
                        }
                    }
                    Poll::Ready(Ok(Filled::End) | Err(_)) => return Poll::Ready(()),
                    Poll::Pending => {
                        let deadline = until.map(|at| Deadline {
                            phase: Phase::Linger,
                            at,
                        });
                        match ready!(self.rest(cx, worker, deadline)) {
                            Roused::Late(_) => return Poll::Ready(()),
                            Roused::Asked if self.must_stop(&worker.tide).is_some() => {
                                return Poll::Ready(());
                            }
                            Roused::Asked => {}
                        }
                    }
                }
            }
        })
        .await;
    }

    /// Ends a connection in the middle, so that the client does not take what it got for complete.
    async fn cut_off(&mut self, stop: Stop) -> CloseReason {
        self.stop(stop);
        self.abort(stop.abort_reason());
        if !matches!(stop, Stop::Left | Stop::Reset) {
            poll_fn(|cx| self.poll_close(cx, Close::Reset)).await;
        }
        stop.close_reason()
    }

    /// Leaves this server between two messages.
    async fn park(&mut self) -> Option<Parked> {
        let io = self.io.as_mut()?;
        rest_heads();
        let detached = poll_fn(|cx| io.poll_detach(cx)).await.ok();
        self.forget_time();
        let detached = detached?;
        self.io = None;
        let mut parked = Parked::new(self.conn.facts());
        parked.descriptor = detached.descriptor;
        parked.layers = detached.layers;
        parked.requests = self.requests;
        parked.moved = self.moved();
        // What the transport had read and not given to the engine has not been counted yet.
        parked.moved.0 += detached.unread.len() as u64;
        // What it waits for has changed if the first bytes of a head have come at the same time.
        let for_head = self.requests == 0 || !self.rx.is_empty() || !detached.unread.is_empty();
        parked.since = self.since.filter(|_| self.waits_for_head == for_head);
        // What the engine had not used came before what the transport had not given to it.
        let mut unread = self.rx.take();
        unread.extend_from_slice(&detached.unread);
        parked.unread = unread.into();
        Some(parked)
    }
}
