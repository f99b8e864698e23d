//! Connections that come from the server before this one.

use std::future::poll_fn;
use std::sync::Arc;

use http_server_trait::backend::{Arrivals, Execute, Parked, Passed, say};
use http_server_trait::{Address, CloseReason};

use super::backend::Backend;
use super::core::Core;
use super::serve::serve_connection;
use crate::connection::Start;
use crate::net::Family;

/// Takes connections in until no more will come. They go to the workers in turn.
pub(super) async fn arrive<B: Backend>(
    core: Arc<Core<B::Runtime>>,
    mut parked: Arrivals,
    execs: Vec<Arc<dyn Execute>>,
) where
    B::Runtime: Sync,
{
    let mut worker = 0;
    while let Some(parked) = poll_fn(|cx| parked.poll_next(cx)).await {
        let core = Arc::clone(&core);
        // Registered where it will be served.
        execs[worker].spawn(Box::pin(async move { take_in::<B>(&core, worker, parked) }));
        worker = (worker + 1) % execs.len();
    }
}

fn take_in<B: Backend>(core: &Arc<Core<B::Runtime>>, worker: usize, mut parked: Parked)
where
    B::Runtime: Sync,
{
    let passed = match (parked.descriptor.take(), parked.layers.take()) {
        (Some(descriptor), None) => Passed::Descriptor(descriptor),
        (None, Some(layers)) => Passed::Other(layers),
        // Layers over a descriptor are not known here.
        _ => return,
    };
    let listener = parked
        .facts
        .listener
        .and_then(|index| core.addresses.get(index));
    let family = match listener {
        Some(Address::Unix(_)) => Family::Unix,
        _ => Family::Tcp,
    };
    let admitted = core.take_in(worker, parked.facts);
    let stream = match B::stream(passed, family) {
        Ok(stream) => stream,
        Err(error) => {
            let conn = admitted.conn.id();
            say(
                log::Level::Error,
                format_args!("connection {conn} was lost on its way: {error}"),
            );
            admitted.open.page().closed(CloseReason::ServerError);
            admitted.conn.set_closed(CloseReason::ServerError);
            return;
        }
    };
    let start = Start {
        unread: parked.unread,
        requests: parked.requests,
        since: parked.since,
    };
    let runtime = core.runtimes[worker].clone();
    let shared = Arc::clone(&core.workers[worker]);
    let serving = serve_connection(shared, stream, runtime.clone(), admitted, start);
    crate::runtime::Runtime::spawn(&runtime, serving);
}
