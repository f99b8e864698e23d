//! A connection without a socket: its requests come from memory, its answers go nowhere.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http_server_engine::connection::{Start, Tide, Worker, drive};
use http_server_engine::ledger::Ledger;
use http_server_engine::{Close, Detached, RecvBuf, Runtime, SendQueue, Service, Timer, Transport};
use http_server_trait::backend::{Execute, Pipeline};
use http_server_trait::bytes::Bytes;
use http_server_trait::{App, BoxFuture, Conn, Exec, Facts, ListenError, block_on};

/// Serves connections that lead nowhere, on the thread that asks for it.
#[derive(Debug)]
pub struct Nowhere<S> {
    ledger: Ledger,
    worker: Arc<Worker<S>>,
}

impl<S: Service> Nowhere<S> {
    /// Serves this.
    pub fn new(service: S) -> Self {
        let ledger = Ledger::default();
        let worker = Worker::new(Arc::new(service), ledger.page(), Arc::new(Tide::default()));
        Nowhere {
            ledger,
            worker: Arc::new(worker),
        }
    }

    /// A connection as requests know it.
    pub fn conn(&self) -> Conn {
        Conn::new(Facts::default(), self.worker.service().site().clone())
    }

    /// Answers these bytes so many times, one time after the other, on one connection from its begin to its
    /// end. Between two times the connection idles, as one does that waits for its client.
    pub fn serve(&self, bytes: &Bytes, times: u64) {
        self.drive(Memory {
            bytes: bytes.clone(),
            times,
            idles: false,
            sent: None,
        });
    }

    /// As [`serve`](Nowhere::serve), once; gives back what was sent.
    pub fn answer_to(&self, bytes: &Bytes) -> Vec<u8> {
        let (give, take) = std::sync::mpsc::channel();
        self.drive(Memory {
            bytes: bytes.clone(),
            times: 1,
            idles: false,
            sent: Some(give),
        });
        take.into_iter().flatten().collect()
    }

    /// How many requests it has answered.
    pub fn answered(&self) -> u64 {
        self.ledger.counters().completed
    }

    fn drive(&self, memory: Memory) {
        let driving = drive(
            Arc::clone(&self.worker),
            memory,
            Still,
            self.conn(),
            self.worker.page().accepted(),
            Start::default(),
        );
        let mut driving = pin!(driving);
        let mut cx = Context::from_waker(Waker::noop());
        // Nothing here waits for anything but its next poll.
        while driving.as_mut().poll(&mut cx).is_pending() {}
    }
}

/// Starts an application nowhere.
///
/// # Errors
/// If its start hooks fail.
pub fn start(app: App) -> Result<Pipeline, ListenError> {
    block_on(Pipeline::start(
        app,
        "nowhere",
        Exec::new(Arc::new(Still)),
        &[],
    ))
}

/// The same bytes, several times.
struct Memory {
    bytes: Bytes,
    times: u64,
    /// Whether it has just said that nothing is there.
    idles: bool,
    sent: Option<std::sync::mpsc::Sender<Vec<u8>>>,
}

impl Transport for Memory {
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        if self.times == 0 {
            return Poll::Ready(Ok(0));
        }
        self.idles = !self.idles;
        if self.idles {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.times -= 1;
        rx.room().extend_from_slice(&self.bytes);
        Poll::Ready(Ok(self.bytes.len()))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        // As a socket would have it.
        let (pieces, filled) = tx.pieces();
        let count = pieces[..filled].iter().map(|piece| piece.len()).sum();
        if let Some(sent) = &self.sent {
            for piece in &pieces[..filled] {
                // Whoever looks at it does so in the end.
                let _ = sent.send(piece.to_vec());
            }
        }
        tx.advance(count);
        Poll::Ready(Ok(count))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: Close) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

/// A runtime on which nothing is ever spawned, and no time is up. Its clock is the machine's.
#[derive(Clone, Copy, Debug)]
struct Still;

impl Runtime for Still {
    type Timer = Never;

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}

    fn timer(&self, at: Instant) -> Never {
        Never(at)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl Execute for Still {
    fn runtime(&self) -> &'static str {
        "nowhere"
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {}

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn spawn_blocking(&self, _: Box<dyn FnOnce() + Send>) {}
}

/// A timer that is never ready: no request here takes long enough.
struct Never(Instant);

impl Timer for Never {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn set(&mut self, at: Instant) {
        self.0 = at;
    }

    fn at(&self) -> Instant {
        self.0
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Nowhere, start};
    use crate::answers::Answers;
    use crate::app::{HELLO, app};
    use crate::direct::Direct;
    use crate::work::Work;
    use http_server_engine::Service;
    use http_server_trait::bytes::Bytes;

    fn bytes(work: &str) -> Bytes {
        let work = Work::named(work).unwrap();
        work.request().repeat(work.pipelined).into()
    }

    fn answers_like_a_server(nowhere: &Nowhere<impl Service>) {
        let mut content = Vec::new();
        let answer = nowhere.answer_to(&bytes("pipelined"));
        let complete = Answers::new()
            .read(&answer, |piece| content.extend_from_slice(piece))
            .unwrap();
        assert_eq!(complete, 16);
        assert_eq!(content, HELLO.repeat(16).as_bytes());
        assert_eq!(nowhere.answered(), 16);
        nowhere.serve(&bytes("plaintext"), 1000);
        assert_eq!(nowhere.answered(), 1016);
        nowhere.serve(&bytes("connect"), 1);
        assert_eq!(nowhere.answered(), 1017);
    }

    #[test]
    fn every_request_is_answered() {
        answers_like_a_server(&Nowhere::new(start(app()).unwrap()));
        answers_like_a_server(&Nowhere::new(Direct::new().unwrap()));
    }
}
