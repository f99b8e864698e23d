//! Servers with one rule bent each, and the cases that notice.
//!
//! The build script copies the trait, the engine and the conformance suite into this one crate and makes every
//! rule of the [`table`] a choice at run time: the rule as it is, or bent. So one compilation holds all mutants,
//! and the sources that are copied know nothing of them. `tests/table.rs` plays them in the simulation.

pub mod edit;
pub mod play;
pub mod switch;
pub mod table;

#[allow(
    warnings,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "copies, with rules bent; the originals are looked at where they are"
)]
mod copies {
    include!(concat!(env!("OUT_DIR"), "/bent/lib.rs"));
}
