//! A crowd on real sockets. A point is quiet when every client has done what it was going to do, and whatever the
//! server does by itself has been done: it is waited for, and must come.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use http_server_trait::{Drain, HttpServer, block_on};
use socket2::Socket;

use super::plan::{Act, plan};
use super::{Random, check, check_end, messages, number, quiet};

/// By how much all times are divided.
const SCALE: u32 = 20;
/// How many clients a crowd has.
const CLIENTS: usize = 24;
/// How long a quiet point may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays so many crowds against servers of this backend, or as many as `BAYONET_CROWDS` says.
///
/// # Errors
/// Which seed failed, and how.
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
/// http_server_conformance::crowd::run(Server::default, 8)?;
/// # Ok::<_, String>(())
/// ```
pub fn run<S: HttpServer>(make: impl Fn() -> S, crowds: u64) -> Result<(), String> {
    quiet();
    for seed in 1..=number("BAYONET_CROWDS", crowds) {
        crowd(make(), seed).map_err(|why| format!("seed {seed}: {why}"))?;
    }
    Ok(())
}

fn crowd(mut server: impl HttpServer, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    messages::application(server.app_mut(), &mut random, SCALE);
    let handle = block_on(server.listen("127.0.0.1:0")).map_err(|error| error.to_string())?;
    let address = handle.address().ok_or("it has no address")?;
    let plans: Vec<_> = (0..CLIENTS).map(|_| plan(&mut random)).collect();
    let clients: Vec<_> = plans
        .into_iter()
        .map(|acts| thread::spawn(move || play(address, acts)))
        .collect();
    let stops = random.once_in(3);
    let drain = Drain::within(Duration::from_millis(random.below(100) as u64));
    if stops {
        // In the middle of it all.
        handle.shutdown(drain);
    }
    let stay: Vec<_> = clients.into_iter().map(thread::JoinHandle::join).collect();
    // The first quiet point: who stays is there, or has met its time. Then they go, and all must be over.
    eventually(|| check(&handle.counters()))?;
    drop(stay);
    eventually(|| {
        let counters = handle.counters();
        check(&counters)?;
        check_end(&counters, CLIENTS as u64)
    })?;
    let report = handle.shutdown(drain).wait();
    check_end(&report.counters, CLIENTS as u64)
}

/// Waits until it holds; else says why it does not.
fn eventually(holds: impl Fn() -> Result<(), String>) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let checked = holds();
        if checked.is_ok() || Instant::now() > until {
            return checked;
        }
        // Counts that nothing tells about.
        thread::sleep(Duration::from_millis(2));
    }
}

/// Does all of it, as far as the server lets it. Gives the connection back if it is still there.
fn play(to: SocketAddr, acts: Vec<Act>) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_nodelay(true).ok()?;
    stream
        .set_write_timeout(Some(Duration::from_millis(200)))
        .ok()?;
    for act in acts {
        match act {
            // What is not taken is not sent.
            Act::Send(bytes) => drop(stream.write_all(&bytes)),
            Act::Read => read(&mut stream),
            Act::Pause(time) => thread::sleep(Duration::from_millis(time.into()) / SCALE),
            Act::End => drop(stream.shutdown(Shutdown::Write)),
            Act::Reset => {
                drop(Socket::from(stream).set_linger(Some(Duration::ZERO)));
                return None;
            }
            Act::Leave => return None,
        }
    }
    Some(stream)
}

/// Takes what is there.
fn read(stream: &mut TcpStream) {
    if stream.set_nonblocking(true).is_err() {
        return;
    }
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
    }
    // A failure shows with the next thing that is done.
    let _ = stream.set_nonblocking(false);
}
