//! Clients that do what the operating system lets them do, and HTTP knows nothing of: on every backend.

#![cfg(all(
    target_os = "linux",
    feature = "tokio",
    feature = "async-std",
    feature = "smol"
))]
#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bayonet::{Address, Drain, HttpServer, Request, ServerHandle, block_on, server_named};
use rustix::net::{
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, send, sendmsg, sockopt,
};

const BACKENDS: [&str; 3] = ["tokio", "async-std", "smol"];
const WHOLE: &[u8] = b"GET /whole HTTP/1.1\r\nHost: a\r\n\r\n";
/// A message that does not end is given up by then.
const HEAD_TIME: Duration = Duration::from_millis(500);
/// More than any server may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that answers with the path, on TCP and on a Unix socket.
fn start(backend: &str) -> (ServerHandle, SocketAddr, String) {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let name = format!(
        "bayonet-odd-{}-{}",
        std::process::id(),
        STARTED.fetch_add(1, Ordering::Relaxed)
    );
    let path = std::env::temp_dir().join(name);
    let path = path.to_str().unwrap().to_owned();
    let mut server = server_named(backend).unwrap();
    server.app_mut().config_mut().head_time = HEAD_TIME;
    server.app_mut().on_error(|_| async {});
    server.handler(|request: Request| async move { request.path().to_owned() });
    let places = vec!["127.0.0.1:0".to_owned(), format!("unix:{path}")];
    let handle = block_on(server.listen(places)).unwrap();
    let address = handle.address().unwrap();
    assert!(matches!(handle.addresses()[1], Address::Unix(_)));
    (handle, address, path)
}

/// Everything until the end.
fn everything(stream: &mut impl Read) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Others are served, and it ends with nothing open and its books in order.
fn ends_well(handle: &ServerHandle, address: SocketAddr) {
    let mut neighbour = connect(address);
    neighbour.write_all(WHOLE).unwrap();
    neighbour.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(everything(&mut neighbour).ends_with("\r\n\r\n/whole"));
    let report = handle.clone().shutdown(Drain::default()).wait();
    assert!(report.is_clean() && report.counters.balances(), "{report}");
    assert_eq!(report.counters.open, 0);
}

/// What a server makes of a message behind a mark: all of it, or, as a read ends at a mark and looks like the last one
/// then, too little. Never anything else.
fn is_answered_or_late(answer: &str, path: &str) {
    let answered =
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&format!("\r\n\r\n{path}"));
    let late = answer.starts_with("HTTP/1.1 408 ");
    assert!(answered || late, "{answer}");
}

/// Urgent data of TCP travel beside a message and are no part of it.
#[test]
fn urgent_bytes_are_no_part_of_a_message() {
    for backend in BACKENDS {
        let (handle, address, _) = start(backend);
        for round in 0..10 {
            let mut client = connect(address);
            send(&client, b"GET /mar", SendFlags::NOSIGNAL).unwrap();
            send(&client, b"X", SendFlags::OOB | SendFlags::NOSIGNAL).unwrap();
            let rest = b"ked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            send(&client, rest, SendFlags::NOSIGNAL).unwrap();
            let answer = everything(&mut client);
            assert!(!answer.contains('X'), "{backend}, {round}: {answer}");
            is_answered_or_late(&answer, "/marked");
        }
        ends_well(&handle, address);
    }
}

/// Whoever can connect to a Unix socket can send descriptors. Nobody here has asked for any, so nobody keeps one.
#[test]
fn descriptors_that_clients_pass_are_not_kept() {
    for backend in BACKENDS {
        let (handle, address, path) = start(backend);
        let file = File::open("/dev/null").unwrap();
        let passed = [file.as_fd(); 100];
        let before = descriptors_of(&file);
        let mut clients = Vec::new();
        for _ in 0..10 {
            let client = UnixStream::connect(&path).unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            let head = b"GET /passed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            for piece in head.chunks(20) {
                let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(100))];
                let mut beside = SendAncillaryBuffer::new(&mut space);
                assert!(beside.push(SendAncillaryMessage::ScmRights(&passed)));
                sendmsg(
                    &client,
                    &[IoSlice::new(piece)],
                    &mut beside,
                    SendFlags::NOSIGNAL,
                )
                .unwrap();
            }
            clients.push(client);
        }
        for client in &mut clients {
            is_answered_or_late(&everything(client), "/passed");
        }
        assert_eq!(descriptors_of(&file), before, "{backend}");
        ends_well(&handle, address);
    }
}

/// How many descriptors of this process are of the same file.
fn descriptors_of(file: &File) -> usize {
    let link = |path: &str| std::fs::read_link(path).ok();
    let number = std::os::fd::AsRawFd::as_raw_fd(file);
    let it = link(&format!("/proc/self/fd/{number}")).unwrap();
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = all.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links.filter(|other| *other == it).count()
}

/// Connections that are reset before anybody accepts them, with a request in them and without.
#[test]
fn clients_that_are_gone_before_they_are_accepted_disturb_nobody() {
    for backend in BACKENDS {
        let (handle, address, _) = start(backend);
        for round in 0..500 {
            let mut client = connect(address);
            if round % 2 == 0 {
                client.write_all(WHOLE).unwrap();
            }
            sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
        }
        ends_well(&handle, address);
    }
}

/// A window of a few bytes, and a reader that will not read: its answers wait for it, and nobody else does.
#[test]
fn clients_that_can_take_next_to_nothing_disturb_nobody() {
    for backend in BACKENDS {
        let (handle, address, _) = start(backend);
        let clients: Vec<_> = (0..50)
            .map(|round| {
                let mut client = connect(address);
                sockopt::set_socket_recv_buffer_size(&client, 1).unwrap();
                if round % 2 == 0 {
                    rustix::net::shutdown(&client, Shutdown::Read).unwrap();
                }
                client.write_all(&WHOLE.repeat(200)).unwrap();
                client
            })
            .collect();
        let mut neighbour = connect(address);
        neighbour.write_all(WHOLE).unwrap();
        let mut some = [0; 12];
        neighbour.read_exact(&mut some).unwrap();
        assert_eq!(&some, b"HTTP/1.1 200");
        drop((clients, neighbour));
        ends_well(&handle, address);
    }
}
