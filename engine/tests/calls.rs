//! How many system calls large content takes: none is made in vain, and what is ready leaves together.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Frame;
use http_server_engine::connection::{Start, Tide, Worker, drive};
use http_server_engine::ledger::Ledger;
use http_server_engine::testkit::{Sim, take};
use http_server_engine::{Close, Detached, RecvBuf, SendQueue, Transport};
use http_server_trait::backend::Pipeline;
use http_server_trait::{App, Body, Conn, Exec, Facts, Request, Response};

/// A socket that has received all of this and takes whatever is sent, and what was called.
struct Socket {
    left: Vec<u8>,
    /// As a runtime does: after a short read it is known to be empty.
    drained: bool,
    calls: Arc<Calls>,
}

#[derive(Default)]
struct Calls {
    reads: AtomicUsize,
    reads_in_vain: AtomicUsize,
    writes: AtomicUsize,
    written: Mutex<Vec<u8>>,
}

impl Calls {
    fn count(&self, of: impl FnOnce(&Self) -> &AtomicUsize) {
        of(self).fetch_add(1, Ordering::Relaxed);
    }

    /// Reads that brought something, reads that did not, and writes.
    fn all(&self) -> [usize; 3] {
        [&self.reads, &self.reads_in_vain, &self.writes].map(|calls| calls.load(Ordering::Relaxed))
    }
}

impl Transport for Socket {
    fn poll_recv(&mut self, _: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        if self.drained {
            return Poll::Pending;
        }
        let room = rx.room();
        let most = room.capacity() - room.len();
        let count = self.left.len().min(most);
        self.drained = count < most;
        if count == 0 {
            self.calls.count(|calls| &calls.reads_in_vain);
            return Poll::Pending;
        }
        self.calls.count(|calls| &calls.reads);
        room.extend(self.left.drain(..count));
        Poll::Ready(Ok(count))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        self.calls.count(|calls| &calls.writes);
        let mut written = self.calls.written.lock().unwrap();
        Poll::Ready(Ok(take(tx, usize::MAX, &mut *written)))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: Close) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

/// Serves what has come, and says what was called for it.
fn served(came: Vec<u8>) -> Arc<Calls> {
    let sim = Sim::new(1);
    let mut app = App::new();
    app.config_mut().date = false;
    app.handler(|mut request: Request| async move {
        let of = |size| Body::stream(Pieces { left: 64, size });
        Response::from(match request.path() {
            "/kibibytes" => of(1024),
            "/pages" => of(4096),
            _ => request.take_body(),
        })
    });
    let starting = Pipeline::start(app, "calls", Exec::new(Arc::new(sim.clone())), &[]);
    let pipeline = sim
        .block_on(async { starting.await.map_err(|error| error.to_string()) })
        .unwrap();
    let ledger = Ledger::default();
    let worker = Worker::new(Arc::new(pipeline), ledger.page(), Arc::new(Tide::default()));
    let conn = Conn::new(Facts::default(), worker.service().site().clone());
    let open = worker.page().accepted();
    let calls = Arc::new(Calls::default());
    let socket = Socket {
        left: came,
        drained: false,
        calls: Arc::clone(&calls),
    };
    let worker = Arc::new(worker);
    let mut driving = pin!(drive(worker, socket, sim, conn, open, Start::default()));
    for _ in 0..100 {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(driving.as_mut().poll(&mut cx).is_pending());
    }
    calls
}

/// So many pieces, all of them there.
struct Pieces {
    left: usize,
    size: usize,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'y'; self.size])))))
    }
}

fn post(length: usize) -> Vec<u8> {
    let mut request =
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    request.resize(request.len() + length, b'x');
    request
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

#[test]
fn no_read_is_made_in_vain_after_content() {
    for length in [1, 4096, 20_000, 64 * 1024, 300_000, 1 << 20] {
        let calls = served(post(length));
        let [reads, in_vain, writes] = calls.all();
        assert_eq!(in_vain, 0, "{length}");
        assert_eq!(writes, 1, "{length}: head and content leave together");
        // What the head came with, and then as much again as there is.
        assert!(
            reads <= 2 + length.div_ceil(64 * 1024).ilog2() as usize + 1,
            "{length}: {reads}"
        );
        assert!(calls.written.lock().unwrap().ends_with(b"xxx") || length < 3);
    }
}

#[test]
fn what_follows_content_is_another_request() {
    for length in [20_000, 64 * 1024, 300_000] {
        let mut came = post(length);
        came.extend_from_slice(&post(length));
        came.extend_from_slice(&get("/"));
        let calls = served(came);
        let written = calls.written.lock().unwrap();
        let answers = written.windows(9).filter(|bytes| *bytes == b"HTTP/1.1 ");
        assert_eq!(answers.count(), 3, "{length}");
        let echoed: usize = written.iter().map(|byte| usize::from(*byte == b'x')).sum();
        assert_eq!(echoed, 2 * length);
    }
}

#[test]
fn what_follows_content_is_read_together() {
    let mut came = post(20_000);
    (0..100).for_each(|_| came.extend_from_slice(&get("/")));
    let [reads, in_vain, _] = served(came).all();
    // The head and what comes with it, the rest of the content and one byte, and all the others.
    assert_eq!((reads, in_vain), (3, 0));
}

#[test]
fn pieces_that_are_ready_leave_together_up_to_the_mark() {
    // 64 KiB and their framing cross the mark with the last piece; the end goes along.
    assert_eq!(served(get("/kibibytes")).all(), [1, 0, 1]);
    // 256 KiB do not: each time the mark is crossed, and one piece more.
    assert_eq!(served(get("/pages")).all(), [1, 0, 4]);
}
