//! The command line of `bayonet check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use http_server_conformance::Level;
use http_server_conformance::remote::{Asking, Echo};

use super::target::Target;

pub(crate) const EXAMPLES: &str = "\
What it needs:
  A path that answers 200 with the same content each time: --ok, or in the address.
  If there is one, a path that sends the content of a POST back: --echo.
  Nothing else. Requests go to these two paths, on a few connections at a time.

What it judges by:
  must    the RFC says must, or the framing of messages would break
  should  the RFC says should
  house   the RFC leaves it open; Bayonet has chosen. Others `differ`, and do not fail.
  Each finding names its clause, and shows what was sent and what came back.
  Time-outs, limits and hooks are a server's own: their cases do not apply to others.

Examples:
  bayonet check http://127.0.0.1:8080
  bayonet check http://127.0.0.1:8080/health --no-echo --level must
  bayonet check unix:/run/app.sock --ok / --echo /post
  bayonet check 127.0.0.1:8080 --only chunk --only R-012 --only '9112, 6.3'
  bayonet check 127.0.0.1:8080 --format html --output report.html
  bayonet check 127.0.0.1:8080 --format junit --output check.xml
  bayonet check --compare nginx=http://127.0.0.1:8081 node=http://127.0.0.1:8082
  bayonet check --list --level must

To try it, the demo in another terminal:
  bayonet demo
  bayonet check http://127.0.0.1:1666/plaintext

Exit codes:
  0 every must holds    1 one does not, or was not played
  2 a wrong command line, or a server that cannot be asked";

/// How to check a server.
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Options {
    /// What to check: http://HOST:PORT[/PATH], HOST:PORT or unix:/PATH.
    /// NAME= in front of it is what the report calls it.
    #[arg(value_name = "SERVER", value_parser = Target::parse, required_unless_present = "list", verbatim_doc_comment)]
    pub(crate) servers: Vec<Target>,
    /// Several servers side by side.
    #[arg(long)]
    pub(crate) compare: bool,
    /// A path that answers 200.
    /// Default: the path of the address, or /ok.
    #[arg(long, value_name = "PATH", value_parser = path, verbatim_doc_comment)]
    ok: Option<String>,
    /// A path that sends content back.
    /// Default: /echo, if it does.
    #[arg(long, value_name = "PATH", value_parser = path, conflicts_with = "no_echo", verbatim_doc_comment)]
    echo: Option<String>,
    /// There is no path that sends content back. Cases that need one do not apply.
    #[arg(long)]
    no_echo: bool,
    /// The host that the server answers for.
    /// Default: any; cases ask for `a`.
    #[arg(long, value_name = "NAME", value_parser = host, verbatim_doc_comment)]
    host: Option<String>,
    /// Only cases that have this in their name or group, or hold this requirement,
    /// or this section of an RFC.
    /// Can be given more than once.
    #[arg(long, value_name = "PATTERN", verbatim_doc_comment)]
    pub(crate) only: Vec<String>,
    /// Only cases that ask for so much at least.
    #[arg(long, value_name = "LEVEL", default_value = "house")]
    pub(crate) level: AtLeast,
    /// How the report is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// The result of each case, and nothing of what went over the wire. For `--format json`.
    #[arg(long)]
    pub(crate) brief: bool,
    /// Where the report is written to. Default: the standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// List the cases, and check nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// How many connections at a time, from 1 to 64.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) jobs: u8,
    /// How many milliseconds an answer may take.
    #[arg(long, value_name = "MS", default_value = "2000", value_parser = clap::value_parser!(u32).range(10..=60_000))]
    patience: u32,
    /// How many seconds the check of a server may take.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u32).range(1..=3600))]
    time: u32,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, at a terminal.
    Text,
    /// For programs, with everything.
    Json,
    /// For continuous integration.
    Junit,
    /// For people, in one file for a browser.
    Html,
    /// For documentation.
    Markdown,
}

/// How much is asked at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtLeast {
    /// What the RFCs say must be.
    Must,
    /// What they say should be, too.
    Should,
    /// What Bayonet has chosen, too.
    House,
}

impl AtLeast {
    pub(crate) fn level(self) -> Level {
        match self {
            AtLeast::Must => Level::Must,
            AtLeast::Should => Level::Should,
            AtLeast::House => Level::House,
        }
    }
}

impl Options {
    /// How to ask this server.
    pub(crate) fn asking(&self, target: &Target) -> Asking {
        let mut asking = Asking::default();
        if let Some(path) = self.ok.as_ref().or(target.path.as_ref()) {
            asking.ok.clone_from(path);
        }
        asking.echo = match (&self.echo, self.no_echo) {
            (Some(path), _) => Echo::At(path.clone()),
            (None, true) => Echo::Nowhere,
            (None, false) => asking.echo,
        };
        asking.host.clone_from(&self.host);
        asking.patience = Duration::from_millis(self.patience.into());
        asking.all_time = Duration::from_secs(self.time.into());
        asking
    }
}

fn path(text: &str) -> Result<String, String> {
    let fits = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a path begins with `/`, and has no spaces".to_owned())
    }
}

fn host(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a host is a name or an address, and perhaps a port".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::EXAMPLES;

    #[test]
    fn lines_fit_a_terminal() {
        for line in EXAMPLES.lines() {
            assert!(line.len() <= 90, "{line}");
        }
    }
}
