//! The mount: which server the demo is on now, and which ones it is leaving.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bayonet::{
    Address, AdoptError, CloseReason, Connection, Counters, Drain, Report, ServerHandle, block_on,
};
use serde::Serialize;

use super::routes;
use crate::notify;

/// So many swaps are remembered.
const REMEMBERED: usize = 100;

/// The server of the demo, whichever it is. A signal, the control and the page all act on this.
pub(crate) struct Mount {
    workers: Option<usize>,
    started: Instant,
    state: Mutex<State>,
    /// Told at every swap and at the end.
    changed: Condvar,
}

struct State {
    current: Seat,
    /// Servers that something is still under way on, and the numbers of the swaps that left them.
    leaving: Vec<(u64, Seat)>,
    swaps: VecDeque<Swap>,
    swapped: u64,
    swapping: bool,
    /// What servers counted that have ended.
    gone: Tally,
    ending: Option<Drain>,
    ended: Option<End>,
}

#[derive(Clone)]
struct Seat {
    backend: &'static str,
    handle: ServerHandle,
}

/// A swap, as it is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Swap {
    pub(crate) number: u64,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// Since the start of the demo, in seconds.
    pub(crate) at: f64,
    /// Until the new server accepted and every idle connection was there, in milliseconds.
    pub(crate) took_ms: f64,
    /// Connections that have moved.
    pub(crate) moved: u64,
    /// Requests that were under way and got their answer from the old server.
    pub(crate) finished: u64,
    /// What was cut on the old server.
    pub(crate) cut: u64,
    /// Connections that are still on the old server. None when it has ended.
    pub(crate) staying: u64,
}

/// A server, as it is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Server {
    pub(crate) backend: &'static str,
    /// `serving`, or `leaving` for one that was swapped away and has something under way.
    pub(crate) state: &'static str,
    pub(crate) connections: u64,
    pub(crate) active: u64,
    /// Which application serves new requests.
    pub(crate) generation: u64,
}

/// A connection, as it is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) peer: Option<String>,
    pub(crate) listener: Option<usize>,
    pub(crate) state: &'static str,
    /// In seconds.
    pub(crate) age: f64,
    pub(crate) requests: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) buffered: usize,
    pub(crate) generation: u64,
    pub(crate) backend: &'static str,
}

impl From<Connection> for Line {
    fn from(line: Connection) -> Self {
        Line {
            id: line.id.to_string(),
            peer: line.peer.map(|peer| peer.to_string()),
            listener: line.listener,
            state: line.state.name(),
            age: line.age.as_secs_f64(),
            requests: line.requests,
            bytes_in: line.bytes_in,
            bytes_out: line.bytes_out,
            buffered: line.buffered,
            generation: line.generation,
            backend: line.backend,
        }
    }
}

/// Everything, as it is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) version: &'static str,
    pub(crate) backend: &'static str,
    /// `serving` or `draining`.
    pub(crate) state: &'static str,
    /// In seconds.
    pub(crate) uptime: f64,
    pub(crate) addresses: Vec<String>,
    /// What can be swapped to.
    pub(crate) backends: Vec<&'static str>,
    /// Connections since the start, and requests.
    pub(crate) accepted: u64,
    pub(crate) requests: u64,
    pub(crate) servers: Vec<Server>,
    pub(crate) swapped: u64,
    /// The last of them.
    pub(crate) swaps: Vec<Swap>,
}

/// How the demo ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) report: Report,
    pub(crate) swapped: u64,
    /// On servers that were swapped away: moved, finished, cut.
    pub(crate) before: (u64, u64, u64),
}

impl End {
    /// Whether nothing was cut, neither at the end nor at a swap.
    pub(crate) fn is_clean(&self) -> bool {
        self.report.is_clean() && self.before.2 == 0
    }
}

/// Why there is no swap.
#[derive(Debug)]
pub(crate) enum NoSwap {
    /// There is no such backend.
    Unknown(String),
    /// Not now.
    Busy(&'static str),
    /// It was tried. The server serves on as before.
    Failed(String),
}

impl std::fmt::Display for NoSwap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoSwap::Unknown(why) | NoSwap::Failed(why) => f.write_str(why),
            NoSwap::Busy(why) => f.write_str(why),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    /// Those that came from outside: not moved in from the server before.
    accepted: u64,
    requests: u64,
    moved: u64,
    finished: u64,
    cut: u64,
}

impl Mount {
    pub(crate) fn new(
        backend: &'static str,
        handle: ServerHandle,
        workers: Option<usize>,
    ) -> Arc<Self> {
        Arc::new(Mount {
            workers,
            started: Instant::now(),
            state: Mutex::new(State {
                current: Seat { backend, handle },
                leaving: Vec::new(),
                swaps: VecDeque::new(),
                swapped: 0,
                swapping: false,
                gone: Tally::default(),
                ending: None,
                ended: None,
            }),
            changed: Condvar::new(),
        })
    }

    /// Moves to another backend, or to a fresh server of the same one. Blocks until the new server accepts and
    /// every connection with nothing under way is there.
    pub(crate) fn swap(&self, to: &str) -> Result<Swap, NoSwap> {
        let names = bayonet::backend_names();
        let Some(to) = names.iter().copied().find(|known| *known == to) else {
            return Err(NoSwap::Unknown(format!(
                "there is no backend `{to}`; choose one of: {}",
                names.join(", ")
            )));
        };
        let mut successor =
            bayonet::server_named(to).map_err(|error| NoSwap::Unknown(error.to_string()))?;
        routes::configure(successor.app_mut(), self.workers);
        let swapping = self.begin()?;
        let begun = Instant::now();
        let outcome = block_on(swapping.from.handle.handover(successor.as_mut()));
        let took = begun.elapsed();
        match outcome {
            Ok(handle) => {
                let to = Seat {
                    backend: to,
                    handle,
                };
                Ok(swapping.done(to, took))
            }
            Err(error) => Err(NoSwap::Failed(reason(&error))),
        }
    }

    fn begin(&self) -> Result<Swapping<'_>, NoSwap> {
        let mut state = self.lock();
        if state.ending.is_some() {
            return Err(NoSwap::Busy("the demo is draining"));
        }
        if state.swapping {
            return Err(NoSwap::Busy("another swap is under way"));
        }
        state.swapping = true;
        Ok(Swapping {
            mount: self,
            from: state.current.clone(),
        })
    }

    /// Ends the demo, on whichever servers it is. A second call can only make it sooner.
    pub(crate) fn shutdown(&self, drain: Drain) {
        let mut state = self.lock();
        match &mut state.ending {
            Some(ending) => ending.deadline = ending.deadline.min(drain.deadline),
            None => {
                notify::tell(notify::State::Stopping);
                state.ending = Some(drain);
            }
        }
        // One that is just being handed over learns it when that is decided.
        if !state.swapping {
            state.pass_on_ending();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for the end of it all, whatever the demo is on by then. For one caller; others
    /// [wait for what it found](Mount::ended).
    pub(crate) fn wait(&self) -> End {
        let report = loop {
            let (handle, number) = {
                let state = self.lock();
                (state.current.handle.clone(), state.swapped)
            };
            let report = handle.wait();
            // It may have ended because everything had moved before anybody noted where to.
            let state = self.lock();
            let state = self
                .changed
                .wait_while(state, |state| state.swapping)
                .unwrap_or_else(PoisonError::into_inner);
            if state.swapped == number {
                break report;
            }
        };
        let leaving = self.lock().leaving.clone();
        for (_, seat) in leaving {
            seat.handle.wait();
        }
        let mut state = self.lock();
        state.settle();
        let gone = state.gone;
        let end = End {
            report,
            swapped: state.swapped,
            before: (gone.moved, gone.finished, gone.cut),
        };
        state.ended = Some(end.clone());
        drop(state);
        self.changed.notify_all();
        end
    }

    /// Blocks until the demo has ended.
    pub(crate) fn ended(&self) -> End {
        let state = self.lock();
        let state = self
            .changed
            .wait_while(state, |state| state.ended.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.ended.clone().expect("it was waited for")
    }

    /// What is served, and by what.
    pub(crate) fn status(&self) -> Status {
        let mut state = self.lock();
        state.settle();
        let current = state.current.handle.counters();
        let mut sum = state.gone;
        sum.add(&current);
        let mut servers = vec![server(&state.current, "serving", &current)];
        for (_, seat) in &state.leaving {
            let counters = seat.handle.counters();
            sum.add(&counters);
            servers.push(server(seat, "leaving", &counters));
        }
        // Whoever moved was accepted again by the next server.
        let addresses = state.current.handle.addresses();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            backend: state.current.backend,
            state: if state.ending.is_some() {
                "draining"
            } else {
                "serving"
            },
            uptime: self.started.elapsed().as_secs_f64(),
            addresses: addresses.iter().map(Address::to_string).collect(),
            backends: bayonet::backend_names(),
            accepted: sum.accepted,
            requests: sum.requests,
            servers,
            swapped: state.swapped,
            swaps: state.swaps.iter().cloned().collect(),
        }
    }

    /// The connections of all servers, the oldest first.
    pub(crate) fn connections(&self) -> Vec<Line> {
        let handles: Vec<_> = {
            let state = self.lock();
            let leaving = state.leaving.iter().map(|(_, seat)| &seat.handle);
            leaving.chain([&state.current.handle]).cloned().collect()
        };
        let mut table: Vec<_> = handles.iter().flat_map(ServerHandle::table).collect();
        table.sort_by_key(|line| line.id.number());
        table.into_iter().map(Line::from).collect()
    }

    /// Blocks until there was another swap, or the end has begun, or it is time. Whether it was one of the first
    /// two.
    pub(crate) fn watch(&self, swapped: u64, until: Instant) -> bool {
        let quiet = |state: &mut State| state.swapped == swapped && state.ending.is_none();
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.lock(), left, quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !quiet(&mut state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn server(seat: &Seat, state: &'static str, counters: &Counters) -> Server {
    Server {
        backend: seat.backend,
        state,
        connections: counters.open,
        active: counters.active,
        generation: seat
            .handle
            .generations()
            .first()
            .map_or(0, |app| app.number),
    }
}

/// An error and what is behind it.
fn reason(error: &AdoptError) -> String {
    match std::error::Error::source(error) {
        Some(source) if !error.to_string().contains(&source.to_string()) => {
            format!("{error}: {source}")
        }
        _ => error.to_string(),
    }
}

/// A swap that has begun. Dropped without an outcome, nothing has changed.
struct Swapping<'a> {
    mount: &'a Mount,
    from: Seat,
}

impl Swapping<'_> {
    fn done(self, to: Seat, took: Duration) -> Swap {
        let mut state = self.mount.lock();
        state.swapped += 1;
        let swap = Swap {
            number: state.swapped,
            from: self.from.backend,
            to: to.backend,
            at: self.mount.started.elapsed().as_secs_f64(),
            took_ms: took.as_secs_f64() * 1e3,
            moved: 0,
            finished: 0,
            cut: 0,
            staying: 0,
        };
        state.current = to;
        state.leaving.push((swap.number, self.from.clone()));
        if state.swaps.len() == REMEMBERED {
            state.swaps.pop_front();
        }
        state.swaps.push_back(swap);
        state.settle();
        let swap = state.swaps.back().cloned();
        swap.expect("it was put there")
    }
}

impl Drop for Swapping<'_> {
    fn drop(&mut self) {
        let mut state = self.mount.lock();
        state.swapping = false;
        if state.ending.is_some() {
            state.pass_on_ending();
        }
        drop(state);
        self.mount.changed.notify_all();
    }
}

impl State {
    /// Looks at what was left: how far it is, and whether it has ended.
    fn settle(&mut self) {
        let State {
            leaving,
            swaps,
            gone,
            ..
        } = self;
        leaving.retain(|(number, seat)| {
            let report = seat.handle.report();
            let counters = seat.handle.counters();
            let swap = swaps.iter_mut().find(|swap| swap.number == *number);
            if let Some(swap) = swap {
                swap.moved = counters.closed(CloseReason::Parked);
                swap.staying = if report.is_some() { 0 } else { counters.open };
                if let Some(report) = &report {
                    (swap.finished, swap.cut) = (report.finished, report.cut);
                }
            }
            let Some(report) = report else {
                return true;
            };
            gone.add(&report.counters);
            gone.finished += report.finished;
            gone.cut += report.cut;
            gone.moved += report.moved;
            false
        });
    }

    fn pass_on_ending(&self) {
        let Some(drain) = self.ending else {
            return;
        };
        let seats = self.leaving.iter().map(|(_, seat)| seat);
        for seat in seats.chain([&self.current]) {
            seat.handle.shutdown(drain);
        }
    }
}

impl Tally {
    fn add(&mut self, counters: &Counters) {
        // Whoever has moved was counted by both servers, and came once.
        self.accepted += counters.accepted;
        self.accepted = self
            .accepted
            .saturating_sub(counters.closed(CloseReason::Parked));
        self.requests += counters.requests;
    }
}
