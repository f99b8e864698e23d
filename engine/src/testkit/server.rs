//! A server in a simulation: the same core as every backend's.

use std::io;
use std::sync::Arc;

use http_server_trait::backend::{Inheritance, Passed};
use http_server_trait::{
    Address, AdoptError, App, Capabilities, Config, Feature, HttpServer, Listen, ListenError,
    ListenErrorKind, Place, ServerHandle, Socket, async_trait,
};

use super::net::{MemoryListener, MemoryStream};
use super::sim::Sim;
use crate::net::{Bound, Family};
use crate::server::{self, Backend, Crew, Member};

/// A server in a simulation.
#[derive(Debug)]
pub struct SimServer {
    app: App,
    sim: Sim,
}

impl SimServer {
    /// A server in this simulation.
    pub fn new(sim: &Sim) -> Self {
        SimServer {
            app: App::new(),
            sim: sim.clone(),
        }
    }

    fn crew(&self) -> Crew<Sim> {
        Crew::current(Member {
            runtime: self.sim.clone(),
            exec: Arc::new(self.sim.clone()),
        })
    }
}

#[async_trait]
impl HttpServer for SimServer {
    fn app_mut(&mut self) -> &mut App {
        &mut self.app
    }

    async fn start(&mut self, on: Listen) -> Result<ServerHandle, ListenError> {
        let sim = self.sim.clone();
        let bind = move |place: Socket, _: usize, _: &Config| bind(&sim, place);
        server::start::<Simulated>(self.app.clone(), on, self.crew(), bind).await
    }

    async fn adopt(&mut self, from: Inheritance) -> Result<ServerHandle, AdoptError> {
        server::adopt::<Simulated>(from, &self.app, self.crew()).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all("sim")
            .without(
                Feature::SystemSockets,
                "a simulation has a network of its own",
            )
            .without(Feature::BlockingThreads, "a simulation runs on one thread")
            .without(
                Feature::NativeRuntime,
                "a simulation has no runtime of that name",
            )
    }
}

/// A simulation, as a backend.
struct Simulated;

impl Backend for Simulated {
    const NAME: &'static str = "sim";
    type Runtime = Sim;
    type Socket = MemoryListener;
    type Listener = MemoryListener;
    type Stream = MemoryStream;

    fn listener(socket: MemoryListener, _: Family) -> io::Result<MemoryListener> {
        Ok(socket)
    }

    fn duplicate(socket: &MemoryListener) -> io::Result<Passed> {
        Ok(Passed::Other(Box::new(socket.duplicate())))
    }

    fn socket(passed: Passed) -> Result<MemoryListener, Passed> {
        match passed {
            Passed::Other(listener) => listener
                .downcast::<MemoryListener>()
                .map(|listener| *listener)
                .map_err(Passed::Other),
            passed @ Passed::Descriptor(_) => Err(passed),
        }
    }

    fn stream(passed: Passed, _: Family) -> io::Result<MemoryStream> {
        match passed {
            Passed::Other(stream) => stream
                .downcast::<MemoryStream>()
                .map(|stream| *stream)
                .map_err(|_| server::foreign()),
            Passed::Descriptor(_) => Err(server::foreign()),
        }
    }
}

/// Every place is one of the simulation's network: no socket of the system is opened.
fn bind(sim: &Sim, place: Socket) -> Result<Bound<MemoryListener>, ListenError> {
    let (family, address) = match place.place {
        Place::Tcp(address) => (Family::Tcp, Address::Tcp(address)),
        Place::Unix(path) => (Family::Unix, Address::Unix(path)),
        Place::Host(name) => (Family::Tcp, Address::Memory(name)),
        other => {
            return Err(ListenError::new(
                ListenErrorKind::Unsupported,
                format!("{other:?}"),
            ));
        }
    };
    let named = address.to_string();
    let listener = sim
        .network()
        .listen(address)
        .map_err(|error| ListenError::io(named, error))?;
    let address = listener.address().clone();
    Ok(Bound::new(vec![listener], family, address))
}
