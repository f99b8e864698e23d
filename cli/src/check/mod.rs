//! `bayonet check`: any server held to the RFCs, by its address.

mod bytes;
mod html;
mod json;
mod junit;
mod list;
mod markdown;
mod options;
mod progress;
mod report;
#[cfg(test)]
mod samples;
mod target;
mod text;

use std::io::Write;
use std::process::ExitCode;

use http_server_conformance::Case;
use http_server_conformance::remote::{self, Remote, Unreached, UnreachedKind};

use crate::failure::Failure;
use options::Format;
pub(crate) use options::{EXAMPLES, Options};
use progress::Progress;
use report::{Checked, Report};
use target::Target;

/// The exit code where a must does not hold.
const DOES_NOT_HOLD: u8 = 1;
/// The exit code of a wrong command line, and of a server that cannot be asked.
const CANNOT_ASK: u8 = 2;

/// Checks, or lists, and says how it went. What is wrong with the command line is said here, as its exit code is
/// not that of a demo that does not start.
pub(crate) fn run(options: &Options) -> ExitCode {
    match try_to(options) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(CANNOT_ASK)
        }
    }
}

fn try_to(options: &Options) -> Result<ExitCode, Failure> {
    let cases = list::chosen(options)?;
    if options.list {
        print(&list::write(&cases));
        return Ok(ExitCode::SUCCESS);
    }
    if options.servers.len() > 1 && !options.compare {
        return Err(Failure::new(
            "there are several servers; say `--compare` to see them side by side",
        ));
    }
    let mut servers = Vec::new();
    // All of them are there, or nothing is begun.
    for target in &options.servers {
        servers.push((target, reach(options, target)?));
    }
    let checked = servers
        .iter()
        .map(|(target, server)| check(options, target, server, &cases));
    let report = Report {
        servers: checked.collect(),
    };
    tell(options, &report)?;
    Ok(if report.every_must_holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DOES_NOT_HOLD)
    })
}

fn reach(options: &Options, target: &Target) -> Result<Remote, Failure> {
    let addresses = target.addresses().map_err(Failure::new)?;
    Remote::reach(&addresses, &options.asking(target)).map_err(|error| unreached(target, &error))
}

fn unreached(target: &Target, error: &Unreached) -> Failure {
    let way_out = match error.kind() {
        UnreachedKind::Connect => "start the server first, or look at the address",
        UnreachedKind::Http => "give the address of a server that speaks HTTP/1.1 without TLS",
        UnreachedKind::Ok => {
            "say which path answers 200 with the same content each time: `--ok /PATH`, \
            and for which host: `--host NAME`"
        }
        _ => {
            "say which path sends content back: `--echo /PATH`, or that there is none: `--no-echo`"
        }
    };
    let text = error.to_string();
    let text = text.trim_end().replace('\n', "\n  ");
    // An address is its own name where it was given none.
    let text = if text.starts_with(&target.name) {
        format!("{text}\n  {way_out}")
    } else {
        format!("{}: {text}\n  {way_out}", target.name)
    };
    Failure::new(bytes::harmless(&text))
}

fn check(options: &Options, target: &Target, server: &Remote, cases: &[&'static Case]) -> Checked {
    let progress = Progress::of(cases.len());
    let judged = server.play_all(cases, options.jobs.into(), |judged| progress.tell(judged));
    progress.end();
    Checked::of(&target.name, server, judged)
}

/// Writes the report where it is wanted. Where that is a file, people get a summary all the same.
fn tell(options: &Options, report: &Report) -> Result<(), Failure> {
    let written = match options.format {
        Format::Text => text::write(report),
        Format::Json => json::write(report, options.brief),
        Format::Junit => junit::write(report),
        Format::Html => html::write(report),
        Format::Markdown => markdown::write(report),
    };
    let Some(path) = &options.output else {
        print(&written);
        return Ok(());
    };
    std::fs::write(path, written).map_err(|error| {
        let path = path.display();
        Failure::new(format!(
            "`--output {path}`: {error}\n  choose a file in a directory that is there and that you may write to"
        ))
    })?;
    for server in &report.servers {
        print(&(progress::verdict(&server.name, &server.count()) + "\n"));
    }
    Ok(())
}

fn print(text: &str) {
    // Whoever reads may have read enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The cases that can be asked of any server.
fn all() -> impl Iterator<Item = &'static Case> {
    remote::cases()
}
