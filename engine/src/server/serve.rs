//! A connection's task.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http_server_trait::backend::{Pipeline, catch};
use http_server_trait::{CloseReason, Failure, Hook};

use super::core::Admitted;
use crate::connection::{Fate, Start, Worker, drive};
use crate::runtime::Runtime;
use crate::transport::Transport;

/// Drives a connection to its end and leaves the table. A panic in the driver, which would be a bug, or in
/// a `Drop` of the application's, ends this connection and no other.
pub(crate) async fn serve_connection<T: Transport, R: Runtime>(
    worker: Arc<Worker<Pipeline>>,
    io: T,
    runtime: R,
    admitted: Admitted,
    start: Start,
) {
    let Admitted { conn, open, seat } = admitted;
    let failed = {
        let mut driving = pin!(drive(
            Arc::clone(&worker),
            io,
            runtime,
            conn.clone(),
            open,
            start
        ));
        poll_fn(|cx| match catch(|| driving.as_mut().poll(cx)) {
            Ok(Poll::Ready(Fate::Parked(parked))) => {
                worker.tide.send(*parked);
                Poll::Ready(None)
            }
            Ok(polled) => polled.map(|_closed| None),
            Err(panic) => Poll::Ready(Some(panic)),
        })
        .await
    };
    if let Some(panic) = failed {
        worker.page().failed();
        worker
            .service()
            .report(Failure::new(Hook::Server, panic).on(&conn))
            .await;
        conn.set_closed(CloseReason::ServerError);
    }
    drop(seat);
}
