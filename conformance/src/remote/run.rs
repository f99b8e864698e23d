//! Cases against a server that is somebody else's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::{Judged, Remote};
use crate::case::Case;
use crate::failure::Failure;
use crate::judge::{Foreign, Judge};
use crate::play::Play;
use crate::run::panic_text;
use crate::stage::Stage;
use crate::suite::SCALE;
use crate::wire::{World, remote};

impl Remote {
    /// Plays a case. It is over at this time at the latest.
    pub fn play(&self, case: &'static Case, until: Instant) -> Judged {
        let since = Instant::now();
        let until = until.min(since + self.asking.case_time);
        let mut play = self.begin(until);
        let verdict = catch_unwind(AssertUnwindSafe(|| (case.play)(&mut play)));
        let verdict = verdict.unwrap_or_else(|panic| {
            let text = panic_text(&*panic);
            Err(Failure::new(format!("the case panicked: {text}")))
        });
        let failures = verdict.err().map(Failure::all).unwrap_or_default();
        Judged::of(case, &failures, since)
    }

    /// Plays these cases, so many at a time, and tells of each when it is over. What came of them is in the order
    /// of the cases.
    pub fn play_all(
        &self,
        cases: &[&'static Case],
        at_a_time: usize,
        told: impl Fn(&Judged) + Sync,
    ) -> Vec<Judged> {
        let until = Instant::now() + self.asking.all_time;
        let (next, has_gone) = (AtomicUsize::new(0), AtomicBool::new(false));
        let judged: Vec<_> = cases.iter().map(|_| Mutex::new(None)).collect();
        std::thread::scope(|threads| {
            for _ in 0..at_a_time.clamp(1, MOST_AT_A_TIME) {
                threads.spawn(|| {
                    while let Some((index, case)) = take(&next, cases) {
                        let outcome = self.play_next(case, until, &has_gone);
                        told(&outcome);
                        *judged[index].lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(outcome);
                    }
                });
            }
        });
        let judged = judged.into_iter();
        judged
            .filter_map(|one| one.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }

    fn play_next(&self, case: &'static Case, until: Instant, has_gone: &AtomicBool) -> Judged {
        if has_gone.load(Ordering::Relaxed) {
            return Judged::not_played(case, "the server does not listen any more");
        }
        if Instant::now() >= until {
            return Judged::not_played(case, "the time for all cases was over");
        }
        let judged = self.play(case, until);
        // A server that is not there any more is found once, and not with every case that follows.
        if !judged.findings().is_empty() && self.begin(until).is_refused() {
            has_gone.store(true, Ordering::Relaxed);
        }
        judged
    }

    fn begin(&self, until: Instant) -> Play {
        let world: Box<dyn World> = Box::new(remote::Remote {
            scale: SCALE,
            patience: self.asking.patience,
            until,
        });
        let foreign = Foreign {
            ok: self.asking.ok.clone(),
            ok_content: self.ok_content.clone(),
            takes: self.takes.clone(),
            host: self.asking.host.clone(),
            until,
        };
        Play {
            world,
            stage: Stage::new(SCALE),
            addresses: vec![self.address.clone()],
            judge: Judge::Rfc(Arc::new(foreign)),
            handle: None,
            make: None,
            others: Vec::new(),
            successors: Vec::new(),
            afters: None,
            folder: None,
        }
    }
}

/// More connections than this are an attack.
const MOST_AT_A_TIME: usize = 64;

fn take(next: &AtomicUsize, cases: &[&'static Case]) -> Option<(usize, &'static Case)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, *cases.get(index)?))
}
