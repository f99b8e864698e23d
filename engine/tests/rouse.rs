//! Who wakes a connection while it is at work, and its waker is not there to be found, has woken it all the same.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use http_server_engine::connection::{Start, Tide, Worker, drive};
use http_server_engine::ledger::Ledger;
use http_server_engine::testkit::{Sim, take};
use http_server_engine::{Close, Detached, RecvBuf, Runtime, SendQueue, Timer, Transport};
use http_server_trait::backend::Pipeline;
use http_server_trait::{App, Conn, Exec, Facts, Request, Response};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What happens elsewhere while the connection reads.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Its client sends one request, and takes nothing at first or all.
struct Socket {
    request: Option<&'static [u8]>,
    takes: Arc<AtomicBool>,
    meanwhile: Meanwhile,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Transport for Socket {
    fn poll_recv(&mut self, _: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        let Some(request) = self.request.take() else {
            return Poll::Pending;
        };
        rx.room().extend_from_slice(request);
        Poll::Ready(Ok(request.len()))
    }

    fn poll_send(&mut self, _: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        if !self.takes.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let mut written = self.written.lock().unwrap();
        Poll::Ready(Ok(take(tx, usize::MAX, &mut *written)))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: Close) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

/// A clock that is set by hand. Its timers are struck by hand, too, as by a runtime's thread that has the timers.
#[derive(Clone)]
struct Clock(Arc<Mutex<Hands>>);

struct Hands {
    now: Instant,
    waiting: Option<(Instant, Waker)>,
}

impl Clock {
    fn strike(&self, after: Duration) {
        let mut hands = self.0.lock().unwrap();
        hands.now += after;
        let now = hands.now;
        let due = hands.waiting.take_if(|(at, _)| *at <= now);
        drop(hands);
        if let Some((_, waker)) = due {
            waker.wake();
        }
    }
}

struct At(Clock, Instant);

impl Timer for At {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.0.0.lock().unwrap();
        if hands.now >= self.1 {
            return Poll::Ready(());
        }
        hands.waiting = Some((self.1, cx.waker().clone()));
        Poll::Pending
    }

    fn set(&mut self, at: Instant) {
        self.1 = at;
    }

    fn at(&self) -> Instant {
        self.1
    }
}

impl Runtime for Clock {
    type Timer = At;

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}

    fn timer(&self, at: Instant) -> At {
        At(self.clone(), at)
    }

    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }
}

/// How often a task was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection whose handler sends an interim answer and then waits, asking anew at each poll what becomes of its
/// request; and what that needs.
struct World {
    conn: Conn,
    clock: Clock,
    takes: Arc<AtomicBool>,
    meanwhile: Meanwhile,
    written: Arc<Mutex<Vec<u8>>>,
    request: Arc<Mutex<Option<Request>>>,
}

fn interim(request: &Request, status: u16) {
    let status = StatusCode::from_u16(status).unwrap();
    request.send_interim(status, HeaderMap::new()).unwrap();
}

/// Lets this happen while the connection is at work because somebody has woken it, and says what was sent by then.
fn happens(takes: bool, what: impl FnOnce(&World) -> Box<dyn FnOnce() + Send>) -> String {
    let sim = Sim::new(1);
    let request = Arc::new(Mutex::new(None));
    let given = Arc::clone(&request);
    let mut app = App::new();
    app.config_mut().request_time = Some(Duration::from_secs(10));
    app.config_mut().write_stall = Duration::from_secs(60);
    app.handler(move |request: Request| {
        interim(&request, 103);
        *given.lock().unwrap() = Some(request);
        let given = Arc::clone(&given);
        poll_fn(move |cx| {
            let outcome = given.lock().unwrap().as_ref().unwrap().outcome();
            pin!(outcome).poll(cx).map(|_| Response::text("late"))
        })
    });
    let starting = Pipeline::start(app, "rouse", Exec::new(Arc::new(sim.clone())), &[]);
    let pipeline = sim
        .block_on(async { starting.await.map_err(|error| error.to_string()) })
        .unwrap();
    let ledger = Ledger::default();
    let worker = Worker::new(Arc::new(pipeline), ledger.page(), Arc::new(Tide::default()));
    let conn = Conn::new(Facts::default(), worker.service().site().clone());
    let hands = Hands {
        now: Instant::now(),
        waiting: None,
    };
    let world = World {
        conn: conn.clone(),
        clock: Clock(Arc::new(Mutex::new(hands))),
        takes: Arc::new(takes.into()),
        meanwhile: Meanwhile::default(),
        written: Arc::default(),
        request,
    };
    let socket = Socket {
        request: Some(GET),
        takes: Arc::clone(&world.takes),
        meanwhile: Arc::clone(&world.meanwhile),
        written: Arc::clone(&world.written),
    };
    let open = worker.page().accepted();
    let (worker, clock, start) = (Arc::new(worker), world.clock.clone(), Start::default());
    let mut driving = pin!(drive(worker, socket, clock, conn, open, start));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut rounds = 0;
    let mut poll = |driving: Pin<&mut _>| {
        let driving: Pin<&mut dyn Future<Output = _>> = driving;
        let is_pending = driving.poll(&mut Context::from_waker(&waker)).is_pending();
        rounds += 1;
        assert!(rounds < 100, "it never rests");
        is_pending
    };
    let rests = |polled: bool| polled && woken.0.swap(0, Ordering::Relaxed) == 0;
    while !rests(poll(driving.as_mut())) {}
    // Somebody wakes it. Until it rests there is no waker.
    world.conn.driver().wake();
    woken.0.store(0, Ordering::Relaxed);
    *world.meanwhile.lock().unwrap() = Some(what(&world));
    let mut is_pending = poll(driving.as_mut());
    assert!(world.meanwhile.lock().unwrap().is_none(), "it has read");
    while !rests(is_pending) && is_pending {
        is_pending = poll(driving.as_mut());
    }
    let written = world.written.lock().unwrap();
    String::from_utf8_lossy(&written).into_owned()
}

#[test]
fn interim_answer_that_is_sent_while_the_connection_is_at_work_leaves_at_once() {
    let sent = happens(true, |world| {
        let request = Arc::clone(&world.request);
        Box::new(move || interim(request.lock().unwrap().as_ref().unwrap(), 102))
    });
    assert!(sent.contains("HTTP/1.1 102 "), "{sent:?}");
}

#[test]
fn timer_that_strikes_while_the_connection_is_at_work_has_struck() {
    // The clock is looked at before, as the client takes nothing.
    let sent = happens(false, |world| {
        let (clock, takes) = (world.clock.clone(), Arc::clone(&world.takes));
        Box::new(move || {
            clock.strike(Duration::from_secs(11));
            takes.store(true, Ordering::Relaxed);
        })
    });
    assert!(sent.contains("HTTP/1.1 503 "), "{sent:?}");
}
