//! Normal clients, beside whatever else goes on: one that keeps its connection, one that makes a new one for each
//! request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bayonet::BoxError;

use crate::answers::{Connection, Wrong, is_of, name};
use crate::tally::Tally;

/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(5);

/// Normal clients at work.
pub(crate) struct Normal {
    over: Arc<AtomicBool>,
    working: Vec<JoinHandle<Tally>>,
}

impl Normal {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let working = [true, false].map(|keeps| {
            let over = Arc::clone(&over);
            thread::spawn(move || ask(address, keeps, &over))
        });
        Normal {
            over,
            working: working.into(),
        }
    }

    /// What they have counted, and how long they have waited.
    pub(crate) fn stop(self) -> Result<Tally, BoxError> {
        self.over.store(true, Ordering::SeqCst);
        let mut sum = Tally::default();
        for client in self.working {
            sum.add(client.join().map_err(|_| "a client has panicked")?);
        }
        Ok(sum)
    }
}

fn ask(address: SocketAddr, keeps: bool, over: &AtomicBool) -> Tally {
    let client = u32::from(keeps);
    let mut tally = Tally::default();
    let mut kept = None;
    // Once at least, however late its thread gets its turn: what it is to stand beside lasts until it is stopped.
    loop {
        tally.sent += 1;
        let begun = Instant::now();
        match once(address, &mut kept, client, tally.sent) {
            Ok(()) => tally.answered += 1,
            Err(wrong) => {
                kept = None;
                let what = format!("normal client {}", name(client, tally.sent));
                tally.wrong(wrong, &what);
            }
        }
        tally.quiet.note(begun.elapsed());
        // Some profiles let a connection have a thousand requests.
        if !keeps || tally.sent % 900 == 0 {
            kept = None;
        }
        if over.load(Ordering::SeqCst) {
            return tally;
        }
        thread::sleep(PAUSE);
    }
}

fn once(
    address: SocketAddr,
    kept: &mut Option<Connection>,
    client: u32,
    number: u64,
) -> Result<(), Wrong> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(Connection::open(address)?),
    };
    let name = name(client, number);
    connection.send(format!("GET /n/{name} HTTP/1.1\r\nHost: soak\r\n\r\n"))?;
    let content = connection.answer()?;
    is_of(&content, client, number)
}

/// Lets a handler sleep, and somebody panic.
pub(crate) fn warm_up(address: SocketAddr) {
    for what in ["warm", "panic"] {
        let Ok(mut connection) = Connection::open(address) else {
            return;
        };
        // What it answers is not looked at.
        let sent = connection.send(format!("GET /{what}/1 HTTP/1.1\r\nHost: soak\r\n\r\n"));
        let _ = sent.and_then(|()| connection.head("200"));
    }
}

/// How long a new client waits for its answer; nothing if it gets none.
pub(crate) fn health(address: SocketAddr) -> Option<Duration> {
    let begun = Instant::now();
    once(address, &mut None, 0, 1).ok()?;
    Some(begun.elapsed())
}
