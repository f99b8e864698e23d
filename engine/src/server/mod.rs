//! Servers: binding, workers, accepting, draining. What backends have in common.

mod accept;
mod arrive;
mod backend;
mod by_hand;
mod core;
mod crew;
mod drain;
mod foreign;
mod generations;
mod guests;
mod pace;
mod serve;
mod table;

use std::future::Future;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use http_server_trait::backend::{Execute, Inheritance, Inherited, Latch, Pipeline};
use http_server_trait::{
    Address, AdoptError, AdoptErrorKind, App, Config, Exec, Listen, ListenError, ListenErrorKind,
    Progress, ServerHandle, Socket,
};

use crate::ledger::Ledger;
use crate::net::{Bound, Family, OwnPath};
use crate::runtime::Runtime;
use accept::accept_loop;
use arrive::arrive;
pub use backend::{Backend, Listener, Member, descriptor, duplicate, foreign};
use by_hand::ByHand;
use core::{Core, Duplicate};
pub use crew::Crew;
use drain::drain;
use generations::Troupe;

/// How many workers this configuration asks for.
pub fn workers(config: &Config) -> usize {
    let default = || std::thread::available_parallelism().map_or(1, usize::from);
    config.workers.unwrap_or_else(default).max(1)
}

/// Starts a server: binds, runs the start hooks on the first worker, and accepts on all of them. `bind` is
/// [`net::bind`](crate::net::bind), where sockets are the system's.
///
/// # Errors
/// As [`HttpServer::start`](http_server_trait::HttpServer::start) says. Nothing is left bound, and no thread
/// of the crew is left.
pub async fn start<B: Backend>(
    app: App,
    on: Listen,
    crew: Crew<B::Runtime>,
    bind: impl Fn(Socket, usize, &Config) -> Result<Bound<B::Socket>, ListenError>,
) -> Result<ServerHandle, ListenError>
where
    B::Runtime: Sync,
{
    let by_hand = on.is_by_hand();
    let workers = if by_hand { 1 } else { crew.len() };
    let bound = on
        .into_sockets()
        .into_iter()
        .map(|socket| bind(socket, workers, app.config()));
    let bound = match bound.collect::<Result<Vec<_>, _>>() {
        Ok(bound) => bound,
        Err(error) => return Err(give_up(crew, error)),
    };
    let troupe = match start_hooks::<B>(&crew, app, &bound).await {
        Ok(pipeline) => Troupe::new(pipeline),
        Err(error) => return Err(give_up(crew, error)),
    };
    let numbers = Arc::default();
    let core = launch::<B>(troupe, bound, by_hand, crew, numbers).await?;
    Ok(ServerHandle::new(core))
}

/// Runs the start hooks in the runtime that will serve.
async fn start_hooks<B: Backend>(
    crew: &Crew<B::Runtime>,
    app: App,
    bound: &[Bound<B::Socket>],
) -> Result<Pipeline, ListenError> {
    let addresses: Vec<_> = bound.iter().map(|bound| bound.address.clone()).collect();
    let exec = Exec::new(Arc::clone(&crew.exec));
    on_runtime(crew.members[0].exec.as_ref(), async move {
        Pipeline::start(app, B::NAME, exec, &addresses).await
    })
    .await?
}

/// Runs something on a runtime, and waits for it there and here.
async fn on_runtime<T: Send + 'static>(
    exec: &dyn Execute,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, ListenError> {
    let done = Latch::new();
    let setter = Setter(done.clone());
    let run = async move {
        let output = future.await;
        setter.set(output);
    };
    exec.spawn(Box::pin(run));
    let cell = done.waiting().await;
    let output = cell.lock().unwrap_or_else(PoisonError::into_inner).take();
    output.ok_or_else(|| ListenError::new(ListenErrorKind::NoRuntime, "serving"))
}

type Cell<T> = Arc<Mutex<Option<T>>>;

/// Says what came out, or that nothing will because the runtime has dropped it.
struct Setter<T>(Latch<Cell<T>>);

impl<T> Setter<T> {
    fn set(self, value: T) {
        self.0.set(Arc::new(Mutex::new(Some(value))));
    }
}

impl<T> Drop for Setter<T> {
    fn drop(&mut self) {
        self.0.set(Arc::new(Mutex::new(None)));
    }
}

/// Ends the threads of a server that did not start.
fn give_up<R>(crew: Crew<R>, error: ListenError) -> ListenError {
    crew.threads.join();
    error
}

/// Takes over a running server: see [`HttpServer::adopt`](http_server_trait::HttpServer::adopt). `own` is what
/// the successor was given itself.
///
/// # Errors
/// As `adopt` says. Nothing of the running server has changed then, and no thread of the crew is left.
pub async fn adopt<B: Backend>(
    from: Inheritance,
    own: &App,
    crew: Crew<B::Runtime>,
) -> Result<ServerHandle, AdoptError>
where
    B::Runtime: Sync,
{
    let exec = Exec::new(Arc::clone(&crew.exec));
    let progress = Progress::new();
    let go_on = |pipeline: &Pipeline| pipeline.continued(own, B::NAME, &exec, &progress);
    let canary = from.canary.map(|(canary, percent)| {
        let canary = go_on(&canary)?;
        Ok((Arc::new(canary), percent))
    });
    let troupe = match (go_on(&from.pipeline), canary.transpose()) {
        (Ok(pipeline), Ok(canary)) => Troupe {
            pipeline: Arc::new(pipeline),
            canary,
            generations: from.generations,
            tasks: exec.tasks(),
            is_new: false,
        },
        (Err(error), _) | (_, Err(error)) => {
            crew.threads.join();
            return Err(error);
        }
    };
    let workers = crew.len();
    let places = from
        .listeners
        .into_iter()
        .map(|place| inherited::<B>(place, workers));
    let bound = match places.collect::<io::Result<Vec<_>>>() {
        Ok(bound) => bound,
        Err(error) => {
            crew.threads.join();
            return Err(AdoptError::new(AdoptErrorKind::Start).with_source(error));
        }
    };
    let execs: Vec<_> = crew
        .members
        .iter()
        .map(|member| Arc::clone(&member.exec))
        .collect();
    let core = launch::<B>(troupe, bound, false, crew, from.numbers)
        .await
        .map_err(|error| AdoptError::new(AdoptErrorKind::Start).with_source(error))?;
    // From here on it is decided: nothing is waited for any more.
    core.exec.follow(&exec);
    let arriving = arrive::<B>(Arc::clone(&core), from.parked, execs.clone());
    execs[0].spawn(Box::pin(arriving));
    Ok(ServerHandle::new(core))
}

/// The error of a successor whose threads, or whose runtime, are not there.
pub fn no_crew(error: ListenError) -> AdoptError {
    AdoptError::new(AdoptErrorKind::Start).with_source(error)
}

/// The sockets of a place, at least one for each worker.
fn inherited<B: Backend>(place: Inherited, workers: usize) -> io::Result<Bound<B::Socket>> {
    let sockets = place.sockets.into_iter();
    let sockets = sockets.map(|passed| B::socket(passed).map_err(|_| backend::foreign()));
    let mut sockets = sockets.collect::<io::Result<Vec<_>>>()?;
    let all = sockets.len();
    while all > 0 && sockets.len() < workers {
        let again = B::duplicate(&sockets[sockets.len() % all])?;
        sockets.push(B::socket(again).map_err(|_| backend::foreign())?);
    }
    let (family, path) = match &place.address {
        Address::Unix(path) => (Family::Unix, Some(path)),
        _ => (Family::Tcp, None),
    };
    let path = path.filter(|_| place.owns_path);
    Ok(Bound {
        sockets,
        family,
        path: path.and_then(|path| OwnPath::taken_over(path)),
        address: place.address,
    })
}

/// Registers the sockets with the workers and begins to accept.
async fn launch<B: Backend>(
    troupe: Troupe,
    bound: Vec<Bound<B::Socket>>,
    by_hand: bool,
    crew: Crew<B::Runtime>,
    numbers: Arc<AtomicU64>,
) -> Result<Arc<Core<B::Runtime>>, ListenError>
where
    B::Runtime: Sync,
{
    let addresses: Vec<_> = bound.iter().map(|bound| bound.address.clone()).collect();
    let runtimes = crew
        .members
        .iter()
        .map(|member| member.runtime.clone())
        .collect();
    let desk = by_hand.then(ByHand::default);
    let is_new = troupe.is_new;
    let core = Core::new(
        troupe,
        addresses,
        Arc::new(Ledger::default()),
        runtimes,
        desk.clone(),
        numbers,
    );
    let core = Arc::new(core);
    // Where that is not possible there is nothing to hand over, and that is said when somebody asks.
    let shelf = bound.iter().map(shelved::<B>).collect::<io::Result<_>>();
    *core.shelf.lock().unwrap_or_else(PoisonError::into_inner) = shelf.unwrap_or_default();
    let mut paths = Vec::new();
    let workers = crew.len();
    let mut sockets: Vec<Vec<(usize, B::Socket, Family)>> =
        crew.members.iter().map(|_| Vec::new()).collect();
    for (index, bound) in bound.into_iter().enumerate() {
        paths.extend(bound.path);
        for (number, socket) in bound.sockets.into_iter().enumerate() {
            // A predecessor may have had more workers, and each socket has a queue of its own.
            sockets[number % workers].push((index, socket, bound.family));
        }
    }
    for (worker, sockets) in sockets.into_iter().enumerate() {
        // One desk is enough, and two would wake each other's clerk.
        let desk = desk.clone().filter(|_| worker == 0);
        let core_there = Arc::clone(&core);
        let accepting = async move { accept_on::<B>(core_there, worker, sockets, desk) };
        let registered = on_runtime(crew.members[worker].exec.as_ref(), accepting)
            .await
            .and_then(|registered| registered);
        if let Err(error) = registered {
            // Workers before this one may accept already.
            core.stops_accepting.set(());
            for application in core.stage.close() {
                // One that has come from another server goes on there.
                if is_new {
                    application.stop().await;
                }
            }
            return Err(give_up(crew, error));
        }
    }
    let Crew {
        members, threads, ..
    } = crew;
    members[0]
        .exec
        .spawn(Box::pin(drain(Arc::clone(&core), threads, paths)));
    Ok(core)
}

/// What makes duplicates of the sockets of a place, as long as the server accepts on them.
fn shelved<B: Backend>(bound: &Bound<B::Socket>) -> io::Result<Duplicate> {
    let again = |socket| B::socket(B::duplicate(socket)?).map_err(|_| backend::foreign());
    let sockets = bound.sockets.iter().map(again);
    let sockets = sockets.collect::<io::Result<Vec<_>>>()?;
    let (address, owns_path) = (bound.address.clone(), bound.path.is_some());
    Ok(Box::new(move || {
        let sockets = sockets.iter().map(B::duplicate);
        Ok(Inherited {
            sockets: sockets.collect::<io::Result<_>>()?,
            address: address.clone(),
            owns_path,
        })
    }))
}

/// Registers a worker's sockets, in its runtime, and spawns what accepts on them.
fn accept_on<B: Backend>(
    core: Arc<Core<B::Runtime>>,
    worker: usize,
    sockets: Vec<(usize, B::Socket, Family)>,
    desk: Option<ByHand>,
) -> Result<(), ListenError>
where
    B::Runtime: Sync,
{
    let runtime = core.runtimes[worker].clone();
    let mut listeners = Vec::new();
    for (index, socket, family) in sockets {
        let listener = B::listener(socket, family)
            .map_err(|error| ListenError::io(&core.addresses[index], error))?;
        listeners.push((index, listener));
    }
    if let Some(desk) = desk {
        let listeners = listeners
            .into_iter()
            .map(|(_, listener)| listener)
            .collect();
        runtime.spawn(desk.work(core, listeners));
        return Ok(());
    }
    for (index, listener) in listeners {
        runtime.spawn(accept_loop(Arc::clone(&core), worker, index, listener));
    }
    Ok(())
}
