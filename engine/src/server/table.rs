//! The connections of a server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http_server_trait::Conn;
use http_server_trait::backend::Ask;
use slab::Slab;

use super::count::{Count, Counted};

/// Every open connection, to be asked for something. A part for each worker, so that accepting on one does
/// not wait for another.
#[derive(Debug)]
pub(crate) struct Table {
    parts: Vec<Mutex<Slab<Conn>>>,
    count: Arc<Count>,
}

/// A connection's place in the table. Dropping it leaves the table.
#[derive(Debug)]
pub(crate) struct Seat {
    table: Arc<Table>,
    part: usize,
    key: usize,
    // Dropped last: who waits for room finds the place free.
    _counted: Counted,
}

impl Table {
    pub(crate) fn new(parts: usize) -> Self {
        Table {
            parts: (0..parts.max(1)).map(|_| Mutex::default()).collect(),
            count: Arc::default(),
        }
    }

    pub(crate) fn enter(self: &Arc<Self>, part: usize, conn: Conn) -> Seat {
        let counted = self.count.enter();
        let part = part % self.parts.len();
        let key = self.part(part).insert(conn);
        Seat {
            table: Arc::clone(self),
            part,
            key,
            _counted: counted,
        }
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.count.get()
    }

    /// Ready when fewer than `limit` are open.
    pub(crate) fn poll_below(&self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        self.count.poll_below(cx, limit)
    }

    /// Asks every connection for this. Those that enter meanwhile look for themselves.
    pub(crate) fn ask(&self, what: Ask) {
        for part in 0..self.parts.len() {
            // Not under the lock: a connection that is woken may leave the table at once.
            let conns: Vec<Conn> = self
                .part(part)
                .iter()
                .map(|(_, conn)| conn.clone())
                .collect();
            for conn in conns {
                conn.ask(what);
            }
        }
    }

    fn part(&self, part: usize) -> MutexGuard<'_, Slab<Conn>> {
        self.parts[part]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let left = self.table.part(self.part).try_remove(self.key);
        drop(left);
    }
}
