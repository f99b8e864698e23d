//! Clients that are slow in every phase at once: they send a head, or content, or read an answer, a byte now and then.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use bayonet::BoxError;

use super::client::{Client, source};
use super::normal::Normal;
use super::scene::Scene;

/// Between two bytes of a client.
const TICK: Duration = Duration::from_millis(100);
/// As few bytes as the system lets fit into a window.
const WINDOW: usize = 2048;

/// What they are slow at, what they begin with, and why they are closed in the end.
const KINDS: [(&str, &str, &str); 3] = [
    (
        "head",
        "GET /n/1-1 HTTP/1.1\r\nHost: soak\r\nx: ",
        "head_timeout",
    ),
    (
        "content",
        "POST /upload/1-1 HTTP/1.1\r\nHost: soak\r\nContent-Length: 1000000\r\n\r\n",
        "body_too_slow",
    ),
    (
        "reading",
        "GET /endless/1 HTTP/1.1\r\nHost: soak\r\n\r\n",
        "write_too_slow",
    ),
];

/// Plays it.
pub(crate) fn run(scene: &mut Scene) -> Result<(), BoxError> {
    let each = scene.size(500, 60);
    let time = scene.size(Duration::from_secs(25), Duration::from_millis(3500));
    let quiet = Normal::start(scene.address());
    thread::sleep(time / 5);
    scene.want_normal("before", quiet)?;

    let mut slow: Vec<_> = (0..each * KINDS.len()).map(Slow::new).collect();
    let to = scene.address();
    for one in &mut slow {
        one.tick(to);
    }
    let normal = Normal::start(to);
    let begun = Instant::now();
    while begun.elapsed() < time {
        thread::sleep(TICK);
        for one in &mut slow {
            one.tick(to);
        }
    }
    scene.want_normal("meanwhile", normal)?;
    let facts = scene.victim.facts()?;
    for (kind, (name, _, reason)) in KINDS.iter().enumerate() {
        let closed = facts.count(reason);
        scene.came(format!(
            "{each} with slow {name}: {closed} closed as {reason}"
        ));
        let refused: u64 = slow
            .iter()
            .filter(|slow| slow.kind == kind)
            .map(|slow| slow.refused)
            .sum();
        scene.want(refused == 0, || {
            format!("{refused} with slow {name} were not let in")
        });
        // Each was let in, and none may stay for ever.
        scene.want(closed >= each as u64, || {
            format!("only {closed} with slow {name} were closed: {}", facts.text)
        });
    }
    Ok(())
}

/// One of them. It comes back when it is closed.
struct Slow {
    number: usize,
    kind: usize,
    client: Option<Client>,
    refused: u64,
}

impl Slow {
    fn new(number: usize) -> Self {
        Slow {
            number,
            kind: number % KINDS.len(),
            client: None,
            refused: 0,
        }
    }

    fn tick(&mut self, to: SocketAddr) {
        let (name, begin, _) = KINDS[self.kind];
        if self.client.is_none() {
            // The profile lets a hundred in from each address, and those who have just been closed may be there yet.
            let opened = Client::from(to, source(self.number, 25), Some(WINDOW));
            match opened {
                Ok(mut client) => {
                    client.send(begin.as_bytes());
                    self.client = Some(client);
                }
                Err(_) => self.refused += 1,
            }
            return;
        }
        let Some(client) = &mut self.client else {
            return;
        };
        if name == "reading" {
            client.take(1);
        } else {
            client.send(b"x");
            client.take(4096);
        }
        if client.status() == Some(503) {
            self.refused += 1;
        }
        // Who is told to go goes.
        if client.is_over || client.status() == Some(408) {
            self.client = None;
        }
    }
}
