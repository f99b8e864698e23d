//! Tests without sockets and without waiting: a virtual clock, an executor that follows it, an in-memory
//! network with weather, and a server on all of these.
//!
//! Everything runs on one thread and is decided by one seed: the same seed gives the same run, to the byte.
//!
//! ```
//! use http_server_engine::testkit::{Sim, SimServer};
//! use http_server_trait::{HttpServer, Request};
//! use std::time::Duration;
//!
//! let sim = Sim::new(7);
//! let mut server = SimServer::new(&sim);
//! server.handler(|request: Request| async move {
//!     request.exec().sleep(Duration::from_secs(3600)).await;
//!     "an hour later"
//! });
//! let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
//! let mut client = sim.connect(&handle.addresses()[0]).unwrap();
//! client.send(b"GET / HTTP/1.1\r\nHost: sim\r\n\r\n");
//! sim.run();
//! assert!(client.receive().is_empty(), "it takes an hour, and none has passed");
//! sim.advance(Duration::from_secs(3600));
//! assert!(client.receive().ends_with(b"an hour later"));
//! ```

mod net;
mod server;
mod sim;

pub use net::{Client, MemoryListener, MemoryStream, Network, Weather, take};
pub use server::SimServer;
pub use sim::{Sim, SimTimer};
