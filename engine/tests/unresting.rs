//! A client that is always ahead of the server: there is always something to read, and always room to write, so
//! that the connection never has to wait. What is asked of it is heeded all the same, deadlines strike, and hooks
//! are told.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http_server_engine::connection::{Fate, Start, Tide, Worker, drive};
use http_server_engine::ledger::Ledger;
use http_server_engine::testkit::Sim;
use http_server_engine::{Close, Detached, RecvBuf, SendQueue, Transport};
use http_server_trait::backend::Pipeline;
use http_server_trait::{App, Body, CloseReason, Conn, Facts, Request, Response, streamed};

/// Its client sends this, then that again and again, and takes everything.
struct Flood {
    first: Option<&'static [u8]>,
    then: &'static [u8],
    /// Nothing comes at first, and then the connection is killed: what comes next comes behind that.
    kills: Option<Arc<Mutex<Option<Conn>>>>,
    /// So much comes in all: a bound for the test, not for the server.
    left: Arc<AtomicUsize>,
}

impl Transport for Flood {
    fn poll_recv(&mut self, _: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        if let Some(kills) = self.kills.take() {
            kills.lock().unwrap().take().unwrap().kill();
            return Poll::Pending;
        }
        let piece = self.first.take().unwrap_or(self.then);
        let left = self.left.load(Ordering::Relaxed);
        if left < piece.len() {
            return Poll::Pending;
        }
        self.left.store(left - piece.len(), Ordering::Relaxed);
        rx.room().extend_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        let count = tx.len();
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

const FLOOD: usize = 30 << 20;

struct Flooded {
    sim: Sim,
    ledger: Ledger,
    conn: Conn,
    left: Arc<AtomicUsize>,
    driving: Pin<Box<dyn Future<Output = Fate>>>,
}

impl Flooded {
    fn new(app: App, first: &'static str, then: &'static [u8]) -> Self {
        Flooded::killed_before(app, first, then, None)
    }

    fn killed_before(
        app: App,
        first: &'static str,
        then: &'static [u8],
        kills: Option<Arc<Mutex<Option<Conn>>>>,
    ) -> Self {
        let sim = Sim::new(1);
        let exec = http_server_trait::Exec::new(Arc::new(sim.clone()));
        let starting = Pipeline::start(app, "flooded", exec, &[]);
        let pipeline = sim
            .block_on(async { starting.await.map_err(|error| error.to_string()) })
            .unwrap();
        let ledger = Ledger::default();
        let worker = Worker::new(Arc::new(pipeline), ledger.page(), Arc::new(Tide::default()));
        let conn = Conn::new(Facts::default(), worker.service().site().clone());
        let open = worker.page().accepted();
        let left = Arc::new(AtomicUsize::new(FLOOD));
        if let Some(kills) = &kills {
            *kills.lock().unwrap() = Some(conn.clone());
        }
        let flood = Flood {
            kills,
            first: Some(first.as_bytes()),
            then,
            left: Arc::clone(&left),
        };
        let start = Start::default();
        let driving = drive(
            Arc::new(worker),
            flood,
            sim.clone(),
            conn.clone(),
            open,
            start,
        );
        Flooded {
            sim,
            ledger,
            conn,
            left,
            driving: Box::pin(driving),
        }
    }

    fn polled(&mut self, times: u32) -> Option<Fate> {
        (0..times).find_map(|_| {
            let mut cx = Context::from_waker(Waker::noop());
            match self.driving.as_mut().poll(&mut cx) {
                Poll::Ready(fate) => Some(fate),
                Poll::Pending => None,
            }
        })
    }

    #[track_caller]
    fn ends_soon_when_killed(mut self) {
        assert!(self.polled(5).is_none());
        let left = self.left.load(Ordering::Relaxed);
        assert!(
            left > FLOOD / 2,
            "others have no turn: {left} bytes are left"
        );
        self.conn.kill();
        let fate = self.polled(3);
        assert!(
            matches!(fate, Some(Fate::Closed(CloseReason::Killed))),
            "{fate:?}"
        );
        drop(self.driving);
        assert!(
            self.ledger.counters().balances(),
            "{:?}",
            self.ledger.counters()
        );
        assert_eq!(self.ledger.counters().active, 0);
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKS: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

fn app(configure: impl FnOnce(&mut App)) -> App {
    let mut app = App::new();
    app.config_mut().body = None;
    configure(&mut app);
    app
}

/// A handler that reads on as long as something comes.
fn reads_on(app: &mut App) {
    app.handler(streamed(|mut request: Request| async move {
        while let Some(piece) = request.body_mut().next().await {
            piece?;
        }
        Ok::<_, http_server_trait::BodyError>("all of it")
    }));
}

fn collects(app: &mut App) {
    app.handler(|mut request: Request| async move {
        request
            .bytes()
            .await
            .map(|content| content.len().to_string())
    });
}

#[test]
fn one_that_sends_requests_without_end_is_killed() {
    let app = app(|app| {
        app.handler(|_: Request| async { "hello" });
    });
    Flooded::new(app, GET, GET.as_bytes()).ends_soon_when_killed();
}

#[test]
fn one_whose_content_is_taken_as_it_comes_is_killed() {
    Flooded::new(app(reads_on), CHUNKS, b"5\r\nhello\r\n").ends_soon_when_killed();
}

#[test]
fn one_whose_content_is_collected_is_killed() {
    Flooded::new(app(collects), CHUNKS, b"5\r\nhello\r\n").ends_soon_when_killed();
}

#[test]
fn one_whose_content_of_known_length_is_collected_is_killed() {
    let app = app(collects);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n";
    Flooded::new(app, head, &[b'x'; 10_000]).ends_soon_when_killed();
}

#[test]
fn one_that_takes_an_answer_without_end_is_killed() {
    let app = app(|app| {
        app.handler(|_: Request| async {
            let mut response = Response::text("");
            *response.body_mut() = Body::stream(Endless);
            response
        });
    });
    Flooded::new(app, GET, b"").ends_soon_when_killed();
}

/// It is told to end, and in the same moment a request comes.
#[test]
fn a_request_that_comes_behind_a_kill_does_not_save_it() {
    let app = app(|app| {
        app.handler(|_: Request| std::future::pending::<&str>());
    });
    let kills = Some(Arc::default());
    let mut flooded = Flooded::killed_before(app, GET, GET.as_bytes(), kills);
    let fate = flooded.polled(3);
    assert!(
        matches!(fate, Some(Fate::Closed(CloseReason::Killed))),
        "{fate:?}"
    );
}

#[test]
fn a_request_has_its_deadline_while_its_content_comes() {
    let app = app(|app| {
        app.config_mut().request_time = Some(Duration::from_secs(30));
        reads_on(app);
    });
    let mut flooded = Flooded::new(app, CHUNKS, b"5\r\nhello\r\n");
    assert!(flooded.polled(20).is_none());
    flooded.sim.advance(Duration::from_secs(31));
    let _ = flooded.polled(3);
    let counters = flooded.ledger.counters();
    drop(flooded.driving);
    assert_eq!(
        flooded
            .ledger
            .counters()
            .closed(CloseReason::RequestTimeout),
        1,
        "{counters:?}"
    );
}

#[test]
fn the_time_goes_on_while_requests_come() {
    let oldest = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&oldest);
    let app = app(|app| {
        app.handler(move |request: Request| {
            let age = request.exec().now() - request.received().unwrap();
            seen.fetch_max(age.as_secs(), Ordering::Relaxed);
            async { "hello" }
        });
    });
    let mut flooded = Flooded::new(app, GET, GET.as_bytes());
    assert!(flooded.polled(20).is_none());
    flooded.sim.advance(Duration::from_secs(31));
    assert!(flooded.polled(20).is_none());
    assert_eq!(
        oldest.load(Ordering::Relaxed),
        0,
        "a request was received before it was sent"
    );
}

#[test]
fn after_hooks_are_told_while_requests_come() {
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let app = app(|app| {
        app.handler(|_: Request| async {
            // Its answer waits for something, and meanwhile the one before is sent.
            let mut is_first = true;
            poll_fn(|cx| {
                if std::mem::take(&mut is_first) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            "hello"
        });
        app.after(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        });
    });
    let mut flooded = Flooded::new(app, GET, GET.as_bytes());
    assert!(flooded.polled(2000).is_none());
    let completed = flooded.ledger.counters().completed;
    let told = told.load(Ordering::Relaxed);
    assert!(completed > 500, "{completed}");
    assert!(completed - told < 100, "{told} of {completed}");
}

/// Content that is always there.
struct Endless;

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = http_server_trait::BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        let piece = bytes::Bytes::from_static(&[b'x'; 1000]);
        Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }
}
