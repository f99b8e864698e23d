//! A running server: what all its parts share, and what its handle refers to.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use http_server_trait::backend::{
    Ask, Control, Departures, Inheritance, Inherited, Latch, Pipeline, Site, Tasks, Wire,
};
use http_server_trait::{
    AcceptError, AcceptErrorKind, Address, AdoptError, AdoptErrorKind, App, AtCapacity, BoxFuture,
    Config, Conn, Connection, Counters, Drain, Exec, Facts, Generation, Progress, ReplaceError,
    Report, Served, Stream,
};

use super::accept::Complaints;
use super::by_hand::ByHand;
use super::foreign::Foreign;
use super::generations::{Leaving, Troupe};
use super::guests::{Guest, Guests};
use super::pace::Pace;
use super::serve::serve_connection;
use super::table::{Seat, Table};
use crate::budget::Budget;
use crate::connection::{Stage, Start, Tide, Worker};
use crate::count::{Count, Counted};
use crate::ledger::{Ledger, Open, Page};
use crate::runtime::Runtime;
use crate::{net, service::Service};

/// A running server.
pub(crate) struct Core<R: Runtime> {
    /// The applications.
    pub(crate) stage: Arc<Stage<Pipeline>>,
    /// Those that get no new requests and are not over yet.
    pub(super) leaving: Arc<Leaving>,
    /// What all applications have in common: the limits, and where they run.
    pub(crate) config: Config,
    backend: &'static str,
    pub(crate) exec: Exec,
    /// What applications have spawned here.
    pub(crate) tasks: Tasks,
    pub(crate) progress: Progress,
    pub(crate) addresses: Vec<Address>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tide: Arc<Tide>,
    pub(crate) table: Arc<Table>,
    /// The tasks that accept.
    pub(crate) acceptors: Arc<Count>,
    pub(crate) pages: Vec<Arc<Page>>,
    pub(crate) runtimes: Vec<R>,
    /// The most connections at a time.
    pub(crate) most: usize,
    /// Where those of one address are limited.
    pub(crate) guests: Option<Arc<Guests>>,
    /// Where it is limited how fast they come.
    pub(crate) pace: Option<Pace>,
    pub(crate) complaints: Complaints,
    pub(crate) stops_accepting: Latch<()>,
    /// The task that takes connections in that come from the server before this one.
    pub(crate) arrivals: Arc<Count>,
    /// Set when nothing more is taken in.
    pub(crate) ends: Latch<()>,
    pub(crate) ended: Latch<Report>,
    pub(crate) by_hand: Option<ByHand>,
    /// What a successor would get, as long as this server accepts.
    pub(crate) shelf: Mutex<Vec<Duplicate>>,
    /// Whether somebody is looking at that, or has taken it.
    pub(super) succession: Mutex<Succession>,
    /// Set when all connections with nothing under way have left for the successor.
    pub(crate) moved: Latch<()>,
    asked_to_end: Mutex<Option<Ending>>,
    /// What had been counted when an end began.
    at_the_end: OnceLock<Counters>,
    asked: AtomicWaker,
    numbers: Arc<AtomicU64>,
    /// The number of the last application.
    pub(super) generations: Arc<AtomicU64>,
}

/// Makes duplicates of the sockets of a place.
pub(crate) type Duplicate = Box<dyn Fn() -> io::Result<Inherited> + Send>;

/// Whether another server takes over.
#[derive(Debug, Default)]
pub(super) enum Succession {
    #[default]
    None,
    /// One may.
    Offered(Departures),
    /// One has.
    Decided,
}

/// An end that has been asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) begins: Instant,
    pub(crate) asked: Instant,
    pub(crate) until: Option<Instant>,
    /// Whether another server goes on where this one ends.
    pub(crate) leaves: bool,
}

/// A connection that has been let in: everything that its driver needs but the stream.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) conn: Conn,
    pub(crate) open: Open,
    pub(crate) seat: Seat,
    pub(crate) worker: Arc<Worker<Pipeline>>,
}

impl<R: Runtime> Core<R> {
    pub(crate) fn new(
        troupe: Troupe,
        addresses: Vec<Address>,
        ledger: Arc<Ledger>,
        runtimes: Vec<R>,
        by_hand: Option<ByHand>,
        numbers: Arc<AtomicU64>,
    ) -> Self {
        let Troupe {
            pipeline,
            canary,
            generations,
            tasks,
            ..
        } = troupe;
        let tide = Arc::new(Tide::default());
        let flights = Arc::default();
        let budget = Budget::of(Service::config(pipeline.as_ref()));
        let worker = |_| {
            let worker = Worker::new(Arc::clone(&pipeline), ledger.page(), Arc::clone(&tide));
            worker.sharing(Arc::clone(&flights), budget.clone())
        };
        let workers: Vec<_> = runtimes.iter().map(worker).collect();
        let stage = Stage::new(&pipeline, &workers);
        if let Some((canary, percent)) = canary {
            stage.share(canary, percent);
        }
        let config = Service::config(pipeline.as_ref()).clone();
        let Site {
            backend,
            exec,
            progress,
            ..
        } = pipeline.site().as_ref().clone();
        let most = config
            .connections
            .unwrap_or_else(|| default_most(workers.len(), addresses.len()));
        let guests = config.connections_per_address.map(Guests::new);
        let pace = config.accept_rate.map(Pace::new);
        Core {
            guests,
            pace,
            complaints: Complaints::default(),
            table: Arc::new(Table::new(workers.len())),
            acceptors: Arc::default(),
            pages: workers.iter().map(|it| Arc::clone(it.page())).collect(),
            stage,
            leaving: Arc::default(),
            config,
            backend,
            exec,
            tasks,
            progress,
            addresses,
            ledger,
            tide,
            runtimes,
            most,
            stops_accepting: Latch::new(),
            arrivals: Arc::default(),
            ends: Latch::new(),
            ended: Latch::new(),
            by_hand,
            shelf: Mutex::default(),
            succession: Mutex::default(),
            moved: Latch::new(),
            asked_to_end: Mutex::new(None),
            at_the_end: OnceLock::new(),
            asked: AtomicWaker::new(),
            numbers,
            generations,
        }
    }

    /// Lets a connection in, to be served or to be turned away. `None` when the server has ended.
    pub(crate) fn admit(
        &self,
        worker: usize,
        mut facts: Facts,
        place: Counted,
        guest: Option<Guest>,
    ) -> Option<Admitted> {
        facts.number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        self.seat(worker, facts, place, guest)
    }

    /// Lets a connection in that has come from another server. There is always room for it: it is served
    /// already.
    pub(crate) fn take_in(&self, worker: usize, facts: Facts) -> Option<Admitted> {
        self.seat(worker, facts, self.table.extra_place(), None)
    }

    fn seat(
        &self,
        part: usize,
        facts: Facts,
        place: Counted,
        guest: Option<Guest>,
    ) -> Option<Admitted> {
        let worker = self.stage.worker(part)?;
        let open = worker.page().accepted();
        let conn = Conn::new(facts, Arc::clone(worker.service().site()));
        let seat = self.table.enter(part, conn.wire().clone(), place, guest);
        if worker.asks() {
            // Its application may have been replaced since, and everybody asked to let go of it who was in the table
            // then.
            conn.ask(Ask::Renew);
        }
        Some(Admitted {
            conn,
            open,
            seat,
            worker,
        })
    }

    /// Whether its connections go to a successor.
    pub(crate) fn is_leaving(&self) -> bool {
        self.ending().is_some_and(|ending| ending.leaves)
    }

    pub(crate) fn has_room(&self) -> bool {
        self.table.served() < self.most
    }

    pub(crate) fn pauses_when_full(&self) -> bool {
        self.config.at_capacity == AtCapacity::Pause
    }

    /// Ready when an end has been asked for, or when one that was is now to come sooner than `known`.
    pub(crate) fn poll_ending(&self, cx: &mut Context<'_>, known: Option<Ending>) -> Poll<Ending> {
        self.asked.register(cx.waker());
        match *self.ending() {
            Some(ending) if known.is_none_or(|known| ending.is_sooner_than(known)) => {
                Poll::Ready(ending)
            }
            _ => Poll::Pending,
        }
    }

    pub(super) fn ending(&self) -> MutexGuard<'_, Option<Ending>> {
        lock(&self.asked_to_end)
    }

    /// What had been counted when the end began: now, if it has not.
    pub(crate) fn counted_before_the_end(&self) -> &Counters {
        self.at_the_end.get_or_init(|| self.ledger.counters())
    }

    /// Asks for an end, or for a sooner one than was asked for.
    fn end(&self, asked: Ending) {
        if asked.begins <= asked.asked {
            // Now, and not when who carries it out has its turn: what is answered until then is part of it.
            self.counted_before_the_end();
        }
        {
            let mut ending = self.ending();
            *ending = Some(match *ending {
                None => asked,
                Some(earlier) => Ending {
                    begins: earlier.begins.min(asked.begins),
                    asked: earlier.asked,
                    until: if before(asked.until, earlier.until) {
                        asked.until
                    } else {
                        earlier.until
                    },
                    // Who has begun to leave has nothing to go back to.
                    leaves: earlier.leaves,
                },
            });
        }
        self.asked.wake();
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ending {
    fn is_sooner_than(&self, other: Ending) -> bool {
        self.begins < other.begins || before(self.until, other.until)
    }
}

/// Whether a comes before b, where `None` is never.
fn before(a: Option<Instant>, b: Option<Instant>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a < b,
        (a, b) => a.is_some() && b.is_none(),
    }
}

/// Three quarters of the descriptors, no more than ten thousand; and what the server needs itself is left: its
/// sockets and their duplicates, its reactors, and some to spare for logs and files.
fn default_most(workers: usize, listeners: usize) -> usize {
    let descriptors = net::descriptor_limit().unwrap_or(u64::MAX);
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let own = 16 + workers * (4 + 2 * listeners);
    (descriptors / 4)
        .saturating_mul(3)
        .min(descriptors.saturating_sub(own))
        .clamp(1, 10_000)
}

impl<R: Runtime + Sync> Control for Core<R> {
    fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    fn counters(&self) -> Counters {
        self.ledger.counters()
    }

    fn shutdown(&self, drain: Drain) {
        let now = self.runtimes[0].now();
        // A time beyond what can be counted never comes.
        let begins = now.checked_add(drain.lame_duck).unwrap_or(now);
        self.end(Ending {
            begins,
            asked: now,
            until: begins.checked_add(drain.deadline),
            leaves: false,
        });
    }

    fn hand_over(&self) -> Result<Inheritance, AdoptError> {
        let not_serving = || AdoptError::new(AdoptErrorKind::NotServing);
        let mut succession = lock(&self.succession);
        if self.ending().is_some() || !matches!(*succession, Succession::None) {
            return Err(not_serving());
        }
        if self.by_hand.is_some() {
            return Err(AdoptError::new(AdoptErrorKind::Unsupported)
                .with_source("its connections are accepted by hand"));
        }
        let places = lock(&self.shelf);
        if places.len() < self.addresses.len() {
            return Err(AdoptError::new(AdoptErrorKind::Unsupported)
                .with_source("its sockets could not be duplicated"));
        }
        let listeners = places.iter().map(|again| again());
        let listeners = listeners
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| AdoptError::new(AdoptErrorKind::Start).with_source(error))?;
        let pipeline = self.stage.main().ok_or_else(not_serving)?;
        let (mut inheritance, departures) =
            Inheritance::new(pipeline, listeners, Arc::clone(&self.numbers));
        inheritance.canary = self.stage.trial();
        inheritance.generations = Arc::clone(&self.generations);
        *succession = Succession::Offered(departures);
        Ok(inheritance)
    }

    fn leave(&self, deadline: Option<Duration>) -> Latch<()> {
        let mut succession = lock(&self.succession);
        if let Succession::Offered(departures) =
            std::mem::replace(&mut *succession, Succession::Decided)
        {
            self.tide.lead(Some(departures));
            let now = self.runtimes[0].now();
            self.end(Ending {
                begins: now,
                asked: now,
                until: deadline.and_then(|deadline| now.checked_add(deadline)),
                leaves: true,
            });
        }
        self.moved.clone()
    }

    fn stay(&self) {
        let mut succession = lock(&self.succession);
        if matches!(*succession, Succession::Offered(_)) {
            *succession = Succession::None;
        }
    }

    fn replace_app(
        &self,
        app: App,
        percent: Option<u8>,
    ) -> BoxFuture<'_, Result<u64, ReplaceError>> {
        Box::pin(self.replace(app, percent))
    }

    fn decide(&self, stays: bool) -> Result<u64, ReplaceError> {
        self.end_trial(stays)
    }

    fn progress(&self) -> Option<Progress> {
        Some(self.progress.clone())
    }

    fn table(&self) -> Vec<Connection> {
        let wires = self.table.wires();
        let line = |wire: &Wire| wire.snapshot(self.backend, &self.exec);
        wires.iter().map(line).collect()
    }

    fn generations(&self) -> Vec<Generation> {
        self.applications()
    }

    fn ended(&self) -> &Latch<Report> {
        &self.ended
    }

    fn serve(&self, stream: Box<dyn Stream>, mut facts: Facts) -> Result<Served, AcceptError> {
        if self.ending().is_some() {
            return Err(AcceptError::new(AcceptErrorKind::NotServing));
        }
        let Some(place) = self.table.place_below(self.most) else {
            return Err(AcceptError::new(AcceptErrorKind::AtCapacity));
        };
        // Handed in, not accepted by a listener of this server.
        facts.listener = None;
        let worker =
            usize::try_from(self.numbers.load(Ordering::Relaxed)).unwrap_or(0) % self.pages.len();
        let Some(admitted) = self.admit(worker, facts, place, None) else {
            return Err(AcceptError::new(AcceptErrorKind::NotServing));
        };
        let served = Served::new(admitted.conn.clone());
        let runtime = self.runtimes[worker].clone();
        let driving = serve_connection(Foreign::new(stream), runtime, admitted, Start::default());
        self.exec.current().spawn(Box::pin(driving));
        Ok(served)
    }

    fn should_accept(&self) -> bool {
        self.ending().is_none() && self.has_room()
    }

    fn accept_one(&self) -> BoxFuture<'_, Result<Served, AcceptError>> {
        match &self.by_hand {
            Some(by_hand) => Box::pin(by_hand.accept_one()),
            None => Box::pin(async { Err(AcceptError::new(AcceptErrorKind::Unsupported)) }),
        }
    }
}
