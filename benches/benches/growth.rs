//! The group `growth`: what a request costs while its work grows, on every runtime and on the floor.

use std::io;

use bayonet_benches::growth::Grows;
use bayonet_benches::rounds::{Effort, Measured, measure};
use bayonet_benches::servers::FOLLOWED;
use bayonet_benches::{child, cores, is_trial, report, table};

/// Descriptors that a process needs beside those of its connections.
const OTHERS: usize = 200;

fn main() -> io::Result<()> {
    if child::serve_if_asked()? {
        return Ok(());
    }
    let descriptors = cores::descriptors();
    let effort = if is_trial() {
        Effort::TRY
    } else {
        Effort::FOLLOW
    };
    let mut sections = Vec::new();
    for grows in Grows::ALL.into_iter().filter(|grows| is_asked_for(*grows)) {
        let mut steps: Vec<(usize, Vec<Measured>)> = Vec::new();
        // To see that it works, two are enough.
        let most = if is_trial() { 2 } else { usize::MAX };
        for &size in grows.sizes().iter().take(most) {
            let work = grows.work(size);
            if work.connections + OTHERS > descriptors {
                println!(
                    "{}: left out, for a process may have {descriptors} descriptors",
                    work.name
                );
                continue;
            }
            steps.push((size, measure(&work, FOLLOWED, effort)?));
        }
        println!("{}", table::growth(grows, &steps));
        sections.push(report::of_growth(grows, &steps));
    }
    for section in &sections {
        for note in &section.notes {
            println!("{}: {note}", section.name);
        }
    }
    if !sections.is_empty() && !is_trial() {
        let conditions = report::conditions(effort, cores::count());
        let page = report::write("growth", &conditions, &sections)?;
        println!("\nplots: {}", page.display());
    }
    Ok(())
}

/// As Criterion has it: what is named on the command line is part of the name of what is measured.
fn is_asked_for(grows: Grows) -> bool {
    let name = format!("growth/{}", grows.name());
    let mut filters = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .peekable();
    filters.peek().is_none() || filters.any(|filter| name.contains(&filter))
}
