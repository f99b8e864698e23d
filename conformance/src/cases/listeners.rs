//! Listeners: what a server listens on, what it is handed, and what its connections know of that.

use std::fs;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::pin::pin;
use std::task::Poll;

use http_server_trait::{
    AcceptErrorKind, Address, App, CloseReason, Drain, Facts, IntoListen, Listen, ListenError,
    ListenErrorKind, Request, ServerHandle,
};

use crate::another::Another;
use crate::case::cases;
use crate::failure::{Failure, Verdict};
use crate::stage::Stage;
use crate::{Play, routes, want, want_eq};

/// Answers with what it knows of its connection; `/hold` holds it until something is noted.
fn telling(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let conn = request.conn();
            if request.path() == "/hold" {
                let (hold, gate) = (conn.hold(), stage.gate("go on"));
                drop(request.exec().spawn(async move {
                    gate.await;
                    drop(hold);
                }));
            }
            if request.path() == "/ok" {
                return "ok".to_owned();
            }
            let ip = |ip: IpAddr| ip.to_canonical();
            format!(
                "{} {} peer={:?} local={:?} listener={:?}",
                conn.id(),
                conn.scheme(),
                conn.peer().map(|peer| (ip(peer.ip()), peer.port() != 0)),
                conn.local().map(|local| (ip(local.ip()), local.port())),
                conn.listener(),
            )
        }
    });
}

fn telling_one(app: &mut App, stage: &Stage) {
    app.config_mut().connections = Some(1);
    telling(app, stage);
}

/// A server that tells, started on this.
fn started(play: &mut Play, on: impl IntoListen) -> Result<ServerHandle, Failure> {
    let mut server = play.server(telling)?;
    play.start(&mut server, on)
}

/// The error of a start that fails.
fn not_started(
    play: &mut Play,
    server: &mut Another,
    on: impl IntoListen,
) -> Result<ListenError, Failure> {
    match play.try_start(server, on)? {
        Ok(handle) => Err(Failure::new(format!(
            "it listens on {:?}",
            handle.addresses()
        ))),
        Err(error) => Ok(error),
    }
}

/// What a connection to this address is told about itself.
fn told_at(play: &mut Play, address: &Address) -> Result<String, Failure> {
    let mut client = play.connect_at(address)?;
    Ok(client.get("/")?.answer()?.status(200)?.text())
}

/// The error names this, in its text and by itself.
fn names(error: &ListenError, kind: ListenErrorKind, what: &str) -> Verdict {
    want_eq!(error.kind(), kind);
    want!(error.what().contains(what), "{} is named", error.what());
    let text = error.to_string();
    want!(text.contains(what), "it says {text}");
    Ok(())
}

/// Whether there is IPv6 here. Where there is none the server has to say so.
fn has_v6(play: &Play) -> bool {
    play.is_virtual() || TcpListener::bind("[::1]:0").is_ok()
}

/// Accepts one connection by hand.
fn accept(
    play: &mut Play,
    handle: &ServerHandle,
) -> Result<Result<http_server_trait::Served, AcceptErrorKind>, Failure> {
    let handle = handle.clone();
    play.run(async move { handle.accept_one().await.map_err(|error| error.kind()) })
}

/// A server that is accepted for by hand.
fn by_hand(play: &mut Play, app: fn(&mut App, &Stage)) -> Result<ServerHandle, Failure> {
    let mut server = play.server(app)?;
    let listen = "127.0.0.1:0".into_listen().map_err(Failure::new)?;
    play.start(&mut server, listen.by_hand())
}

/// Asks a future once.
async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

cases! {
    /// A port 0 becomes a free one, another each time, and the handle says which; connections know it.
    must port_0_takes_a_free_port_and_reports_it ["T-02", "T-50", "A0-11", "A2-8"] |play| {
        let first = started(play, "127.0.0.1:0")?;
        let second = started(play, ("127.0.0.1", 0))?;
        let ports: Vec<_> = [&first, &second].iter().filter_map(|handle| handle.address()).collect();
        want_eq!(ports.len(), 2);
        want!(ports[0].port() != 0 && ports[1].port() != 0 && ports[0] != ports[1], "they are {ports:?}");
        for (handle, at) in [first, second].iter().zip(ports) {
            want_eq!(handle.addresses(), [Address::Tcp(at)]);
            let text = told_at(play, &handle.addresses()[0])?;
            want_eq!(text, format!("1 http peer=Some((127.0.0.1, true)) local=Some((127.0.0.1, {})) listener=Some(0)", at.port()));
        }
        Ok(())
    }
    /// An address that somebody listens on is an error that names it, and he is not disturbed.
    must address_in_use_is_an_error_that_names_it ["T-02", "A0-11", "A2-8"] |play| {
        let at = play.addresses()[0].tcp().ok_or("it listens on no TCP address")?;
        let mut server = play.server(|app, _| routes::install(app))?;
        let error = not_started(play, &mut server, at)?;
        names(&error, ListenErrorKind::InUse, &at.to_string())?;
        play.connect()?.alive()?;
        // The same server can be started elsewhere.
        let handle = play.start(&mut server, "127.0.0.1:0")?;
        play.connect_at(&handle.addresses()[0])?.alive()
    }
    /// Of several places one that cannot be listened on is enough, and nothing is left of the others.
    must nothing_is_left_bound_when_one_place_fails ["T-02", "T-04"] needs [SeveralListeners, UnixSockets] |play| {
        let path = play.unix_path()?;
        let unix = format!("unix:{path}");
        let used = play.addresses()[0].tcp().ok_or("it listens on no TCP address")?.to_string();
        let mut server = play.server(|app, _| routes::install(app))?;
        let error = not_started(play, &mut server, [unix.as_str(), &used])?;
        names(&error, ListenErrorKind::InUse, &used)?;
        want!(play.is_virtual() || !fs::exists(&path)?, "there is a file at {path}");
        let handle = play.start(&mut server, unix.as_str())?;
        play.connect_at(&handle.addresses()[0])?.alive()
    }
    /// IPv6 is served like IPv4. Where there is none the error names the address.
    must ipv6_is_served ["T-02", "T-50", "A2-8"] |play| {
        let mut server = play.server(telling)?;
        if !has_v6(play) {
            let error = not_started(play, &mut server, "[::1]:0")?;
            return names(&error, ListenErrorKind::Io, "[::1]:0");
        }
        let handle = play.start(&mut server, "[::1]:0")?;
        let at = handle.address().ok_or("it has no address")?;
        want!(at.is_ipv6() && at.port() != 0, "it listens on {at}");
        let text = told_at(play, &handle.addresses()[0])?;
        want_eq!(text, format!("1 http peer=Some((::1, true)) local=Some((::1, {})) listener=Some(0)", at.port()));
        let mut server = play.server(|_, _| {})?;
        let error = not_started(play, &mut server, at)?;
        names(&error, ListenErrorKind::InUse, &at.to_string())
    }
    /// A socket of IPv6 takes IPv4, too, unless it is told not to. (The loopback of IPv4 as IPv6 writes it: what
    /// a wildcard does, without opening this machine to others.)
    must ipv6_socket_takes_ipv4_too ["T-02", "T-50"] needs [SystemSockets] |play| {
        let both = "[::ffff:127.0.0.1]:0";
        let mut server = play.server(telling)?;
        if !has_v6(play) {
            let error = not_started(play, &mut server, both)?;
            return names(&error, ListenErrorKind::Io, both);
        }
        let handle = play.start(&mut server, both)?;
        let port = handle.address().ok_or("it has no address")?.port();
        let text = told_at(play, &Address::Tcp((Ipv4Addr::LOCALHOST, port).into()))?;
        want_eq!(text, format!("1 http peer=Some((127.0.0.1, true)) local=Some((127.0.0.1, {port})) listener=Some(0)"));
        let only_v6 = both.into_listen().map_err(Failure::new)?.v6_only();
        let error = not_started(play, &mut server, only_v6)?;
        names(&error, ListenErrorKind::Io, both)
    }
    /// A name is looked up; of its addresses one that can be listened on is taken.
    must host_name_is_looked_up ["T-02"] needs [SystemSockets] |play| {
        let handle = started(play, "localhost:0")?;
        let at = handle.address().ok_or("it has no address")?;
        want!(at.ip().is_loopback() && at.port() != 0, "it listens on {at}");
        play.connect_at(&handle.addresses()[0])?.alive()?;
        let mut server = play.server(|_, _| {})?;
        if TcpListener::bind(("127.0.0.1", at.port())).is_ok() {
            // It has taken another loopback, so both are to be had.
            return play.start(&mut server, ("127.0.0.1", at.port())).map(drop);
        }
        let error = not_started(play, &mut server, ("127.0.0.1", at.port()))?;
        names(&error, ListenErrorKind::InUse, &at.port().to_string())
    }
    /// A Unix socket is served like any other; its connections have no addresses, and none are made up.
    must unix_socket_is_served ["T-02", "T-50", "A1-10", "A4-6", "R-161"] needs [UnixSockets, KeepAlive] |play| {
        let path = play.unix_path()?;
        let handle = started(play, format!("unix:{path}"))?;
        want_eq!(handle.addresses(), [Address::Unix(path.clone().into())]);
        want_eq!(handle.address(), None);
        want_eq!(handle.addresses()[0].to_string(), format!("unix:{path}"));
        let mut client = play.connect_at(&handle.addresses()[0])?;
        for _ in 0..2 {
            client.get("/")?.answered(200)?.content("1 http peer=None local=None listener=Some(0)")?;
        }
        let mut server = play.server(|_, _| {})?;
        let error = not_started(play, &mut server, format!("unix:{path}"))?;
        names(&error, ListenErrorKind::InUse, &path)?;
        client.alive()
    }
    /// Its file has the mode that was asked for, and is gone in the end.
    must unix_socket_has_its_mode_and_is_removed ["T-02", "T-62", "R-161"] needs [UnixSockets, SystemSockets] |play| {
        let path = play.unix_path()?;
        let unix = format!("unix:{path}").into_listen().map_err(Failure::new)?;
        let handle = started(play, unix.mode(0o600))?;
        let found = fs::symlink_metadata(&path)?;
        want!(found.file_type().is_socket(), "{path} is no socket");
        want_eq!(found.permissions().mode() & 0o777, 0o600);
        play.connect_at(&handle.addresses()[0])?.alive()?;
        play.end(&handle, Drain::default())?;
        want!(!fs::exists(&path)?, "{path} is still there");
        Ok(())
    }
    /// A file that a server has left behind is no obstacle. One that somebody listens on is his, and so is one
    /// that is no socket.
    must stale_unix_socket_is_replaced ["T-02", "R-161"] needs [UnixSockets, SystemSockets] |play| {
        let path = play.unix_path()?;
        drop(UnixListener::bind(&path)?);
        want!(fs::exists(&path)?, "nothing was left behind");
        let handle = started(play, format!("unix:{path}"))?;
        play.connect_at(&handle.addresses()[0])?.alive()?;

        let path = play.unix_path()?;
        let theirs = UnixListener::bind(&path)?;
        let mut server = play.server(|_, _| {})?;
        let error = not_started(play, &mut server, format!("unix:{path}"))?;
        names(&error, ListenErrorKind::InUse, &path)?;
        want!(fs::exists(&path)?, "their socket was removed");
        drop(theirs);

        let path = play.unix_path()?;
        fs::File::create(&path)?.write_all(b"precious")?;
        let error = not_started(play, &mut server, format!("unix:{path}"))?;
        names(&error, ListenErrorKind::Io, &path)?;
        want_eq!(fs::read(&path)?, b"precious");
        Ok(())
    }
    /// A socket that has taken the place of the server's own is left alone in the end.
    must replaced_unix_socket_is_left_alone ["T-62", "R-161"] needs [UnixSockets, SystemSockets] |play| {
        let path = play.unix_path()?;
        let handle = started(play, format!("unix:{path}"))?;
        // Kept until the end, so that the new file cannot get its number.
        fs::rename(&path, format!("{path}.old"))?;
        let theirs = UnixListener::bind(&path)?;
        play.end(&handle, Drain::default())?;
        want!(fs::exists(&path)?, "their socket was removed");
        drop(theirs);
        Ok(())
    }
    /// A listener of the standard library is served, whatever its kind and whether it blocks; the file of a Unix
    /// socket that somebody else has made is his.
    must std_listener_is_served ["T-02", "T-50"] needs [SystemSockets, UnixSockets] |play| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let at = listener.local_addr()?;
        let handle = started(play, listener)?;
        want_eq!(handle.addresses(), [Address::Tcp(at)]);
        let text = told_at(play, &handle.addresses()[0])?;
        want!(text.ends_with(&format!("local=Some((127.0.0.1, {})) listener=Some(0)", at.port())), "it says {text}");
        play.end(&handle, Drain::default())?;
        want!(play.refuses(&handle.addresses()[0]), "it still accepts");

        let path = play.unix_path()?;
        let handle = started(play, UnixListener::bind(&path)?)?;
        want_eq!(handle.addresses(), [Address::Unix(path.clone().into())]);
        let text = told_at(play, &handle.addresses()[0])?;
        want_eq!(text, "1 http peer=None local=None listener=Some(0)");
        play.end(&handle, Drain::default())?;
        want!(fs::exists(&path)?, "their socket was removed");
        Ok(())
    }
    /// A descriptor that was inherited says itself what it is. One that nobody can listen on is an error.
    must inherited_descriptor_is_served ["T-02"] needs [SystemSockets, UnixSockets] |play| {
        let path = play.unix_path()?;
        let handle = started(play, OwnedFd::from(UnixListener::bind(&path)?))?;
        play.connect_at(&handle.addresses()[0])?.alive()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let at = listener.local_addr()?;
        let handle = started(play, OwnedFd::from(listener))?;
        want_eq!(handle.address(), Some(at));
        play.connect_at(&handle.addresses()[0])?.alive()?;

        let mut server = play.server(|_, _| {})?;
        let path = play.unix_path()?;
        let others = [OwnedFd::from(fs::File::create(&path)?), OwnedFd::from(UnixDatagram::unbound()?)];
        for other in others {
            let error = not_started(play, &mut server, other)?;
            names(&error, ListenErrorKind::Io, "a socket that was handed in")?;
        }
        Ok(())
    }
    /// A server listens on several places at once, in the order in which they were told; a connection knows which
    /// of them has accepted it. All of them end together.
    must several_places_at_once ["T-02", "T-50", "T-62"] needs [SeveralListeners, UnixSockets] |play| {
        let path = play.unix_path()?;
        let unix = format!("unix:{path}");
        let mut places = vec!["127.0.0.1:0", &unix, "127.0.0.1:0"];
        if has_v6(play) {
            places.push("[::1]:0");
        }
        let handle = started(play, places.as_slice())?;
        let addresses = handle.addresses().to_vec();
        want_eq!(addresses.len(), places.len());
        want_eq!(addresses[1], Address::Unix(path.into()));
        want!(addresses[0] != addresses[2], "they are {addresses:?}");
        for (index, address) in addresses.iter().enumerate() {
            let text = told_at(play, address)?;
            want!(text.ends_with(&format!("listener=Some({index})")), "at {address} it says {text}");
            want_eq!(text.contains("peer=None"), index == 1);
        }
        want_eq!(play.end(&handle, Drain::default())?.counters.accepted, places.len() as u64);
        for address in &addresses {
            want!(play.refuses(address), "it still accepts at {address}");
        }
        Ok(())
    }
    /// Two servers share a port where both want that, and only there.
    must port_is_shared_where_both_want_that ["T-02", "A2-8"] needs [SystemSockets] |play| {
        let listen = |on: &str| on.into_listen().map_err(Failure::new);
        let first = started(play, listen("127.0.0.1:0")?.reuse_port())?;
        let at = first.address().ok_or("it has no address")?.to_string();
        let second = started(play, listen(&at)?.reuse_port())?;
        let mut server = play.server(|_, _| {})?;
        let error = not_started(play, &mut server, listen(&at)?)?;
        names(&error, ListenErrorKind::InUse, &at)?;
        for _ in 0..10 {
            play.connect_at(&first.addresses()[0])?.alive()?;
        }
        let had = |handle: &ServerHandle| handle.counters().requests;
        want!(play.wait_for_sum(&[&first, &second], 10), "{} and {}", had(&first), had(&second));
        play.end(&first, Drain::default())?;
        play.connect_at(&second.addresses()[0])?.alive()
    }
    /// Many clients that come at once are all served.
    must many_clients_at_once_are_served ["T-02", "T-61"] app telling |play| {
        let mut clients = (0..60).map(|_| play.connect()).collect::<Result<Vec<_>, _>>()?;
        for client in &mut clients {
            client.get("/ok")?;
        }
        for client in &mut clients {
            client.answer()?.status(200)?.content("ok")?;
        }
        want_eq!(play.counters()?.accepted, 60);
        Ok(())
    }

    /// A server may listen on nothing and serve what it is handed. Such a connection is like any other, and knows
    /// what was said of it.
    must stream_of_somebody_else_is_served ["T-63", "T-50", "T-53", "A4-1", "A4-5"] needs [ServeStream, KeepAlive] |play| {
        let handle = started(play, Listen::nothing())?;
        want_eq!(handle.addresses(), []);
        let (mut client, stream) = play.connect_by_hand();
        let served = handle.serve(stream).map_err(Failure::new)?;
        client.get("/")?.answered(200)?.content("1 http peer=None local=None listener=None")?;
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n")?;
        client.answered(200)?;
        client.answered(200)?;
        client.half_close()?.closed()?;
        want_eq!(play.run(served)?, CloseReason::ClientClosed);

        let (mut client, stream) = play.connect_by_hand();
        let mut facts = Facts::default();
        facts.parent = Some("outer".into());
        facts.peer = Some(([10, 0, 0, 1], 1234).into());
        facts.local = Some(([10, 0, 0, 2], 80).into());
        facts.listener = Some(7);
        let served = handle.serve_as(stream, facts).map_err(Failure::new)?;
        want_eq!(served.conn().id().to_string(), "outer/2");
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let text = client.answer()?.status(200)?.text();
        want_eq!(text, "outer/2 http peer=Some((10.0.0.1, true)) local=Some((10.0.0.2, 80)) listener=None");
        drop(client);
        want_eq!(play.run(served)?, CloseReason::Finished);
        let counters = handle.counters();
        want_eq!((counters.accepted, counters.open, counters.requests), (2, 0, 4));
        Ok(())
    }
    /// Its end is told when it is closed, and nobody holds it any more.
    must end_of_a_stream_is_told_when_nobody_holds_it ["T-63", "T-55", "A4-1"] needs [ServeStream] |play| {
        let handle = started(play, Listen::nothing())?;
        let (mut client, stream) = play.connect_by_hand();
        let served = handle.serve(stream).map_err(Failure::new)?;
        let stage = play.stage().clone();
        play.spawn(async move {
            let reason = served.await;
            stage.note(format!("completed {reason}"));
        });
        client.get("/hold")?.answer()?.status(200)?;
        drop(client);
        play.pause(std::time::Duration::from_secs(2));
        play.noted(&[])?;
        play.stage().open("go on");
        play.wait_for("completed client_closed")
    }
    /// It is one of the server's connections: the cap counts it, a shutdown closes it, and afterwards none is
    /// taken.
    must stream_counts_like_any_connection ["T-63", "T-62", "A3-11"] needs [ServeStream, Limits] |play| {
        let mut server = play.server(telling_one)?;
        let handle = play.start(&mut server, Listen::nothing())?;
        let (mut client, stream) = play.connect_by_hand();
        want!(handle.should_accept(), "there is no room");
        drop(handle.serve(stream).map_err(Failure::new)?);
        client.alive()?;
        want!(!handle.should_accept(), "there is room for more");
        let (_refused, stream) = play.connect_by_hand();
        want_eq!(handle.serve(stream).err().map(|error| error.kind()), Some(AcceptErrorKind::AtCapacity));
        client.alive()?;
        handle.shutdown(Drain::default());
        let (_refused, stream) = play.connect_by_hand();
        want_eq!(handle.serve(stream).err().map(|error| error.kind()), Some(AcceptErrorKind::NotServing));
        let report = play.report_of(&handle)?;
        client.closed()?;
        want_eq!((report.idle, report.counters.accepted), (1, 1));
        let (_refused, stream) = play.connect_by_hand();
        want_eq!(handle.serve(stream).err().map(|error| error.kind()), Some(AcceptErrorKind::NotServing));
        Ok(())
    }

    /// A server that is accepted for by hand accepts when it is asked to, one connection each time.
    must connections_are_accepted_by_hand ["T-64", "A2-2"] needs [AcceptByHand, KeepAlive] |play| {
        let handle = by_hand(play, telling)?;
        let at = handle.addresses()[0].clone();
        let (mut first, mut second) = (play.connect_at(&at)?, play.connect_at(&at)?);
        first.get("/ok")?.silent()?;
        want_eq!(handle.counters().accepted, 0);
        want!(handle.should_accept(), "there is no room");
        let one = accept(play, &handle)?.map_err(|kind| Failure::new(format!("{kind:?}")))?;
        first.answered(200)?.content("ok")?;
        second.get("/")?.silent()?;
        want_eq!(handle.counters().accepted, 1);
        let two = accept(play, &handle)?.map_err(|kind| Failure::new(format!("{kind:?}")))?;
        let text = second.answered(200)?.text();
        want!(text.starts_with(&two.conn().id().to_string()) && text.ends_with("listener=Some(0)"), "it says {text}");
        first.alive()?;
        drop(first);
        want_eq!(play.run(one)?, CloseReason::ClientClosed);
        second.alive()
    }
    /// Whether there is room is for the application to ask; what it accepts all the same is served.
    must application_asks_whether_there_is_room ["T-64", "A2-2"] needs [AcceptByHand, Limits] |play| {
        let handle = by_hand(play, telling_one)?;
        let at = handle.addresses()[0].clone();
        let mut first = play.connect_at(&at)?;
        let one = accept(play, &handle)?.map_err(|kind| Failure::new(format!("{kind:?}")))?;
        first.alive()?;
        want!(!handle.should_accept(), "there is room for more");
        drop(first);
        play.run(one)?;
        want!(handle.should_accept(), "there is no room");
        let mut second = play.connect_at(&at)?;
        drop(accept(play, &handle)?.map_err(|kind| Failure::new(format!("{kind:?}")))?);
        second.alive()
    }
    /// To give up waiting loses no connection.
    must giving_up_loses_no_connection ["T-64", "A2-2"] needs [AcceptByHand] |play| {
        let handle = by_hand(play, telling)?;
        let at = handle.addresses()[0].clone();
        for _ in 0..3 {
            let waiting = handle.clone();
            let outcome = play.run(async move { once(waiting.accept_one()).await.is_some() })?;
            want!(!outcome, "there was a connection");
        }
        let mut client = play.connect_at(&at)?;
        client.get("/ok")?.silent()?;
        want_eq!(handle.counters().accepted, 0);
        drop(accept(play, &handle)?.map_err(|kind| Failure::new(format!("{kind:?}")))?);
        client.answer()?.status(200)?.ok()
    }
    /// The end of the server ends the waiting; and a server that accepts for itself says so.
    must end_of_the_server_ends_the_waiting ["T-64", "T-62", "A2-8"] needs [AcceptByHand] |play| {
        let handle = by_hand(play, telling)?;
        let (stage, waiting) = (play.stage().clone(), handle.clone());
        play.spawn(async move {
            stage.note("waits");
            let error = waiting.accept_one().await.err();
            stage.note(format!("{:?}", error.map(|error| error.kind())));
        });
        play.wait_for("waits")?;
        let report = play.end(&handle, Drain::default())?;
        want!(report.is_clean(), "it was no clean stop");
        play.wait_for("Some(NotServing)")?;
        want!(!handle.should_accept(), "there is room in a server that has ended");
        want_eq!(accept(play, &handle)?.err(), Some(AcceptErrorKind::NotServing));
        let first = play.handle()?;
        want_eq!(accept(play, &first)?.err(), Some(AcceptErrorKind::Unsupported));
        play.connect()?.alive()
    }
}
