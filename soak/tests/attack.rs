//! Every attack, with fewer clients and for less time, on every runtime: counts alone, as times are the machine's.

use std::process::Command;

fn attacked(backend: &str, attack: &str) {
    let mut soak = Command::new(env!("CARGO_BIN_EXE_bayonet-soak"));
    soak.args([
        "attack",
        "--small",
        "--counts",
        "--backend",
        backend,
        "--only",
        attack,
    ]);
    let output = soak.output().expect("it can be started");
    let out = String::from_utf8(output.stdout).expect("text");
    let err = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{out}{err}");
    assert!(
        out.contains("it came through all of it") && out.contains(" connections accepted = "),
        "{out}{err}"
    );
}

/// A test for each attack on each runtime, named after both.
macro_rules! attacks {
    ($($test:ident = $attack:literal),* $(,)?) => {
        attacks! { @on tokio "tokio" $($test $attack)* }
        attacks! { @on async_std "async-std" $($test $attack)* }
        attacks! { @on smol "smol" $($test $attack)* }
    };
    (@on $module:ident $backend:literal $($test:ident $attack:literal)*) => {
        mod $module {
            $(#[test] fn $test() { super::attacked($backend, $attack); })*
        }
    };
}

attacks! {
    slow_clients_of_every_kind = "slow",
    idle_connections = "idle",
    content_without_end = "content",
    fields_by_the_thousand = "fields",
    extensions_without_end = "extensions",
    pipelined_requests = "pipelined",
    resets_at_every_point = "resets",
    half_closes_at_every_point = "half-closes",
    expect_without_content = "expect",
    flood_of_connections = "connections",
    flood_from_one_address = "address",
    flood_in_a_second = "rate",
    flood_of_requests = "requests",
    out_of_descriptors = "descriptors",
    full_buffers = "memory",
    panics = "panics",
}
