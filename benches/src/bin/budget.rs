//! Instructions and allocations of a request, and memory of a connection that waits, held against a budget.
//!
//! They do not depend on how busy the machine is. They do depend on the compiler and on what the processor
//! that Valgrind makes up can do, so the budget is kept by both: `benches/budget.txt`. What is more than 3 %
//! above it is an error; where nothing is known of a compiler or a processor, the numbers are printed and
//! that is all.
//!
//! ```sh
//! cargo run --release -p bayonet-benches --bin budget              # hold what is against what was
//! cargo run --release -p bayonet-benches --bin budget -- --write   # this is the budget from now on
//! cargo run --release -p bayonet-benches --bin budget -- --idle 9900   # memory alone, of so many connections
//! ```

#![expect(
    clippy::cast_precision_loss,
    reason = "counts in a bench are far below 2^52"
)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use bayonet_benches::child::{self, Child};
use bayonet_benches::client::Client;
use bayonet_benches::idle::{self, Idle};
use bayonet_benches::servers::{ALL, Runtime, Server};
use bayonet_benches::verdict;
use bayonet_benches::work::Work;

const BUDGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/budget.txt");

const SERVERS: [Server; 3] = [
    Server::Own(Runtime::Tokio),
    Server::Own(Runtime::AsyncStd),
    Server::Own(Runtime::Smol),
];

const WORK: [&str; 3] = ["plaintext", "pipelined", "browser"];

/// How many requests are counted: what many cost more than few, so that starting and ending drop out.
const FEW: u64 = 2_048;
const MANY: u64 = 3 * FEW;

/// So many connections wait while their memory is counted.
const IDLE: usize = 2_000;

/// What a connection that waits may hold, whatever the compiler and the server.
const MOST_HELD: f64 = 1_500.0;

/// What a server may hold when they have gone, and what of it may be resident, more than before.
const MOST_LEFT: u64 = 2 << 20;

/// What a request costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    instructions: f64,
    allocations: f64,
}

/// Costs by server and work.
type Costs = BTreeMap<(String, String), Cost>;

/// What connections that wait take, by server.
type Waiting = BTreeMap<String, Idle>;

/// What is allowed.
#[derive(Debug, Default)]
struct Budget {
    costs: Costs,
    /// Bytes that a connection that waits holds, by server.
    held: BTreeMap<String, f64>,
}

fn main() -> ExitCode {
    verdict(run())
}

fn run() -> io::Result<bool> {
    if child::serve_if_asked()? {
        return Ok(true);
    }
    if env::args().any(|argument| argument == "--processor") {
        println!("{}", processor());
        return Ok(true);
    }
    let mut arguments = env::args().skip_while(|argument| argument != "--idle");
    if arguments.next().is_some() {
        let connections = arguments.next().and_then(|count| count.parse().ok());
        let waiting = wait(connections.unwrap_or(IDLE))?;
        return Ok(show_waiting(&waiting, &BTreeMap::new()));
    }
    let key = key()?;
    let costs = measure()?;
    let waiting = wait(IDLE)?;
    let budget = read_budget(&key)?;
    let good = show(&key, &costs, &budget.costs);
    let good = show_waiting(&waiting, &budget.held) && good;
    if env::args().any(|argument| argument == "--write") {
        write_budget(&key, &costs, &waiting)?;
        return Ok(true);
    }
    Ok(good)
}

/// The compiler, and the processor that Valgrind makes up.
fn key() -> io::Result<String> {
    let rustc = text(Command::new("rustc").arg("--version"))?;
    let version = rustc.split(' ').nth(1).unwrap_or("unknown");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=none", "-q"])
        .arg(env::current_exe()?);
    let processor = text(valgrind.arg("--processor"))?;
    Ok(format!("{version} {processor}"))
}

fn text(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What of the processor decides which code memory is copied and searched with.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let features = [
            ("avx512", std::is_x86_feature_detected!("avx512f")),
            ("avx2", std::is_x86_feature_detected!("avx2")),
            ("bmi2", std::is_x86_feature_detected!("bmi2")),
            ("erms", std::is_x86_feature_detected!("ermsb")),
        ];
        let there = features.iter().filter(|(_, is_there)| *is_there);
        let names: Vec<_> = there.map(|(name, _)| *name).collect();
        format!("x86_64 {}", names.join("+"))
    }
    #[cfg(not(target_arch = "x86_64"))]
    env::consts::ARCH.to_owned()
}

fn measure() -> io::Result<Costs> {
    let mut costs = Costs::new();
    for name in WORK {
        let work = Work::named(name).ok_or(io::ErrorKind::NotFound)?;
        for server in SERVERS {
            let requests = (MANY - FEW) as f64;
            let instructions =
                instructions(server, &work, MANY)? - instructions(server, &work, FEW)?;
            let allocations = allocations(server, &work, MANY)? - allocations(server, &work, FEW)?;
            let cost = Cost {
                instructions: instructions as f64 / requests,
                allocations: allocations as f64 / requests,
            };
            costs.insert((name.to_owned(), server.name().to_owned()), cost);
        }
    }
    Ok(costs)
}

/// Lets connections wait on every server.
fn wait(connections: usize) -> io::Result<Waiting> {
    let ours = |server: &Server| matches!(server, Server::Own(_) | Server::Current(_));
    let servers = ALL.iter().copied().filter(ours);
    let one = |server: Server| {
        Ok((
            server.name().to_owned(),
            idle::measure(server, connections)?,
        ))
    };
    servers.map(one).collect()
}

/// Sends so many requests, in bursts of one on each connection.
fn ask(work: &Work, child: &Child, requests: u64) -> io::Result<()> {
    let mut client = Client::new(work, child.address())?;
    let mut answered = 0;
    while answered < requests {
        answered += client.run(Duration::ZERO)?;
    }
    Ok(())
}

fn instructions(server: Server, work: &Work, requests: u64) -> io::Result<i64> {
    let out = env::temp_dir().join(format!("budget-{}.callgrind", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "-q"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?);
    let child = Child::start_by(valgrind, server, work)?;
    ask(work, &child, requests)?;
    child.end()?;
    let counted = total(&out);
    fs::remove_file(&out)?;
    counted
}

/// The sum at the end of what Callgrind has written.
fn total(out: &Path) -> io::Result<i64> {
    let written = fs::read_to_string(out)?;
    let mut lines = written.lines().rev();
    let total = lines.find_map(|line| line.strip_prefix("totals: "));
    total
        .and_then(|total| total.trim().parse().ok())
        .ok_or_else(|| io::Error::other("Callgrind has written no total"))
}

fn allocations(server: Server, work: &Work, requests: u64) -> io::Result<i64> {
    let mut child = Child::start(server, work)?;
    ask(work, &child, requests)?;
    let used = child.used()?.allocations;
    i64::try_from(used).map_err(io::Error::other)
}

/// The lines of the budget file that are for this compiler and processor:
/// `KEY | WORK SERVER INSTRUCTIONS ALLOCATIONS`, and `KEY | idle SERVER BYTES`.
fn read_budget(key: &str) -> io::Result<Budget> {
    let mut budget = Budget::default();
    for line in fs::read_to_string(BUDGET)?.lines() {
        let Some((of, rest)) = line.split_once(" | ") else {
            continue;
        };
        let words: Vec<_> = rest.split_whitespace().collect();
        if let ["idle", server, held] = words[..] {
            let held = held.parse().map_err(io::Error::other)?;
            if of == key {
                budget.held.insert(server.to_owned(), held);
            }
            continue;
        }
        let [work, server, instructions, allocations] = words[..] else {
            return Err(io::Error::other(format!("{BUDGET}: {line}")));
        };
        if of == key {
            let cost = Cost {
                instructions: instructions.parse().map_err(io::Error::other)?,
                allocations: allocations.parse().map_err(io::Error::other)?,
            };
            let what = (work.to_owned(), server.to_owned());
            budget.costs.insert(what, cost);
        }
    }
    Ok(budget)
}

/// Prints what was counted beside the budget. Whether it is within.
fn show(key: &str, costs: &Costs, budget: &Costs) -> bool {
    println!("{key}: what a request costs");
    let mut good = true;
    for ((work, server), cost) in costs {
        let Cost {
            instructions,
            allocations,
        } = cost;
        print!(
            "{work:10} {server:10} {instructions:8.0} instructions {allocations:6.2} allocations"
        );
        match budget.get(&(work.clone(), server.clone())) {
            None => println!("   (no budget for this compiler and processor)"),
            Some(most) => {
                // A tenth of an allocation is what connections and runtimes may differ by.
                let over = *instructions > most.instructions * 1.03
                    || *allocations > most.allocations * 1.03 + 0.1;
                let word = if over { "OVER the budget of" } else { "within" };
                println!(
                    "   {word} {:.0} and {:.2}",
                    most.instructions, most.allocations
                );
                good &= !over;
            }
        }
    }
    good
}

/// Prints what connections take that wait. Whether it is within the budget, and within what is allowed at most.
fn show_waiting(waiting: &Waiting, budget: &BTreeMap<String, f64>) -> bool {
    println!(
        "what a kept connection takes that waits, in bytes, and what is left of all when they have gone"
    );
    let mut good = true;
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    for (server, idle) in waiting {
        let most = budget
            .get(server)
            .map_or(MOST_HELD, |held| (held * 1.03).min(MOST_HELD));
        let left = idle.left.max(idle.left_resident.unwrap_or_default());
        let over = idle.held > most || left > MOST_LEFT;
        let word = if over { "OVER" } else { "within" };
        print!("{server:18} {:6.0} held", idle.held);
        if let Some(resident) = idle.resident {
            print!(", {resident:6.0} resident");
        }
        print!("; left {:6.1} KiB held", kib(idle.left));
        if let Some(left) = idle.left_resident {
            print!(", {:8.1} KiB resident", kib(left));
        }
        println!("   {word} {most:.0} and {:.0} KiB", kib(MOST_LEFT));
        good &= !over;
    }
    good
}

/// Replaces the lines for this compiler and processor.
fn write_budget(key: &str, costs: &Costs, waiting: &Waiting) -> io::Result<()> {
    let before = fs::read_to_string(BUDGET)?;
    let others = before
        .lines()
        .filter(|line| !line.starts_with(&format!("{key} | ")));
    let mut lines: Vec<String> = others.map(str::to_owned).collect();
    for ((work, server), cost) in costs {
        lines.push(format!(
            "{key} | {work} {server} {:.0} {:.2}",
            cost.instructions, cost.allocations
        ));
    }
    for (server, idle) in waiting {
        lines.push(format!("{key} | idle {server} {:.0}", idle.held));
    }
    fs::write(BUDGET, lines.join("\n") + "\n")
}
