//! Where a server runs: on threads of its own, or on the runtime around it.

use std::io;
use std::sync::Arc;

use http_server_engine::server::{Crew, Member};
use http_server_trait::{ListenError, Waiting};
use tokio::runtime::{Builder, Handle};

use crate::runtime::{Remote, Tokio};

/// Threads, each with a runtime of its own: no task moves, and no queue is shared.
pub(crate) fn crew(workers: usize) -> Result<Crew<Tokio>, ListenError> {
    Crew::threads("tokio", workers, work)
}

/// The runtime of this handle.
pub(crate) fn around(handle: Handle) -> Crew<Tokio> {
    Crew::current(member(handle))
}

fn member(handle: Handle) -> Member<Tokio> {
    Member {
        runtime: Tokio,
        exec: Arc::new(Remote(handle)),
    }
}

fn work(end: Waiting<()>, join: &dyn Fn(Member<Tokio>)) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    join(member(runtime.handle().clone()));
    runtime.block_on(end);
    Ok(())
}
