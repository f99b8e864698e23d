//! What a review found, on every backend: each of these hung, or was read wrongly.

#![cfg(all(feature = "tokio", feature = "async-std", feature = "smol"))]
#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bayonet::{
    Body, Drain, Flow, Head, HttpServer, Rate, Request, ServerHandle, Takeover, block_on, http,
    server_named,
};
use futures_io::{AsyncRead, AsyncWrite};

const BACKENDS: [&str; 3] = ["tokio", "async-std", "smol"];

fn start(mut server: Box<dyn HttpServer>) -> (ServerHandle, SocketAddr) {
    let handle = block_on(server.listen("127.0.0.1:0")).unwrap();
    let address = handle.address().unwrap();
    (handle, address)
}

/// Sends this, and everything that comes until the end.
fn ask(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn trailers_for_a_client_that_reads_none_end_the_answer() {
    for backend in BACKENDS {
        let mut server = server_named(backend).unwrap();
        server.handler(|_: Request| async {
            let (mut sender, body) = Body::channel();
            sender.try_send("content").unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("x-sum", http::HeaderValue::from_static("1"));
            sender.finish_with(trailers);
            body
        });
        let (handle, address) = start(server);
        let answer = ask(address, "GET / HTTP/1.0\r\n\r\n");
        assert!(answer.ends_with("\r\n\r\ncontent"), "{backend}: {answer}");
        assert!(handle.shutdown(Drain::default()).wait().is_clean());
    }
}

#[test]
fn no_limit_at_all_is_a_limit_that_nothing_reaches() {
    let mut server = server_named("tokio").unwrap();
    let config = server.app_mut().config_mut();
    (config.request_line, config.chunk_line) = (usize::MAX, usize::MAX);
    config.body_stall = Duration::MAX;
    config.body_rate = Some(Rate {
        bytes_per_second: 1_000_000,
        grace: Duration::from_millis(200),
    });
    server.handler(|_: Request| async { "ok" });
    let (_handle, address) = start(server);
    let options = "OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(ask(address, options).starts_with("HTTP/1.1 200"));
    let chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\n\r\n";
    assert!(ask(address, chunks).starts_with("HTTP/1.1 200"));
    // A time that never comes does not hide the one that does.
    let stalled = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\na";
    assert!(ask(address, stalled).starts_with("HTTP/1.1 408"));
}

/// One task reads what another one's writing waits for: each is woken for its own.
#[test]
fn takeover_is_read_and_written_by_two_tasks() {
    const ALL: usize = 16 << 20;
    for backend in BACKENDS {
        let mut server = server_named(backend).unwrap();
        server.middleware(|head: Head| async move {
            let exec = head.exec().clone();
            Flow::<Head>::Takeover(Takeover::raw(move |upgraded| async move {
                let here = Arc::new(Mutex::new(upgraded));
                let there = Arc::clone(&here);
                let reading = exec.spawn(async move {
                    let mut piece = [0; 16];
                    let mut left = ALL / 64;
                    while left > 0 {
                        let read = poll_fn(|cx| {
                            Pin::new(&mut *there.lock().unwrap()).poll_read(cx, &mut piece)
                        });
                        left -= read.await.unwrap();
                    }
                });
                let piece = vec![b'x'; 64 * 1024];
                let mut left = ALL;
                while left > 0 {
                    let most = &piece[..left.min(piece.len())];
                    let written =
                        poll_fn(|cx| Pin::new(&mut *here.lock().unwrap()).poll_write(cx, most));
                    left -= written.await.unwrap();
                }
                poll_fn(|cx| Pin::new(&mut *here.lock().unwrap()).poll_flush(cx)).await?;
                reading.await?;
                Ok::<_, bayonet::BoxError>(())
            }))
        });
        let (_handle, address) = start(server);
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut writing = stream.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            for _ in 0..ALL / 64 {
                writing.write_all(b"!").unwrap();
            }
        });
        let mut got = 0;
        let mut piece = vec![0; 64 * 1024];
        while got < ALL {
            match stream.read(&mut piece).unwrap() {
                0 => panic!("{backend}: it ended after {got} bytes"),
                count => got += count,
            }
        }
        writer.join().unwrap();
    }
}

/// A stream that keeps what is written until it is flushed, and is not ready for that at once.
struct Buffered {
    socket: TcpStream,
    kept: Vec<u8>,
    refuses: bool,
}

impl AsyncRead for Buffered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.socket.read(into) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for Buffered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.kept.extend_from_slice(bytes);
        self.refuses = true;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if std::mem::take(&mut self.refuses) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let kept = std::mem::take(&mut self.kept);
        Poll::Ready(self.socket.write_all(&kept))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.as_mut().poll_flush(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(self.socket.shutdown(std::net::Shutdown::Write)),
            other => other,
        }
    }
}

#[test]
fn stream_with_a_buffer_of_its_own_is_flushed_and_closed() {
    for backend in BACKENDS {
        let mut server = server_named(backend).unwrap();
        server.handler(|_: Request| async { "ok" });
        let (handle, _) = start(server);
        for connection in ["keep-alive", "close"] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (socket, _) = listener.accept().unwrap();
            socket.set_nonblocking(true).unwrap();
            let buffered = Buffered {
                socket,
                kept: Vec::new(),
                refuses: false,
            };
            drop(handle.serve(buffered).unwrap());
            client
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            write!(
                client,
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n"
            )
            .unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\nok") {
                let mut piece = [0; 256];
                match client.read(&mut piece).unwrap() {
                    0 => panic!(
                        "{backend}, {connection}: it ended after {:?}",
                        answer.escape_ascii()
                    ),
                    count => answer.extend_from_slice(&piece[..count]),
                }
            }
        }
    }
}
