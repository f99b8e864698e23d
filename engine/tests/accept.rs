//! Accepting that fails: how often it is tried again, and how often that is said. In a process of its own, for
//! what is said goes to the log.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use http_server_engine::testkit::{Sim, SimServer};
use http_server_trait::{Drain, HttpServer, Request};

struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut lines = LINES.0.lock().expect("nobody panics here");
        lines.push(record.args().to_string());
    }

    fn flush(&self) {}
}

const MFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();

/// Without descriptors for nearly half a minute, on two listeners: each tries again after a while, once in a second
/// in the end, and one line in ten seconds says so for both. Then everybody who waits is served.
#[test]
fn one_line_in_ten_seconds() {
    log::set_max_level(log::LevelFilter::Warn);
    log::set_logger(&LINES).unwrap();
    let sim = Sim::new(1);
    let mut server = SimServer::new(&sim);
    server.handler(|_: Request| async { "served" });
    let places = ["127.0.0.1:80", "127.0.0.1:81"];
    let handle = sim.block_on(server.listen(places)).unwrap();
    for address in handle.addresses() {
        let errors = (0..28).map(|_| io::Error::from_raw_os_error(MFILE));
        sim.network().fail_accept(address, errors);
    }
    let mut clients: Vec<_> = (0..4)
        .map(|number| sim.connect(&handle.addresses()[number % 2]).unwrap())
        .collect();
    sim.advance(Duration::from_secs(1));
    let errors = handle.counters().accept_errors;
    assert!((12..=14).contains(&errors), "it was tried {errors} times");
    assert_eq!(LINES.0.lock().unwrap().len(), 1);
    sim.advance(Duration::from_secs(20));
    assert_eq!(handle.counters().accepted, 0);
    sim.advance(Duration::from_secs(10));
    assert_eq!(handle.counters().accept_errors, 56);
    assert_eq!(handle.counters().accepted, 4);
    let lines = LINES.0.lock().unwrap().clone();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in &lines {
        assert!(
            line.starts_with("accepting on http://127.0.0.1:8"),
            "{line}"
        );
    }
    assert!(lines[1].ends_with(" more times since)"), "{}", lines[1]);

    for client in &mut clients {
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
    sim.run();
    for client in &mut clients {
        assert!(client.receive().ends_with(b"served"));
    }
    drop(clients);
    let report = sim.block_on(handle.shutdown(Drain::default()));
    assert!(report.is_clean() && report.counters.balances());
    assert_eq!(report.counters.accepted, 4);
}

/// An error that is one connection's own is no reason to wait, nor to say anything.
#[test]
fn errors_of_one_connection_delay_nobody() {
    let sim = Sim::new(1);
    let mut server = SimServer::new(&sim);
    server.handler(|_: Request| async { "served" });
    let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
    let address = &handle.addresses()[0];
    let aborted = || io::Error::from(io::ErrorKind::ConnectionAborted);
    sim.network()
        .fail_accept(address, (0..50).map(|_| aborted()));
    let mut client = sim.connect(address).unwrap();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    sim.run();
    assert!(client.receive().ends_with(b"served"));
    assert_eq!(handle.counters().accept_errors, 50);
    assert_eq!(sim.elapsed(), Duration::ZERO);
}
