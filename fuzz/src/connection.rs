//! A whole connection, in the simulation.

use std::time::Duration;

use http_server_engine::testkit::{Sim, SimServer, Weather};
use http_server_trait::{Drain, HttpServer, Request, Response};

use crate::answers::statuses;

/// A client that sends these bytes, ends its side, and waits. The first byte is the seed of the weather.
///
/// # Panics
/// If the server does not answer in whole answers, does not close, disturbs another client, or its books do not
/// balance.
pub fn connection(bytes: &[u8]) {
    let (seed, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let sim = Sim::new(u64::from(*seed));
    let mut weather = Weather::default();
    weather.rough = seed % 3 == 0;
    sim.network().set_weather(weather);
    let mut server = SimServer::new(&sim);
    server.app_mut().config_mut().body = Some(64);
    server.app_mut().on_error(|_| async {});
    server.handler(|mut request: Request| async move {
        let content = request.bytes().await?;
        Ok::<_, http_server_trait::BodyError>(Response::text(format!(
            "{} {}",
            request.path(),
            content.len()
        )))
    });
    let handle = sim
        .block_on(server.listen("127.0.0.1:80"))
        .expect("the simulation listens");
    let address = handle.addresses()[0].clone();
    let mut client = sim.connect(&address).expect("it listens");
    let mut neighbour = sim.connect(&address).expect("it listens");

    let mut answers = Vec::new();
    let mut left = bytes;
    // More than the room between the two ends does not go in at once.
    while !left.is_empty() && !client.is_reset() {
        let sent = client.send(left);
        left = &left[sent..];
        sim.run();
        answers.extend(client.receive());
        if sent == 0 {
            break;
        }
    }
    neighbour.send(b"GET /neighbour HTTP/1.1\r\nHost: a\r\n\r\n");
    sim.run();
    let heard = neighbour.receive();
    assert!(
        heard.ends_with(b"/neighbour 0"),
        "a neighbour was not served: {}",
        heard.escape_ascii()
    );

    client.end();
    sim.advance(Duration::from_secs(120));
    answers.extend(client.receive());
    assert!(
        client.is_ended() || client.is_reset(),
        "the connection goes on for ever"
    );
    // HEAD is spelled in one way. Who hides it in content is not a request.
    let heads = bytes.windows(5).any(|five| five == b"HEAD ");
    if !client.is_reset() && !heads {
        let statuses = statuses(&answers, |_| false);
        let refused = statuses.iter().position(|status| *status >= 400);
        if let Some(refused) = refused {
            assert_eq!(
                refused + 1,
                statuses.len(),
                "nothing comes after a refusal: {statuses:?}"
            );
        }
    }
    drop(neighbour);
    let report = sim.block_on(handle.shutdown(Drain::default()));
    assert!(report.is_clean() && report.counters.balances(), "{report}");
    assert_eq!(report.counters.open, 0);
}
