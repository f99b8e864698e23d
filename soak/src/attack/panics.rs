//! Handlers that panic, one after the other, on every connection.

use bayonet::BoxError;

use super::client::Client;
use super::normal::Normal;
use super::scene::{PATIENCE, Scene};

/// Plays it.
pub(crate) fn run(scene: &mut Scene) -> Result<(), BoxError> {
    let (clients, each) = (scene.size(100, 20), 10);
    let to = scene.address();
    let normal = Normal::start(to);
    let mut told = 0;
    for _ in 0..clients {
        let mut client = Client::open(to)?;
        for _ in 0..each {
            client.received.clear();
            client.send(b"GET /panic/1 HTTP/1.1\r\nHost: soak\r\n\r\n");
            client.wait(12, PATIENCE);
            told += u64::from(client.status() == Some(500) && !client.is_over);
        }
    }
    let all = clients * each;
    scene.came(format!(
        "{told} of {all} panics answered with 500, on connections that are kept"
    ));
    scene.want_eq("answered with 500", told, all);
    scene.want_normal("meanwhile", normal)
}
