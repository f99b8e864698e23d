//! The connections of a server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use http_server_trait::backend::{Ask, Wire};
use slab::Slab;

use super::guests::Guest;
use crate::count::{Count, Counted};

/// Every open connection, to be asked for something. A part for each worker, so that accepting on one does
/// not wait for another.
#[derive(Debug)]
pub(crate) struct Table {
    parts: Vec<Mutex<Slab<Wire>>>,
    served: Arc<Count>,
    /// Those that are only told that there is no room. They take none.
    turned_away: Arc<Count>,
}

/// A connection's place in the table. Dropping it leaves the table.
#[derive(Debug)]
pub(crate) struct Seat {
    table: Arc<Table>,
    /// Its key in its part, and in the last digits which part that is.
    at: usize,
    _guest: Option<Box<Guest>>,
    // Dropped last: who waits for room finds the place free.
    _place: Counted,
}

impl Table {
    pub(crate) fn new(parts: usize) -> Self {
        Table {
            parts: (0..parts.max(1)).map(|_| Mutex::default()).collect(),
            served: Arc::default(),
            turned_away: Arc::default(),
        }
    }

    /// A place for a connection that is served, if there are fewer than `limit`.
    pub(crate) fn place_below(&self, limit: usize) -> Option<Counted> {
        self.served.enter_below(limit)
    }

    /// A place for a connection that is served although there may be no room.
    pub(crate) fn extra_place(&self) -> Counted {
        self.served.enter()
    }

    /// No place: for a connection that is told so.
    pub(crate) fn no_place(&self) -> Counted {
        self.turned_away.enter()
    }

    /// Takes a connection in.
    pub(crate) fn enter(
        self: &Arc<Self>,
        part: usize,
        wire: Wire,
        place: Counted,
        guest: Option<Guest>,
    ) -> Seat {
        let part = part % self.parts.len();
        let key = self.part(part).insert(wire);
        Seat {
            table: Arc::clone(self),
            at: key * self.parts.len() + part,
            _guest: guest.map(Box::new),
            _place: place,
        }
    }

    /// How many are served.
    pub(crate) fn served(&self) -> usize {
        self.served.get()
    }

    /// How many are being told that there is no room.
    pub(crate) fn turned_away(&self) -> usize {
        self.turned_away.get()
    }

    /// Ready when fewer than `limit` are served.
    pub(crate) fn poll_below(&self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        self.served.poll_below(cx, limit)
    }

    /// Ready when none are open at all.
    pub(crate) fn poll_empty(&self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.served.poll_below(cx, 1));
        self.turned_away.poll_below(cx, 1)
    }

    /// Asks every connection for this. Those that enter meanwhile look for themselves.
    pub(crate) fn ask(&self, what: Ask) {
        for part in 0..self.parts.len() {
            // Not under the lock: a connection that is woken may leave the table at once.
            let wires: Vec<Wire> = self
                .part(part)
                .iter()
                .map(|(_, wire)| wire.clone())
                .collect();
            for wire in wires {
                wire.ask(what);
            }
        }
    }

    /// Every connection.
    pub(crate) fn wires(&self) -> Vec<Wire> {
        let mut wires = Vec::new();
        for part in 0..self.parts.len() {
            wires.extend(self.part(part).iter().map(|(_, wire)| wire.clone()));
        }
        wires
    }

    /// Has the waker woken when a connection ends or leaves.
    pub(crate) fn watch(&self, cx: &mut Context<'_>) {
        let _ = self.served.poll_below(cx, 0);
        let _ = self.turned_away.poll_below(cx, 0);
    }

    /// Whether the drivers of all connections have seen this.
    pub(crate) fn all_heeded(&self, what: Ask) -> bool {
        (0..self.parts.len()).all(|part| {
            self.part(part)
                .iter()
                .all(|(_, wire)| wire.has_heeded(what))
        })
    }

    fn part(&self, part: usize) -> MutexGuard<'_, Slab<Wire>> {
        self.parts[part]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let parts = self.table.parts.len();
        let left = self.table.part(self.at % parts).try_remove(self.at / parts);
        drop(left);
    }
}
