//! A connection's task: hyper, and beside it everything that hyper does not see to.

use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_server_trait::backend::{Ask, TakeoverRun, catch};
use http_server_trait::{
    AbortReason, BodyError, BodyErrorKind, BoxFuture, Cause, CloseReason, Config, Conn, Failure,
    Hook, Outcome, Response, Upgraded,
};
use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper_util::rt::TokioIo;
use tokio::time::{Sleep, sleep_until, timeout};

use crate::content::{Hold, earned};
use crate::link::{Link, Verdict};
use crate::service::Service;
use crate::wire::{Broken, Flow, Wire};

type Http = UpgradeableConnection<TokioIo<Wire>, Service>;

struct Driver {
    link: Arc<Link>,
    http: Http,
    /// The hooks are being told of a request that has ended.
    telling: Option<BoxFuture<'static, ()>>,
    alarm: Option<(Instant, Pin<Box<Sleep>>)>,
    is_ending: bool,
}

/// How a connection has come to its end.
enum End {
    /// hyper says so.
    Hyper(hyper::Result<()>),
    /// The link says so.
    Verdict(Verdict),
    /// It took too long.
    Late(Late),
    /// It was asked for from outside.
    Killed,
}

/// What took too long.
#[derive(Clone, Copy, Debug)]
enum Late {
    /// The next request, of which nothing has come.
    Idle,
    /// A head, of which something has come or not.
    Head { begun: bool },
    /// The client takes nothing of its answer.
    Write,
    /// It takes it too slowly.
    WriteRate,
}

/// How a socket is closed.
enum Close {
    /// As it is.
    Leave,
    /// After these bytes, and after the client had time to read them.
    Linger(Vec<u8>),
    /// In a way that no client takes for an end.
    Reset,
}

/// Serves a connection to its end.
pub(crate) async fn drive(link: Arc<Link>) -> CloseReason {
    let config = link.config();
    let mut builder = Builder::new();
    builder
        // RFC 9112, 9.5: a client that has ended its side may still read.
        .half_close(true)
        .max_headers(config.fields)
        .max_header_size(config.head)
        .max_buf_size(config.write_high.max(config.head).max(SMALLEST_BUFFER))
        .auto_date_header(config.date);
    let io = TokioIo::new(link.wire.clone());
    let http = builder.serve_connection(io, Service(Arc::clone(&link)));
    let mut driver = Driver {
        link,
        http: http.with_upgrades(),
        telling: None,
        alarm: None,
        is_ending: false,
    };
    let end = poll_fn(|cx| driver.poll(cx)).await;
    driver.finish(end).await
}

/// hyper takes no smaller one.
const SMALLEST_BUFFER: usize = 8192;

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let link = Arc::clone(&self.link);
        link.conn.driver().register(cx.waker());
        link.tell_ends();
        let mut looked_again = false;
        loop {
            if let Some(telling) = &mut self.telling {
                if telling.as_mut().poll(cx).is_ready() {
                    self.telling = None;
                    link.told();
                    looked_again = false;
                }
            }
            if link.conn.asks().has(Ask::Kill) {
                return Poll::Ready(End::Killed);
            }
            self.end_gracefully();
            let polled = Pin::new(&mut self.http).poll(cx);
            let flow = link.wire.flow();
            link.look(flow);
            if let Some(record) = link.take_sent(flow) {
                self.telling = Some(Box::pin(Arc::clone(&link).tell(record)));
                if polled.is_pending() {
                    continue;
                }
            }
            if let Poll::Ready(result) = polled {
                return Poll::Ready(End::Hyper(result));
            }
            if let Some(verdict) = link.take_verdict() {
                return Poll::Ready(End::Verdict(verdict));
            }
            if link.has_waited_for(flow) {
                continue;
            }
            self.see_to_content(cx);
            // What was read while hyper did not read is news to it, and it was told of nothing.
            if !link.state().is_busy() && link.wire.has_news() && !looked_again {
                looked_again = true;
                continue;
            }
            match self.poll_alarm(cx) {
                Poll::Ready(Late::Write | Late::WriteRate) if link.wire.insist() => {}
                late => return late.map(End::Late),
            }
        }
    }

    fn end_gracefully(&mut self) {
        let asked = self.link.conn.asks().has(Ask::CloseAfterCurrentResponse);
        if (asked || self.link.server.is_draining()) && !self.is_ending {
            self.is_ending = true;
            Pin::new(&mut self.http).graceful_shutdown();
        }
    }

    /// Reads content that nobody wants, and where there is none left to read notices the end of the client.
    fn see_to_content(&mut self, cx: &mut Context<'_>) {
        let link = &self.link;
        let (slot, is_busy, is_answering) = {
            let state = link.state();
            (state.slot.clone(), state.is_busy(), state.is_answering())
        };
        if let Some(slot) = slot {
            if is_answering || !is_busy || slot.was_asked_for() {
                slot.poll_drop(cx, link.config().unread_content);
            }
            if slot.hold() != Hold::Over {
                return;
            }
        }
        if is_busy {
            link.wire.watch(cx);
        }
        if let Some(how) = link.wire.disconnected() {
            link.conn.set_disconnected(how);
            link.tell_ends();
        }
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        loop {
            let Some((at, late)) = self.deadline() else {
                return Poll::Pending;
            };
            match &mut self.alarm {
                Some((set, _)) if *set == at => {}
                Some((set, alarm)) => {
                    *set = at;
                    alarm.as_mut().reset(at.into());
                }
                None => self.alarm = Some((at, Box::pin(sleep_until(at.into())))),
            }
            if let Some((_, alarm)) = &mut self.alarm {
                ready!(alarm.as_mut().poll(cx));
            }
            self.alarm = None;
            if Instant::now() >= at {
                return Poll::Ready(late);
            }
        }
    }

    fn deadline(&self) -> Option<(Instant, Late)> {
        let config = self.link.config();
        let flow = self.link.wire.flow();
        if let Some(stuck) = flow.stuck {
            return self.stuck_until(flow, stuck);
        }
        let state = self.link.state();
        if state.is_busy()
            || state
                .slot
                .as_ref()
                .is_some_and(|it| it.hold() != Hold::Over)
        {
            return None;
        }
        let waiting = state.waiting();
        match waiting.begun {
            Some(begun) => {
                // That of the first request begins with the connection.
                let from = if waiting.is_first {
                    waiting.since
                } else {
                    begun
                };
                Some((
                    from.checked_add(config.head_time)?,
                    Late::Head { begun: true },
                ))
            }
            None if waiting.is_first => {
                let at = waiting.since.checked_add(config.head_time)?;
                Some((at, Late::Head { begun: false }))
            }
            None => Some((waiting.since.checked_add(config.idle_time)?, Late::Idle)),
        }
    }

    /// Until when a client that takes nothing may go on so.
    fn stuck_until(&self, flow: Flow, stuck: Instant) -> Option<(Instant, Late)> {
        let config = self.link.config();
        let stalled = stuck.checked_add(config.write_stall);
        let slow = config
            .write_rate
            .zip(flow.slow)
            .and_then(|(rate, (since, written))| {
                since.checked_add(earned(rate, flow.written - written))
            });
        match (stalled, slow) {
            (stalled, Some(slow)) if stalled.is_none_or(|it| slow < it) => {
                Some((slow, Late::WriteRate))
            }
            (stalled, _) => Some((stalled?, Late::Write)),
        }
    }

    async fn finish(self, end: End) -> CloseReason {
        let Driver {
            link,
            http,
            telling,
            ..
        } = self;
        if let Some(telling) = telling {
            telling.await;
            // What ends now ends behind that request; some of the next may have come.
            link.told();
            link.look(link.wire.flow());
        }
        let (reason, close) = match end {
            End::Hyper(result) => match (handed(&link).await, result) {
                (Some((run, unread)), Ok(())) => return take_over(&link, run, unread).await,
                (_, result) => judge(&link, result).await,
            },
            End::Verdict(Verdict::Hand { answer, run }) => {
                return take_apart(&link, http, answer, run).await;
            }
            End::Verdict(Verdict::Left) => (CloseReason::ClientLeft, Close::Leave),
            End::Verdict(Verdict::Late) => (CloseReason::RequestTimeout, Close::Reset),
            End::Late(Late::Idle) => (CloseReason::IdleTimeout, Close::Leave),
            // Nothing was asked, so nothing is answered.
            End::Late(Late::Head { begun: false }) => (CloseReason::HeadTimeout, Close::Leave),
            // hyper has a time-out for heads, and answers nothing when it strikes.
            End::Late(Late::Head { begun: true }) => (
                CloseReason::HeadTimeout,
                Close::Linger(bare_answer(StatusCode::REQUEST_TIMEOUT)),
            ),
            End::Late(Late::Write) => (CloseReason::WriteTimeout, Close::Reset),
            End::Late(Late::WriteRate) => (CloseReason::WriteTooSlow, Close::Reset),
            End::Killed if link.server.is_cutting() => (CloseReason::ShutdownCut, Close::Reset),
            End::Killed => (CloseReason::Killed, Close::Reset),
        };
        let aborted = link.take_aborted(Outcome::Aborted(abort_reason(reason)));
        // With it goes what is still under way in it.
        drop(http);
        if let Some(record) = aborted {
            Arc::clone(&link).tell(record).await;
        }
        match close {
            Close::Leave => link.wire.close(),
            Close::Linger(last) => linger(&link.wire, &link.conn, link.config(), &last).await,
            Close::Reset => link.wire.reset(),
        }
        reason
    }
}

/// What an end that hyper has come to by itself means.
async fn judge(link: &Link, result: hyper::Result<()>) -> (CloseReason, Close) {
    let linger = Close::Linger(Vec::new());
    let (closing, slot, has_begun) = {
        let mut state = link.state();
        let has_begun = state.is_busy() || state.waiting().begun.is_some();
        (state.closing.take(), state.slot.clone(), has_begun)
    };
    let Err(error) = result else {
        let unread = slot.and_then(|slot| slot.trouble());
        return match closing.or(unread) {
            Some(reason) => (reason, linger),
            None if link.server.is_draining() => {
                link.server.idle.fetch_add(1, Ordering::Relaxed);
                (CloseReason::Shutdown, Close::Leave)
            }
            None if link.conn.asks().has(Ask::CloseAfterCurrentResponse) => {
                (CloseReason::AppClosed, Close::Leave)
            }
            None => (CloseReason::ClientClosed, Close::Leave),
        };
    };
    if error.is_parse() {
        let reason = if error.is_parse_too_large() {
            CloseReason::HeadTooLarge
        } else {
            CloseReason::ProtocolError
        };
        report(link, Cause::Protocol(error.into())).await;
        return (reason, linger);
    }
    match link.wire.broken() {
        Some(Broken::Reset) if has_begun => return (CloseReason::ClientLeft, Close::Leave),
        Some(Broken::Reset) => return (CloseReason::ClientClosed, Close::Leave),
        Some(Broken::Reading) => return (CloseReason::ReadError, Close::Leave),
        Some(Broken::Writing) => return (CloseReason::WriteError, Close::Leave),
        None => {}
    }
    if error.is_incomplete_message() {
        return (CloseReason::ClientLeft, Close::Leave);
    }
    if error.is_user() {
        let source = std::error::Error::source(&error);
        let content = source.and_then(|it| it.downcast_ref::<BodyError>());
        return match content.map(BodyError::kind) {
            Some(BodyErrorKind::Disconnected) => (CloseReason::ClientLeft, Close::Reset),
            _ => (CloseReason::AnswerCut, Close::Reset),
        };
    }
    report(link, Cause::Error(error.into())).await;
    (CloseReason::ServerError, Close::Reset)
}

async fn report(link: &Link, cause: Cause) {
    link.server.count(|books| books.failures += 1);
    let failure = Failure::new(Hook::Server, cause).on(&link.conn);
    link.pipeline().report(failure).await;
}

fn abort_reason(reason: CloseReason) -> AbortReason {
    match reason {
        CloseReason::WriteTimeout => AbortReason::WriteTimeout,
        CloseReason::WriteTooSlow => AbortReason::WriteTooSlow,
        CloseReason::RequestTimeout => AbortReason::RequestTimeout,
        CloseReason::AnswerCut => AbortReason::AnswerCut,
        CloseReason::ReadError => AbortReason::ReadError,
        CloseReason::WriteError => AbortReason::WriteError,
        CloseReason::ShutdownCut => AbortReason::ShutdownCut,
        CloseReason::Killed => AbortReason::Killed,
        CloseReason::ServerError => AbortReason::ServerError,
        _ => AbortReason::ClientLeft,
    }
}

/// An answer that hyper does not write.
pub(crate) fn bare_answer(status: StatusCode) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or_default();
    let retry = match status {
        StatusCode::SERVICE_UNAVAILABLE => "retry-after: 1\r\n",
        _ => "",
    };
    let status = status.as_u16();
    let head = format!("HTTP/1.1 {status} {reason}\r\n{retry}");
    format!("{head}content-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

/// Writes what is left to say, ends this side, and reads for a while what the client still sends: closing a
/// socket with unread bytes resets it, and a reset can take the answer away from a client that has not read it
/// (RFC 9112, 9.6).
pub(crate) async fn linger(wire: &Wire, conn: &Conn, config: &Config, last: &[u8]) {
    let mut last = last;
    let mut ended = false;
    let mut read = 0;
    let mut piece = vec![0; 4096];
    let lingering = poll_fn(|cx| {
        conn.driver().register(cx.waker());
        while !last.is_empty() {
            match ready!(wire.poll_send(cx, &[IoSlice::new(last)])) {
                Ok(sent) => last = &last[sent..],
                Err(_) => return Poll::Ready(()),
            }
        }
        if !ended {
            ended = wire.poll_end(cx).is_ready();
        }
        while read <= config.linger_bytes && !conn.asks().has(Ask::Kill) {
            match ready!(wire.poll_recv(cx, &mut piece)) {
                Ok(count @ 1..) => read += count as u64,
                Ok(0) | Err(_) => break,
            }
        }
        Poll::Ready(())
    });
    // A client that does not end its side in time has had time enough.
    let _ = timeout(config.linger_time, lingering).await;
    wire.close();
}

/// What takes the connection, if hyper has handed it over, and the bytes that hyper had read and not used.
async fn handed(link: &Link) -> Option<(TakeoverRun, Vec<u8>)> {
    let (upgrade, run) = link.take_handing()?;
    let parts = upgrade.await.ok()?.downcast::<TokioIo<Wire>>().ok()?;
    Some((run, parts.read_buf.to_vec()))
}

/// Takes the connection out of hyper's hands, and hands it over after this answer.
async fn take_apart(
    link: &Arc<Link>,
    http: Http,
    answer: Option<Response>,
    run: TakeoverRun,
) -> CloseReason {
    let slot = link.state().slot.clone();
    let mut unread = slot.map_or(Vec::new(), |slot| slot.take_read());
    if let Some(parts) = http.into_parts() {
        unread.extend_from_slice(&parts.read_buf);
    }
    if let Some(answer) = answer {
        link.answers(answer.status(), None);
        if !write_all(link, &bare_head(&answer)).await {
            let record = link.take_aborted(Outcome::Aborted(AbortReason::ClientLeft));
            if let Some(record) = record {
                Arc::clone(link).tell(record).await;
            }
            link.wire.reset();
            return CloseReason::ClientLeft;
        }
    }
    if let Some(record) = link.take_aborted(Outcome::TakenOver) {
        Arc::clone(link).tell(record).await;
    }
    take_over(link, run, unread).await
}

/// The head of an answer as it is, without framing.
fn bare_head(answer: &Response) -> Vec<u8> {
    let status = answer.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in answer.field_lines() {
        if !matches!(*name, CONTENT_LENGTH | TRANSFER_ENCODING) {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

async fn write_all(link: &Link, bytes: &[u8]) -> bool {
    let mut left = bytes;
    let writing = poll_fn(|cx| {
        while !left.is_empty() {
            match ready!(link.wire.poll_send(cx, &[IoSlice::new(left)])) {
                Ok(sent) => left = &left[sent..],
                Err(_) => return Poll::Ready(false),
            }
        }
        Poll::Ready(true)
    });
    timeout(link.config().write_stall, writing)
        .await
        .unwrap_or(false)
}

/// Runs what the application does with its connection. The server waits for it, and cuts it when it is killed
/// or when the deadline of a shutdown strikes.
async fn take_over(link: &Link, run: TakeoverRun, mut unread: Vec<u8>) -> CloseReason {
    unread.extend(link.wire.take_ahead());
    let stream = Upgraded::new(link.wire.clone(), Bytes::from(unread), link.conn.clone());
    let ended = match catch(|| run.start(stream)) {
        Err(panic) => Some(Err(panic)),
        Ok(running) => {
            let mut running = pin!(running);
            poll_fn(|cx| {
                link.conn.driver().register(cx.waker());
                if link.conn.asks().has(Ask::Kill) {
                    return Poll::Ready(None);
                }
                match catch(|| running.as_mut().poll(cx)) {
                    Ok(outcome) => outcome.map(|it| Some(it.map_err(Cause::Error))),
                    Err(panic) => Poll::Ready(Some(Err(panic))),
                }
            })
            .await
        }
    };
    let reason = match ended {
        None if link.server.is_cutting() => CloseReason::ShutdownCut,
        None => CloseReason::Killed,
        Some(outcome) => {
            if let Err(cause) = outcome {
                link.server.count(|books| books.failures += 1);
                let failure = Failure::new(Hook::Takeover, cause).on(&link.conn);
                link.pipeline().report(failure).await;
            }
            CloseReason::TakenOver
        }
    };
    link.wire.close();
    reason
}
