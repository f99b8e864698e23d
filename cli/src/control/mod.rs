//! Looking at a running demo and steering it, from another terminal: `status`, `swap`, `drain`.
//!
//! The demo answers on a second, small server of its own, which is written on the public API like any other
//! application. It listens on a Unix socket that only its owner may use, or on a loopback address with a token.

mod args;
mod client;
mod commands;
mod place;
mod server;
mod token;

pub(crate) use args::{Drain, Status, Swap};
pub(crate) use commands::{drain, status, swap};
pub(crate) use place::{Place, named_or_set};
pub(crate) use server::{Control, refusal, swapped};
pub(crate) use token::{random, same};
