//! What clients count, and how long they wait.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::answers::Wrong;

/// What one client, or all of one kind, have counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) truncated: u64,
    pub(crate) duplicated: u64,
    pub(crate) misordered: u64,
    /// Clients that keep their connection, and how many of them still have the first one.
    pub(crate) keepers: u64,
    pub(crate) kept: u64,
    /// Waiting times before the swaps and during them.
    pub(crate) quiet: Times,
    pub(crate) swapping: Times,
    /// Where it went wrong, the first times.
    pub(crate) notes: Vec<String>,
}

impl Tally {
    pub(crate) fn wrong(&mut self, wrong: Wrong, what: &str) {
        *match wrong {
            Wrong::Refused => &mut self.refused,
            Wrong::Failed => &mut self.failed,
            Wrong::Truncated => &mut self.truncated,
            Wrong::Duplicated => &mut self.duplicated,
            Wrong::Misordered => &mut self.misordered,
        } += 1;
        if self.notes.len() < 3 {
            self.notes.push(format!("{what}: {wrong:?}"));
        }
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.sent += other.sent;
        self.answered += other.answered;
        self.refused += other.refused;
        self.failed += other.failed;
        self.truncated += other.truncated;
        self.duplicated += other.duplicated;
        self.misordered += other.misordered;
        self.keepers += other.keepers;
        self.kept += other.kept;
        self.quiet.add(&other.quiet);
        self.swapping.add(&other.swapping);
        self.notes.extend(other.notes);
    }

    /// Whether every request had its one answer.
    pub(crate) fn is_right(&self) -> bool {
        self.sent == self.answered
            && self.refused + self.failed + self.truncated + self.duplicated + self.misordered == 0
    }
}

/// Waiting times, in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(BTreeMap<u64, u64>);

impl Times {
    pub(crate) fn note(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        *self.0.entry(micros).or_default() += 1;
    }

    fn add(&mut self, other: &Times) {
        for (micros, count) in &other.0 {
            *self.0.entry(*micros).or_default() += count;
        }
    }

    /// The time that so many of a thousand are not above.
    pub(crate) fn quantile(&self, of_thousand: u64) -> Duration {
        let all: u64 = self.0.values().sum();
        let wanted = (all * of_thousand).div_ceil(1000);
        let mut below = 0;
        let reached = self.0.iter().find(|(_, count)| {
            below += **count;
            below >= wanted
        });
        Duration::from_micros(reached.map_or(0, |(micros, _)| *micros))
    }
}
