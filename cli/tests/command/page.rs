//! The page of the demo: its events, its buttons, and what strangers get.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, Client, Demo, Signal};

/// A browser on a machine with other work to do may take this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A demo that can be steered.
fn steered(name: &str, backend: &str) -> Demo {
    let path = std::env::temp_dir().join(format!("bayonet-{name}-{}", std::process::id()));
    Demo::with(backend, &["--control", &format!("unix:{}", path.display())])
}

/// The page as a browser gets it that says this of itself.
fn page(demo: &Demo, host: &str) -> Answer {
    demo.connect().ask(&format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n"
    ))
}

/// What the script is to send with a swap.
fn token(page: &Answer) -> &str {
    let (_, rest) = page
        .content
        .split_once("const token = \"")
        .expect("a script");
    rest.split('"').next().expect("a token")
}

fn post(client: &mut Client<TcpStream>, to: &str, fields: &str) -> (u16, Value) {
    let answer = client.ask(&format!(
        "POST /swap/{to} HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n"
    ));
    let json = serde_json::from_str(&answer.content).expect("JSON");
    (answer.status, json)
}

#[test]
fn the_script_runs_by_its_nonce_and_nothing_else_does() {
    let demo = steered("nonce", "tokio");
    let host = demo.address.to_string();
    let (one, other) = (page(&demo, &host), page(&demo, &host));
    let nonce = |page: &Answer| {
        let policy = page.field("content-security-policy").expect("a policy");
        let (_, nonce) = policy.split_once("script-src 'nonce-").expect("a nonce");
        let nonce = nonce.trim_end_matches('\'').to_owned();
        assert_eq!(nonce.len(), 32, "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            page.content
                .contains(&format!("<script nonce=\"{nonce}\">"))
        );
        nonce
    };
    assert_ne!(nonce(&one), nonce(&other));
    assert_eq!(one.content.matches("<script").count(), 1);
    for loaded in ["src=", "@import", "url("] {
        assert!(!one.content.contains(loaded), "{loaded}: nothing is loaded");
    }
    demo.stop();
}

#[test]
fn only_the_pages_own_buttons_swap() {
    let demo = steered("guard", "tokio");
    let host = format!("Host: {}\r\n", demo.address);
    let page_here = page(&demo, &demo.address.to_string());
    let secret = token(&page_here);
    assert_eq!(secret.len(), 32);
    // A name that a stranger has pointed here makes the page, but no buttons.
    assert_eq!(token(&page(&demo, "a.example")), "");

    let known = format!("X-Bayonet-Token: {secret}\r\n");
    let own = format!(
        "Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n",
        demo.address
    );
    for (fields, why) in [
        (host.clone(), "the page is of another demo"),
        (
            format!("{host}{own}X-Bayonet-Token: {}\r\n", "0".repeat(32)),
            "the page is of another demo",
        ),
        (
            format!("{host}{known}Origin: http://a.example\r\n"),
            "another site",
        ),
        (format!("{host}{known}Origin: null\r\n"), "another site"),
        (
            format!("{host}{known}Sec-Fetch-Site: cross-site\r\n"),
            "another site",
        ),
        (
            format!("{host}{known}Sec-Fetch-Site: same-site\r\n"),
            "another site",
        ),
        (
            format!(
                "Host: a.example\r\n{known}Origin: http://a.example\r\nSec-Fetch-Site: same-origin\r\n"
            ),
            "for this machine",
        ),
    ] {
        let (status, json) = post(&mut demo.connect(), "smol", &fields);
        assert_eq!(status, 403, "{fields}");
        let error = json["error"].as_str().unwrap_or_default();
        assert!(error.contains(why), "{fields}: {error}");
    }
    let mut client = demo.connect();
    let get = client.ask(&format!("GET /swap/smol HTTP/1.1\r\n{host}{known}\r\n"));
    assert_eq!((get.status, get.field("allow")), (405, Some("POST")));
    let right = format!("{host}{own}{known}");
    let (status, json) = post(&mut client, "wasp", &right);
    assert_eq!(
        (
            status,
            json["error"]
                .as_str()
                .is_some_and(|why| why.contains("`wasp`"))
        ),
        (404, true)
    );
    assert!(
        demo.get("/").content.contains("on tokio"),
        "nothing has moved so far"
    );

    // The same connection goes on where it was swapped to.
    for to in ["smol", "async-std", "tokio"] {
        let (status, json) = post(&mut client, to, &right);
        assert_eq!((status, &json["to"]), (200, &to.into()), "{json}");
        let conn = client.ask("GET /conn HTTP/1.1\r\nHost: demo\r\n\r\n");
        assert!(
            conn.content.contains(&format!("\"backend\": \"{to}\"")),
            "{}",
            conn.content
        );
    }
    drop(client);
    demo.stop();

    let plain = Demo::on("tokio");
    assert_eq!(token(&page(&plain, &plain.address.to_string())), "");
    let answer = plain
        .connect()
        .ask("POST /swap/smol HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        answer.status, 404,
        "without `--control` there is no such thing"
    );
    plain.stop();
}

/// The next events of a stream: names and contents. The last one, when it has ended.
fn event(client: &mut Client<TcpStream>, left: &mut String) -> Option<(String, Value)> {
    loop {
        if let Some((event, rest)) = left.split_once("\n\n") {
            let (event, rest) = (event.to_owned(), rest.to_owned());
            *left = rest;
            let part = |name: &str| {
                let mut lines = event.lines();
                lines
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::to_owned)
            };
            let Some(data) = part("data: ") else {
                continue;
            };
            let name = part("event: ").unwrap_or_default();
            return Some((name, serde_json::from_str(&data).expect("JSON")));
        }
        match client.chunk() {
            chunk if chunk.is_empty() => return None,
            chunk => left.push_str(&chunk),
        }
    }
}

/// The next beat, and its number.
fn beat(client: &mut Client<TcpStream>, left: &mut String) -> Option<(u64, Value)> {
    loop {
        let (name, content) = event(client, left)?;
        if name.is_empty() {
            return Some((content["n"].as_u64().expect("a number"), content));
        }
    }
}

#[test]
fn events_go_on_after_a_swap_where_they_were() {
    let demo = steered("events", "tokio");
    let host = demo.address.to_string();
    let page = page(&demo, &host);
    let fields = format!("Host: {host}\r\nX-Bayonet-Token: {}\r\n", token(&page));
    let (mut stream, mut left) = (demo.connect(), String::new());
    stream.send("GET /events HTTP/1.1\r\nHost: demo\r\n\r\n");
    let head = stream.head();
    assert_eq!(
        (head.status, head.field("content-type")),
        (200, Some("text/event-stream"))
    );
    let (name, status) = event(&mut stream, &mut left).expect("an event");
    assert_eq!(
        (name.as_str(), &status["backend"]),
        ("status", &"tokio".into())
    );
    let (first, content) = beat(&mut stream, &mut left).expect("a beat");
    assert_eq!((first, &content["backend"]), (1, &"tokio".into()));

    let mut client = demo.connect();
    let mut seen = first;
    for (number, to) in (1..).zip(["smol", "async-std", "tokio", "tokio"]) {
        assert_eq!(post(&mut client, to, &fields).0, 200);
        // The stream ends by itself, complete, so that the old server can end.
        while let Some((number, _)) = beat(&mut stream, &mut left) {
            assert_eq!(number, seen + 1);
            seen = number;
        }
        // On the same connection; the next server has it.
        stream.send(format!(
            "GET /events HTTP/1.1\r\nHost: demo\r\nLast-Event-ID: {seen}\r\n\r\n"
        ));
        assert_eq!(stream.head().status, 200);
        left.clear();
        let (number_after, content) = beat(&mut stream, &mut left).expect("a beat");
        assert_eq!(
            number_after,
            seen + 1,
            "no number is missing, none comes twice"
        );
        assert_eq!(
            (&content["backend"], &content["swapped"]),
            (&to.into(), &number.into())
        );
        seen = number_after;
    }
    // Who has seen another demo's numbers gets all that there is.
    let (mut late, mut late_left) = (demo.connect(), String::new());
    late.send("GET /events?after=1000000 HTTP/1.1\r\nHost: demo\r\n\r\n");
    assert_eq!(late.head().status, 200);
    assert_eq!(
        beat(&mut late, &mut late_left).map(|(number, _)| number),
        Some(1)
    );

    demo.signal(Signal::INT);
    let mut names = Vec::new();
    while let Some((name, _)) = event(&mut stream, &mut left) {
        names.push(name);
    }
    assert_eq!(
        names.last().map(String::as_str),
        Some("end"),
        "an open page holds nothing up"
    );
    let end = demo.end();
    assert_eq!(end.status.code(), Some(0), "{} {}", end.out, end.err);
    assert!(end.out.contains(" 0 cut;"), "{}", end.out);
}

/// A browser that is driven through a pipe.
struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    profile: std::path::PathBuf,
    calls: u64,
    session: Option<String>,
}

impl Browser {
    /// Chromium, if it is installed. Says of this test if it is not.
    fn start(test: &str) -> Option<Browser> {
        let browser = Browser::started(test);
        if browser.is_none() {
            // Past the harness, which shows nothing of a test that passes.
            let line = format!("{test}: skipped, Chromium is not installed\n");
            let shown = std::io::stderr().write_all(line.as_bytes());
            shown.expect("it is shown");
        }
        browser
    }

    fn started(test: &str) -> Option<Browser> {
        let found = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find(|name| {
                let version = Command::new(name).arg("--version").output();
                version.is_ok_and(|output| output.status.success())
            })?;
        let name = format!("bayonet-browser-{}-{test}", std::process::id());
        let profile = std::env::temp_dir().join(name);
        // It reads from descriptor 3 and writes to 4.
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 >/dev/null 2>&1", "sh", found])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let to = process.stdin.take().expect("a pipe");
        let from = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut browser = Browser {
            process,
            to,
            from,
            profile,
            calls: 0,
            session: None,
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        Some(browser)
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = session.as_str().into();
        }
        self.to
            .write_all(format!("{call}\0").as_bytes())
            .expect("it listens");
        loop {
            let mut message = Vec::new();
            self.from.read_until(0, &mut message).expect("it answers");
            assert_eq!(message.pop(), Some(0), "the browser has ended");
            let mut message: Value = serde_json::from_slice(&message).expect("JSON");
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }

    fn evaluate(&mut self, script: &str) -> Value {
        let parameters =
            json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut result = self.call("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{script}: {result}");
        result["result"]["value"].take()
    }

    /// Opens the demo's page, and waits until it is told what serves.
    fn open(&mut self, demo: &Demo) {
        let url = json!({ "url": format!("http://{}/", demo.address) });
        self.call("Page.navigate", &url);
        self.until("window.seen && seen.backend === 'tokio' && seen.number > 1");
    }

    /// Presses a key of the keyboard.
    fn press(&mut self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        let mut event = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
        self.call("Input.dispatchKeyEvent", &event);
        event["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", &event);
    }

    /// Waits until this is so. The page looks at every frame.
    fn until(&mut self, what: &str) {
        let waiting = format!(
            "new Promise(done => {{ const look = () => ({what}) ? done(true) : setTimeout(look, 20); \
             setTimeout(() => done(false), {}); look(); }})",
            PATIENCE.as_millis()
        );
        if self.evaluate(&waiting) != true {
            let seen = self.evaluate("JSON.stringify(window.seen) + document.body.innerText");
            panic!("not in {PATIENCE:?}: {what}; {seen}");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // What it started ends with it; until then it may write there.
        let _ = self.from.read_to_end(&mut Vec::new());
        let begun = Instant::now();
        while std::fs::remove_dir_all(&self.profile).is_err() && begun.elapsed().as_secs() < 2 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_browser_swaps_and_no_request_fails() {
    let Some(mut browser) = Browser::start("a_browser_swaps_and_no_request_fails") else {
        return;
    };
    let demo = steered("clicked", "tokio");
    browser.open(&demo);
    browser.evaluate("document.getElementById('load').click()");
    browser.until("seen.ok > 20");
    let mut streams = browser.evaluate("seen.streams").as_u64().expect("a number");
    for (number, to) in (1..).zip(["smol", "async-std", "tokio"]) {
        browser.evaluate(&format!(
            "document.querySelector('[data-lens={to}] button').click()"
        ));
        browser.until(&format!(
            "seen.backend === '{to}' && seen.streams > {streams}"
        ));
        streams = browser.evaluate("seen.streams").as_u64().expect("a number");
        browser.until("(window.before ??= seen.ok) + 20 < seen.ok && delete window.before");
        browser.until(&format!(
            "document.querySelector('#swaps tr').innerText.replace(/\\s+/g, ' ').startsWith('{number} ')"
        ));
        browser.until(&format!(
            "document.querySelector('[data-lens={to}]').classList.contains('mounted') \
             && document.querySelector('[data-lens={to}] span').innerText.startsWith('serves, ')"
        ));
    }
    let seen = browser.evaluate("seen");
    assert_eq!(
        (&seen["failed"], &seen["missing"]),
        (&0.into(), &0.into()),
        "{seen}"
    );
    drop(browser);
    demo.stop();
}

/// How much the text of the page stands out from what is behind it, as WCAG 2 counts, and whether it is the darker.
const CONTRAST: &str = "(() => {
    const light = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(part => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const style = getComputedStyle(document.body);
    const [ink, paper] = [light(style.color), light(style.backgroundColor)];
    return { dark: ink > paper, ratio: (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05) };
})()";

#[test]
fn the_page_is_for_small_screens_for_the_dark_and_for_who_has_a_keyboard() {
    let Some(mut browser) = Browser::start("the_page_is_for_everybody") else {
        return;
    };
    let demo = steered("pressed", "tokio");
    let phone = json!({ "width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": true });
    browser.call("Emulation.setDeviceMetricsOverride", &phone);
    browser.open(&demo);
    browser.until("document.documentElement.scrollWidth <= innerWidth && innerWidth === 360");

    for (scheme, is_dark) in [("dark", true), ("light", false)] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.call("Emulation.setEmulatedMedia", &media);
        let contrast = browser.evaluate(CONTRAST);
        assert_eq!(contrast["dark"], is_dark, "{scheme}: {contrast}");
        assert!(
            contrast["ratio"].as_f64() >= Some(4.5),
            "{scheme}: {contrast}"
        );
    }

    // No mouse: from one thing to the next, to the button, and pressed.
    let smol = "document.activeElement === document.querySelector('[data-lens=smol] button')";
    for step in 0.. {
        assert!(step < 30, "the button is not reached");
        browser.press("Tab", 9);
        if browser.evaluate(smol) == true {
            break;
        }
    }
    let outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert_ne!(outline, "none", "one sees where one is");
    browser.press("Enter", 13);
    browser.until("seen.backend === 'smol'");
    // Said to who does not see it.
    browser.until("document.querySelector('[role=status]').innerText.includes('smol')");
    browser.until("document.documentElement.scrollWidth <= innerWidth");

    // Whatever can be operated or looked at has a name.
    let tree = browser.call("Accessibility.getFullAXTree", &json!({}));
    let nodes = tree["nodes"].as_array().expect("a tree");
    let named = ["button", "link", "textbox", "image", "region"];
    let mut found = 0;
    for node in nodes.iter().filter(|node| node["ignored"] == false) {
        if named.iter().any(|role| node["role"]["value"] == *role) {
            let name = node["name"]["value"].as_str().unwrap_or_default();
            assert!(!name.is_empty(), "{node} has no name");
            found += 1;
        }
    }
    assert!(found >= 6, "only {found} are named");
    drop(browser);
    demo.stop();
}
