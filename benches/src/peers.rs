//! Servers of others, on the same routes: hyper, axum and actix-web. Each runs on threads of its own, with one
//! worker, and ends with the process.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

use actix_web::body::{BodySize, MessageBody};
use http_server_trait::BoxError;
use http_server_trait::bytes::Bytes;
use http_server_trait::http::header::CONTENT_TYPE;
use http_server_trait::http::{Method, Request, Response, StatusCode};
use http_server_trait::http_body::{self, Body, Frame};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::app::{self, Chunks};

/// The servers of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// hyper, on one thread's tokio, with answers to pipelined requests flushed together.
    Hyper,
    /// axum, as its documentation starts it, on tokio with one worker thread.
    Axum,
    /// actix-web with one worker.
    Actix,
}

const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";
const JSON: &str = "application/json";

impl Peer {
    /// Its name, in Criterion's and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Hyper => "hyper",
            Peer::Axum => "axum",
            Peer::Actix => "actix-web",
        }
    }

    /// Starts it on a thread, and says where it listens.
    ///
    /// # Errors
    /// If it cannot listen.
    pub(crate) fn start(self) -> io::Result<SocketAddr> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (failed, ended) = mpsc::channel();
        let serve = move || {
            let end = match self {
                Peer::Hyper => serve_hyper(listener),
                Peer::Axum => serve_axum(listener),
                Peer::Actix => serve_actix(listener),
            };
            // Nobody listens any more once it has started.
            let _ = failed.send(end);
        };
        thread::Builder::new()
            .name(self.name().into())
            .spawn(serve)?;
        // The socket listens already. What ends at once has failed.
        match ended.try_recv() {
            Ok(end) => end.map(|()| address),
            Err(_) => Ok(address),
        }
    }
}

fn serve_hyper(listener: std::net::TcpListener) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let mut http = hyper::server::conn::http1::Builder::new();
        http.pipeline_flush(true);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = hyper::service::service_fn(answer);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                // A client that leaves ends it.
                let _ = connection.await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Content>, BoxError> {
    let whole = |bytes: Bytes| Content::Whole(Some(bytes));
    let (kind, content) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/plaintext") => (TEXT, whole(Bytes::from_static(app::HELLO.as_bytes()))),
        (&Method::GET, "/json") => (JSON, whole(app::json().into())),
        (&Method::GET, "/big") => (BINARY, whole(Bytes::from_static(app::BIG))),
        (&Method::GET, "/stream") => (BINARY, Content::Chunks(Chunks::all())),
        (&Method::POST, "/echo") => (BINARY, Content::Echo(request.into_body())),
        _ => (TEXT, whole(Bytes::new())),
    };
    Ok(Response::builder()
        .status(StatusCode::OK)
        .header(CONTENT_TYPE, kind)
        .body(content)?)
}

/// What hyper answers with.
enum Content {
    Whole(Option<Bytes>),
    Chunks(Chunks),
    Echo(Incoming),
}

impl Body for Content {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(Frame::data).map(Ok)),
            Content::Chunks(chunks) => Pin::new(chunks)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            Content::Echo(incoming) => Pin::new(incoming)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Chunks(_) => false,
            Content::Echo(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Content::Whole(bytes) => http_body::SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            ),
            Content::Chunks(_) => http_body::SizeHint::new(),
            Content::Echo(incoming) => incoming.size_hint(),
        }
    }
}

fn serve_axum(listener: std::net::TcpListener) -> io::Result<()> {
    use axum::body::Body;
    use axum::extract::DefaultBodyLimit;
    use axum::routing::{get, post};
    use axum::serve::ListenerExt;

    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let routes = axum::Router::new()
            .route("/plaintext", get(|| async { app::HELLO }))
            .route(
                "/json",
                get(|| async { ([(CONTENT_TYPE, JSON)], app::json()) }),
            )
            .route("/big", get(|| async { Bytes::from_static(app::BIG) }))
            .route("/stream", get(|| async { Body::new(Chunks::all()) }))
            .route("/echo", post(|content: Bytes| async { content }))
            .layer(DefaultBodyLimit::disable());
        let listener = TcpListener::from_std(listener)?.tap_io(|stream| {
            // Without it small answers wait; the others have it.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).await
    })
}

fn serve_actix(listener: std::net::TcpListener) -> io::Result<()> {
    use actix_web::{App, HttpResponse, HttpServer, web};

    let text = || HttpResponse::Ok().content_type(TEXT).body(app::HELLO);
    let json = || HttpResponse::Ok().content_type(JSON).body(app::json());
    let big = || HttpResponse::Ok().body(Bytes::from_static(app::BIG));
    let stream = || HttpResponse::Ok().body(Stream(Chunks::all()));
    let routes = move || {
        App::new()
            .app_data(web::PayloadConfig::new(usize::MAX))
            .route("/plaintext", web::get().to(move || async move { text() }))
            .route("/json", web::get().to(move || async move { json() }))
            .route("/big", web::get().to(move || async move { big() }))
            .route("/stream", web::get().to(move || async move { stream() }))
            .route(
                "/echo",
                web::post().to(|content: web::Bytes| async { HttpResponse::Ok().body(content) }),
            )
    };
    let server = HttpServer::new(routes)
        .workers(1)
        // Without it the end of a stream waits for 40 ms; the others have it.
        .tcp_nodelay(true)
        .disable_signals()
        .listen(listener)?;
    actix_web::rt::System::new().block_on(server.run())
}

/// The stream as actix-web takes it.
struct Stream(Chunks);

impl MessageBody for Stream {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx).map(|frame| {
            frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default()))
        })
    }
}
