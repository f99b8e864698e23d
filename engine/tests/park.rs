//! A connection leaves one driver between two messages and goes on in another: what a live swap is made of.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::sync::Arc;
use std::time::Duration;

use http_server_engine::connection::{Fate, Start, Tide, Worker, drive};
use http_server_engine::ledger::Ledger;
use http_server_engine::server::Listener;
use http_server_engine::testkit::{Client, MemoryStream, Sim, Weather};
use http_server_trait::backend::{Ask, Parked, Pipeline};
use http_server_trait::{Address, App, CloseReason, Conn, Facts, Request};

/// A server that is nothing but drivers.
struct Side {
    sim: Sim,
    ledger: Ledger,
    worker: Arc<Worker<Pipeline>>,
}

impl Side {
    fn new(sim: &Sim, backend: &'static str) -> Self {
        let mut app = App::new();
        app.handler(|request: Request| async move {
            format!(
                "{} {} {}",
                request.conn().backend(),
                request.path(),
                request.id()
            )
        });
        let exec = http_server_trait::Exec::new(Arc::new(sim.clone()));
        let starting = Pipeline::start(app, backend, exec, &[]);
        let pipeline = sim
            .block_on(async { starting.await.map_err(|error| error.to_string()) })
            .unwrap();
        let ledger = Ledger::default();
        let worker = Worker::new(Arc::new(pipeline), ledger.page(), Arc::new(Tide::default()));
        Side {
            sim: sim.clone(),
            ledger,
            worker: Arc::new(worker),
        }
    }

    /// Drives a connection in the background; its fate is found in the cell.
    fn drive(
        &self,
        stream: MemoryStream,
        facts: Facts,
        start: Start,
    ) -> (Conn, Arc<std::sync::Mutex<Option<Fate>>>) {
        let conn = Conn::new(facts, self.worker.service().site().clone());
        let fate = Arc::default();
        let driving = drive(
            Arc::clone(&self.worker),
            stream,
            self.sim.clone(),
            conn.clone(),
            self.worker.page().accepted(),
            start,
        );
        let found: Arc<std::sync::Mutex<Option<Fate>>> = Arc::clone(&fate);
        http_server_engine::Runtime::spawn(&self.sim, async move {
            *found.lock().unwrap() = Some(driving.await);
        });
        (conn, fate)
    }
}

fn accept(sim: &Sim) -> (Client, MemoryStream) {
    let address = Address::Memory("here".into());
    let mut listener = sim.network().listen(address.clone()).unwrap();
    let client = sim.connect(&address).unwrap();
    let accepted = sim.block_on(async move {
        std::future::poll_fn(|cx| listener.poll_accept(cx))
            .await
            .map(|(stream, _)| stream)
    });
    (client, accepted.unwrap())
}

fn parked(fate: &std::sync::Mutex<Option<Fate>>) -> Parked {
    match fate.lock().unwrap().take() {
        Some(Fate::Parked(parked)) => *parked,
        other => panic!("not parked: {other:?}"),
    }
}

fn body(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    text.rsplit("\r\n").next().unwrap_or_default().to_owned()
}

#[test]
fn an_idle_connection_moves_and_its_next_request_is_answered() {
    for seed in 0..50 {
        let sim = Sim::new(seed);
        let mut weather = Weather::default();
        weather.rough = seed % 2 == 1;
        sim.network().set_weather(weather);
        let (old, new) = (Side::new(&sim, "old"), Side::new(&sim, "new"));
        let (mut client, stream) = accept(&sim);
        let mut facts = Facts::default();
        facts.number = 7;
        let (conn, fate) = old.drive(stream, facts, Start::default());
        client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
        sim.run();
        assert_eq!(body(&client.receive()), "old /1 7.1");

        conn.ask(Ask::Park);
        sim.run();
        let parked = parked(&fate);
        assert_eq!((parked.requests, parked.facts.number), (1, 7));
        assert!(old.ledger.counters().balances());
        assert_eq!(old.ledger.counters().closed(CloseReason::Parked), 1);
        assert_eq!(old.ledger.counters().open, 0);

        let stream = parked.layers.unwrap().downcast::<MemoryStream>().unwrap();
        let start = Start {
            unread: parked.unread,
            requests: parked.requests,
            moved: parked.moved,
            since: parked.since,
        };
        new.drive(*stream, parked.facts, start);
        client.send(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        sim.run();
        assert_eq!(body(&client.receive()), "new /2 7.2", "seed {seed}");
        drop(client);
        sim.run();
        assert!(new.ledger.counters().balances());
        assert_eq!(new.ledger.counters().closed(CloseReason::ClientClosed), 1);
    }
}

#[test]
fn half_a_head_goes_along_with_the_time_that_it_has_taken() {
    let sim = Sim::new(1);
    let (old, new) = (Side::new(&sim, "old"), Side::new(&sim, "new"));
    let (mut client, stream) = accept(&sim);
    let (conn, fate) = old.drive(stream, Facts::default(), Start::default());
    client.send(b"GET /1 HTTP/1.1\r\nHo");
    sim.advance(Duration::from_secs(6));
    conn.ask(Ask::Park);
    sim.run();
    let parked = parked(&fate);
    assert_eq!(&parked.unread[..], b"GET /1 HTTP/1.1\r\nHo");
    let stream = parked.layers.unwrap().downcast::<MemoryStream>().unwrap();
    let start = Start {
        unread: parked.unread,
        requests: parked.requests,
        moved: parked.moved,
        since: parked.since,
    };
    new.drive(*stream, parked.facts, start);
    // Ten seconds in all, wherever they have passed.
    sim.advance(Duration::from_secs(3));
    assert!(client.receive().is_empty());
    sim.advance(Duration::from_secs(2));
    assert!(client.receive().starts_with(b"HTTP/1.1 408"));
}

#[test]
fn unread_bytes_come_first() {
    let sim = Sim::new(1);
    let new = Side::new(&sim, "new");
    let (mut client, stream) = accept(&sim);
    let start = Start {
        unread: "GET /1 HTTP/1.1\r\nHo".into(),
        requests: 4,
        ..Start::default()
    };
    new.drive(stream, Facts::default(), start);
    client.send(b"st: a\r\n\r\n");
    sim.run();
    assert_eq!(body(&client.receive()), "new /1 0.5");
}
