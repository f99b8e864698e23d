//! Serves what the benches ask for, to be measured by something else: `serve BACKEND PORT WORKERS`, on 127.0.0.1, until
//! it is killed. The answers name their server, as those of others do.

use std::io;
use std::process::ExitCode;

use bayonet_benches::app::app;
use http_server_trait::http::HeaderValue;
use http_server_trait::{HttpServer, block_on};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [backend, port, workers] = &arguments[..] else {
        return Err(io::Error::other("serve BACKEND PORT WORKERS"));
    };
    let mut server: Box<dyn HttpServer> = match backend.as_str() {
        "tokio" => Box::new(backend_tokio::Server::new()),
        "async-std" => Box::new(backend_asyncstd::Server::new()),
        "smol" => Box::new(backend_smol::Server::new()),
        _ => {
            return Err(io::Error::other(
                "the backends are tokio, async-std and smol",
            ));
        }
    };
    let port: u16 = port.parse().map_err(io::Error::other)?;
    *server.app_mut() = app();
    let config = server.app_mut().config_mut();
    config.workers = Some(workers.parse().map_err(io::Error::other)?);
    config.server = Some(HeaderValue::from_static("bayonet"));
    let handle = block_on(server.listen(("127.0.0.1", port))).map_err(io::Error::other)?;
    block_on(handle);
    Ok(())
}
