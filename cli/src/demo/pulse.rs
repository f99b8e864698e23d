//! What the page shows as it happens: a stream of events, four times a second.
//!
//! Each beat has a number. Who comes back says the last one that it has seen, and gets what it has missed. So a
//! stream can end at a swap, politely, and go on from the server that has taken over: it leaves no gap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bayonet::bytes::Bytes;
use bayonet::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use bayonet::http::{HeaderValue, StatusCode};
use bayonet::{App, Body, BodySender, Completed, Request, Response};
use serde::Serialize;

use super::meter::Meter;
use super::mount::{Mount, Status};
use crate::backends::ALL;

const BEAT: Duration = Duration::from_millis(250);
/// Beats that are kept: a minute. So long it goes on when nobody looks.
const KEPT: usize = 240;
/// Where it is told whatever has not changed: once a second.
const STATUS: u64 = 4;
/// So many may look at a time.
const MOST: usize = 64;
/// How soon a browser comes back, in milliseconds.
const RETRY: u32 = 100;
/// Where the stream is.
pub(crate) const PATH: &str = "/events";

/// Measures the demo, and tells who looks.
pub(crate) struct Pulse {
    meter: Meter,
    mount: OnceLock<Arc<Mount>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: bool,
    number: u64,
    kept: VecDeque<(u64, Bytes)>,
    lookers: Vec<Looker>,
}

/// Somebody with an open stream, on the server of this swap.
struct Looker {
    sender: BodySender,
    swapped: u64,
}

#[derive(Serialize)]
struct Beat {
    n: u64,
    backend: &'static str,
    swapped: u64,
    /// Requests, by backend, in the order of [`ALL`].
    done: [u32; ALL.len()],
    /// Connections, by backend.
    held: [u64; ALL.len()],
    half: f64,
    most: f64,
}

impl Pulse {
    /// Measures the requests of this application.
    pub(crate) fn of(app: &mut App) -> Arc<Self> {
        let pulse = Arc::new(Pulse {
            meter: Meter::new(),
            mount: OnceLock::new(),
            state: Mutex::default(),
        });
        let there = Arc::clone(&pulse);
        app.after(move |done: Arc<Completed>| {
            // A stream of events takes as long as somebody looks.
            if done.path() != PATH {
                if let Some(conn) = done.conn() {
                    there.meter.count(conn.backend(), done.duration());
                }
            }
            async {}
        });
        pulse
    }

    /// The demo runs on this.
    pub(crate) fn set_mount(&self, mount: &Arc<Mount>) {
        let _ = self.mount.set(Arc::clone(mount));
    }

    pub(crate) fn mount(&self) -> Option<&Arc<Mount>> {
        self.mount.get()
    }

    /// Answers `GET /events`.
    pub(crate) fn stream(self: &Arc<Self>, request: &Request) -> Response {
        let Some(mount) = self.mount.get() else {
            return busy("the demo is just starting");
        };
        let status = mount.status();
        let seen = request.field("last-event-id").or_else(|| {
            let query = request.query()?;
            query.strip_prefix("after=")
        });
        let seen = seen.and_then(|seen| seen.parse().ok());
        let mut state = self.lock();
        if state.lookers.len() >= MOST {
            return busy("many are looking already");
        }
        let (mut sender, body) = Body::channel();
        let mut first = format!("retry: {RETRY}\n\n{}", event("status", &status)).into_bytes();
        state
            .missed(seen)
            .for_each(|beat| first.extend_from_slice(beat));
        // An empty channel takes anything.
        let _ = sender.try_send(first);
        let here = request.conn().backend() == status.backend;
        state.lookers.push(Looker {
            sender,
            swapped: if here { status.swapped } else { u64::MAX },
        });
        if !state.running {
            state.running = true;
            state.kept.clear();
            let there = Arc::clone(self);
            let beating = thread::Builder::new().name("bayonet-pulse".into());
            if beating.spawn(move || there.beat()).is_err() {
                state.running = false;
                state.lookers.clear();
                return busy("no thread is to be had");
            }
        }
        Response::new(StatusCode::OK)
            .with_field(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))
            .with_field(CACHE_CONTROL, HeaderValue::from_static("no-store"))
            .with_body(body)
    }

    /// Measures and tells until the demo ends, or nobody has looked for a while.
    fn beat(&self) {
        let Some(mount) = self.mount.get() else {
            return;
        };
        // What was counted while nobody looked is not of this moment.
        self.meter.read();
        let mut swapped = mount.status().swapped;
        let mut next = Instant::now() + BEAT;
        let mut alone = 0;
        loop {
            let changed = mount.watch(swapped, next);
            let status = mount.status();
            swapped = status.swapped;
            if changed && status.state == "serving" {
                // At once: streams are all that keeps the old server.
                self.lock().move_on(&status);
                continue;
            }
            let mut state = self.lock();
            let beat = self.measure(&mut state, &status);
            state.tell(&beat, &status);
            if changed {
                state.end();
                return;
            }
            alone = if state.lookers.is_empty() {
                alone + 1
            } else {
                0
            };
            if alone > KEPT {
                state.running = false;
                return;
            }
            next += BEAT;
        }
    }

    fn measure(&self, state: &mut State, status: &Status) -> Bytes {
        let reading = self.meter.read();
        state.number += 1;
        let held = |name: &&str| {
            let servers = status.servers.iter();
            let held = servers.filter(|server| server.backend == *name);
            held.map(|server| server.connections).sum()
        };
        let beat = Beat {
            n: state.number,
            backend: status.backend,
            swapped: status.swapped,
            done: reading.done,
            held: ALL.each_ref().map(held),
            half: reading.half,
            most: reading.most,
        };
        let beat = serde_json::to_string(&beat).unwrap_or_default();
        let beat = Bytes::from(format!("id: {}\ndata: {beat}\n\n", state.number));
        state.kept.push_back((state.number, beat.clone()));
        if state.kept.len() > KEPT {
            state.kept.pop_front();
        }
        beat
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The beats after the one that was seen last. A number that is yet to come was another demo's.
    fn missed(&self, seen: Option<u64>) -> impl Iterator<Item = &Bytes> {
        let seen = seen.filter(|seen| *seen <= self.number).unwrap_or(0);
        let kept = self.kept.iter();
        kept.filter(move |(number, _)| *number > seen)
            .map(|(_, beat)| beat)
    }

    fn tell(&mut self, beat: &Bytes, status: &Status) {
        let swapped = status.swapped;
        let status = (self.number % STATUS == 0).then(|| Bytes::from(event("status", status)));
        for mut looker in std::mem::take(&mut self.lookers) {
            if looker.sender.is_closed() {
                continue;
            }
            // Who cannot follow is let go, and comes back for what it has missed; as who has come while the
            // server was swapped away.
            let told = looker.sender.try_send(beat.clone()).is_ok()
                && status
                    .clone()
                    .is_none_or(|status| looker.sender.try_send(status).is_ok());
            if told && looker.swapped == swapped {
                self.lookers.push(looker);
            } else {
                looker.sender.finish();
            }
        }
    }

    /// Ends the streams of servers that were swapped away.
    fn move_on(&mut self, status: &Status) {
        let text = Bytes::from(event("status", status));
        for mut looker in std::mem::take(&mut self.lookers) {
            if looker.swapped == status.swapped {
                self.lookers.push(looker);
                continue;
            }
            let _ = looker.sender.try_send(text.clone());
            looker.sender.finish();
        }
    }

    fn end(&mut self) {
        for mut looker in self.lookers.drain(..) {
            let _ = looker.sender.try_send("event: end\ndata: {}\n\n");
            looker.sender.finish();
        }
    }
}

fn event(name: &str, content: &impl Serialize) -> String {
    let content = serde_json::to_string(content).unwrap_or_default();
    format!("event: {name}\ndata: {content}\n\n")
}

/// `Retry-After` is what a person needs, too.
fn busy(why: &str) -> Response {
    Response::text(format!("503 Service Unavailable: {why}\n"))
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
        .with_field("retry-after", HeaderValue::from_static("1"))
}
