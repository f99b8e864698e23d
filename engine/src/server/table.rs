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
    parts: Vec<Mutex<Part>>,
    served: Arc<Count>,
    /// Those that are only told that there is no room. They take none.
    turned_away: Arc<Count>,
}

/// The connections of a worker.
#[derive(Debug, Default)]
struct Part {
    wires: Slab<Wire>,
    /// How many there were at most, since a crowd has gone.
    most: usize,
}

/// So many that have gone are a crowd.
const CROWD: usize = 256;

impl Part {
    fn insert(&mut self, wire: Wire) -> usize {
        let key = self.wires.insert(wire);
        self.most = self.most.max(self.wires.len());
        key
    }

    /// Whether a crowd has gone, all but an eighth of it. Once.
    fn has_thinned_out(&mut self) -> bool {
        let left = self.wires.len();
        let has = self.most >= left + CROWD && self.most / 8 >= left;
        if has {
            self.most = left;
            self.wires.shrink_to_fit();
        }
        has
    }
}

/// A connection's place in the table. Dropping it leaves the table.
#[derive(Debug)]
pub(crate) struct Seat {
    table: Arc<Table>,
    at: At,
    guest: Option<Box<Guest>>,
}

/// Where a seat is: its key in its part, which part that is, and whether it is counted among those that are served. In
/// one number, for every connection has one.
#[derive(Clone, Copy, Debug)]
struct At(usize);

impl At {
    fn new(key: usize, part: usize, parts: usize, is_served: bool) -> Self {
        At((key * parts + part) * 2 + usize::from(is_served))
    }

    fn key(self, parts: usize) -> usize {
        self.0 / 2 / parts
    }

    fn part(self, parts: usize) -> usize {
        self.0 / 2 % parts
    }

    fn is_served(self) -> bool {
        self.0 % 2 == 1
    }
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
        let is_served = place
            .keep()
            .is_some_and(|count| Arc::ptr_eq(&count, &self.served));
        Seat {
            table: Arc::clone(self),
            at: At::new(key, part, self.parts.len(), is_served),
            guest: guest.map(Box::new),
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
                .wires
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
            wires.extend(self.part(part).wires.iter().map(|(_, wire)| wire.clone()));
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
                .wires
                .iter()
                .all(|(_, wire)| wire.has_heeded(what))
        })
    }

    fn part(&self, part: usize) -> MutexGuard<'_, Part> {
        self.parts[part]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether a crowd has gone from its part of the table.
    pub(crate) fn is_of_a_crowd_that_has_gone(&self) -> bool {
        let part = self.at.part(self.table.parts.len());
        self.table.part(part).has_thinned_out()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Seat { table, at, guest } = self;
        let parts = table.parts.len();
        let left = table.part(at.part(parts)).wires.try_remove(at.key(parts));
        drop((left, guest.take()));
        // Last: who waits for room finds the place free.
        if at.is_served() {
            table.served.leave();
        } else {
            table.turned_away.leave();
        }
    }
}
