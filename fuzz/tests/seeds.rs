//! A short run of every target, the same everywhere.

use bayonet_fuzz::TARGETS;
use bayonet_fuzz::seeds::{Choices, SEEDS};

/// How many inputs each target gets. A fuzzer runs for longer: see the README.
const INPUTS: usize = 10_000;

fn run(name: &str) {
    let target = TARGETS
        .iter()
        .find(|target| target.0 == name)
        .map(|target| target.1);
    let target = target.expect("there is such a target");
    for seed in SEEDS {
        target(seed.as_bytes());
    }
    let mut choices = Choices::new(name.len() as u64);
    for _ in 0..INPUTS {
        target(&choices.input());
    }
}

#[test]
fn head() {
    run("head");
}

#[test]
fn chunked() {
    run("chunked");
}

#[test]
fn fields() {
    run("fields");
}

#[test]
fn connection() {
    run("connection");
}
