//! How a server ends, and what it counted.

use std::fmt;
use std::time::Duration;

use crate::reason::{AbortReason, CloseReason};

/// How a server is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drain {
    /// How long requests under way may take to finish. Then they are cut.
    pub deadline: Duration,
    /// How long the server still accepts before it begins, so that a balancer notices.
    pub lame_duck: Duration,
}

impl Drain {
    /// Lets requests under way finish for this long.
    pub fn within(deadline: Duration) -> Self {
        Drain {
            deadline,
            ..Drain::default()
        }
    }

    /// Cuts everything at once.
    pub fn now() -> Self {
        Drain::within(Duration::ZERO)
    }

    /// Still accepts for this long first.
    pub fn after(mut self, lame_duck: Duration) -> Self {
        self.lame_duck = lame_duck;
        self
    }
}

impl Default for Drain {
    /// 30 s, and no lame duck.
    fn default() -> Self {
        Drain {
            deadline: Duration::from_secs(30),
            lame_duck: Duration::ZERO,
        }
    }
}

/// How a server ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Requests that were under way when the shutdown began and got their answer.
    pub finished: u64,
    /// Connections that were cut with something under way when the deadline struck.
    pub cut: u64,
    /// Connections that had nothing under way and were closed at once.
    pub idle: u64,
    /// Connections that have gone to another server.
    pub moved: u64,
    /// Tasks that were spawned with [`Exec`](crate::Exec) before the server moved, and were waited for.
    pub tasks: u64,
    /// Tasks that were spawned with [`Exec`](crate::Exec) and were under way when the server had ended: what they
    /// run on ends with it, unless it is somebody else's.
    pub tasks_left: u64,
    /// How long the shutdown took.
    pub took: Duration,
    /// Whether every stop hook did its work in time.
    pub hooks_clean: bool,
    /// Everything that was counted.
    pub counters: Counters,
}

impl Report {
    /// A report of a server that has counted this. For authors of backends.
    pub fn new(counters: Counters) -> Self {
        Report {
            finished: 0,
            cut: 0,
            idle: 0,
            moved: 0,
            tasks: 0,
            tasks_left: 0,
            took: Duration::ZERO,
            hooks_clean: true,
            counters,
        }
    }

    /// Whether nothing was cut and every stop hook did its work.
    pub fn is_clean(&self) -> bool {
        self.cut == 0 && self.hooks_clean
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_clean() {
            "clean stop"
        } else {
            "cut stop"
        };
        write!(
            f,
            "{how} in {:.3} s: {} finished, {} idle closed, {} moved, {} cut; {} connections, {} requests in all",
            self.took.as_secs_f64(),
            self.finished,
            self.idle,
            self.moved,
            self.cut,
            self.counters.accepted,
            self.counters.requests,
        )?;
        if self.tasks + self.tasks_left > 0 {
            let (tasks, left) = (self.tasks, self.tasks_left);
            write!(f, "; {tasks} tasks waited for, {left} left")?;
        }
        Ok(())
    }
}

/// What a server has counted since its start: the ledger.
///
/// At any quiet point it [balances](Counters::balances): every accepted connection is open or was
/// closed for exactly one reason, every request is under way, was completed or was aborted for
/// exactly one reason. (Clause T-61.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Connections accepted or handed in.
    pub accepted: u64,
    /// Connections that are open.
    pub open: u64,
    /// Requests whose head was understood.
    pub requests: u64,
    /// Requests that got a complete answer, or whose connection was taken over.
    pub completed: u64,
    /// Requests under way.
    pub active: u64,
    /// Bytes read from connections.
    pub bytes_in: u64,
    /// Bytes written to connections.
    pub bytes_out: u64,
    /// Hooks that failed or panicked.
    pub failures: u64,
    /// Times that accepting failed.
    pub accept_errors: u64,
    closed: [u64; CloseReason::ALL.len()],
    aborted: [u64; AbortReason::ALL.len()],
}

impl Counters {
    /// Connections that were closed for this reason.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason.index()]
    }

    /// Requests that were aborted for this reason.
    pub fn aborted(&self, reason: AbortReason) -> u64 {
        self.aborted[reason.index()]
    }

    /// Connections that were closed, for whatever reason.
    pub fn closed_in_all(&self) -> u64 {
        self.closed.iter().sum()
    }

    /// Requests that were aborted, for whatever reason.
    pub fn aborted_in_all(&self) -> u64 {
        self.aborted.iter().sum()
    }

    /// Counts closed connections. For authors of backends.
    pub fn add_closed(&mut self, reason: CloseReason, count: u64) {
        self.closed[reason.index()] += count;
    }

    /// Counts aborted requests. For authors of backends.
    pub fn add_aborted(&mut self, reason: AbortReason, count: u64) {
        self.aborted[reason.index()] += count;
    }

    /// Whether `accepted = open + closed` and `requests = active + completed + aborted`.
    pub fn balances(&self) -> bool {
        self.accepted == self.open + self.closed_in_all()
            && self.requests == self.active + self.completed + self.aborted_in_all()
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accepted {} = open {}", self.accepted, self.open)?;
        let closed = CloseReason::ALL
            .iter()
            .map(|reason| (reason.name(), self.closed(*reason)));
        for (name, count) in closed.filter(|(_, count)| *count > 0) {
            write!(f, " + {name} {count}")?;
        }
        write!(
            f,
            "; requests {} = active {} + completed {}",
            self.requests, self.active, self.completed
        )?;
        let aborted = AbortReason::ALL
            .iter()
            .map(|reason| (reason.name(), self.aborted(*reason)));
        for (name, count) in aborted.filter(|(_, count)| *count > 0) {
            write!(f, " + {name} {count}")?;
        }
        Ok(())
    }
}
