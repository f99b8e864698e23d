//! Accepting connections: with room, without room, and out of descriptors.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::StatusCode;
use http_server_engine::net::Family;
use http_server_trait::backend::say;
use http_server_trait::{AtCapacity, CloseReason, Facts, Waiting};
use tokio::net::{TcpListener, UnixListener};

use crate::core::{Core, Seat};
use crate::drive::{bare_answer, linger};
use crate::wire::{Socket, Wire, ends};

/// A listening socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Registers a socket with the runtime around this call.
    pub(crate) fn new(socket: OwnedFd, family: Family) -> io::Result<Self> {
        Ok(match family {
            Family::Tcp => Listener::Tcp(TcpListener::from_std(socket.into())?),
            Family::Unix => Listener::Unix(UnixListener::from_std(socket.into())?),
        })
    }

    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Listener::Tcp(listener) => Ok(Socket::Tcp(listener.accept().await?.0)),
            Listener::Unix(listener) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }
}

/// What is known of a connection: a Unix socket has no addresses, and none are made up.
pub(crate) fn facts(socket: &Socket, index: usize) -> Facts {
    let mut facts = Facts::default();
    (facts.peer, facts.local) = ends(socket);
    facts.listener = Some(index);
    facts
}

/// Accepts until the server stops accepting.
pub(crate) async fn accept(core: Arc<Core>, index: usize, listener: Listener) {
    let mut stop = core.stops_accepting.waiting();
    let mut trouble = Trouble::default();
    let pauses = core.pipeline.config().at_capacity == AtCapacity::Pause;
    loop {
        if let Some(next) = core.pace() {
            if until(&mut stop, tokio::time::sleep_until(next.into()))
                .await
                .is_none()
            {
                return;
            }
            continue;
        }
        let mut place = None;
        if pauses {
            let Some(room) = until(&mut stop, Arc::clone(&core.places).acquire_owned()).await
            else {
                return;
            };
            place = room.ok();
        }
        let Some(accepted) = until(&mut stop, listener.accept()).await else {
            return;
        };
        match accepted {
            Ok(socket) => {
                trouble.wait = FIRST;
                let place = place.or_else(|| Arc::clone(&core.places).try_acquire_owned().ok());
                let has_room = place.is_some();
                let mut seat = core.admit(facts(&socket, index), place);
                if has_room && seat.is_welcome() {
                    drop(core.serve(socket, seat));
                } else {
                    drop(tokio::spawn(refuse(Arc::clone(&core), socket, seat)));
                }
            }
            Err(error) => {
                core.count(|books| books.accept_errors += 1);
                if is_about_one_connection(&error) {
                    continue;
                }
                trouble.say(&error, &core, index);
                if until(&mut stop, tokio::time::sleep(trouble.wait))
                    .await
                    .is_none()
                {
                    return;
                }
                trouble.wait = (trouble.wait * 2).min(LONGEST);
            }
        }
    }
}

/// What a future gives, or `None` if the server stops accepting first.
async fn until<F: Future>(stop: &mut Waiting<()>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if Pin::new(&mut *stop).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Tells a client that there is no room.
async fn refuse(core: Arc<Core>, socket: Socket, seat: Seat) {
    let wire = Wire::new(socket, Arc::clone(&core.traffic));
    let full = bare_answer(StatusCode::SERVICE_UNAVAILABLE);
    linger(&wire, seat.conn(), core.pipeline.config(), &full).await;
    seat.leave(CloseReason::AtCapacity);
}

/// An error that says something about the connection that was to be accepted, not about this process.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted
    )
}

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);
/// One line in this time says that accepting fails.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Errors that another attempt would meet again: it is made later each time.
struct Trouble {
    wait: Duration,
    said: Option<Instant>,
}

impl Default for Trouble {
    fn default() -> Self {
        Trouble {
            wait: FIRST,
            said: None,
        }
    }
}

impl Trouble {
    fn say(&mut self, error: &io::Error, core: &Core, index: usize) {
        if self.said.is_some_and(|said| said.elapsed() < SAID_EVERY) {
            return;
        }
        self.said = Some(Instant::now());
        let address = &core.addresses[index];
        let line = format_args!("accepting on {address} fails, trying again: {error}");
        say(log::Level::Error, line);
    }
}
