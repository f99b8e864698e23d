//! Accepting connections: with room, without room, and out of descriptors.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http_server_trait::backend::say;
use http_server_trait::{Address, CloseReason, Facts};

use super::backend::Listener;
use super::core::{Admitted, Core};
use super::serve::serve_connection;
use crate::buffers::{RecvBuf, SendQueue};
use crate::connection::Start;
use crate::count::Counted;
use crate::runtime::{Runtime, Timer};
use crate::transport::{Close, Transport};

/// How many connections are accepted in a row before other tasks have a turn.
const ROUND: u32 = 32;

/// Accepts until the server stops accepting.
pub(crate) async fn accept_loop<R: Runtime + Sync, L: Listener>(
    core: Arc<Core<R>>,
    worker: usize,
    index: usize,
    mut listener: L,
) {
    let _accepting = core.acceptors.enter();
    let runtime = core.runtimes[worker].clone();
    let mut backoff = Backoff::new();
    let mut stop = core.stops_accepting.waiting();
    // Until when nothing is accepted, to keep the pace.
    let mut pause: Option<R::Timer> = None;
    let mut round = 0;
    loop {
        let accepted = poll_fn(|cx| {
            if Pin::new(&mut stop).poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if backoff.poll_wait(cx).is_pending() {
                return Poll::Pending;
            }
            ready!(poll_pace(&core, &runtime, &mut pause, cx));
            if core.pauses_when_full() && core.table.poll_below(cx, core.most).is_pending() {
                return Poll::Pending;
            }
            round += 1;
            if round % ROUND == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            listener.poll_accept(cx).map(Some)
        });
        match accepted.await {
            None => return,
            Some(Ok((stream, peer))) => {
                backoff.reset();
                if let Some(pace) = &core.pace {
                    pace.step(runtime.now());
                }
                let place = match core.table.place_below(core.most) {
                    None if core.pauses_when_full() => {
                        // Another worker was faster. This connection has been accepted, so it waits here.
                        let room = poll_fn(|cx| {
                            if Pin::new(&mut stop).poll(cx).is_ready() {
                                return Poll::Ready(None);
                            }
                            poll_place(&core, cx).map(Some)
                        });
                        match room.await {
                            Some(place) => Some(place),
                            None => return,
                        }
                    }
                    place => place,
                };
                welcome(&core, worker, index, &runtime, stream, peer, place);
            }
            Some(Err(error)) => {
                core.pages[worker].accept_error();
                if !is_about_one_connection(&error) {
                    let now = runtime.now();
                    core.complaints.say(now, &error, &core.addresses[index]);
                    backoff.begin(&runtime, now);
                }
            }
        }
    }
}

/// Ready when the pace lets another connection be accepted. All workers walk at one pace.
fn poll_pace<R: Runtime>(
    core: &Core<R>,
    runtime: &R,
    pause: &mut Option<R::Timer>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(pace) = &core.pace else {
        return Poll::Ready(());
    };
    loop {
        if let Some(timer) = pause {
            ready!(timer.poll_ready(cx));
            *pause = None;
        }
        match pace.next(runtime.now()) {
            Some(next) => *pause = Some(runtime.timer(next)),
            None => return Poll::Ready(()),
        }
    }
}

/// A place, as soon as there is one.
fn poll_place<R: Runtime>(core: &Core<R>, cx: &mut Context<'_>) -> Poll<Counted> {
    loop {
        ready!(core.table.poll_below(cx, core.most));
        if let Some(place) = core.table.place_below(core.most) {
            return Poll::Ready(place);
        }
    }
}

fn welcome<R: Runtime + Sync, T: Transport>(
    core: &Arc<Core<R>>,
    worker: usize,
    index: usize,
    runtime: &R,
    stream: T,
    peer: Option<SocketAddr>,
    place: Option<Counted>,
) {
    let guest = core
        .guests
        .as_ref()
        .zip(peer)
        .map(|(guests, peer)| guests.enter(peer.ip()));
    let has_room = place.is_some() && !matches!(guest, Some(None));
    let place = place
        .filter(|_| has_room)
        .unwrap_or_else(|| core.table.no_place());
    let facts = facts(&core.addresses[index], index, peer);
    let Some(admitted) = core.admit(worker, facts, place, guest.flatten()) else {
        return;
    };
    if has_room {
        runtime.spawn(serve_connection(
            stream,
            runtime.clone(),
            admitted,
            Start::default(),
        ));
    } else if core.table.turned_away() <= MOST_TURNED_AWAY {
        runtime.spawn(refuse(stream, runtime.clone(), admitted));
    } else {
        // A flood: telling each of them would take what those that are served need.
        drop(stream);
        leave(admitted);
    }
}

/// What is known of a connection: a Unix socket has no addresses, and none are made up.
pub(crate) fn facts(address: &Address, index: usize, peer: Option<SocketAddr>) -> Facts {
    let mut facts = Facts::default();
    facts.peer = peer;
    // A wildcard is no address that anybody connected to.
    facts.local = address.tcp().filter(|local| !local.ip().is_unspecified());
    facts.listener = Some(index);
    facts
}

/// An error that says something about the connection that was to be accepted, not about this process.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted
    )
}

const AT_CAPACITY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\
connection: close\r\n\r\n";

/// More than so many at a time are closed without a word.
const MOST_TURNED_AWAY: usize = 256;

/// How much of what a refused client sends is read.
const REFUSED_BYTES: usize = 64 * 1024;

/// How long a refused client may take to read that it is.
const REFUSED: Duration = Duration::from_secs(1);

/// Tells a client that there is no room. What it has sent is read and dropped, so that closing does not
/// reset the connection before it has read this.
async fn refuse<T: Transport, R: Runtime>(mut stream: T, runtime: R, admitted: Admitted) {
    let until = runtime.now() + REFUSED;
    let mut timer = runtime.timer(until);
    let mut tx = SendQueue::new();
    let mut rx = RecvBuf::new();
    tx.write(|out| out.extend_from_slice(AT_CAPACITY));
    let mut half_closed = false;
    let mut read = 0;
    poll_fn(|cx| {
        while !tx.is_empty() {
            match stream.poll_send(cx, &mut tx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return timer.poll_ready(cx),
            }
        }
        if !half_closed {
            half_closed = stream.poll_close(cx, Close::Write).is_ready();
        }
        loop {
            match stream.poll_recv(cx, &mut rx) {
                Poll::Ready(Ok(1..)) => {
                    read += rx.len();
                    rx.consume(rx.len());
                    if read > REFUSED_BYTES {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Pending => return timer.poll_ready(cx),
            }
        }
    })
    .await;
    drop(stream);
    leave(admitted);
}

/// The end of a connection that was turned away.
fn leave(admitted: Admitted) {
    admitted.open.page().closed(CloseReason::AtCapacity);
    let Admitted {
        conn, open, seat, ..
    } = admitted;
    drop(open);
    conn.set_closed(CloseReason::AtCapacity);
    drop(seat);
}

/// Waits after an error that another attempt would meet again, longer each time.
struct Backoff<T> {
    timer: Option<T>,
    waiting: bool,
    next: Duration,
}

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

impl<T: Timer> Backoff<T> {
    fn new() -> Self {
        Backoff {
            timer: None,
            waiting: false,
            next: FIRST,
        }
    }

    fn reset(&mut self) {
        self.next = FIRST;
    }

    fn begin<R: Runtime<Timer = T>>(&mut self, runtime: &R, now: Instant) {
        // A little off each time, so that many listeners do not try in step.
        let jitter = self
            .next
            .mul_f64(f64::from(now.elapsed().subsec_nanos() % 256) / 2048.0);
        let at = now + self.next + jitter;
        match &mut self.timer {
            Some(timer) => timer.set(at),
            None => self.timer = Some(runtime.timer(at)),
        }
        self.waiting = true;
        self.next = (self.next * 2).min(LONGEST);
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) if self.waiting => {
                if timer.poll_ready(cx).is_pending() {
                    return Poll::Pending;
                }
                self.waiting = false;
                Poll::Ready(())
            }
            _ => Poll::Ready(()),
        }
    }
}

/// What is said of accepting that fails: one line in a while, however many listeners on however many workers it
/// fails on.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    at: Option<Instant>,
    left_out: u64,
}

/// One line in this time says that accepting fails.
const SAID_EVERY: Duration = Duration::from_secs(10);

impl Complaints {
    fn say(&self, now: Instant, error: &io::Error, address: &Address) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said
            .at
            .is_some_and(|at| now.saturating_duration_since(at) < SAID_EVERY)
        {
            said.left_out += 1;
            return;
        }
        said.at = Some(now);
        let more = std::mem::take(&mut said.left_out);
        drop(said);
        let times = if more > 0 {
            format!(" ({more} more times since)")
        } else {
            String::new()
        };
        say(
            log::Level::Error,
            format_args!("accepting on {address} fails, trying again: {error}{times}"),
        );
    }
}
