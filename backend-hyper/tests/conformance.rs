//! Every conformance case on this backend.

use backend_hyper::Server;
use http_server_conformance::Suite;

fn main() {
    Suite::new().backend("hyper", Server::new).run();
}
