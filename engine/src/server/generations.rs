//! One application after the other in a running server.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use http_server_trait::backend::{Ask, Farewell, Latch, Pipeline, Tasks};
use http_server_trait::{App, Generation, ReplaceError, ReplaceErrorKind};

use super::core::{Core, Succession, lock};
use super::on_runtime;
use crate::count::{Count, Counted};
use crate::runtime::Runtime;

/// The applications that a server begins with: its own, or those of the server before it.
pub(super) struct Troupe {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) canary: Option<(Arc<Pipeline>, u8)>,
    pub(super) generations: Arc<AtomicU64>,
    /// What they spawn here.
    pub(super) tasks: Tasks,
    /// Whether their start hooks have run here.
    pub(super) is_new: bool,
}

impl Troupe {
    /// Of a server that begins with this application.
    pub(super) fn new(pipeline: Pipeline) -> Self {
        Troupe {
            generations: Arc::new(AtomicU64::new(pipeline.site().generation)),
            tasks: pipeline.site().exec.tasks(),
            pipeline: Arc::new(pipeline),
            canary: None,
            is_new: true,
        }
    }
}

/// Applications that get no new requests and are not over yet.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    numbers: Mutex<Vec<u64>>,
    pub(super) count: Arc<Count>,
    /// Set when nobody waits for their last requests any more.
    pub(super) overdue: Latch<()>,
    /// Whether a stop hook of one has failed.
    pub(super) unclean: AtomicBool,
}

impl<R: Runtime + Sync> Core<R> {
    /// Starts an application, and gives it all new requests, or so many of a hundred.
    pub(super) async fn replace(&self, app: App, percent: Option<u8>) -> Result<u64, ReplaceError> {
        self.may_change()?;
        let before = self.stage.main().ok_or_else(not_serving)?;
        let number = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let (config, site) = (self.config.clone(), before.site().clone());
        drop(before);
        let addresses = self.addresses.clone();
        let counted = self.leaving.count.enter();
        let start = async move {
            let started = Pipeline::start_next(app, config, &site, &addresses, number).await;
            started.map(|pipeline| Started::new(pipeline, counted))
        };
        let exec = self.exec.current();
        let started = on_runtime(exec.as_ref(), start).await;
        let started = started.map_err(|_| not_serving())??;
        self.install(started, percent)?;
        Ok(number)
    }

    /// Gives requests to an application that has started, unless an end has begun meanwhile.
    fn install(&self, started: Started, percent: Option<u8>) -> Result<(), ReplaceError> {
        // Held until it is done: a hand-over takes what was there before, or what is there after.
        let succession = lock(&self.succession);
        self.may_change_under(&succession)?;
        let pipeline = started.take().ok_or_else(not_serving)?;
        let retired = match percent {
            None => self.stage.replace(pipeline),
            Some(percent) => self.stage.share(pipeline, percent),
        };
        drop(succession);
        self.retire(retired);
        Ok(())
    }

    /// Ends the trial of an application.
    pub(super) fn end_trial(&self, stays: bool) -> Result<u64, ReplaceError> {
        let succession = lock(&self.succession);
        self.may_change_under(&succession)?;
        let retired = self.stage.decide(stays);
        drop(succession);
        let retired = retired.ok_or_else(|| ReplaceError::new(ReplaceErrorKind::NoCanary))?;
        self.retire(vec![retired]);
        let main = self.stage.main().ok_or_else(not_serving)?;
        Ok(main.site().generation)
    }

    /// The applications, the one that most requests go to first.
    pub(super) fn applications(&self) -> Vec<Generation> {
        let trial = self.stage.trial();
        let share = trial.as_ref().map_or(0, |(_, percent)| *percent);
        let number = |app: &Arc<Pipeline>| app.site().generation;
        let main = self.stage.main();
        let main = main.map(|app| Generation::new(number(&app), 100 - share));
        let trial = trial.map(|(app, percent)| Generation::new(number(&app), percent));
        let leaving = lock(&self.leaving.numbers).clone();
        let leaving = leaving.into_iter().map(|number| Generation::new(number, 0));
        main.into_iter().chain(trial).chain(leaving).collect()
    }

    fn may_change(&self) -> Result<(), ReplaceError> {
        self.may_change_under(&lock(&self.succession))
    }

    fn may_change_under(&self, succession: &Succession) -> Result<(), ReplaceError> {
        if self.ending().is_some() || !matches!(succession, Succession::None) {
            return Err(not_serving());
        }
        Ok(())
    }

    /// Has connections let go of these applications, and waits in the background until each of them is over.
    fn retire(&self, retired: Vec<Arc<Pipeline>>) {
        for pipeline in retired {
            let farewell = pipeline.farewell();
            drop(pipeline);
            lock(&self.leaving.numbers).push(farewell.generation());
            let counted = self.leaving.count.enter();
            let parting = part(Arc::clone(&self.leaving), farewell, counted);
            self.exec.current().spawn(Box::pin(parting));
        }
        self.table.ask(Ask::Renew);
    }
}

/// Waits until nobody has an application any more, or is waited for; then runs its stop hooks.
async fn part(leaving: Arc<Leaving>, farewell: Farewell, counted: Counted) {
    let (mut due, mut overdue) = (farewell.due(), leaving.overdue.waiting());
    poll_fn(|cx| match Pin::new(&mut due).poll(cx) {
        Poll::Pending => Pin::new(&mut overdue).poll(cx),
        ready @ Poll::Ready(()) => ready,
    })
    .await;
    if !farewell.stop().await {
        leaving.unclean.store(true, Ordering::Relaxed);
    }
    let number = farewell.generation();
    // Dropped before anybody is told that it is over.
    drop(farewell);
    lock(&leaving.numbers).retain(|other| *other != number);
    drop(counted);
}

/// An application that has started, and that nobody has yet: if nobody takes it, its stop hooks run.
struct Started(Option<(Pipeline, Counted)>);

impl Started {
    fn new(pipeline: Pipeline, counted: Counted) -> Self {
        Started(Some((pipeline, counted)))
    }

    fn take(mut self) -> Option<Arc<Pipeline>> {
        self.0.take().map(|(pipeline, _)| Arc::new(pipeline))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some((pipeline, counted)) = self.0.take() {
            let exec = pipeline.site().exec.current();
            exec.spawn(Box::pin(async move {
                pipeline.stop().await;
                drop(counted);
            }));
        }
    }
}

fn not_serving() -> ReplaceError {
    ReplaceError::new(ReplaceErrorKind::NotServing)
}
