//! Named cases that hold every backend to identical behaviour.
//!
//! A [`Case`] is a sentence, the requirements that it holds, and a script: connect, send these bytes, pause,
//! half-close, expect this. It is played against a fresh server of each backend on real sockets, with all times
//! scaled down alike, and in a simulation with virtual time, whole and cut at every byte. After each case the
//! server is ended and its ledger must balance.
//!
//! To hold a backend of your own to it, depend on this crate for tests and see [`Suite`].

mod another;
mod answer;
mod case;
pub mod cases;
mod client;
pub mod crowd;
pub mod descriptors;
mod exchange;
mod failure;
mod judge;
mod paths;
mod play;
pub mod remote;
pub mod requirements;
pub mod routes;
mod run;
#[cfg(feature = "simulator")]
mod simulator;
mod stage;
mod suite;
mod wire;

pub use another::Another;
pub use answer::Answer;
pub use case::{Case, Level, Serves};
pub use client::Client;
pub use exchange::{Exchange, Piece, Step};
pub use failure::{Failure, Verdict};
pub use play::{Play, Starting};
pub use run::Outcome;
#[cfg(feature = "simulator")]
pub use simulator::simulate;
pub use stage::Stage;
pub use suite::{Played, SCALE, Suite};
