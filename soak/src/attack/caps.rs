//! More than there is room for: connections, connections of one address, in a second, requests, descriptors.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use bayonet::BoxError;

use super::client::{Client, source};
use super::normal::{Normal, health};
use super::scene::{PATIENCE, Scene};

/// How many connections there may be in these attacks.
pub(crate) const MOST: usize = 100;
/// How many of one address.
pub(crate) const OF_ONE: usize = 20;
/// How many are accepted in a second.
pub(crate) const A_SECOND: usize = 100;
/// How many requests may be under way.
pub(crate) const UNDER_WAY: usize = 20;

const GET: &[u8] = b"GET /n/1 HTTP/1.1\r\nHost: soak\r\n\r\n";

/// A flood of connections over the cap.
pub(crate) fn connections(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(2000, 400);
    let to = scene.address();
    let mut inside = Vec::new();
    for number in 0..MOST {
        inside.push(asking(Client::from(to, source(number, 50), None)?));
    }
    let served = wait(&mut inside, 200);
    scene.want_eq("let in", served, MOST as u64);
    let mut flood = Vec::new();
    for number in 0..count {
        // Refusing is the server's; the system takes them all.
        if let Ok(client) = Client::from(to, source(number, 50), None) {
            flood.push(asking(client));
        }
    }
    let told = wait(&mut flood, 503);
    let closed = flood.iter().filter(|client| client.is_over).count() as u64;
    let of = flood.len() as u64;
    scene.came(format!(
        "{of} more than {MOST}: {told} told 503, {} closed without a word",
        closed - told.min(closed)
    ));
    scene.want_eq("turned away", closed, of);
    // Those inside have noticed nothing.
    for client in &mut inside {
        client.received.clear();
    }
    let mut inside: Vec<_> = inside.into_iter().map(asking).collect();
    let served = wait(&mut inside, 200);
    scene.came(format!("{served} of {MOST} inside served on"));
    scene.want_eq("served inside", served, MOST as u64);
    drop((inside, flood));
    scene.want_soon("room again", |facts| facts.open == 0)?;
    scene.want_health("once there is room again");
    let facts = scene.victim.facts()?;
    scene.want_eq("counted as turned away", facts.count("at_capacity"), of);
    Ok(())
}

/// A flood from one address: the others are served.
pub(crate) fn address(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(1000, 200);
    let to = scene.address();
    let normal = Normal::start(to);
    let from = IpAddr::V4(Ipv4Addr::new(127, 7, 7, 7));
    let mut flood = Vec::new();
    for _ in 0..count {
        flood.push(asking(Client::from(to, from, None)?));
    }
    let told = wait(&mut flood, 503);
    let served = flood
        .iter()
        .filter(|client| client.status() == Some(200))
        .count();
    let closed = flood.iter().filter(|client| client.is_over).count();
    scene.came(format!(
        "{count} of one address: {served} served, {told} told 503, {} closed without a word",
        closed.saturating_sub(usize::try_from(told)?)
    ));
    scene.want_eq("served of one address", served as u64, OF_ONE as u64);
    scene.want_eq("turned away", closed as u64, (count - OF_ONE) as u64);
    scene.want_normal("from another address", normal)
}

/// More than are accepted in a second: they wait, and are served in their turn.
pub(crate) fn rate(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(5 * A_SECOND, 2 * A_SECOND);
    let to = scene.address();
    let begun = Instant::now();
    let mut flood = Vec::new();
    for _ in 0..count {
        flood.push(asking(Client::open(to)?));
    }
    let served = wait(&mut flood, 200);
    let took = begun.elapsed();
    scene.came(format!(
        "{served} of {count} at once served, {A_SECOND} a second"
    ));
    scene
        .notes
        .times
        .push(format!("the last after {:.1} s", took.as_secs_f64()));
    scene.want_eq("served", served, count as u64);
    // A second's worth may come at once, and the rest takes its time.
    let least =
        Duration::from_secs((count / A_SECOND) as u64).saturating_sub(Duration::from_secs(1));
    scene.want(took >= least, || {
        format!("they were accepted within {took:?}")
    });
    // The next one's turn comes within a second.
    drop(flood);
    scene.want_health("when the flood is over");
    Ok(())
}

/// More requests than may be under way: the others are told so at once, and keep their connections.
pub(crate) fn requests(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(500, 100);
    let to = scene.address();
    let mut flood = Vec::new();
    for _ in 0..count {
        let mut client = Client::open(to)?;
        client.send(b"GET /hold/1 HTTP/1.1\r\nHost: soak\r\n\r\n");
        flood.push(client);
    }
    let begun = Instant::now();
    let mut told = 0;
    while told < count - UNDER_WAY && begun.elapsed() < PATIENCE {
        for client in &mut flood {
            client.take(4096);
        }
        let shed = |client: &&Client| client.status() == Some(503) && !client.is_over;
        told = flood.iter().filter(shed).count();
    }
    scene.came(format!(
        "{count} requests that do not end: {UNDER_WAY} under way, {told} told 503 and kept"
    ));
    scene.want_eq("told 503", told as u64, (count - UNDER_WAY) as u64);
    // Those that are kept may ask again when there is room.
    let (mut kept, gone): (Vec<_>, Vec<_>) = flood
        .into_iter()
        .partition(|client| client.status() == Some(503));
    gone.into_iter().for_each(Client::reset);
    let all = kept.len() as u64;
    scene.want_soon("room again", |facts| facts.open <= all)?;
    let mut served = 0;
    for client in &mut kept {
        client.received.clear();
        client.send(GET);
        client.wait(12, PATIENCE);
        served += u64::from(client.status() == Some(200));
    }
    scene.came(format!("{served} of these served once there is room"));
    scene.want_eq("served once there is room", served, all);
    Ok(())
}

/// How many descriptors the process may have in the last of these attacks.
pub(crate) const DESCRIPTORS: usize = 128;

/// More connections than the process has descriptors: it serves whom it has, does not spin, and goes on.
pub(crate) fn descriptors(scene: &mut Scene) -> Result<(), BoxError> {
    let count: usize = scene.size(1000, 300);
    let watched = scene.size(Duration::from_secs(5), Duration::from_millis(1500));
    let to = scene.address();
    let mut known = asking(Client::open(to)?);
    known.wait(12, PATIENCE);
    let mut flood = Vec::new();
    for _ in 0..count {
        flood.push(asking(Client::open(to)?));
    }
    let before = scene.want_soon("out of descriptors", |facts| facts.accept_errors > 0)?;
    // The time is what is measured: one that spins works for all of it.
    std::thread::sleep(watched);
    let after = scene.victim.facts()?;
    let (tries, ticks) = (
        after.accept_errors - before.accept_errors,
        after.ticks - before.ticks,
    );
    scene.came(format!(
        "{count} connections, {DESCRIPTORS} descriptors: accepting failed {tries} times in {} ms",
        watched.as_millis()
    ));
    scene.notes.times.push(format!(
        "{} ms of processor in {} ms",
        ticks * 10,
        watched.as_millis()
    ));
    scene.want(tries < 100, || format!("it tried {tries} times"));
    let most = u64::try_from(watched.as_millis() / 10)?;
    scene.want(ticks < most / 4, || {
        format!("it worked {ticks} of {most} ticks")
    });
    known.received.clear();
    known = asking(known);
    known.wait(12, PATIENCE);
    scene.want(known.status() == Some(200), || {
        "who was there is not served".into()
    });
    // Who is served leaves, and the next has its place.
    let begun = Instant::now();
    let mut served = 0;
    while !flood.is_empty() && begun.elapsed() < PATIENCE {
        flood.retain_mut(|client| {
            client.take(4096);
            let stays = client.status() != Some(200) && !client.is_over;
            served += u64::from(client.status() == Some(200));
            stays
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    scene.came(format!("{served} of {count} served in the end"));
    scene.want_eq("served in the end", served, count as u64);
    scene.want(health(to).is_some(), || "no answer afterwards".into());
    Ok(())
}

fn asking(mut client: Client) -> Client {
    client.send(GET);
    client
}

/// Waits until each has an answer, and, if that is a refusal, its end. How many have this status.
fn wait(clients: &mut [Client], status: u16) -> u64 {
    let begun = Instant::now();
    let waits = |client: &Client| !client.is_over && client.status() != Some(200);
    while clients.iter().any(waits) && begun.elapsed() < PATIENCE {
        for client in clients.iter_mut().filter(|client| waits(client)) {
            client.take(4096);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let have = clients
        .iter()
        .filter(|client| client.status() == Some(status));
    have.count() as u64
}
