//! The simulation: virtual time, and every cut of what is sent.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_server_engine::Runtime;
use http_server_engine::testkit::{Client, Sim};
use http_server_trait::{Address, BoxFuture};

use super::memory::ClientEnd;
use super::{Received, Wire, World};
use crate::stage::Stage;

/// A simulated machine.
pub(crate) struct Simulated {
    pub(crate) sim: Sim,
    pub(crate) cut: Cut,
    /// The most that a connection has sent.
    pub(crate) most_sent: std::rc::Rc<std::cell::Cell<usize>>,
}

/// How what a client sends is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Not at all.
    Whole,
    /// After so many bytes of each connection.
    At(usize),
    /// After every byte.
    Everywhere,
}

/// How long, in virtual time, a thing that must happen may take.
const PATIENCE: Duration = Duration::from_secs(3600);

impl Simulated {
    fn wire<E: End + 'static>(&self, client: E) -> Box<dyn Wire> {
        Box::new(SimWire {
            client,
            sim: self.sim.clone(),
            cut: self.cut,
            sent: 0,
            most_sent: std::rc::Rc::clone(&self.most_sent),
        })
    }
}

impl World for Simulated {
    fn connect(&mut self, to: &Address) -> io::Result<Box<dyn Wire>> {
        let client = self
            .sim
            .connect(to)
            .ok_or(io::ErrorKind::ConnectionRefused)?;
        self.sim.run();
        Ok(self.wire(client))
    }

    fn attend(&mut self, end: ClientEnd) -> Box<dyn Wire> {
        self.wire(end)
    }

    fn pause(&mut self, time: Duration) {
        self.sim.advance(time);
    }

    fn wait_for(&mut self, stage: &Stage, what: &str, times: usize) -> bool {
        self.wait_until(&mut || stage.count(what) >= times)
    }

    fn wait_until(&mut self, is_so: &mut dyn FnMut() -> bool) -> bool {
        let until = self.sim.elapsed() + PATIENCE;
        self.sim.run();
        while !is_so() {
            let left = until.saturating_sub(self.sim.elapsed());
            if left.is_zero() || !self.sim.step(left) {
                return is_so();
            }
        }
        true
    }

    fn spawn(&mut self, future: BoxFuture<'static, ()>) {
        Runtime::spawn(&self.sim, future);
    }

    fn block_on(&mut self, future: BoxFuture<'static, ()>) -> Option<()> {
        self.sim.block_on(future);
        Some(())
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

/// The client's end of a connection. Nothing that it does waits.
trait End {
    fn address(&self) -> Option<SocketAddr>;
    fn send(&mut self, bytes: &[u8]) -> usize;
    fn receive(&mut self) -> Vec<u8>;
    fn is_ended(&self) -> bool;
    fn is_reset(&self) -> bool;
    fn end(&mut self);
    fn reset(&mut self);
}

impl End for Client {
    fn address(&self) -> Option<SocketAddr> {
        Client::address(self)
    }

    fn send(&mut self, bytes: &[u8]) -> usize {
        Client::send(self, bytes)
    }

    fn receive(&mut self) -> Vec<u8> {
        Client::receive(self)
    }

    fn is_ended(&self) -> bool {
        Client::is_ended(self)
    }

    fn is_reset(&self) -> bool {
        Client::is_reset(self)
    }

    fn end(&mut self) {
        Client::end(self);
    }

    fn reset(&mut self) {
        Client::reset(self);
    }
}

impl End for ClientEnd {
    fn address(&self) -> Option<SocketAddr> {
        None
    }

    fn send(&mut self, bytes: &[u8]) -> usize {
        ClientEnd::send(self, bytes)
    }

    fn receive(&mut self) -> Vec<u8> {
        ClientEnd::receive(self)
    }

    fn is_ended(&self) -> bool {
        ClientEnd::is_ended(self)
    }

    /// A server has no way to reset such a stream.
    fn is_reset(&self) -> bool {
        false
    }

    fn end(&mut self) {
        ClientEnd::end(self);
    }

    fn reset(&mut self) {
        ClientEnd::reset(self);
    }
}

struct SimWire<E> {
    client: E,
    sim: Sim,
    cut: Cut,
    sent: usize,
    most_sent: std::rc::Rc<std::cell::Cell<usize>>,
}

impl<E: End> SimWire<E> {
    /// Sends a piece in one segment, waiting for room where there is none; says how much was taken.
    fn send_piece(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < piece.len() {
            if self.client.is_reset() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let count = self.client.send(&piece[sent..]);
            self.sim.run();
            sent += count;
            if count == 0 {
                break;
            }
        }
        self.sent += sent;
        self.most_sent.set(self.most_sent.get().max(self.sent));
        Ok(sent)
    }
}

impl<E: End> Wire for SimWire<E> {
    fn address(&self) -> Option<SocketAddr> {
        self.client.address()
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.cut {
            Cut::Everywhere => {
                let mut sent = 0;
                for byte in bytes.chunks(1) {
                    match self.send_piece(byte)? {
                        0 => break,
                        count => sent += count,
                    }
                }
                Ok(sent)
            }
            Cut::At(at) if at > self.sent && at < self.sent + bytes.len() => {
                let (front, back) = bytes.split_at(at - self.sent);
                let sent = self.send_piece(front)?;
                if sent < front.len() {
                    return Ok(sent);
                }
                // The server may have answered the front already, and closed.
                Ok(sent + self.send_piece(back)?)
            }
            _ => self.send_piece(bytes),
        }
    }

    fn receive(&mut self, wait: Duration) -> Received {
        let until = self.sim.elapsed() + wait;
        self.sim.run();
        loop {
            let bytes = self.client.receive();
            if !bytes.is_empty() {
                self.sim.run();
                return Received::Bytes(bytes);
            }
            if self.client.is_reset() {
                return Received::Reset;
            }
            if self.client.is_ended() {
                return Received::End;
            }
            let left = until.saturating_sub(self.sim.elapsed());
            if left.is_zero() {
                return Received::Nothing;
            }
            self.sim.step(left);
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.client.end();
        self.sim.run();
        Ok(())
    }

    fn reset(&mut self) {
        self.client.reset();
        self.sim.run();
    }
}
