//! The promises that the signatures make, proved by compiling: everything here that compiles is what
//! users write. What must not compile stands in the docs of `refusals` below, as `compile_fail`.

use std::sync::Arc;

use bytes::Bytes;
use http_server_trait::http::{self, StatusCode};
use http_server_trait::{
    After, App, Body, BodyPlan, BoxError, Capabilities, Chain, Completed, Conn, Exec, Failure,
    Flow, Handler, Head, HttpServer, IntoListen, Listen, ListenError, ListenErrorKind, Middleware,
    Next, Request, Response, ServerHandle, Starting, Stopping, Summary, Takeover, adapt, around,
    async_trait, block_on, blocking, streamed,
};

/// A foreign implementation: three methods are all that is asked for.
#[derive(Default)]
struct Stub(App);

#[async_trait]
impl HttpServer for Stub {
    fn app_mut(&mut self) -> &mut App {
        &mut self.0
    }

    async fn start(&mut self, on: Listen) -> Result<ServerHandle, ListenError> {
        Err(ListenError::new(
            ListenErrorKind::Unsupported,
            format!("{on:?}"),
        ))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all("stub")
    }
}

async fn item(_: Request) -> &'static str {
    "an async fn item"
}

async fn guard(head: Head) -> Head {
    head
}

async fn log(done: Arc<Completed>) {
    drop(done);
}

struct Own;

impl Handler for Own {
    async fn handle(&self, request: Request) -> Flow<Request> {
        Flow::Continue(request)
    }
    fn body_plan(&self, _: &Head) -> BodyPlan {
        BodyPlan::Stream
    }
}

impl Middleware for Own {
    async fn on_head(&self, head: Head) -> Flow<Head> {
        Flow::Continue(head)
    }
}

impl After for Own {
    async fn after(&self, _: Arc<Completed>) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Every way to register, on whatever is a server.
fn register(server: &mut impl HttpServer) {
    let prefix = String::from("captured");
    server
        .handler(item)
        .handler(move |request: Request| {
            let answer = format!("{prefix} {}", request.path());
            async move { answer }
        })
        .handler(Own)
        .handler(Arc::new(Own))
        .handler(streamed(item))
        .handler(blocking(|_: Request| "blocked"))
        .handler(adapt::http(async |request: http::Request<Body>| {
            http::Response::new(request.uri().to_string())
        }))
        .handler(around(item, |request: Request, next: Next| async move {
            next.run(request).await
        }))
        .handler(around(
            Chain::new().then(item).then(Own),
            async |request: Request, next: Next| {
                next.run(request)
                    .await
                    .map_reply(|reply| reply.with_field("x-a", "b"))
            },
        ));
    server
        .middleware(guard)
        .middleware(|head: Head| async { head })
        .middleware(Own);
    server
        .middleware(Arc::new(Own))
        .middleware(async |_: Head| StatusCode::FORBIDDEN);
    server
        .after(log)
        .after(Own)
        .after(Arc::new(Own))
        .after(|_: Arc<Completed>| async {});
    server.after(|_: Arc<Completed>| async { Err::<(), _>("not written") });
    server
        .app_mut()
        .on_error(|_: Arc<Failure>| async {})
        .on_start(|starting: Starting| async move { starting.insert(1_u8) })
        .on_start(|_: Starting| async { Err::<(), BoxError>("no database".into()) })
        .on_stop(|_: Stopping| async {})
        .on_deadline(|late: Summary| async move { format!("{} took too long", late.path()) })
        .state("shared");
}

/// Every natural result of a hook.
fn results(server: &mut impl HttpServer) {
    server
        .handler(|request: Request| async { request })
        .handler(|request: Request| async { Some(request) })
        .handler(|request: Request| async { Ok::<_, std::io::Error>(request) })
        .handler(|request: Request| async { Flow::Continue(request) })
        .handler(|_: Request| async {})
        .handler(|_: Request| async { Ok::<(), BoxError>(()) })
        .handler(|_: Request| async { None::<String> })
        .handler(|_: Request| async { StatusCode::NO_CONTENT })
        .handler(|_: Request| async { String::new() })
        .handler(|_: Request| async { Bytes::new() })
        .handler(|_: Request| async { vec![0_u8] })
        .handler(|_: Request| async { Body::empty() })
        .handler(|_: Request| async { (StatusCode::CREATED, "made") })
        .handler(|_: Request| async { Response::text("text") })
        .handler(|_: Request| async { http::Response::new(Body::empty()) })
        .handler(|_: Request| async { http::Response::new(String::from("text")) })
        .handler(|_: Request| async { Some(Ok::<_, std::io::Error>("nested")) })
        .handler(|_: Request| async { Takeover::raw(|_stream| async {}) });
    server.middleware(|head: Head| async { Ok::<_, BoxError>(head) });
    server.middleware(|head: Head| async move {
        if head.path() == "/" {
            Flow::Continue(head)
        } else {
            Flow::Reply(Response::text("stop"))
        }
    });
    server.middleware(|_: Head| async {
        Takeover::upgrade("echo", |mut stream| async move {
            stream.write_all(b"hello").await
        })
    });
}

#[test]
fn every_way_to_register_works_on_every_form_of_a_server() {
    let mut by_value = Stub::default();
    register(&mut by_value);
    results(&mut by_value);

    let mut boxed: Box<dyn HttpServer> = Box::new(Stub::default());
    register(&mut boxed);
    boxed.handler(item).middleware(guard).after(log);

    let mut by_reference = &mut Stub::default();
    register(&mut by_reference);

    let mut inner = Stub::default();
    let naked: &mut dyn HttpServer = &mut inner;
    naked.app_mut().handler(item);
    let mut naked = naked;
    (&mut naked).handler(item);
    register(&mut naked);
}

#[test]
fn listen_takes_whatever_names_a_place() {
    let error =
        |result: Result<ServerHandle, ListenError>| result.map(drop).expect_err("a stub").kind();
    let mut server = Stub::default();
    block_on(async {
        assert_eq!(
            error(server.listen("127.0.0.1:0").await),
            ListenErrorKind::Unsupported
        );
        assert_eq!(
            error(server.listen(("::1", 0)).await),
            ListenErrorKind::Unsupported
        );
        assert_eq!(
            error(server.listen(["127.0.0.1:0", "unix:/x"]).await),
            ListenErrorKind::Unsupported
        );
        assert_eq!(
            error(server.listen("nowhere").await),
            ListenErrorKind::Address
        );
        let mut boxed: Box<dyn HttpServer> = Box::new(server);
        assert_eq!(
            error(boxed.listen(String::from("127.0.0.1:0")).await),
            ListenErrorKind::Unsupported
        );
        let by_hand = "127.0.0.1:0"
            .into_listen()
            .map(Listen::by_hand)
            .expect("an address");
        assert_eq!(
            error(boxed.start(by_hand).await),
            ListenErrorKind::Unsupported
        );
    });
    assert!(Stub::default().listen_blocking("127.0.0.1:0").is_err());
}

#[test]
fn what_users_hold_may_move_between_threads() {
    fn send<T: Send>() {}
    fn send_sync<T: Send + Sync>() {}
    send::<Box<dyn HttpServer>>();
    send::<http_server_trait::Upgraded>();
    send_sync::<App>();
    send_sync::<Head>();
    send_sync::<Request>();
    send_sync::<Response>();
    send_sync::<Body>();
    send_sync::<Conn>();
    send_sync::<Exec>();
    send_sync::<ServerHandle>();
    send_sync::<Failure>();
    send_sync::<Completed>();
}

#[test]
fn a_request_may_be_borrowed_over_an_await() {
    async fn borrows(request: Request) -> String {
        let path = request.path();
        std::future::ready(()).await;
        format!("{path} {:?}", request.headers().len())
    }
    Stub::default().handler(borrows);
}

#[test]
fn what_is_passed_by_value_is_small() {
    assert_eq!(size_of::<Head>(), size_of::<usize>());
    assert_eq!(size_of::<Response>(), size_of::<usize>());
    assert!(
        size_of::<Request>() <= 9 * size_of::<usize>(),
        "{}",
        size_of::<Request>()
    );
    assert!(
        size_of::<Flow<Request>>() <= 10 * size_of::<usize>(),
        "{}",
        size_of::<Flow<Request>>()
    );
}
