//! A server that does most things wrong: it refuses nothing, knows no chunks, and takes whatever looks like a
//! number for a length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Serves `/ok` and `/echo`, until so many connections have come; then nobody listens any more. With none, the
/// first connection is closed without a word, and so are all that follow.
pub(crate) fn serve(connections: Option<usize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let mut left = connections;
        for stream in listener.incoming().flatten() {
            match &mut left {
                Some(0) if connections == Some(0) => continue,
                Some(0) => return,
                Some(left) => *left -= 1,
                None => {}
            }
            // Whoever goes away goes away.
            thread::spawn(move || drop(talk(stream)));
        }
    });
    address
}

fn talk(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut request = Vec::new();
        if reader.read_until(b'\n', &mut request)? == 0 {
            return Ok(());
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let (mut length, mut closes) = (0, false);
        loop {
            let mut line = Vec::new();
            reader.read_until(b'\n', &mut line)?;
            let line = String::from_utf8_lossy(&line).to_lowercase();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0).min(100_000);
            }
            closes |= line.contains("close");
        }
        let mut content = vec![0; length];
        reader.read_exact(&mut content)?;
        let status = if request.contains("/ok") {
            content = b"ok".to_vec();
            "200 OK"
        } else if request.contains("/echo") {
            "200 OK"
        } else {
            content.clear();
            "404 Not Found"
        };
        let length = content.len();
        let mut answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        if !request.starts_with("HEAD") {
            answer.extend_from_slice(&content);
        }
        writer.write_all(&answer)?;
        if closes {
            return Ok(());
        }
    }
}
