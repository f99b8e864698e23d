//! Uploads that are refused before they are sent: a middleware sees the head when the content has not come.
//!
//! A client that asks with `Expect: 100-continue` never sends what is refused; one that does not ask has its
//! content read and dropped, or is closed if that is much.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 02_early_reject
//! $ head -c 2000000 /dev/zero > large
//! $ curl -i -T large http://127.0.0.1:1666/                              # 401: no key
//! $ curl -i -T large -H 'x-key: open sesame' http://127.0.0.1:1666/      # 413: over 1 MiB
//! $ curl -i -d small -H 'x-key: open sesame' http://127.0.0.1:1666/      # 200
//! ```

use bayonet::http::StatusCode;
use bayonet::{BodyError, BoxError, Flow, Head, HttpServer, Request, Response, block_on};

const LIMIT: u64 = 1 << 20;

/// Lets in who has the key, and says how much may be sent.
async fn guard(mut head: Head) -> Flow<Head> {
    if head.field("x-key") != Some("open sesame") {
        let answer = Response::text("where is the key?\n")
            .with_status(StatusCode::UNAUTHORIZED)
            .with_field("www-authenticate", "Key");
        return Flow::Reply(answer);
    }
    // What declares more is refused at once; what has no length is counted as it comes.
    head.set_body_limit(Some(LIMIT));
    Flow::Continue(head)
}

async fn store(mut request: Request) -> Result<String, BodyError> {
    let content = request.bytes().await?;
    Ok(format!("thank you for {} bytes\n", content.len()))
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());

    let mut server = bayonet::server_named(&backend)?;
    server.middleware(guard).handler(store);
    let handle = block_on(server.listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
