//! Mutants in the simulation.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::copies::http_server_conformance::requirements::{self, CONTRACT, RFC};
use crate::copies::http_server_conformance::{Case, Outcome, cases, simulate};
use crate::table::{self, Mutant};
use crate::{switch, table::NOT_BENT};

/// So many mutants at least: what the project asked for.
const AT_LEAST: usize = 60;

/// A mutant that is played for so long hangs where no step is counted.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a case says of the mutant of this number, whole and byte by byte; of the server as it is, with `None`.
///
/// # Errors
/// Why it fails.
pub fn verdict(mutant: Option<usize>, case: &'static Case) -> Result<(), String> {
    let play = || catch_unwind(AssertUnwindSafe(|| simulate(case, 0, 0)));
    match switch::with(mutant, play) {
        Ok(Outcome::Passed) => Ok(()),
        Ok(Outcome::Failed(failure)) => Err(failure.to_string()),
        Ok(Outcome::Skipped(reason)) => Err(format!("{NOT_HERE}: {reason}")),
        Err(panic) => Err(text(&*panic)),
    }
}

const NOT_HERE: &str = "it is not played in a simulation";

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

/// Says which cases kill the mutants with this part of a place in the table or of a name: of those that hold what the mutant bends, or, where
/// none of these does, of all. Each is played whole and byte by byte. A mutant may take all the memory that there is:
/// `ulimit -v` is a friend.
pub fn hunt(part: &str) {
    quiet();
    if part == UNBENT {
        return weigh();
    }
    for (number, mutant) in table::all().enumerate() {
        if !mutant.place().contains(part) {
            continue;
        }
        println!("{} {:?}", mutant.place(), mutant.requirements);
        let holds = |case: &&Case| {
            let mut held = case.requirements.iter();
            held.any(|id| mutant.requirements.contains(id))
        };
        if !hunt_in(number, &mut cases::all().filter(holds)) {
            println!("    of the cases that hold these, none; of all:");
            hunt_in(number, &mut cases::all());
        }
    }
}

/// Instead of a part of a name: the server as it is.
const UNBENT: &str = "unbent";

/// Says which cases fail with nothing bent, and how many steps the longest takes.
fn weigh() {
    let mut most = (0, "");
    for case in cases::all() {
        match verdict(None, case) {
            Err(why) if !why.starts_with(NOT_HERE) => println!("{}: {why}", case.name),
            _ => most = most.max((switch::steps(), case.name)),
        }
    }
    println!("{} steps: {}", most.0, most.1);
}

/// Says which of these cases kill a mutant; whether one does.
fn hunt_in(mutant: usize, cases: &mut dyn Iterator<Item = &'static Case>) -> bool {
    let mut killed = false;
    for case in cases {
        match verdict(Some(mutant), case) {
            Err(why) if !why.starts_with(NOT_HERE) => {
                let first = why.lines().next().unwrap_or_default();
                println!("    {} {:?}: {first}", case.name, case.requirements);
                killed = true;
            }
            _ => {}
        }
    }
    killed
}

/// Runs the table as tests, and ends the process.
pub fn run() {
    quiet();
    let mut trials = vec![
        Trial::test("table::is_well_formed", || told(well_formed())),
        Trial::test("table::leaves_no_requirement_out", || told(complete())),
    ];
    let named: BTreeSet<_> = table::all().flat_map(|mutant| mutant.killed_by).collect();
    trials.extend(named.into_iter().map(|name| {
        Trial::test(format!("unbent::{name}"), move || {
            let case = find(name).ok_or_else(|| Failed::from("there is no such case"))?;
            told(bounded(None, case))
        })
    }));
    trials.extend(table::all().enumerate().map(|(number, mutant)| {
        Trial::test(format!("bent::{}", mutant.name), move || {
            told(killed(number, mutant))
        })
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn told(outcome: Result<(), String>) -> Result<(), Failed> {
    outcome.map_err(Failed::from)
}

fn find(name: &str) -> Option<&'static Case> {
    cases::all().find(|case| case.name == name)
}

/// Each of its cases notices, by itself.
fn killed(number: usize, mutant: &Mutant) -> Result<(), String> {
    for name in mutant.killed_by {
        let case = find(name).ok_or_else(|| format!("there is no case {name}"))?;
        match bounded(Some(number), case) {
            Ok(()) => return Err(format!("{}: lives on in {name}", mutant.place())),
            Err(why) if why.starts_with(NOT_HERE) => return Err(format!("{name}: {why}")),
            Err(_) => {}
        }
    }
    Ok(())
}

/// As [`verdict`], on a thread that is left behind if it hangs. That is a failure of the table, not of the mutant:
/// every way to go around in circles is to be counted.
fn bounded(mutant: Option<usize>, case: &'static Case) -> Result<(), String> {
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = said.send(verdict(mutant, case));
    });
    heard.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let mutant = mutant.and_then(|number| table::all().nth(number));
        eprintln!("{} hangs with {:?}", case.name, mutant.map(Mutant::place));
        std::process::abort()
    })
}

fn well_formed() -> Result<(), String> {
    let names: BTreeSet<_> = table::all().map(|mutant| mutant.name).collect();
    let count = table::all().count();
    if names.len() < count {
        return Err("two mutants have one name".into());
    }
    if count < AT_LEAST {
        return Err(format!("there are only {count} mutants"));
    }
    for mutant in table::all() {
        let place = mutant.place();
        if mutant.killed_by.is_empty() {
            return Err(format!("{place}: no case kills it"));
        }
        for id in mutant.requirements {
            requirements::find(id)
                .ok_or_else(|| format!("{place}: there is no requirement {id}"))?;
        }
        let cases = mutant.killed_by.iter().filter_map(|name| find(name));
        let mut held = cases.flat_map(|case| case.requirements);
        if !held.any(|id| mutant.requirements.contains(id)) {
            return Err(format!(
                "{place}: none of its cases holds {:?}",
                mutant.requirements
            ));
        }
    }
    Ok(())
}

/// Every requirement of the RFCs and of the contract that cases hold is bent by a mutant, or it is said why none does
/// that; never both.
fn complete() -> Result<(), String> {
    let bent: BTreeSet<_> = table::all()
        .flat_map(|mutant| mutant.requirements)
        .collect();
    let mut wrong = Vec::new();
    let all = RFC.iter().chain(CONTRACT);
    for requirement in all.filter(|requirement| requirement.elsewhere.is_none()) {
        let why = NOT_BENT.iter().find(|(id, _)| *id == requirement.id);
        if bent.contains(&requirement.id) == why.is_some() {
            wrong.push(format!("{} ({})", requirement.id, requirement.title));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "bent by no mutant, or bent and in NOT_BENT: {wrong:#?}"
        ))
    }
}

/// Panics and failures are what mutants are made of; nobody wants to read them.
fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
    log::set_max_level(log::LevelFilter::Error);
}
