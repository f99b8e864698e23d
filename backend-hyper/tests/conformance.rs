//! Every conformance case on this backend: with a runtime of its own, through `Box<dyn HttpServer>`, and on the
//! runtime around it.

use std::sync::LazyLock;

use backend_hyper::Server;
use http_server_conformance::Suite;
use http_server_trait::Feature;

mod known;

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
        // hyper lacks some of each of these. What it lacks shows case by case.
        .tries(&[Feature::StrictParsing, Feature::Limits, Feature::Trailers])
        .lacks(&[
            Feature::EarlyHints,
            Feature::NativeRuntime,
            Feature::Handover,
            Feature::Generations,
            Feature::ConnectionTable,
        ])
        .fails(known::FAILS)
        .boxed("hyper", Server::new)
        .backend("hyper-current", current)
        .run();
}
