//! What the cases cannot ask of a server that keeps no connection: a client that has sent nothing.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use http_server_trait::{Drain, HttpServer, block_on};
use minimal_backend::Server;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_client_that_has_sent_nothing_holds_no_shutdown_up() {
    let handle = block_on(Server::new().listen("127.0.0.1:0")).expect("a free port");
    let mut client = TcpStream::connect(handle.address().expect("its address")).expect("a way in");
    client.set_read_timeout(Some(LONG)).expect("a timeout");
    while handle.connections() == 0 {
        std::thread::yield_now();
    }
    let report = handle.shutdown(Drain::within(LONG)).wait();
    assert_eq!(client.read(&mut [0]).expect("an end"), 0);
    assert!(report.is_clean() && report.took < LONG, "{report}");
    assert_eq!((report.idle, report.counters.open), (1, 0), "{report}");
}
