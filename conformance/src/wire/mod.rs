//! How cases reach a server: by sockets, or in a simulation.

pub(crate) mod memory;
pub(crate) mod remote;
#[cfg(feature = "simulator")]
pub(crate) mod sim;
pub(crate) mod socket;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_server_trait::{Address, BoxFuture};

use crate::stage::Stage;

/// One way to reach a server.
pub(crate) trait World {
    /// Connects.
    fn connect(&mut self, to: &Address) -> io::Result<Box<dyn Wire>>;
    /// The client's end of a connection in memory.
    fn attend(&mut self, end: memory::ClientEnd) -> Box<dyn Wire>;
    /// Lets so much of a case's time pass.
    fn pause(&mut self, time: Duration);
    /// Waits until something has been noted so often; says whether it has.
    fn wait_for(&mut self, stage: &Stage, what: &str, times: usize) -> bool;
    /// Waits until a question about the server is answered with yes; says whether it was.
    fn wait_until(&mut self, is_so: &mut dyn FnMut() -> bool) -> bool;
    /// Runs a future in the background.
    fn spawn(&mut self, future: BoxFuture<'static, ()>);
    /// Runs a future of the server's handle. `None` if it takes for ever.
    fn block_on(&mut self, future: BoxFuture<'static, ()>) -> Option<()>;
    /// Whether time is virtual: then waiting costs nothing, and blocking threads cannot be used.
    fn is_virtual(&self) -> bool;
}

/// One connection.
pub(crate) trait Wire {
    /// Sends all of these bytes, or as many as the server takes within a while; says how many.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Waits for bytes for at most so much of a case's time.
    fn receive(&mut self, wait: Duration) -> Received;
    /// Ends the client's side.
    fn end(&mut self) -> io::Result<()>;
    /// Resets the connection.
    fn reset(&mut self);
    /// The address of the client's end, if it has one.
    fn address(&self) -> Option<SocketAddr> {
        None
    }
    /// Has the operating system keep little of what comes until it is read, so that reading a little of it
    /// makes room. Where it keeps as much as it likes, a window may stay shut until much has been read.
    fn keep_little(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a wait for bytes has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Bytes(Vec<u8>),
    /// The server has ended its side.
    End,
    /// The connection was reset.
    Reset,
    /// Nothing came.
    Nothing,
}
