//! A crowd in a simulation: every moment at which nothing more happens by itself is a quiet point.

use std::time::Duration;

use http_server_engine::testkit::{Client, Sim, SimServer, Weather};
use http_server_trait::{Drain, HttpServer, ServerHandle};

use super::plan::{Act, plan};
use super::{Random, check, check_end, messages, number, quiet};

/// How many clients a crowd has.
const CLIENTS: usize = 6;

/// Plays so many crowds, or as many as `BAYONET_CROWDS` says, and counts the quiet points.
///
/// # Errors
/// Which seed failed, and how.
pub fn simulate(crowds: u64) -> Result<u64, String> {
    quiet();
    let mut points = 0;
    for seed in 1..=number("BAYONET_CROWDS", crowds) {
        let played =
            std::panic::catch_unwind(|| crowd(seed)).unwrap_or_else(|_| Err("it panicked".into()));
        points += played.map_err(|why| format!("seed {seed}: {why}"))?;
    }
    Ok(points)
}

/// One crowd. How many quiet points there were.
fn crowd(seed: u64) -> Result<u64, String> {
    let mut random = Random::new(seed);
    let sim = Sim::new(seed);
    let mut weather = Weather::default();
    weather.rough = random.once_in(2);
    weather.room = [64 * 1024, 2000, 300][random.below(3)];
    sim.network().set_weather(weather);
    let mut server = SimServer::new(&sim);
    messages::application(server.app_mut(), &mut random, 1);
    let handle = sim
        .block_on(server.listen("127.0.0.1:80"))
        .map_err(|error| error.to_string())?;
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| Simulated::new(plan(&mut random)))
        .collect();
    let mut points = 0;
    let mut connected = 0;
    // One of them may end the server while the others are at it.
    let ends_early = random.once_in(5).then(|| random.below(40));
    while clients.iter().any(|client| !client.is_done()) {
        let at = random.below(clients.len());
        connected += u64::from(clients[at].step(&sim, &handle));
        sim.run();
        check(&handle.counters())?;
        points += 1;
        if ends_early.is_some_and(|early| points > early as u64) {
            break;
        }
    }
    if random.once_in(2) {
        clients.clear();
    }
    if ends_early.is_none() && random.once_in(2) {
        // Everything that has a time-out has met it.
        sim.advance(Duration::from_secs(60));
        check(&handle.counters())?;
        points += 1;
    }
    let drain = Drain::within(Duration::from_millis(random.below(3000) as u64));
    let report = sim.block_on(handle.shutdown(drain));
    check_end(&report.counters, connected)?;
    Ok(points + 1)
}

/// A client, and what it has still to do.
struct Simulated {
    client: Option<Client>,
    acts: std::vec::IntoIter<Act>,
    /// What was not taken of what it sends.
    unsent: Vec<u8>,
    tries: u32,
    done: bool,
}

impl Simulated {
    fn new(acts: Vec<Act>) -> Self {
        Simulated {
            client: None,
            acts: acts.into_iter(),
            unsent: Vec::new(),
            tries: 0,
            done: false,
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }

    /// Does the next thing. Whether that was to connect.
    fn step(&mut self, sim: &Sim, handle: &ServerHandle) -> bool {
        if self.done {
            return false;
        }
        let Some(client) = &mut self.client else {
            self.client = sim.connect(&handle.addresses()[0]);
            self.done = self.client.is_none();
            return !self.done;
        };
        if !self.unsent.is_empty() {
            let taken = client.send(&self.unsent);
            self.unsent.drain(..taken);
            // The server does not take what it does not want, for as long as it likes.
            self.tries += 1;
            if self.tries > 20 {
                self.tries = 0;
                self.unsent.clear();
            }
            return false;
        }
        match self.acts.next() {
            Some(Act::Send(bytes)) => self.unsent = bytes,
            Some(Act::Read) => drop(client.receive()),
            Some(Act::Pause(time)) => sim.advance(Duration::from_millis(time.into())),
            Some(Act::End) => client.end(),
            Some(Act::Reset) => client.reset(),
            Some(Act::Leave) => {
                self.client = None;
                self.done = true;
            }
            None => self.done = true,
        }
        false
    }
}
