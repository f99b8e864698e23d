//! Where a server runs: on threads of its own, or on an executor that is there.

use std::io;
use std::sync::Arc;

use http_server_engine::server::{Crew, Member};
use http_server_trait::{ListenError, Waiting};

use crate::runtime::{Executor, Remote, Smol};

/// Threads, each with an executor of its own: no task moves, and no queue is shared.
pub(crate) fn crew(workers: usize) -> Result<Crew<Smol>, ListenError> {
    Crew::threads("smol", workers, work)
}

/// An executor that somebody runs.
pub(crate) fn around(executor: Executor) -> Crew<Smol> {
    Crew::current(member(executor))
}

fn member(executor: Executor) -> Member<Smol> {
    Member {
        runtime: Smol(executor.clone()),
        exec: Arc::new(Remote(executor)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the same on every backend")]
fn work(end: Waiting<()>, join: &dyn Fn(Member<Smol>)) -> io::Result<()> {
    let executor = Arc::new(smol::Executor::new());
    join(member(Executor::Own(Arc::clone(&executor))));
    smol::block_on(executor.run(end));
    Ok(())
}
