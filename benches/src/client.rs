//! What asks: one thread, and on each of its connections a burst of requests under way.
//!
//! When the answers to a burst have been read to their end, the next one is sent, and not before: nothing is
//! counted that has not come. Whichever connection has something is read next, so that no answer waits for
//! another one.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};

use crate::answers::Answers;
use crate::cores;
use crate::work::Work;

/// A client that does one kind of work with one server.
#[derive(Debug)]
pub struct Client<'a> {
    work: &'a Work,
    server: SocketAddr,
    burst: Vec<u8>,
    poll: Poll,
    events: Events,
    places: Vec<Place>,
    buffer: Vec<u8>,
}

/// A place for a connection.
#[derive(Debug, Default)]
struct Place {
    stream: Option<TcpStream>,
    answers: Answers,
    doing: Doing,
    /// How many answers to this burst have come, and how much content they had.
    answered: u64,
    content: u64,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    #[default]
    Nothing,
    /// The burst has been sent so far.
    Sending(usize),
    /// The burst has been sent.
    Receiving,
    /// The answers have come, and the server is to close.
    Ending,
}

/// A server that is silent for so long has lost a request.
const PATIENCE: Duration = Duration::from_secs(10);

const BUFFER: usize = 64 * 1024;

impl<'a> Client<'a> {
    /// A client of this server. It has no connections yet.
    ///
    /// # Errors
    /// If the system has no means to wait for several connections.
    pub fn new(work: &'a Work, server: SocketAddr) -> io::Result<Self> {
        cores::descriptors();
        let mut places = Vec::new();
        places.resize_with(work.connections, Place::default);
        Ok(Client {
            work,
            server,
            burst: work.request().repeat(work.pipelined),
            poll: Poll::new()?,
            events: Events::with_capacity(256),
            places,
            buffer: vec![0; BUFFER],
        })
    }

    /// Sends a burst on every connection, and goes on for so long wherever one is answered: with no time at
    /// all, one each. Gives back how many answers it has read; no request is under way then.
    ///
    /// # Errors
    /// If a connection fails, the server is silent, or an answer is not the one to this work.
    pub fn run(&mut self, lasts: Duration) -> io::Result<u64> {
        let start = Instant::now();
        let mut under_way = 0;
        for at in 0..self.places.len() {
            self.begin(at)?;
            under_way += 1;
        }
        let mut answered = 0;
        while under_way > 0 {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            if self.events.is_empty() {
                let silent = format!("no answer within {} s", PATIENCE.as_secs());
                return Err(io::Error::new(ErrorKind::TimedOut, silent));
            }
            let goes_on = start.elapsed() < lasts;
            let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
            for event in &events {
                let Token(at) = event.token();
                let work = self.work;
                if !self.places[at].advance(event, work, &self.burst, &mut self.buffer)? {
                    continue;
                }
                answered += work.pipelined as u64;
                if goes_on {
                    self.begin(at)?;
                } else {
                    under_way -= 1;
                }
            }
            self.events = events;
        }
        Ok(answered)
    }

    /// Sends a burst, on a new connection if there is none.
    fn begin(&mut self, at: usize) -> io::Result<()> {
        let place = &mut self.places[at];
        if place.stream.is_none() {
            let stream = connect(self.server, self.poll.registry(), Token(at))?;
            place.stream = Some(stream);
        }
        (place.answered, place.content) = (0, 0);
        place.doing = Doing::Sending(0);
        place.send(&self.burst)
    }
}

impl Place {
    /// Goes on as far as it can. Says whether the burst is done with.
    fn advance(
        &mut self,
        event: &Event,
        work: &Work,
        burst: &[u8],
        buffer: &mut [u8],
    ) -> io::Result<bool> {
        if event.is_writable() {
            self.send(burst)?;
        }
        if !event.is_readable() || self.doing == Doing::Nothing {
            return Ok(false);
        }
        loop {
            let Some(stream) = &mut self.stream else {
                return Ok(false);
            };
            let count = match stream.read(buffer) {
                Ok(0) => return self.ended(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            if self.receive(&buffer[..count], work)? {
                return Ok(true);
            }
            // A short read has emptied the socket; only an end may be behind it.
            if count < buffer.len() && !event.is_read_closed() {
                return Ok(false);
            }
        }
    }

    fn send(&mut self, burst: &[u8]) -> io::Result<()> {
        while let (Doing::Sending(sent), Some(stream)) = (self.doing, &mut self.stream) {
            match stream.write(&burst[sent..]) {
                Ok(count) if sent + count == burst.len() => self.doing = Doing::Receiving,
                Ok(count) => self.doing = Doing::Sending(sent + count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what has come. Says whether the burst is done with.
    fn receive(&mut self, bytes: &[u8], work: &Work) -> io::Result<bool> {
        if self.doing == Doing::Ending {
            return Err(surplus());
        }
        let content = &mut self.content;
        self.answered += self
            .answers
            .read(bytes, |piece| *content += piece.len() as u64)?;
        let asked = work.pipelined as u64;
        if self.answered < asked {
            return Ok(false);
        }
        if self.answered > asked || !self.answers.is_between() {
            return Err(surplus());
        }
        let expected = asked * work.content().len() as u64;
        if self.content != expected {
            let wrong = format!("{} bytes of content, not {expected}", self.content);
            return Err(io::Error::other(wrong));
        }
        self.doing = if work.kept {
            Doing::Nothing
        } else {
            Doing::Ending
        };
        Ok(work.kept)
    }

    /// The server has closed. Who closes first keeps the port for a minute: where each request has a
    /// connection that must be the server, which has one port for all.
    fn ended(&mut self) -> io::Result<bool> {
        if self.doing != Doing::Ending {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.doing = Doing::Nothing;
        self.stream = None;
        Ok(true)
    }
}

#[cold]
fn surplus() -> io::Error {
    io::Error::other("more answers than requests")
}

fn connect(server: SocketAddr, registry: &Registry, token: Token) -> io::Result<TcpStream> {
    // On loopback this does not wait.
    let stream = std::net::TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    let both = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut stream, token, both)?;
    Ok(stream)
}

/// One request on a connection of its own; gives back the content of its answer.
///
/// # Errors
/// If the connection fails, the server is silent, or the answer is not a 200.
pub fn ask_once(work: &Work, server: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = std::net::TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ask(work, &mut stream)
}

/// Asks once on this connection, and gives the content of the answer.
///
/// # Errors
/// As [`ask_once`].
pub fn ask(work: &Work, stream: &mut std::net::TcpStream) -> io::Result<Vec<u8>> {
    stream.write_all(work.request())?;
    let mut answers = Answers::new();
    let mut content = Vec::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let take = |piece: &[u8]| content.extend_from_slice(piece);
        if answers.read(&buffer[..count], take)? > 0 {
            return Ok(content);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use super::Client;
    use crate::work::Work;

    /// What a client makes of a server that answers the first burst of each connection with this.
    fn first_burst(work: &Work, answer: &[u8]) -> Result<u64, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let mut few = work.clone();
        few.connections = 2;
        let asked = few.pipelined * few.request().len();
        let answer = answer.to_vec();
        let serving = thread::spawn(move || {
            // Accepted both: a client that gives up early closes both.
            let streams = [(); 2].map(|()| listener.accept().unwrap().0);
            for mut stream in streams {
                let answered = stream
                    .read_exact(&mut vec![0; asked])
                    .and_then(|()| stream.write_all(&answer));
                // A client that has given up does not read it.
                drop(answered);
            }
        });
        let mut client = Client::new(&few, server).unwrap();
        let read = client.run(Duration::ZERO);
        drop(client);
        serving.join().unwrap();
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn answers_are_counted() {
        for work in Work::all() {
            let answers = work.ready_made().repeat(work.pipelined);
            let expected = 2 * work.pipelined as u64;
            assert_eq!(first_burst(&work, &answers), Ok(expected), "{}", work.name);
        }
    }

    #[test]
    fn too_few_and_too_many_answers_are_errors() {
        let pipelined = Work::named("pipelined").unwrap();
        let one = pipelined.ready_made();
        let few = first_burst(&pipelined, &one.repeat(15)).unwrap_err();
        assert!(few.contains("end of file"), "{few}");
        let many = first_burst(&pipelined, &one.repeat(17)).unwrap_err();
        assert_eq!(many, "more answers than requests");
        let surplus = [one.repeat(16), b"HTTP".to_vec()].concat();
        let surplus = first_burst(&pipelined, &surplus).unwrap_err();
        assert_eq!(surplus, "more answers than requests");
    }

    #[test]
    fn another_answer_is_an_error() {
        let echo = Work::named("echo").unwrap();
        let plaintext = Work::named("plaintext").unwrap();
        let wrong = first_burst(&echo, &plaintext.ready_made()).unwrap_err();
        assert_eq!(wrong, "13 bytes of content, not 4096");
        let connect = Work::named("connect").unwrap();
        let two = first_burst(&connect, &connect.ready_made().repeat(2)).unwrap_err();
        assert_eq!(two, "more answers than requests");
    }
}
