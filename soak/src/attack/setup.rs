//! How a server that is attacked is configured: words on a command line, so that they can be shown.

use std::time::Duration;

use bayonet::{BoxError, Config};

/// The configuration that these words ask for.
///
/// `hardened` is a profile; the others are `name=value`. `times=N` divides every time-out by N, and comes last.
pub(crate) fn config(words: &[String]) -> Result<Config, BoxError> {
    let mut config = Config::default();
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "hardened" => config = Config::hardened(),
            "connections" => config.connections = Some(value.parse()?),
            "address" => config.connections_per_address = Some(value.parse()?),
            "rate" => config.accept_rate = Some(value.parse()?),
            "in_flight" => config.in_flight = Some(value.parse()?),
            "memory" => config.memory = Some(value.parse()?),
            "body" => config.body = Some(value.parse()?),
            "body_stall" => config.body_stall = Duration::from_millis(value.parse()?),
            // Of the process, not of the server.
            "descriptors" => {}
            "times" => divide(&mut config, value.parse()?),
            _ => return Err(format!("there is no setting {word}").into()),
        }
    }
    config.workers = Some(2);
    Ok(config)
}

fn divide(config: &mut Config, by: u32) {
    for time in [
        &mut config.head_time,
        &mut config.idle_time,
        &mut config.body_stall,
        &mut config.write_stall,
        &mut config.linger_time,
    ] {
        *time /= by;
    }
    for rate in [&mut config.body_rate, &mut config.write_rate]
        .into_iter()
        .flatten()
    {
        rate.grace /= by;
    }
}

/// The limit of descriptors that these words ask for.
pub(crate) fn descriptors(words: &[String]) -> Result<Option<u64>, BoxError> {
    let mut words = words.iter();
    let limit = words.find_map(|word| word.strip_prefix("descriptors="));
    Ok(limit.map(str::parse).transpose()?)
}
