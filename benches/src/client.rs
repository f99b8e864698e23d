//! What asks: one thread and a ring of connections.
//!
//! On each connection a burst of requests is under way. The client goes round: it reads the answers of a
//! connection to their end, sends the next burst on it, and goes on to the next one. While it reads one
//! answer the others are being made, so that a server always has something to do; and nothing is counted
//! that has not been read to its end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::answers::Answers;
use crate::work::Work;

/// A client that does one kind of work with one server.
#[derive(Debug)]
pub struct Client<'a> {
    work: &'a Work,
    server: SocketAddr,
    burst: Vec<u8>,
    ring: Vec<Slot>,
    buffer: Vec<u8>,
}

/// One place of the ring.
#[derive(Debug, Default)]
struct Slot {
    stream: Option<TcpStream>,
    answers: Answers,
}

/// A server that is silent for so long has lost a request.
const PATIENCE: Duration = Duration::from_secs(10);

const BUFFER: usize = 64 * 1024;

impl<'a> Client<'a> {
    /// A client of this server. It has no connections yet.
    pub fn new(work: &'a Work, server: SocketAddr) -> Self {
        let mut ring = Vec::new();
        ring.resize_with(work.connections, Slot::default);
        Client {
            work,
            server,
            burst: work.request().repeat(work.pipelined),
            ring,
            buffer: vec![0; BUFFER],
        }
    }

    /// One request on a connection of its own; gives back the content of its answer.
    ///
    /// # Errors
    /// If the connection fails, or the answer is not a 200.
    pub fn ask_once(&mut self) -> io::Result<Vec<u8>> {
        let mut slot = Slot::default();
        slot.send(self.server, self.work.request())?;
        let mut content = Vec::new();
        slot.receive(1, &mut self.buffer, |piece| {
            content.extend_from_slice(piece);
        })?;
        Ok(content)
    }

    /// Sends the first burst on every connection. None may be under way.
    ///
    /// # Errors
    /// If a connection cannot be made, or fails.
    pub fn begin(&mut self) -> io::Result<()> {
        for slot in &mut self.ring {
            slot.send(self.server, &self.burst)?;
        }
        Ok(())
    }

    /// Goes round once: reads the answers of every connection, and if it goes on after that sends the next
    /// requests. Gives back how many answers it has read.
    ///
    /// # Errors
    /// If a connection fails, or an answer is not the one to this work.
    pub fn go_round(&mut self, goes_on: bool) -> io::Result<u64> {
        let mut answered = 0;
        for slot in &mut self.ring {
            let asked = self.work.pipelined as u64;
            let content = slot.receive_counted(asked, &mut self.buffer)?;
            let expected = asked * self.work.content().len() as u64;
            if content != expected {
                let wrong = format!("{content} bytes of content instead of {expected}");
                return Err(io::Error::other(wrong));
            }
            answered += asked;
            if !self.work.kept {
                slot.end(&mut self.buffer)?;
            }
            if goes_on {
                slot.send(self.server, &self.burst)?;
            }
        }
        Ok(answered)
    }
}

impl Slot {
    fn send(&mut self, server: SocketAddr, burst: &[u8]) -> io::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(connect(server)?),
        };
        stream.write_all(burst)
    }

    /// Reads so many answers, and nothing after them. Gives back how much content they had.
    fn receive_counted(&mut self, answers: u64, buffer: &mut [u8]) -> io::Result<u64> {
        let mut content = 0;
        self.receive(answers, buffer, |piece| content += piece.len() as u64)?;
        Ok(content)
    }

    fn receive(
        &mut self,
        answers: u64,
        buffer: &mut [u8],
        mut content: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        let mut complete = 0;
        while complete < answers {
            let count = stream.read(buffer).map_err(patience)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            complete += self.answers.read(&buffer[..count], &mut content)?;
        }
        if complete > answers || !self.answers.is_between() {
            return Err(io::Error::other("more answers than requests"));
        }
        Ok(())
    }

    /// Waits for the server's end. Who closes first keeps the port for a minute: that is the server, which
    /// has one port for all.
    fn end(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(());
        };
        match stream.read(buffer).map_err(patience)? {
            0 => Ok(()),
            _ => Err(io::Error::other("more than one answer before the close")),
        }
    }
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A time-out of a socket says `WouldBlock`, which tells nobody anything.
fn patience(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => io::Error::new(
            ErrorKind::TimedOut,
            format!("no answer within {} s", PATIENCE.as_secs()),
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::Client;
    use crate::work::Work;

    /// What a client makes of a server that answers the first request of each connection with this.
    fn first_round(work: &Work, answer: &[u8]) -> Result<u64, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let mut few = work.clone();
        few.connections = 2;
        let asked = few.pipelined * few.request().len();
        let answer = answer.to_vec();
        let serving = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut vec![0; asked]).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        let mut client = Client::new(&few, server);
        client.begin().unwrap();
        serving.join().unwrap();
        client.go_round(false).map_err(|error| error.to_string())
    }

    #[test]
    fn answers_are_counted() {
        for work in Work::all() {
            let answers = work.ready_made().repeat(work.pipelined);
            // What does not fit into the sockets' buffers would wait for the client.
            if answers.len() < 128 * 1024 {
                let expected = 2 * work.pipelined as u64;
                assert_eq!(first_round(&work, &answers), Ok(expected), "{}", work.name);
            }
        }
    }

    #[test]
    fn too_few_and_too_many_answers_are_errors() {
        let pipelined = Work::named("pipelined").unwrap();
        let one = pipelined.ready_made();
        assert!(first_round(&pipelined, &one.repeat(15)).is_err());
        assert!(first_round(&pipelined, &one.repeat(17)).is_err());
        let surplus = [one.repeat(16), b"HTTP".to_vec()].concat();
        assert!(first_round(&pipelined, &surplus).is_err());
    }

    #[test]
    fn another_answer_is_an_error() {
        let echo = Work::named("echo").unwrap();
        let plaintext = Work::named("plaintext").unwrap();
        assert!(first_round(&echo, &plaintext.ready_made()).is_err());
        let connect = Work::named("connect").unwrap();
        assert!(first_round(&connect, &connect.ready_made().repeat(2)).is_err());
    }
}
