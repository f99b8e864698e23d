//! Every program against itself, over a real socket, on every backend.

mod support;

use std::path::{Path, PathBuf};

use support::Program;

/// Starts the program of this name.
macro_rules! start {
    ($name:literal, $backend:expr $(, $more:expr)*) => {
        Program::start(env!(concat!("CARGO_BIN_EXE_", $name)), $backend, &[$($more),*])
    };
}

macro_rules! on_every_backend {
    ($($test:ident)*) => {
        mod tokio { $( #[test] fn $test() { super::$test("tokio") } )* }
        mod async_std { $( #[test] fn $test() { super::$test("async-std") } )* }
        mod smol { $( #[test] fn $test() { super::$test("smol") } )* }
    };
}

on_every_backend! {
    hello_01
    early_reject_02
    streamed_upload_03
    ticks_04
    upgrade_05
    access_log_06
    graceful_stop_07
    cookies_08
    not_modified_09
}

fn hello_01(backend: &str) {
    let program = start!("01_hello", backend);
    let answer = program.get("/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with(&format!("\r\n\r\nhello from {backend}\n")),
        "{answer}"
    );
}

fn early_reject_02(backend: &str) {
    let program = start!("02_early_reject", backend);
    let asking = |key: &str, length: u64| {
        let mut client = program.connect();
        client.send(&format!(
            "POST / HTTP/1.1\r\nHost: example\r\n{key}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        ));
        (client.until("\r\n\r\n"), client)
    };
    let key = "x-key: open sesame\r\n";
    // Nothing but the head has been sent, and this is the answer to it.
    assert!(asking("", 5).0.starts_with("HTTP/1.1 401 "));
    assert!(asking("x-key: wrong\r\n", 5).0.starts_with("HTTP/1.1 401 "));
    assert!(asking(key, 1_048_577).0.starts_with("HTTP/1.1 413 "));
    let (head, mut client) = asking(key, 5);
    assert!(head.starts_with("HTTP/1.1 100 "), "{head}");
    client.send("small");
    assert!(client.until("bytes\n").ends_with("thank you for 5 bytes\n"));
}

fn streamed_upload_03(backend: &str) {
    let folder = Folder::new(backend);
    let program = start!("03_streamed_upload", backend, folder.text());
    let content = "one mount\n".repeat(100_000);
    let answer = program.ask("PUT /lens.txt HTTP/1.1\r\n", &content);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.ends_with("1000000 bytes\n"), "{answer}");
    assert_eq!(
        std::fs::read_to_string(folder.0.join("lens.txt")).expect("the file"),
        content
    );

    for bad in [
        "PUT /",
        "PUT /../lens",
        "PUT /a/b",
        "PUT /.hidden",
        "PUT /%2e%2e",
        "GET /lens.txt",
    ] {
        let answer = program.ask(&format!("{bad} HTTP/1.1\r\n"), "content");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bad}: {answer}");
    }

    // A client that leaves in the middle leaves nothing behind.
    let mut client = program.connect();
    client.send("PUT /half HTTP/1.1\r\nHost: example\r\nContent-Length: 100\r\n\r\nhalf");
    folder.wait_for(2);
    drop(client);
    folder.wait_for(1);
    assert!(!folder.0.join("half").exists());
}

/// A folder of a test's own, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(backend: &str) -> Self {
        let name = format!("bayonet-uploads-{backend}-{}", std::process::id());
        Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("a path that is text")
    }

    /// Waits until so many files are in it.
    fn wait_for(&self, files: usize) {
        let since = std::time::Instant::now();
        while self.0.read_dir().expect("the folder").count() != files {
            assert!(
                since.elapsed().as_secs() < 20,
                "there are never {files} files"
            );
            std::thread::yield_now();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn ticks_04(backend: &str) {
    let program = start!("04_ticks", backend, "10");
    assert!(program.get("/").contains("EventSource('/ticks')"));
    let mut client = program.connect();
    client.send("GET /ticks HTTP/1.1\r\nHost: example\r\n\r\n");
    let head = client.until("\r\n\r\n");
    assert!(
        head.contains("content-type: text/event-stream\r\n"),
        "{head}"
    );
    for tick in 1..=3 {
        client.until(&format!("id: {tick}\ndata: tick {tick}\n\n"));
    }
    let mut again = program.connect();
    again.send("GET /ticks HTTP/1.1\r\nHost: example\r\nLast-Event-ID: 41\r\n\r\n");
    again.until("\r\n\r\n");
    let first = again.until("\n\n");
    assert!(first.ends_with("id: 42\ndata: tick 42\n\n"), "{first}");
}

fn upgrade_05(backend: &str) {
    let program = start!("05_upgrade", backend);
    let mut client = program.connect();
    // The first line of the new protocol comes with the head, and half of the second.
    client.send(
        "GET / HTTP/1.1\r\nHost: example\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\none\nmou",
    );
    let head = client.until("\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(client.until("\n"), "ONE\n");
    client.send("nt\r\nbye\n");
    assert_eq!(client.rest(), "MOUNT\r\n");

    let refused = program.get("/");
    assert!(
        refused.starts_with("HTTP/1.1 426 ") && refused.contains("upgrade: shout\r\n"),
        "{refused}"
    );
}

fn access_log_06(backend: &str) {
    let mut program = start!("06_access_log", backend);
    assert!(
        program
            .ask("POST / HTTP/1.1\r\n", "lens")
            .ends_with("you sent 4 bytes\n")
    );
    let line = program.line();
    assert!(line.starts_with("127.0.0.1:"), "{line}");
    assert!(
        line.contains(" \"POST / HTTP/1.1\" 200 in=4 out="),
        "{line}"
    );
    for (path, status) in [("/panic", 500), ("/nothing", 404)] {
        program.get(path);
        let line = program.line();
        assert!(
            line.contains(&format!("\"GET {path} HTTP/1.1\" {status} in=0 out=")),
            "{line}"
        );
        assert!(line.ends_with(" ms\n"), "{line}");
    }
}

fn graceful_stop_07(backend: &str) {
    let mut program = start!("07_graceful_stop", backend);
    let mut idle = program.connect();
    let mut busy = program.connect();
    busy.send("GET / HTTP/1.1\r\nHost: example\r\n\r\n");
    assert_eq!(program.line(), "visit 1 begins\n");
    program.interrupt();
    assert_eq!(idle.rest(), "", "what is idle is closed");
    let answer = busy.rest();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("nobody was lost"),
        "{answer}"
    );
    let (status, out) = program.end();
    assert!(status.success(), "{status} {out}");
    assert!(out.starts_with("closed with 1 visits\nclean stop"), "{out}");
}

fn cookies_08(backend: &str) {
    let program = start!("08_cookies", backend);
    let first = program.get("/");
    assert!(
        first.contains("set-cookie: visits=1; Path=/; HttpOnly; SameSite=Lax\r\n"),
        "{first}"
    );
    assert!(
        first.ends_with("you have been here 0 times before\n"),
        "{first}"
    );
    let again = program.ask(
        "GET / HTTP/1.1\r\nCookie: a=b; visits=41\r\nCookie: c=d\r\n",
        "",
    );
    assert!(again.contains("set-cookie: visits=42;"), "{again}");
    let wrong = program.ask("GET / HTTP/1.1\r\nCookie: visits=many; ; =\r\n", "");
    assert!(wrong.contains("set-cookie: visits=1;"), "{wrong}");
}

fn not_modified_09(backend: &str) {
    let program = start!("09_not_modified", backend);
    let first = program.get("/");
    assert!(
        first.starts_with("HTTP/1.1 200 ") && first.ends_with("<h1>Home</h1>"),
        "{first}"
    );
    let (_, tag) = first.split_once("etag: ").expect("a tag");
    let tag = tag.lines().next().expect("its line");
    for known in [tag, "*", &format!("\"other\", W/{tag}")] {
        let again = program.ask(&format!("GET / HTTP/1.1\r\nIf-None-Match: {known}\r\n"), "");
        assert!(again.starts_with("HTTP/1.1 304 "), "{known}: {again}");
        assert!(
            again.contains(tag) && !again.contains("Home"),
            "{known}: {again}"
        );
        assert!(
            again.contains("x-content-type-options: nosniff\r\n"),
            "{again}"
        );
    }
    let other = program.ask("GET / HTTP/1.1\r\nIf-None-Match: \"other\"\r\n", "");
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
    let missing = program.get("/nothing");
    assert!(
        missing.starts_with("HTTP/1.1 404 ") && !missing.contains("etag"),
        "{missing}"
    );
    assert!(
        missing.contains("x-content-type-options: nosniff\r\n"),
        "{missing}"
    );
}
