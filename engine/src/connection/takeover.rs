//! A connection in the application's hands.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_io::{AsyncRead, AsyncWrite};
use http_server_trait::backend::{TakeoverRun, Wire, catch};
use http_server_trait::{Cause, CloseReason, Failure, Hook, Upgraded};

use super::link::{Link, Roused};
use super::worker::Worker;
use crate::buffers::{RecvBuf, SendQueue};
use crate::ledger::Page;
use crate::runtime::Runtime;
use crate::service::Service;
use crate::transport::{Close, Transport};

impl<T: Transport, R: Runtime> Link<T, R> {
    /// Runs what the application does with its connection. The server waits for it, and cuts it when it is
    /// killed or when the deadline of a shutdown strikes.
    pub(super) async fn run_takeover<S: Service>(
        &mut self,
        worker: &Worker<S>,
        run: TakeoverRun,
    ) -> CloseReason {
        self.tell(worker).await;
        let Some(io) = self.io.take() else {
            return CloseReason::ServerError;
        };
        let unread = Bytes::from(self.rx.take());
        let page = Arc::clone(self.open.page());
        let stream = Upgraded::new(
            Duplex::new(io, page, self.conn.wire().clone()),
            unread,
            self.conn.clone(),
        );
        let outcome = match catch(|| run.start(stream)) {
            Err(panic) => Err(panic),
            Ok(running) => {
                let mut running = pin!(running);
                let ended = poll_fn(|cx| {
                    match catch(|| running.as_mut().poll(cx)) {
                        Ok(Poll::Ready(outcome)) => {
                            return Poll::Ready(Ok(outcome.map_err(Cause::Error)));
                        }
                        Err(panic) => return Poll::Ready(Ok(Err(panic))),
                        Ok(Poll::Pending) => {}
                    }
                    loop {
                        match ready!(self.rest(cx, worker, None)) {
                            Roused::Asked => {
                                if let Some(stop) = self.must_stop(&worker.tide) {
                                    return Poll::Ready(Err(stop));
                                }
                            }
                            // No deadline is set.
                            Roused::Late(_) => {}
                        }
                    }
                });
                match ended.await {
                    Ok(outcome) => outcome,
                    Err(stop) => return stop.close_reason(),
                }
            }
        };
        if let Err(cause) = outcome {
            let failure = Failure::new(Hook::Takeover, cause).on(&self.conn);
            worker.page.failed();
            worker.service.report(failure).await;
        }
        CloseReason::TakenOver
    }
}

/// A transport with the traits that everybody knows.
struct Duplex<T> {
    io: T,
    rx: RecvBuf,
    tx: SendQueue,
    page: Arc<Page>,
    wire: Wire,
    /// Whether somebody waits to write, and so drives the sending: a runtime wakes one task for each direction.
    writer_waits: bool,
}

impl<T> Duplex<T> {
    fn new(io: T, page: Arc<Page>, wire: Wire) -> Self {
        Duplex {
            io,
            rx: RecvBuf::new(),
            tx: SendQueue::new(),
            page,
            wire,
            writer_waits: false,
        }
    }
}

/// No more than this waits to be sent.
const WRITE_HIGH: usize = 64 * 1024;

impl<T> Duplex<T> {
    fn moved(&self, bytes_in: usize, bytes_out: usize) {
        self.page.moved(bytes_in, bytes_out);
        self.wire.live().add(bytes_in as u64, bytes_out as u64);
    }
}

impl<T: Transport> Duplex<T> {
    /// Sends what waits, for one who waits until it is sent.
    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let drained = self.poll_drain(cx);
        self.writer_waits = drained.is_pending();
        drained
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.tx.is_empty() {
            let count = ready!(self.io.poll_send(cx, &mut self.tx))?;
            self.moved(0, count);
        }
        self.tx.rest();
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> AsyncRead for Duplex<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // What could not be sent at once is sent on while the application waits for an answer to it. What goes
        // wrong there is for the next write to say: there may be something to read.
        if !this.writer_waits {
            let _ = this.poll_drain(cx);
        }
        if this.rx.is_empty() {
            match this.io.poll_recv(cx, &mut this.rx) {
                Poll::Ready(count) => this.moved(count?, 0),
                Poll::Pending => {
                    this.rx.rest();
                    return Poll::Pending;
                }
            }
        }
        let taken = this.rx.len().min(into.len());
        into[..taken].copy_from_slice(&this.rx.bytes()[..taken]);
        this.rx.consume(taken);
        Poll::Ready(Ok(taken))
    }
}

impl<T: Transport> AsyncWrite for Duplex<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.tx.len() >= WRITE_HIGH {
            ready!(self.poll_drained(cx))?;
        }
        let taken = bytes.len().min(WRITE_HIGH);
        self.tx.write(|out| out.extend_from_slice(&bytes[..taken]));
        // Sent at once as far as there is room, so that nobody has to flush a protocol of small messages.
        match self.poll_drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drained(cx))?;
        self.io.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drained(cx))?;
        self.io.poll_close(cx, Close::Write)
    }
}
