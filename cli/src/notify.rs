//! Tells a service manager where the demo is, if one has started it and waits to hear: the datagrams of `sd_notify(3)`,
//! which need no library.

use std::io;
use std::os::unix::net::UnixDatagram;

/// Where the service manager listens.
const PLACE: &str = "NOTIFY_SOCKET";

/// What it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// It serves.
    Ready,
    /// It has been asked to end.
    Stopping,
}

/// Tells it, if there is one. That it cannot be told ends nothing.
pub(crate) fn tell(state: State) {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let said = match state {
        State::Ready => "READY=1",
        State::Stopping => "STOPPING=1",
    };
    if let Err(error) = send(said, &place) {
        eprintln!("the service manager could not be told {said}: {error}");
    }
}

fn send(said: &str, place: &std::ffi::OsStr) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;
        // A place that no file system has, which begins with `@`.
        if let [b'@', name @ ..] = place.as_bytes() {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            return socket.send_to_addr(said.as_bytes(), &address).map(drop);
        }
    }
    socket.send_to(said.as_bytes(), place).map(drop)
}
