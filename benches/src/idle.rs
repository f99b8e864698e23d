//! What connections take that have been kept and wait for their next request, and what is left when they have gone.
//!
//! Bytes that are held are counted by the allocator, and do not depend on the machine's mood. What is resident is what
//! the system has given to the process for them, and what it has of that when they have gone.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::client;
use crate::count::Used;
use crate::servers::Server;
use crate::work::Work;

/// What connections take that wait.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Bytes that are held for each.
    pub held: f64,
    /// Bytes that are resident for each, where the system says so.
    pub resident: Option<f64>,
    /// Bytes that are held when all have gone, more than before.
    pub left: u64,
    /// Bytes that are resident then, more than before.
    pub left_resident: Option<u64>,
}

/// They come and go once before anything is measured: what is made once is there then.
const FIRST: usize = 64;

/// How long is waited for what connections have held.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server does two seconds later is done then.
const A_WHILE: Duration = Duration::from_millis(2500);

/// Opens so many connections to a server in a process of its own, asks once on each, and closes them.
///
/// # Errors
/// If the server cannot be started, or does not answer; if there are not enough descriptors.
pub fn measure(server: Server, connections: usize) -> io::Result<Idle> {
    raise_descriptors();
    let work = Work::named("plaintext").ok_or(io::ErrorKind::NotFound)?;
    let mut child = Child::start(server, &work)?;
    let mut probe = TcpStream::connect(child.address())?;
    drop(open(&work, &child, FIRST)?);
    settle(&mut child)?;
    client::ask(&work, &mut probe)?;
    let before = State::of(&mut child)?;
    let crowd = open(&work, &child, connections)?;
    // Its answer comes when the others rest.
    client::ask(&work, &mut probe)?;
    let during = State::of(&mut child)?;
    drop(crowd);
    settle(&mut child)?;
    client::ask(&work, &mut probe)?;
    let after = State::of(&mut child)?;
    child.end()?;
    let each = |bytes: u64| bytes as f64 / connections as f64;
    Ok(Idle {
        held: each(more(during.used.held(), before.used.held())),
        resident: both(during, before).map(each),
        left: more(after.used.held(), before.used.held()),
        left_resident: both(after, before),
    })
}

/// What a process has.
#[derive(Clone, Copy, Debug)]
struct State {
    used: Used,
    resident: Option<u64>,
}

impl State {
    fn of(child: &mut Child) -> io::Result<Self> {
        let used = child.used()?;
        Ok(State {
            used,
            resident: resident(child.process()),
        })
    }
}

fn more(after: u64, before: u64) -> u64 {
    after.saturating_sub(before)
}

fn both(after: State, before: State) -> Option<u64> {
    Some(more(after.resident?, before.resident?))
}

/// Opens connections one after the other, and asks once on each.
fn open(work: &Work, child: &Child, count: usize) -> io::Result<Vec<TcpStream>> {
    let one = |_| {
        let mut stream = TcpStream::connect(child.address())?;
        client::ask(work, &mut stream)?;
        Ok(stream)
    };
    (0..count).map(one).collect()
}

/// Waits until a server has noticed who has gone, and has given back what it gives back: it holds the same for a while.
fn settle(child: &mut Child) -> io::Result<()> {
    let begun = Instant::now();
    let mut last = (child.used()?.held(), Instant::now());
    while begun.elapsed() < PATIENCE {
        if last.1.elapsed() > A_WHILE {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
        let held = child.used()?.held();
        if held != last.0 {
            last = (held, Instant::now());
        }
    }
    Err(io::Error::other(
        "the server's memory does not come to rest",
    ))
}

/// What is in memory of a process and its own alone.
fn resident(process: u32) -> Option<u64> {
    let told = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// A connection takes a descriptor here and one in the server, which inherits the limit.
fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it may not be raised, opening connections says so.
    let _ = setrlimit(Resource::Nofile, limit);
}
