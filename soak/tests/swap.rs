//! The long run, cut short: counts alone, as times are the machine's.

use std::process::Command;

#[test]
fn twenty_swaps_under_load_of_every_kind() {
    let mut soak = Command::new(env!("CARGO_BIN_EXE_bayonet-soak"));
    soak.args([
        "swap", "--counts", "--swaps", "20", "--pause", "50", "--quiet", "0",
    ]);
    soak.args([
        "--rate", "200", "--kept", "40", "--others", "2", "--idle", "500",
    ]);
    let output = soak.output().expect("it can be started");
    let out = String::from_utf8(output.stdout).expect("text");
    let err = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{out}{err}");
    for part in [
        "\n20 swaps: ",
        "40 of 40 clients have kept their connection",
        "\n0 ledgers do not balance",
        "500 idle connections moved in one swap; 500 of them answer",
        "all is right",
    ] {
        assert!(out.contains(part), "{part} in {out}{err}");
    }
}
