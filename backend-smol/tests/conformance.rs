//! Every conformance case on this backend: on threads of its own, through `Box<dyn HttpServer>`, and on the
//! runtime around it.

use backend_smol::Server;
use http_server_conformance::Suite;
use http_server_trait::HttpServer;

fn boxed() -> Box<dyn HttpServer> {
    Box::new(Server::new())
}

fn main() {
    Suite::new()
        .backend("smol", Server::new)
        .backend("smol-boxed", boxed)
        .backend("smol-current", Server::current)
        .run();
}
