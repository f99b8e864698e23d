//! A memory budget is kept: who holds much waits or is cut, who holds little is served.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use http_server_engine::testkit::{Client, Sim, SimServer};
use http_server_trait::{
    Address, App, CloseReason, Config, Drain, HttpServer, Request, ServerHandle,
};

const BUDGET: usize = 1 << 20;
/// What each of the large ones sends.
const CONTENT: usize = 200_000;

fn serve(sim: &Sim, configure: impl FnOnce(&mut Config)) -> (ServerHandle, Address) {
    let mut server = SimServer::new(sim);
    configure(server.app_mut().config_mut());
    let app: &mut App = server.app_mut();
    app.handler(|mut request: Request| async move {
        request
            .bytes()
            .await
            .map(|content| content.len().to_string())
    });
    let starting = server.listen("127.0.0.1:80");
    let handle = sim.block_on(starting).unwrap();
    let address = handle.addresses()[0].clone();
    (handle, address)
}

/// One that sends content as long as it is taken.
struct Upload {
    client: Client,
    left: usize,
}

impl Upload {
    fn new(sim: &Sim, to: &Address) -> Self {
        let mut client = sim.connect(to).unwrap();
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {CONTENT}\r\n\r\n");
        assert_eq!(client.send(head.as_bytes()), head.len());
        sim.run();
        Upload {
            client,
            left: CONTENT,
        }
    }

    /// Sends all that is taken, but the last byte.
    fn push(&mut self, sim: &Sim) {
        while self.left > 1 {
            let piece = vec![b'x'; (self.left - 1).min(5000)];
            let taken = self.client.send(&piece);
            sim.run();
            self.left -= taken;
            if taken == 0 {
                return;
            }
        }
    }

    fn is_answered(&mut self, sim: &Sim) -> bool {
        for _ in 0..1000 {
            self.push(sim);
            if self.left == 1 {
                self.left -= self.client.send(b"x");
                sim.run();
            }
        }
        let answer = self.client.receive();
        answer.ends_with(CONTENT.to_string().as_bytes())
    }
}

fn is_served(sim: &Sim, to: &Address) -> bool {
    let mut client = sim.connect(to).unwrap();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    sim.run();
    client.receive().starts_with(b"HTTP/1.1 200")
}

#[test]
fn large_ones_wait_and_small_ones_are_served() {
    let sim = Sim::new(1);
    let (handle, address) = serve(&sim, |config| config.memory = Some(BUDGET));
    let mut uploads: Vec<_> = (0..20).map(|_| Upload::new(&sim, &address)).collect();
    for upload in &mut uploads {
        upload.push(&sim);
    }
    let counters = handle.counters();
    let read = usize::try_from(counters.bytes_in).unwrap();
    // Each that was cut had at most so much, and has given it back.
    let cut = usize::try_from(counters.closed(CloseReason::OverBudget)).unwrap();
    assert!(cut < 5, "{cut} were cut");
    assert!(read < BUDGET + cut * CONTENT, "{read} bytes are buffered");
    assert!(read > BUDGET / 3, "only {read} bytes were read");
    assert!(uploads.iter().any(|upload| upload.left > 1), "nobody waits");
    assert!(is_served(&sim, &address), "a small one");
    // To be held back is not to be slow.
    for _ in 0..10 {
        sim.advance(std::time::Duration::from_secs(10));
        let held_back = uploads
            .iter_mut()
            .filter(|upload| upload.left > 1 && !upload.client.is_reset());
        assert!(
            held_back.count() > 0,
            "they were cut for the server's slowness"
        );
        assert!(is_served(&sim, &address), "a small one");
    }
    // What the first ones give back, the others get.
    uploads.retain_mut(|upload| !upload.client.is_reset() && upload.client.receive().is_empty());
    for mut upload in uploads.drain(..2) {
        upload.client.reset();
        sim.run();
    }
    for _ in 0..uploads.len() {
        uploads.retain_mut(|upload| !upload.is_answered(&sim));
    }
    assert_eq!(uploads.len(), 0, "each has its turn");
    sim.block_on(handle.shutdown(Drain::now()));
    assert!(handle.counters().balances());
}

#[test]
fn one_that_holds_more_than_it_may_is_cut() {
    let sim = Sim::new(1);
    let (handle, address) = serve(&sim, |config| config.connection_memory = Some(CONTENT / 2));
    let mut upload = Upload::new(&sim, &address);
    upload.push(&sim);
    assert!(upload.client.is_reset());
    assert_eq!(handle.counters().closed(CloseReason::OverBudget), 1);
    assert!(is_served(&sim, &address));
    assert!(handle.counters().balances());
}

#[test]
fn an_ordinary_request_is_read_whatever_is_left() {
    let sim = Sim::new(1);
    let (handle, address) = serve(&sim, |config| config.memory = Some(BUDGET / 4));
    let mut uploads: Vec<_> = (0..20).map(|_| Upload::new(&sim, &address)).collect();
    for upload in &mut uploads {
        upload.push(&sim);
    }
    assert!(uploads.iter().any(|upload| upload.left > 1), "nobody waits");
    // Its first piece takes a buffer, which is more than its share of so little.
    let mut client = sim.connect(&address).unwrap();
    client.send(b"GET / HTTP/1.1\r\n");
    sim.run();
    client.send(b"Host: a\r\n\r\n");
    sim.run();
    assert!(client.receive().starts_with(b"HTTP/1.1 200"), "held back");
    assert!(handle.counters().balances());
}
