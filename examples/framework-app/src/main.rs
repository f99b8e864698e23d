//! Notes, kept in memory: an application of the tiny framework that knows no backend.
//!
//! ```console
//! $ cargo run -p framework-app --no-default-features --features smol
//! $ BACKEND=async-std cargo run -p framework-app --features tokio,async-std,smol
//! $ curl -d 'buy a lens' http://127.0.0.1:1666/notes
//! $ curl http://127.0.0.1:1666/notes/1
//! ```

mod notes;

use bayonet::{BoxError, HttpServer, block_on};

fn main() -> Result<(), BoxError> {
    let mut server = match std::env::var("BACKEND") {
        Ok(name) => bayonet::server_named(&name)?,
        // The only one that is compiled in; of several the error tells the names.
        Err(_) => bayonet::default_server()?,
    };
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());

    notes::install(server.app_mut());
    let handle = block_on(server.listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
