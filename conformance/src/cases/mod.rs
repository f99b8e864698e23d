//! The cases, by what they are about.

mod application;
mod bodies;
mod connections;
mod expect;
mod failures;
mod fields;
mod framing;
mod generations;
mod handover;
mod hooks;
mod lifecycle;
mod limits;
mod listeners;
mod messages;
mod methods;
mod outcomes;
mod requests;
mod succession;
mod table;
mod takeover;
mod times;

use crate::case::Case;

/// The cases of every file.
const ALL: &[&[Case]] = &[
    messages::CASES,
    fields::CASES,
    framing::CASES,
    methods::CASES,
    application::CASES,
    expect::CASES,
    connections::CASES,
    limits::CASES,
    times::CASES,
    table::CASES,
    hooks::CASES,
    requests::CASES,
    outcomes::CASES,
    failures::CASES,
    bodies::CASES,
    takeover::CASES,
    lifecycle::CASES,
    handover::CASES,
    succession::CASES,
    generations::CASES,
    listeners::CASES,
];

/// Every case.
pub fn all() -> impl Iterator<Item = &'static Case> {
    ALL.iter().copied().flatten()
}
