//! What is shown of an attack, on a terminal and in Markdown.

use std::fmt::Write as _;

use super::{ATTACKS, Found, MEMORY_LEFT, Options};

/// Shows what came of one.
pub(super) fn show(found: &Found, counts: bool) {
    let verdict = if found.notes.wrong.is_empty() {
        "came through"
    } else {
        "WRONG"
    };
    println!("  {:<10} {verdict}", found.backend);
    for line in came(found, counts) {
        println!("             {line}");
    }
    for wrong in &found.notes.wrong {
        println!("    WRONG:   {wrong}");
    }
}

fn came(found: &Found, counts: bool) -> Vec<String> {
    let mut lines = found.notes.came.clone();
    if !counts {
        lines.extend(found.notes.times.iter().cloned());
    }
    let (before, after) = (&found.before, &found.after);
    lines.push(format!(
        "allocated {} KiB before, {} at most, {} after; resident {}, {}, {}; descriptors {} and {}",
        before.allocated,
        after.most,
        after.allocated,
        before.memory,
        after.peak,
        after.memory,
        before.descriptors,
        after.descriptors
    ));
    if let (Some(health), false) = (found.health, counts) {
        lines.push(format!(
            "the first request afterwards took {:.1} ms",
            health.as_secs_f64() * 1e3
        ));
    }
    lines.push(format!(
        "{} connections accepted = open and closed, {} requests = under way, completed and aborted",
        after.accepted, after.requests
    ));
    lines
}

/// The fragment for COMPLIANCE.md.
pub(super) fn markdown(all: &[Found], options: &Options) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    line(
        "Each line is one attack on a fresh server in a process of its own; memory and descriptors are that process's.",
    );
    line(
        "*Allocated* is what the server has asked for, in KiB: before, at most (looked at every 5 ms), and afterwards, when it",
    );
    line(&format!(
        "must be within {} MiB of what it was: buffers that threads keep. *Resident* is the same with what the allocator keeps.",
        MEMORY_LEFT / 1024
    ));
    line(
        "Descriptors must be as many as before, no connection open, both equations of the ledger hold, and none closed for a",
    );
    line(
        "fault of the server. *Health* is the time of the first request of a new client after the attack.",
    );
    if !options.machine.is_empty() {
        line(&format!("\n{}", options.machine));
    }
    for attack in ATTACKS {
        let of_it: Vec<_> = all
            .iter()
            .filter(|found| std::ptr::eq(found.attack, attack))
            .collect();
        if of_it.is_empty() {
            continue;
        }
        line(&format!("\n### {}\n", attack.name));
        line(&format!(
            "{}. `cargo run --release -p bayonet-soak -- attack --only {}`\n",
            capital(attack.about),
            attack.name
        ));
        line("| on | what came of it | allocated | resident | descriptors | health |");
        line("|---|---|---|---|---|---|");
        for found in of_it {
            line(&row(found));
        }
    }
    text
}

fn row(found: &Found) -> String {
    let (before, after) = (&found.before, &found.after);
    let mut came = found.notes.came.clone();
    came.extend(found.notes.times.iter().cloned());
    came.extend(found.notes.wrong.iter().map(|wrong| format!("**{wrong}**")));
    let health = found.health.map_or("none".to_owned(), |health| {
        format!("{:.1} ms", health.as_secs_f64() * 1e3)
    });
    format!(
        "| {} | {} | {}, {}, {} | {}, {}, {} | {}, {} | {health} |",
        found.backend,
        came.join("; ").replace('|', "\\|"),
        before.allocated,
        after.most,
        after.allocated,
        before.memory,
        after.peak,
        after.memory,
        before.descriptors,
        after.descriptors,
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
