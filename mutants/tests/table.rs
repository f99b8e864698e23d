//! Each mutant is killed by each case that the table names for it, and by none of these is the server as it is.

fn main() {
    bayonet_mutants::play::run();
}
