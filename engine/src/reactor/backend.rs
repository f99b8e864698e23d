//! The sockets of a loop, as a backend.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

use http_server_trait::backend::Passed;

use super::handle::Handle;
use super::listener::Listener;
use super::stream::Stream;
use crate::net::Family;
use crate::server::{self, Backend};

/// A runtime whose servers have loops for their sockets, on threads of their own.
pub trait Looped: Send + Sync + 'static {
    /// Its name: `smol` ...
    const NAME: &'static str;
}

/// The sockets of a loop, as a backend of this runtime.
pub struct Sockets<L>(PhantomData<fn() -> L>);

impl<L: Looped> Backend for Sockets<L> {
    const NAME: &'static str = L::NAME;
    type Runtime = Handle;
    type Socket = OwnedFd;
    type Listener = Listener;
    type Stream = Stream;

    fn listener(socket: OwnedFd, family: Family) -> io::Result<Listener> {
        Listener::new(socket, family)
    }

    fn duplicate(socket: &OwnedFd) -> io::Result<Passed> {
        server::duplicate(socket)
    }

    fn socket(passed: Passed) -> Result<OwnedFd, Passed> {
        server::descriptor(passed)
    }

    fn stream(passed: Passed, _: Family) -> io::Result<Stream> {
        let socket = server::descriptor(passed).map_err(|_| server::foreign())?;
        Stream::new(socket)
    }
}

impl<L: Looped> fmt::Debug for Sockets<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sockets").field(&L::NAME).finish()
    }
}
