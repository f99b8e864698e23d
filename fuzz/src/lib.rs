//! What must hold for any bytes that a client sends.
//!
//! Each function takes bytes and panics if something does not hold. A fuzzer calls them with bytes that it finds
//! (`fuzz/libfuzzer`, see the README beside it); `cargo test` calls them with changed [seeds].

mod answers;
mod connection;
mod reader;
pub mod seeds;

pub use connection::connection;
pub use reader::{chunked, fields, head};

/// A function of this crate.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("head", head),
    ("chunked", chunked),
    ("fields", fields),
    ("connection", connection),
];
