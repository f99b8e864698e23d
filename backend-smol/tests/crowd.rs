//! The books balance whatever random clients do, on real sockets.

#[test]
fn books_balance_whatever_clients_do() {
    http_server_conformance::crowd::run(backend_smol::Server::new, 12).expect("books that balance");
}
