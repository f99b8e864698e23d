//! Runs of cases: a fresh server for each, its end, and its books.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_server_trait::{
    App, Capabilities, Completed, Config, Counters, Drain, Feature, HttpServer, IntoListen, Listen,
    ListenError, Report, ServerHandle,
};

use crate::case::{Case, Serves};
use crate::failure::{Failure, Verdict};
use crate::judge::Judge;
use crate::play::{Make, Play};
use crate::routes;
use crate::stage::Stage;
use crate::wire::World;

/// How a run of a case went.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It did not.
    Failed(Failure),
    /// It was not played, for this reason.
    Skipped(String),
}

/// What is missing for a case to make sense for a server of these capabilities, and why; unless it is `tried` all
/// the same.
pub(crate) fn why_not(
    case: &Case,
    capabilities: &Capabilities,
    tried: &[Feature],
) -> Option<(Feature, &'static str)> {
    let mut needs = case.needs.iter().filter(|feature| !tried.contains(feature));
    needs.find_map(|feature| Some((*feature, capabilities.why_not(*feature)?)))
}

/// How many threads a server of a case has.
pub(crate) const WORKERS: usize = 2;

/// Prepares a server for a case: its application, its limits scaled, an `after` hook that counts.
pub(crate) fn prepare<S: HttpServer>(server: &mut S, case: &Case, stage: &Stage) {
    server.app_mut().config_mut().workers = Some(WORKERS);
    match case.app {
        Serves::Routes => routes::install(server.app_mut()),
        Serves::Configured(configure) => {
            configure(server.app_mut().config_mut());
            routes::install(server.app_mut());
        }
        Serves::App(install) => install(server.app_mut(), stage),
    }
    scale(server.app_mut().config_mut(), stage);
}

/// Adds an `after` hook that counts, to hold the promise that it is called once for each request.
pub(crate) fn count_afters<S: HttpServer>(server: &mut S) -> Afters {
    let counted = Afters::default();
    counted.count_in(server.app_mut());
    counted
}

/// How often `after` was called.
#[derive(Clone, Default)]
pub(crate) struct Afters(Arc<AtomicU64>);

impl Afters {
    /// Counts those of another application, too.
    pub(crate) fn count_in(&self, app: &mut App) {
        let count = Arc::clone(&self.0);
        app.after(move |_: Arc<Completed>| {
            count.fetch_add(1, Ordering::SeqCst);
            async {}
        });
    }
}

/// Every time of a configuration, as it really passes.
pub(crate) fn scale(config: &mut Config, stage: &Stage) {
    for time in [
        &mut config.head_time,
        &mut config.idle_time,
        &mut config.body_stall,
        &mut config.write_stall,
        &mut config.linger_time,
        &mut config.hook_time,
    ] {
        *time = stage.scaled(*time);
    }
    config.request_time = config.request_time.map(|time| stage.scaled(time));
    for rate in [&mut config.body_rate, &mut config.write_rate]
        .into_iter()
        .flatten()
    {
        rate.grace = stage.scaled(rate.grace);
    }
}

/// Where the server of a case listens.
pub(crate) fn place() -> Result<Listen, ListenError> {
    "127.0.0.1:0".into_listen()
}

/// Plays a case against a server that has been started, ends all servers, and looks at their books.
pub(crate) fn play(
    case: &Case,
    world: Box<dyn World>,
    stage: Stage,
    handle: &ServerHandle,
    make: Make,
    afters: Option<&Afters>,
) -> Verdict {
    let mut play = Play {
        world,
        stage,
        addresses: handle.addresses().to_vec(),
        judge: Judge::House,
        handle: Some(handle.clone()),
        make: Some(make),
        others: Vec::new(),
        successors: Vec::new(),
        afters: afters.cloned(),
        folder: None,
    };
    // A case that panics is a failed case, and its server is ended like any other's.
    let played =
        catch_unwind(AssertUnwindSafe(|| (case.play)(&mut play))).unwrap_or_else(|panic| {
            Err(Failure::new(format!(
                "the case panicked: {}",
                panic_text(&*panic)
            )))
        });
    let report = end(&mut play, handle);
    let (successors, others) = (
        std::mem::take(&mut play.successors),
        std::mem::take(&mut play.others),
    );
    let mut end_all = |handles: &[ServerHandle]| -> Vec<_> {
        handles.iter().map(|other| end(&mut play, other)).collect()
    };
    let (successors, others) = (end_all(&successors), end_all(&others));
    played?;
    let mut requests = books(&report?)?.requests;
    for successor in successors {
        requests += books(&successor?)?.requests;
    }
    for other in others {
        books(&other?)?;
    }
    match afters.map(|afters| afters.0.load(Ordering::SeqCst)) {
        Some(told) if told != requests => Err(Failure::new(format!(
            "`after` was called {told} times for {requests} requests"
        ))),
        _ => Ok(()),
    }
}

/// How long what a case has left behind may take to finish.
const LEFT_BEHIND: Duration = Duration::from_secs(5);

fn end(play: &mut Play, handle: &ServerHandle) -> Result<Report, Failure> {
    // One that has ended, or that is ending sooner, is not disturbed by it.
    play.end(handle, Drain::within(LEFT_BEHIND))
}

/// Looks at the books of a server that has ended.
fn books(report: &Report) -> Result<Counters, Failure> {
    let counters = report.counters.clone();
    if !counters.balances() {
        return Err(Failure::new(format!(
            "the ledger does not balance: {counters}"
        )));
    }
    if counters.open != 0 || counters.active != 0 {
        return Err(Failure::new(format!(
            "something is left when the server has ended: {counters}"
        )));
    }
    Ok(counters)
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
