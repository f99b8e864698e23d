//! Where a server runs: on threads of its own, or on the global executor.

use std::io;
use std::sync::Arc;

use async_std::task;
use http_server_engine::server::{Crew, Member};
use http_server_trait::{ListenError, Waiting};

use crate::runtime::{AsyncStd, Executor, Remote};
pub(crate) use own::Own;

/// Threads, each with tasks of its own: none moves, and no queue is shared.
pub(crate) fn crew(workers: usize) -> Result<Crew<own::Runtime>, ListenError> {
    Crew::threads("async-std", workers, own::work)
}

/// The global executor.
pub(crate) fn around() -> Crew<AsyncStd> {
    Crew::current(Member {
        runtime: AsyncStd(Executor::Global),
        exec: Arc::new(Remote(Executor::Global)),
    })
}

/// The engine drives the server's own sockets, where it can: async-std does so from a thread of its own, and asks the
/// kernel anew for each wait. The tasks are async-std's: it knows the current one only among these.
#[cfg(target_os = "linux")]
mod own {
    use http_server_engine::reactor::{Beside, Handle, Looped, Sockets};

    use super::{Arc, Executor, Member, Remote, Waiting, io, task};

    pub(crate) type Own = Sockets<AsyncStd>;
    pub(crate) type Runtime = Handle;

    /// async-std, with a loop beside it.
    #[derive(Debug)]
    pub(crate) struct AsyncStd;

    impl Looped for AsyncStd {
        const NAME: &'static str = "async-std";
    }

    pub(super) fn work(end: Waiting<()>, join: &dyn Fn(Member<Handle>)) -> io::Result<()> {
        let beside = Beside::new(|future| drop(task::spawn_local(future)))?;
        let handle = beside.handle();
        join(Member {
            runtime: handle.clone(),
            exec: Arc::new(Remote(Executor::Loop(handle))),
        });
        task::block_on(task::spawn_local(beside.run(end)));
        Ok(())
    }
}

/// Elsewhere async-std drives them, too.
#[cfg(not(target_os = "linux"))]
mod own {
    use std::future::{Future, poll_fn};
    use std::pin::pin;

    use super::{Arc, AsyncStd, Executor, Member, Remote, Waiting, io, task};
    use crate::door::Door;

    pub(crate) type Own = AsyncStd;
    pub(crate) type Runtime = AsyncStd;

    #[expect(clippy::unnecessary_wraps, reason = "the same on every system")]
    pub(super) fn work(end: Waiting<()>, join: &dyn Fn(Member<AsyncStd>)) -> io::Result<()> {
        let door = Arc::new(Door::new());
        let place = Executor::Local(Arc::clone(&door));
        join(Member {
            runtime: AsyncStd(place.clone()),
            exec: Arc::new(Remote(place)),
        });
        task::block_on(async move {
            let mut end = pin!(end);
            poll_fn(|cx| {
                door.poll_let_in(cx);
                end.as_mut().poll(cx)
            })
            .await;
        });
        Ok(())
    }
}
