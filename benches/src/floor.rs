//! The floor: what a server costs that reads nothing.
//!
//! One thread, edge-triggered readiness, one read and one write for what has come. It knows how long a
//! request is, counts bytes, and sends as many ready-made answers as requests are complete. No server that
//! looks at what it is sent can be cheaper, so this is what the others are measured by.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::work::Work;

/// Answers this work on a thread that runs as long as the process, and says where.
///
/// # Errors
/// If it cannot listen.
pub fn start(work: &Work) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let mut listener = TcpListener::from_std(listener);
    let poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let floor = Floor::new(work);
    let run = move || floor.run(poll, &listener);
    thread::Builder::new().name("floor".into()).spawn(run)?;
    Ok(address)
}

/// Connections have the numbers below it.
const LISTENER: Token = Token(usize::MAX);

const BUFFER: usize = 64 * 1024;

struct Floor {
    /// How long a request is.
    request: usize,
    /// How long an answer is.
    answer: usize,
    /// Answers, as many as are worth one write.
    answers: Vec<u8>,
    kept: bool,
}

struct Peer {
    stream: TcpStream,
    /// How much of an incomplete request has come.
    begun: usize,
    /// How many bytes of answers it is owed.
    owed: usize,
}

/// What becomes of a connection.
#[derive(PartialEq, Eq)]
enum Then {
    Wait,
    Close,
}

impl Floor {
    fn new(work: &Work) -> Self {
        let answer = work.ready_made();
        Floor {
            request: work.request().len(),
            answer: answer.len(),
            answers: answer.repeat(work.pipelined),
            kept: work.kept,
        }
    }

    /// Serves until something fails that cannot fail.
    fn run(&self, mut poll: Poll, listener: &TcpListener) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut peers: Slab<Peer> = Slab::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            poll.poll(&mut events, None)?;
            for event in &events {
                if event.token() == LISTENER {
                    accept(&poll, listener, &mut peers)?;
                    continue;
                }
                let Token(key) = event.token();
                let Some(peer) = peers.get_mut(key) else {
                    continue;
                };
                // A connection that fails is over; the others go on.
                let then = self.serve(peer, event, &mut buffer).unwrap_or(Then::Close);
                if then == Then::Close {
                    peers.remove(key);
                }
            }
        }
    }

    fn serve(&self, peer: &mut Peer, event: &Event, buffer: &mut [u8]) -> io::Result<Then> {
        let mut then = Then::Wait;
        if event.is_readable() {
            then = self.receive(peer, event, buffer)?;
        }
        // Who has ended its side may still read.
        match self.send(peer)? {
            Then::Wait => Ok(then),
            Then::Close => Ok(Then::Close),
        }
    }

    /// Counts what has come.
    fn receive(&self, peer: &mut Peer, event: &Event, buffer: &mut [u8]) -> io::Result<Then> {
        loop {
            let count = match peer.stream.read(buffer) {
                Ok(0) => return Ok(Then::Close),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Then::Wait),
                Err(error) => return Err(error),
            };
            let come = peer.begun + count;
            peer.begun = come % self.request;
            peer.owed += come / self.request * self.answer;
            // A short read has emptied the socket; only an end may be behind it.
            if count < buffer.len() && !event.is_read_closed() {
                return Ok(Then::Wait);
            }
        }
    }

    /// Sends what is owed.
    fn send(&self, peer: &mut Peer) -> io::Result<Then> {
        while peer.owed > 0 {
            let from = (self.answer - peer.owed % self.answer) % self.answer;
            let to = self.answers.len().min(from + peer.owed);
            match peer.stream.write(&self.answers[from..to]) {
                Ok(count) => peer.owed -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Then::Wait),
                Err(error) => return Err(error),
            }
            if peer.owed == 0 && !self.kept {
                return Ok(Then::Close);
            }
        }
        Ok(Then::Wait)
    }
}

fn accept(poll: &Poll, listener: &TcpListener, peers: &mut Slab<Peer>) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let entry = peers.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut stream, Token(entry.key()), both)?;
        entry.insert(Peer {
            stream,
            begun: 0,
            owed: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};
    use std::time::Duration;

    use super::start;
    use crate::client::{Client, ask_once};
    use crate::work::Work;

    fn connect(work: &Work) -> TcpStream {
        let stream = TcpStream::connect(start(work).unwrap()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    }

    fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn it_does_all_the_work() {
        for work in Work::all() {
            let address = start(&work).unwrap();
            let content = ask_once(&work, address).unwrap();
            assert!(content == work.content(), "{}", work.name);
            let mut client = Client::new(&work, address).unwrap();
            let asked = (work.connections * work.pipelined) as u64;
            assert_eq!(client.run(Duration::ZERO).unwrap(), asked);
            assert!(client.run(Duration::from_millis(20)).unwrap() >= asked);
        }
    }

    #[test]
    fn sixteen_requests_have_sixteen_answers_and_half_a_request_none() {
        let work = Work::named("pipelined").unwrap();
        let (mut stream, answer) = (connect(&work), work.ready_made());
        let requests = work.request().repeat(17);
        let cut = work.request().len() * 16 + 5;
        stream.write_all(&requests[..cut]).unwrap();
        assert!(read(&mut stream, answer.len() * 16) == answer.repeat(16));
        stream.write_all(&requests[cut..]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest == answer, "{} bytes", rest.len());
    }

    #[test]
    fn an_answer_waits_for_a_slow_reader() {
        let work = Work::named("download").unwrap();
        let mut stream = connect(&work);
        // More than any socket buffers: the floor must go on when there is room.
        let count = 16;
        for _ in 0..count {
            stream.write_all(work.request()).unwrap();
        }
        let answer = work.ready_made();
        for _ in 0..count {
            assert!(read(&mut stream, answer.len()) == answer);
        }
    }

    #[test]
    fn it_closes_when_the_work_says_so() {
        let work = Work::named("connect").unwrap();
        let mut stream = connect(&work);
        stream.write_all(work.request()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert!(all == work.ready_made());
    }
}
