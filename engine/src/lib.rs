//! The HTTP/1.1 engine that the Bayonet backends share.
//!
//! A backend brings listeners, streams, timers and threads; everything that HTTP is happens here, once:
//!
//! | module | is |
//! |---|---|
//! | [`h1`] | the protocol: pure functions and one state machine |
//! | [`connection`] | the one driver of a connection: user code, order, limits, deadlines, the end |

mod budget;
pub mod buffers;
pub mod connection;
mod count;
mod date;
pub mod h1;
pub mod ledger;
mod memory;
pub mod net;
#[cfg(target_os = "linux")]
pub mod reactor;
mod runtime;
pub mod server;
mod service;
pub mod socket;
#[cfg(feature = "testkit")]
pub mod testkit;
mod transport;

pub use buffers::{RecvBuf, SendQueue};
pub use runtime::{Runtime, Timer};
pub use service::Service;
pub use transport::{Close, Detached, Transport};
