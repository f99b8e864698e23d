//! A stop that loses nothing: on Ctrl-C or SIGTERM nobody new is let in, idle connections are closed, requests
//! under way finish, and what was opened at the start is closed.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 07_graceful_stop
//! $ curl http://127.0.0.1:1666/        # takes two seconds: press Ctrl-C meanwhile
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bayonet::{BoxError, Drain, HttpServer, Request, Starting, Stopping, block_on};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const PATIENCE: Duration = Duration::from_secs(20);

/// What stands for a database here: opened at the start, closed at the stop.
#[derive(Default)]
struct Visits(AtomicU64);

async fn open(starting: Starting) -> Result<(), BoxError> {
    starting.insert(Visits::default());
    println!("opened");
    Ok(())
}

async fn close(stopping: Stopping) {
    let visits = stopping
        .state::<Visits>()
        .map(|visits| visits.0.load(Ordering::Relaxed));
    println!("closed with {} visits", visits.unwrap_or_default());
}

async fn slow(request: Request) -> Option<String> {
    let visit = request.state::<Visits>()?.0.fetch_add(1, Ordering::Relaxed) + 1;
    println!("visit {visit} begins");
    request.exec().sleep(Duration::from_secs(2)).await;
    Some(format!("visit {visit}, and nobody was lost\n"))
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());
    let mut signals = Signals::new([SIGINT, SIGTERM])?;

    let mut server = bayonet::server_named(&backend)?;
    server.app_mut().on_start(open).on_stop(close);
    let handle = block_on(server.handler(slow).listen(place))?;
    println!("listening on {}", handle.addresses()[0]);

    signals.forever().next();
    let report = handle.shutdown(Drain::within(PATIENCE)).wait();
    println!("{report}");
    if report.is_clean() {
        Ok(())
    } else {
        Err("requests were cut".into())
    }
}
