//! What is shown in the end.

use std::time::Duration;

use crate::Swap;
use crate::clients::KINDS;
use crate::server::Swapped;
use crate::swap::Found;
use crate::tally::Times;

/// The aim for the longest that anybody waits.
const STALL: Duration = Duration::from_millis(50);

/// Shows it all.
pub(crate) fn show(found: &Found, options: &Swap) {
    if !options.counts {
        swaps(&found.swaps);
    }
    counts(found);
    if !options.counts {
        times(found, options);
    }
    println!();
    let (before, after) = (found.before, found.after);
    println!("{:<14} {:>9} {:>9}", "the server", "before", "after");
    for (what, before, after) in [
        ("threads", before.threads, after.threads),
        ("descriptors", before.descriptors, after.descriptors),
        ("allocated, KiB", before.allocated, after.allocated),
        ("resident, KiB", before.resident, after.resident),
    ] {
        println!("{what:<14} {before:>9} {after:>9}");
    }
    println!();
    idle(found, options);
    println!(
        "{}",
        if found.is_right() {
            "all is right"
        } else {
            "something went WRONG"
        }
    );
}

fn swaps(swaps: &[Swapped]) {
    println!(
        "{:>5}  {:<22} {:>8} {:>6} {:>9} {:>4}",
        "swap", "", "ms", "moved", "finished", "cut"
    );
    for (number, swap) in (1..).zip(swaps) {
        println!(
            "{number:>5}  {:<22} {:>8.1} {:>6} {:>9} {:>4}",
            format!("{} -> {}", swap.from, swap.to),
            milliseconds(swap.took),
            swap.moved,
            swap.finished,
            swap.cut
        );
    }
    println!();
}

fn counts(found: &Found) {
    println!(
        "{:<16} {:>8} {:>8} {:>8} {:>7} {:>10} {:>11} {:>11}",
        "", "sent", "answered", "refused", "failed", "truncated", "duplicated", "misordered"
    );
    for (name, kind) in KINDS.iter().zip(&found.kinds) {
        println!(
            "{name:<16} {:>8} {:>8} {:>8} {:>7} {:>10} {:>11} {:>11}",
            kind.sent,
            kind.answered,
            kind.refused,
            kind.failed,
            kind.truncated,
            kind.duplicated,
            kind.misordered
        );
    }
    for note in found.kinds.iter().flat_map(|kind| &kind.notes).take(10) {
        println!("  {note}");
    }
    let (handled, sent) = found.handled();
    let sum = |what: fn(&Swapped) -> u64| found.swaps.iter().map(what).sum::<u64>();
    println!(
        "\n{} swaps: {} connections moved, {} requests finished, {} cut",
        found.swaps.len(),
        sum(|swap| swap.moved),
        sum(|swap| swap.finished),
        sum(|swap| swap.cut)
    );
    println!("{handled} requests were handled, {sent} sent");
    let keepers = &found.kinds[0];
    println!(
        "{} of {} clients have kept their connection, local port and all",
        keepers.kept, keepers.keepers
    );
    let unbalanced = found.swaps.iter().filter(|swap| !swap.balanced).count();
    println!("{unbalanced} ledgers do not balance");
}

fn times(found: &Found, options: &Swap) {
    println!(
        "\n{:<28} {:>9} {:>9} {:>9} {:>9}   ms, from the intended time",
        "", "half", "99 %", "99.9 %", "longest"
    );
    for kind in [0, 6] {
        for (when, times) in [
            ("quiet", &found.kinds[kind].quiet),
            ("swapping", &found.kinds[kind].swapping),
        ] {
            println!(
                "{:<28} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
                format!("{}, {when}", KINDS[kind]),
                milliseconds(times.quantile(500)),
                milliseconds(times.quantile(990)),
                milliseconds(times.quantile(999)),
                milliseconds(times.quantile(1000))
            );
        }
    }
    let mut took = Times::default();
    found.swaps.iter().for_each(|swap| took.note(swap.took));
    println!(
        "{:<28} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
        "a swap",
        milliseconds(took.quantile(500)),
        milliseconds(took.quantile(990)),
        milliseconds(took.quantile(999)),
        milliseconds(took.quantile(1000))
    );
    let kept = &found.kinds[0];
    let (quiet, swapping) = (kept.quiet.quantile(990), kept.swapping.quantile(990));
    let longest = kept.swapping.quantile(1000);
    println!(
        "99 % while swapping are within {:.1} times the quiet ones (aim: 2); the longest stall is {:.1} ms (aim: {})",
        swapping.as_secs_f64() / quiet.as_secs_f64().max(1e-6),
        milliseconds(longest),
        STALL.as_millis()
    );
    println!(
        "{} requests a second on {} kept connections, {} clients of each other kind, {} ms between swaps",
        options.rate, options.kept, options.others, options.pause
    );
}

fn idle(found: &Found, options: &Swap) {
    let idle = &found.idle;
    if idle.connections < idle.wanted {
        println!(
            "{} idle connections instead of {}: the process may have {} descriptors (`ulimit -n`)",
            idle.connections, idle.wanted, idle.descriptors
        );
    }
    let took = if options.counts {
        String::new()
    } else {
        format!(" in {:.1} ms", milliseconds(idle.took))
    };
    println!(
        "{} idle connections moved in one swap{took}; {} of them answer on the other side",
        found.idle_swap.moved, idle.answered
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
