//! The end of a server.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_server_trait::backend::{Ask, Latch, say};
use http_server_trait::{AbortReason, CloseReason, Counters, Progress, Readiness, Report};

use super::core::{Core, Ending};
use super::crew::Threads;
use crate::net::OwnPath;
use crate::runtime::{Runtime, Timer};

/// How long connections that were cut may take to notice: they only have to be polled once.
const CUT: Duration = Duration::from_secs(1);

/// Waits until an end is asked for, and carries it out. Runs on a worker from the start.
pub(crate) async fn drain<R: Runtime + Sync>(
    core: Arc<Core<R>>,
    threads: Threads,
    paths: Vec<OwnPath>,
) {
    let ending = poll_fn(|cx| core.poll_ending(cx, None)).await;
    let runtime = core.runtimes[0].clone();
    let ending = lame_duck(&core, &runtime, ending).await;
    core.stops_accepting.set(());
    // What a successor has not got by now, nobody gets: the addresses are to be free in the end.
    core.shelf
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
    let before = core.counted_before_the_end().clone();
    let tasks = if ending.leaves { core.tasks.count() } else { 0 };
    if ending.leaves {
        paths.into_iter().for_each(OwnPath::pass_on);
        move_out(&core).await;
    } else {
        core.ends.set(());
        core.tide.drain();
        drop(paths);
        core.table.ask(Ask::CloseAfterCurrentResponse);
    }
    until_empty(&core, &runtime, ending).await;
    core.ends.set(());
    if core.table.served() + core.table.turned_away() > 0 {
        core.tide.cut();
        core.table.ask(Ask::Kill);
        // The deadline that was asked for has passed: no other is looked for.
        let until = runtime.now() + CUT;
        sleep_or(&runtime, Some(until), |cx| core.table.poll_empty(cx)).await;
    }
    // So that the addresses are free when it is said that the server has ended.
    poll_fn(|cx| core.acceptors.poll_below(cx, 1)).await;
    core.tide.lead(None);
    // The application goes on elsewhere, or ends here.
    let hooks_clean = say_farewell(&core, ending.leaves).await;
    let mut report = report(&core.ledger.counters(), &before);
    report.idle = core.tide.idle();
    report.tasks_left = core.tasks.count();
    report.tasks = tasks.saturating_sub(report.tasks_left);
    report.hooks_clean = hooks_clean;
    report.took = runtime.now().saturating_duration_since(ending.asked);
    conclude(core, threads, report);
}

/// Runs the stop hooks: of the applications that were replaced, and if they go on nowhere, of those that were
/// on. Says whether all of them did their work.
async fn say_farewell<R: Runtime + Sync>(core: &Core<R>, leaves: bool) -> bool {
    core.leaving.overdue.set(());
    poll_fn(|cx| core.leaving.count.poll_below(cx, 1)).await;
    let mut clean = !core.leaving.unclean.load(Ordering::Relaxed);
    for application in core.stage.close() {
        clean &= leaves || application.stop().await;
    }
    clean
}

/// Sends every connection to the successor that has nothing under way, and tells the others to follow.
async fn move_out<R: Runtime + Sync>(core: &Core<R>) {
    // Who was accepted before this is in the table, and nobody enters it after.
    poll_fn(|cx| core.acceptors.poll_below(cx, 1)).await;
    core.table.ask(Ask::Park);
    poll_fn(|cx| {
        core.tide.heard.register(cx.waker());
        core.table.watch(cx);
        if core.table.all_heeded(Ask::Park) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    core.moved.set(());
}

/// Serves on until the end is to begin.
async fn lame_duck<R: Runtime + Sync>(core: &Core<R>, runtime: &R, mut ending: Ending) -> Ending {
    loop {
        let sooner = sleep_or(runtime, Some(ending.begins), |cx| {
            core.poll_ending(cx, Some(ending))
        })
        .await;
        match sooner {
            None => return ending,
            Some(sooner) => ending = sooner,
        }
    }
}

/// Waits until the last connection has ended, or the deadline has struck; a sooner one may be asked for.
async fn until_empty<R: Runtime + Sync>(core: &Core<R>, runtime: &R, mut ending: Ending) {
    loop {
        let event = sleep_or(runtime, ending.until, |cx| {
            // Who comes from the server before this one passes through, if this one is leaving.
            let empty =
                core.table.poll_empty(cx).is_ready() && core.arrivals.poll_below(cx, 1).is_ready();
            // An application may be at work in a server before this one yet; here nobody ends it early.
            // The same holds for what it has spawned.
            let is_over = |cx: &mut Context<'_>| {
                core.leaving.count.poll_below(cx, 1).is_ready()
                    && core.tasks.poll_none(cx).is_ready()
            };
            if empty && (!ending.leaves || is_over(cx)) {
                return Poll::Ready(None);
            }
            core.poll_ending(cx, Some(ending)).map(Some)
        });
        match event.await {
            Some(Some(sooner)) => ending = sooner,
            Some(None) | None => return,
        }
    }
}

/// What the poll function gives, or `None` when the time has come.
async fn sleep_or<R: Runtime, T>(
    runtime: &R,
    until: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let mut timer = until.map(|until| runtime.timer(until));
    let waiting = poll_fn(|cx| {
        if let Poll::Ready(event) = poll(cx) {
            return Poll::Ready(Some(event));
        }
        match (&mut timer, until) {
            (Some(timer), Some(until)) => loop {
                if timer.poll_ready(cx).is_pending() {
                    return Poll::Pending;
                }
                if runtime.now() >= until {
                    return Poll::Ready(None);
                }
                timer.set(until);
            },
            _ => Poll::Pending,
        }
    });
    pin!(waiting).await
}

fn report(after: &Counters, before: &Counters) -> Report {
    let mut report = Report::new(after.clone());
    report.finished = after.completed - before.completed;
    report.cut = after.closed(CloseReason::ShutdownCut) - before.closed(CloseReason::ShutdownCut);
    report.moved = after.closed(CloseReason::Parked) - before.closed(CloseReason::Parked);
    let cut_requests =
        after.aborted(AbortReason::ShutdownCut) - before.aborted(AbortReason::ShutdownCut);
    report.cut = report.cut.max(cut_requests);
    report
}

/// Ends the threads and says how it went. A runtime cannot be dropped from inside of itself, so that happens
/// on a thread that has none.
fn conclude<R: Runtime + Sync>(core: Arc<Core<R>>, threads: Threads, report: Report) {
    let last = LastWord {
        progress: core.progress.clone(),
        ended: core.ended.clone(),
        report,
    };
    if threads.is_empty() {
        return last.say();
    }
    let end = move || {
        drop(core);
        threads.join();
    };
    let thread = std::thread::Builder::new().name("bayonet-end".into());
    last.say_after(end, |run| thread.spawn(run).map(drop));
}

/// What is said when all is over.
#[derive(Clone)]
struct LastWord {
    progress: Progress,
    ended: Latch<Report>,
    report: Report,
}

impl LastWord {
    fn say(self) {
        self.progress.set(Readiness::Stopped);
        self.ended.set(self.report);
    }

    /// Says it after this has been done on a thread. Without one to spare the workers go on idling; the server has
    /// ended all the same.
    fn say_after(
        self,
        end: impl FnOnce() + Send + 'static,
        spawn: impl FnOnce(Box<dyn FnOnce() + Send>) -> io::Result<()>,
    ) {
        let last = self.clone();
        let run = move || {
            end();
            last.say();
        };
        if let Err(error) = spawn(Box::new(run)) {
            self.say();
            say(
                log::Level::Error,
                format_args!("the workers could not be ended: {error}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::{Counters, LastWord, Latch, Progress, Readiness, Report, io};

    fn last_word() -> LastWord {
        LastWord {
            progress: Progress::new(),
            ended: Latch::new(),
            report: Report::new(Counters::default()),
        }
    }

    #[test]
    fn server_has_stopped_when_its_threads_have_ended() {
        let last = last_word();
        let (progress, ended) = (last.progress.clone(), last.ended.clone());
        let (end, ends) = mpsc::channel();
        let (started, runs) = mpsc::channel();
        let waits = move || ends.recv().unwrap();
        last.say_after(waits, |run| {
            started.send(std::thread::spawn(run)).unwrap();
            Ok(())
        });
        assert!(progress.now() < Readiness::Stopped && !ended.is_set());
        end.send(()).unwrap();
        runs.recv().unwrap().join().unwrap();
        assert!(progress.now() == Readiness::Stopped && ended.is_set());
    }

    #[test]
    fn server_has_stopped_also_when_there_is_no_thread_to_end_it_on() {
        let last = last_word();
        let (progress, ended) = (last.progress.clone(), last.ended.clone());
        last.say_after(|| (), |_| Err(io::ErrorKind::WouldBlock.into()));
        assert_eq!(progress.now(), Readiness::Stopped);
        assert!(ended.is_set(), "who waits for the end would wait for ever");
    }
}
