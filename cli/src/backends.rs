//! The backends that are compiled in.

use std::io::Write;
use std::process::ExitCode;

use bayonet::{Feature, HttpServer};

use crate::failure::Failure;

/// Every backend that there is. Which of them are compiled in, [`bayonet::backend_names`] knows.
pub(crate) const ALL: [&str; 3] = ["tokio", "async-std", "smol"];

/// What is said where there is none.
pub(crate) const NONE: &str = "no backend is compiled in: build with one or more of \
    `--features tokio`, `--features async-std`, `--features smol`";

/// The one that serves if nobody says which.
///
/// # Errors
/// If there is none, or if tokio is not among several: nothing is chosen in silence.
pub(crate) fn default() -> Result<&'static str, Failure> {
    match bayonet::backend_names().as_slice() {
        [] => Err(Failure::new(NONE)),
        [only] => Ok(only),
        several if several.contains(&ALL[0]) => Ok(ALL[0]),
        several => Err(Failure::new(format!(
            "`--backend` is missing, and several are compiled in: choose one of: {}",
            several.join(", ")
        ))),
    }
}

/// `bayonet backends`: a line for each.
pub(crate) fn list() -> Result<ExitCode, Failure> {
    let names = bayonet::backend_names();
    if names.is_empty() {
        return Err(Failure::new(NONE));
    }
    let default = default().ok();
    let mut out = std::io::stdout().lock();
    for name in names {
        let server =
            bayonet::server_named(name).map_err(|error| Failure::new(error.to_string()))?;
        let note = if Some(name) == default {
            " [default]"
        } else {
            ""
        };
        // Whoever reads may have read enough: `bayonet backends | head -1`.
        let _ = writeln!(out, "{name:<10} {}{note}", abilities(server.as_ref()));
    }
    Ok(ExitCode::SUCCESS)
}

/// What it can do, said by what it cannot.
fn abilities(server: &dyn HttpServer) -> String {
    let can = server.capabilities();
    let missing = Feature::ALL
        .iter()
        .filter_map(|feature| Some(format!("{feature} ({})", can.why_not(*feature)?)));
    match missing.collect::<Vec<_>>().as_slice() {
        [] => "everything".to_owned(),
        missing => format!("everything but {}", missing.join(", ")),
    }
}
