//! An upload of any size that is never in memory: each piece is on the disk before the next is read.
//!
//! The disk is written to where blocking stalls nobody, and a slow disk slows the client down. A file has its
//! name when it is complete; what is cut off in the middle leaves nothing.
//!
//! ```console
//! $ cargo run -p bayonet-examples --bin 03_streamed_upload -- 127.0.0.1:1666 /tmp
//! $ curl -T film.mkv http://127.0.0.1:1666/film.mkv
//! ```

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use bayonet::http::StatusCode;
use bayonet::{BoxError, HttpServer, Request, Response, block_on, streamed};

const LIMIT: u64 = 1 << 30;

/// Where uploads go.
struct Folder(PathBuf);

async fn upload(mut request: Request) -> Result<Response, BoxError> {
    let name = request.path().trim_start_matches('/').to_owned();
    if request.method() != "PUT" || !is_plain(&name) {
        let text = "PUT /a-plain-name\n";
        return Ok(Response::text(text).with_status(StatusCode::BAD_REQUEST));
    }
    let folder = request.state::<Folder>().ok_or("no folder")?;
    let part = Part(folder.0.join(format!(".{name}.{}.part", request.id())));
    let whole = folder.0.join(name);

    let mut file = File::create(&part.0)?;
    let mut bytes = 0;
    while let Some(piece) = request.body_mut().next().await {
        let piece = piece?;
        bytes += piece.len();
        let write = move || file.write_all(&piece).map(|()| file);
        file = request.exec().spawn_blocking(write).await??;
    }
    fs::rename(&part.0, whole)?;
    Ok(Response::text(format!("{bytes} bytes\n")).with_status(StatusCode::CREATED))
}

/// Nothing that means another folder, and nothing hidden.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() < 100 && !name.starts_with('.') && name.bytes().all(plain)
}

/// A file that is gone if it was not renamed: after an error, and when the client has left.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn main() -> Result<(), BoxError> {
    let backend = std::env::var("BACKEND").unwrap_or_else(|_| "tokio".into());
    let place = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:1666".into());
    let folder = std::env::args().nth(2).unwrap_or_else(|| "uploads".into());
    fs::create_dir_all(Path::new(&folder))?;

    let mut server = bayonet::server_named(&backend)?;
    server.app_mut().config_mut().body = Some(LIMIT);
    server.app_mut().state(Folder(folder.into()));
    let handle = block_on(server.handler(streamed(upload)).listen(place))?;
    println!("listening on {}", handle.addresses()[0]);
    handle.wait();
    Ok(())
}
