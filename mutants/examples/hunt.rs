//! Which cases kill which mutants: `cargo run -p bayonet-mutants --example hunt [part of a name]`. For who adds one.

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    bayonet_mutants::play::hunt(&part);
}
