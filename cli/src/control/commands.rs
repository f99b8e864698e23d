//! `bayonet status`, `bayonet swap` and `bayonet drain`: each returns when it is done.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::args::{Drain, Status, Swap};
use super::client::ask;
use crate::failure::{CUT, Failure};
use crate::say;

/// A demo that is well answers sooner.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shows what serves.
///
/// # Errors
/// If nobody answers.
pub(crate) fn status(options: &Status) -> Result<ExitCode, Failure> {
    let what = if options.connections {
        "GET /connections"
    } else {
        "GET /status"
    };
    let status = ask(&options.reach, what, PATIENCE)?;
    match (options.json, options.connections) {
        (true, _) => say(&status),
        (false, true) => tell_connections(&status),
        (false, false) => tell(&status),
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(status: &Value) {
    say(&format_args!(
        "{} on {}, for {:.0} s: {} connections and {} requests in all",
        text(&status["state"]),
        text(&status["backend"]),
        status["uptime"].as_f64().unwrap_or_default(),
        status["accepted"],
        status["requests"],
    ));
    for address in list(&status["addresses"]) {
        say(&format_args!("listening on {}", text(address)));
    }
    say(&format_args!(
        "\n{:<10} {:<8} {:>11} {:>9}",
        "server", "state", "connections", "under way"
    ));
    for server in list(&status["servers"]) {
        say(&format_args!(
            "{:<10} {:<8} {:>11} {:>9}",
            text(&server["backend"]),
            text(&server["state"]),
            server["connections"].to_string(),
            server["active"].to_string(),
        ));
    }
    let swaps = list(&status["swaps"]);
    if swaps.is_empty() {
        return;
    }
    say(&format_args!(
        "\n{:>5}  {:<22} {:>9} {:>6} {:>9} {:>4} {:>8}",
        "swap", "", "ms", "moved", "finished", "cut", "staying"
    ));
    for swap in swaps.iter().rev().take(10).rev() {
        say(&format_args!(
            "{:>5}  {:<22} {:>9.1} {:>6} {:>9} {:>4} {:>8}",
            swap["number"].to_string(),
            format!("{} -> {}", text(&swap["from"]), text(&swap["to"])),
            swap["took_ms"].as_f64().unwrap_or_default(),
            swap["moved"].to_string(),
            swap["finished"].to_string(),
            swap["cut"].to_string(),
            swap["staying"].to_string(),
        ));
    }
}

fn tell_connections(table: &Value) {
    say(&format_args!(
        "{:>6}  {:<22} {:<10} {:<10} {:>10} {:>8} {:>9} {:>10} {:>8} {:>3}",
        "id", "peer", "backend", "state", "age", "requests", "in", "out", "waiting", "gen"
    ));
    for line in list(table) {
        say(&format_args!(
            "{:>6}  {:<22} {:<10} {:<10} {:>8.1} s {:>8} {:>9} {:>10} {:>8} {:>3}",
            text(&line["id"]),
            line["peer"].as_str().unwrap_or("-"),
            text(&line["backend"]),
            text(&line["state"]),
            line["age"].as_f64().unwrap_or_default(),
            line["requests"].to_string(),
            line["bytes_in"].to_string(),
            line["bytes_out"].to_string(),
            line["buffered"].to_string(),
            line["generation"].to_string(),
        ));
    }
}

/// Moves the demo to another backend.
///
/// # Errors
/// If nobody answers, or the demo could not be moved. It serves on as before then.
pub(crate) fn swap(options: &Swap) -> Result<ExitCode, Failure> {
    let request = format!("POST /swap/{}", name(&options.to)?);
    let swap = ask(&options.reach, &request, PATIENCE)?;
    let staying = match swap["staying"].as_u64() {
        None | Some(0) => String::new(),
        Some(staying) => format!(
            "; {staying} with something under way on {}",
            text(&swap["from"])
        ),
    };
    say(&format_args!(
        "{} -> {} in {:.1} ms: {} moved{staying}",
        text(&swap["from"]),
        text(&swap["to"]),
        swap["took_ms"].as_f64().unwrap_or_default(),
        connections(&swap["moved"]),
    ));
    Ok(ExitCode::SUCCESS)
}

/// So many connections, or one.
fn connections(count: &Value) -> String {
    let ending = if *count == 1 { "" } else { "s" };
    format!("{count} connection{ending}")
}

/// Something that can stand in a path as it is.
fn name(text: &str) -> Result<&str, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !text.is_empty() && text.bytes().all(plain) {
        return Ok(text);
    }
    Err(Failure::new(format!(
        "there is no backend `{}`: `bayonet backends` lists them",
        text.escape_debug()
    )))
}

/// Lets requests finish and ends the demo.
///
/// # Errors
/// If nobody answers.
pub(crate) fn drain(options: &Drain) -> Result<ExitCode, Failure> {
    let request = format!("POST /drain?within={}", options.within.as_secs());
    let end = ask(&options.reach, &request, options.within + PATIENCE)?;
    say(&text(&end["report"]));
    let clean = end["clean"].as_bool().unwrap_or_default();
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(CUT)
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
