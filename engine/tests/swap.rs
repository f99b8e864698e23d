//! A live swap at every point of a conversation, and many at points that a seed chooses: what the client gets
//! is the same to the byte, on the same connection.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::time::Duration;

use http_server_engine::testkit::{Client, Sim, SimServer, Weather};
use http_server_trait::{
    App, Body, CloseReason, Drain, HttpServer, Request, Response, ServerHandle, streamed,
};

/// Every state that a connection can be in: a plain request, chunks, a handler that takes its time, content
/// that is taken as it comes, an answer that comes in pieces, an empty line, and another method.
const CONVERSATION: &str = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n\
    GET /slow HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\npiece by one\
    \r\nGET /pieces HTTP/1.1\r\nHost: a\r\n\r\n\
    HEAD /6 HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /7 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nend";

fn install(app: &mut App) {
    app.config_mut().date = false;
    app.handler(streamed(|mut request: Request| async move {
        let exec = request.exec().clone();
        let id = request.id().to_string();
        let response = match request.path() {
            "/slow" => {
                exec.sleep(Duration::from_secs(1)).await;
                Response::text(format!("{id} slow"))
            }
            "/stream" => {
                let mut response = Response::text("");
                *response.body_mut() = request.take_body();
                response
            }
            "/pieces" => {
                let (mut sender, body) = Body::channel();
                let pieces = exec.clone().spawn(async move {
                    for piece in ["one ", "by ", "one"] {
                        exec.sleep(Duration::from_millis(300)).await;
                        if sender.send(piece).await.is_err() {
                            return;
                        }
                    }
                    sender.finish();
                });
                drop(pieces);
                let mut response = Response::text("");
                *response.body_mut() = body;
                response
            }
            path => {
                let path = path.to_owned();
                let content = request.bytes().await?;
                Response::text(format!("{id} {path} {}", content.escape_ascii()))
            }
        };
        Ok::<_, http_server_trait::BodyError>(response)
    }));
}

/// A server that has been swapped any number of times.
struct Server {
    sim: Sim,
    handles: Vec<ServerHandle>,
}

impl Server {
    fn new(sim: &Sim) -> Self {
        let mut server = SimServer::new(sim);
        install(server.app_mut());
        let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
        Server {
            sim: sim.clone(),
            handles: vec![handle],
        }
    }

    fn now(&self) -> &ServerHandle {
        self.handles.last().unwrap()
    }

    fn connect(&self) -> Client {
        self.sim.connect(&self.now().addresses()[0]).unwrap()
    }

    fn swap(&mut self) {
        let mut successor = SimServer::new(&self.sim);
        let moving = self.now().clone();
        let new = self.sim.block_on(moving.handover(&mut successor)).unwrap();
        self.handles.push(new);
    }

    /// Ends the last one, and looks at the books of all.
    fn end(self) {
        let last = self.now().shutdown(Drain::default());
        self.sim.block_on(last);
        self.sim.run();
        for handle in &self.handles {
            let report = handle.report().unwrap();
            assert!(report.is_clean() && report.counters.balances(), "{report}");
            assert_eq!(report.counters.open, 0);
        }
        assert_eq!(self.sim.tasks(), 0, "nothing is left");
    }
}

fn weather(rough: bool, room: usize) -> Weather {
    let mut weather = Weather::default();
    weather.rough = rough;
    weather.room = room;
    weather
}

/// What the client gets without any swap.
fn expected() -> Vec<u8> {
    let sim = Sim::new(1);
    let server = Server::new(&sim);
    let mut client = server.connect();
    client.send(CONVERSATION.as_bytes());
    sim.advance(Duration::from_secs(5));
    let answers = client.receive();
    assert_eq!(
        answers
            .windows(9)
            .filter(|nine| nine == b"HTTP/1.1 ")
            .count(),
        7
    );
    assert!(!client.is_ended());
    server.end();
    answers
}

#[test]
fn at_every_byte_of_the_requests() {
    let expected = expected();
    for at in 0..=CONVERSATION.len() {
        let sim = Sim::new(at as u64);
        let mut server = Server::new(&sim);
        let mut client = server.connect();
        let (before, after) = CONVERSATION.as_bytes().split_at(at);
        client.send(before);
        sim.run();
        server.swap();
        client.send(after);
        sim.advance(Duration::from_secs(5));
        let answers = client.receive();
        assert!(answers == expected, "at {at}: {}", answers.escape_ascii());
        assert!(!client.is_ended() && !client.is_reset());
        let moved = server.handles[0].counters().closed(CloseReason::Parked);
        assert_eq!(moved, 1, "at {at}: it has moved");
        server.end();
    }
    println!("{} bytes of requests", CONVERSATION.len());
}

#[test]
fn at_every_byte_of_the_answers() {
    let expected = expected();
    for at in 0..=expected.len() {
        let sim = Sim::new(at as u64);
        // Byte by byte, and the next only when this one has been taken.
        sim.network().set_weather(weather(false, 1));
        let mut server = Server::new(&sim);
        let mut client = server.connect();
        let mut left = CONVERSATION.as_bytes();
        let mut answers = Vec::new();
        let mut swapped = false;
        for _ in 0..20_000 {
            if answers.len() == at && !swapped {
                server.swap();
                swapped = true;
            }
            let sent = client.send(&left[..left.len().min(1)]);
            left = &left[sent..];
            sim.run();
            let came = client.receive();
            if came.is_empty() && sent == 0 {
                if answers.len() == expected.len() {
                    break;
                }
                sim.step(Duration::from_secs(1));
            }
            answers.extend(came);
        }
        assert!(answers == expected, "at {at}: {}", answers.escape_ascii());
        assert!(swapped && !client.is_ended());
        server.end();
    }
    println!("{} bytes of answers", expected.len());
}

#[test]
fn many_at_moments_that_a_seed_chooses() {
    let expected = expected();
    let mut swaps = 0;
    for seed in 0..400 {
        let sim = Sim::new(seed);
        let room = [3, 50, 64 * 1024][sim.random(3)];
        sim.network().set_weather(weather(seed % 2 == 0, room));
        let mut server = Server::new(&sim);
        let mut clients: Vec<_> = (0..3)
            .map(|_| (server.connect(), CONVERSATION.as_bytes(), Vec::new()))
            .collect();
        for _ in 0..100_000 {
            let which = sim.random(3);
            let (client, left, answers) = &mut clients[which];
            match sim.random(20) {
                0..8 => {
                    let most = left.len().min(1 + sim.random(40));
                    let sent = client.send(&left[..most]);
                    *left = &left[sent..];
                }
                8..16 => answers.extend(client.receive()),
                16..18 => sim.run(),
                18 => drop(sim.step(Duration::from_millis(100))),
                _ if sim.random(4) == 0 => {
                    swaps += 1;
                    server.swap();
                }
                _ => {}
            }
            if clients
                .iter()
                .all(|(.., answers)| answers.len() >= expected.len())
            {
                break;
            }
        }
        for (number, (client, _, answers)) in clients.iter().enumerate() {
            // The ids of the others begin with their own numbers.
            let answers =
                String::from_utf8_lossy(answers).replace(&format!("{}.", number + 1), "1.");
            let expected = String::from_utf8_lossy(&expected);
            assert!(
                answers.contains("1.1 /1") && answers == expected,
                "seed {seed}: {answers}"
            );
            assert!(!client.is_ended() && !client.is_reset(), "seed {seed}");
        }
        server.end();
    }
    println!("{swaps} swaps at moments that a seed chose");
    assert!(swaps > 2_000, "only {swaps} swaps");
}

/// A handler sees where the server is that it runs in, also that of an application which is tried, or was when the
/// server moved.
#[test]
fn all_applications_see_where_the_server_is_that_they_moved_to() {
    fn health(app: &mut App) {
        app.handler(|request: Request| async move {
            let conn = request.conn();
            format!("{} {}.", conn.generation(), conn.progress().now())
        });
    }
    let sim = Sim::new(1);
    let mut server = SimServer::new(&sim);
    health(server.app_mut());
    let old = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
    let mut client = sim.connect(&old.addresses()[0]).unwrap();
    let mut tried = App::new();
    health(&mut tried);
    let trial = old.clone();
    sim.block_on(async move { trial.canary(tried, 50).await.map(drop) })
        .unwrap();
    let mut successor = SimServer::new(&sim);
    let moving = old.clone();
    let new = sim.block_on(moving.handover(&mut successor)).unwrap();
    let mut ask = || {
        for _ in 0..4 {
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        sim.run();
        let answers = client.receive();
        let text = String::from_utf8_lossy(&answers).into_owned();
        let mut all: Vec<_> = text
            .split("\r\n\r\n")
            .skip(1)
            .filter_map(|piece| piece.split_once('.').map(|(answer, _)| answer.to_owned()))
            .collect();
        all.sort();
        all
    };
    assert_eq!(ask(), ["1 ready", "1 ready", "2 ready", "2 ready"]);
    new.promote().unwrap();
    assert_eq!(ask(), ["2 ready", "2 ready", "2 ready", "2 ready"]);
    let (next, mut third) = (new.clone(), App::new());
    health(&mut third);
    sim.block_on(async move { next.replace_app(third).await.map(drop) })
        .unwrap();
    assert_eq!(ask(), ["3 ready", "3 ready", "3 ready", "3 ready"]);
    sim.block_on(new.shutdown(Drain::now()));
}

#[test]
fn crowd_that_has_moved_leaves_no_task_behind() {
    let sim = Sim::new(1);
    let mut server = SimServer::new(&sim);
    install(server.app_mut());
    let old = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
    let address = &old.addresses()[0];
    let crowd: Vec<_> = (0..600).map(|_| sim.connect(address).unwrap()).collect();
    sim.run();
    let before = sim.tasks();
    let (moving, mut successor) = (old.clone(), SimServer::new(&sim));
    let new = sim.block_on(moving.handover(&mut successor)).unwrap();
    sim.run();
    assert_eq!((new.counters().open, sim.tasks()), (600, before));
    sim.block_on(new.shutdown(Drain::now()));
    sim.run();
    assert_eq!(sim.tasks(), 0, "nothing is left");
    drop(crowd);
}
