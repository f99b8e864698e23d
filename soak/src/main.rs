//! A server that changes its runtime hundreds of times, under load of every kind, one that is attacked in every
//! way, and a count of what went wrong: see `cargo run --release -p bayonet-soak -- --help`.

mod answers;
mod attack;
mod clients;
mod idle;
mod memory;
mod process;
mod serve;
mod server;
mod swap;
mod table;
mod tally;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Long runs, to see what short ones do not show.
#[derive(Debug, Parser)]
#[command(name = "bayonet-soak", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Swap tokio, smol, async-std ... under load, and count.
    #[command(after_help = "\
Exit codes:
  0 no request failed and no connection was lost    1 some did; the counts say what")]
    Swap(Swap),
    /// Attack a server in every way, on each runtime, and see what it costs.
    #[command(after_help = "\
Exit codes:
  0 the server came through all of it    1 it did not; the table says where")]
    Attack(attack::Options),
    /// The server that is attacked.
    #[command(hide = true)]
    Stand {
        /// The runtime.
        backend: String,
        /// Its configuration, as `name=value`.
        setup: Vec<String>,
    },
    /// The server, which the other commands start.
    #[command(hide = true)]
    Serve {
        /// How many threads serve.
        workers: usize,
    },
}

/// How long, and how much.
#[derive(Clone, Debug, Args)]
struct Swap {
    /// How many swaps.
    #[arg(long, default_value_t = 300)]
    swaps: usize,
    /// Milliseconds between two swaps.
    #[arg(long, default_value_t = 100)]
    pause: u64,
    /// Seconds of the same load without a swap, before.
    #[arg(long, default_value_t = 10)]
    quiet: u64,
    /// Requests a second of the clients that keep their connection, all together. Each is sent
    /// at its time, or as soon after as the answer before it is there; it counts from its time.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Clients that keep their connection.
    #[arg(long, default_value_t = 200)]
    kept: u32,
    /// Clients of each other kind: pipelining 16 at a time, slow chunked uploads, slow downloads,
    /// streams, upgraded connections, a connection for each request.
    #[arg(long, default_value_t = 4)]
    others: u32,
    /// Idle connections that are moved in one swap in the end: as many of them as the
    /// process may have descriptors.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Threads of the server.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Show counts alone, no times: for machines that are busy with something else.
    #[arg(long)]
    counts: bool,
}

impl Swap {
    fn pause(&self) -> Duration {
        Duration::from_millis(self.pause)
    }
}

fn main() -> ExitCode {
    let outcome = match Line::parse().command {
        Command::Swap(options) => swap::run(&options),
        Command::Attack(options) => attack::run(&options),
        Command::Stand { backend, setup } => attack::stand(&backend, &setup).map(|()| true),
        Command::Serve { workers } => serve::run(workers).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes as many descriptors as the process may have, and says how many.
fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
