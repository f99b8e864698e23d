//! Nothing is left behind by a server that has moved, from any backend to any: no thread of ours, no descriptor; and
//! no socket blocks. One that cannot move, because there are no descriptors for it, serves on. In a process of its own,
//! in which nothing else happens.

#![cfg(all(
    target_os = "linux",
    feature = "tokio",
    feature = "async-std",
    feature = "smol"
))]
#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bayonet::{AdoptErrorKind, Drain, HttpServer, Request, ServerHandle, block_on, server_named};

const BACKENDS: [&str; 3] = ["tokio", "async-std", "smol"];

fn fresh(backend: &str) -> Box<dyn HttpServer> {
    let mut server = server_named(backend).unwrap();
    server.app_mut().config_mut().workers = Some(2);
    server.handler(|request: Request| async move { request.conn().backend() });
    server
}

/// The names of the threads of this process, and how many descriptors it has; when nobody ends a server any more,
/// which goes on for a moment when it is said that it has ended.
fn process() -> (Vec<String>, usize) {
    loop {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            // One that has ended meanwhile has no name.
            std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
        };
        let mut threads: Vec<_> = tasks.filter_map(name).collect();
        if !threads.iter().any(|name| name.contains("bayonet-end")) {
            threads.sort();
            return (threads, std::fs::read_dir("/proc/self/fd").unwrap().count());
        }
        std::thread::yield_now();
    }
}

/// Waits until the process is as it was: a thread that has been joined may be listed for a moment.
fn is_again(before: &(Vec<String>, usize), what: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while process() != *before {
        assert!(
            Instant::now() < until,
            "{what}: {before:?}, {:?}",
            process()
        );
        std::thread::yield_now();
    }
}

/// Duplicates of a socket share its flags: had one of two servers made one block, the other would hang in it. All
/// sockets of this process but these clients are the servers'.
fn no_socket_blocks(client: &TcpStream) {
    const NONBLOCK: u32 = 0o4000;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let entry = entry.unwrap();
        let number: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
        let is_socket = |path: std::path::PathBuf| path.to_string_lossy().starts_with("socket:");
        if number == client.as_raw_fd() || !std::fs::read_link(entry.path()).is_ok_and(is_socket) {
            continue;
        }
        // One that was closed meanwhile has none.
        let Ok(facts) = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else {
            continue;
        };
        let flags = facts.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = u32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
        assert!(flags & NONBLOCK != 0, "{number} blocks: {facts}");
    }
}

fn ask(client: &mut TcpStream, by: &str) {
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let (mut answer, end) = (Vec::new(), format!("\r\n\r\n{by}"));
    while !answer.ends_with(end.as_bytes()) {
        let mut piece = [0; 1024];
        let read = client.read(&mut piece).unwrap();
        assert!(read > 0, "{}", answer.escape_ascii());
        answer.extend_from_slice(&piece[..read]);
    }
}

/// A server on this backend, and a client that it has answered.
fn served_by(name: &str) -> (ServerHandle, TcpStream) {
    let server = block_on(fresh(name).listen("127.0.0.1:0")).unwrap();
    let mut client = TcpStream::connect(server.address().unwrap()).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    ask(&mut client, name);
    (server, client)
}

fn there_and_away(from: &str, to: &str) {
    let (old, mut client) = served_by(from);
    no_socket_blocks(&client);
    let new = block_on(old.handover(&mut *fresh(to))).unwrap();
    no_socket_blocks(&client);
    ask(&mut client, to);
    assert_eq!(old.wait().moved, 1);
    drop(old);
    no_socket_blocks(&client);
    // It has what the old one had, and no more: handed back it is as it was.
    let there = process();
    let again = block_on(new.handover(&mut *fresh(to))).unwrap();
    ask(&mut client, to);
    assert_eq!(new.wait().moved, 1);
    drop(new);
    is_again(&there, &format!("{to} after {to}"));
    drop(client);
    assert!(block_on(again.shutdown(Drain::default())).is_clean());
}

/// No more descriptors than this process has.
fn without_descriptors<T>(run: impl FnOnce() -> T) -> T {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let taken = |number: &u64| std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok();
    let lowest = (0..10_000).find(|number| !taken(number));
    let none = Rlimit {
        current: lowest,
        ..before
    };
    setrlimit(Resource::Nofile, none).unwrap();
    let output = run();
    setrlimit(Resource::Nofile, before).unwrap();
    output
}

fn cannot_start(from: &str, to: &str) {
    let (old, mut client) = served_by(from);
    let before = process();
    let mut successor = fresh(to);
    let moved = without_descriptors(|| block_on(old.handover(&mut *successor)));
    no_socket_blocks(&client);
    let error = moved.unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Start);
    assert!(error.to_string().contains("Too many open files"), "{error}");
    ask(&mut client, from);
    is_again(&before, &format!("{from}, which could not move to {to}"));
    let new = block_on(old.handover(&mut *successor)).unwrap();
    ask(&mut client, to);
    drop(client);
    assert!(old.wait().is_clean() && block_on(new.shutdown(Drain::default())).is_clean());
}

#[test]
fn nothing_is_left_behind_between_any_two_backends() {
    let pairs = BACKENDS
        .iter()
        .flat_map(|from| BACKENDS.iter().map(move |to| (from, to)));
    // What a process keeps for good, such as a runtime's own threads, is there after that.
    for backend in BACKENDS {
        there_and_away(backend, backend);
    }
    for (from, to) in pairs {
        let before = process();
        there_and_away(from, to);
        is_again(&before, &format!("{from} and {to}"));
        cannot_start(from, to);
        is_again(&before, &format!("{from} and {to}, without descriptors"));
    }
}
