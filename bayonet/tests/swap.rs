//! A running server moves from one backend to another: sockets, idle connections and all.

#![cfg(all(feature = "tokio", feature = "async-std", feature = "smol"))]
#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use bayonet::{
    AdoptErrorKind, App, Body, BoxError, ConnState, Drain, Exec, Flow, HttpServer, Outcome,
    Request, Response, ServerHandle, Starting, Takeover, block_on, server_named, streamed,
};
use http_server_trait::backend::Latch;

const BACKENDS: [&str; 3] = ["tokio", "async-std", "smol"];

/// A client that keeps its connection.
struct Client<S>(S);

impl Client<TcpStream> {
    fn new(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Client(stream)
    }
}

impl<S: Read + Write> Client<S> {
    fn send(&mut self, text: &str) -> &mut Self {
        self.0.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Reads until this comes.
    fn until(&mut self, end: &str) {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            read.extend_from_slice(&byte);
        }
    }

    /// The head and the content of the next answer.
    fn whole(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.split("content-length: ").nth(1).unwrap();
        let mut content = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
        self.0.read_exact(&mut content).unwrap();
        head + &String::from_utf8(content).unwrap()
    }

    /// The content of the next answer.
    fn answer(&mut self) -> String {
        let whole = self.whole();
        whole.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .answer()
    }
}

/// What the application and the test share.
struct Stage {
    waits: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
    starts: Arc<AtomicUsize>,
    stops: Arc<AtomicUsize>,
}

/// Tells who serves, and which request of which connection this is. `/wait` waits.
fn install(app: &mut App) -> Stage {
    let (waits_here, waits) = mpsc::channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let (waits_here, gate) = (
        std::sync::Mutex::new(waits_here),
        Arc::new(std::sync::Mutex::new(gate)),
    );
    let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (started, stopped) = (Arc::clone(&starts), Arc::clone(&stops));
    app.on_start(move |_| {
        started.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    app.on_stop(move |_| {
        stopped.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    app.handler(move |request: Request| {
        let waiting = (request.path() == "/wait").then(|| {
            waits_here.lock().unwrap().send(()).unwrap();
            let gate = Arc::clone(&gate);
            request
                .exec()
                .spawn_blocking(move || gate.lock().unwrap().recv().unwrap())
        });
        async move {
            if let Some(waiting) = waiting {
                waiting.await?;
            }
            Ok::<_, bayonet::BoxError>(format!("{} {}", request.conn().backend(), request.id()))
        }
    });
    Stage {
        waits,
        go_on,
        starts,
        stops,
    }
}

fn start(backend: &str, place: &str) -> (ServerHandle, Stage) {
    let mut server = server_named(backend).unwrap();
    server.app_mut().config_mut().workers = Some(2);
    let stage = install(server.app_mut());
    (block_on(server.listen(place)).unwrap(), stage)
}

fn fresh(backend: &str, workers: usize) -> Box<dyn HttpServer> {
    let mut server = server_named(backend).unwrap();
    server.app_mut().config_mut().workers = Some(workers);
    server
}

fn swap(from: &str, to: &str, workers: usize) {
    let (old, stage) = start(from, "127.0.0.1:0");
    let address = old.address().unwrap();
    let mut idle = Client::new(address);
    assert_eq!(idle.get("/"), format!("{from} 1.1"));
    let port = idle.0.local_addr().unwrap();
    // A head that has begun.
    let mut begun = Client::new(address);
    assert_eq!(begun.get("/"), format!("{from} 2.1"));
    begun.send("GET / HT");
    let mut busy = Client::new(address);
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.waits.recv().unwrap();

    let mut successor = fresh(to, workers);
    let new = block_on(old.handover(&mut *successor)).unwrap();
    assert_eq!(new.addresses(), old.addresses());
    assert_eq!(
        old.report().map(|report| report.moved),
        None,
        "one is busy there"
    );
    assert_eq!(
        idle.get("/"),
        format!("{to} 1.2"),
        "its id and its count go on"
    );
    assert_eq!(idle.0.local_addr().unwrap(), port);
    assert_eq!(
        begun.send("TP/1.1\r\nHost: a\r\n\r\n").answer(),
        format!("{to} 2.2")
    );
    let mut later = Client::new(address);
    assert_eq!(later.get("/"), format!("{to} 4.1"), "numbers go on");

    // Pipelined behind the busy one: answered there or here, but in order and once.
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.go_on.send(()).unwrap();
    assert_eq!(busy.answer(), format!("{from} 3.1"));
    assert_eq!(busy.answer(), format!("{to} 3.2"));
    let report = old.wait();
    assert_eq!(
        (report.moved, report.cut, report.idle),
        (3, 0, 0),
        "{report}"
    );
    assert!(report.counters.balances());
    assert_eq!(
        stage.starts.load(Ordering::SeqCst),
        1,
        "start hooks run once"
    );
    assert_eq!(stage.stops.load(Ordering::SeqCst), 0, "it has not stopped");
    let table = new.table();
    assert_eq!(table.len(), 4, "{table:?}");
    assert!(table.iter().all(|line| line.backend == to), "{table:?}");
    assert!(old.table().is_empty(), "all have left");

    let report = block_on(new.shutdown(Drain::default()));
    assert!(report.is_clean() && report.counters.balances(), "{report}");
    assert_eq!(stage.stops.load(Ordering::SeqCst), 1);
    assert!(TcpStream::connect(address).is_err(), "the address is free");
}

#[test]
fn every_backend_hands_over_to_every_backend() {
    for from in BACKENDS {
        for (to, workers) in BACKENDS.into_iter().zip([1, 2, 3]) {
            swap(from, to, workers);
        }
    }
}

#[test]
fn round_and_round_with_clients_at_work() {
    let (mut handle, _stage) = start("tokio", "127.0.0.1:0");
    let address = handle.address().unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut client = Client::new(address);
                let mut requests = 0;
                while !stop.load(Ordering::SeqCst) {
                    if number % 4 == 0 {
                        // A connection for each request.
                        client = Client::new(address);
                        requests = 0;
                    }
                    for _ in 0..3 {
                        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                    }
                    for _ in 0..3 {
                        requests += 1;
                        let answer = client.answer();
                        assert!(
                            answer.ends_with(&format!(".{requests}")),
                            "{answer} is not {requests}"
                        );
                    }
                }
                requests
            })
        })
        .collect();
    let mut moved = 0;
    for to in BACKENDS.into_iter().cycle().skip(1).take(30) {
        let mut successor = fresh(to, 2);
        let new = block_on(handle.handover(&mut *successor)).unwrap();
        let report = handle.wait();
        assert_eq!((report.cut, report.idle), (0, 0), "{report}");
        assert!(report.counters.balances());
        moved += report.moved;
        handle = new;
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
    assert!(moved > 30, "only {moved} connections moved");
    assert!(block_on(handle.shutdown(Drain::default())).is_clean());
}

/// Every backend, and every one that it can move to.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let from = BACKENDS.into_iter();
    from.flat_map(|from| BACKENDS.into_iter().map(move |to| (from, to)))
}

#[test]
fn a_unix_socket_moves_and_is_removed_by_the_last() {
    for (from, to) in pairs() {
        let path = std::env::temp_dir().join(format!("bayonet-swap-{}", std::process::id()));
        let (old, _stage) = start(from, &format!("unix:{}", path.display()));
        let mut idle = Client(UnixStream::connect(&path).unwrap());
        assert_eq!(idle.get("/"), format!("{from} 1.1"));
        let new = block_on(old.handover(&mut *fresh(to, 1))).unwrap();
        assert!(old.wait().is_clean());
        assert_eq!(idle.get("/"), format!("{to} 1.2"));
        let mut later = Client(UnixStream::connect(&path).unwrap());
        assert_eq!(later.get("/"), format!("{to} 2.1"));
        assert!(block_on(new.shutdown(Drain::default())).is_clean());
        assert!(!path.exists());
    }
}

#[test]
fn what_cannot_move_serves_on() {
    for (from, to) in pairs().filter(|(from, to)| from != to) {
        let mut server = server_named(from).unwrap();
        server.app_mut().needs_runtime(from);
        server.handler(|_: Request| async { "here" });
        let handle = block_on(server.listen("127.0.0.1:0")).unwrap();
        let mut client = Client::new(handle.address().unwrap());
        assert_eq!(client.get("/"), "here");
        for _ in 0..2 {
            let error = block_on(handle.handover(&mut *fresh(to, 1))).unwrap_err();
            assert_eq!(error.kind(), AdoptErrorKind::NeedsRuntime);
            let why = error.to_string();
            assert!(why.contains(from) && why.contains(to), "{why}");
            assert_eq!(client.get("/"), "here");
        }
        let new = block_on(handle.handover(&mut *fresh(from, 1))).unwrap();
        assert_eq!(client.get("/"), "here");
        let error = block_on(handle.handover(&mut *fresh(from, 1))).unwrap_err();
        let moved = AdoptErrorKind::NotServing;
        assert_eq!(error.kind(), moved, "it has moved already");
        drop(new.shutdown(Drain::default()));
        let error = block_on(new.handover(&mut *fresh(from, 1))).unwrap_err();
        assert_eq!(error.kind(), moved, "it ends");
        assert!(new.wait().is_clean());
    }
}

/// Answers with its number.
fn numbered(number: u64) -> App {
    let mut app = App::new();
    app.handler(move |request: Request| async move {
        assert_eq!(request.conn().generation(), number);
        number.to_string()
    });
    app
}

#[test]
fn applications_move_between_backends() {
    for (from, to) in pairs() {
        let mut server = fresh(from, 2);
        server.handler(|_: Request| async { "1" });
        let old = block_on(server.listen("127.0.0.1:0")).unwrap();
        let mut client = Client::new(old.address().unwrap());
        assert_eq!(block_on(old.replace_app(numbered(2))).unwrap(), 2);
        assert_eq!(client.get("/"), "2");
        assert_eq!(block_on(old.canary(numbered(3), 50)).unwrap(), 3);
        let new = block_on(old.handover(&mut *fresh(to, 1))).unwrap();
        let mut answers: Vec<_> = (0..4).map(|_| client.get("/")).collect();
        answers.sort();
        assert_eq!(answers, ["2", "2", "3", "3"], "{from}, {to}");
        assert_eq!(new.rollback().unwrap(), 2);
        assert_eq!(client.get("/"), "2");
        assert_eq!(block_on(new.replace_app(numbered(4))).unwrap(), 4);
        assert_eq!(client.get("/"), "4");
        assert!(block_on(new.shutdown(Drain::default())).is_clean());
    }
}

/// Starts things that take their time, all of which wait for the gate.
/// Gives the handle to the runtime that the start hook got, and how many streams were sent whole.
fn begin(app: &mut App, gate: &Latch<()>) -> (Arc<OnceLock<Exec>>, Arc<AtomicUsize>) {
    let (kept, sent) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
    let counts = Arc::clone(&sent);
    let (keeps, keeper) = (Arc::clone(&kept), Arc::clone(&kept));
    app.on_start(move |starting: Starting| {
        let _ = keeps.set(starting.exec().clone());
        async {}
    });
    let gate = gate.clone();
    app.handler(streamed(move |mut request: Request| {
        let (gate, kept, sent) = (gate.clone(), Arc::clone(&keeper), Arc::clone(&counts));
        async move {
            Ok::<_, BoxError>(match request.path() {
                "/take" => Flow::Takeover(Takeover::raw(|mut stream| async move {
                    stream.write_all(b"taken").await?;
                    let mut piece = [0; 64];
                    loop {
                        match stream.read(&mut piece).await? {
                            0 => return Ok::<_, BoxError>(()),
                            read => stream.write_all(&piece[..read]).await?,
                        }
                    }
                })),
                "/stream" => {
                    let (mut sender, body) = Body::channel();
                    let (waiting, outcome) = (gate.waiting(), request.outcome());
                    drop(request.exec().spawn(async move {
                        sender.send("first;").await?;
                        waiting.await;
                        sender.send("last").await?;
                        sender.finish();
                        let is_sent = outcome.await == Outcome::Sent;
                        sent.fetch_add(usize::from(is_sent), Ordering::SeqCst);
                        Ok::<_, BoxError>(())
                    }));
                    Flow::Reply(Response::text(body))
                }
                "/task" => {
                    drop(kept.get().unwrap().spawn(gate.waiting()));
                    Flow::Reply(Response::text("begun"))
                }
                "/read" => Flow::Reply(Response::text(request.bytes().await?)),
                _ => Flow::Reply(Response::text(request.conn().backend())),
            })
        }
    }));
    (kept, sent)
}

#[test]
fn what_is_under_way_ends_where_it_began_and_what_is_kept_follows() {
    for (from, to) in pairs() {
        let mut server = fresh(from, 2);
        let gate = Latch::new();
        let (kept, sent) = begin(server.app_mut(), &gate);
        let old = block_on(server.listen("127.0.0.1:0")).unwrap();
        let address = old.address().unwrap();
        let mut taken = Client::new(address);
        taken
            .send("GET /take HTTP/1.1\r\nHost: a\r\n\r\n")
            .until("taken");
        let mut streamed = Client::new(address);
        streamed
            .send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            .until("first;\r\n");
        let mut reads = Client::new(address);
        reads.send("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
        let mut idle = Client::new(address);
        assert_eq!(idle.get("/task"), "begun");
        while old
            .table()
            .iter()
            .all(|line| line.state != ConnState::Receiving)
        {
            std::thread::yield_now();
        }

        let new = block_on(old.handover(&mut *fresh(to, 1))).unwrap();
        assert_eq!(idle.get("/"), to);
        // The handle that the start hook got leads to the runtime that serves now.
        let there = kept
            .get()
            .unwrap()
            .spawn(async { std::thread::current().name().map(str::to_owned) });
        let there = block_on(there).unwrap().unwrap();
        assert!(
            there.starts_with(&format!("bayonet-{to}-")),
            "{there} on {to}"
        );
        assert_eq!(reads.send("later").answer(), "firstlater");
        assert_eq!(reads.get("/"), to);
        taken.send("still here").until("still here");
        assert!(old.report().is_none(), "it has something to finish");
        gate.set(());
        streamed.until("last\r\n0\r\n\r\n");
        assert_eq!(streamed.get("/"), to);
        drop(taken);
        let report = old.wait();
        assert_eq!(
            (report.moved, report.cut, report.tasks_left),
            (3, 0, 0),
            "{report}"
        );
        assert!(report.finished >= 2 && report.tasks >= 2, "{report}");
        assert_eq!(
            sent.load(Ordering::SeqCst),
            1,
            "and who waited for that was told"
        );
        assert!(block_on(new.shutdown(Drain::default())).is_clean());
    }
}

#[test]
fn limits_are_those_of_the_new_server_if_it_was_given_some() {
    for (from, to) in pairs() {
        let mut server = server_named(from).unwrap();
        server
            .app_mut()
            .config_mut()
            .server
            .replace("first".parse().unwrap());
        server.handler(|_: Request| async { "here" });
        let first = block_on(server.listen("127.0.0.1:0")).unwrap();
        let mut client = Client::new(first.address().unwrap());
        assert_eq!(client.get("/"), "here");
        let named = |client: &mut Client<TcpStream>, name: &str| {
            let head = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").whole();
            assert!(head.contains(&format!("server: {name}\r\n")), "{head}");
        };
        named(&mut client, "first");
        // One that was given none goes on with those that there are.
        let mut plain = server_named(to).unwrap();
        let second = block_on(first.handover(&mut *plain)).unwrap();
        named(&mut client, "first");
        let mut own = fresh(from, 1);
        let config = own.app_mut().config_mut();
        config.server.replace("third".parse().unwrap());
        config.requests_per_connection = Some(5);
        let third = block_on(second.handover(&mut *own)).unwrap();
        named(&mut client, "third");
        let last = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").whole();
        assert!(
            last.contains("connection: close\r\n"),
            "its fifth request: {last}"
        );
        drop(client);
        assert!(block_on(third.shutdown(Drain::default())).is_clean());
    }
}

#[test]
fn a_handler_may_swap_the_server_that_it_runs_in() {
    for (from, to) in pairs() {
        let mut server = fresh(from, 1);
        let handle = Arc::new(std::sync::OnceLock::<ServerHandle>::new());
        let here = Arc::clone(&handle);
        server.handler(move |request: Request| {
            let handle = here.get().unwrap().clone();
            async move {
                if request.path() == "/swap" {
                    let new = handle.handover(&mut *fresh(to, 1)).await?;
                    assert_eq!(new.addresses(), handle.addresses());
                }
                Ok::<_, bayonet::BoxError>(request.conn().backend())
            }
        });
        let old = block_on(server.listen("127.0.0.1:0")).unwrap();
        handle.set(old.clone()).unwrap();
        let mut client = Client::new(old.address().unwrap());
        assert_eq!(
            client.get("/swap"),
            from,
            "the answer comes from where the request was"
        );
        assert_eq!(client.get("/"), to);
        assert_eq!(old.wait().moved, 1);
    }
}
