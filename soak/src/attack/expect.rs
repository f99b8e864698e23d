//! Clients that announce content, wait to be told to send it, and do not.

use std::time::Instant;

use bayonet::BoxError;

use super::client::Client;
use super::scene::{PATIENCE, Scene};

const HEAD: &str = "HTTP/1.1\r\nHost: soak\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n";

/// Plays it.
pub(crate) fn run(scene: &mut Scene) -> Result<(), BoxError> {
    let count = scene.size(500, 100);
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = Client::open(scene.address())?;
        client.send(format!("POST /collect/1 {HEAD}").as_bytes());
        clients.push(client);
    }
    let all = u64::try_from(count)?;
    let begun = Instant::now();
    while clients.iter().any(|client| !client.is_over) && begun.elapsed() < PATIENCE {
        for client in &mut clients {
            client.take(4096);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let told = |client: &&Client| {
        let text = String::from_utf8_lossy(&client.received);
        text.starts_with("HTTP/1.1 100 ") && text.contains("HTTP/1.1 408 ")
    };
    let told = clients.iter().filter(told).count() as u64;
    scene.came(format!("{told} of {count} told 100, then 408, and closed"));
    scene.want_eq("told 100 and then 408", told, all);
    drop(clients);
    let facts = scene.want_soon("all gone", |facts| facts.open == 0)?;
    scene.want_eq("closed for their content", facts.count("body_timeout"), all);

    // A handler that wants no content: it is not asked for, and nothing waits for it.
    let mut refused = 0;
    for _ in 0..count {
        let mut client = Client::open(scene.address())?;
        client.send(format!("POST /n/1 {HEAD}").as_bytes());
        client.wait(usize::MAX, PATIENCE);
        refused += u64::from(client.status() == Some(200) && client.is_over);
    }
    scene.came(format!(
        "{refused} of {count} answered without a 100, and closed"
    ));
    scene.want_eq("answered without their content", refused, all);
    Ok(())
}
