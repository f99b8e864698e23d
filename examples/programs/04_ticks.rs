//! Server-sent events: a task produces them, `Body::channel` carries them, a browser shows them.
//!
//! A client that comes back says what it saw last (`Last-Event-ID`), and the count goes on from there. One
//! that does not read is waited for: nothing piles up. One that has left ends the task.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 04_ticks
//! $ curl -N http://127.0.0.1:1666/ticks        # or open http://127.0.0.1:1666/ in a browser
//! ```

use std::time::Duration;

use bayonet::http::header::CACHE_CONTROL;
use bayonet::{
    Body, BodyError, BodySender, BoxError, Exec, HttpServer, Request, Response, block_on,
};

const PAGE: &str = "<!doctype html><title>Ticks</title><h1>Ticks</h1><p id=tick>waiting</p><script>\
    new EventSource('/ticks').onmessage = event => tick.textContent = event.data</script>";

/// How long it is from one tick to the next.
struct Every(Duration);

async fn ticks(request: Request) -> Option<Response> {
    match request.path() {
        "/" => return Some(Response::html(PAGE)),
        "/ticks" => {}
        _ => return None,
    }
    let seen = request
        .field("last-event-id")
        .and_then(|id| id.parse().ok());
    let every = request.state::<Every>()?.0;
    let (sender, body) = Body::channel();
    let exec = request.exec().clone();
    drop(
        request
            .exec()
            .spawn(tick(exec, sender, every, seen.unwrap_or(0))),
    );

    let answer = Response::new(bayonet::http::StatusCode::OK)
        .with_field("content-type", "text/event-stream")
        .with_field(CACHE_CONTROL, "no-cache");
    Some(answer.with_body(body))
}

/// Sends ticks until nobody takes them any more.
async fn tick(exec: Exec, mut to: BodySender, every: Duration, seen: u64) -> Result<(), BodyError> {
    for id in seen.saturating_add(1).. {
        to.send(format!("id: {id}\ndata: tick {id}\n\n")).await?;
        exec.sleep(every).await;
    }
    Ok(())
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());
    let every = std::env::args()
        .nth(2)
        .map_or(Ok(1000), |arg| arg.parse())?;

    let mut server = bayonet::server_named(&backend)?;
    server.app_mut().state(Every(Duration::from_millis(every)));
    let handle = block_on(server.handler(ticks).listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
