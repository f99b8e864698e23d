//! What a case works with: connections, time, the stage, the server's handle.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_server_trait::{Address, Counters, Drain, Report, ServerHandle};

use crate::client::Client;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::wire::World;

/// One run of a case.
pub struct Play {
    pub(crate) world: Box<dyn World>,
    pub(crate) stage: Stage,
    pub(crate) addresses: Vec<Address>,
    /// The server's handle, where the server is in this process.
    pub(crate) handle: Option<ServerHandle>,
    /// Whether the case has ended the server itself.
    pub(crate) ended: bool,
}

impl Play {
    /// Connects to the server.
    pub fn connect(&mut self) -> Result<Client, Failure> {
        self.connect_to(0)
    }

    /// Connects to another of its addresses.
    pub fn connect_to(&mut self, index: usize) -> Result<Client, Failure> {
        let address = self
            .addresses
            .get(index)
            .ok_or("there is no such address")?;
        let wire = self.world.connect(address);
        let wire =
            wire.map_err(|error| Failure::new(format!("connecting to {address} failed: {error}")))?;
        Ok(Client::new(wire))
    }

    /// Whether connecting is refused.
    pub fn is_refused(&mut self) -> bool {
        self.world.connect(&self.addresses[0]).is_err()
    }

    /// Where the server listens.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The client does nothing for so long.
    pub fn pause(&mut self, time: Duration) {
        self.world.pause(time);
    }

    /// What the application notes, and the gates that it waits at.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Waits until the application has noted this.
    pub fn wait_for(&mut self, what: &str) -> Verdict {
        self.wait_for_times(what, 1)
    }

    /// Waits until the application has noted this so often.
    pub fn wait_for_times(&mut self, what: &str, times: usize) -> Verdict {
        let stage = self.stage.clone();
        if self.world.wait_for(&stage, what, times) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{what:?} was not noted {times} times, but this was: {:?}",
            stage.notes()
        )))
    }

    /// Asks for exactly these notes, in this order.
    pub fn noted(&self, notes: &[&str]) -> Verdict {
        let found = self.stage.notes();
        if found == notes {
            return Ok(());
        }
        Err(Failure::new(format!(
            "noted was {found:?}, and should have been {notes:?}"
        )))
    }

    /// The server's handle. Only for cases of the contract: a server elsewhere has none.
    pub fn handle(&self) -> Result<ServerHandle, Failure> {
        self.handle
            .clone()
            .ok_or_else(|| Failure::new("the server is not in this process"))
    }

    /// What the server has counted.
    pub fn counters(&self) -> Result<Counters, Failure> {
        Ok(self.handle()?.counters())
    }

    /// Waits until the server's counts are so.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn(&Counters) -> bool) -> Verdict {
        let handle = self.handle()?;
        if self.world.wait_until(&mut || is_so(&handle.counters())) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "it did not come to this: {what}; the counts are {}",
            handle.counters()
        )))
    }

    /// Begins to end the server, and does not wait.
    pub fn begin_shutdown(&mut self, drain: Drain) -> Verdict {
        self.ended = true;
        self.handle()?.shutdown(drain);
        Ok(())
    }

    /// Waits for the end of the server.
    pub fn report(&mut self) -> Result<Report, Failure> {
        let handle = self.handle()?;
        self.run(handle)
    }

    /// Runs a future of the server's handle.
    pub fn run<T: Send + 'static>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let output = Arc::new(Mutex::new(None));
        let set = Arc::clone(&output);
        let run = Box::pin(async move {
            let value = future.await;
            *set.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        });
        self.world.block_on(run).ok_or("it took too long")?;
        let value = output.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| "it came to no end".into())
    }

    /// Whether time is virtual: pauses cost nothing, and threads that block cannot be used.
    pub fn is_virtual(&self) -> bool {
        self.world.is_virtual()
    }

    /// A time of the case as it really passes.
    pub fn scaled(&self, time: Duration) -> Duration {
        self.stage.scaled(time)
    }
}

impl std::fmt::Debug for Play {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Play")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
