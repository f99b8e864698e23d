//! The side of who steers: one request on a connection of its own.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use super::args::Reach;
use super::place::{Place, named_or_set};
use crate::failure::Failure;

/// The environment variable that may hold the token.
const TOKEN: &str = "BAYONET_TOKEN";
/// An answer is shorter than this.
const LONGEST: u64 = 1 << 20;

/// Asks the control of a demo, and gives back what it tells.
///
/// # Errors
/// If nobody answers within this time, or if the answer is a no: with its reason.
pub(super) fn ask(reach: &Reach, request: &str, patience: Duration) -> Result<Value, Failure> {
    let Some(place) = named_or_set(reach.control.as_ref())? else {
        return Err(Failure::new(
            "`--control` is missing: which demo?\n  \
             name the place that `bayonet demo --control PLACE` was given, or set BAYONET_CONTROL",
        ));
    };
    let token = reach.token.clone().or_else(|| std::env::var(TOKEN).ok());
    let token = token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    let authorization = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let message = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\n{authorization}Connection: close\r\n\r\n"
    );
    let answer = match &place {
        Place::Unix(path) => UnixStream::connect(path)
            .and_then(|stream| {
                stream.set_read_timeout(Some(patience))?;
                Ok(stream)
            })
            .map_err(|error| nobody(&place, &error))
            .map(|stream| exchange(stream, &message)),
        Place::Loopback(address) => TcpStream::connect(address)
            .and_then(|stream| {
                stream.set_read_timeout(Some(patience))?;
                Ok(stream)
            })
            .map_err(|error| nobody(&place, &error))
            .map(|stream| exchange(stream, &message)),
    }?;
    let answer = answer.map_err(|error| broken(&place, &error))?;
    understand(&place, &answer)
}

fn exchange(mut stream: impl Read + Write, message: &str) -> io::Result<String> {
    stream.write_all(message.as_bytes())?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer)
}

/// The content of an answer that is a yes.
fn understand(place: &Place, answer: &str) -> Result<Value, Failure> {
    let parts = answer.split_once("\r\n\r\n");
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    let (Some((_, content)), Some(status)) = (parts, status) else {
        return Err(broken(place, &"what came is no complete answer"));
    };
    let json: Value = serde_json::from_str(content).map_err(|error| broken(place, &error))?;
    match status {
        "200" => Ok(json),
        "401" => Err(Failure::new(format!(
            "{place} asks for a token, and this is not it\n  \
             give the one that the demo printed: `--token TOKEN`, or set {TOKEN}"
        ))),
        _ => {
            let why = json["error"].as_str().unwrap_or("it does not say why");
            Err(Failure::new(why))
        }
    }
}

#[cold]
fn nobody(place: &Place, error: &io::Error) -> Failure {
    Failure::new(format!(
        "nobody is at {place}: {error}\n  start a demo there: `bayonet demo --control {place}`"
    ))
}

#[cold]
fn broken(place: &Place, error: &dyn Display) -> Failure {
    Failure::new(format!(
        "{place} gave no answer: {error}\n  look at the demo's own terminal"
    ))
}
