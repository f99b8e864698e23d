//! The server's process, as who steers it sees it.

use std::net::SocketAddr;
use std::time::Duration;

use bayonet::BoxError;

use crate::process::{Process, numbers};

/// A server in a process of its own.
pub(crate) struct Server {
    process: Process,
}

/// What the process has, and what it has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) threads: u64,
    pub(crate) descriptors: u64,
    /// What is resident, in KiB: with what the allocator keeps for the next time.
    pub(crate) resident: u64,
    /// What is allocated, in KiB.
    pub(crate) allocated: u64,
    /// Requests that a handler has seen.
    pub(crate) handled: u64,
    pub(crate) open: u64,
}

/// A swap, as the server that was left reports it.
#[derive(Clone, Debug)]
pub(crate) struct Swapped {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) took: Duration,
    pub(crate) moved: u64,
    pub(crate) finished: u64,
    /// Connections that ended because of it.
    pub(crate) cut: u64,
    pub(crate) balanced: bool,
}

impl Server {
    pub(crate) fn start(workers: usize) -> Result<Self, BoxError> {
        let process = Process::start(&["serve".to_owned(), workers.to_string()])?;
        Ok(Server { process })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// Moves it to this backend. Back when it is there.
    pub(crate) fn swap(&mut self, to: &str) -> Result<Duration, BoxError> {
        let micros = self.process.tell(&format!("swap {to}"))?;
        Ok(Duration::from_micros(micros.parse()?))
    }

    pub(crate) fn facts(&mut self) -> Result<Facts, BoxError> {
        let line = self.process.tell("facts")?;
        let numbers = numbers(&line)?;
        let [threads, descriptors, resident, allocated, handled, open] = numbers[..] else {
            return Err(format!("these are no facts: {line}").into());
        };
        Ok(Facts {
            threads,
            descriptors,
            resident,
            allocated,
            handled,
            open,
        })
    }

    /// The swaps since the last call. Back when the servers that were left have ended.
    pub(crate) fn reports(&mut self) -> Result<Vec<Swapped>, BoxError> {
        let mut swaps = Vec::new();
        let mut next = self.process.tell("reports")?;
        while next != "." {
            let parts: Vec<_> = next.split(' ').collect();
            let [from, to, took, moved, finished, cut, balanced] = parts[..] else {
                return Err(format!("this is no report: {next}").into());
            };
            swaps.push(Swapped {
                from: from.to_owned(),
                to: to.to_owned(),
                took: Duration::from_micros(took.parse()?),
                moved: moved.parse()?,
                finished: finished.parse()?,
                cut: cut.parse()?,
                balanced: balanced == "1",
            });
            next = self.process.line()?;
        }
        Ok(swaps)
    }

    /// Ends it. Whether that was clean.
    pub(crate) fn end(self) -> Result<bool, BoxError> {
        self.process.end()
    }
}
