//! The group `core`: what the engine costs without sockets, and how often it allocates.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts in a bench are far below 2^52"
)]

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bayonet_benches::app::{CHUNK, CHUNKS, app};
use bayonet_benches::count::Used;
use bayonet_benches::direct::Direct;
use bayonet_benches::nowhere::{Nowhere, start};
use bayonet_benches::table::{self, Case};
use bayonet_benches::work::Work;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, PlottingBackend, Throughput};
use http_server_engine::h1::answer::{self, Common, Plan};
use http_server_engine::h1::{Event, Limits, Message, Reader};
use http_server_trait::bytes::Bytes;
use http_server_trait::http::Version;
use http_server_trait::{BoxError, Conn, Response};

/// The head that a browser sends when a link is followed.
const BROWSER: &[u8] = b"GET /plaintext HTTP/1.1\r\n\
Host: localhost:1666\r\n\
Connection: keep-alive\r\n\
Cache-Control: max-age=0\r\n\
sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Linux\"\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-User: ?1\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: http://localhost:1666/\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\n\
Cookie: theme=dark; session=0123456789abcdef0123456789abcdef\r\n\r\n";

/// What the cases have used, in the order of the first time that each was run.
#[derive(Default)]
struct Books(Mutex<Vec<Entry>>);

struct Entry {
    name: &'static str,
    times: u64,
    took: Duration,
    used: Used,
}

impl Books {
    fn enter(&self, name: &'static str, times: u64, took: Duration, used: Used) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.iter().position(|entry| entry.name == name);
        let at = at.unwrap_or_else(|| {
            entries.push(Entry {
                name,
                times: 0,
                took: Duration::ZERO,
                used: Used::default(),
            });
            entries.len() - 1
        });
        let entry = &mut entries[at];
        entry.times += times;
        entry.took += took;
        entry.used.allocations += used.allocations;
        entry.used.bytes += used.bytes;
    }

    fn cases(self) -> Vec<Case> {
        let entries = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let case = |entry: Entry| {
            let each = |all: f64| all / entry.times as f64;
            Case {
                name: entry.name.to_owned(),
                nanos: each(entry.took.as_secs_f64() * 1e9),
                allocations: each(entry.used.allocations as f64),
                bytes: each(entry.used.bytes as f64),
            }
        };
        entries.into_iter().map(case).collect()
    }
}

struct Core<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    books: &'a Books,
}

impl Core<'_> {
    /// A case: something that is done a number of times.
    fn case(&mut self, name: &'static str, run: impl FnMut(u64)) {
        self.case_of(1, name, run);
    }

    /// A case that does several things each time; the table shows one of them.
    fn case_of(&mut self, things: u64, name: &'static str, mut run: impl FnMut(u64)) {
        let books = self.books;
        self.group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let before = Used::now();
                let start = Instant::now();
                run(times);
                let took = start.elapsed();
                books.enter(name, times * things, took, Used::now().since(before));
                took
            });
        });
    }
}

/// Reads a head, up to what a handler gets.
fn parse(head: &[u8], conn: &Conn) {
    let received = Instant::now();
    let limits = Limits::default();
    let mut reader = Reader::new();
    match reader.read(black_box(head), &limits) {
        Ok((used, Event::Head(raw, message))) if used == head.len() => {
            drop(black_box((raw.finish(conn, 1, received), message)));
        }
        other => panic!("not a head: {other:?}"),
    }
}

/// Reads a request with chunked content, and gives back how much content it has.
fn decode(request: &[u8], conn: &Conn) -> usize {
    let received = Instant::now();
    let limits = Limits::default();
    let mut reader = Reader::new();
    let (mut at, mut content) = (0, 0);
    loop {
        match reader.read(black_box(&request[at..]), &limits) {
            Ok((_, Event::End(_))) => return content,
            Ok((used, Event::Head(raw, _))) => {
                drop(raw.finish(conn, 1, received));
                at += used;
            }
            Ok((used, Event::Data(data))) => {
                content += black_box(data).len();
                at += used;
            }
            Ok((used, _)) if used > 0 => at += used,
            other => panic!("not a request: {other:?}"),
        }
    }
}

fn chunked() -> Vec<u8> {
    let mut bytes = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..CHUNKS {
        bytes.extend_from_slice(format!("{:x}\r\n", CHUNK.len()).as_bytes());
        bytes.extend_from_slice(CHUNK);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn plain_message() -> Message {
    let mut message = Message::unknown();
    message.version = Version::HTTP_11;
    message.keep_alive = true;
    message
}

fn bytes(work: &str) -> Bytes {
    let work = Work::named(work).expect("it is one of those in `work`");
    work.request().repeat(work.pipelined).into()
}

fn core(criterion: &mut Criterion, books: &Books) -> Result<(), BoxError> {
    let mut core = Core {
        group: criterion.benchmark_group("core"),
        books,
    };
    let registered = Nowhere::new(start(app())?);
    let direct = Nowhere::new(Direct::new()?);
    let conn = registered.conn();
    let get = bytes("plaintext");

    core.case("parse/plain", |times| {
        (0..times).for_each(|_| parse(&get, &conn));
    });
    core.case("parse/browser", |times| {
        (0..times).for_each(|_| parse(BROWSER, &conn));
    });

    let (message, response) = (plain_message(), Response::text("Hello, World!"));
    let common = Common {
        date: Some(b"date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"),
        server: None,
    };
    let mut out = Vec::with_capacity(1024);
    core.case("encode/head", |times| {
        for _ in 0..times {
            out.clear();
            let plan = Plan::new(black_box(&message), black_box(&response), false);
            answer::head(&mut out, &message, &response, &plan, common);
            black_box(&out);
        }
    });

    let request = chunked();
    core.group
        .throughput(Throughput::Bytes(request.len() as u64));
    core.case("decode/chunked", |times| {
        for _ in 0..times {
            assert_eq!(decode(&request, &conn), CHUNKS * CHUNK.len());
        }
    });

    core.group.throughput(Throughput::Elements(1));
    core.case("request/registered", |times| {
        registered.serve(&get, times);
    });
    core.case("request/direct", |times| direct.serve(&get, times));
    let browser = Bytes::from_static(BROWSER);
    core.case("request/browser", |times| registered.serve(&browser, times));
    let echo = bytes("echo");
    core.case("request/echo", |times| registered.serve(&echo, times));
    let sixteen = bytes("pipelined");
    core.group.throughput(Throughput::Elements(16));
    core.case_of(16, "request/pipelined-x16", |times| {
        registered.serve(&sixteen, times);
    });
    core.group.finish();
    Ok(())
}

fn main() -> Result<(), BoxError> {
    let books = Books::default();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1200))
        .sample_size(30)
        .plotting_backend(PlottingBackend::Plotters)
        .configure_from_args();
    core(&mut criterion, &books)?;
    let cases = books.cases();
    if !cases.is_empty() && !bayonet_benches::is_trial() {
        println!("\n{}", table::core(&cases));
    }
    criterion.final_summary();
    Ok(())
}
