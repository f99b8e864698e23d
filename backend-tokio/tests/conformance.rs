//! Every conformance case on this backend: on threads of its own, through `Box<dyn HttpServer>`, and on the
//! runtime around it.

use std::sync::LazyLock;

use backend_tokio::Server;
use http_server_conformance::Suite;

/// The runtime that a server joins: an ordinary one, with more than one thread.
static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
});

fn current() -> Server {
    let _inside = RUNTIME.enter();
    Server::current()
}

fn main() {
    Suite::new()
        .backend("tokio", Server::new)
        .boxed("tokio-boxed", Server::new)
        .backend("tokio-current", current)
        .run();
}
