//! `bayonet demo`: the application that shows what is served, and by what.

mod banner;
mod echo;
mod page;
mod routes;

use std::process::ExitCode;

use bayonet::{HttpServer, IntoListen, block_on};

use crate::args::Demo;
use crate::failure::{CUT, Failure};
use crate::{backends, signals};

/// Serves until a signal ends it.
///
/// # Errors
/// If it could not start. Nothing has been accepted then.
pub(crate) fn run(options: &Demo) -> Result<ExitCode, Failure> {
    let backend = match options.backend {
        Some(named) => named,
        None => backends::default()?,
    };
    let mut server =
        bayonet::server_named(backend).map_err(|error| Failure::new(error.to_string()))?;
    server.app_mut().config_mut().workers = options.workers;
    routes::install(server.app_mut());

    let handle = block_on(server.start(options.bind.as_slice().into_listen()?))?;
    signals::end_on_signal(handle.clone())
        .map_err(|error| Failure::new(format!("signals cannot be handled: {error}")))?;
    banner::print(backend, handle.addresses());

    let report = handle.wait();
    banner::say(&report);
    banner::say(&report.counters);
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(CUT)
    })
}
