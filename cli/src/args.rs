//! The command line: what can be said, and what is answered to what cannot.

use bayonet::IntoListen;
use clap::{Args as Options, Parser, Subcommand};

use crate::{check, control};

/// Where the demo listens if nobody says where.
const PLACE: &str = "127.0.0.1:1666";
/// More threads than this is a slip of the hand.
const MOST_WORKERS: usize = 1024;

const EXAMPLES: &str = "\
Examples:
  bayonet                                the demo on tokio, at http://127.0.0.1:1666
  bayonet --backend smol                 the same application on another runtime
  bayonet --bind 127.0.0.1:0             on a free port, which it prints
  bayonet demo --help                    the routes, and more examples
  bayonet backends                       what is compiled in, and what it can do
  bayonet --control unix:/tmp/bayonet    steered from another terminal,
      bayonet swap smol --control unix:/tmp/bayonet
                                         which moves it to smol while it runs
  bayonet check http://127.0.0.1:8080    any server, held to the RFCs
  bayonet check --help                   what that needs, and more examples

Then, from another terminal:
  curl -i http://127.0.0.1:1666/plaintext
  curl --data-binary @Cargo.toml http://127.0.0.1:1666/echo
  curl http://127.0.0.1:1666/conn

Exit codes:
  0 a clean stop, or done    1 it could not be done    2 a wrong command line
  3 requests were cut
  Those of `bayonet check` are its own: see its help.";

const DEMO_EXAMPLES: &str = "\
Routes:
  GET  /            a short text, or a page for a browser
  GET  /plaintext   Hello, World!
  GET  /json        the same, serialised for each request
  POST /echo        the content back, as it comes, with its type
  GET  /stream      64 chunks of 1 KiB
  GET  /big         1 MiB
  GET  /conn        what a request knows: connection, runtime, worker thread
  GET  /slow?ms=N   an answer after N milliseconds
  GET  /events      what the page shows, as server-sent events
  GET  /panic       a handler that panics, and a client that gets its 500
  GET  /upgrade     101, then every byte comes back

Stopping:
  Ctrl-C lets requests finish, for up to 25 s. A second one ends at once.

Examples:
  bayonet demo --backend async-std --workers 1
  bayonet demo --bind 127.0.0.1:8080 --bind '[::1]:8080'
  bayonet demo --bind unix:/tmp/bayonet.sock
      curl --unix-socket /tmp/bayonet.sock http://localhost/conn
  bayonet demo --control unix:/tmp/bayonet
      bayonet status --control unix:/tmp/bayonet
      bayonet swap smol --control unix:/tmp/bayonet
      bayonet drain --control unix:/tmp/bayonet
  export BAYONET_CONTROL=unix:/tmp/bayonet     and `--control` can be left out";

const CONTROL_EXAMPLES: &str = "\
Examples, with a demo that was started with `bayonet demo --control unix:/tmp/bayonet`:
  bayonet status --control unix:/tmp/bayonet
  bayonet swap smol --control unix:/tmp/bayonet
  bayonet drain --within 5 --control unix:/tmp/bayonet

With `bayonet demo --control 127.0.0.1:0`, which prints a port and a token:
  BAYONET_TOKEN=TOKEN bayonet status --control 127.0.0.1:PORT

Exit codes:
  0 done    1 it could not be done    2 a wrong command line    3 requests were cut";

/// One mount, interchangeable HTTP servers.
///
/// A web application is written once, against a small trait; the server under it,
/// and the async runtime under that, are changed by a name. `bayonet demo` shows it:
/// the same application on tokio, async-std or smol.
///
/// Without a command it is `bayonet demo`, with the same options.
#[derive(Debug, Parser)]
#[command(name = "bayonet", version, after_help = EXAMPLES)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: Demo,
}

impl Args {
    /// What to do: without a command, the demo.
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Demo(self.demo))
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the demo application.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(Demo),
    /// List the backends that are compiled in, and what they can do.
    Backends,
    /// Show what serves a running demo, and its swaps.
    #[command(after_help = CONTROL_EXAMPLES)]
    Status(control::Status),
    /// Move a running demo to another backend. No request fails.
    #[command(after_help = CONTROL_EXAMPLES)]
    Swap(control::Swap),
    /// Let the requests of a running demo finish, and end it.
    #[command(after_help = CONTROL_EXAMPLES)]
    Drain(control::Drain),
    /// Check any HTTP/1.1 server against the RFCs, by its address.
    #[command(after_help = check::EXAMPLES)]
    Check(Box<check::Options>),
}

/// How to serve the demo.
#[derive(Debug, Options)]
pub(crate) struct Demo {
    /// What serves: tokio, async-std or smol.
    /// Default: tokio, or the only one that is compiled in.
    #[arg(long, value_name = "NAME", value_parser = backend, verbatim_doc_comment)]
    pub(crate) backend: Option<&'static str>,
    /// Where to listen: ADDRESS:PORT, [V6]:PORT or unix:/PATH.
    /// Port 0 takes a free one.
    /// Can be given more than once.
    #[arg(long, value_name = "ADDR", value_parser = place, default_value = PLACE, verbatim_doc_comment)]
    pub(crate) bind: Vec<String>,
    /// How many threads serve, from 1 to 1024.
    /// Default: as many as the machine runs at a time.
    #[arg(long, value_name = "N", value_parser = workers, verbatim_doc_comment)]
    pub(crate) workers: Option<usize>,
    /// Lets other terminals steer the demo: unix:/PATH, for your user alone,
    /// or 127.0.0.1:PORT, which prints a token.
    /// Default: what the environment variable BAYONET_CONTROL says, if anything.
    #[arg(long, value_name = "PLACE", value_parser = control::Place::parse, verbatim_doc_comment)]
    pub(crate) control: Option<control::Place>,
}

/// The name of a backend that is compiled in.
fn backend(name: &str) -> Result<&'static str, String> {
    let names = bayonet::backend_names();
    if let Some(found) = names.iter().find(|known| **known == name) {
        return Ok(found);
    }
    let known = crate::backends::ALL.contains(&name);
    Err(match (known, names.is_empty()) {
        (true, _) => format!("it is not compiled in; build with `--features {name}`"),
        (false, false) => format!("choose one of: {}", names.join(", ")),
        (false, true) => crate::backends::NONE.to_owned(),
    })
}

/// Something to listen on. The text is kept: what it means can be used once only.
fn place(text: &str) -> Result<String, String> {
    match text.into_listen() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), ToString::to_string)),
    }
}

/// A number of threads.
fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_WORKERS).contains(&count) => Ok(count),
        _ => Err(format!(
            "give a number of threads from 1 to {MOST_WORKERS}, or leave it out for one on each processor"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, Command, Demo, PLACE};
    use clap::{CommandFactory, Parser};

    fn demo(line: &[&str]) -> Demo {
        let words = ["bayonet", "demo"].iter().chain(line);
        match Args::try_parse_from(words)
            .expect("a right line")
            .into_command()
        {
            Command::Demo(demo) => demo,
            _ => panic!("{line:?} is the demo"),
        }
    }

    #[test]
    fn clap_finds_nothing_wrong() {
        Args::command().debug_assert();
    }

    #[test]
    fn no_command_is_the_demo() {
        for line in [&["bayonet"][..], &["bayonet", "--workers", "2"]] {
            let args = Args::try_parse_from(line).expect("a right line");
            let Command::Demo(demo) = args.into_command() else {
                panic!("{line:?} is not the demo");
            };
            assert_eq!((demo.bind, demo.backend), (vec![PLACE.to_owned()], None));
            assert_eq!(demo.workers.is_some(), line.len() > 1);
        }
    }

    #[test]
    fn places_add_up_and_replace_the_default() {
        let demo = demo(&[
            "--bind",
            "[::1]:0",
            "--bind",
            "unix:/tmp/a",
            "--workers",
            "3",
        ]);
        assert_eq!(demo.bind, ["[::1]:0", "unix:/tmp/a"]);
        assert_eq!(demo.workers, Some(3));
    }

    #[test]
    fn lines_fit_a_terminal() {
        for text in [
            super::EXAMPLES,
            super::DEMO_EXAMPLES,
            super::CONTROL_EXAMPLES,
        ] {
            for line in text.lines() {
                assert!(line.len() <= 90, "{line}");
            }
        }
    }
}
