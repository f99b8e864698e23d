//! What a second worker brings, and whether each has its share.
//!
//! ```sh
//! cargo run --release -p bayonet-benches --bin workers
//! ```
//!
//! For each backend: processor time of a request with one worker and with two, in turns; and a thousand connections
//! on two workers, over TCP and over a Unix socket: how many each has, how many requests it answers when all ask
//! at once, and how long the slowest of them waits. It fails if a second worker costs more than a ninth of what a
//! request costs, or if one has less than a third of the connections of a TCP address, which the kernel deals out.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts in a bench are far below 2^52"
)]

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bayonet_benches::app::app;
use bayonet_benches::client::Client;
use bayonet_benches::cores;
use bayonet_benches::count::Used;
use bayonet_benches::verdict;
use bayonet_benches::work::Work;
use http_server_trait::{Drain, Flow, HttpServer, IntoListen, Request, Response, block_on};

const SERVE: &str = "--serve";
const BACKENDS: [&str; 3] = ["tokio", "async-std", "smol"];

const ROUNDS: usize = 10;
const SLICE: Duration = Duration::from_millis(150);
const CONNECTIONS: usize = 1000;
const BURSTS: usize = 20;
/// More than a client waits for anything here.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    verdict(run())
}

fn run() -> io::Result<bool> {
    cores::descriptors();
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [asked, backend, workers, path] = &arguments[..]
        && asked == SERVE
    {
        let workers = workers.parse().map_err(io::Error::other)?;
        return serve(backend, workers, path).map(|()| true);
    }
    let mut good = true;
    for backend in BACKENDS {
        good &= second_worker(backend)?;
        good &= shares(backend)?;
    }
    Ok(good)
}

// ---- the server ------------------------------------------------------------------------------------------

/// Serves until its input ends; each line of that is answered with what was used so far.
fn serve(backend: &str, workers: usize, path: &str) -> io::Result<()> {
    let mut server: Box<dyn HttpServer> = match backend {
        "tokio" => Box::new(backend_tokio::Server::new()),
        "async-std" => Box::new(backend_asyncstd::Server::new()),
        "smol" => Box::new(backend_smol::Server::new()),
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    *server.app_mut() = app();
    server.app_mut().config_mut().workers = Some(workers);
    server.handler(which_worker);
    let listen = ["127.0.0.1:0".to_owned(), format!("unix:{path}")];
    let listen = listen.into_listen().map_err(io::Error::other)?;
    let handle = block_on(server.start(listen)).map_err(io::Error::other)?;
    let address = handle.address().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut telling = io::stdout().lock();
    writeln!(telling, "{address}")?;
    for _asked in io::stdin().lock().lines() {
        writeln!(telling, "{}", Used::now())?;
    }
    handle.shutdown(Drain::now()).wait();
    Ok(())
}

/// Answers with the number of the thread that it runs on.
async fn which_worker(request: Request) -> Flow<Request> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    if request.path() != "/worker" {
        return Flow::Continue(request);
    }
    Flow::Reply(Response::text(NUMBER.with(usize::to_string)))
}

/// A server in a process of its own. It ends when this is dropped.
struct Server {
    process: Child,
    asking: Option<ChildStdin>,
    telling: BufReader<ChildStdout>,
    address: SocketAddr,
    path: String,
}

impl Server {
    fn start(backend: &str, workers: usize) -> io::Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("workers-{}-{number}.sock", std::process::id());
        let path = env::temp_dir().join(name).display().to_string();
        let mut process = Command::new(env::current_exe()?)
            .args([SERVE, backend, &workers.to_string(), &path])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(asking), Some(telling)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut server = Server {
            process,
            asking: Some(asking),
            telling: BufReader::new(telling),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            path,
        };
        server.address = server.line()?.parse().map_err(io::Error::other)?;
        Ok(server)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.telling.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn used(&mut self) -> io::Result<Used> {
        let asking = self.asking.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        asking.write_all(b"used\n")?;
        self.line()?.parse()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input is what it waits for.
        self.asking = None;
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.path);
    }
}

// ---- what a second worker costs --------------------------------------------------------------------------

fn second_worker(backend: &str) -> io::Result<bool> {
    // One server of one worker twice: what these differ by is noise.
    let mut servers = [1, 1, 2].map(|workers| Server::start(backend, workers));
    let mut costs = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (server, costs) in servers.iter_mut().zip(&mut costs) {
            let server = server
                .as_mut()
                .map_err(|error| io::Error::from(error.kind()))?;
            costs.push(cost(server)?);
        }
    }
    let [one, again, two] = costs.map(median);
    let ratio = one / two;
    println!(
        "{backend}: {:.2} µs/request with one worker, {:.2} with two: {ratio:.2} x the requests for each second of a \
         processor (one worker, again: {:.2} µs)",
        one * 1e6,
        two * 1e6,
        again * 1e6,
    );
    let good = ratio >= 0.9;
    if !good {
        println!("{backend}: LESS than 0.9");
    }
    Ok(good)
}

/// Seconds of a processor for each request, with two clients of 32 connections.
fn cost(server: &mut Server) -> io::Result<f64> {
    let before = server.used()?;
    let address = server.address;
    let clients = [(); 2].map(|()| {
        thread::spawn(move || {
            let mut work = Work::named("plaintext").ok_or(io::ErrorKind::NotFound)?;
            work.connections = 32;
            Client::new(&work, address)?.run(SLICE)
        })
    });
    let mut answered = 0;
    for client in clients {
        answered += client
            .join()
            .map_err(|_| io::Error::other("a client panicked"))??;
    }
    let used = server.used()?.since(before);
    Ok(used.processor.as_secs_f64() / answered as f64)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

// ---- who has how many ------------------------------------------------------------------------------------

fn shares(backend: &str) -> io::Result<bool> {
    let server = Server::start(backend, 2)?;
    let over_tcp = shares_over(|| {
        let stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    })?;
    println!("{backend}, TCP: {over_tcp}");
    let over_unix = shares_over(|| {
        let stream = UnixStream::connect(&server.path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    })?;
    println!("{backend}, Unix: {over_unix}");
    let good = over_tcp.workers() == 2 && over_tcp.least() >= CONNECTIONS / 3;
    if !good {
        println!("{backend}: a worker has TOO FEW of them");
    }
    Ok(good)
}

/// How many of the connections each worker has, how many requests it has answered, and how long a burst took.
struct Shares {
    connections: BTreeMap<String, usize>,
    answered: BTreeMap<String, usize>,
    typical: Duration,
    slowest: Duration,
}

impl Shares {
    fn workers(&self) -> usize {
        self.connections.len()
    }

    fn least(&self) -> usize {
        self.connections.values().copied().min().unwrap_or_default()
    }
}

impl std::fmt::Display for Shares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |of: &BTreeMap<String, usize>| {
            let all: Vec<_> = of.values().map(usize::to_string).collect();
            all.join(" and ")
        };
        write!(
            f,
            "{} of {CONNECTIONS} connections, {} answers; all at once are answered in {:.1} ms, in {:.1} ms at most",
            list(&self.connections),
            list(&self.answered),
            self.typical.as_secs_f64() * 1e3,
            self.slowest.as_secs_f64() * 1e3,
        )
    }
}

fn shares_over<S: Read + Write>(connect: impl Fn() -> io::Result<S>) -> io::Result<Shares> {
    let mut streams = Vec::new();
    let mut shares = Shares {
        connections: BTreeMap::new(),
        answered: BTreeMap::new(),
        typical: Duration::ZERO,
        slowest: Duration::ZERO,
    };
    for _ in 0..CONNECTIONS {
        let mut stream = connect()?;
        let worker = ask(&mut stream).and_then(|()| answer(&mut stream))?;
        *shares.connections.entry(worker).or_default() += 1;
        streams.push(stream);
    }
    let mut took = Vec::new();
    for _ in 0..BURSTS {
        let start = Instant::now();
        for stream in &mut streams {
            ask(stream)?;
        }
        for stream in &mut streams {
            *shares.answered.entry(answer(stream)?).or_default() += 1;
        }
        took.push(start.elapsed());
    }
    took.sort();
    shares.typical = took[took.len() / 2];
    shares.slowest = took[took.len() - 1];
    Ok(shares)
}

fn ask(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(b"GET /worker HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// The content of an answer, which is all that has come.
fn answer(stream: &mut impl Read) -> io::Result<String> {
    let mut bytes = [0; 1024];
    let count = stream.read(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes[..count]);
    let content = text.split_once("\r\n\r\n").map(|(_, content)| content);
    match content {
        Some(worker) if text.starts_with("HTTP/1.1 200") && !worker.is_empty() => Ok(worker.into()),
        _ => Err(io::Error::other(format!("not an answer: {text:?}"))),
    }
}
