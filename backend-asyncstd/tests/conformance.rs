//! Every conformance case on this backend: on threads of its own, through `Box<dyn HttpServer>`, and on the
//! runtime around it.

use backend_asyncstd::Server;
use http_server_conformance::Suite;
use http_server_trait::HttpServer;

fn boxed() -> Box<dyn HttpServer> {
    Box::new(Server::new())
}

fn main() {
    Suite::new()
        .backend("async-std", Server::new)
        .backend("async-std-boxed", boxed)
        .backend("async-std-current", Server::current)
        .run();
}
