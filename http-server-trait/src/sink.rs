//! Where failures go when the application has no error hook.

use std::fmt;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Writes a failure to the log, or to stderr if no logger is installed.
///
/// What clients do wrong is limited to [`LINES`] a second, as anybody can cause it; how many lines were
/// left out is said with the next one. The ledger counts them all.
pub(crate) fn write(failure: &Failure) {
    let left_out = if failure.is_protocol() {
        match admit() {
            Some(left_out) => left_out,
            None => return,
        }
    } else {
        0
    };
    let more = if left_out > 0 {
        format!(" (and {left_out} more like it)")
    } else {
        String::new()
    };
    let level = if failure.is_protocol() {
        log::Level::Warn
    } else {
        log::Level::Error
    };
    say(level, format_args!("{failure}{more}"));
}

/// Writes a line to the log, or to stderr if no logger is installed. For authors of backends.
pub fn say(level: log::Level, line: fmt::Arguments<'_>) {
    if log::max_level() == log::LevelFilter::Off {
        // Nobody can be told that stderr is closed.
        let _ = writeln!(std::io::stderr(), "http-server: {line}");
    } else {
        log::log!(level, "{line}");
    }
}

const LINES: u32 = 10;
const PERIOD: Duration = Duration::from_secs(1);

static LEFT_OUT: AtomicU64 = AtomicU64::new(0);
static PERIOD_SO_FAR: Mutex<Option<(Instant, u32)>> = Mutex::new(None);

/// Whether a line may be written now, and how many were not since the last one.
fn admit() -> Option<u64> {
    let now = Instant::now();
    let admitted = match PERIOD_SO_FAR.try_lock() {
        Ok(mut period) => match &mut *period {
            Some((since, lines)) if now.duration_since(*since) < PERIOD => {
                *lines += 1;
                *lines <= LINES
            }
            period => {
                *period = Some((now, 1));
                true
            }
        },
        // Somebody writes at this moment: then the limit is near anyway.
        Err(_) => false,
    };
    if admitted {
        Some(LEFT_OUT.swap(0, Ordering::Relaxed))
    } else {
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        None
    }
}
