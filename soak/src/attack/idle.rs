//! Very many connections that do nothing.

use bayonet::BoxError;

use super::scene::Scene;
use super::victim::Facts;
use crate::answers::{Connection, Wrong, is_of, name};

/// What the rest of a process needs.
const SPARE: u64 = 200;

/// Plays it.
pub(crate) fn run(scene: &mut Scene) -> Result<(), BoxError> {
    let limit = crate::raise_descriptors();
    let most = usize::try_from(limit.saturating_sub(SPARE)).unwrap_or(usize::MAX);
    let wanted = scene.size(10_000, 1000);
    let count = wanted.min(most);
    if count < wanted {
        scene.came(format!(
            "{count} instead of {wanted}: the machine allows {limit} descriptors"
        ));
    }
    let before = scene.victim.facts()?;
    let opened: Result<Vec<_>, Wrong> = (0..count)
        .map(|_| Connection::open(scene.address()))
        .collect();
    let Ok(mut connections) = opened else {
        return Err("a connection was refused".into());
    };
    let all = u64::try_from(count)?;
    let silent = scene.want_soon("all accepted", |facts| facts.open == all)?;
    cost(scene, "silent", &before, &silent, all);
    // The memory of one that has been served and waits for more is what counts for most.
    for number in 1..=2 {
        let answered = connections
            .iter_mut()
            .zip(0..)
            .filter_map(|(connection, id)| asked(connection, id, number).ok())
            .count();
        scene.want_eq("answered", u64::try_from(answered)?, all);
        if number == 1 {
            let served = scene.victim.facts()?;
            cost(scene, "served once and idle", &before, &served, all);
        }
    }
    scene.came(format!("{count} answered once more after that"));
    Ok(())
}

fn cost(scene: &mut Scene, what: &str, before: &Facts, now: &Facts, connections: u64) {
    let each = |before: u64, now: u64| now.saturating_sub(before) * 1024 / connections;
    let allocated = each(before.allocated, now.allocated);
    let resident = each(before.memory, now.memory);
    scene.came(format!(
        "{connections} {what}: {allocated} bytes allocated for each, {resident} resident"
    ));
    // Far more than any of them should take; far less than a buffer each would.
    scene.want(allocated.max(resident) < 8 * 1024, || {
        format!("{what}: {allocated} and {resident} bytes each")
    });
}

fn asked(connection: &mut Connection, id: u32, number: u64) -> Result<(), Wrong> {
    let name = name(id, number);
    connection.send(format!("GET /n/{name} HTTP/1.1\r\nHost: soak\r\n\r\n"))?;
    is_of(&connection.answer()?, id, number)
}
