//! A thousand requests in one segment, and a byte at a time.

use bayonet::BoxError;

use super::PATIENCE;
use super::scene::Scene;
use super::victim::Facts;
use crate::answers::{Connection, Wrong, is_of, name};

/// Plays it.
pub(crate) fn run(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(1000, 200);
    let mut requests = String::new();
    for number in 1..=count {
        let name = name(1, number);
        requests += &format!("GET /n/{name} HTTP/1.1\r\nHost: soak\r\n\r\n");
    }
    let ways: [(&str, usize); 2] = [("in one segment", requests.len()), ("byte by byte", 1)];
    for (way, size) in ways {
        let before = scene.victim.facts()?.requests;
        let answered = ask(scene, &requests, size, count);
        scene.came(format!("{answered} of {count} {way} answered in order"));
        scene.want_eq(way, answered, count);
        // A connection enters the books when it rests, which may be a moment after its client has its answers.
        let all = |facts: &Facts| facts.requests >= before + count;
        let handled = scene.victim.wait_for(PATIENCE, all)?.requests - before;
        scene.want_eq("requests that the server has seen", handled, count);
    }
    Ok(())
}

/// How many are answered, in order, before one is not.
fn ask(scene: &Scene, requests: &str, size: usize, count: u64) -> u64 {
    let Ok(mut connection) = Connection::open(scene.address()) else {
        return 0;
    };
    for piece in requests.as_bytes().chunks(size) {
        if connection.send(piece).is_err() {
            return 0;
        }
    }
    let mut answer = |number: u64| -> Result<(), Wrong> { is_of(&connection.answer()?, 1, number) };
    let answered = (1..=count).take_while(|number| answer(*number).is_ok());
    answered.count() as u64
}
