//! `bayonet demo`: the application that shows what is served, and by what.

mod banner;
mod echo;
mod guard;
mod meter;
pub(crate) mod mount;
mod page;
mod pulse;
mod routes;

use std::process::ExitCode;
use std::sync::Arc;

use bayonet::{HttpServer, IntoListen, block_on};

use crate::args::Demo;
use crate::control::{Control, named_or_set};
use crate::failure::{CUT, Failure};
use crate::{backends, notify, signals};
pub(crate) use banner::say;
use guard::Guard;
use mount::Mount;
use pulse::Pulse;

/// Serves until a signal or the control ends it.
///
/// # Errors
/// If it could not start. Nothing has been accepted then.
pub(crate) fn run(options: &Demo) -> Result<ExitCode, Failure> {
    let backend = match options.backend {
        Some(named) => named,
        None => backends::default()?,
    };
    let place = named_or_set(options.control.as_ref())?;
    let mut server =
        bayonet::server_named(backend).map_err(|error| Failure::new(error.to_string()))?;
    routes::configure(server.app_mut(), options.workers);
    let pulse = Pulse::of(server.app_mut());
    let guard = match place.as_ref().map(|_| Guard::new()) {
        None => None,
        Some(Ok(guard)) => Some(guard),
        Some(Err(error)) => return Err(Failure::new(format!("there is no token: {error}"))),
    };
    routes::install(server.app_mut(), Arc::clone(&pulse), guard);

    let handle = block_on(server.start(options.bind.as_slice().into_listen()?))?;
    let mount = Mount::new(backend, handle.clone(), options.workers);
    pulse.set_mount(&mount);
    let control = match place.map(|place| Control::start(backend, &place, &mount)) {
        None => None,
        Some(Ok(control)) => Some(control),
        Some(Err(failure)) => {
            handle.shutdown(bayonet::Drain::now()).wait();
            return Err(failure);
        }
    };
    signals::end_on_signal(Arc::clone(&mount))
        .map_err(|error| Failure::new(format!("signals cannot be handled: {error}")))?;
    notify::tell(notify::State::Ready);
    banner::print(backend, handle.addresses(), control.as_ref());

    let end = mount.wait();
    if let Some(control) = control {
        control.end();
    }
    say(&end.report);
    say(&end.report.counters);
    if end.swapped > 0 {
        let (moved, finished, cut) = end.before;
        say(&format_args!(
            "before, {} swaps: {moved} connections moved, {finished} requests finished, {cut} cut",
            end.swapped
        ));
    }
    Ok(if end.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(CUT)
    })
}
