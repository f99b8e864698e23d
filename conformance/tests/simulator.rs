//! Every case in the simulation: whole, byte by byte, at every cut, in rough weather.

const ONE_THREAD: &str = "it blocks a thread, and a simulation has only one";
const NO_SYSTEM: &str =
    "it is about the sockets of the operating system, and a simulation opens none";

const NO_RUNTIME: &str = "it is about a runtime of its own, and a simulation has none";

/// What is not played here, and why.
const SKIPPED: &[(&str, &str)] = &[
    ("blocking_handlers_stall_nobody", ONE_THREAD),
    ("element_arrives_before_the_next_is_made", ONE_THREAD),
    ("reader_that_blocks_stalls_nobody", ONE_THREAD),
    ("exec_is_of_the_runtime_that_serves", NO_RUNTIME),
    ("needed_runtime_is_there", NO_RUNTIME),
    ("host_name_is_looked_up", NO_SYSTEM),
    ("inherited_descriptor_is_served", NO_SYSTEM),
    ("ipv6_socket_takes_ipv4_too", NO_SYSTEM),
    ("port_is_shared_where_both_want_that", NO_SYSTEM),
    ("replaced_unix_socket_is_left_alone", NO_SYSTEM),
    ("stale_unix_socket_is_replaced", NO_SYSTEM),
    ("std_listener_is_served", NO_SYSTEM),
    ("unix_socket_has_its_mode_and_is_removed", NO_SYSTEM),
];

fn main() {
    http_server_conformance::Suite::new()
        .simulator()
        .skips(SKIPPED)
        .run();
}
