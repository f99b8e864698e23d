//! The features that are switched on are the backends that can be chosen.

use bayonet::{Drain, HttpServer, Request, backend_names, block_on, default_server, server_named};

fn switched_on() -> Vec<&'static str> {
    let features = [
        ("tokio", cfg!(feature = "tokio")),
        ("async-std", cfg!(feature = "async-std")),
        ("smol", cfg!(feature = "smol")),
    ];
    let on = features.into_iter().filter(|(_, on)| *on);
    on.map(|(name, _)| name).collect()
}

#[test]
fn every_feature_is_a_backend() {
    assert_eq!(backend_names(), switched_on());
}

#[test]
fn one_backend_is_the_default_and_of_several_none_is() {
    match (default_server(), switched_on().as_slice()) {
        (Ok(server), [only]) => assert_eq!(server.capabilities().backend(), *only),
        (Err(error), names) => {
            assert_ne!(names.len(), 1, "{error}");
            assert_eq!(error.names(), names);
        }
        (Ok(server), names) => panic!("{:?} of {names:?}", server.capabilities()),
    }
}

#[test]
fn a_name_that_is_none_is_told_the_names() {
    let error = server_named("wasp").err().expect("no such backend");
    for name in switched_on() {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn every_backend_starts_by_its_name() {
    for name in backend_names() {
        let mut server = server_named(name).expect("it is in the list");
        server.app_mut().config_mut().workers = Some(1);
        server.handler(|_: Request| async { "hello" });
        let handle = block_on(server.listen("127.0.0.1:0")).expect("a free port");
        assert!(handle.address().is_some(), "{name}");
        assert!(block_on(handle.shutdown(Drain::now())).is_clean(), "{name}");
    }
}

/// What features have switched on is there under its own name, too.
#[test]
fn every_backend_can_be_named_in_code() {
    let named: Vec<Box<dyn HttpServer>> = vec![
        #[cfg(feature = "tokio")]
        Box::new(bayonet::backend_tokio::Server::new()),
        #[cfg(feature = "async-std")]
        Box::new(bayonet::backend_asyncstd::Server::new()),
        #[cfg(feature = "smol")]
        Box::new(bayonet::backend_smol::Server::new()),
    ];
    let backends: Vec<_> = named
        .iter()
        .map(|server| server.capabilities().backend())
        .collect();
    assert_eq!(backends, backend_names());
}
