//! Every conformance case on this backend: on threads of its own, through `Box<dyn HttpServer>`, and on the
//! runtime around it.

use backend_smol::Server;
use http_server_conformance::Suite;

fn main() {
    Suite::new()
        .backend("smol", Server::new)
        .boxed("smol-boxed", Server::new)
        .backend("smol-current", Server::current)
        .run();
}
