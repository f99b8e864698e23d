//! The `bayonet` command.

fn main() {}
