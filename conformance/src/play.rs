//! What a case works with: connections, time, the stage, the server's handle.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_server_trait::backend::Latch;
use http_server_trait::{
    Address, AdoptError, App, Config, Counters, Drain, HttpServer, IntoListen, ListenError,
    ReplaceError, Report, ServerHandle, Stream,
};

use crate::another::Another;
use crate::client::Client;
use crate::failure::{Collected, Failure, Variant, Verdict};
use crate::judge::{Foreign, Judge, NO_ECHO};
use crate::paths::Folder;
use crate::run::{self, Afters};
use crate::stage::Stage;
use crate::wire::{World, memory};

/// Makes servers of the backend that a case is played against.
pub(crate) type Make = Box<dyn Fn() -> Box<dyn HttpServer>>;

/// One run of a case.
pub struct Play {
    pub(crate) world: Box<dyn World>,
    pub(crate) stage: Stage,
    pub(crate) addresses: Vec<Address>,
    pub(crate) judge: Judge,
    /// The server's handle, where the server is in this process.
    pub(crate) handle: Option<ServerHandle>,
    /// Makes further servers, where servers are in this process.
    pub(crate) make: Option<Make>,
    /// The further servers that the case has started.
    pub(crate) others: Vec<ServerHandle>,
    /// Servers that go on with the first one's application.
    pub(crate) successors: Vec<ServerHandle>,
    /// The calls of `after`, where they are counted.
    pub(crate) afters: Option<Afters>,
    /// Where Unix sockets of the case are.
    pub(crate) folder: Option<Folder>,
}

impl Play {
    /// Connects to the server.
    pub fn connect(&mut self) -> Result<Client, Failure> {
        self.connect_to(0)
    }

    /// As [`connect`](Play::connect); what comes is read as it is asked for, and the operating system keeps
    /// little of it.
    pub(crate) fn connect_with_little_room(&mut self) -> Result<Client, Failure> {
        let mut client = self.connect()?;
        client.keep_little()?;
        Ok(client)
    }

    /// Connects to another of its addresses.
    pub fn connect_to(&mut self, index: usize) -> Result<Client, Failure> {
        let address = self
            .addresses
            .get(index)
            .ok_or("there is no such address")?;
        self.connect_at(&address.clone())
    }

    /// Connects to an address of another server.
    pub fn connect_at(&mut self, address: &Address) -> Result<Client, Failure> {
        if self.judge.foreign().is_some_and(Foreign::is_over) {
            return Err(Failure::out_of_time());
        }
        let wire = self.world.connect(address);
        let wire =
            wire.map_err(|error| Failure::new(format!("connecting to {address} failed: {error}")))?;
        Ok(Client::new(wire, self.judge.clone()))
    }

    /// Tries each of these; a failure says which it was. Of a server that is somebody else's all failures are
    /// told, not only the first.
    pub(crate) fn each<T: Variant>(
        &mut self,
        variants: impl IntoIterator<Item = T>,
        mut try_it: impl FnMut(&mut Play, &T) -> Verdict,
    ) -> Verdict {
        let mut collected = Collected::default();
        for variant in variants {
            let verdict = try_it(self, &variant).map_err(|failure| failure.about(variant.told()));
            if self.judge.foreign().is_none() {
                verdict?;
            } else if !collected.take(verdict) {
                break;
            }
        }
        collected.verdict()
    }

    /// Whether the server is somebody else's: then nothing is known of its application but its routes.
    pub fn is_foreign(&self) -> bool {
        self.judge.foreign().is_some()
    }

    /// The case needs a route that sends content back.
    pub(crate) fn needs_echo(&self) -> Verdict {
        match self.judge.foreign() {
            Some(foreign) if foreign.is_blind() => Err(Failure::not_applicable(NO_ECHO)),
            _ => Ok(()),
        }
    }

    /// Whether connecting is refused.
    pub fn is_refused(&mut self) -> bool {
        self.refuses(&self.addresses[0].clone())
    }

    /// Whether connecting to this address is refused.
    pub fn refuses(&mut self, address: &Address) -> bool {
        self.world.connect(address).is_err()
    }

    /// Waits until connecting to this address is refused.
    pub fn wait_until_refused(&mut self, address: &Address) -> Verdict {
        for _ in 0..MANY {
            if self.refuses(address) {
                return Ok(());
            }
            self.pause(Duration::from_millis(100));
        }
        Err(Failure::new(format!("{address} goes on accepting")))
    }

    /// A connection that no listener has accepted: the client's end, and what is to be handed to a server.
    pub fn connect_by_hand(&mut self) -> (Client, impl Stream + use<>) {
        let (stream, end) = memory::pair();
        let client = Client::new(self.world.attend(end), self.judge.clone());
        (client, stream)
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

    /// Waits until there are so many notes.
    pub fn wait_for_notes(&mut self, number: usize) -> Verdict {
        let stage = self.stage.clone();
        if self.world.wait_until(&mut || stage.notes().len() >= number) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "there are not {number} notes, but these: {:?}",
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
        let handle = self.handle.clone();
        handle.ok_or_else(|| Failure::not_applicable("it needs the server in this process"))
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

    /// Waits until these servers have had so many requests in all; says whether they have.
    pub fn wait_for_sum(&mut self, servers: &[&ServerHandle], requests: u64) -> bool {
        let sum = || {
            servers
                .iter()
                .map(|server| server.counters().requests)
                .sum::<u64>()
        };
        self.world.wait_until(&mut || sum() == requests)
    }

    /// Begins to end the server, and does not wait.
    pub fn begin_shutdown(&mut self, drain: Drain) -> Verdict {
        self.handle()?.shutdown(drain);
        Ok(())
    }

    /// Waits for the end of the server.
    pub fn report(&mut self) -> Result<Report, Failure> {
        self.report_of(&self.handle()?)
    }

    /// Waits for the end of another server.
    pub fn report_of(&mut self, handle: &ServerHandle) -> Result<Report, Failure> {
        self.run(handle.clone())
    }

    /// Ends a server, and waits for that.
    pub fn end(&mut self, handle: &ServerHandle, drain: Drain) -> Result<Report, Failure> {
        handle.shutdown(drain);
        self.report_of(handle)
    }

    /// Another server of the same backend, which is not started: with this application, its times as they
    /// really pass.
    pub fn server(&mut self, install: impl FnOnce(&mut App, &Stage)) -> Result<Another, Failure> {
        let make = self.make.as_ref();
        let make = make.ok_or("the server is not in this process")?;
        let mut server = Another::new(make());
        let app = server.app_mut();
        app.config_mut().workers = Some(run::WORKERS);
        install(app, &self.stage);
        let config: &mut Config = app.config_mut();
        run::scale(config, &self.stage);
        Ok(server)
    }

    /// Starts another server. It is ended with the case, and then its books are looked at.
    pub fn start(
        &mut self,
        server: &mut Another,
        on: impl IntoListen,
    ) -> Result<ServerHandle, Failure> {
        self.try_start(server, on)?.map_err(Failure::new)
    }

    /// Tries to start another server.
    pub fn try_start(
        &mut self,
        server: &mut Another,
        on: impl IntoListen,
    ) -> Result<Result<ServerHandle, ListenError>, Failure> {
        let starting = self.begin_start(server, on)?;
        self.started(&starting, server)
    }

    /// Begins to start another server, and does not wait.
    pub fn begin_start(
        &mut self,
        server: &mut Another,
        on: impl IntoListen,
    ) -> Result<Starting, Failure> {
        let mut server = server.take()?;
        let on = on.into_listen().map_err(Failure::new)?;
        let starting = Starting::default();
        let started = starting.clone();
        self.world.spawn(Box::pin(async move {
            let outcome = server.start(on).await;
            *lock(&started.outcome) = Some((server, outcome));
            started.done.set(());
        }));
        Ok(starting)
    }

    /// Waits until a server has been started, or has not.
    pub fn started(
        &mut self,
        starting: &Starting,
        server: &mut Another,
    ) -> Result<Result<ServerHandle, ListenError>, Failure> {
        self.run(starting.done.waiting())?;
        let outcome = lock(&starting.outcome).take();
        let (back, outcome) = outcome.ok_or("the server has been started already")?;
        server.put_back(back);
        if let Ok(handle) = &outcome {
            self.others.push(handle.clone());
        }
        Ok(outcome)
    }

    /// Asks the first server to move to another one, which is ended with the case.
    pub fn handover(
        &mut self,
        to: &mut Another,
    ) -> Result<Result<ServerHandle, AdoptError>, Failure> {
        let handle = self.handle()?;
        self.handover_of(&handle, to)
    }

    /// Asks this server to move to another one, which is ended with the case.
    pub fn handover_of(
        &mut self,
        from: &ServerHandle,
        to: &mut Another,
    ) -> Result<Result<ServerHandle, AdoptError>, Failure> {
        let (handle, mut server) = (from.clone(), to.take()?);
        let (server, outcome) = self.run(async move {
            let outcome = handle.handover(server.as_mut()).await;
            (server, outcome)
        })?;
        to.put_back(server);
        if let Ok(new) = &outcome {
            self.successors.push(new.clone());
        }
        Ok(outcome)
    }

    /// Gives the first server another application.
    pub fn replace(
        &mut self,
        install: impl FnOnce(&mut App, &Stage),
    ) -> Result<Result<u64, ReplaceError>, Failure> {
        let handle = self.handle()?;
        let app = self.app(install);
        self.run(async move { handle.replace_app(app).await })
    }

    /// Tries another application in this server.
    pub fn canary_of(
        &mut self,
        handle: &ServerHandle,
        percent: u8,
        install: impl FnOnce(&mut App, &Stage),
    ) -> Result<Result<u64, ReplaceError>, Failure> {
        let handle = handle.clone();
        let app = self.app(install);
        self.run(async move { handle.canary(app, percent).await })
    }

    /// An application for a server that runs. What it is told `after` counts, too.
    pub fn app(&self, install: impl FnOnce(&mut App, &Stage)) -> App {
        let mut app = App::new();
        install(&mut app, &self.stage);
        if let Some(afters) = &self.afters {
            afters.count_in(&mut app);
        }
        app
    }

    /// Waits until this is so.
    pub fn wait_so(&mut self, what: &str, mut is_so: impl FnMut() -> bool) -> Verdict {
        if self.world.wait_until(&mut is_so) {
            return Ok(());
        }
        Err(Failure::new(format!("it did not come to this: {what}")))
    }

    /// A path for a Unix socket of this case. Its folder is there, and is removed with all that is in it.
    pub fn unix_path(&mut self) -> Result<String, Failure> {
        let is_virtual = self.is_virtual();
        let folder = match &mut self.folder {
            Some(folder) => folder,
            none if is_virtual => none.insert(Folder::imagined()),
            none => none.insert(Folder::new()?),
        };
        Ok(folder.next())
    }

    /// Runs a future in the background.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        self.world.spawn(Box::pin(future));
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
            *lock(&set) = Some(value);
        });
        self.world.block_on(run).ok_or("it took too long")?;
        let value = lock(&output).take();
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

/// A server that is being started.
#[derive(Clone, Default)]
pub struct Starting {
    outcome: Arc<Mutex<Option<Outcome>>>,
    done: Latch<()>,
}

type Outcome = (Box<dyn HttpServer>, Result<ServerHandle, ListenError>);

impl std::fmt::Debug for Starting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Starting")
            .field("done", &self.done.is_set())
            .finish_non_exhaustive()
    }
}

/// How often something is tried that must come to pass.
const MANY: u32 = 2000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
