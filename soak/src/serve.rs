//! The server: an application whose every answer says which request it is of, in a process of its own. It does what
//! the lines of its standard input say, and answers each with lines.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bayonet::{
    Body, BodyPlan, BoxError, Drain, Flow, Handler, Head, HttpServer, IntoFlow, Request, Response,
    ServerHandle, Takeover, Upgraded, block_on, server_named,
};

use crate::memory;

/// Pieces of a stream, and the time between them.
pub(crate) const TICKS: usize = 20;
const TICK: Duration = Duration::from_millis(20);
/// Lines of a download, of 64 bytes each.
pub(crate) const LINES: usize = 16 * 1024;

/// Serves until it is told to end.
pub(crate) fn run(workers: usize) -> Result<(), BoxError> {
    crate::raise_descriptors();
    let handled = Arc::new(AtomicU64::new(0));
    let mut server = fresh("tokio", workers)?;
    server.handler(Soak(Arc::clone(&handled)));
    let mut handle = block_on(server.listen("127.0.0.1:0"))?;
    let mut backend = "tokio".to_owned();
    let mut left: Vec<Left> = Vec::new();
    let mut reports = Vec::new();
    let mut swapped = 0;
    let address = handle.address().ok_or("no address")?;
    say(&address)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("swap", to) => {
                let mut successor = fresh(to, workers)?;
                let begun = Instant::now();
                let new = block_on(handle.handover(successor.as_mut()))?;
                let took = begun.elapsed();
                swapped += 1;
                left.push(Left {
                    number: swapped,
                    names: format!("{backend} {to}"),
                    took,
                    handle,
                });
                (backend, handle) = (to.to_owned(), new);
                // A handle keeps what it is a handle of.
                let (ended, going): (Vec<_>, _) = left
                    .into_iter()
                    .partition(|old| old.handle.report().is_some());
                reports.extend(ended.iter().map(Left::report));
                left = going;
                say(&took.as_micros())?;
            }
            ("facts", _) => {
                let handled = handled.load(Ordering::SeqCst);
                let open = handle.connections();
                say(&format_args!("{} {handled} {open}", process()?))?;
            }
            // Once everything has left the servers that were swapped away: what they report.
            ("reports", _) => {
                reports.extend(left.drain(..).map(|old| old.report()));
                // They have ended in an order of their own.
                reports.sort_unstable();
                for (_, report) in std::mem::take(&mut reports) {
                    say(&report)?;
                }
                say(&".")?;
            }
            _ => break,
        }
    }
    let report = handle
        .shutdown(Drain::within(Duration::from_secs(5)))
        .wait();
    say(&u8::from(report.is_clean() && report.counters.balances()))?;
    Ok(())
}

/// A server that was swapped away.
struct Left {
    number: u64,
    names: String,
    took: Duration,
    handle: ServerHandle,
}

impl Left {
    /// The number of the swap, and what is reported of it when the server has ended.
    fn report(&self) -> (u64, String) {
        let report = self.handle.wait();
        let balanced = u8::from(report.counters.balances());
        let text = format!(
            "{} {} {} {} {} {balanced}",
            self.names,
            self.took.as_micros(),
            report.moved,
            report.finished,
            report.cut + report.idle
        );
        (self.number, text)
    }
}

fn fresh(backend: &str, workers: usize) -> Result<Box<dyn HttpServer>, BoxError> {
    let mut server = server_named(backend)?;
    let config = server.app_mut().config_mut();
    config.workers = Some(workers);
    config.connections = Some(100_000);
    Ok(server)
}

pub(crate) fn say(line: &dyn std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Threads, descriptors, what is resident and what is allocated, both in KiB.
fn process() -> io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let number = |name: &str| {
        let mut lines = status.lines();
        let line = lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or("0");
        line.split_whitespace().next().unwrap_or("0").to_owned()
    };
    let descriptors = std::fs::read_dir("/proc/self/fd")?.count();
    Ok(format!(
        "{} {descriptors} {} {}",
        number("Threads:"),
        number("VmRSS:"),
        memory::allocated() / 1024
    ))
}

struct Soak(Arc<AtomicU64>);

impl Handler for Soak {
    async fn handle(&self, request: Request) -> Flow<Request> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let mut parts = request.path().splitn(3, '/').skip(1);
        let (kind, number) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let number = number.to_owned();
        match kind {
            "n" => Response::text(number).into_flow(),
            "upload" => upload(request, &number).await.into_flow(),
            "big" => Response::text(big(&number)).into_flow(),
            "ticks" => ticks(&request, number).into_flow(),
            "echo" => Takeover::upgrade("echo", echo).into_flow(),
            _ => Flow::Continue(request),
        }
    }

    fn body_plan(&self, _: &Head) -> BodyPlan {
        BodyPlan::Stream
    }
}

/// Says how much came, and a sum of it.
pub(crate) async fn upload(mut request: Request, number: &str) -> Result<Response, BoxError> {
    let mut body = request.take_body();
    let (mut length, mut sum) = (0, 0);
    while let Some(piece) = body.next().await {
        let piece = piece?;
        length += piece.len();
        sum = checksum(sum, &piece);
    }
    Ok(Response::text(format!("{number} {length} {sum}")))
}

/// A sum that notices what is missing, what is there twice, and what is out of order.
pub(crate) fn checksum(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, byte| {
        (sum ^ u64::from(*byte))
            .wrapping_mul(0x0100_0000_01b3)
            .rotate_left(5)
    })
}

/// 1 MiB of numbered lines.
pub(crate) fn big(number: &str) -> String {
    let line = |at: usize| format!("{:.<63}\n", format!("{number} {at} "));
    (0..LINES).map(line).collect()
}

pub(crate) fn tick(number: &str, at: usize) -> String {
    format!("{number} {at}\n")
}

fn ticks(request: &Request, number: String) -> Response {
    let (mut sender, body) = Body::channel();
    let exec = request.exec().clone();
    let there = exec.clone();
    let ticking = exec.spawn(async move {
        for at in 0..TICKS {
            if sender.send(tick(&number, at)).await.is_err() {
                return;
            }
            there.sleep(TICK).await;
        }
        sender.finish();
    });
    drop(ticking);
    Response::text(body)
}

pub(crate) async fn echo(mut stream: Upgraded) -> io::Result<()> {
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece).await? {
            0 => return stream.close().await,
            read => stream.write_all(&piece[..read]).await?,
        }
    }
}
