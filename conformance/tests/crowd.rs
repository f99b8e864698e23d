//! The books balance whatever random clients do, in a simulation: thousands of crowds.

#[test]
fn books_balance_at_every_quiet_point() {
    let points = http_server_conformance::crowd::simulate(2000).expect("books that balance");
    // Each crowd has some dozens of them.
    assert!(points > 2000, "only {points} quiet points");
}
