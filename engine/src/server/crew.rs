//! The workers of a server: threads of its own, or the runtime around it.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http_server_trait::backend::{Execute, Latch};
use http_server_trait::{BoxFuture, ListenError, ListenErrorKind, Waiting};

use super::backend::Member;

/// The workers of a server.
pub struct Crew<R> {
    pub(super) members: Vec<Member<R>>,
    /// What applications spawn on.
    pub(super) exec: Arc<dyn Execute>,
    pub(super) threads: Threads,
}

/// Threads that end when they are told to.
#[derive(Default)]
pub(super) struct Threads {
    end: Latch<()>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Whether there are none: the runtime is somebody else's.
    pub(super) fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Ends them, and waits until they have. Not for async code.
    pub(super) fn join(self) {
        self.end.set(());
        for handle in self.handles {
            // A worker that panicked has said so on stderr; there is nothing to add.
            let _ = handle.join();
        }
    }
}

impl<R: Send + 'static> Crew<R> {
    /// Starts threads, each with a runtime of its own. `work` makes one, hands a [`Member`] to its second
    /// argument, and runs until its first one is ready.
    ///
    /// # Errors
    /// If a thread or its runtime cannot be made. None is left then.
    pub fn threads<W>(name: &'static str, count: usize, work: W) -> Result<Self, ListenError>
    where
        W: Fn(Waiting<()>, &dyn Fn(Member<R>)) -> io::Result<()> + Clone + Send + 'static,
    {
        let mut threads = Threads::default();
        let (ready, joined) = mpsc::channel();
        for index in 0..count {
            let (ready, work, end) = (ready.clone(), work.clone(), threads.end.waiting());
            let run = move || {
                let join = |member| {
                    HERE.set(Some(index));
                    // Nobody waits any more if another thread could not be made.
                    let _ = ready.send(Ok((index, member)));
                };
                if let Err(error) = work(end, &join) {
                    let _ = ready.send(Err(error));
                }
            };
            match thread::Builder::new()
                .name(format!("bayonet-{name}-{index}"))
                .spawn(run)
            {
                Ok(handle) => threads.handles.push(handle),
                Err(error) => return Err(failed(name, error, threads)),
            }
        }
        let mut members: Vec<(usize, Member<R>)> = Vec::with_capacity(count);
        while members.len() < count {
            match joined.recv() {
                Ok(Ok(member)) => members.push(member),
                Ok(Err(error)) => return Err(failed(name, error, threads)),
                Err(_) => return Err(failed(name, io::ErrorKind::Other.into(), threads)),
            }
        }
        members.sort_by_key(|(index, _)| *index);
        let members: Vec<_> = members.into_iter().map(|(_, member)| member).collect();
        let execs = members
            .iter()
            .map(|member| Arc::clone(&member.exec))
            .collect();
        let exec = Arc::new(Spread {
            execs,
            next: AtomicUsize::new(0),
        });
        Ok(Crew {
            members,
            exec,
            threads,
        })
    }

    /// The runtime around the caller. It is one worker, however many threads it has.
    pub fn current(member: Member<R>) -> Self {
        let exec = Arc::clone(&member.exec);
        Crew {
            members: vec![member],
            exec,
            threads: Threads::default(),
        }
    }

    /// How many workers there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none, which never serves anything.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl<R> std::fmt::Debug for Crew<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Crew").field(&self.members).finish()
    }
}

fn failed(name: &str, error: io::Error, threads: Threads) -> ListenError {
    threads.join();
    ListenError::new(ListenErrorKind::NoRuntime, name).with_source(error)
}

thread_local! {
    /// Which worker of its server this thread is.
    static HERE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Spawns on the worker that asks, or in turn when somebody else does.
struct Spread {
    execs: Vec<Arc<dyn Execute>>,
    next: AtomicUsize,
}

impl Spread {
    fn pick(&self) -> &dyn Execute {
        // A thread of another server of ours has an index, too. That it then picks by that is no harm.
        let index = HERE
            .get()
            .unwrap_or_else(|| self.next.fetch_add(1, Ordering::Relaxed));
        self.execs[index % self.execs.len()].as_ref()
    }
}

impl Execute for Spread {
    fn runtime(&self) -> &'static str {
        self.execs[0].runtime()
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.pick().spawn(future);
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.pick().sleep(time)
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        self.pick().spawn_blocking(work);
    }

    fn now(&self) -> Instant {
        self.execs[0].now()
    }
}
