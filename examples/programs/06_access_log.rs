//! An access log: `after` is called once for every request, whatever became of it, with what it cost.
//!
//! What goes wrong is another thing, and has a hook of its own: `on_error` is told of it with the request that
//! it happened in.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 06_access_log
//! $ curl -d lens http://127.0.0.1:1666/ http://127.0.0.1:1666/panic
//! 127.0.0.1:41976 "POST / HTTP/1.1" 200 in=4 out=173 0.1 ms
//! 127.0.0.1:41976 "POST /panic HTTP/1.1" 500 in=4 out=196 0.2 ms
//! ```

use std::sync::Arc;

use bayonet::{BoxError, Completed, Failure, HttpServer, Outcome, Request, block_on};

async fn log(done: Arc<Completed>) {
    let peer = done.conn().and_then(bayonet::Conn::peer);
    let peer = peer.map_or_else(|| "-".into(), |peer| peer.to_string());
    let status = done
        .status
        .map_or_else(|| "-".into(), |status| status.as_u16().to_string());
    let milliseconds = done.duration().as_secs_f64() * 1e3;
    let (bytes_in, bytes_out) = (done.bytes_in, done.bytes_out);
    // An answer that was not sent whole looks like any other by its status alone.
    let ending = match done.outcome {
        Outcome::Sent => String::new(),
        other => format!(" {other}"),
    };
    println!(
        "{peer} \"{}\" {status} in={bytes_in} out={bytes_out} {milliseconds:.1} ms{ending}",
        done.request
    );
}

async fn complain(failure: Arc<Failure>) {
    eprintln!("failure: {failure}");
}

async fn handler(request: Request) -> Option<String> {
    match request.path() {
        "/" => Some(format!(
            "you sent {} bytes\n",
            request.body().length().unwrap_or_default()
        )),
        "/panic" => panic!("as you wish"),
        _ => None,
    }
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());

    let mut server = bayonet::server_named(&backend)?;
    server.handler(handler).after(log);
    server.app_mut().on_error(complain);
    let handle = block_on(server.listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
