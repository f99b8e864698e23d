//! The `bayonet` command, run as a user runs it.

#[cfg(any(feature = "tokio", feature = "async-std", feature = "smol"))]
mod check;
#[cfg(all(feature = "tokio", feature = "async-std", feature = "smol"))]
mod control;
#[cfg(any(feature = "tokio", feature = "async-std", feature = "smol"))]
mod demo;
#[cfg(any(feature = "tokio", feature = "async-std", feature = "smol"))]
mod naive;
#[cfg(all(feature = "tokio", feature = "async-std", feature = "smol"))]
mod page;
#[cfg(any(feature = "tokio", feature = "async-std", feature = "smol"))]
mod support;
#[cfg(any(feature = "tokio", feature = "async-std", feature = "smol"))]
mod words;

#[cfg(not(any(feature = "tokio", feature = "async-std", feature = "smol")))]
#[test]
fn without_a_backend_it_says_how_to_get_one() {
    for line in [
        &[][..],
        &["demo"],
        &["backends"],
        &["demo", "--backend", "smol"],
    ] {
        let mut bayonet = std::process::Command::new(env!("CARGO_BIN_EXE_bayonet"));
        let output = bayonet.args(line).output().expect("it can be started");
        let err = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success(), "{line:?}");
        assert!(err.contains("--features smol"), "{line:?}: {err}");
    }
}
