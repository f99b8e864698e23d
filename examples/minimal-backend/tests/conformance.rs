//! The cases that ask for nothing which this backend leaves out.

use http_server_conformance::{Suite, cases};
use http_server_trait::Feature;
use minimal_backend::{LEFT_OUT, Server};

/// Every case that needs what is left out, with the reason. The suite fails on any other skip.
fn skips() -> Vec<(&'static str, &'static str)> {
    let why = |needs: &[Feature]| LEFT_OUT.iter().find(|(feature, _)| needs.contains(feature));
    cases::all()
        .filter_map(|case| Some((case.name, why(case.needs)?.1)))
        .collect()
}

fn main() {
    Suite::new()
        .backend("threads", Server::new)
        .skips(&skips())
        .run();
}
