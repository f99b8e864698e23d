//! Which application new requests go to.
//!
//! Each application has a [`Worker`] for each worker of the server, and a connection holds that of the
//! application which answered its last request. As long as nothing is replaced, all that a request does about
//! it is to look at one flag of that worker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::worker::Worker;
use crate::service::Service;

/// The applications of a server that get new requests.
#[derive(Debug)]
pub(crate) struct Stage<S> {
    acts: Mutex<Acts<S>>,
}

#[derive(Debug)]
struct Acts<S> {
    /// There until the server has ended.
    main: Option<Act<S>>,
    trial: Option<Trial<S>>,
}

/// An application, and its worker for each worker of the server.
#[derive(Debug)]
struct Act<S> {
    service: Arc<S>,
    workers: Vec<Arc<Worker<S>>>,
}

/// An application that is tried.
#[derive(Debug)]
struct Trial<S> {
    act: Act<S>,
    percent: u8,
    /// How many requests have chosen since the trial began.
    chosen: u64,
}

impl<S> Act<S> {
    fn set_asks(&self, asks: bool)
    where
        S: Service,
    {
        self.workers.iter().for_each(|worker| worker.set_asks(asks));
    }
}

impl<S: Service> Stage<S> {
    /// A stage with one application: the workers say the rest.
    pub(crate) fn new(service: &Arc<S>, workers: &[Worker<S>]) -> Arc<Self> {
        let stage = Arc::new(Stage {
            acts: Mutex::new(Acts {
                main: None,
                trial: None,
            }),
        });
        let play = |(index, worker): (usize, &Worker<S>)| {
            let stage = Arc::downgrade(&stage);
            Arc::new(worker.playing(Arc::clone(service), stage, index))
        };
        let act = Act {
            service: Arc::clone(service),
            workers: workers.iter().enumerate().map(play).collect(),
        };
        stage.acts().main = Some(act);
        stage
    }

    /// The worker of the application that most requests go to; `None` once the server has ended.
    pub(crate) fn worker(&self, index: usize) -> Option<Arc<Worker<S>>> {
        let acts = self.acts();
        Some(Arc::clone(&acts.main.as_ref()?.workers[index]))
    }

    /// The worker of the application that the next request belongs to.
    pub(super) fn next(&self, index: usize) -> Option<Arc<Worker<S>>> {
        let mut acts = self.acts();
        let tried = acts.trial.as_mut().is_some_and(Trial::is_next);
        let act = match &acts.trial {
            Some(trial) if tried => &trial.act,
            _ => acts.main.as_ref()?,
        };
        Some(Arc::clone(&act.workers[index]))
    }

    /// The application that most requests go to.
    pub(crate) fn main(&self) -> Option<Arc<S>> {
        let acts = self.acts();
        acts.main.as_ref().map(|act| Arc::clone(&act.service))
    }

    /// The application that is tried, and its share.
    pub(crate) fn trial(&self) -> Option<(Arc<S>, u8)> {
        let acts = self.acts();
        let trial = acts.trial.as_ref()?;
        Some((Arc::clone(&trial.act.service), trial.percent))
    }

    /// Gives every new request to this application. Gives back those that get none any more.
    pub(crate) fn replace(self: &Arc<Self>, service: Arc<S>) -> Vec<Arc<S>> {
        let mut acts = self.acts();
        let Some(act) = acts.main.as_ref().map(|main| self.act(main, service)) else {
            return Vec::new();
        };
        let before = acts.main.replace(act);
        let trial = acts.trial.take().map(|trial| trial.act);
        retired(before.into_iter().chain(trial))
    }

    /// Gives an application its share of the new requests. Gives back the one that had one before.
    pub(crate) fn share(self: &Arc<Self>, service: Arc<S>, percent: u8) -> Vec<Arc<S>> {
        let mut acts = self.acts();
        let Some(main) = &acts.main else {
            return Vec::new();
        };
        let act = self.act(main, service);
        main.set_asks(true);
        act.set_asks(true);
        let trial = Trial {
            act,
            percent,
            chosen: 0,
        };
        let before = acts.trial.replace(trial);
        retired(before.into_iter().map(|trial| trial.act))
    }

    /// Ends the trial: the tried application gets all new requests, or none. Gives back the one that gets none
    /// any more; `None` if no application is tried.
    pub(crate) fn decide(&self, stays: bool) -> Option<Arc<S>> {
        let mut acts = self.acts();
        let trial = acts.trial.take()?.act;
        let leaves = if stays {
            acts.main.replace(trial)?
        } else {
            trial
        };
        if let Some(main) = &acts.main {
            main.set_asks(false);
        }
        leaves.set_asks(true);
        Some(leaves.service)
    }

    /// The server has ended: gives back what was on.
    pub(crate) fn close(&self) -> Vec<Arc<S>> {
        let mut acts = self.acts();
        let main = acts.main.take();
        let trial = acts.trial.take().map(|trial| trial.act);
        retired(main.into_iter().chain(trial))
    }

    /// Workers for another application, like those that are there.
    fn act(self: &Arc<Self>, like: &Act<S>, service: Arc<S>) -> Act<S> {
        let play = |(index, worker): (usize, &Arc<Worker<S>>)| {
            Arc::new(worker.playing(Arc::clone(&service), self.weak(), index))
        };
        let workers = like.workers.iter().enumerate().map(play).collect();
        Act { service, workers }
    }

    fn weak(self: &Arc<Self>) -> Weak<Self> {
        Arc::downgrade(self)
    }

    fn acts(&self) -> MutexGuard<'_, Acts<S>> {
        // Each change is whole before anything of it can panic.
        self.acts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From now on these get no new requests: whoever holds one of their workers asks for another.
fn retired<S: Service>(acts: impl Iterator<Item = Act<S>>) -> Vec<Arc<S>> {
    let retire = |act: Act<S>| {
        act.set_asks(true);
        act.service
    };
    acts.map(retire).collect()
}

impl<S> Trial<S> {
    /// Whether the next request is the tried application's: so many of a hundred, evenly spread.
    fn is_next(&mut self) -> bool {
        let had = self.chosen * u64::from(self.percent) / 100;
        self.chosen += 1;
        self.chosen * u64::from(self.percent) / 100 > had
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Act, Trial};

    #[test]
    fn a_share_is_exact_and_even() {
        for percent in 0..=100 {
            let act = Act {
                service: Arc::new(()),
                workers: Vec::new(),
            };
            let mut trial = Trial {
                act,
                percent,
                chosen: 0,
            };
            let mut run = |times: u32| (0..times).filter(|_| trial.is_next()).count();
            assert_eq!(run(100), usize::from(percent));
            let half = run(50);
            assert_eq!(half, usize::from(percent / 2));
            assert_eq!(half + run(50), usize::from(percent));
        }
    }
}
