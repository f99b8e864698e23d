//! Applications of a running server, one after the other.

use std::fmt;

/// An application of a running server: see [`ServerHandle::generations`](crate::ServerHandle::generations).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// Its number: 1 is the application that the server was started with.
    pub number: u64,
    /// How many of a hundred new requests go to it. One that has 0 only finishes what it has begun.
    pub percent: u8,
}

impl Generation {
    /// A generation. For authors of backends.
    pub fn new(number: u64, percent: u8) -> Self {
        Generation { number, percent }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} %)", self.number, self.percent)
    }
}
