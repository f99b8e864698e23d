//! A backend is its runtime (clause T-66 of the contract): in a handler, on threads of the server's own and on the
//! runtime that it has joined, tokio's own timers, sockets and tasks work, and its idea of what runs now.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use backend_tokio::Server;
use futures_io::{AsyncRead, AsyncWrite};
use http_server_trait::{
    CloseReason, Drain, HttpServer, IntoHandler, Listen, ListenErrorKind, Request, ServerHandle,
    block_on,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime that a server joins: an ordinary one, with more than one thread.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name("around");
    builder.enable_all().build().expect("a runtime")
});

/// Each of these as a test of both kinds of server.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod own_threads {
            $(#[test] fn $name() { super::$name(backend_tokio::Server::new()); })*
        }
        mod current {
            $(#[test] fn $name() { super::$name(super::current()); })*
        }
    };
}

on_both! {
    timers_work
    sockets_work
    tasks_are_spawned
    current_task_and_runtime_are_known
    streams_of_the_runtime_are_served
    end_is_awaited_on_the_runtime
}

fn current() -> Server {
    let _inside = RUNTIME.enter();
    Server::current()
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
fn content(mut client: std::net::TcpStream) -> String {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.write_all(request).expect("it takes a request");
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
        tokio::time::sleep(TIME).await;
        let never = std::future::pending::<()>();
        let timed_out = tokio::time::timeout(TIME, never).await.is_err();
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
        stream.shutdown().await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok::<_, io::Error>(text)
    });
    assert_eq!(text, "snel");
}

fn tasks_are_spawned(server: Server) {
    let text = answer(server, |_: Request| async {
        let spawned = tokio::spawn(async { tokio::spawn(async { 1 }).await.map(|one| one + 1) });
        let blocked = tokio::task::spawn_blocking(|| 3);
        let two = spawned.await.ok().and_then(Result::ok);
        format!("{two:?} {:?}", blocked.await.ok())
    });
    assert_eq!(text, "Some(2) Some(3)");
}

fn current_task_and_runtime_are_known(server: Server) {
    let is_own = format!("{server:?}").contains("Threads");
    let text = answer(server, |_: Request| async {
        let thread = thread::current().name().unwrap_or_default().to_owned();
        let around = Handle::current().id() == RUNTIME.handle().id();
        format!("{} {around} {thread}", tokio::task::try_id().is_some())
    });
    let wanted = if is_own {
        "true false bayonet-tokio-"
    } else {
        "true true around"
    };
    assert!(text.starts_with(wanted), "{text}");
}

/// A stream of tokio's, with the traits that everybody knows.
struct Common(TcpStream);

impl AsyncRead for Common {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        ready!(tokio::io::AsyncRead::poll_read(
            Pin::new(&mut self.0),
            cx,
            &mut buffer
        ))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for Common {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        tokio::io::AsyncWrite::poll_write(Pin::new(&mut self.0), cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.0), cx)
    }
}

/// Clauses T-63 and T-55: a stream that somebody else has accepted, on whatever runtime he likes.
fn streams_of_the_runtime_are_served(mut server: Server) {
    server.handler(|request: Request| async move { format!("{:?}", request.conn().listener()) });
    let handle = block_on(server.listen(Listen::nothing())).expect("it starts");
    let serving = handle.clone();
    let (address, closed) = RUNTIME
        .block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let closed = tokio::spawn(async move {
                let (stream, _) = listener.accept().await?;
                let accepted = serving.serve(Common(stream));
                Ok::<_, io::Error>(accepted.expect("it serves").await)
            });
            Ok::<_, io::Error>((address, closed))
        })
        .expect("a listener");
    let client = std::net::TcpStream::connect(address).expect("a connection");
    assert_eq!(content(client), "None");
    let closed = RUNTIME.block_on(closed).expect("it ends");
    assert_eq!(closed.expect("it was accepted"), CloseReason::Finished);
    assert!(handle.shutdown(Drain::default()).wait().is_clean());
}

/// Clause T-60: the handle is a future of the end, on any runtime.
fn end_is_awaited_on_the_runtime(mut server: Server) {
    let handle = started(server.handler(|_: Request| async { "ok" }), "127.0.0.1:0");
    assert_eq!(get(&handle), "ok");
    let report = RUNTIME.block_on(async {
        let waiting = tokio::spawn(handle.clone());
        drop(handle.shutdown(Drain::default()));
        waiting.await.expect("it ends")
    });
    assert!(report.is_clean());
    assert_eq!(report.counters.requests, 1);
}

/// Where no runtime is running there is none to join, and nothing is started in its place.
#[test]
fn current_without_a_runtime_does_not_start() {
    let error = block_on(Server::current().listen("127.0.0.1:0")).expect_err("no runtime");
    assert_eq!(error.kind(), ListenErrorKind::NoRuntime);
    assert!(error.to_string().contains("tokio"), "{error}");
}
