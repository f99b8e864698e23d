//! Deadlines of a connection strike, whatever its application did when its timer did.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::time::Duration;

use http_server_engine::testkit::{Sim, SimServer};
use http_server_trait::{CloseReason, HttpServer, Request};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The timer of a connection fires while an `after` hook is at work, which the connection waits for. The deadlines
/// that come next strike all the same.
#[test]
fn a_timer_that_fires_beside_a_hook_is_set_again() {
    for pause in 0..90 {
        let sim = Sim::new(1);
        let mut server = SimServer::new(&sim);
        let app = server.app_mut();
        app.config_mut().idle_time = Duration::from_secs(60);
        app.handler(|_: Request| async { "hello" });
        let exec = sim.clone();
        app.after(move |_| {
            http_server_trait::backend::Execute::sleep(&exec, Duration::from_secs(3))
        });
        let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
        let mut client = sim.connect(&handle.addresses()[0]).unwrap();
        for _ in 0..3 {
            client.send(GET);
            sim.advance(Duration::from_secs(4));
            sim.advance(Duration::from_secs(pause).min(Duration::from_secs(55)));
        }
        sim.advance(Duration::from_secs(70));
        let counters = handle.counters();
        assert_eq!(
            counters.closed(CloseReason::IdleTimeout),
            1,
            "{pause}: {counters:?}"
        );
    }
}
