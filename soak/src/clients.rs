//! Clients of every kind, a thread for each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Swap;
use crate::answers::{Connection, Wrong, is_of, name};
use crate::serve::{TICKS, big, checksum, tick};
use crate::tally::Tally;

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Quiet,
    Swapping,
    /// Clients finish what they have begun.
    Over,
}

/// What all clients share.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    phase: AtomicU8,
}

impl Stage {
    pub(crate) fn new(address: SocketAddr) -> Arc<Self> {
        Arc::new(Stage {
            address,
            phase: AtomicU8::new(Phase::Quiet as u8),
        })
    }

    pub(crate) fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::SeqCst) == phase as u8
    }
}

/// The kinds of clients, as the table lists them.
pub(crate) const KINDS: [&str; 7] = [
    "kept connection",
    "pipelined by 16",
    "slow upload",
    "slow download",
    "stream",
    "upgraded",
    "connection each",
];

/// How many requests a pipelining client sends at a time.
const PIPELINED: u64 = 16;
/// The stack of a client: it has little to remember.
const STACK: usize = 128 * 1024;

/// A client at work: its kind, and what it will have counted.
pub(crate) type Working = (usize, JoinHandle<Tally>);

/// Starts them all.
pub(crate) fn start(stage: &Arc<Stage>, options: &Swap) -> std::io::Result<Vec<Working>> {
    let mut working = Vec::new();
    let interval = Duration::from_secs(1) * options.kept / options.rate.max(1);
    let mut id = 0;
    let mut spawn = |kind: usize, run: Box<dyn FnOnce(Client) -> Tally + Send>| {
        id += 1;
        let client = Client::new(Arc::clone(stage), id, KINDS[kind]);
        let thread = thread::Builder::new().stack_size(STACK);
        working.push((kind, thread.spawn(move || run(client))?));
        Ok::<_, std::io::Error>(())
    };
    let begin = Instant::now();
    for number in 0..options.kept {
        // Spread over the interval.
        let first = begin + interval * number / options.kept;
        spawn(0, Box::new(move |client| client.keep(first, interval)))?;
    }
    for _ in 0..options.others {
        spawn(1, Box::new(Client::pipeline))?;
        spawn(2, Box::new(|client| client.repeat(Client::upload)))?;
        spawn(3, Box::new(|client| client.repeat(Client::download)))?;
        spawn(4, Box::new(|client| client.repeat(Client::stream)))?;
        spawn(5, Box::new(Client::upgrade))?;
        spawn(6, Box::new(Client::each))?;
    }
    Ok(working)
}

/// One client.
struct Client {
    stage: Arc<Stage>,
    id: u32,
    kind: &'static str,
    /// The number of the last request.
    number: u64,
    tally: Tally,
}

impl Client {
    fn new(stage: Arc<Stage>, id: u32, kind: &'static str) -> Self {
        Client {
            stage,
            id,
            kind,
            number: 0,
            tally: Tally::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.stage.is(Phase::Over)
    }

    fn open(&mut self) -> Option<Connection> {
        match Connection::open(self.stage.address) {
            Ok(connection) => Some(connection),
            Err(wrong) => {
                self.note(wrong);
                // Whoever is refused tries again, but not in a loop that stops everybody else.
                thread::sleep(Duration::from_millis(50));
                None
            }
        }
    }

    fn note(&mut self, wrong: Wrong) {
        let what = format!("{} {}", self.kind, name(self.id, self.number));
        self.tally.wrong(wrong, &what);
    }

    /// The name of the next request.
    fn next(&mut self) -> String {
        self.number += 1;
        self.tally.sent += 1;
        name(self.id, self.number)
    }

    /// Asks on the same connection at fixed times, whatever the answers take.
    fn keep(mut self, first: Instant, interval: Duration) -> Tally {
        let mut connection = None;
        let mut port = None;
        let mut intended = first;
        let mut changes = 0;
        while !self.is_over() {
            thread::sleep(intended.saturating_duration_since(Instant::now()));
            let swapping = self.stage.is(Phase::Swapping);
            if connection.is_none() {
                connection = self.open();
            }
            let Some(open) = &mut connection else {
                continue;
            };
            if port.is_none() {
                port = open.port();
            }
            let request = format!("GET /n/{} HTTP/1.1\r\nHost: soak\r\n\r\n", self.next());
            let answer = open.send(request).and_then(|()| open.answer());
            match answer.and_then(|content| is_of(&content, self.id, self.number)) {
                Ok(()) => self.tally.answered += 1,
                Err(wrong) => {
                    self.note(wrong);
                    connection = None;
                    changes += 1;
                }
            }
            let times = if swapping {
                &mut self.tally.swapping
            } else {
                &mut self.tally.quiet
            };
            times.note(intended.elapsed());
            intended += interval;
        }
        self.tally.keepers = 1;
        let now = connection.as_ref().and_then(Connection::port);
        self.tally.kept = u64::from(changes == 0 && port.is_some() && now == port);
        self.tally
    }

    /// Sends requests by 16, and wants their answers in order.
    fn pipeline(mut self) -> Tally {
        let mut connection = None;
        while !self.is_over() {
            if connection.is_none() {
                connection = self.open();
            }
            let Some(open) = &mut connection else {
                continue;
            };
            let first = self.number + 1;
            let mut requests = String::new();
            for _ in 0..PIPELINED {
                requests += &format!("GET /n/{} HTTP/1.1\r\nHost: soak\r\n\r\n", self.next());
            }
            let mut outcome = open.send(requests);
            for number in first..first + PIPELINED {
                outcome = outcome
                    .and_then(|()| open.answer())
                    .and_then(|content| is_of(&content, self.id, number));
                if outcome.is_ok() {
                    self.tally.answered += 1;
                }
            }
            if let Err(wrong) = outcome {
                self.note(wrong);
                connection = None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.tally
    }

    /// Does the same again and again, on a connection that is kept.
    fn repeat(mut self, work: fn(&mut Connection, &str) -> Result<(), Wrong>) -> Tally {
        let mut connection = None;
        while !self.is_over() {
            if connection.is_none() {
                connection = self.open();
            }
            let Some(open) = &mut connection else {
                continue;
            };
            let name = self.next();
            match work(open, &name) {
                Ok(()) => self.tally.answered += 1,
                Err(wrong) => {
                    self.note(wrong);
                    connection = None;
                }
            }
        }
        self.tally
    }

    fn upload(connection: &mut Connection, name: &str) -> Result<(), Wrong> {
        connection.send(format!(
            "POST /upload/{name} HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n"
        ))?;
        let (mut length, mut sum) = (0, 0);
        for piece in 0..20 {
            let piece = format!("{:x<500}", format!("{name} {piece} "));
            length += piece.len();
            sum = checksum(sum, piece.as_bytes());
            let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
            // Half of it, so that a swap finds a chunk that has begun.
            let (one, other) = chunk.split_at(chunk.len() / 2);
            connection.send(one)?;
            thread::sleep(Duration::from_millis(5));
            connection.send(other)?;
        }
        connection.send("0\r\n\r\n")?;
        let content = connection.answer()?;
        expect(&content, format!("{name} {length} {sum}").as_bytes())
    }

    fn download(connection: &mut Connection, name: &str) -> Result<(), Wrong> {
        connection.send(format!("GET /big/{name} HTTP/1.1\r\nHost: soak\r\n\r\n"))?;
        let crate::answers::Framing::Length(length) = connection.head("200")? else {
            return Err(Wrong::Failed);
        };
        let mut content = vec![0; length];
        for piece in content.chunks_mut(64 * 1024) {
            connection.exactly(piece)?;
            thread::sleep(Duration::from_millis(10));
        }
        expect(&content, big(name).as_bytes())
    }

    fn stream(connection: &mut Connection, name: &str) -> Result<(), Wrong> {
        connection.send(format!("GET /ticks/{name} HTTP/1.1\r\nHost: soak\r\n\r\n"))?;
        let content = connection.answer()?;
        let right: String = (0..TICKS).map(|at| tick(name, at)).collect();
        expect(&content, right.as_bytes())
    }

    /// Talks for a while on connections that have left HTTP.
    fn upgrade(mut self) -> Tally {
        while !self.is_over() {
            let Some(mut open) = self.open() else {
                continue;
            };
            let name = self.next();
            match talk(&mut open, &name) {
                Ok(()) => self.tally.answered += 1,
                Err(wrong) => self.note(wrong),
            }
        }
        self.tally
    }

    /// A connection for each request.
    fn each(mut self) -> Tally {
        while !self.is_over() {
            let begun = Instant::now();
            let swapping = self.stage.is(Phase::Swapping);
            let Some(mut open) = self.open() else {
                continue;
            };
            let request = format!(
                "GET /n/{} HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n",
                self.next()
            );
            let answer = open.send(request).and_then(|()| open.answer());
            let right = answer.and_then(|content| is_of(&content, self.id, self.number));
            match right.and_then(|()| open.end()) {
                Ok(()) => self.tally.answered += 1,
                Err(wrong) => self.note(wrong),
            }
            let times = if swapping {
                &mut self.tally.swapping
            } else {
                &mut self.tally.quiet
            };
            times.note(begun.elapsed());
            thread::sleep(Duration::from_millis(10));
        }
        self.tally
    }
}

fn talk(connection: &mut Connection, name: &str) -> Result<(), Wrong> {
    connection.send(format!(
        "GET /echo/{name} HTTP/1.1\r\nHost: soak\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    ))?;
    connection.head("101")?;
    for word in 0..30 {
        let word = tick(name, word);
        connection.send(&word)?;
        let mut back = vec![0; word.len()];
        connection.exactly(&mut back)?;
        expect(&back, word.as_bytes())?;
        thread::sleep(Duration::from_millis(20));
    }
    connection.end()
}

fn expect(content: &[u8], right: &[u8]) -> Result<(), Wrong> {
    if content == right {
        Ok(())
    } else {
        Err(Wrong::Misordered)
    }
}
