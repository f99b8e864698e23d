//! Every case in the simulation: whole, byte by byte, at every cut, in rough weather.

/// What is not played here, and why.
const SKIPPED: &[(&str, &str)] = &[
    (
        "element_arrives_before_the_next_is_made",
        "it blocks a thread, and a simulation has only one",
    ),
    (
        "reader_that_blocks_stalls_nobody",
        "it blocks a thread, and a simulation has only one",
    ),
];

fn main() {
    http_server_conformance::Suite::new()
        .simulator()
        .skips(SKIPPED)
        .run();
}
