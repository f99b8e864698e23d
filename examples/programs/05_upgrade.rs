//! A protocol of one's own on an HTTP connection: after a 101 the stream is the application's.
//!
//! This one is called `shout`: a line goes in and comes back in capitals, until one says `bye`. Who asks for
//! anything else is told what is spoken here, with 426.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 05_upgrade
//! $ (printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n'; cat) | nc 127.0.0.1 1666
//! ```

use bayonet::{BoxError, HttpServer, Request, Takeover, Upgraded, block_on};

const LONGEST: usize = 1024;

async fn shout(_: Request) -> Takeover {
    Takeover::upgrade("shout", talk)
}

/// What came with the head of the request is read first, as if it had come later.
async fn talk(mut stream: Upgraded) -> Result<(), BoxError> {
    let mut heard = Vec::new();
    let mut piece = [0; LONGEST];
    while heard.len() < LONGEST {
        match stream.read(&mut piece).await? {
            0 => return Ok(stream.close().await?),
            read => heard.extend_from_slice(&piece[..read]),
        }
        while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = heard.drain(..=end).collect();
            if line.trim_ascii() == b"bye" {
                return Ok(stream.close().await?);
            }
            stream.write_all(&line.to_ascii_uppercase()).await?;
        }
    }
    Err("the line has no end".into())
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());

    let mut server = bayonet::server_named(&backend)?;
    let handle = block_on(server.handler(shout).listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
