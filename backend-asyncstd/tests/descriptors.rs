//! Out of descriptors, and what is left behind, in a process of its own.

fn main() {
    http_server_conformance::descriptors::run(backend_asyncstd::Server::new);
}
