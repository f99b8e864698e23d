//! The `bayonet` command: see `bayonet --help`.

mod args;
mod backends;
mod check;
mod control;
mod demo;
mod failure;
mod notify;
mod signals;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;
use demo::say;

fn main() -> ExitCode {
    let outcome = match Args::parse().into_command() {
        Command::Demo(options) => demo::run(&options),
        Command::Backends => backends::list(),
        Command::Status(options) => control::status(&options),
        Command::Swap(options) => control::swap(&options),
        Command::Drain(options) => control::drain(&options),
        Command::Check(options) => Ok(check::run(&options)),
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        ExitCode::from(failure::COULD_NOT_START)
    })
}
