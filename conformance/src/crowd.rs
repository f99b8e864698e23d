//! Random clients, and books that balance whatever they do: the two equations of the ledger (clause T-61) as a
//! property, on real sockets and in a simulation.
//!
//! A seed decides the server's limits and what each client does: valid, invalid, upgraded and pipelined messages, cut
//! into pieces and cut off, slowly, with and without reading, ended by half a close, a reset, a close or a time-out.
//! On failure the seed is told.

mod messages;
mod plan;
#[cfg(feature = "simulator")]
mod simulated;
mod sockets;

#[cfg(feature = "simulator")]
pub use simulated::simulate;
pub use sockets::run;

use std::sync::Once;

use http_server_trait::{AbortReason, CloseReason, Counters};

/// Choices that a seed makes.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*: the same everywhere.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).unwrap_or(0) % bound.max(1)
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// What must hold at a quiet point: both equations, and the server has made no mistake of its own.
fn check(counters: &Counters) -> Result<(), String> {
    if !counters.balances() {
        return Err(format!("the books do not balance: {counters}"));
    }
    let faults =
        counters.closed(CloseReason::ServerError) + counters.aborted(AbortReason::ServerError);
    if faults > 0 {
        return Err(format!("the server failed: {counters}"));
    }
    Ok(())
}

/// What must hold when all is over: nothing is left, either.
fn check_end(counters: &Counters, connected: u64) -> Result<(), String> {
    check(counters)?;
    if counters.open + counters.active > 0 || counters.accepted > connected {
        return Err(format!("of {connected} connections: {counters}"));
    }
    Ok(())
}

/// A number from the environment, for runs that are longer than usual.
fn number(name: &str, otherwise: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

/// Panics of the application are part of it: they are not written out. All others are.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let other = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref() != Some(&messages::PANIC) {
                other(panic);
            }
        }));
    });
}
