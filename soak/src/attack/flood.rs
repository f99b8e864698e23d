//! Messages without end: content, fields, chunk extensions, trailers. Each is refused as soon as it is too much.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use bayonet::BoxError;

use super::client::Client;
use super::scene::{PATIENCE, Scene};

/// How many do it at a time.
const AT_A_TIME: usize = 4;

/// A flood: how it begins, what comes again and again, and what is answered to it.
struct Flood {
    name: &'static str,
    begin: &'static str,
    again: String,
    status: u16,
    /// More than this is never taken: the limit, and what fits between the two ends of a connection.
    most: usize,
}

/// What the kernel takes for the server, in both directions, and the server to let a client read its answer.
const BETWEEN: usize = 32 << 20;

const CHUNKED: &str = "POST /upload/1 HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Chunked content that does not end, as it comes and collected.
pub(crate) fn content(scene: &mut Scene) -> Result<(), BoxError> {
    let chunk = format!("2000\r\n{}\r\n", "c".repeat(0x2000));
    let endless = |name, begin, again: &str| Flood {
        name,
        begin,
        again: again.to_owned(),
        status: 413,
        // In chunks of one byte, six times the limit.
        most: 6 * (10 << 20) + BETWEEN,
    };
    pour(
        scene,
        &endless("endless chunks, read as they come", CHUNKED, &chunk),
        usize::MAX,
    )?;
    let collected = "POST /collect/1 HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n";
    pour(
        scene,
        &endless("endless chunks, collected", collected, &chunk),
        usize::MAX,
    )?;
    // What costs most for each byte of content.
    let tiny = "1\r\nc\r\n".repeat(1000);
    let count = scene.size(usize::MAX, 100_000);
    pour(
        scene,
        &endless("chunks of one byte, collected", collected, &tiny),
        count,
    )
}

/// A hundred thousand fields, in the head and in the trailers.
pub(crate) fn fields(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(100_000, 10_000);
    let mut lines = String::new();
    for number in 0..count {
        let _ = write!(lines, "x-{number}: a\r\n");
    }
    let flood = |name, begin, again: &str| Flood {
        name,
        begin,
        again: again.to_owned(),
        status: 431,
        most: BETWEEN,
    };
    pour(
        scene,
        &flood("fields", "GET /n/1 HTTP/1.1\r\nHost: soak\r\n", &lines),
        1,
    )?;
    pour(scene, &flood("trailers", CHUNKED_AND_ENDED, &lines), 1)
}

const CHUNKED_AND_ENDED: &str =
    "POST /collect/1 HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";

/// A hundred megabytes of chunk extensions: of one chunk, and of many.
pub(crate) fn extensions(scene: &mut Scene) -> Result<(), BoxError> {
    let bytes = scene.size(100_000_000, 2_000_000);
    let flood = |name, begin, again: String| Flood {
        name,
        begin,
        again,
        status: 400,
        most: BETWEEN,
    };
    let one = format!(";{}=1", "e".repeat(997));
    let begin = "POST /upload/1 HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n1";
    pour(
        scene,
        &flood("extensions of one chunk", begin, one),
        bytes / 1000,
    )?;
    let small = format!("1;{}\r\nc\r\n", "e".repeat(193)).repeat(5);
    pour(
        scene,
        &flood("extensions of many chunks", CHUNKED, small),
        bytes / 1000,
    )
}

/// Some clients send it, so often, and want to be told.
fn pour(scene: &mut Scene, flood: &Flood, times: usize) -> Result<(), BoxError> {
    let mut pouring = Vec::new();
    for _ in 0..AT_A_TIME {
        pouring.push(Pouring {
            client: Client::open(scene.address())?,
            at: 0,
            left: times,
            sent: 0,
        });
    }
    let begun = Instant::now();
    while pouring.iter().any(|one| !one.client.is_over) && begun.elapsed() < PATIENCE {
        let moved = pouring.iter_mut().map(|one| one.step(flood));
        if moved.sum::<usize>() == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let most = pouring.iter().map(|one| one.sent).max().unwrap_or(0);
    let told = pouring
        .iter()
        .filter(|one| one.client.status() == Some(flood.status))
        .count();
    scene.came(format!(
        "{}: {told} of {AT_A_TIME} told {}, {} KiB sent at most",
        flood.name,
        flood.status,
        most / 1024
    ));
    scene.want(told == AT_A_TIME, || {
        let first = String::from_utf8_lossy(&pouring[0].client.received);
        format!("{}: answered {first:.300}", flood.name)
    });
    let are_over = pouring.iter().all(|one| one.client.is_over);
    scene.want(are_over, || format!("{}: not closed", flood.name));
    scene.want(most <= flood.most, || {
        format!("{}: {most} bytes were taken", flood.name)
    });
    Ok(())
}

/// One that sends without end.
struct Pouring {
    client: Client,
    /// How much of what it is sending is out.
    at: usize,
    left: usize,
    sent: usize,
}

impl Pouring {
    /// Sends and reads what it can, and says how much that was.
    fn step(&mut self, flood: &Flood) -> usize {
        let taken = self.client.take(usize::MAX);
        if self.client.is_over {
            return taken;
        }
        let begin = flood.begin.as_bytes();
        let count = if self.sent < begin.len() {
            self.client.send(&begin[self.sent..])
        } else if self.left > 0 {
            let count = self.client.send(&flood.again.as_bytes()[self.at..]);
            self.at += count;
            if self.at == flood.again.len() {
                self.at = 0;
                self.left -= 1;
            }
            count
        } else {
            0
        };
        self.sent += count;
        taken + count
    }
}
