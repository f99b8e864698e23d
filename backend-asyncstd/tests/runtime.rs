//! A backend is its runtime (clause T-66 of the contract): in a handler, on threads of the server's own and on the
//! runtime that it has joined, async-std's own timers, sockets and tasks work, and its idea of what runs now.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use async_std::io::{ReadExt, WriteExt};
use async_std::net::TcpStream;
use async_std::{future, task, task_local};
use backend_asyncstd::Server;
use http_server_trait::backend::Latch;
use http_server_trait::{
    CloseReason, Drain, HttpServer, IntoHandler, Listen, Request, ServerHandle, block_on,
};

/// Each of these as a test of both kinds of server.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod own_threads {
            $(#[test] fn $name() { super::$name(backend_asyncstd::Server::new()); })*
        }
        mod current {
            $(#[test] fn $name() { super::$name(backend_asyncstd::Server::current()); })*
        }
    };
}

on_both! {
    timers_work
    sockets_work
    tasks_are_spawned
    current_task_is_known
    connections_are_tasks_of_their_own
    streams_of_the_runtime_are_served
    end_is_awaited_on_the_runtime
}

/// What this handler answers.
fn answer<M>(mut server: Server, handler: impl IntoHandler<M>) -> String {
    let handle = started(server.handler(handler), "127.0.0.1:0");
    let text = get(&handle);
    assert!(handle.shutdown(Drain::default()).wait().is_clean());
    text
}

fn started(server: &mut Server, on: &str) -> ServerHandle {
    block_on(server.listen(on)).expect("it starts")
}

fn get(handle: &ServerHandle) -> String {
    let address = handle.address().expect("an address");
    content(std::net::TcpStream::connect(address).expect("a connection"))
}

/// Asks on this connection, and gives the content of the answer.
fn content(client: std::net::TcpStream) -> String {
    content_of(client, "/")
}

fn content_of(mut client: std::net::TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client
        .write_all(request.as_bytes())
        .expect("it takes a request");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("it answers");
    let (head, content) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    content.to_owned()
}

fn timers_work(server: Server) {
    const TIME: Duration = Duration::from_millis(20);
    let text = answer(server, |_: Request| async {
        let before = Instant::now();
        task::sleep(TIME).await;
        let never = future::pending::<()>();
        let timed_out = future::timeout(TIME, never).await.is_err();
        format!("{timed_out} {}", before.elapsed() >= 2 * TIME)
    });
    assert_eq!(text, "true true");
}

/// Sends back what it gets on one connection, turned round.
fn mirror() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a connection");
        let mut text = Vec::new();
        client.read_to_end(&mut text).expect("text");
        text.reverse();
        client.write_all(&text).expect("it reads");
    });
    address
}

fn sockets_work(server: Server) {
    let address = mirror();
    let text = answer(server, move |_: Request| async move {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"lens").await?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok::<_, io::Error>(text)
    });
    assert_eq!(text, "snel");
}

fn tasks_are_spawned(server: Server) {
    let text = answer(server, |_: Request| async {
        let spawned = task::spawn(async { task::spawn(async { 1 }).await + 1 });
        let blocked = task::spawn_blocking(|| 3);
        format!("{} {}", spawned.await, blocked.await)
    });
    assert_eq!(text, "2 3");
}

task_local! {
    static NUMBER: std::cell::Cell<u32> = std::cell::Cell::new(1);
}

fn current_task_is_known(server: Server) {
    let is_own = format!("{server:?}").contains("Threads");
    let text = answer(server, |_: Request| async {
        let here = task::current().id();
        let elsewhere = task::spawn(async { task::current().id() }).await;
        let value = NUMBER.with(|number| number.replace(2) + number.get());
        let thread = thread::current().name().unwrap_or_default().to_owned();
        format!("{} {value} {thread}", here != elsewhere)
    });
    let wanted = if is_own {
        "true 3 bayonet-async-std-"
    } else {
        "true 3 async-std/runtime"
    };
    assert!(text.starts_with(wanted), "{text}");
}

/// Two connections of one worker that take turns: what one has put into a local of its task, the other does not
/// see, and it is still there after waiting.
fn connections_are_tasks_of_their_own(mut server: Server) {
    server.app_mut().config_mut().workers = Some(1);
    let (first, second) = (Latch::new(), Latch::new());
    let latches = (first.clone(), second.clone());
    server.handler(move |request: Request| {
        let (first, second) = latches.clone();
        async move {
            let is_first = request.path() == "/first";
            let fresh = NUMBER.with(std::cell::Cell::get);
            NUMBER.with(|number| number.set(if is_first { 10 } else { 20 }));
            let before = task::current().id();
            let (mine, other) = if is_first {
                (first, second)
            } else {
                (second, first)
            };
            mine.set(());
            other.waiting().await;
            task::sleep(Duration::from_millis(1)).await;
            task::yield_now().await;
            let value = NUMBER.with(std::cell::Cell::get);
            format!("{fresh} {value} {}", before == task::current().id())
        }
    });
    let handle = started(&mut server, "127.0.0.1:0");
    let address = handle.address().expect("an address");
    let ask = |path: &'static str| {
        thread::spawn(move || {
            let client = std::net::TcpStream::connect(address).expect("a connection");
            content_of(client, path)
        })
    };
    let answers = [ask("/first"), ask("/second")].map(|asked| asked.join().expect("an answer"));
    assert_eq!(answers, ["1 10 true", "1 20 true"]);
    assert!(handle.shutdown(Drain::default()).wait().is_clean());
}

/// Clauses T-63 and T-55: a stream that somebody else has accepted, on whatever runtime he likes.
fn streams_of_the_runtime_are_served(mut server: Server) {
    server.handler(|request: Request| async move { format!("{:?}", request.conn().listener()) });
    let handle = block_on(server.listen(Listen::nothing())).expect("it starts");
    let serving = handle.clone();
    let (address, closed) = task::block_on(async move {
        let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let closed = task::spawn(async move {
            let (stream, _) = listener.accept().await?;
            let accepted = serving.serve(stream);
            Ok::<_, io::Error>(accepted.expect("it serves").await)
        });
        Ok::<_, io::Error>((address, closed))
    })
    .expect("a listener");
    let client = std::net::TcpStream::connect(address).expect("a connection");
    assert_eq!(content(client), "None");
    let closed = task::block_on(closed);
    assert_eq!(closed.expect("it was accepted"), CloseReason::Finished);
    assert!(handle.shutdown(Drain::default()).wait().is_clean());
}

/// Clause T-60: the handle is a future of the end, on any runtime.
fn end_is_awaited_on_the_runtime(mut server: Server) {
    let handle = started(server.handler(|_: Request| async { "ok" }), "127.0.0.1:0");
    assert_eq!(get(&handle), "ok");
    let report = task::block_on(async {
        let waiting = task::spawn(handle.clone());
        drop(handle.shutdown(Drain::default()));
        waiting.await
    });
    assert!(report.is_clean());
    assert_eq!(report.counters.requests, 1);
}
