//! Accepting one connection at a time, when the application asks for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use http_server_trait::backend::Latch;
use http_server_trait::{AcceptError, AcceptErrorKind, Served};

use super::accept::facts;
use super::backend::Listener;
use super::core::Core;
use super::serve::serve_connection;
use crate::connection::Start;
use crate::runtime::Runtime;

/// Those who wait for a connection, and who accepts for them.
#[derive(Clone, Default)]
pub(crate) struct ByHand(Arc<Desk>);

#[derive(Default)]
struct Desk {
    queue: Mutex<Queue>,
    asked: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    tickets: VecDeque<Arc<Ticket>>,
    /// Whether nobody accepts any more.
    is_closed: bool,
}

/// One who waits. A ticket whose other half is gone is passed over.
struct Ticket {
    served: Latch<Arc<Mutex<Option<Result<Served, AcceptError>>>>>,
}

impl Ticket {
    fn give(&self, result: Result<Served, AcceptError>) {
        self.served.set(Arc::new(Mutex::new(Some(result))));
    }
}

impl ByHand {
    /// Waits for a connection.
    pub(crate) async fn accept_one(&self) -> Result<Served, AcceptError> {
        let ticket = Arc::new(Ticket {
            served: Latch::new(),
        });
        let served = ticket.served.waiting();
        {
            let mut queue = self.queue();
            if queue.is_closed {
                return Err(AcceptError::new(AcceptErrorKind::NotServing));
            }
            queue.tickets.push_back(Arc::clone(&ticket));
        }
        self.0.asked.wake();
        let served = served.await;
        // The ticket lives as long as this future: dropping it gives the place in the queue up.
        drop(ticket);
        let taken = served.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.unwrap_or_else(|| Err(AcceptError::new(AcceptErrorKind::NotServing)))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first who still waits.
    fn poll_ticket(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.asked.register(cx.waker());
        let tickets = &mut self.queue().tickets;
        tickets.retain(|ticket| Arc::strong_count(ticket) > 1);
        if tickets.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    fn give(&self, result: Result<Served, AcceptError>) {
        let ticket = self.queue().tickets.pop_front();
        if let Some(ticket) = ticket {
            ticket.give(result);
        }
    }

    /// Accepts for those who ask, on whichever socket has a connection, until the server stops accepting.
    pub(crate) async fn work<R: Runtime + Sync, L: Listener>(
        self,
        core: Arc<Core<R>>,
        listeners: Vec<L>,
    ) {
        let _accepting = core.acceptors.enter();
        let mut listeners: Vec<(usize, L)> = listeners.into_iter().enumerate().collect();
        let mut stop = core.stops_accepting.waiting();
        loop {
            let accepted = poll_fn(|cx| {
                if std::pin::Pin::new(&mut stop).poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                if self.poll_ticket(cx).is_pending() {
                    return Poll::Pending;
                }
                for (index, listener) in &mut listeners {
                    if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                        return Poll::Ready(Some((*index, accepted)));
                    }
                }
                Poll::Pending
            });
            let Some((index, accepted)) = accepted.await else {
                break;
            };
            match accepted {
                Ok((stream, peer)) => {
                    let facts = facts(&core.addresses[index], index, peer);
                    let place = core.table.extra_place();
                    let Some(admitted) = core.admit(0, facts, place, None) else {
                        break;
                    };
                    self.give(Ok(Served::new(admitted.conn.clone())));
                    let runtime = core.runtimes[0].clone();
                    runtime.spawn(serve_connection(
                        stream,
                        runtime.clone(),
                        admitted,
                        Start::default(),
                    ));
                }
                Err(error) => {
                    core.pages[0].accept_error();
                    self.give(Err(accept_error(error)));
                }
            }
            // Each socket has its turn.
            listeners.rotate_left(1);
        }
        let left = {
            let mut queue = self.queue();
            queue.is_closed = true;
            std::mem::take(&mut queue.tickets)
        };
        for ticket in left {
            ticket.give(Err(AcceptError::new(AcceptErrorKind::NotServing)));
        }
    }
}

fn accept_error(error: io::Error) -> AcceptError {
    let kind = match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
            AcceptErrorKind::OutOfDescriptors
        }
        _ => AcceptErrorKind::Io,
    };
    AcceptError::new(kind).with_source(error)
}
