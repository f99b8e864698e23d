//! Plays every case everywhere and writes `COMPLIANCE.md`.
//!
//! ```text
//! cargo run -p http-server-conformance --example compliance              writes it
//! cargo run -p http-server-conformance --example compliance -- --check   fails if it is not up to date
//! ```
//!
//! There are no times and no dates in it: the same cases with the same outcomes are the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use http_server_conformance::requirements::{self, Requirement};
use http_server_conformance::{Case, Level, Outcome, Played, Suite, cases};
use http_server_trait::Feature;

/// Why cases fail on hyper, by the list that its own tests are held to.
#[path = "../../backend-hyper/tests/known/mod.rs"]
mod known;
#[path = "compliance/servers.rs"]
mod servers;

/// Where cases are played, and what the report calls it.
const PLAYERS: &[(&str, &str)] = &[
    ("sim", "simulator"),
    ("tokio", "tokio"),
    ("smol", "smol"),
    ("async-std", "async-std"),
    (HYPER, "hyper"),
];

/// The witness: an engine that is not the project's own. What it lacks shows case by case.
const HYPER: &str = "hyper";

fn main() -> ExitCode {
    // One after the other: the simulation is all work, and on sockets time is real.
    let played = [
        Suite::new().simulator(),
        Suite::new().backend("tokio", backend_tokio::Server::new),
        Suite::new().backend("smol", backend_smol::Server::new),
        Suite::new().backend("async-std", backend_asyncstd::Server::new),
        Suite::new()
            .tries(&[Feature::StrictParsing, Feature::Limits, Feature::Trailers])
            .backend(HYPER, backend_hyper::Server::new),
    ];
    let played: Vec<_> = played.into_iter().flat_map(Suite::outcomes).collect();
    let report = Report::of(&played);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../COMPLIANCE.md");
    let text = match servers::section() {
        Ok(servers) => report.to_string().replacen(SERVERS_HERE, &servers, 1),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    report.say_failures();
    let is_check = std::env::args().any(|argument| argument == "--check");
    if is_check {
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        if there == text {
            return ExitCode::SUCCESS;
        }
        say_differences(&there, &text);
        eprintln!("COMPLIANCE.md is not what the cases say. To write it anew:");
        eprintln!("cargo run -p http-server-conformance --example compliance");
        return ExitCode::FAILURE;
    }
    match std::fs::write(&path, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// Why a case is known to fail on hyper.
fn why_on_hyper(case: &str) -> Option<&'static str> {
    let known = known::FAILS.iter().find(|(name, _)| *name == case)?;
    Some(known.1)
}

fn say_differences(there: &str, wanted: &str) {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) =
        (there.lines().collect(), wanted.lines().collect());
    old.difference(&new).for_each(|line| eprintln!("- {line}"));
    new.difference(&old).for_each(|line| eprintln!("+ {line}"));
}

/// What became of each case, by its name and where it was played.
struct Report<'a>(BTreeMap<(&'a str, &'a str), &'a Outcome>);

impl<'a> Report<'a> {
    fn of(played: &'a [Played]) -> Self {
        Report(
            played
                .iter()
                .map(|played| ((played.case.name, played.backend), &played.outcome))
                .collect(),
        )
    }

    fn outcome(&self, case: &Case, player: &str) -> Option<&'a Outcome> {
        self.0.get(&(case.name, player)).copied()
    }

    fn say_failures(&self) {
        for ((case, player), outcome) in &self.0 {
            let is_known = *player == HYPER && why_on_hyper(case).is_some();
            if let (Outcome::Failed(failure), false) = (outcome, is_known) {
                eprintln!("{player}::{case} failed: {failure}\n");
            }
        }
    }

    /// The outcomes of these cases at one player, in numbers.
    fn count<'c>(&self, cases: impl Iterator<Item = &'c Case>, player: &str) -> Count {
        let mut count = Count::default();
        for case in cases {
            match self.outcome(case, player) {
                Some(Outcome::Passed) => count.passed += 1,
                Some(Outcome::Failed(_)) => count.failed += 1,
                Some(Outcome::Skipped(_)) | None => count.skipped += 1,
            }
        }
        count
    }

    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| played on | cases | passed | failed | skipped |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for (player, name) in PLAYERS {
            let count = self.count(cases::all(), player);
            writeln!(
                f,
                "| {name} | {} | {} | {} | {} |",
                count.all(),
                count.passed,
                count.failed,
                count.skipped
            )?;
        }
        Ok(())
    }

    /// What did not pass, and why.
    fn exceptions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = String::new();
        for case in cases::all() {
            for (player, name) in PLAYERS {
                let (what, why) = match self.outcome(case, player) {
                    Some(Outcome::Passed) => continue,
                    Some(Outcome::Failed(failure)) => {
                        let known = why_on_hyper(case.name).filter(|_| *player == HYPER);
                        let why = known.map_or_else(|| failure.to_string(), str::to_owned);
                        ("**failed**", why)
                    }
                    Some(Outcome::Skipped(reason)) => ("skipped", reason.clone()),
                    None => ("skipped", "not played".to_owned()),
                };
                let why = why.lines().next().unwrap_or_default().replace('|', "\\|");
                writeln!(lines, "| `{}` | {name} | {what} | {why} |", case.name)?;
            }
        }
        if lines.is_empty() {
            return writeln!(f, "Every case was played everywhere and passed.");
        }
        write!(f, "| case | on | | reason |\n|---|---|---|---|\n{lines}")
    }

    /// A table of requirements, each with its cases and their outcomes.
    fn requirements(
        &self,
        f: &mut fmt::Formatter<'_>,
        requirements: &[Requirement],
    ) -> fmt::Result {
        write!(f, "| id | source | level | what is asked | cases |")?;
        PLAYERS
            .iter()
            .try_for_each(|(_, name)| write!(f, " {name} |"))?;
        write!(f, "\n|---|---|---|---|---|")?;
        PLAYERS.iter().try_for_each(|_| write!(f, "---|"))?;
        writeln!(f)?;
        for requirement in requirements {
            self.requirement(f, requirement)?;
        }
        Ok(())
    }

    fn requirement(&self, f: &mut fmt::Formatter<'_>, requirement: &Requirement) -> fmt::Result {
        let cases: Vec<_> = cases_of(requirement).collect();
        let names: Vec<_> = cases
            .iter()
            .map(|case| format!("`{}`", case.name))
            .collect();
        let held_by = match (names.is_empty(), requirement.elsewhere) {
            (false, _) => names.join("<br>"),
            (true, Some(elsewhere)) => elsewhere.to_owned(),
            (true, None) => "none yet".to_owned(),
        };
        write!(
            f,
            "| {} | {} | {} | {} | {held_by} |",
            requirement.id,
            requirement.source,
            level(requirement.level),
            requirement.title
        )?;
        for (player, _) in PLAYERS {
            let count = self.count(cases.iter().copied(), player);
            write!(f, " {count} |")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        self.totals(f)?;
        f.write_str("\n## What did not pass\n\n")?;
        self.exceptions(f)?;
        f.write_str(SERVERS_HERE)?;
        f.write_str(CHOICES)?;
        write_choices(f)?;
        f.write_str(RFC)?;
        self.requirements(f, requirements::RFC)?;
        f.write_str(CONTRACT)?;
        self.requirements(f, requirements::CONTRACT)?;
        f.write_str(ACCEPTANCE)?;
        self.requirements(f, requirements::ACCEPTANCE)?;
        f.write_str(ATTACKS)?;
        f.write_str(include_str!("../../soak/ATTACKS.md"))?;
        f.write_str("\n## The cases\n")?;
        write_cases(f)
    }
}

/// What the RFCs leave open, and which side was taken: the cases of that level that cite them.
fn write_choices(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "| where | what was chosen, and why | case |\n|---|---|---|"
    )?;
    for case in cases::all().filter(|case| case.level == Level::House) {
        let cited = case.requirements.iter().filter_map(|id| {
            let is_of_an_rfc = |it: &&Requirement| it.source.starts_with(char::is_numeric);
            requirements::find(id).filter(is_of_an_rfc)
        });
        let sections: Vec<_> = cited.map(|it| format!("RFC {}", it.source)).collect();
        if sections.is_empty() {
            continue;
        }
        let about = case.about.trim().replace('|', "\\|");
        let name = case.name;
        writeln!(f, "| {} | {about} | `{name}` |", sections.join("<br>"))?;
    }
    Ok(())
}

/// Every case with what it is about.
fn write_cases(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut group = "";
    for case in cases::all() {
        if group != case.group {
            group = case.group;
            let title = group.rsplit("::").next().unwrap_or(group);
            writeln!(f, "\n### {title}\n")?;
        }
        writeln!(
            f,
            "* `{}` ({}; {}):{}",
            case.name,
            level(case.level),
            case.requirements.join(", "),
            case.about
        )?;
    }
    Ok(())
}

fn cases_of(requirement: &Requirement) -> impl Iterator<Item = &'static Case> {
    cases::all().filter(move |case| case.requirements.contains(&requirement.id))
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::House => "house",
    }
}

/// Outcomes in numbers.
#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Count {
    fn all(&self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.all() == 0 {
            return Ok(());
        }
        write!(f, "{}/{}", self.passed, self.all())?;
        if self.failed > 0 {
            write!(f, ", **{} failed**", self.failed)?;
        }
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

const HEAD: &str = "\
# Compliance

<!-- Written by `cargo run -p http-server-conformance --example compliance`. Do not edit; `.ci/run` checks it. -->

What is asked of a server, by whose authority, which cases hold it to that, and what came out. Each case is played on
real sockets against a fresh server of each backend, with all times divided by 20, and in a simulation with virtual
time: whole, byte by byte, cut at every point of what the client sends (at 200 points of a long message), and in rough
weather of ten seeds. A case counts as passed in the simulation if all of these runs passed. `cargo test` plays the
cases also through `Box<dyn HttpServer>` and on a runtime that the server joins.

The simulator, tokio, smol and async-std share one engine. hyper is a witness with another one, which the project has
not written: what it lacks is known, and stands below with its reason.

";

/// Where the section about other servers is put in.
const SERVERS_HERE: &str = "\0";

const CHOICES: &str = "
## Choices

Where the RFCs leave a choice the strict side is taken, and it is the same on every backend. Each is held by a case; to
differ from it is no failure of another server.

";

const RFC: &str = "
## The RFCs

What RFC 9110 and 9112 (and 6585) ask of an origin server. Levels: *must* and *should* are the RFC's; *house* is where
it leaves a choice, and what the project has chosen. Not in the table, because they are not built: WebSocket, HTTP/2,
TLS and the PROXY protocol.

";

const CONTRACT: &str = "
## The contract

The clauses of `http_server_trait::contract`: what hooks, handles and connections promise.

";

const ATTACKS: &str = "
## Under attack

What a server comes through, in figures: written by `cargo run --release -p bayonet-soak -- attack --markdown
soak/ATTACKS.md`, and taken over word for word.

";

const ACCEPTANCE: &str = "
## Acceptance

What five earlier servers could do, whose users are to miss nothing: Raku's HTTP::Server::Async (list 0), Ring (1),
Nim's asynchttpserver (2), PAGI (3), manakai's Web::Transport (4). Lines about what is not built yet are left out.

";
