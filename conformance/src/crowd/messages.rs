//! What random clients talk to, and what they say.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http_server_trait::{
    App, Body, BodyError, Flow, IntoFlow, Request, Response, Takeover, Upgraded, streamed,
};

use super::Random;

/// An application that does everything that a handler can do, well and badly.
pub(super) fn application(app: &mut App, random: &mut Random, scale: u32) {
    configure(app, random, scale);
    app.on_error(|_| async {});
    let slowly = Duration::from_millis(300) / scale;
    app.handler(streamed(move |mut request: Request| async move {
        match request.path() {
            "/ok" => Response::text("ok").into_flow(),
            "/read" => request.bytes().await.map(Response::text).into_flow(),
            "/slow" => {
                request.exec().sleep(slowly).await;
                Response::text("late").into_flow()
            }
            "/big" => Response::text(vec![b'b'; 100_000]).into_flow(),
            "/pieces" => Response::text(Body::iter((0..20).map(|_| vec![b'p'; 1000]))).into_flow(),
            "/cut" => {
                let pieces = [Ok("first"), Err(BodyError::from_source("cut"))];
                Response::text(Body::try_iter(pieces)).into_flow()
            }
            "/gone" => {
                // Behind what is not read nobody sees the client go, so it does not wait for ever.
                let mut gone = pin!(request.conn().disconnected());
                let mut late = request.exec().sleep(4 * slowly);
                poll_fn(|cx| {
                    let is_gone = gone.as_mut().poll(cx).is_ready();
                    if is_gone || late.as_mut().poll(cx).is_ready() {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
                Response::text("nobody reads this").into_flow()
            }
            "/close" => {
                request.conn().close_after_current_response(None);
                Response::text("last").into_flow()
            }
            "/kill" => {
                request.conn().ask(http_server_trait::backend::Ask::Kill);
                Response::text("never").into_flow()
            }
            "/panic" => std::panic::panic_any(PANIC),
            "/fail" => Flow::Fail("a failure of the crowd".into()),
            "/toy" => Takeover::upgrade("toy", echo).into_flow(),
            "/raw" => Takeover::raw(echo).into_flow(),
            _ => Flow::Continue(request),
        }
    }));
}

/// Limits that some of the clients meet.
fn configure(app: &mut App, random: &mut Random, scale: u32) {
    let config = app.config_mut();
    config.workers = Some(2);
    config.head_time = Duration::from_secs(2) / scale;
    config.idle_time = Duration::from_secs(3) / scale;
    config.body_stall = Duration::from_secs(2) / scale;
    config.write_stall = Duration::from_secs(2) / scale;
    config.linger_time = Duration::from_secs(1) / scale;
    config.body = Some(3000);
    config.connections = random.once_in(4).then_some(3);
    config.in_flight = random.once_in(4).then_some(1);
    config.requests_per_connection = random.once_in(4).then_some(2);
    config.request_time = random.once_in(4).then_some(Duration::from_secs(1) / scale);
    config.memory = random.once_in(4).then_some(100_000);
    config.connection_memory = random.once_in(8).then_some(20_000);
}

async fn echo(mut stream: Upgraded) -> std::io::Result<()> {
    let mut piece = [0; 100];
    loop {
        match stream.read(&mut piece).await? {
            0 => return stream.close().await,
            read => stream.write_all(&piece[..read]).await?,
        }
    }
}

/// What a handler panics with.
pub(super) const PANIC: &str = "a handler of the crowd";

const PATHS: &[&str] = &[
    "/ok", "/ok", "/ok", "/read", "/read", "/slow", "/big", "/pieces", "/cut", "/gone", "/close",
    "/kill", "/panic", "/fail", "/toy", "/raw", "/nothing",
];

/// What is no message, or none that is taken.
const WRONG: &[&str] = &[
    "\0\r\n\r\n",
    "GET /ok HTTP/1.1\r\n\r\n",
    "GET /ok HTTP/3.0\r\nHost: a\r\n\r\n",
    "GET  /ok HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
];

/// A message: mostly a good one.
pub(super) fn message(random: &mut Random) -> Vec<u8> {
    if random.once_in(8) {
        return WRONG[random.below(WRONG.len())].into();
    }
    let path = PATHS[random.below(PATHS.len())];
    let size = random.below(2500);
    let content = "c".repeat(size);
    let version = if random.once_in(10) { "1.0" } else { "1.1" };
    let start = |method: &str| format!("{method} {path} HTTP/{version}\r\nHost: a\r\n");
    let text = match random.below(9) {
        0..3 => format!("{}\r\n", start("GET")),
        3 => format!("{}\r\n", start("HEAD")),
        4 => format!("{}Connection: close\r\n\r\n", start("GET")),
        5 => format!(
            "{}Connection: upgrade\r\nUpgrade: toy\r\n\r\nwords",
            start("GET")
        ),
        6 => format!("{}Content-Length: {size}\r\n\r\n{content}", start("POST")),
        7 => format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             {size:x};a=b\r\n{content}\r\n0\r\nx: y\r\n\r\n"
        ),
        _ => format!(
            "{}Expect: 100-continue\r\nContent-Length: {size}\r\n\r\n{content}",
            start("POST")
        ),
    };
    // A size of nothing would be the last chunk.
    text.replace("\r\n\r\n0;a=b\r\n\r\n", "\r\n\r\n").into()
}
