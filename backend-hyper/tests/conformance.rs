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

/// Cases that need what hyper has not at all.
const SKIPPED: &[(&str, &str)] = &[
    ("early_hints_come_before_the_answer", HINTS),
    ("interim_answers_stay_with_their_request", HINTS),
    ("interim_answer_says_nothing_of_the_connection", HINTS),
];
const HINTS: &str = "hyper's server has no way to send interim answers";

fn current() -> Server {
    let _inside = RUNTIME.enter();
    Server::current()
}

fn main() {
    Suite::new()
        // hyper lacks some of each of these. What it lacks shows case by case.
        .tries(&[Feature::StrictParsing, Feature::Limits, Feature::Trailers])
        .fails(known::FAILS)
        .skips(SKIPPED)
        .boxed("hyper", Server::new)
        .backend("hyper-current", current)
        .run();
}
