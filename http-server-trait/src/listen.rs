//! What a server listens on.

use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use crate::error::{ListenError, ListenErrorKind};

/// What a server listens on: any number of places, of any kinds.
///
/// | from | is |
/// |---|---|
/// | `"127.0.0.1:1666"`, `"[::1]:0"`, a [`SocketAddr`], `("127.0.0.1", 80)` | a TCP address; port 0 takes a free one |
/// | `"localhost:1666"` | the first address of that name that can be bound |
/// | `"[::]:1666"` | every IPv6 and IPv4 address, unless [`v6_only`](Listen::v6_only) |
/// | `"unix:/run/app.sock"` | a Unix socket |
/// | a std `TcpListener`, `UnixListener` | one that is bound already |
/// | an `OwnedFd` | a listening socket that was inherited |
/// | an array, slice or `Vec` of these, [`Listen::and`] | several at once |
///
/// ```
/// use http_server_trait::{IntoListen, Listen};
///
/// let both = ["127.0.0.1:0", "unix:/tmp/bayonet.sock"].into_listen().unwrap();
/// assert_eq!(both.sockets().len(), 2);
/// assert!("port 80 please".into_listen().is_err());
/// # let _ = Listen::nothing();
/// ```
#[derive(Debug, Default)]
pub struct Listen {
    sockets: Vec<Socket>,
    by_hand: bool,
}

/// One place to listen on.
#[derive(Debug)]
#[non_exhaustive]
pub struct Socket {
    /// Where.
    pub place: Place,
    /// Whether other processes of the same user may listen there too.
    pub reuse_port: bool,
    /// Whether an IPv6 wildcard leaves IPv4 alone.
    pub v6_only: bool,
    /// The mode bits of a Unix socket's path.
    pub mode: Option<u32>,
}

/// Where to listen.
#[derive(Debug)]
#[non_exhaustive]
pub enum Place {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A name and a port, to be looked up.
    Host(String),
    /// A Unix socket of this path.
    Unix(PathBuf),
    /// A TCP socket that is bound already.
    TcpListener(TcpListener),
    /// A Unix socket that is bound already.
    UnixListener(UnixListener),
    /// A listening socket of some kind.
    Inherited(OwnedFd),
}

impl Listen {
    /// On nothing: the server serves what it is handed, see [`ServerHandle::serve`](crate::ServerHandle::serve).
    pub fn nothing() -> Self {
        Listen::default()
    }

    /// On this place.
    pub fn on(place: Place) -> Self {
        let socket = Socket {
            place,
            reuse_port: false,
            v6_only: false,
            mode: None,
        };
        Listen {
            sockets: vec![socket],
            by_hand: false,
        }
    }

    /// On these places, too.
    pub fn and(mut self, more: Listen) -> Self {
        self.sockets.extend(more.sockets);
        self.by_hand |= more.by_hand;
        self
    }

    /// The server accepts nothing by itself: the application calls
    /// [`accept_one`](crate::ServerHandle::accept_one). (Clause T-64.)
    pub fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// Lets other processes of the same user listen on the same TCP addresses. Without it an address
    /// that somebody else listens on is an error.
    pub fn reuse_port(mut self) -> Self {
        self.sockets
            .iter_mut()
            .for_each(|socket| socket.reuse_port = true);
        self
    }

    /// An IPv6 wildcard leaves IPv4 alone. Without it `[::]` takes both.
    pub fn v6_only(mut self) -> Self {
        self.sockets
            .iter_mut()
            .for_each(|socket| socket.v6_only = true);
        self
    }

    /// The mode bits of Unix sockets: `0o660`, for example.
    pub fn mode(mut self, mode: u32) -> Self {
        self.sockets
            .iter_mut()
            .for_each(|socket| socket.mode = Some(mode));
        self
    }

    /// The places.
    pub fn sockets(&self) -> &[Socket] {
        &self.sockets
    }

    /// Whether the application accepts.
    pub fn is_by_hand(&self) -> bool {
        self.by_hand
    }

    /// Takes the places out. For authors of backends.
    pub fn into_sockets(self) -> Vec<Socket> {
        self.sockets
    }
}

/// Where a server really listens: a port 0 has become a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket of this path; empty if it has none.
    Unix(PathBuf),
    /// In memory, under this name.
    Memory(String),
}

impl Address {
    /// The TCP address, if it is one.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    /// As a client would name it: `http://127.0.0.1:1666`, `unix:/run/app.sock`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => write!(f, "http://{address}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Memory(name) => write!(f, "memory:{name}"),
        }
    }
}

/// What turns into a [`Listen`].
pub trait IntoListen {
    /// What to listen on.
    ///
    /// # Errors
    /// [`ListenErrorKind::Address`] for a text that is none.
    fn into_listen(self) -> Result<Listen, ListenError>;
}

impl IntoListen for Listen {
    fn into_listen(self) -> Result<Listen, ListenError> {
        Ok(self)
    }
}

impl IntoListen for &str {
    fn into_listen(self) -> Result<Listen, ListenError> {
        if let Some(path) = self.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(no_address(self, "the path is missing after `unix:`"));
            }
            return Ok(Listen::on(Place::Unix(path.into())));
        }
        if let Ok(address) = self.parse() {
            return Ok(Listen::on(Place::Tcp(address)));
        }
        let Some((host, port)) = self.rsplit_once(':') else {
            return Err(no_address(
                self,
                "the port is missing; try `127.0.0.1:1666`",
            ));
        };
        if port.parse::<u16>().is_err() {
            return Err(no_address(self, "the port is no number from 0 to 65535"));
        }
        if host.is_empty() {
            return Err(no_address(
                self,
                "the host is missing; `[::]` stands for every address",
            ));
        }
        if host.contains([':', '/', ' ']) {
            return Err(no_address(
                self,
                "try `127.0.0.1:1666`, `[::1]:1666` or `unix:/path`",
            ));
        }
        Ok(Listen::on(Place::Host(self.to_owned())))
    }
}

fn no_address(text: &str, why: &str) -> ListenError {
    ListenError::new(ListenErrorKind::Address, text).with_source(why)
}

impl IntoListen for String {
    fn into_listen(self) -> Result<Listen, ListenError> {
        self.as_str().into_listen()
    }
}

impl IntoListen for &String {
    fn into_listen(self) -> Result<Listen, ListenError> {
        self.as_str().into_listen()
    }
}

impl IntoListen for SocketAddr {
    fn into_listen(self) -> Result<Listen, ListenError> {
        Ok(Listen::on(Place::Tcp(self)))
    }
}

impl IntoListen for (IpAddr, u16) {
    fn into_listen(self) -> Result<Listen, ListenError> {
        SocketAddr::from(self).into_listen()
    }
}

impl IntoListen for (&str, u16) {
    fn into_listen(self) -> Result<Listen, ListenError> {
        match self.0.parse::<IpAddr>() {
            Ok(ip) => (ip, self.1).into_listen(),
            Err(_) => format!("{}:{}", self.0, self.1).into_listen(),
        }
    }
}

impl IntoListen for TcpListener {
    fn into_listen(self) -> Result<Listen, ListenError> {
        Ok(Listen::on(Place::TcpListener(self)))
    }
}

impl IntoListen for UnixListener {
    fn into_listen(self) -> Result<Listen, ListenError> {
        Ok(Listen::on(Place::UnixListener(self)))
    }
}

impl IntoListen for OwnedFd {
    fn into_listen(self) -> Result<Listen, ListenError> {
        Ok(Listen::on(Place::Inherited(self)))
    }
}

impl<T: IntoListen> IntoListen for Vec<T> {
    fn into_listen(self) -> Result<Listen, ListenError> {
        self.into_iter().try_fold(
            Listen::nothing(),
            |all, one| Ok(all.and(one.into_listen()?)),
        )
    }
}

impl<T: IntoListen, const N: usize> IntoListen for [T; N] {
    fn into_listen(self) -> Result<Listen, ListenError> {
        Vec::from(self).into_listen()
    }
}

impl<T: IntoListen + Clone> IntoListen for &[T] {
    fn into_listen(self) -> Result<Listen, ListenError> {
        self.to_vec().into_listen()
    }
}

#[cfg(test)]
mod tests {
    use super::{IntoListen, Listen, Place};

    #[test]
    fn texts() {
        for good in [
            "127.0.0.1:0",
            "[::1]:80",
            "localhost:1666",
            "unix:/a b",
            "a-host.example:1",
        ] {
            assert!(good.into_listen().is_ok(), "{good}");
        }
        for bad in [
            "",
            "unix:",
            "127.0.0.1",
            "localhost:",
            "localhost:65536",
            ":80",
            "::1:80",
            "http://a:1",
        ] {
            let error = bad.into_listen().expect_err(bad);
            assert!(error.to_string().contains(bad), "{error}");
        }
    }

    #[test]
    fn options_hold_for_what_was_named_before() {
        let listen = "unix:/a".into_listen().map(|unix| unix.mode(0o600));
        let listen = listen.and_then(|unix| Ok(unix.and(("::", 0).into_listen()?.v6_only())));
        let sockets = listen.map(Listen::into_sockets).unwrap_or_default();
        assert!(matches!(&sockets[0].place, Place::Unix(_)) && sockets[0].mode == Some(0o600));
        assert!(sockets[1].v6_only && sockets[1].mode.is_none() && !sockets[0].v6_only);
    }
}
