//! The server's process, as the attacker sees it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bayonet::BoxError;

use crate::process::{Process, numbers};

/// A server in a process of its own.
pub(crate) struct Victim {
    process: Process,
}

/// What the process has, and what its ledger says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// What is allocated, and was at most since the last mark, in KiB.
    pub(crate) allocated: u64,
    pub(crate) most: u64,
    /// What is resident, and was at most since the last mark, in KiB: with what the allocator keeps.
    pub(crate) memory: u64,
    pub(crate) peak: u64,
    /// Processor time, in hundredths of a second.
    pub(crate) ticks: u64,
    pub(crate) open: u64,
    pub(crate) accepted: u64,
    /// Open or closed for one reason.
    pub(crate) ended: u64,
    pub(crate) requests: u64,
    /// Under way, completed, or aborted for one reason.
    pub(crate) outcomes: u64,
    /// Connections that ended by a fault of the server.
    pub(crate) faults: u64,
    pub(crate) accept_errors: u64,
    /// All counts, in words.
    pub(crate) text: String,
}

impl Facts {
    /// Whether the two equations hold.
    pub(crate) fn balances(&self) -> bool {
        self.accepted == self.ended && self.requests == self.outcomes
    }

    /// How often this reason, or this count, is there.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let words: Vec<_> = self.text.split([' ', ';']).collect();
        let mut counts = words
            .windows(2)
            .filter(|pair| pair[0] == name)
            .map(|pair| pair[1]);
        // A reason may be there for connections and for requests: the first is that of connections.
        counts.find_map(|count| count.parse().ok()).unwrap_or(0)
    }
}

impl Victim {
    pub(crate) fn start(backend: &str, setup: &[String]) -> Result<Self, BoxError> {
        let arguments = [&["stand".to_owned(), backend.to_owned()], setup].concat();
        let process = Process::start(&arguments)?;
        Ok(Victim { process })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    pub(crate) fn facts(&mut self) -> Result<Facts, BoxError> {
        let line = self.process.tell("facts")?;
        let (counts, text) = line.split_once(';').ok_or("these are no facts")?;
        let numbers = numbers(counts)?;
        let [
            descriptors,
            threads,
            allocated,
            most,
            memory,
            peak,
            ticks,
            open,
            accepted,
            ended,
            requests,
            outcomes,
            faults,
            accept_errors,
        ] = numbers[..]
        else {
            return Err(format!("these are no facts: {line}").into());
        };
        Ok(Facts {
            descriptors,
            threads,
            allocated,
            most,
            memory,
            peak,
            ticks,
            open,
            accepted,
            ended,
            requests,
            outcomes,
            faults,
            accept_errors,
            text: text.to_owned(),
        })
    }

    /// The peak of its memory is measured from now on.
    pub(crate) fn mark(&mut self) -> Result<(), BoxError> {
        self.process.tell("mark").map(drop)
    }

    /// Waits until it is so, for as long as that may take; gives what was seen last.
    pub(crate) fn wait_for(
        &mut self,
        patience: Duration,
        is_so: impl Fn(&Facts) -> bool,
    ) -> Result<Facts, BoxError> {
        let begun = Instant::now();
        loop {
            let facts = self.facts()?;
            if is_so(&facts) || begun.elapsed() > patience {
                return Ok(facts);
            }
            // Counts of another process: nothing tells of them.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it. Whether that was clean, and its books balanced.
    pub(crate) fn end(self) -> Result<bool, BoxError> {
        self.process.end()
    }
}
