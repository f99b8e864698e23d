//! A network in memory, with weather.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use http_server_trait::{Address, CloseReason};

use super::sim::Sim;
use crate::buffers::{RecvBuf, SendQueue};
use crate::server;
use crate::transport::{Close, Detached, Transport};

/// How a connection behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Weather {
    /// Whether reads and writes of the server move only part of what they could, and sometimes have to be
    /// asked twice; as the seed decides.
    pub rough: bool,
    /// How many bytes fit between the two ends, in each direction.
    pub room: usize,
}

impl Default for Weather {
    /// Calm, with 64 KiB of room.
    fn default() -> Self {
        Weather {
            rough: false,
            room: 64 * 1024,
        }
    }
}

/// Everything that listens in a simulation.
#[derive(Clone, Default)]
pub struct Network(Arc<Mutex<Places>>);

#[derive(Default)]
struct Places {
    listening: HashMap<Address, Queue>,
    weather: Weather,
    clients: u16,
    ports: u16,
}

#[derive(Default)]
struct Queue {
    arrived: VecDeque<(MemoryStream, Option<SocketAddr>)>,
    waiting: Vec<Waker>,
    errors: VecDeque<io::Error>,
    /// How many sockets share it: duplicates of one.
    sockets: usize,
}

impl Queue {
    /// Those who wait, to be woken.
    fn waiting(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiting)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Network {
    /// Sets how connections behave that are made from now on.
    pub fn set_weather(&self, weather: Weather) {
        lock(&self.0).weather = weather;
    }

    /// Listens. A port 0 becomes a free one.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if somebody does already.
    pub fn listen(&self, address: Address) -> io::Result<MemoryListener> {
        let mut places = lock(&self.0);
        let address = match address {
            Address::Tcp(mut tcp) if tcp.port() == 0 => {
                places.ports += 1;
                tcp.set_port(20_000 + places.ports);
                Address::Tcp(tcp)
            }
            address => address,
        };
        if places.listening.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let queue = Queue {
            sockets: 1,
            ..Queue::default()
        };
        places.listening.insert(address.clone(), queue);
        Ok(MemoryListener {
            network: self.clone(),
            address,
        })
    }

    /// Lets the next accepts on this address fail.
    pub fn fail_accept(&self, address: &Address, errors: impl IntoIterator<Item = io::Error>) {
        let mut places = lock(&self.0);
        if let Some(queue) = places.listening.get_mut(address) {
            queue.errors.extend(errors);
            queue.waiting().into_iter().for_each(Waker::wake);
        }
    }

    pub(super) fn connect(&self, sim: &Sim, to: &Address) -> Option<Client> {
        let mut places = lock(&self.0);
        let (weather, number) = (places.weather, places.clients);
        let queue = places.listening.get_mut(to)?;
        let pipe = Arc::new(Mutex::new(Pipe::default()));
        let peer = to
            .tcp()
            .map(|server| SocketAddr::new(server.ip(), 40_000 + number));
        let stream = MemoryStream {
            pipe: Arc::clone(&pipe),
            sim: sim.clone(),
            weather,
            hesitated: false,
        };
        queue.arrived.push_back((stream, peer));
        let waiting = queue.waiting();
        places.clients = number.wrapping_add(1) % 20_000;
        drop(places);
        waiting.into_iter().for_each(Waker::wake);
        Some(Client {
            address: peer,
            pipe,
            sim: sim.clone(),
            room: weather.room,
        })
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(lock(&self.0).listening.keys())
            .finish()
    }
}

/// A place that is listened on. Dropping the last duplicate frees the address.
#[derive(Debug)]
pub struct MemoryListener {
    network: Network,
    address: Address,
}

impl MemoryListener {
    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Another one with the same queue.
    pub(super) fn duplicate(&self) -> Self {
        if let Some(queue) = lock(&self.network.0).listening.get_mut(&self.address) {
            queue.sockets += 1;
        }
        MemoryListener {
            network: self.network.clone(),
            address: self.address.clone(),
        }
    }
}

impl server::Listener for MemoryListener {
    type Stream = MemoryStream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(MemoryStream, Option<SocketAddr>)>> {
        let mut places = lock(&self.network.0);
        let Some(queue) = places.listening.get_mut(&self.address) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if let Some(error) = queue.errors.pop_front() {
            return Poll::Ready(Err(error));
        }
        match queue.arrived.pop_front() {
            Some(arrived) => Poll::Ready(Ok(arrived)),
            None => {
                if !queue
                    .waiting
                    .iter()
                    .any(|waker| waker.will_wake(cx.waker()))
                {
                    queue.waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let mut places = lock(&self.network.0);
        let Some(queue) = places.listening.get_mut(&self.address) else {
            return;
        };
        queue.sockets -= 1;
        if queue.sockets == 0 {
            let left = places.listening.remove(&self.address);
            drop(places);
            drop(left);
        }
    }
}

/// A connection: two directions, and whether it was reset.
#[derive(Default)]
struct Pipe {
    to_server: Direction,
    to_client: Direction,
    reset: bool,
    /// Whether the server has let go of it.
    server_gone: bool,
}

#[derive(Default)]
struct Direction {
    bytes: VecDeque<u8>,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn reset(&mut self) -> [Option<Waker>; 2] {
        self.reset = true;
        // What was not read is lost, as it may be on a real network.
        self.to_client.bytes.clear();
        [self.to_server.reader.take(), self.to_client.writer.take()]
    }
}

/// The server's end of a connection.
pub struct MemoryStream {
    pipe: Arc<Mutex<Pipe>>,
    sim: Sim,
    weather: Weather,
    /// Whether it has just made its reader ask twice.
    hesitated: bool,
}

impl MemoryStream {
    /// How much of `most` is moved: all of it in calm weather.
    fn some_of(&self, most: usize) -> usize {
        if self.weather.rough {
            1 + self.sim.random(most)
        } else {
            most
        }
    }

    /// Whether to say that nothing is there although something is, once in a while.
    fn hesitates(&mut self, cx: &Context<'_>) -> bool {
        self.hesitated = self.weather.rough && !self.hesitated && self.sim.random(3) == 0;
        if self.hesitated {
            cx.waker().wake_by_ref();
        }
        self.hesitated
    }
}

/// Takes what waits, as an operating system does: what one write is given of it, and so many bytes at most. Gives how
/// many that were. For a [`Transport`] of a test.
pub fn take(tx: &mut SendQueue, most: usize, into: &mut impl Extend<u8>) -> usize {
    let (pieces, filled) = tx.pieces();
    let pieces = &pieces[..filled];
    let count = pieces
        .iter()
        .map(|piece| piece.len())
        .sum::<usize>()
        .min(most);
    into.extend(
        pieces
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .take(count),
    );
    tx.advance(count);
    count
}

impl Transport for MemoryStream {
    fn poll_recv(&mut self, cx: &mut Context<'_>, rx: &mut RecvBuf) -> Poll<io::Result<usize>> {
        if self.hesitates(cx) {
            return Poll::Pending;
        }
        let mut pipe = lock(&self.pipe);
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let direction = &mut pipe.to_server;
        if direction.bytes.is_empty() {
            if direction.ended {
                return Poll::Ready(Ok(0));
            }
            direction.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let room = rx.room();
        let most = direction.bytes.len().min(room.capacity() - room.len());
        let count = self.some_of(most);
        room.extend(direction.bytes.drain(..count));
        wake(direction.writer.take());
        Poll::Ready(Ok(count))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, tx: &mut SendQueue) -> Poll<io::Result<usize>> {
        if self.hesitates(cx) {
            return Poll::Pending;
        }
        let mut pipe = lock(&self.pipe);
        if pipe.reset || pipe.to_client.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let direction = &mut pipe.to_client;
        let free = self.weather.room.saturating_sub(direction.bytes.len());
        if free == 0 {
            direction.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let most = self.some_of(free.min(tx.len()));
        Poll::Ready(Ok(take(tx, most, &mut direction.bytes)))
    }

    fn peer_end(&self) -> Option<CloseReason> {
        let pipe = lock(&self.pipe);
        if pipe.reset {
            Some(CloseReason::ClientLeft)
        } else {
            pipe.to_server.ended.then_some(CloseReason::ClientClosed)
        }
    }

    fn poll_close(&mut self, _: &mut Context<'_>, how: Close) -> Poll<io::Result<()>> {
        let mut pipe = lock(&self.pipe);
        match how {
            Close::Write => pipe.to_client.ended = true,
            Close::Reset => drop(pipe.reset()),
        }
        Poll::Ready(Ok(()))
    }

    fn poll_detach(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Detached>> {
        let pipe = std::mem::replace(&mut self.pipe, Arc::new(Mutex::new(Pipe::default())));
        let moved = MemoryStream {
            pipe,
            sim: self.sim.clone(),
            weather: self.weather,
            hesitated: false,
        };
        Poll::Ready(Ok(Detached::layers(moved)))
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        let mut pipe = lock(&self.pipe);
        pipe.server_gone = true;
        if !pipe.to_server.bytes.is_empty() {
            // As the kernel does: closing with something unread resets the connection.
            drop(pipe.reset());
        }
        pipe.to_client.ended = true;
    }
}

impl fmt::Debug for MemoryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStream")
            .field("weather", &self.weather)
            .finish_non_exhaustive()
    }
}

/// The client's end of a connection. Nothing that it does waits: call [`Sim::run`] to see what follows.
pub struct Client {
    address: Option<SocketAddr>,
    pipe: Arc<Mutex<Pipe>>,
    sim: Sim,
    room: usize,
}

impl Client {
    /// Where it is connected from, as its server sees it.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Sends as much as there is room for, and says how much that was.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let mut pipe = lock(&self.pipe);
        if pipe.reset {
            return 0;
        }
        if pipe.server_gone {
            // What arrives where nobody is any more is answered by a reset. What came before it was received.
            pipe.reset = true;
            return bytes.len();
        }
        let direction = &mut pipe.to_server;
        let count = self
            .room
            .saturating_sub(direction.bytes.len())
            .min(bytes.len());
        direction.bytes.extend(&bytes[..count]);
        let reader = direction.reader.take();
        drop(pipe);
        wake(reader);
        count
    }

    /// Takes what has arrived.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut pipe = lock(&self.pipe);
        let bytes = pipe.to_client.bytes.drain(..).collect();
        let writer = pipe.to_client.writer.take();
        drop(pipe);
        wake(writer);
        bytes
    }

    /// Whether the server has ended its side, and everything before that has been taken.
    pub fn is_ended(&self) -> bool {
        let pipe = lock(&self.pipe);
        pipe.to_client.ended && pipe.to_client.bytes.is_empty() && !pipe.reset
    }

    /// Whether the connection was reset.
    pub fn is_reset(&self) -> bool {
        lock(&self.pipe).reset
    }

    /// Ends this side; the server may still send.
    pub fn end(&mut self) {
        let mut pipe = lock(&self.pipe);
        pipe.to_server.ended = true;
        let reader = pipe.to_server.reader.take();
        drop(pipe);
        wake(reader);
    }

    /// Resets the connection.
    pub fn reset(&mut self) {
        let wakers = lock(&self.pipe).reset();
        wakers.into_iter().for_each(wake);
    }

    /// The simulation that it is in.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end();
        let unread = !lock(&self.pipe).to_client.bytes.is_empty();
        if unread {
            self.reset();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("ended", &self.is_ended())
            .field("reset", &self.is_reset())
            .finish_non_exhaustive()
    }
}
