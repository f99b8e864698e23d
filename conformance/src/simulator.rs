//! Cases in the simulation: whole, byte by byte, cut at every point, and in rough weather.

use std::cell::Cell;
use std::rc::Rc;

use http_server_engine::testkit::{Sim, SimServer, Weather};
use http_server_trait::HttpServer;

use crate::case::Case;
use crate::run::{self, Outcome};
use crate::stage::Stage;
use crate::suite::Suite;
use crate::wire::sim::{Cut, Simulated};

/// How many cuts of a long message are tried: all of a short one. `BAYONET_CUTS` says otherwise.
const CUTS: usize = 200;
/// How many seeds of rough weather are tried. `BAYONET_SEEDS` says otherwise.
const SEEDS: u64 = 10;

/// A number from the environment, for runs that are longer than usual.
fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let set = std::env::var(name).ok();
    set.and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

impl Suite {
    /// With every case in the simulation: whole, byte by byte, cut at every point of what the client sends,
    /// and in rough weather of several seeds. On failure the cut and the seed are told.
    pub fn simulator(mut self) -> Self {
        let capabilities = SimServer::new(&Sim::new(0)).capabilities();
        for case in crate::cases::all() {
            if let Some((feature, reason)) = run::why_not(case, &capabilities, &[]) {
                self.skip("sim", case, &format!("{feature}: {reason}"));
                continue;
            }
            self.add("sim", case, move || {
                simulate(
                    case,
                    number("BAYONET_CUTS", CUTS),
                    number("BAYONET_SEEDS", SEEDS),
                )
            });
        }
        self
    }
}

/// Plays a case in the simulation: whole, byte by byte, with what a client sends cut at so many points of a long
/// message or at all of a short one, and in rough weather of so many seeds. Ends with the first run that fails.
pub fn simulate(case: &'static Case, cuts: usize, seeds: u64) -> Outcome {
    let capabilities = SimServer::new(&Sim::new(0)).capabilities();
    if let Some((feature, reason)) = run::why_not(case, &capabilities, &[]) {
        return Outcome::Skipped(format!("{feature}: {reason}"));
    }
    let (verdict, most) = once(case, Cut::Whole, false, 0);
    let told = |verdict: crate::Verdict, how: String| {
        verdict.map_err(|failure| crate::Failure::new(format!("{how}: {failure}")))
    };
    let step = most.div_ceil(cuts.max(1)).max(1);
    let points = (1..most).step_by(step).take(cuts);
    let rest = || -> crate::Verdict {
        told(verdict, "whole".into())?;
        told(
            once(case, Cut::Everywhere, false, 0).0,
            "byte by byte".into(),
        )?;
        for at in points {
            told(once(case, Cut::At(at), false, 0).0, format!("cut at {at}"))?;
        }
        for seed in 1..=seeds {
            told(
                once(case, Cut::Whole, true, seed).0,
                format!("rough weather, seed {seed}"),
            )?;
        }
        Ok(())
    };
    match rest() {
        Ok(()) => Outcome::Passed,
        Err(failure) => Outcome::Failed(failure),
    }
}

/// One run, and the most that a connection has sent in it.
fn once(case: &'static Case, cut: Cut, rough: bool, seed: u64) -> (crate::Verdict, usize) {
    let sim = Sim::new(seed);
    let mut weather = Weather::default();
    weather.rough = rough;
    sim.network().set_weather(weather);
    let stage = Stage::new(1);
    let mut server = SimServer::new(&sim);
    run::prepare(&mut server, case, &stage);
    let afters = run::count_afters(&mut server);
    let started = run::place().and_then(|place| sim.block_on(server.listen(place)));
    let handle = match started {
        Ok(handle) => handle,
        Err(error) => return (Err(crate::Failure::new(error)), 0),
    };
    let most_sent = Rc::new(Cell::new(0));
    let make = {
        let sim = sim.clone();
        Box::new(move || Box::new(SimServer::new(&sim)) as Box<dyn HttpServer>)
    };
    let world = Simulated {
        sim,
        cut,
        most_sent: Rc::clone(&most_sent),
    };
    let verdict = run::play(case, Box::new(world), stage, &handle, make, Some(&afters));
    (verdict, most_sent.get())
}
