//! Applications are exchanged while connections come: none that waits holds on to one that is gone.

#![allow(clippy::unwrap_used, reason = "a test that fails where it stands")]

use std::net::TcpStream;
use std::time::{Duration, Instant};

use http_server_trait::{App, Drain, HttpServer, Request, block_on};

/// How often, and how many connections come meanwhile.
const TIMES: u32 = 100;
const CONNECTIONS: u32 = 20;

fn app() -> App {
    let mut app = App::new();
    app.handler(|request: Request| async move { request.conn().generation().to_string() });
    app
}

/// A connection is made for the application of that moment, and enters the table a moment later: if another one took
/// its place in between, nobody has asked it to let go.
#[test]
fn a_connection_that_comes_while_the_application_goes_lets_go_of_it() {
    let mut server = backend_smol::Server::new();
    server.handler(|_: Request| async { "1" });
    let config = server.app_mut().config_mut();
    // One that says nothing does not leave by itself.
    config.head_time = Duration::from_secs(600);
    config.workers = Some(1);
    let handle = block_on(server.listen("127.0.0.1:0")).unwrap();
    let address = handle.address().unwrap();
    for time in 0..TIMES {
        let connect = move || TcpStream::connect(address).unwrap();
        let coming =
            std::thread::spawn(move || -> Vec<_> { (0..CONNECTIONS).map(|_| connect()).collect() });
        block_on(handle.replace_app(app())).unwrap();
        let open = coming.join().unwrap();
        let late = Instant::now() + Duration::from_secs(10);
        while handle.generations().len() > 1 {
            let left = handle.generations();
            assert!(Instant::now() < late, "{time}: {left:?}");
            std::thread::yield_now();
        }
        drop(open);
    }
    block_on(handle.shutdown(Drain::now()));
}
