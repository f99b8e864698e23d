//! Listening sockets: bound, shared among workers, and cleaned up.

use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use http_server_trait::{Address, Config, ListenError, ListenErrorKind, Place};
use socket2::{Domain, SockAddr, Socket, Type};

/// A place that is listened on: one listening socket for each worker.
#[derive(Debug)]
pub struct Bound<S = OwnedFd> {
    /// One for each worker, ready to be registered with its runtime: they do not block.
    pub sockets: Vec<S>,
    /// Which family they are of.
    pub family: Family,
    /// Where they listen.
    pub address: Address,
    /// The path to be removed in the end.
    pub(crate) path: Option<OwnPath>,
}

impl<S> Bound<S> {
    /// A place whose sockets are of a kind of their own.
    pub fn new(sockets: Vec<S>, family: Family, address: Address) -> Self {
        Bound {
            sockets,
            family,
            address,
            path: None,
        }
    }
}

/// A family of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// TCP over IPv4 or IPv6.
    Tcp,
    /// Unix stream sockets.
    Unix,
}

/// Binds a place for this many workers.
///
/// # Errors
/// Names the address. Nothing is left bound.
pub fn bind(
    place: http_server_trait::Socket,
    workers: usize,
    config: &Config,
) -> Result<Bound, ListenError> {
    match place.place {
        Place::Tcp(address) => tcp(address, place.reuse_port, place.v6_only, workers, config)
            .map_err(|error| ListenError::io(address, error)),
        Place::Host(ref name) => host(name, &place, workers, config),
        Place::Unix(path) => {
            let named = path.display().to_string();
            unix(path, place.mode, workers, config).map_err(|error| ListenError::io(named, error))
        }
        Place::TcpListener(listener) => given(Socket::from(listener), workers, config),
        Place::UnixListener(listener) => {
            given(Socket::from(OwnedFd::from(listener)), workers, config)
        }
        Place::Inherited(descriptor) => given(Socket::from(descriptor), workers, config),
        other => Err(ListenError::new(
            ListenErrorKind::Unsupported,
            format!("{other:?}"),
        )),
    }
}

/// The first address of this name that can be bound.
fn host(
    name: &str,
    place: &http_server_trait::Socket,
    workers: usize,
    config: &Config,
) -> Result<Bound, ListenError> {
    let addresses = name
        .to_socket_addrs()
        .map_err(|error| ListenError::new(ListenErrorKind::Address, name).with_source(error))?;
    let mut failed = None;
    for address in addresses {
        match tcp(address, place.reuse_port, place.v6_only, workers, config) {
            Ok(bound) => return Ok(bound),
            Err(error) => failed.get_or_insert(ListenError::io(address, error)),
        };
    }
    Err(failed.unwrap_or_else(|| ListenError::new(ListenErrorKind::Address, name)))
}

/// One socket for each worker, among which the kernel shares connections out.
///
/// The first is bound without SO_REUSEPORT, so that an address in use is an error; the others join it.
/// With `reuse_port` other processes may join, too.
fn tcp(
    address: SocketAddr,
    reuse_port: bool,
    v6_only: bool,
    workers: usize,
    config: &Config,
) -> io::Result<Bound> {
    let open = |address: SocketAddr, join: bool| {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(v6_only)?;
        }
        socket.set_reuse_port(join)?;
        socket.bind(&address.into())?;
        Ok::<_, io::Error>(socket)
    };
    let first = open(address, reuse_port)?;
    if workers > 1 {
        first.set_reuse_port(true)?;
    }
    let real = first.local_addr()?.as_socket().unwrap_or(address);
    let mut sockets = vec![first];
    while sockets.len() < workers {
        sockets.push(open(real, true)?);
    }
    for socket in &sockets {
        prepare(socket, config)?;
        // Accepted sockets inherit it, where that is so; a call for each connection is saved.
        socket.set_tcp_nodelay(config.nodelay)?;
    }
    let sockets = sockets.into_iter().map(OwnedFd::from).collect();
    Ok(Bound {
        sockets,
        family: Family::Tcp,
        address: Address::Tcp(real),
        path: None,
    })
}

/// Starts listening, without blocking.
fn prepare(socket: &Socket, config: &Config) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))
}

/// A Unix socket. A file that a server has left behind is replaced, if nobody listens on it any more.
fn unix(path: PathBuf, mode: Option<u32>, workers: usize, config: &Config) -> io::Result<Bound> {
    let address = SockAddr::unix(&path)?;
    remove_stale(&path, &address)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&address)?;
    let own = OwnPath::new(&path)?;
    if let Some(mode) = mode {
        // Before anybody can connect: nobody listens yet.
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    prepare(&socket, config)?;
    let sockets = shared(socket, workers)?;
    Ok(Bound {
        sockets,
        family: Family::Unix,
        address: Address::Unix(path),
        path: Some(own),
    })
}

fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is a file that is no socket",
            ));
        }
        Ok(_) => {}
    }
    // Somebody may be listening: then it is theirs.
    match Socket::new(Domain::UNIX, Type::STREAM, None)?.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(()) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) => Err(error),
    }
}

/// A listening socket that somebody else has bound.
fn given(socket: Socket, workers: usize, config: &Config) -> Result<Bound, ListenError> {
    let described = |error| ListenError::io("a socket that was handed in", error);
    let local = socket.local_addr().map_err(described)?;
    let (family, address) = match (local.as_socket(), local.as_pathname()) {
        (Some(address), _) => (Family::Tcp, Address::Tcp(address)),
        (None, path) if local.is_unix() => (
            Family::Unix,
            Address::Unix(path.map(Path::to_path_buf).unwrap_or_default()),
        ),
        _ => {
            let what = "a socket that is neither TCP nor Unix";
            return Err(ListenError::new(ListenErrorKind::Unsupported, what));
        }
    };
    prepare(&socket, config).map_err(described)?;
    if family == Family::Tcp {
        socket.set_tcp_nodelay(config.nodelay).map_err(described)?;
    }
    let sockets = shared(socket, workers).map_err(described)?;
    Ok(Bound {
        sockets,
        family,
        address,
        path: None,
    })
}

/// The one socket, for each worker: duplicates share its queue.
fn shared(socket: Socket, workers: usize) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = vec![OwnedFd::from(socket)];
    while sockets.len() < workers {
        sockets.push(sockets[0].try_clone()?);
    }
    Ok(sockets)
}

/// The path of a Unix socket, removed in the end if it is still ours.
#[derive(Debug)]
pub(crate) struct OwnPath {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl OwnPath {
    fn new(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(OwnPath {
            path: path.to_path_buf(),
            device: found.dev(),
            inode: found.ino(),
        })
    }
}

impl OwnPath {
    /// The path of a socket that another server has made and passed on.
    pub(crate) fn taken_over(path: &Path) -> Option<Self> {
        OwnPath::new(path).ok()
    }

    /// Leaves the file to a successor.
    pub(crate) fn pass_on(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        if ours {
            // If it cannot be removed now, the next start will do so.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// How many descriptors this process may have.
pub(crate) fn descriptor_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}
