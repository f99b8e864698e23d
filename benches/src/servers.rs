//! The backends, and how one is started.

use std::io;
use std::net::SocketAddr;

use http_server_trait::{Drain, HttpServer, ServerHandle, block_on};

use crate::app::app;
use crate::cores;
use crate::floor;
#[cfg(feature = "peers")]
use crate::peers::Peer;
use crate::work::Work;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// What answers without reading.
    Floor,
    /// A backend with threads of its own: `Server::new()`.
    Own(Runtime),
    /// The same as [`Server::Own`] once more: what the two differ by is noise.
    Again(Runtime),
    /// Somebody else's server.
    #[cfg(feature = "peers")]
    Peer(Peer),
    /// A backend on the runtime around it, with that runtime's own I/O: `Server::current()`.
    Current(Runtime),
}

/// The runtimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// tokio.
    Tokio,
    /// async-std.
    AsyncStd,
    /// smol.
    Smol,
}

/// All of them, in the order of the table.
pub const ALL: &[Server] = &[
    Server::Floor,
    Server::Own(Runtime::Tokio),
    Server::Again(Runtime::Tokio),
    Server::Current(Runtime::Tokio),
    Server::Own(Runtime::AsyncStd),
    Server::Current(Runtime::AsyncStd),
    Server::Own(Runtime::Smol),
    Server::Current(Runtime::Smol),
    #[cfg(feature = "peers")]
    Server::Peer(Peer::Hyper),
    #[cfg(feature = "peers")]
    Server::Peer(Peer::Axum),
    #[cfg(feature = "peers")]
    Server::Peer(Peer::Actix),
];

/// Those whose cost is followed while the work grows.
pub const FOLLOWED: &[Server] = &[
    Server::Floor,
    Server::Own(Runtime::Tokio),
    Server::Again(Runtime::Tokio),
    Server::Own(Runtime::AsyncStd),
    Server::Own(Runtime::Smol),
];

/// Variables that give the process-wide executors one thread, as every server here has one. They are read
/// when such an executor is first used.
pub const ONE_THREAD: [(&str, &str); 2] = [("SMOL_THREADS", "1"), ("ASYNC_STD_THREAD_COUNT", "1")];

impl Server {
    /// Its name, in Criterion's and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Server::Floor => "floor",
            Server::Own(Runtime::Tokio) => "tokio",
            Server::Current(Runtime::Tokio) => "tokio-current",
            Server::Own(Runtime::AsyncStd) => "async-std",
            Server::Current(Runtime::AsyncStd) => "async-std-current",
            Server::Own(Runtime::Smol) => "smol",
            Server::Current(Runtime::Smol) => "smol-current",
            Server::Again(Runtime::Tokio) => "tokio-again",
            Server::Again(Runtime::AsyncStd) => "async-std-again",
            Server::Again(Runtime::Smol) => "smol-again",
            #[cfg(feature = "peers")]
            Server::Peer(peer) => peer.name(),
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Server> {
        ALL.iter().copied().find(|server| server.name() == name)
    }

    /// Starts it in this process, with one worker.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn start(self, work: &Work) -> io::Result<Running> {
        // A backend takes its limit of connections from that of descriptors.
        cores::descriptors();
        match self {
            Server::Floor => Ok(Running {
                address: floor::start(work)?,
                server: None,
            }),
            Server::Own(Runtime::Tokio) | Server::Again(Runtime::Tokio) => {
                listen(work, backend_tokio::Server::new(), None)
            }
            Server::Own(Runtime::AsyncStd) | Server::Again(Runtime::AsyncStd) => {
                listen(work, backend_asyncstd::Server::new(), None)
            }
            Server::Own(Runtime::Smol) | Server::Again(Runtime::Smol) => {
                listen(work, backend_smol::Server::new(), None)
            }
            #[cfg(feature = "peers")]
            Server::Peer(peer) => Ok(Running {
                address: peer.start()?,
                server: None,
            }),
            Server::Current(Runtime::Tokio) => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()?;
                let server = {
                    let _around = runtime.enter();
                    backend_tokio::Server::current()
                };
                listen(work, server, Some(runtime))
            }
            Server::Current(Runtime::AsyncStd) => {
                listen(work, backend_asyncstd::Server::current(), None)
            }
            Server::Current(Runtime::Smol) => listen(work, backend_smol::Server::current(), None),
        }
    }
}

/// A server that has started.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    server: Option<(ServerHandle, Option<tokio::runtime::Runtime>)>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it. The floor and the servers of others end with the process.
    pub fn stop(self) {
        if let Some((handle, runtime)) = self.server {
            handle.shutdown(Drain::default()).wait();
            drop(runtime);
        }
    }
}

fn listen(
    work: &Work,
    mut server: impl HttpServer,
    runtime: Option<tokio::runtime::Runtime>,
) -> io::Result<Running> {
    *server.app_mut() = app();
    let config = server.app_mut().config_mut();
    config.workers = Some(1);
    work.configure(config);
    let handle = block_on(server.listen("127.0.0.1:0")).map_err(io::Error::other)?;
    let address = handle.address().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(Running {
        address,
        server: Some((handle, runtime)),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ALL, Server};
    use crate::client::{Client, ask_once};
    use crate::work::Work;

    #[test]
    fn every_server_does_all_the_work() {
        for &server in ALL {
            for work in Work::all() {
                let what = format!("{} on {}", work.name, server.name());
                let running = server.start(&work).unwrap();
                let content = ask_once(&work, running.address()).unwrap();
                assert!(content == work.content(), "{what}");
                let mut client = Client::new(&work, running.address()).unwrap();
                let asked = (work.connections * work.pipelined) as u64;
                assert_eq!(client.run(Duration::ZERO).unwrap(), asked, "{what}");
                assert!(client.run(Duration::from_millis(5)).unwrap() >= asked);
                drop(client);
                running.stop();
            }
        }
    }

    #[test]
    fn names_find_their_servers() {
        for &server in ALL {
            assert_eq!(Server::named(server.name()), Some(server));
        }
        assert_eq!(Server::named("nginx"), None);
    }
}
