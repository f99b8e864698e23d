//! The application that every backend serves.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use http_server_trait::bytes::Bytes;
use http_server_trait::http::header::{CONTENT_TYPE, HeaderValue};
use http_server_trait::http::{Method, StatusCode};
use http_server_trait::http_body::{self, Frame};
use http_server_trait::{App, Body, Flow, Request, Response};
use serde::Serialize;

/// What `/plaintext` says.
pub const HELLO: &str = "Hello, World!";
/// How many chunks `/stream` has.
pub const CHUNKS: usize = 64;
/// What each of them is.
pub const CHUNK: &[u8] = &[b'y'; 1024];
/// What `/big` is.
pub const BIG: &[u8] = &[b'x'; 1 << 20];

/// The application, to be served by anything.
pub fn app() -> App {
    let mut app = App::new();
    app.handler(answer);
    app
}

async fn answer(mut request: Request) -> Flow<Request> {
    Flow::Reply(match (request.method(), request.path()) {
        (&Method::GET, "/plaintext") => Response::text(HELLO),
        (&Method::GET, "/json") => Response::json(json()),
        (&Method::GET, "/big") => binary(Body::full(BIG)),
        (&Method::GET, "/stream") => binary(Body::stream(Chunks::all())),
        (&Method::POST, "/echo") => binary(request.take_body()),
        (&Method::POST, "/take") => {
            let taken = request.bytes().await.map_or(0, |bytes| bytes.len());
            Response::text(taken.to_string())
        }
        (&Method::GET, path) if path.starts_with("/bytes/") => match path[7..].parse() {
            Ok(count) => binary(Body::full(bytes(count))),
            Err(_) => return Flow::Continue(request),
        },
        _ => return Flow::Continue(request),
    })
}

/// What `/bytes/` and a number is. It is made once; a server is asked for one size alone.
pub fn bytes(count: usize) -> Bytes {
    static MADE: OnceLock<Bytes> = OnceLock::new();
    let made = MADE.get_or_init(|| Bytes::from(vec![b'x'; count]));
    if count <= made.len() {
        made.slice(..count)
    } else {
        Bytes::from(vec![b'x'; count])
    }
}

/// The content of `/json`, serialised anew for each request.
pub fn json() -> Vec<u8> {
    #[derive(Serialize)]
    struct Message {
        message: &'static str,
    }
    serde_json::to_vec(&Message { message: HELLO }).unwrap_or_default()
}

fn binary(body: Body) -> Response {
    const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");
    Response::new(StatusCode::OK)
        .with_field(CONTENT_TYPE, BINARY)
        .with_body(body)
}

/// Content whose length is not known before, in pieces that are always there.
#[derive(Debug)]
pub struct Chunks {
    left: usize,
}

impl Chunks {
    /// All of `/stream`.
    pub fn all() -> Self {
        Chunks { left: CHUNKS }
    }
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(CHUNK)))))
    }
}
