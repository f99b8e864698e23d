//! What the two sides of a case share: notes of what happened, and gates that one opens for the other.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_server_trait::Waiting;
use http_server_trait::backend::Latch;

/// What the application of a case and its client share.
///
/// The application writes [notes](Stage::note) of what happens; the client waits for them, so that no case
/// sleeps to be in step. The client [opens](Stage::open) gates; the application waits at them.
#[derive(Clone, Debug)]
pub struct Stage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    noted: Condvar,
    scale: u32,
}

#[derive(Debug, Default)]
struct State {
    notes: Vec<String>,
    gates: HashMap<String, Latch<()>>,
}

impl Stage {
    /// A stage where times are divided by `scale`.
    pub(crate) fn new(scale: u32) -> Self {
        let state = Mutex::default();
        Stage(Arc::new(Shared {
            state,
            noted: Condvar::new(),
            scale: scale.max(1),
        }))
    }

    /// Notes that something has happened.
    pub fn note(&self, what: impl Into<String>) {
        self.lock().notes.push(what.into());
        self.0.noted.notify_all();
    }

    /// All notes so far.
    pub fn notes(&self) -> Vec<String> {
        self.lock().notes.clone()
    }

    /// How often this was noted.
    pub fn count(&self, what: &str) -> usize {
        self.lock()
            .notes
            .iter()
            .filter(|note| *note == what)
            .count()
    }

    /// Waits at a gate, in the application.
    pub fn gate(&self, name: &str) -> Waiting<()> {
        self.lock()
            .gates
            .entry(name.to_owned())
            .or_default()
            .waiting()
    }

    /// Opens a gate.
    pub fn open(&self, name: &str) {
        let gate = self
            .lock()
            .gates
            .entry(name.to_owned())
            .or_default()
            .clone();
        gate.set(());
    }

    /// A time of a case as it really passes: on sockets all times are scaled down alike.
    pub fn scaled(&self, time: Duration) -> Duration {
        time / self.0.scale
    }

    /// Blocks until this has been noted so often. For players on sockets.
    pub(crate) fn wait_for(&self, what: &str, times: usize, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        while state.notes.iter().filter(|note| *note == what).count() < times {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.noted.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
