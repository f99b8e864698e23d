//! A server that is attacked in every way, on each runtime, and what that costs it.

mod caps;
mod client;
mod expect;
mod flood;
mod idle;
mod memory;
mod normal;
mod panics;
mod pipelined;
mod points;
mod scene;
mod setup;
mod slow;
mod stand;
mod table;
mod victim;

use std::path::PathBuf;
use std::time::Duration;

use bayonet::BoxError;
use clap::Args;

pub(crate) use stand::stand;

use scene::{Notes, PATIENCE, Scene};
use victim::{Facts, Victim};

/// What is attacked, and how it is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// The runtime, or several. All of them if none is named.
    #[arg(long)]
    backend: Vec<String>,
    /// The attack, or several, by their names in the table. All of them if none is named.
    #[arg(long)]
    only: Vec<String>,
    /// With fewer clients, for less time, against a server whose times are shorter.
    #[arg(long)]
    small: bool,
    /// Show counts alone, no times: for machines that are busy with something else.
    #[arg(long)]
    counts: bool,
    /// Write the table to this file, too, in Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// A line about the machine, for that file.
    #[arg(long, default_value = "")]
    machine: String,
}

/// One attack: its name, what is done, the server's configuration for it (for the small one, too), and how it is
/// played.
struct Attack {
    name: &'static str,
    about: &'static str,
    setup: &'static [&'static str],
    small: &'static [&'static str],
    play: fn(&mut Scene) -> Result<(), BoxError>,
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "slow",
        about: "500 clients that send a head, 500 that send content and 500 that read an answer, a byte every 100 ms, \
                for 25 s, against `Config::hardened()`; who is closed comes back",
        setup: &["hardened"],
        small: &["hardened", "times=10"],
        play: slow::run,
    },
    Attack {
        name: "idle",
        about: "10,000 idle connections: first silent, then served once each",
        setup: &["connections=20000"],
        small: &["connections=20000"],
        play: idle::run,
    },
    Attack {
        name: "content",
        about: "chunked content that does not end",
        setup: &[],
        small: &["body=1048576"],
        play: flood::content,
    },
    Attack {
        name: "fields",
        about: "100,000 fields in a head, and in trailers",
        setup: &[],
        small: &[],
        play: flood::fields,
    },
    Attack {
        name: "extensions",
        about: "100 MB of chunk extensions, of one chunk and of many",
        setup: &[],
        small: &[],
        play: flood::extensions,
    },
    Attack {
        name: "pipelined",
        about: "1000 requests in one segment, and byte by byte",
        setup: &[],
        small: &[],
        play: pipelined::run,
    },
    Attack {
        name: "resets",
        about: "a reset after each byte of a conversation (content by length, in chunks, after a 100, a download, an \
                upgrade), with and without waiting for answers; and at 300 places of an answer",
        setup: &[],
        small: &[],
        play: points::resets,
    },
    Attack {
        name: "half-closes",
        about: "the same conversation, and the end of the client's side after each byte",
        setup: &[],
        small: &[],
        play: points::halves,
    },
    Attack {
        name: "expect",
        about: "500 that want a 100 and send no content, with `body_stall` of 5 s; 500 where nobody wants the content",
        setup: &["body_stall=5000"],
        small: &["body_stall=300"],
        play: expect::run,
    },
    Attack {
        name: "connections",
        about: "2000 connections over a cap of 100",
        setup: &["connections=100"],
        small: &["connections=100"],
        play: caps::connections,
    },
    Attack {
        name: "address",
        about: "1000 connections of one address over a cap of 20",
        setup: &["address=20"],
        small: &["address=20"],
        play: caps::address,
    },
    Attack {
        name: "rate",
        about: "500 connections at once, accepted at 100 a second",
        setup: &["rate=100"],
        small: &["rate=100"],
        play: caps::rate,
    },
    Attack {
        name: "requests",
        about: "500 requests that do not end over a cap of 20 under way",
        setup: &["in_flight=20"],
        small: &["in_flight=20"],
        play: caps::requests,
    },
    Attack {
        name: "descriptors",
        about: "1000 connections to a process that may have 128 descriptors, without a cap that knows of it",
        setup: &["connections=20000", "descriptors=128"],
        small: &["connections=20000", "descriptors=128"],
        play: caps::descriptors,
    },
    Attack {
        name: "memory",
        about: "2000 clients that fill every buffer there is, for 20 s, against a budget of 64 MiB; who is cut comes \
                back. The limit of what is resident is held while they are at it; when all leave at once it rises \
                for a moment (see its column), by what the allocator does not give back yet",
        setup: &["connections=20000", "memory=67108864"],
        small: &["connections=20000", "memory=8388608"],
        play: memory::run,
    },
    Attack {
        name: "panics",
        about: "1000 handlers that panic",
        setup: &[],
        small: &[],
        play: panics::run,
    },
];

/// The runtimes.
const BACKENDS: [&str; 3] = ["tokio", "async-std", "smol"];

/// How much more may be allocated afterwards than was before, in KiB: buffers and heads that each thread keeps for
/// the next time, and tables that have grown.
const MEMORY_LEFT: u64 = 3 * 1024;

/// What came of one attack on one runtime.
struct Found {
    attack: &'static Attack,
    backend: String,
    notes: Notes,
    before: Facts,
    after: Facts,
    /// How long the first request afterwards took.
    health: Option<Duration>,
}

/// Attacks, and shows what came of it. Whether the server came through.
pub(crate) fn run(options: &Options) -> Result<bool, BoxError> {
    crate::raise_descriptors();
    let unknown = options
        .only
        .iter()
        .find(|name| ATTACKS.iter().all(|attack| attack.name != **name));
    if let Some(name) = unknown {
        let names: Vec<_> = ATTACKS.iter().map(|attack| attack.name).collect();
        return Err(format!("there is no attack {name}, but: {}", names.join(", ")).into());
    }
    let backends = if options.backend.is_empty() {
        BACKENDS.map(str::to_owned).to_vec()
    } else {
        options.backend.clone()
    };
    let mut all = Vec::new();
    for attack in ATTACKS {
        if !options.only.is_empty() && options.only.iter().all(|name| name != attack.name) {
            continue;
        }
        println!("{}: {}", attack.name, attack.about);
        for backend in &backends {
            let found = play(attack, backend, options.small)?;
            table::show(&found, options.counts);
            all.push(found);
        }
        println!();
    }
    let is_right = all.iter().all(|found| found.notes.wrong.is_empty());
    println!(
        "{}",
        if is_right {
            "it came through all of it"
        } else {
            "something went WRONG"
        }
    );
    if let Some(path) = &options.markdown {
        std::fs::write(path, table::markdown(&all, options))?;
    }
    Ok(is_right)
}

/// One attack on a server of its own.
fn play(attack: &'static Attack, backend: &str, small: bool) -> Result<Found, BoxError> {
    let setup = if small { attack.small } else { attack.setup };
    let setup: Vec<_> = setup.iter().map(|word| (*word).to_owned()).collect();
    let mut scene = Scene {
        victim: Victim::start(backend, &setup)?,
        small,
        notes: Notes::default(),
    };
    // What a runtime has one of is there after the first requests, and after the first time that somebody sleeps.
    normal::warm_up(scene.address());
    for _ in 0..20 {
        scene.want_health("at first");
    }
    let before = scene
        .victim
        .wait_for(PATIENCE, |facts| facts.open == 0 && facts.balances())?;
    scene.victim.mark()?;
    (attack.play)(&mut scene)?;
    let health = normal::health(scene.address());
    scene.want(health.is_some(), || "no answer afterwards".into());
    let is_quiet = |facts: &Facts| {
        facts.open == 0
            && facts.balances()
            && facts.descriptors <= before.descriptors
            && facts.threads <= before.threads
    };
    let after = scene.victim.wait_for(PATIENCE, is_quiet)?;
    scene.want(after.balances(), || format!("the books: {}", after.text));
    scene.want(after.open == 0, || {
        format!("not all closed: {}", after.text)
    });
    scene.want(after.descriptors <= before.descriptors, || {
        format!(
            "{} descriptors, before {}",
            after.descriptors, before.descriptors
        )
    });
    scene.want(after.allocated <= before.allocated + MEMORY_LEFT, || {
        format!(
            "{} KiB are allocated, before {}",
            after.allocated, before.allocated
        )
    });
    scene.want_eq("faults of the server", after.faults, 0);
    let Scene {
        victim, mut notes, ..
    } = scene;
    if !victim.end()? {
        notes.wrong.push("it did not end clean".into());
    }
    Ok(Found {
        attack,
        backend: backend.to_owned(),
        notes,
        before,
        after,
        health,
    })
}
