//! Answers that a client has already are not sent again: a wrapper adds `ETag`, and answers 304 to who says
//! that tag in `If-None-Match`. Around a whole site, with fields that every answer is to have.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 09_not_modified
//! $ curl -i http://127.0.0.1:1666/
//! $ curl -i -H 'If-None-Match: "the tag"' http://127.0.0.1:1666/
//! ```

use std::hash::{DefaultHasher, Hash, Hasher};

use bayonet::http::header::{ETAG, IF_NONE_MATCH};
use bayonet::http::{Method, StatusCode};
use bayonet::{BoxError, Chain, Flow, HttpServer, Next, Request, Response, around, block_on};

async fn not_modified(request: Request, next: Next) -> Flow<Request> {
    let safe = [Method::GET, Method::HEAD].contains(request.method());
    let known = request
        .field_joined(IF_NONE_MATCH.as_str())
        .unwrap_or_default();
    next.run(request)
        .await
        .map_reply(|answer| match tag(&answer) {
            Some(tag) if safe && is_listed(&tag, &known) => {
                Response::new(StatusCode::NOT_MODIFIED).with_field(ETAG, tag)
            }
            Some(tag) => answer.with_field(ETAG, tag),
            None => answer,
        })
}

/// A tag for content that is in memory. What comes piece by piece has none.
fn tag(answer: &Response) -> Option<String> {
    let content = answer
        .body()
        .as_bytes()
        .filter(|_| answer.status() == StatusCode::OK)?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    Some(format!("\"{:016x}\"", hasher.finish()))
}

/// RFC 9110, 13.1.2: compared weakly, and `*` is any.
fn is_listed(tag: &str, known: &str) -> bool {
    let mut known = known
        .split(',')
        .map(|known| known.trim().trim_start_matches("W/"));
    known.any(|known| known == tag || known == "*")
}

async fn common_fields(request: Request, next: Next) -> Flow<Request> {
    let flow = next.run(request).await;
    flow.map_reply(|answer| {
        answer
            .with_field("x-content-type-options", "nosniff")
            .with_field("cache-control", "no-cache")
    })
}

async fn home(request: Request) -> Flow<Request> {
    match request.path() {
        "/" => Flow::Reply(Response::html(
            "<!doctype html><title>Home</title><h1>Home</h1>",
        )),
        _ => Flow::Continue(request),
    }
}

async fn missing(_: Request) -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "there is nothing here\n")
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());

    let site = Chain::new().then(home).then(missing);
    let mut server = bayonet::server_named(&backend)?;
    server.handler(around(around(site, not_modified), common_fields));
    let handle = block_on(server.listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
