use axum::{Router, body::Bytes, routing::any};
#[tokio::main]
async fn main() {
    let app = Router::new().route("/ok", any(|_: Bytes| async { "fine\n" })).route("/echo", any(|content: Bytes| async { content }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8086").await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
