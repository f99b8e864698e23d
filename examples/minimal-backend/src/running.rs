//! A running server: its connections, what it counts, and how it ends.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http_server_trait::backend::{Control, Latch, Pipeline};
use http_server_trait::{
    Address, CloseReason, Conn, Counters, Drain, Facts, Outcome, Progress, Readiness, Report,
    block_on,
};

use crate::exchange::Exchange;

/// What waits longer than this looks again.
const LONG: Duration = Duration::from_secs(3600);

pub(crate) struct Running {
    pub(crate) pipeline: Pipeline,
    /// Set when whatever is under way is to be given up.
    cut: Latch<()>,
    addresses: Vec<Address>,
    books: Mutex<Books>,
    changed: Condvar,
    ended: Latch<Report>,
}

#[derive(Default)]
struct Books {
    counters: Counters,
    /// Every open connection, and whether a request has begun to arrive on it.
    open: HashMap<u64, (TcpStream, bool)>,
    ending: Option<Ending>,
    drains: bool,
    before: Counters,
}

/// An end that was asked for.
#[derive(Clone, Copy)]
struct Ending {
    asked: Instant,
    begins: Instant,
    cuts: Instant,
}

impl Running {
    pub(crate) fn new(pipeline: Pipeline, addresses: Vec<Address>) -> Self {
        Running {
            pipeline,
            cut: Latch::new(),
            addresses,
            books: Mutex::default(),
            changed: Condvar::new(),
            ended: Latch::new(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Every entry is whole before the lock is given back.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts until the end begins; a connection of our own says so.
    pub(crate) fn accept(self: &Arc<Self>, listener: &TcpListener) {
        while !self.is_draining() {
            let accepted = listener
                .accept()
                .and_then(|(stream, peer)| self.spawn(stream, peer));
            if accepted.is_err() {
                self.books().counters.accept_errors += 1;
                // Out of descriptors or threads: it would fail again at once.
                thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn spawn(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        if self.is_draining() {
            return Ok(());
        }
        let mut facts = Facts::default();
        facts.peer = Some(peer);
        facts.local = stream.local_addr().ok();
        facts.listener = Some(0);
        facts.number = self.opens(stream.try_clone()?);
        let conn = Conn::new(facts, self.pipeline.site().clone());
        let (server, its) = (Arc::clone(self), conn.clone());
        let serve = move || {
            let reason = Exchange::new(&server, &its, stream).run();
            server.closes(&its, reason);
        };
        let spawned = thread::Builder::new().spawn(serve);
        spawned
            .map(drop)
            .inspect_err(|_| self.closes(&conn, CloseReason::ServerError))
    }

    fn opens(&self, stream: TcpStream) -> u64 {
        let mut books = self.books();
        books.counters.accepted += 1;
        books.counters.open += 1;
        let number = books.counters.accepted;
        books.open.insert(number, (stream, false));
        number
    }

    fn closes(&self, conn: &Conn, reason: CloseReason) {
        conn.set_closed(reason);
        let mut books = self.books();
        books.open.remove(&conn.id().number());
        books.counters.open -= 1;
        books.counters.add_closed(reason, 1);
        self.changed.notify_all();
    }

    pub(crate) fn cut(&self) -> &Latch<()> {
        &self.cut
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.is_set()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.books().drains
    }

    /// Bytes have come: from now on the connection is not idle.
    pub(crate) fn received(&self, conn: &Conn, bytes: usize) {
        let mut books = self.books();
        books.counters.bytes_in += bytes as u64;
        if let Some((_, begun)) = books.open.get_mut(&conn.id().number()) {
            *begun |= bytes > 0;
        }
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.books().counters.bytes_out += bytes as u64;
    }

    pub(crate) fn request_begins(&self) {
        let mut books = self.books();
        books.counters.requests += 1;
        books.counters.active += 1;
    }

    pub(crate) fn request_ends(&self, outcome: Outcome, failures: u64) {
        let mut books = self.books();
        books.counters.active -= 1;
        books.counters.failures += failures;
        match outcome {
            Outcome::Aborted(reason) => books.counters.add_aborted(reason, 1),
            _ => books.counters.completed += 1,
        }
    }

    pub(crate) fn failed(&self, failures: u64) {
        self.books().counters.failures += failures;
    }

    /// Waits until an end is asked for, and carries it out.
    pub(crate) fn end(&self, address: SocketAddr, acceptor: JoinHandle<()>) {
        let mut books = self.wait(|books| books.ending.map_or(LONG, |ending| left(ending.begins)));
        books.drains = true;
        books.before = books.counters.clone();
        drop(books);
        // Wakes the acceptor. When it has ended, the address is free.
        drop(TcpStream::connect(address));
        let _ = acceptor.join();

        self.shut(|begun| !begun);
        drop(self.wait(|books| match books.ending {
            Some(ending) if books.counters.open > 0 => left(ending.cuts),
            _ => Duration::ZERO,
        }));
        self.cut.set(());
        self.shut(|_| true);
        drop(self.wait(|books| match books.counters.open {
            0 => Duration::ZERO,
            _ => LONG,
        }));
        let hooks_clean = block_on(self.pipeline.stop());

        let books = self.books();
        let mut report = Report::new(books.counters.clone());
        report.finished = books.counters.completed - books.before.completed;
        report.cut = books.counters.closed(CloseReason::ShutdownCut);
        report.idle = books.counters.closed(CloseReason::Shutdown);
        report.took = books.ending.map_or(LONG, |ending| ending.asked.elapsed());
        report.hooks_clean = hooks_clean;
        self.pipeline.site().progress.set(Readiness::Stopped);
        self.ended.set(report);
    }

    fn shut(&self, which: impl Fn(bool) -> bool) {
        for (stream, begun) in self.books().open.values() {
            if which(*begun) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Waits for as long as the books say.
    fn wait(&self, time: impl Fn(&Books) -> Duration) -> MutexGuard<'_, Books> {
        let mut books = self.books();
        loop {
            let time = time(&books);
            if time.is_zero() {
                return books;
            }
            let waited = self.changed.wait_timeout(books, time);
            books = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

impl Control for Running {
    fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    fn counters(&self) -> Counters {
        self.books().counters.clone()
    }

    fn shutdown(&self, drain: Drain) {
        let asked = Instant::now();
        let begins = asked + drain.lame_duck;
        let cuts = begins + drain.deadline;
        let mut books = self.books();
        let ending = books.ending.get_or_insert(Ending {
            asked,
            begins,
            cuts,
        });
        // A later one can only make it sooner.
        ending.begins = ending.begins.min(begins);
        ending.cuts = ending.cuts.min(cuts);
        self.changed.notify_all();
    }

    fn ended(&self) -> &Latch<Report> {
        &self.ended
    }

    fn progress(&self) -> Option<Progress> {
        Some(self.pipeline.site().progress.clone())
    }
}
