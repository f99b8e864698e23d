//! Clients that try to fill every buffer, against a memory budget.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use bayonet::BoxError;

use super::client::{Client, source};
use super::normal::Normal;
use super::scene::Scene;

/// What one connection may take besides what it buffers: its task, its books, its head while a handler has it, and
/// what lies idle between the pieces that the allocator has given out.
const EACH: u64 = 16 * 1024;
/// What the process may take besides: its code, its stacks, what the allocator has not given back.
const BASE: u64 = 32 << 20;

/// The budget of the server.
pub(crate) const fn budget(small: bool) -> u64 {
    if small { 8 << 20 } else { 64 << 20 }
}

/// Ways to fill buffers: what a client begins with, and what it sends then as long as it is taken.
const WAYS: [(&str, &str, &str); 8] = [
    (
        "a head that is nearly too large",
        "GET /n/1 HTTP/1.1\r\nHost: soak\r\nx: ",
        "HEAD",
    ),
    (
        "content that is collected",
        "POST /collect/1 HTTP/1.1\r\nHost: soak\r\nContent-Length: 10485760\r\n\r\n",
        "c",
    ),
    (
        "content that is collected in chunks",
        "POST /collect/1 HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n",
        "1\r\nc\r\n",
    ),
    (
        "content that nobody reads",
        "POST /nap/1 HTTP/1.1\r\nHost: soak\r\nContent-Length: 10485760\r\n\r\n",
        "c",
    ),
    (
        "answers that nobody takes",
        "",
        "GET /page/1 HTTP/1.1\r\nHost: soak\r\n\r\n",
    ),
    (
        "an endless answer that nobody takes",
        "GET /endless/1 HTTP/1.1\r\nHost: soak\r\n\r\n",
        "",
    ),
    (
        "a large head that a handler has, and more behind it",
        "LARGE",
        "GET /n/1 HTTP/1.1\r\nHost: soak\r\n\r\n",
    ),
    (
        "small requests without taking the answers",
        "",
        "GET /n/1 HTTP/1.1\r\nHost: soak\r\n\r\n",
    ),
];

/// Plays it.
pub(crate) fn run(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(2000, 200);
    let time = scene.size(Duration::from_secs(20), Duration::from_secs(3));
    let to = scene.address();
    let base = scene.victim.facts()?.memory * 1024;
    let begins: Vec<_> = WAYS.iter().map(|(_, begin, _)| begin_of(begin)).collect();
    let goes_on: Vec<_> = WAYS.iter().map(|(_, _, more)| more_of(more)).collect();
    let mut fillers: Vec<_> = (0..count)
        .map(|number| Filler {
            number,
            ..Filler::default()
        })
        .collect();
    let normal = Normal::start(to);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let mut moved = 0;
        for filler in &mut fillers {
            let way = filler.number % WAYS.len();
            moved += filler.fill(to, &begins[way], &goes_on[way]);
        }
        if moved == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let facts = scene.victim.facts()?;
    scene.want_normal("meanwhile", normal)?;
    let budget = budget(scene.small);
    let fixed = BASE + EACH * count as u64;
    let (peak, most) = (facts.peak * 1024, base + budget + fixed);
    let sent: usize = fillers.iter().map(|filler| filler.sent).sum();
    #[expect(clippy::cast_precision_loss, reason = "a number to be shown")]
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    scene.came(format!(
        "{count} clients, {:.0} MiB taken from them; budget {:.0} MiB, resident at most {:.1} MiB, of which {:.1} before",
        mib(sent as u64),
        mib(budget),
        mib(peak),
        mib(base)
    ));
    scene.came(format!(
        "allowed: the budget, {:.0} KiB for each connection and {:.0} MiB for the process: {:.0} MiB; {} cut as over_budget",
        mib(EACH) * 1024.0,
        mib(BASE),
        mib(most),
        facts.count("over_budget")
    ));
    scene.want(peak <= most, || {
        format!(
            "resident at most {:.1} MiB, allowed are {:.1}",
            mib(peak),
            mib(most)
        )
    });
    scene.want(sent as u64 > budget, || {
        format!("only {sent} bytes were sent")
    });
    Ok(())
}

/// Almost as many fields as a head may have, almost as large as it may be.
fn fields() -> String {
    format!("x: {}\r\n", "v".repeat(160)).repeat(95)
}

fn begin_of(begin: &str) -> Vec<u8> {
    match begin {
        "LARGE" => format!("GET /nap/1 HTTP/1.1\r\nHost: soak\r\n{}\r\n", fields()).into(),
        begin => begin.into(),
    }
}

/// What is sent again and again; of a head, once.
fn more_of(more: &str) -> Vec<u8> {
    match more {
        "HEAD" => fields().into(),
        more => more.repeat(16 * 1024 / more.len().max(1)).into(),
    }
}

/// One of them. It comes back when it is cut.
#[derive(Default)]
struct Filler {
    number: usize,
    client: Option<Client>,
    /// Of this connection.
    begun: usize,
    at: usize,
    /// In all.
    sent: usize,
}

impl Filler {
    /// Sends what is taken, and says how much that was.
    fn fill(&mut self, to: SocketAddr, begin: &[u8], more: &[u8]) -> usize {
        let Some(client) = self.client.as_mut().filter(|client| !client.is_over) else {
            // With a small window, so that answers wait at the server.
            self.client = Client::from(to, source(self.number, 50), Some(4096)).ok();
            (self.begun, self.at) = (0, 0);
            return usize::from(self.client.is_some());
        };
        let count = if self.begun < begin.len() {
            let count = client.send(&begin[self.begun..]);
            self.begun += count;
            count
        } else if begin.ends_with(b"x: ") && self.at == more.len() {
            // A head that does not end: what is left of the time it waits, and looks whether it was closed.
            client.take(1);
            0
        } else {
            let count = client.send(&more[self.at..]);
            self.at += count;
            if self.at == more.len() && !begin.ends_with(b"x: ") {
                self.at = 0;
            }
            count
        };
        self.sent += count;
        count
    }
}
