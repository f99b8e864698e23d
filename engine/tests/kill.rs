//! A connection that is killed ends at once: without that a drain's deadline is none.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::time::Duration;

use http_server_engine::testkit::{Client, Sim, SimServer, Weather};
use http_server_trait::{CloseReason, HttpServer, Request, ServerHandle};

fn serve(sim: &Sim) -> (ServerHandle, Client) {
    let mut server = SimServer::new(sim);
    server.handler(|request: Request| async move {
        let exec = request.exec().clone();
        exec.sleep(Duration::from_secs(1000)).await;
        "late"
    });
    let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
    let client = sim.connect(&handle.addresses()[0].clone()).unwrap();
    sim.run();
    (handle, client)
}

fn is_killed(handle: &ServerHandle) {
    let counters = handle.counters();
    assert_eq!((counters.open, counters.active), (0, 0), "{counters:?}");
    assert_eq!(counters.closed(CloseReason::Killed), 1, "{counters:?}");
    assert!(counters.balances(), "{counters:?}");
}

/// What comes in the moment in which it is killed is no request any more.
#[test]
fn although_a_request_comes_at_the_same_time() {
    for seed in 0..100 {
        let sim = Sim::new(seed);
        let mut weather = Weather::default();
        // Reads find nothing now and then, and something when they ask again.
        weather.rough = true;
        sim.network().set_weather(weather);
        let (handle, mut client) = serve(&sim);
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        handle.table()[0].kill();
        sim.run();
        is_killed(&handle);
        assert!(client.is_reset());
    }
}
