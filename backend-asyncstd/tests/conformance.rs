//! Every conformance case on this backend: on threads of its own, through `Box<dyn HttpServer>`, and on the
//! runtime around it.

use backend_asyncstd::Server;
use http_server_conformance::Suite;

fn main() {
    Suite::new()
        .backend("async-std", Server::new)
        .boxed("async-std-boxed", Server::new)
        .backend("async-std-current", Server::current)
        .run();
}
