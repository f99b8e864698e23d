//! Very many idle connections, moved in one swap.

use std::time::Duration;

use bayonet::BoxError;

use crate::answers::{Connection, is_of, name};
use crate::server::Server;

/// What the rest of a process needs.
const SPARE: u64 = 200;

/// What became of them.
pub(crate) struct Moved {
    pub(crate) wanted: usize,
    pub(crate) connections: usize,
    pub(crate) descriptors: u64,
    pub(crate) took: Duration,
    /// Those that answered before, and afterwards on the same connection.
    pub(crate) answered: usize,
}

/// Opens them, swaps, and asks each again.
pub(crate) fn moved(server: &mut Server, wanted: usize) -> Result<Moved, BoxError> {
    let descriptors = crate::raise_descriptors();
    let most = usize::try_from(descriptors.saturating_sub(SPARE)).unwrap_or(usize::MAX);
    let mut connections = Vec::new();
    for id in 0..wanted.min(most) {
        let id = u32::try_from(id)?;
        let Ok(mut connection) = Connection::open(server.address()) else {
            break;
        };
        if asked(&mut connection, id, 1) {
            connections.push((id, connection));
        }
    }
    let took = server.swap("smol")?;
    let count = connections.len();
    let answers = connections.iter_mut();
    let answered = answers
        .map(|(id, connection)| asked(connection, *id, 2))
        .filter(|answered| *answered)
        .count();
    Ok(Moved {
        wanted,
        connections: count,
        descriptors,
        took,
        answered,
    })
}

fn asked(connection: &mut Connection, id: u32, number: u64) -> bool {
    let request = format!("GET /n/{} HTTP/1.1\r\nHost: soak\r\n\r\n", name(id, number));
    let answer = connection.send(request).and_then(|()| connection.answer());
    answer
        .and_then(|content| is_of(&content, id, number))
        .is_ok()
}
