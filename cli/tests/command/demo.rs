//! The demo as a user meets it: a process, its text, its routes, its end. On every backend.

use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::support::{Demo, Signal, bayonet};

/// Makes each function a test of each backend that is compiled in.
macro_rules! on_every_backend {
    ($($test:ident)*) => {
        on_every_backend! { @on "tokio", tokio, $($test)* }
        on_every_backend! { @on "async-std", async_std, $($test)* }
        on_every_backend! { @on "smol", smol, $($test)* }
    };
    (@on $name:literal, $module:ident, $($test:ident)*) => {
        #[cfg(feature = $name)]
        mod $module {
            $( #[test] fn $test() { super::$test($name) } )*
        }
    };
}

on_every_backend! {
    welcome_is_a_text_or_a_page
    plaintext_has_date_and_server
    json_is_json
    echo_is_streamed_with_its_type
    stream_is_64_chunks_of_1_kib
    big_is_1_mib
    conn_tells_what_serves
    slow_takes_its_time_within_bounds
    panic_is_a_500_and_nothing_more
    upgrade_sends_every_byte_back
    wrong_methods_are_told_the_right_ones
    everything_else_is_404
    two_places_at_once
    ctrl_c_lets_requests_finish
    second_ctrl_c_ends_at_once
    sigterm_drains_too
    service_manager_is_told_when_it_serves_and_when_it_stops
}

fn welcome_is_a_text_or_a_page(backend: &str) {
    let demo = Demo::on(backend);
    let text = demo.get("/");
    assert_eq!(text.status, 200);
    assert_eq!(
        text.field("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(text.content.contains(backend), "{}", text.content);

    let accept = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
    let page = demo
        .connect()
        .ask(&format!("GET / HTTP/1.1\r\nHost: demo\r\n{accept}\r\n\r\n"));
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.field("vary"), Some("accept"));
    for part in [
        format!("Bayonet on {backend}"),
        format!("<b>{backend}</b><span>serves this page</span>"),
        format!("bayonet-{backend}-"),
        "<a href=\"/slow?ms=500\">/slow</a>".to_owned(),
        format!("curl -i http://{}/plaintext", demo.address),
    ] {
        assert!(page.content.contains(&part), "{part} in {}", page.content);
    }
    let (_, content) = page.content.split_once("</style>").expect("a style");
    let (text, script) = content.split_once("<script").expect("a script");
    assert!(!text.contains('{'), "every place of the page is filled");
    for place in ["{nonce}", "{token}"] {
        assert!(!script.contains(place), "{place} is not filled");
    }
    for link in page
        .content
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        if link.starts_with('/') {
            let expected = if link == "/panic" { 500 } else { 200 };
            assert_eq!(demo.get(link).status, expected, "{link}");
        }
    }
    demo.stop();
}

fn plaintext_has_date_and_server(backend: &str) {
    let demo = Demo::on(backend);
    let mut client = demo.connect();
    // Twice, to see that the connection is kept.
    for _ in 0..2 {
        let answer = client.ask("GET /plaintext HTTP/1.1\r\nHost: demo\r\n\r\n");
        assert_eq!(
            (answer.status, answer.content.as_str()),
            (200, "Hello, World!")
        );
        assert!(
            answer
                .field("content-type")
                .is_some_and(|kind| kind.starts_with("text/plain"))
        );
        assert!(
            answer
                .field("date")
                .is_some_and(|date| date.ends_with(" GMT"))
        );
        let version = concat!("bayonet/", env!("CARGO_PKG_VERSION"));
        assert_eq!(answer.field("server"), Some(version));
    }
    let head = client.ask("HEAD /plaintext HTTP/1.1\r\nHost: demo\r\n\r\n");
    assert_eq!(
        (head.status, head.field("content-length")),
        (200, Some("13"))
    );
    drop(client);
    demo.stop();
}

fn json_is_json(backend: &str) {
    let demo = Demo::on(backend);
    let answer = demo.get("/json");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_str(&answer.content).expect("JSON");
    assert_eq!(json, serde_json::json!({ "message": "Hello, World!" }));
    demo.stop();
}

/// The head of an upload that has no known length.
const UPLOAD: &str = "POST /echo HTTP/1.1\r\nHost: demo\r\nContent-Type: text/x-lens\r\n\
                      Transfer-Encoding: chunked\r\n\r\n";

fn echo_is_streamed_with_its_type(backend: &str) {
    let demo = Demo::on(backend);
    let mut client = demo.connect();
    client.send(UPLOAD);
    client.send("3\r\none\r\n");
    let head = client.head();
    assert_eq!(
        (head.status, head.field("content-type")),
        (200, Some("text/x-lens"))
    );
    // The rest has not been sent when this is back.
    assert_eq!(client.chunk(), "one");
    client.send("5\r\nmount\r\n0\r\n\r\n");
    assert_eq!(client.chunk(), "mount");
    assert_eq!(client.chunk(), "");

    let whole = "POST /echo HTTP/1.1\r\nHost: demo\r\nContent-Length: 4\r\n\r\nlens";
    let answer = client.ask(whole);
    assert_eq!((answer.status, answer.content.as_str()), (200, "lens"));
    assert_eq!(
        answer.field("content-type"),
        None,
        "a type that nobody gave is not guessed"
    );
    drop(client);
    demo.stop();
}

fn stream_is_64_chunks_of_1_kib(backend: &str) {
    let demo = Demo::on(backend);
    let answer = demo.get("/stream");
    assert_eq!(answer.chunks, [1024; 64]);
    assert!(answer.content.starts_with("chunk 01 of 64 "));
    demo.stop();
}

fn big_is_1_mib(backend: &str) {
    let demo = Demo::on(backend);
    let answer = demo.get("/big");
    assert_eq!((answer.status, answer.content.len()), (200, 1 << 20));
    assert_eq!(answer.field("content-length"), Some("1048576"));
    assert!(
        answer
            .content
            .trim_end_matches(['.', '\n'])
            .ends_with("line 16384 of 16384 ")
    );
    demo.stop();
}

fn conn_tells_what_serves(backend: &str) {
    let demo = Demo::on(backend);
    let mut client = demo.connect();
    for request in 1..=2 {
        let answer = client.ask("GET /conn HTTP/1.1\r\nHost: demo\r\n\r\n");
        let facts: serde_json::Value = serde_json::from_str(&answer.content).expect("JSON");
        let text = |name: &str| facts[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (text("backend"), text("runtime")),
            (backend.into(), backend.into())
        );
        assert!(
            text("worker").starts_with(&format!("bayonet-{backend}-")),
            "{facts}"
        );
        assert_eq!(text("request"), format!("{}.{request}", text("connection")));
        assert_eq!(text("local"), demo.address.to_string());
        assert!(text("peer").starts_with("127.0.0.1:"), "{facts}");
        assert_eq!(
            (text("scheme"), text("version")),
            ("http".into(), "HTTP/1.1".into())
        );
    }
    drop(client);
    demo.stop();
}

fn slow_takes_its_time_within_bounds(backend: &str) {
    let demo = Demo::on(backend);
    let asked = Instant::now();
    let answer = demo.get("/slow?ms=50");
    assert!(asked.elapsed() >= Duration::from_millis(50));
    assert_eq!(
        (answer.status, answer.content.as_str()),
        (200, "this took 50 ms\n")
    );
    for bad in [
        "/slow",
        "/slow?ms=",
        "/slow?ms=soon",
        "/slow?ms=-1",
        "/slow?ms=20001",
    ] {
        let answer = demo.get(bad);
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.content.contains("`ms"), "{}", answer.content);
        assert!(
            answer.content.contains("from 0 to 20000"),
            "{}",
            answer.content
        );
    }
    demo.stop();
}

fn panic_is_a_500_and_nothing_more(backend: &str) {
    let demo = Demo::on(backend);
    let mut client = demo.connect();
    assert_eq!(
        client
            .ask("GET /panic HTTP/1.1\r\nHost: demo\r\n\r\n")
            .status,
        500
    );
    drop(client);
    assert_eq!(demo.get("/plaintext").status, 200);
    demo.signal(Signal::INT);
    let end = demo.end();
    assert_eq!(end.status.code(), Some(0), "{}", end.err);
    assert!(
        end.err
            .contains("\"GET /panic HTTP/1.1\": panicked: the demo was asked"),
        "{}",
        end.err
    );
}

fn upgrade_sends_every_byte_back(backend: &str) {
    let demo = Demo::on(backend);
    let mut client = demo.connect();
    // The first bytes of the new protocol come with the head.
    client.send(
        "GET /upgrade HTTP/1.1\r\nHost: demo\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\none ",
    );
    let head = client.head();
    assert_eq!((head.status, head.field("upgrade")), (101, Some("echo")));
    assert_eq!(client.exactly(4), "one ");
    client.send("mount");
    assert_eq!(client.exactly(5), "mount");
    drop(client);

    let refused = demo.get("/upgrade");
    assert_eq!(
        (refused.status, refused.field("upgrade")),
        (426, Some("echo"))
    );
    demo.stop();
}

fn wrong_methods_are_told_the_right_ones(backend: &str) {
    let demo = Demo::on(backend);
    for (method, path, status, allow) in [
        ("POST", "/", 405, "GET, HEAD, OPTIONS"),
        ("POST", "/plaintext", 405, "GET, HEAD, OPTIONS"),
        ("DELETE", "/json", 405, "GET, HEAD, OPTIONS"),
        ("PUT", "/upgrade", 405, "GET, HEAD, OPTIONS"),
        ("GET", "/echo", 405, "POST, OPTIONS"),
        ("get", "/json", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/echo", 204, "POST, OPTIONS"),
        ("OPTIONS", "/slow", 204, "GET, HEAD, OPTIONS"),
    ] {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: demo\r\nContent-Length: 0\r\n\r\n");
        let answer = demo.connect().ask(&request);
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.field("allow"), Some(allow), "{method} {path}");
        if status == 405 {
            assert!(answer.content.contains(method) && answer.content.contains(path));
        }
    }
    demo.stop();
}

fn everything_else_is_404(backend: &str) {
    let demo = Demo::on(backend);
    for path in ["/nothing", "/plaintext/", "/JSON", "//", "/%2e%2e/"] {
        assert_eq!(demo.get(path).status, 404, "{path}");
    }
    demo.stop();
}

fn two_places_at_once(backend: &str) {
    let path = std::env::temp_dir().join(format!("bayonet-{backend}-{}.sock", std::process::id()));
    let unix = format!("unix:{}", path.display());
    let demo = Demo::with(backend, &["--bind", &unix]);
    assert!(
        demo.banner.contains(&format!("listening on {unix}\n")),
        "{}",
        demo.banner
    );
    let answer = demo
        .connect_unix()
        .ask("GET /conn HTTP/1.1\r\nHost: demo\r\n\r\n");
    let facts: serde_json::Value = serde_json::from_str(&answer.content).expect("JSON");
    assert_eq!(facts["listener"], 1);
    assert!(
        facts["peer"].is_null() && facts["local"].is_null(),
        "{facts}"
    );
    assert_eq!(demo.get("/plaintext").status, 200);
    demo.stop();
    assert!(!path.exists(), "nothing is left of the socket");
}

fn ctrl_c_lets_requests_finish(backend: &str) {
    let mut demo = Demo::on(backend);
    let mut idle = demo.connect();
    assert_eq!(
        idle.ask("GET /plaintext HTTP/1.1\r\nHost: demo\r\n\r\n")
            .status,
        200
    );
    let mut busy = demo.connect();
    busy.send(UPLOAD);
    busy.send("3\r\none\r\n");
    assert_eq!(busy.head().status, 200);
    assert_eq!(busy.chunk(), "one");

    demo.signal(Signal::INT);
    let complaint = demo.complaint();
    assert!(
        complaint.starts_with("stopping: requests may take 25 s"),
        "{complaint}"
    );
    assert_eq!(idle.rest(), "", "what is idle is closed at once");
    refuses(&demo);
    busy.send("5\r\nmount\r\n0\r\n\r\n");
    assert_eq!(busy.chunk(), "mount");
    assert_eq!(busy.chunk(), "", "what was under way is complete");

    let end = demo.end();
    assert_eq!(end.status.code(), Some(0), "{}", end.err);
    assert!(end.out.contains("clean stop"), "{}", end.out);
    assert!(end.out.contains(" 0 cut;"), "{}", end.out);
    assert!(
        end.out.contains("requests 2 = active 0 + completed 2\n"),
        "{}",
        end.out
    );
}

fn second_ctrl_c_ends_at_once(backend: &str) {
    let mut demo = Demo::on(backend);
    let mut busy = demo.connect();
    busy.send(UPLOAD);
    busy.send("3\r\none\r\n");
    assert_eq!(busy.head().status, 200);

    demo.signal(Signal::INT);
    let complaint = demo.complaint();
    assert!(complaint.starts_with("stopping: "), "{complaint}");
    let asked = Instant::now();
    demo.signal(Signal::INT);
    let end = demo.end();
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(end.status.code(), Some(3), "{} {}", end.err, end.out);
    assert!(
        end.out.contains("cut stop") && end.out.contains("1 cut"),
        "{}",
        end.out
    );
}

fn sigterm_drains_too(backend: &str) {
    let demo = Demo::on(backend);
    demo.signal(Signal::TERM);
    let end = demo.end();
    assert_eq!(end.status.code(), Some(0), "{}", end.err);
    assert!(end.out.contains("clean stop"), "{}", end.out);
}

fn service_manager_is_told_when_it_serves_and_when_it_stops(backend: &str) {
    let name = format!("bayonet-notify-{}-{backend}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let manager = UnixDatagram::bind(&path).expect("a socket");
    let patience = Some(Duration::from_secs(20));
    manager.set_read_timeout(patience).expect("a timeout");
    let hear = || {
        let mut said = [0; 64];
        let length = manager.recv(&mut said).expect("it says something");
        String::from_utf8_lossy(&said[..length]).into_owned()
    };
    let mut command = bayonet();
    command.env("NOTIFY_SOCKET", &path);
    let demo = Demo::started(command, backend, &[]);
    assert_eq!(hear(), "READY=1");
    assert_eq!(demo.get("/plaintext").status, 200);
    demo.signal(Signal::TERM);
    assert_eq!(hear(), "STOPPING=1");
    let end = demo.end();
    assert_eq!(end.status.code(), Some(0), "{}", end.err);
    std::fs::remove_file(&path).expect("it is there still");
}

/// Waits until nobody is let in any more.
fn refuses(demo: &Demo) {
    let asked = Instant::now();
    while TcpStream::connect(demo.address).is_ok() {
        assert!(
            asked.elapsed() < Duration::from_secs(10),
            "it still accepts"
        );
        std::thread::yield_now();
    }
}
