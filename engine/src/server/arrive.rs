//! Connections that come from the server before this one.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use http_server_trait::backend::{Arrivals, Ask, Execute, Parked, Passed, say};
use http_server_trait::{Address, CloseReason};

use super::backend::Backend;
use super::core::{Admitted, Core};
use super::serve::serve_connection;
use crate::connection::Start;
use crate::net::Family;
use crate::runtime::Runtime;

/// Takes connections in until no more will come. They go to the workers in turn; or on to the successor, if
/// this server is leaving itself before the one before it has ended.
pub(super) async fn arrive<B: Backend>(
    core: Arc<Core<B::Runtime>>,
    mut parked: Arrivals,
    execs: Vec<Arc<dyn Execute>>,
) where
    B::Runtime: Sync,
{
    let _arriving = core.arrivals.enter();
    let mut end = core.ends.waiting();
    let mut worker = 0;
    loop {
        let next = poll_fn(|cx| match Pin::new(&mut end).poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => parked.poll_next(cx),
        });
        let Some(parked) = next.await else {
            return;
        };
        if core.is_leaving() {
            core.tide.send(parked);
            continue;
        }
        let Some(arrival) = seat(&core, worker, parked) else {
            return;
        };
        if core.is_leaving() {
            // It took its seat when the others had been asked already.
            arrival.admitted.conn.ask(Ask::Park);
        }
        let there = Arc::clone(&core);
        // Registered where it will be served.
        execs[worker].spawn(Box::pin(
            async move { settle::<B>(&there, worker, arrival) },
        ));
        worker = (worker + 1) % execs.len();
    }
}

/// A connection that has a seat, and is not registered with the runtime yet.
struct Arrival {
    admitted: Admitted,
    descriptor: Option<OwnedFd>,
    layers: Option<Box<dyn Any + Send>>,
    start: Start,
}

fn seat<R: Runtime>(core: &Core<R>, worker: usize, parked: Parked) -> Option<Arrival> {
    Some(Arrival {
        admitted: core.take_in(worker, parked.facts)?,
        descriptor: parked.descriptor,
        layers: parked.layers,
        start: Start {
            unread: parked.unread,
            requests: parked.requests,
            moved: parked.moved,
            since: parked.since,
        },
    })
}

/// Registers a connection with the runtime around this call, and serves it.
fn settle<B: Backend>(core: &Arc<Core<B::Runtime>>, worker: usize, arrival: Arrival)
where
    B::Runtime: Sync,
{
    let Arrival {
        admitted,
        descriptor,
        layers,
        start,
    } = arrival;
    let listener = admitted.conn.listener();
    let family = match listener.and_then(|index| core.addresses.get(index)) {
        Some(Address::Unix(_)) => Family::Unix,
        _ => Family::Tcp,
    };
    let stream = match (descriptor, layers) {
        (Some(descriptor), None) => B::stream(Passed::Descriptor(descriptor), family),
        (None, Some(layers)) => B::stream(Passed::Other(layers), family),
        // Layers over a descriptor are not known here.
        _ => Err(super::foreign()),
    };
    let stream = match stream {
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
    let runtime = core.runtimes[worker].clone();
    runtime.spawn(serve_connection(stream, runtime.clone(), admitted, start));
}
