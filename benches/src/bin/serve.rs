//! Serves what the benches ask for, to be measured by something else: `serve BACKEND PORT WORKERS`, on 127.0.0.1, until
//! it is killed. The answers name their server, as those of others do.
//!
//! The backends run on threads of their own, so that the process has one more than it has workers; `tokio-current` is the
//! tokio backend on a runtime in the only thread that there is, as most servers are that are measured beside it. A process
//! of one thread finds the files that it has open with less work.

use std::io;
use std::process::ExitCode;

use bayonet_benches::app::app;
use http_server_trait::http::HeaderValue;
use http_server_trait::{HttpServer, block_on};
use tokio::runtime::Builder;

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
    let port = port.parse().map_err(io::Error::other)?;
    let workers = workers.parse().map_err(io::Error::other)?;
    let server: Box<dyn HttpServer> = match backend.as_str() {
        "tokio" => Box::new(backend_tokio::Server::new()),
        "async-std" => Box::new(backend_asyncstd::Server::new()),
        "smol" => Box::new(backend_smol::Server::new()),
        "tokio-current" => {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            return runtime.block_on(async {
                serve(Box::new(backend_tokio::Server::current()), port, workers).await
            });
        }
        _ => {
            return Err(io::Error::other(
                "the backends are tokio, tokio-current, async-std and smol",
            ));
        }
    };
    block_on(serve(server, port, workers))
}

async fn serve(mut server: Box<dyn HttpServer>, port: u16, workers: usize) -> io::Result<()> {
    *server.app_mut() = app();
    let config = server.app_mut().config_mut();
    config.workers = Some(workers);
    config.server = Some(HeaderValue::from_static("bayonet"));
    let listening = server.listen(("127.0.0.1", port)).await;
    listening.map_err(io::Error::other)?.await;
    Ok(())
}
