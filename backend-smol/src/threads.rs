//! Where a server runs: on threads of its own, or on an executor that is there.

use std::io;
use std::sync::Arc;

use http_server_engine::server::{Crew, Member};
use http_server_trait::{ListenError, Waiting};

use crate::runtime::{Executor, Remote, Smol};
pub(crate) use own::Own;

/// Threads, each with tasks of its own: none moves, and no queue is shared.
pub(crate) fn crew(workers: usize) -> Result<Crew<own::Runtime>, ListenError> {
    Crew::threads("smol", workers, own::work)
}

/// An executor that somebody runs.
pub(crate) fn around(executor: Executor) -> Crew<Smol> {
    Crew::current(Member {
        runtime: Smol(executor.clone()),
        exec: Arc::new(Remote(executor)),
    })
}

/// The engine drives the server's own sockets, where it can: smol does so from a thread of its own, and asks the
/// kernel anew for each wait.
#[cfg(target_os = "linux")]
mod own {
    use http_server_engine::reactor::{Handle, Loop, Looped, Sockets};

    use super::{Arc, Executor, Member, Remote, Waiting, io};

    pub(crate) type Own = Sockets<Smol>;
    pub(crate) type Runtime = Handle;

    /// smol, beside a loop.
    #[derive(Debug)]
    pub(crate) struct Smol;

    impl Looped for Smol {
        const NAME: &'static str = "smol";
    }

    pub(super) fn work(end: Waiting<()>, join: &dyn Fn(Member<Handle>)) -> io::Result<()> {
        let thread = Loop::new()?;
        let handle = thread.handle();
        join(Member {
            runtime: handle.clone(),
            exec: Arc::new(Remote(Executor::Loop(handle))),
        });
        thread.run(end);
        Ok(())
    }
}

/// Elsewhere smol drives them, too.
#[cfg(not(target_os = "linux"))]
mod own {
    use super::{Arc, Executor, Member, Remote, Smol, Waiting, io};

    pub(crate) type Own = Smol;
    pub(crate) type Runtime = Smol;

    #[expect(clippy::unnecessary_wraps, reason = "the same on every system")]
    pub(super) fn work(end: Waiting<()>, join: &dyn Fn(Member<Smol>)) -> io::Result<()> {
        let executor = Arc::new(smol::Executor::new());
        let place = Executor::Own(Arc::clone(&executor));
        join(Member {
            runtime: Smol(place.clone()),
            exec: Arc::new(Remote(place)),
        });
        smol::block_on(executor.run(end));
        Ok(())
    }
}
