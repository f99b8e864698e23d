//! What the connections of one worker share.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use atomic_waker::AtomicWaker;
use http_server_trait::Config;
use http_server_trait::backend::{Departures, Parked};

use super::stage::Stage;
use crate::budget::Budget;
use crate::count::{Count, Counted};
use crate::date::Server;
use crate::h1::{Limits, answer};
use crate::ledger::Page;
use crate::service::Service;

/// What the connections of one worker share: the application, the limits, the page of the ledger.
#[derive(Debug)]
pub struct Worker<S> {
    pub(crate) service: Arc<S>,
    pub(crate) limits: Limits,
    /// Whether a request goes straight to its handlers: there is no middleware, and no limit on how many are
    /// under way.
    pub(crate) is_direct: bool,
    /// Whether nothing in the configuration keeps an answer from being written [in one go](crate::h1::whole).
    pub(crate) is_brief: bool,
    /// The line of `Server`, if there is one.
    pub(crate) server: Server,
    pub(crate) page: Arc<Page>,
    pub(crate) tide: Arc<Tide>,
    /// How many requests are under way on all workers, where that is limited.
    flights: Arc<Count>,
    /// The memory of all connections on all workers, where that is limited.
    pub(crate) budget: Option<Arc<Budget>>,
    /// Whether a request asks the stage whose it is, because that may be another application.
    asks: AtomicBool,
    stage: Weak<Stage<S>>,
    /// Its place among the workers of the server.
    index: usize,
}

fn is_direct(service: &impl Service) -> bool {
    !service.has_middleware() && service.config().in_flight.is_none()
}

fn is_brief(config: &Config, server: &Server) -> bool {
    config.date && config.requests_per_connection.is_none() && server.has_opening()
}

impl<S: Service> Worker<S> {
    /// A worker that serves this.
    pub fn new(service: Arc<S>, page: Arc<Page>, tide: Arc<Tide>) -> Self {
        let limits = Limits::of(service.config());
        let is_direct = is_direct(service.as_ref());
        let server_line = service.config().server.as_ref().map(answer::server_line);
        let server = Server::with(server_line);
        let is_brief = is_brief(service.config(), &server);
        Worker {
            service,
            limits,
            is_direct,
            is_brief,
            server,
            page,
            tide,
            flights: Arc::default(),
            budget: None,
            asks: AtomicBool::new(false),
            stage: Weak::new(),
            index: 0,
        }
    }

    /// The same worker, with an application of its server's [`Stage`].
    pub(super) fn playing(&self, service: Arc<S>, stage: Weak<Stage<S>>, index: usize) -> Self {
        Worker {
            is_direct: is_direct(service.as_ref()),
            is_brief: is_brief(service.config(), &self.server),
            server: self.server.clone(),
            service,
            limits: self.limits,
            page: Arc::clone(&self.page),
            tide: Arc::clone(&self.tide),
            flights: Arc::clone(&self.flights),
            budget: self.budget.clone(),
            asks: AtomicBool::new(false),
            stage,
            index,
        }
    }

    /// Whether the next request may be another application's. The one thing about generations that every
    /// request pays for.
    pub(crate) fn asks(&self) -> bool {
        self.asks.load(Ordering::Acquire)
    }

    pub(super) fn set_asks(&self, asks: bool) {
        self.asks.store(asks, Ordering::Release);
    }

    /// Where its application was put on.
    pub(crate) fn stage(&self) -> Weak<Stage<S>> {
        self.stage.clone()
    }

    /// The worker of the application that the next request belongs to.
    pub(crate) fn next(&self) -> Option<Arc<Self>> {
        self.stage.upgrade()?.next(self.index)
    }

    /// The worker of the application that most requests go to.
    pub(crate) fn now(&self) -> Option<Arc<Self>> {
        self.stage.upgrade()?.worker(self.index)
    }

    /// With what it shares with the other workers: the count of requests that are under way, the memory.
    pub(crate) fn sharing(mut self, flights: Arc<Count>, budget: Option<Arc<Budget>>) -> Self {
        self.flights = flights;
        self.budget = budget;
        self
    }

    /// Lets a request begin: `Err` if too many are under way.
    pub(crate) fn take_off(&self) -> Result<Option<Counted>, ()> {
        match self.service.config().in_flight {
            Some(most) => self.flights.enter_below(most).map(Some).ok_or(()),
            None => Ok(None),
        }
    }

    /// The application.
    pub fn service(&self) -> &Arc<S> {
        &self.service
    }

    /// Its page of the ledger.
    pub fn page(&self) -> &Arc<Page> {
        &self.page
    }
}

/// Whether the server serves, drains, or cuts what is left, which only ever goes on; and where connections go
/// that leave for another server.
#[derive(Debug, Default)]
pub struct Tide {
    state: AtomicU8,
    departures: Mutex<Option<Departures>>,
    /// Woken when a connection has heard that it is to leave.
    pub(crate) heard: AtomicWaker,
    /// How many connections with nothing under way have left because of it.
    idle: AtomicU64,
}

const DRAINING: u8 = 1;
const CUTTING: u8 = 2;

impl Tide {
    /// The server drains: every answer is its connection's last.
    pub fn drain(&self) {
        self.state.fetch_max(DRAINING, Ordering::AcqRel);
    }

    /// The deadline has struck: whatever is left is cut.
    pub fn cut(&self) {
        self.state.fetch_max(CUTTING, Ordering::AcqRel);
    }

    /// Whether it drains or cuts.
    pub fn is_draining(&self) -> bool {
        self.state.load(Ordering::Acquire) >= DRAINING
    }

    /// Whether it cuts.
    pub fn is_cutting(&self) -> bool {
        self.state.load(Ordering::Acquire) >= CUTTING
    }

    /// Where parked connections go from now on; `None`: nowhere.
    pub(crate) fn lead(&self, to: Option<Departures>) {
        *self.departures() = to;
    }

    /// Sends a parked connection to where it goes. Without such a place it is closed.
    pub(crate) fn send(&self, parked: Parked) {
        if let Some(departures) = &*self.departures() {
            departures.send(parked);
        }
    }

    /// A connection with nothing under way has left because of it.
    pub(crate) fn left_idle(&self) {
        self.idle.fetch_add(1, Ordering::Relaxed);
    }

    /// How many have.
    pub(crate) fn idle(&self) -> u64 {
        self.idle.load(Ordering::Relaxed)
    }

    fn departures(&self) -> MutexGuard<'_, Option<Departures>> {
        self.departures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
