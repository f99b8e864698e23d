//! What a server does when the process has no descriptors left, and what it leaves behind: tests that count in
//! their process, and so need one of their own.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use http_server_trait::{
    AcceptErrorKind, App, Counters, Drain, HttpServer, IntoListen, Listen, ListenError, Request,
    ServerHandle, block_on,
};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Socket, Type};

/// Runs these tests on a backend, one after the other, and ends the process.
///
/// ```no_run
/// # #[derive(Default)] struct Server(http_server_trait::App);
/// # #[http_server_trait::async_trait]
/// # impl http_server_trait::HttpServer for Server {
/// #     fn app_mut(&mut self) -> &mut http_server_trait::App { &mut self.0 }
/// #     fn capabilities(&self) -> http_server_trait::Capabilities { http_server_trait::Capabilities::all("mine") }
/// #     async fn start(&mut self, _: http_server_trait::Listen)
/// #         -> Result<http_server_trait::ServerHandle, http_server_trait::ListenError> { unimplemented!() }
/// # }
/// // tests/descriptors.rs, with `harness = false`
/// fn main() {
///     http_server_conformance::descriptors::run(Server::default);
/// }
/// ```
pub fn run<S: HttpServer + 'static>(make: fn() -> S) {
    let mut arguments = Arguments::from_args();
    // They count what is in the process.
    arguments.test_threads = Some(1);
    log::set_max_level(log::LevelFilter::Warn);
    log::set_logger(&LINES).expect("no other logger is there");
    let trials = vec![
        Trial::test("rounds_leave_nothing_behind", move || rounds(make)),
        Trial::test("accepting_waits_for_descriptors", move || waits(make)),
        Trial::test("accepting_by_hand_tells_of_it", move || by_hand(make)),
        Trial::test("starting_without_descriptors_fails", move || starts(make)),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

type Checked = Result<(), Failed>;

fn check(is_so: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if is_so {
        return Ok(());
    }
    Err(otherwise().into())
}

/// Fifty times started and stopped, with connections: then there are as many threads and descriptors as before.
fn rounds<S: HttpServer>(make: fn() -> S) -> Checked {
    // What a runtime has one of in a process is there after the first.
    round(make)?;
    let before = (descriptors(), threads());
    for _ in 0..50 {
        round(make)?;
    }
    // The thread that has told of the end may not have ended itself.
    let none_left = eventually(|| descriptors() <= before.0 && threads() <= before.1);
    check(none_left, || {
        let after = (descriptors(), threads());
        format!("descriptors and threads were {before:?}, and are {after:?}")
    })
}

fn round<S: HttpServer>(make: fn() -> S) -> Checked {
    let handle = serve(make, "127.0.0.1:0".into_listen()?)?;
    let (mut idle, mut used) = (connect(&handle)?, connect(&handle)?);
    ask(&mut used)?;
    ask(&mut used)?;
    // One that still waits in the kernel's queue is the kernel's to end.
    let both = eventually(|| handle.counters().accepted == 2);
    check(both, || handle.counters().to_string())?;
    let report = handle.shutdown(Drain::default()).wait();
    check(report.is_clean(), || report.to_string())?;
    let (left, last) = (idle.read(&mut [0]), used.read(&mut [0]));
    check(matches!((&left, &last), (Ok(0), Ok(0))), || {
        format!("the connections were not closed: {left:?} {last:?}")
    })
}

/// How long is watched what a server does that cannot accept.
const WATCHED: Duration = Duration::from_secs(2);

/// Without descriptors a server tries again now and then, says so once, serves whom it has, and serves all who
/// wait as soon as it can.
fn waits<S: HttpServer>(make: fn() -> S) -> Checked {
    let handle = serve(make, "127.0.0.1:0".into_listen()?)?;
    let mut known = connect(&handle)?;
    ask(&mut known)?;
    let waiting = Waiting::new(8)?;
    let full = Full::new()?;
    let mut waiting = waiting.connect(address(&handle)?)?;
    let failed = || handle.counters().accept_errors;
    check(eventually(|| failed() > 0), || {
        "accepting did not fail".into()
    })?;
    let (processor, errors, lines) = (processor_time()?, failed(), LINES.about_accepting());
    // The time is what is measured: a server that spins does so all of it.
    thread::sleep(WATCHED);
    let used = processor_time()?.saturating_sub(processor);
    check(used < WATCHED / 20, || {
        format!("it was busy for {used:?} of {WATCHED:?}")
    })?;
    let more = failed() - errors;
    check(more < 20, || {
        format!("it tried {more} times in {WATCHED:?}")
    })?;
    check(more > 0, || "it does not try again".into())?;
    check(LINES.about_accepting() == 1 && lines == 1, || {
        format!("it said {:?}", LINES.all())
    })?;
    ask(&mut known)?;
    drop(full);
    for client in &mut waiting {
        ask(client)?;
    }
    ask(&mut connect(&handle)?)?;
    let counters = end(&handle)?;
    check(counters.accepted == 10, || {
        format!("the counts are {counters}")
    })
}

/// Who accepts by hand is told, and the server goes on.
fn by_hand<S: HttpServer>(make: fn() -> S) -> Checked {
    let handle = serve(make, "127.0.0.1:0".into_listen()?.by_hand())?;
    let waiting = Waiting::new(1)?;
    let full = Full::new()?;
    let mut waiting = waiting.connect(address(&handle)?)?;
    for _ in 0..3 {
        let kind = block_on(handle.accept_one()).map_err(|error| error.kind());
        check(
            matches!(kind, Err(AcceptErrorKind::OutOfDescriptors)),
            || format!("accepting said {kind:?}"),
        )?;
    }
    drop(full);
    let served = block_on(handle.accept_one())?;
    ask(&mut waiting[0])?;
    drop((waiting, served));
    let counters = end(&handle)?;
    check(
        counters.accept_errors == 3 && counters.accepted == 1,
        || format!("the counts are {counters:?}"),
    )
}

/// A server that cannot be started for want of descriptors says so, and leaves nothing.
fn starts<S: HttpServer>(make: fn() -> S) -> Checked {
    round(make)?;
    let before = threads();
    for _ in 0..5 {
        let full = Full::new()?;
        let started = serve(make, "127.0.0.1:0".into_listen()?);
        drop(full);
        let Err(error) = started else {
            return Err("it was started all the same".into());
        };
        let os = std::io::Error::from(rustix::io::Errno::MFILE).to_string();
        let text = error.to_string();
        check(text.contains(&os), || format!("it says {text}"))?;
    }
    check(eventually(|| threads() <= before), || {
        format!("threads were {before:?}, and are {:?}", threads())
    })?;
    round(make)
}

/// A server with a limit of connections that is far away.
fn serve<S: HttpServer>(make: fn() -> S, on: Listen) -> Result<ServerHandle, ListenError> {
    let mut server = make();
    let app: &mut App = server.app_mut();
    app.config_mut().workers = Some(2);
    app.config_mut().connections = Some(10_000);
    app.handler(|_: Request| async { "ok" });
    block_on(server.start(on))
}

fn end(handle: &ServerHandle) -> Result<Counters, Failed> {
    let counters = handle.shutdown(Drain::default()).wait().counters;
    check(counters.balances() && counters.open == 0, || {
        format!("the counts are {counters}")
    })?;
    Ok(counters)
}

fn address(handle: &ServerHandle) -> Result<SocketAddr, Failed> {
    Ok(handle.address().ok_or("it has no address")?)
}

/// How long a thing that must happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(handle: &ServerHandle) -> Result<TcpStream, Failed> {
    let client = TcpStream::connect(address(handle)?)?;
    client.set_read_timeout(Some(PATIENCE))?;
    Ok(client)
}

/// One request, and its answer.
fn ask(client: &mut TcpStream) -> Checked {
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        let mut piece = [0; 1000];
        let count = client.read(&mut piece)?;
        check(count > 0, || {
            format!("the answer was {}", answer.escape_ascii())
        })?;
        answer.extend_from_slice(&piece[..count]);
    }
    check(answer.starts_with(b"HTTP/1.1 200 "), || {
        format!("the answer was {}", answer.escape_ascii())
    })
}

/// Clients that have their descriptors, and are not connected.
struct Waiting(Vec<Socket>);

impl Waiting {
    fn new(number: usize) -> Result<Self, Failed> {
        let sockets = (0..number).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None));
        Ok(Waiting(sockets.collect::<Result<_, _>>()?))
    }

    /// Connects them: the system does, whether or not anybody accepts.
    fn connect(self, to: SocketAddr) -> Result<Vec<TcpStream>, Failed> {
        for socket in &self.0 {
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.connect(&to.into())?;
        }
        Ok(self.0.into_iter().map(TcpStream::from).collect())
    }
}

/// A process without a free descriptor, for as long as this lives.
struct Full {
    before: Rlimit,
    taken: Vec<fs::File>,
}

/// How many descriptors the process may have meanwhile: few, so that they are soon taken.
const FEW: u64 = 128;

impl Full {
    fn new() -> Result<Self, Failed> {
        let before = getrlimit(Resource::Nofile);
        let low = Rlimit {
            current: Some(before.current.map_or(FEW, |current| current.min(FEW))),
            ..before
        };
        setrlimit(Resource::Nofile, low)?;
        let mut full = Full {
            before,
            taken: Vec::new(),
        };
        loop {
            match fs::File::open("/dev/null") {
                Ok(file) => full.taken.push(file),
                Err(error) if error.raw_os_error() == Some(MFILE) => return Ok(full),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

const MFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();

impl Drop for Full {
    fn drop(&mut self) {
        self.taken.clear();
        setrlimit(Resource::Nofile, self.before).expect("it is what it was");
    }
}

/// How many descriptors the process has.
fn descriptors() -> Option<usize> {
    Some(fs::read_dir("/dev/fd").ok()?.count())
}

/// How many threads the process has, where the system says so.
fn threads() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}

/// How much the processors have worked for this process.
fn processor_time() -> Result<Duration, Failed> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Ok(Duration::new(
        time.tv_sec.try_into()?,
        time.tv_nsec.try_into()?,
    ))
}

/// Waits until it is so; says whether it is.
fn eventually(is_so: impl Fn() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() >= until {
            return false;
        }
        // A count that nothing tells about.
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// What was written to the log.
struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().map(|lines| lines.clone()).unwrap_or_default()
    }

    fn about_accepting(&self) -> usize {
        let lines = self.all();
        lines
            .iter()
            .filter(|line| line.contains("accepting"))
            .count()
    }
}

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if let Ok(mut lines) = self.0.lock() {
            lines.push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}
