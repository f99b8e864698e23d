//! Swaps, other applications, trials, ends and clients that misbehave, all at moments that a seed chooses: every
//! request has exactly one complete answer, of exactly one application, or the close that the protocol allows.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use http_server_engine::testkit::{Client, Sim, SimServer, Weather};
use http_server_trait::{
    App, Body, BodyError, Completed, Drain, Head, HttpServer, Outcome, Request, Response,
    ServerHandle, streamed,
};

/// What the applications have noted.
#[derive(Default)]
struct Book {
    /// For each request, by its path: which application's `after` was told, and how it ended.
    told: BTreeMap<String, Vec<(u64, Outcome)>>,
    /// How it ended, as its handler was told that waited for it.
    ended: BTreeMap<String, Vec<Outcome>>,
    /// Which application's handler has had it.
    begun: BTreeMap<String, Vec<u64>>,
    started: Vec<u64>,
    stopped: Vec<u64>,
}

type Shared = Arc<Mutex<Book>>;

struct Number(u64);

/// What only the handler of an application holds.
struct Held;

/// An application that answers its number four times over, and the path.
fn numbered(number: u64, book: &Shared, held: Arc<Held>) -> App {
    let mut app = App::new();
    let config = app.config_mut();
    config.date = false;
    let long = Duration::from_secs(1_000_000);
    (config.head_time, config.idle_time) = (long, long);
    (config.body_stall, config.write_stall) = (long, long);
    app.state(Number(number));
    let noted = Arc::clone(book);
    app.on_start(move |_| {
        noted.lock().unwrap().started.push(number);
        async {}
    });
    let noted = Arc::clone(book);
    app.on_stop(move |_| {
        noted.lock().unwrap().stopped.push(number);
        async {}
    });
    // Without middleware a request goes another way.
    if number % 2 == 0 {
        app.middleware(move |mut head: Head| async move {
            head.extensions_mut().insert(Arc::new(Number(number)));
            head
        });
    }
    let noted = Arc::clone(book);
    app.handler(streamed(move |request: Request| {
        let _held = Arc::clone(&held);
        let path = request.path().to_owned();
        let mut book = noted.lock().unwrap();
        book.begun.entry(path.clone()).or_default().push(number);
        let (outcome, noted) = (request.outcome(), Arc::clone(&noted));
        drop(request.exec().spawn(async move {
            let outcome = outcome.await;
            let mut book = noted.lock().unwrap();
            book.ended.entry(path).or_default().push(outcome);
        }));
        answer(request, number)
    }));
    let noted = Arc::clone(book);
    app.after(move |done: Arc<Completed>| {
        let mut book = noted.lock().unwrap();
        let told = book.told.entry(done.request.path().to_owned()).or_default();
        told.push((number, done.outcome));
        async {}
    });
    app
}

async fn answer(mut request: Request, number: u64) -> Result<Response, BodyError> {
    let seen = request
        .extensions()
        .get::<Arc<Number>>()
        .map_or(number, |seen| seen.0);
    let (exec, path) = (request.exec().clone(), request.path().to_owned());
    let known = request.conn().generation();
    request.bytes().await?;
    let shared = request.state::<Number>().map_or(0, |shared| shared.0);
    let (first, last) = (
        format!("{seen} {number} "),
        format!("{shared} {known} {path}"),
    );
    if path.starts_with("/slow") {
        exec.sleep(Duration::from_millis(700)).await;
    }
    if !path.starts_with("/pieces") {
        return Ok(Response::text(first + &last));
    }
    let (mut sender, body) = Body::channel();
    drop(exec.clone().spawn(async move {
        sender.send(first).await?;
        exec.sleep(Duration::from_millis(300)).await;
        sender.send(last).await?;
        sender.finish();
        Ok::<_, BodyError>(())
    }));
    Ok(Response::text(body))
}

/// A client that pipelines, and what it has sent and got.
struct Caller {
    client: Client,
    number: usize,
    /// The paths of the requests that were sent whole.
    sent: Vec<String>,
    left: Vec<u8>,
    next: Option<String>,
    got: Vec<u8>,
    /// Whether it has done something that no answer is owed for.
    misbehaved: bool,
    ended: bool,
}

impl Caller {
    fn new(client: Client, number: usize) -> Self {
        Caller {
            client,
            number,
            sent: Vec::new(),
            left: Vec::new(),
            next: None,
            got: Vec::new(),
            misbehaved: false,
            ended: false,
        }
    }

    fn send(&mut self, sim: &Sim) {
        if self.misbehaved || self.ended {
            return;
        }
        if self.left.is_empty() {
            let kind = ["/plain", "/slow", "/pieces", "/post"][sim.random(4)];
            let path = format!("{kind}/{}/{}", self.number, self.sent.len());
            let rest = match kind {
                "/post" => "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                _ => "\r\n",
            };
            let method = if kind == "/post" { "POST" } else { "GET" };
            self.left = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{rest}").into_bytes();
            self.next = Some(path);
        }
        let most = self.left.len().min(1 + sim.random(60));
        let sent = self.client.send(&self.left[..most]);
        self.left.drain(..sent);
        if self.left.is_empty() {
            self.sent.extend(self.next.take());
        }
    }

    fn receive(&mut self) {
        self.got.extend(self.client.receive());
    }

    /// The contents of the complete answers, and whether something is left that is none.
    fn answers(&self) -> (Vec<String>, bool) {
        let mut rest = &self.got[..];
        let mut answers = Vec::new();
        while let Some((answer, after)) = one_answer(rest) {
            answers.push(answer);
            rest = after;
        }
        (answers, !rest.is_empty())
    }
}

/// The content of the first answer, and what follows.
fn one_answer(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let mut rest = &bytes[end..];
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length {
        let length: usize = length.parse().unwrap();
        let content = rest.get(..length)?;
        return Some((
            String::from_utf8(content.to_vec()).unwrap(),
            &rest[length..],
        ));
    }
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let mut content = String::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = rest.get(line + 2..line + 2 + size)?;
        content.push_str(std::str::from_utf8(chunk).unwrap());
        rest = rest[line + 2 + size..].strip_prefix(b"\r\n")?;
        if size == 0 {
            return Some((content, rest));
        }
    }
}

/// Everything of one seed.
struct World {
    sim: Sim,
    handles: Vec<ServerHandle>,
    callers: Vec<Caller>,
    book: Shared,
    held: BTreeMap<u64, Weak<Held>>,
    /// The last number that an application was given.
    last: u64,
    drained: Option<Drain>,
    done: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    swaps: u64,
    replaced: u64,
    tried: u64,
    decided: u64,
    faults: u64,
    drains: u64,
    cut: u64,
    answers: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let sim = Sim::new(seed);
        let room = [3, 50, 64 * 1024][sim.random(3)];
        let mut weather = Weather::default();
        weather.rough = sim.random(2) == 0;
        weather.room = room;
        sim.network().set_weather(weather);
        let book = Shared::default();
        let held = Arc::new(Held);
        let first = BTreeMap::from([(1, Arc::downgrade(&held))]);
        let mut server = SimServer::new(&sim);
        *server.app_mut() = numbered(1, &book, held);
        let handle = sim.block_on(server.listen("127.0.0.1:80")).unwrap();
        World {
            sim,
            handles: vec![handle],
            callers: Vec::new(),
            book,
            held: first,
            last: 1,
            drained: None,
            done: Counts::default(),
        }
    }

    fn now(&self) -> &ServerHandle {
        self.handles.last().unwrap()
    }

    fn app(&mut self) -> App {
        self.last += 1;
        let held = Arc::new(Held);
        self.held.insert(self.last, Arc::downgrade(&held));
        numbered(self.last, &self.book, held)
    }

    fn call(&mut self) {
        if let Some(client) = self.sim.connect(&self.now().addresses()[0].clone()) {
            let number = self.callers.len();
            self.callers.push(Caller::new(client, number));
        } else {
            assert!(self.drained.is_some(), "nobody is refused while it serves");
        }
    }

    /// Something happens.
    fn step(&mut self) {
        let dice = self.sim.random(100);
        let which = self.sim.random(self.callers.len().max(1));
        match dice {
            _ if self.callers.is_empty() => self.call(),
            0..40 => self.callers[which].send(&self.sim),
            40..65 => self.callers[which].receive(),
            65..75 => self.sim.run(),
            75..84 => drop(self.sim.step(Duration::from_millis(100))),
            84..86 if self.callers.len() < 6 => self.call(),
            86 => self.misbehave(which),
            87..90 => self.swap(),
            90..92 => self.replace(None),
            92..94 => self.replace(Some(self.sim.random(101))),
            94 => self.decide(),
            95 if self.sim.random(8) == 0 => self.drain(),
            _ => {}
        }
    }

    fn misbehave(&mut self, which: usize) {
        self.done.faults += 1;
        let caller = &mut self.callers[which];
        if self.sim.random(2) == 0 {
            caller.client.reset();
            caller.misbehaved = true;
        } else if caller.left.is_empty() {
            // It sends nothing more, and is owed its answers all the same.
            caller.client.end();
            caller.ended = true;
        }
    }

    fn swap(&mut self) {
        let mut successor = SimServer::new(&self.sim);
        let moving = self.now().clone();
        let moved = self.sim.block_on(moving.handover(&mut successor));
        assert_eq!(moved.is_err(), self.drained.is_some());
        if let Ok(new) = moved {
            self.done.swaps += 1;
            self.handles.push(new);
        }
    }

    fn replace(&mut self, share: Option<usize>) {
        let (handle, app) = (self.now().clone(), self.app());
        let number = self.last;
        let given = self.sim.block_on(async move {
            match share {
                None => handle.replace_app(app).await,
                Some(share) => handle.canary(app, u8::try_from(share).unwrap()).await,
            }
        });
        match given {
            Ok(given) => {
                assert_eq!(given, number);
                match share {
                    None => self.done.replaced += 1,
                    Some(_) => self.done.tried += 1,
                }
            }
            Err(error) => {
                assert!(self.drained.is_some(), "{error}");
                // It was never given that number.
                self.held.remove(&number);
                self.last -= 1;
            }
        }
    }

    fn decide(&mut self) {
        let handle = self.now();
        let decided = match self.sim.random(2) {
            0 => handle.promote(),
            _ => handle.rollback(),
        };
        self.done.decided += u64::from(decided.is_ok());
    }

    fn drain(&mut self) {
        let drain = match self.sim.random(3) {
            0 => Drain::now(),
            1 => Drain::within(Duration::from_millis(500)),
            _ => Drain::within(Duration::from_secs(1000)),
        };
        let drain =
            drain.after(Duration::from_millis(200) * u32::try_from(self.sim.random(2)).unwrap());
        self.now().shutdown(drain);
        self.done.drains += 1;
        self.drained.get_or_insert(drain);
    }

    /// Everybody sends the rest of what they have begun, and takes what comes.
    fn finish(&mut self) {
        let mut still = 0;
        for _ in 0..20_000 {
            let mut quiet = true;
            for caller in &mut self.callers {
                while !caller.left.is_empty() && !caller.misbehaved && !caller.ended {
                    let before = caller.left.len();
                    caller.send(&self.sim);
                    if caller.left.len() == before {
                        break;
                    }
                    quiet = false;
                }
                let had = caller.got.len();
                caller.receive();
                quiet &= caller.got.len() == had;
                if caller.client.is_ended() || caller.client.is_reset() {
                    caller.left.clear();
                }
            }
            self.sim.run();
            still = if quiet { still + 1 } else { 0 };
            // Longer than any handler takes.
            if still > 30 {
                return;
            }
            if quiet {
                self.sim.step(Duration::from_millis(100));
            }
        }
        panic!("it does not come to rest");
    }

    /// Whether something may have been cut.
    fn cuts(&self) -> bool {
        self.drained.is_some()
    }

    fn judge(&mut self, seed: u64) {
        self.finish();
        let book = Arc::clone(&self.book);
        for caller in &self.callers {
            let (answers, left) = caller.answers();
            let about = format!("seed {seed}, caller {}", caller.number);
            assert!(
                answers.len() <= caller.sent.len() + 1,
                "{about}: too many answers"
            );
            for (place, answer) in answers.iter().enumerate() {
                let words: Vec<_> = answer.split(' ').collect();
                assert_eq!(words.len(), 5, "{about}: {answer}");
                assert!(
                    words[..4].iter().all(|word| *word == words[0]),
                    "{about}: {answer}"
                );
                assert_eq!(words[4], caller.sent[place], "{about}: in order");
                let number: u64 = words[0].parse().unwrap();
                let book = book.lock().unwrap();
                assert_eq!(book.begun[words[4]], [number], "{about}: {answer}");
                let told = &book.told[words[4]];
                assert!(
                    matches!(told[..], [(told, _)] if told == number),
                    "{about}: {told:?}"
                );
            }
            self.done.answers += answers.len() as u64;
            if caller.misbehaved {
                continue;
            }
            let all = answers.len() == caller.sent.len() && !left;
            self.done.cut += u64::from(!all);
            assert!(
                all || self.cuts(),
                "{about}: {} of {}, {:?}, half-closed: {}, over: {} {}",
                answers.len(),
                caller.sent.len(),
                caller.sent,
                caller.ended,
                caller.client.is_ended(),
                caller.client.is_reset(),
            );
            if left {
                assert!(
                    caller.client.is_reset() || caller.client.is_ended(),
                    "{about}: in the middle"
                );
            }
            let is_open = !caller.client.is_ended() && !caller.client.is_reset();
            assert!(
                is_open || caller.ended || self.cuts(),
                "{about}: closed without a reason"
            );
        }
    }

    /// Ends the last server, and looks at the books of all, and at what the applications have noted.
    fn end(mut self, seed: u64) -> Counts {
        self.judge(seed);
        let last = self.now().shutdown(Drain::within(Duration::from_secs(5)));
        self.callers.clear();
        self.sim.block_on(last);
        self.sim.run();
        let mut requests = 0;
        for handle in &self.handles {
            let report = handle.report().unwrap();
            assert!(report.counters.balances(), "seed {seed}: {report}");
            assert_eq!(
                (report.counters.open, report.counters.active),
                (0, 0),
                "seed {seed}"
            );
            requests += report.counters.requests;
        }
        assert_eq!(self.sim.tasks(), 0, "seed {seed}: nothing is left");
        let book = self.book.lock().unwrap();
        let told: usize = book.told.values().map(Vec::len).sum();
        assert_eq!(
            told as u64, requests,
            "seed {seed}: each request is told of once"
        );
        for path in book.begun.keys() {
            let told: Vec<_> = book.told[path]
                .iter()
                .map(|(_, outcome)| *outcome)
                .collect();
            assert_eq!(
                book.ended.get(path),
                Some(&told),
                "seed {seed}: {path} has one end, which its handler and the books agree on"
            );
        }
        let mut stopped = book.stopped.clone();
        stopped.sort_unstable();
        assert_eq!(
            stopped, book.started,
            "seed {seed}: each that started has stopped, once"
        );
        let alive: Vec<_> = self
            .held
            .iter()
            .filter(|(_, held)| held.strong_count() > 0)
            .collect();
        assert!(alive.is_empty(), "seed {seed}: {alive:?} are not dropped");
        drop(book);
        self.done
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

/// How many seeds there are: in a debug build fewer, so that everybody runs it.
const SEEDS: u64 = if cfg!(debug_assertions) { 500 } else { 5_000 };

#[test]
fn every_request_has_one_answer_of_one_application_whatever_happens() {
    let mut sum = Counts::default();
    let from = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = from.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    let all = seeds.end - seeds.start;
    for seed in seeds {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        let done = world.end(seed);
        sum.swaps += done.swaps;
        sum.replaced += done.replaced;
        sum.tried += done.tried;
        sum.decided += done.decided;
        sum.faults += done.faults;
        sum.drains += done.drains;
        sum.cut += done.cut;
        sum.answers += done.answers;
    }
    println!("{all} seeds: {sum:?}");
    if all == SEEDS {
        // So that this holds something.
        assert!(
            sum.swaps > 4 * all && sum.replaced > 3 * all && sum.tried > 3 * all,
            "{sum:?}"
        );
        assert!(
            sum.decided > all && sum.faults > all && sum.drains > all / 8,
            "{sum:?}"
        );
        assert!(sum.answers > 20 * all && sum.cut > 0, "{sum:?}");
    }
}
