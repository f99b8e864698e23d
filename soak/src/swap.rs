//! The long run: load of every kind, swaps, and what is left of it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bayonet::BoxError;

use crate::clients::{self, KINDS, Phase, Stage, Working};
use crate::server::{Facts, Server, Swapped};
use crate::tally::Tally;
use crate::{Swap, idle, table};

/// Where the server goes, again and again. It starts on tokio.
const ROUND: [&str; 3] = ["smol", "async-std", "tokio"];
/// How long threads that have been told to end may take.
const SETTLE: Duration = Duration::from_secs(10);
/// How much more may be allocated in the end than was before the swaps, in KiB, however many there were: what the
/// threads that serve then keep for the next request is not the same to the byte.
const ALLOCATED_LEFT: u64 = 256;

/// Everything that was found out.
pub(crate) struct Found {
    pub(crate) kinds: Vec<Tally>,
    pub(crate) swaps: Vec<Swapped>,
    pub(crate) before: Facts,
    pub(crate) after: Facts,
    pub(crate) idle: idle::Moved,
    /// The swap that moved the idle ones.
    pub(crate) idle_swap: Swapped,
    pub(crate) clean: bool,
}

impl Found {
    /// Requests that handlers have seen and clients have sent, between the two looks at the server.
    pub(crate) fn handled(&self) -> (u64, u64) {
        let sent = self.kinds.iter().map(|kind| kind.sent).sum();
        (self.after.handled - self.before.handled, sent)
    }

    /// Whether no request failed, no connection was lost and nothing is left.
    pub(crate) fn is_right(&self) -> bool {
        let (handled, sent) = self.handled();
        sent > 0
            && self.kinds.iter().all(Tally::is_right)
            && self.kinds[0].kept == self.kinds[0].keepers
            && self.swaps.iter().all(|swap| swap.cut == 0 && swap.balanced)
            && handled == sent
            && self.after.threads <= self.before.threads
            && self.after.descriptors <= self.before.descriptors
            && self.after.allocated <= self.before.allocated + ALLOCATED_LEFT
            && self.idle.answered == self.idle.connections
            && self.clean
    }
}

/// Runs it, and shows what came out. Whether that is right.
pub(crate) fn run(options: &Swap) -> Result<bool, BoxError> {
    crate::raise_descriptors();
    let mut server = Server::start(options.workers)?;
    warm_up(&mut server, options)?;
    let before = server.facts()?;

    let stage = Stage::new(server.address());
    let working = clients::start(&stage, options)?;
    thread::sleep(Duration::from_secs(options.quiet));
    stage.set(Phase::Swapping);
    // Each follows the one before it whether or not that has let go of everything.
    for to in ROUND.into_iter().cycle().take(options.swaps) {
        thread::sleep(options.pause());
        server.swap(to)?;
    }
    thread::sleep(options.pause());
    let kinds = stop(&stage, working)?;
    let swaps = server.reports()?;
    let after = settled(&mut server, &before)?;

    let idle = idle::moved(&mut server, options.idle)?;
    let mut idle_swap = server.reports()?;
    let idle_swap = idle_swap.pop().ok_or("there was no swap")?;
    let clean = server.end()?;
    let found = Found {
        kinds,
        swaps,
        before,
        after,
        idle,
        idle_swap,
        clean,
    };
    table::show(&found, options);
    Ok(found.is_right())
}

/// A tenth of the swaps, at least one to each runtime, under the same load: what a process keeps for good is there
/// then. An allocator keeps something for each of the threads that there were at a time.
fn warm_up(server: &mut Server, options: &Swap) -> Result<(), BoxError> {
    let stage = Stage::new(server.address());
    let working = clients::start(&stage, options)?;
    let swaps = (options.swaps / 10).max(ROUND.len());
    for to in ROUND.into_iter().cycle().take(swaps) {
        thread::sleep(options.pause());
        server.swap(to)?;
    }
    stop(&stage, working)?;
    server.reports()?;
    let begun = Instant::now();
    // Connections whose clients have just gone are still being closed.
    while server.facts()?.open > 0 && begun.elapsed() < SETTLE {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn stop(stage: &Arc<Stage>, working: Vec<Working>) -> Result<Vec<Tally>, BoxError> {
    stage.set(Phase::Over);
    let mut kinds = vec![Tally::default(); KINDS.len()];
    for (kind, client) in working {
        kinds[kind].add(client.join().map_err(|_| "a client has panicked")?);
    }
    Ok(kinds)
}

/// What the process has when the last of it has ended: at once, or a moment later.
fn settled(server: &mut Server, before: &Facts) -> Result<Facts, BoxError> {
    let begun = Instant::now();
    loop {
        let facts = server.facts()?;
        let settled = facts.open == 0
            && facts.threads <= before.threads
            && facts.descriptors <= before.descriptors
            && facts.allocated <= before.allocated + ALLOCATED_LEFT;
        if settled || begun.elapsed() > SETTLE {
            return Ok(facts);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
