//! The smallest server there is: one handler, on whichever backend is named.
//!
//! ```console
//! $ BACKEND=smol cargo run -p bayonet-examples --bin 01_hello
//! $ curl http://127.0.0.1:1666/
//! hello from smol
//! ```

use bayonet::{BoxError, HttpServer, Request, block_on};

async fn hello(request: Request) -> String {
    format!("hello from {}\n", request.conn().backend())
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());

    let mut server = bayonet::server_named(&backend)?;
    let handle = block_on(server.handler(hello).listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
