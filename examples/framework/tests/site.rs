//! The framework without a server: a request goes in, a decision comes out.

use http_server_trait::http::{self, Method, StatusCode};
use http_server_trait::{
    BodyError, BodyPlan, Flow, Handler, Request, Response, block_on, streamed,
};
use tiny_framework::{Site, param};

async fn greet(request: Request) -> String {
    format!("hello, {}", param(&request, "name").unwrap_or_default())
}

async fn count(mut request: Request) -> Result<String, BodyError> {
    Ok(request.bytes().await?.len().to_string())
}

fn site() -> Site {
    let mut site = Site::new();
    site.get("/", |_: Request| async { "home" })
        .get("/hello/world", |_: Request| async { "the whole world" })
        .get("/hello/:name", greet)
        .post("/count", count)
        .post("/stream", streamed(count))
        .delete("/hello/:name", |_: Request| async {})
        .at(Method::PUT, "/missing", |_: Request| async {
            None::<String>
        });
    site
}

fn request(method: &str, path: &str, content: &'static str) -> Request {
    let request = http::Request::builder().method(method).uri(path);
    request.body(content.to_owned()).expect("a request").into()
}

fn ask(method: &str, path: &str) -> Flow<Request> {
    block_on(site().handle(request(method, path, "four")))
}

fn text(answer: &Response) -> &str {
    std::str::from_utf8(answer.body().as_bytes().expect("in memory")).expect("text")
}

#[test]
fn routes_answer() {
    for (method, path, status, content) in [
        ("GET", "/", 200, "home"),
        ("HEAD", "/", 200, "home"),
        ("GET", "/hello/world", 200, "the whole world"),
        ("GET", "/hello/lens", 200, "hello, lens"),
        ("GET", "/hello/a%20b?c=d", 200, "hello, a b"),
        ("POST", "/count", 200, "4"),
        ("POST", "/stream", 200, "4"),
        ("DELETE", "/hello/lens", 204, ""),
        ("PUT", "/missing", 404, "404 Not Found\n"),
    ] {
        let Flow::Reply(answer) = ask(method, path) else {
            panic!("{method} {path} is not answered");
        };
        assert_eq!(
            (answer.status().as_u16(), text(&answer)),
            (status, content),
            "{method} {path}"
        );
    }
}

#[test]
fn another_method_is_told_which_there_are() {
    for (method, path, allowed) in [
        ("POST", "/", "GET, HEAD"),
        ("GET", "/count", "POST"),
        ("POST", "/hello/lens", "GET, HEAD, DELETE"),
        ("POST", "/hello/world", "GET, HEAD, DELETE"),
    ] {
        let Flow::Reply(answer) = ask(method, path) else {
            panic!("{method} {path} is not answered");
        };
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()["allow"], allowed, "{method} {path}");
    }
}

#[test]
fn what_fits_no_route_is_passed_on() {
    for path in ["/nothing", "/hello/", "/hello/a/b", "/hello/%ff"] {
        let Flow::Continue(request) = ask("GET", path) else {
            panic!("{path} is not passed on");
        };
        assert_eq!(request.path(), path);
    }
}

#[test]
fn a_route_is_streamed_to_if_it_wants_that() {
    for (method, path, plan) in [
        ("POST", "/count", BodyPlan::Collect),
        ("POST", "/stream", BodyPlan::Stream),
        // Refused before its content has come.
        ("POST", "/", BodyPlan::Stream),
        ("POST", "/nothing", BodyPlan::Stream),
    ] {
        let (head, _) = request(method, path, "").into_parts();
        assert_eq!(site().body_plan(&head), plan, "{method} {path}");
    }
}
