//! Every case in the simulation: whole, byte by byte, at every cut, in rough weather.

fn main() {
    http_server_conformance::Suite::new().simulator().run();
}
