//! A stream that has nothing to say for now ends with its client.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_server_engine::testkit::{Sim, SimServer};
use http_server_trait::{Body, CloseReason, HttpServer, Request, Response, streamed};

#[test]
fn reset_ends_a_stream_that_has_nothing_to_say() {
    for request in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nsome",
    ] {
        let sim = Sim::new(1);
        let mut server = SimServer::new(&sim);
        let senders = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&senders);
        server.app_mut().handler(streamed(move |request: Request| {
            let (mut sender, body) = Body::channel();
            sender.try_send("event\n").unwrap();
            let gone = request.conn().disconnected();
            kept.lock().unwrap().push((sender, gone, request));
            async { Response::text(body) }
        }));
        let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
        let mut client = sim.connect(&handle.addresses()[0]).unwrap();
        client.send(request);
        sim.advance(Duration::from_secs(3));
        assert_eq!(handle.counters().open, 1);
        client.reset();
        sim.advance(Duration::from_secs(3));
        let counters = handle.counters();
        assert_eq!(counters.closed(CloseReason::ClientLeft), 1, "{counters:?}");
    }
}
