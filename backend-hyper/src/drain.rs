//! The end of a server.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use http_server_engine::net::Bound;
use http_server_trait::backend::{Ask, say};
use http_server_trait::{AbortReason, CloseReason, Counters, Readiness, Report};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

use crate::core::{Core, Ending};

/// How long connections that were cut may take to notice: they only have to be polled once.
const CUT: Duration = Duration::from_secs(1);

/// How long blocking work that nobody waits for may hold the runtime up.
const BLOCKING: Duration = Duration::from_secs(1);

/// Waits until an end is asked for, and carries it out.
pub(crate) async fn drain(
    core: Arc<Core>,
    accepting: Vec<JoinHandle<()>>,
    bound: Vec<Bound>,
    runtime: Option<Runtime>,
) {
    let ending = lame_duck(&core).await;
    core.stops_accepting.set(());
    drop(std::mem::take(
        &mut *core.by_hand.lock().unwrap_or_else(PoisonError::into_inner),
    ));
    core.draining.store(true, Ordering::Release);
    let before = core.counters();
    core.ask(Ask::CloseAfterCurrentResponse);
    // So that the addresses are free when it is said that the server has ended.
    for accepting in accepting {
        // One that panicked does not accept any more either.
        let _ = accepting.await;
    }
    // With it go the paths of Unix sockets.
    drop(bound);
    until_empty(&core, || core.ending().and_then(|ending| ending.until)).await;
    if core.open() > 0 {
        core.cutting.store(true, Ordering::Release);
        core.ask(Ask::Kill);
        let until = Instant::now() + CUT;
        until_empty(&core, || Some(until)).await;
    }
    let hooks_clean = core.pipeline.stop().await;
    let mut report = report(&core.counters(), &before);
    report.hooks_clean = hooks_clean;
    report.idle = core.idle.load(Ordering::Relaxed);
    report.took = ending.asked.elapsed();
    conclude(core, runtime, report);
}

/// Serves on until an end has been asked for and is to begin.
async fn lame_duck(core: &Core) -> Ending {
    loop {
        let changed = core.changed.notified();
        let mut changed = std::pin::pin!(changed);
        changed.as_mut().enable();
        let ending = *core.ending();
        match ending {
            Some(ending) if ending.begins <= Instant::now() => return ending,
            Some(ending) => drop(timeout_at(ending.begins.into(), changed).await),
            None => changed.await,
        }
    }
}

/// Waits until the last connection has ended, or the deadline has struck; a sooner one may be asked for.
async fn until_empty(core: &Core, until: impl Fn() -> Option<Instant>) {
    loop {
        let changed = core.changed.notified();
        let mut changed = std::pin::pin!(changed);
        changed.as_mut().enable();
        if core.open() == 0 {
            return;
        }
        match until() {
            None => changed.await,
            Some(at) if timeout_at(at.into(), changed).await.is_err() => return,
            Some(_) => {}
        }
    }
}

fn report(after: &Counters, before: &Counters) -> Report {
    let cut = |books: &Counters| {
        let requests = books.aborted(AbortReason::ShutdownCut);
        books.closed(CloseReason::ShutdownCut).max(requests)
    };
    let mut report = Report::new(after.clone());
    report.finished = after.completed - before.completed;
    report.cut = cut(after) - cut(before);
    report
}

/// Ends the runtime and says how it went. A runtime cannot be dropped from inside of itself, so that happens on
/// a thread that has none.
fn conclude(core: Arc<Core>, runtime: Option<Runtime>, report: Report) {
    let ended = core.ended.clone();
    let progress = core.pipeline.site().progress.clone();
    let Some(runtime) = runtime else {
        progress.set(Readiness::Stopped);
        ended.set(report);
        return;
    };
    let end = move || {
        drop(core);
        runtime.shutdown_timeout(BLOCKING);
        progress.set(Readiness::Stopped);
        ended.set(report);
    };
    if let Err(error) = std::thread::Builder::new()
        .name("bayonet-end".into())
        .spawn(end)
    {
        let line = format_args!("the runtime could not be ended: {error}");
        say(log::Level::Error, line);
    }
}
