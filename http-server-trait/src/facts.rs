//! What is known of a connection from its beginning.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;
use std::time::Instant;

/// What a backend tells about a connection when it makes a [`Conn`](crate::Conn).
///
/// A fact that does not exist is absent, never faked: a Unix socket has no peer address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The connection's own number, unique in its server.
    pub number: u64,
    /// What the id of this connection starts with, if it was made by something that has an id.
    pub parent: Option<Arc<str>>,
    /// The address of the other side. Absent on Unix sockets and in-memory connections.
    pub peer: Option<SocketAddr>,
    /// The address that was connected to. Absent on Unix sockets and in-memory connections.
    pub local: Option<SocketAddr>,
    /// Whether the connection is encrypted, and how.
    pub tls: Option<Arc<TlsFacts>>,
    /// Which of the server's listening sockets accepted it, in the order of
    /// [`ServerHandle::addresses`](crate::ServerHandle::addresses). Absent for a stream that was
    /// handed in.
    pub listener: Option<usize>,
    /// When it was accepted or handed in, by the server's clock; also of one that has come from another server.
    /// Absent: now.
    pub opened: Option<Instant>,
}

/// What is known of an encrypted connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The protocol version, `TLSv1.3` for example.
    pub version: Option<String>,
    /// The name of the cipher suite.
    pub cipher: Option<String>,
    /// The server name that the client asked for.
    pub server_name: Option<String>,
    /// The application protocol that was agreed on.
    pub alpn: Option<Vec<u8>>,
    /// The client's certificates in DER, its own first.
    pub client_certificates: Vec<Vec<u8>>,
}

/// The same facts in little memory, as every connection keeps them for as long as it lives.
pub(crate) struct Known {
    pub(crate) number: u64,
    pub(crate) opened: Instant,
    peer: Addr,
    local: Addr,
    listener: Option<u32>,
    rare: Option<Box<Rare>>,
}

/// What most connections do not have.
#[derive(Clone)]
struct Rare {
    parent: Option<Arc<str>>,
    tls: Option<Arc<TlsFacts>>,
}

/// An address, if there is one. The long ones take memory of their own.
enum Addr {
    None,
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl Known {
    /// What these say, of a connection that was opened now unless they say when.
    pub(crate) fn of(facts: Facts, now: impl FnOnce() -> Instant) -> Self {
        let Facts {
            number,
            parent,
            peer,
            local,
            tls,
            listener,
            opened,
        } = facts;
        let is_rare = parent.is_some() || tls.is_some();
        Known {
            number,
            opened: opened.unwrap_or_else(now),
            peer: peer.into(),
            local: local.into(),
            // Nobody has that many listening sockets.
            listener: listener.and_then(|index| index.try_into().ok()),
            rare: is_rare.then(|| Box::new(Rare { parent, tls })),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            number: self.number,
            parent: self.parent().cloned(),
            peer: self.peer(),
            local: self.local(),
            tls: self.tls().cloned(),
            listener: self.listener(),
            opened: Some(self.opened),
        }
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer.get()
    }

    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.local.get()
    }

    pub(crate) fn listener(&self) -> Option<usize> {
        self.listener.and_then(|index| index.try_into().ok())
    }

    pub(crate) fn parent(&self) -> Option<&Arc<str>> {
        self.rare.as_ref()?.parent.as_ref()
    }

    pub(crate) fn tls(&self) -> Option<&Arc<TlsFacts>> {
        self.rare.as_ref()?.tls.as_ref()
    }
}

impl Addr {
    fn get(&self) -> Option<SocketAddr> {
        match self {
            Addr::None => None,
            Addr::V4(address) => Some(SocketAddr::V4(*address)),
            Addr::V6(address) => Some(SocketAddr::V6(**address)),
        }
    }
}

impl From<Option<SocketAddr>> for Addr {
    fn from(address: Option<SocketAddr>) -> Self {
        match address {
            None => Addr::None,
            Some(SocketAddr::V4(address)) => Addr::V4(address),
            Some(SocketAddr::V6(address)) => Addr::V6(Box::new(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{Facts, Known, TlsFacts};

    #[test]
    fn no_fact_is_lost() {
        let begun = Instant::now();
        let tls = TlsFacts {
            version: Some("TLSv1.3".into()),
            ..TlsFacts::default()
        };
        let all = Facts {
            number: 7,
            parent: Some("quic-3".into()),
            peer: Some("192.0.2.1:80".parse().unwrap()),
            local: Some("[2001:db8::1%5]:443".parse().unwrap()),
            tls: Some(Arc::new(tls)),
            listener: Some(2),
            opened: begun.checked_add(Duration::from_secs(1)),
        };
        let one_by_one = [
            Facts {
                opened: Some(begun),
                ..Facts::default()
            },
            Facts {
                parent: None,
                ..all.clone()
            },
            Facts {
                tls: None,
                ..all.clone()
            },
            Facts {
                peer: None,
                ..all.clone()
            },
            Facts {
                local: None,
                peer: all.local,
                ..all.clone()
            },
            all,
        ];
        for facts in one_by_one {
            let known = Known::of(facts.clone(), || unreachable!());
            assert_eq!(format!("{:?}", known.facts()), format!("{facts:?}"));
        }
        let known = Known::of(Facts::default(), || begun);
        assert_eq!(known.facts().opened, Some(begun));
    }

    #[test]
    fn a_connection_is_small() {
        assert!(size_of::<Known>() <= 72, "{}", size_of::<Known>());
    }
}
