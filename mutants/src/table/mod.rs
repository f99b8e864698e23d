//! The mutants: each a rule that is deleted or bent, what asks for the rule, and the cases that notice.

mod answers;
mod connections;
mod fields;
mod framing;
mod generations;
mod hooks;
mod lifecycle;
mod limits;
mod live;
mod messages;
mod sampled;
mod times;

use std::panic::Location;

use crate::edit::Edit;

/// A server with one rule bent.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// What it does: `keeps_length_beside_chunked`.
    pub name: &'static str,
    /// What asks for the rule that it bends.
    pub requirements: &'static [&'static str],
    /// What is changed: file, original, and what it becomes. See [`Edit`].
    pub edits: [Option<[&'static str; 3]>; 4],
    /// The cases that notice, each by itself.
    pub killed_by: &'static [&'static str],
    /// Where it is written.
    place: &'static Location<'static>,
}

impl Mutant {
    #[track_caller]
    const fn that(name: &'static str, requirements: &'static [&'static str]) -> Self {
        Mutant {
            name,
            requirements,
            edits: [None; 4],
            killed_by: &[],
            place: Location::caller(),
        }
    }

    /// In this file, what says the rule becomes this.
    const fn bends(
        mut self,
        file: &'static str,
        original: &'static str,
        bent: &'static str,
    ) -> Self {
        let mut free = 0;
        while self.edits[free].is_some() {
            free += 1;
        }
        self.edits[free] = Some([file, original, bent]);
        self
    }

    const fn killed_by(mut self, cases: &'static [&'static str]) -> Self {
        self.killed_by = cases;
        self
    }

    /// The line of the table that it is written in.
    pub fn place(&self) -> String {
        format!("{}:{}: {}", self.place.file(), self.place.line(), self.name)
    }
}

/// The mutants of every file.
const ALL: &[&[Mutant]] = &[
    messages::MUTANTS,
    fields::MUTANTS,
    framing::MUTANTS,
    answers::MUTANTS,
    connections::MUTANTS,
    limits::MUTANTS,
    times::MUTANTS,
    hooks::MUTANTS,
    lifecycle::MUTANTS,
    live::MUTANTS,
    generations::MUTANTS,
    sampled::MUTANTS,
];

/// Every mutant. Its number is its place in here.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    ALL.iter().copied().flatten()
}

/// Every change of a file.
pub fn edits() -> Vec<Edit> {
    let numbered = all().enumerate();
    let edits = numbered.flat_map(|(number, mutant)| {
        let edits = mutant.edits.iter().flatten();
        edits.map(move |[file, original, bent]| Edit {
            place: mutant.place(),
            file,
            original,
            bent,
            number,
        })
    });
    edits.collect()
}

const SOCKETS: &str =
    "what holds it is in `engine/src/net.rs`, and a simulation opens no socket of the system";
const ONE_THREAD: &str = "a server that breaks it blocks its thread, and a simulation has no other";

const APPLICATION: &str = "no rule of the server: it leaves that to the application";

/// What no mutant bends of what cases hold, and why.
pub const NOT_BENT: &[(&str, &str)] = &[
    ("R-062", APPLICATION),
    ("R-073", APPLICATION),
    ("R-074", APPLICATION),
    ("R-075", APPLICATION),
    ("R-161", SOCKETS),
    ("R-164", "no rule: that there is one engine holds it"),
    ("T-12", ONE_THREAD),
    ("T-21", ONE_THREAD),
    ("T-32", ONE_THREAD),
];
