//! A connection's task.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http_server_trait::backend::catch;
use http_server_trait::{CloseReason, Failure, Hook};

use super::core::Admitted;
use crate::connection::{Fate, Link, Start};
use crate::memory;
use crate::runtime::Runtime;
use crate::transport::Transport;

/// Drives a connection to its end and leaves the table. A panic in the driver, which would be a bug, or in
/// a `Drop` of the application's, ends this connection and no other.
pub(crate) fn serve_connection<T: Transport, R: Runtime>(
    io: T,
    runtime: R,
    admitted: Admitted,
    start: Start,
) -> impl Future<Output = ()> + Send {
    let Admitted {
        conn,
        open,
        seat,
        mut worker,
    } = admitted;
    let mut link = Link::begin_at(&worker, io, conn, runtime, open, start);
    async move {
        let ended = {
            let mut running = pin!(link.run(&mut worker));
            poll_fn(|cx| match catch(|| running.as_mut().poll(cx)) {
                Ok(polled) => polled.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            })
            .await
        };
        // Of its last application nothing is kept.
        let (wire, tide, page) = (
            link.conn.wire().clone(),
            Arc::clone(&worker.tide),
            Arc::clone(worker.page()),
        );
        let stage = worker.stage();
        let runtime = link.runtime.clone();
        // The books are closed, and the application is let go of, before anybody is told.
        let ended = catch(move || drop((link, worker))).and(ended);
        let reason = match ended {
            Ok(fate) => {
                let reason = fate.reason();
                if let Fate::Parked(parked) = fate {
                    tide.send(*parked);
                }
                reason
            }
            Err(panic) => {
                page.failed();
                if let Some(application) = stage.upgrade().and_then(|stage| stage.main()) {
                    let conn = wire.within(application.site());
                    let failure = Failure::new(Hook::Server, panic).on(&conn);
                    Box::pin(application.report(failure)).await;
                }
                CloseReason::ServerError
            }
        };
        let gives_back = seat.is_of_a_crowd_that_has_gone();
        // Who is told that it has ended finds its place free.
        drop(seat);
        wire.set_closed(reason);
        // A server that ends leaves no task behind.
        let stays = reason != CloseReason::Parked && !tide.is_draining();
        if gives_back && stays {
            memory::give_back_later(&runtime);
        }
    }
}
