//! The programs as processes, and a small client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program, running.
pub(crate) struct Program {
    process: Child,
    out: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Program {
    /// Starts it on this backend, on a free port, with these words more on the command line.
    pub(crate) fn start(path: &str, backend: &str, more: &[&str]) -> Program {
        let mut process = Command::new(path)
            .env("BACKEND", backend)
            .arg("127.0.0.1:0")
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started");
        let mut out = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        let address = loop {
            let mut line = String::new();
            assert_ne!(
                out.read_line(&mut line).expect("its text"),
                0,
                "it has ended"
            );
            if let Some(address) = line.trim_end().strip_prefix("listening on http://") {
                break address.parse().expect("an address");
            }
        };
        Program {
            process,
            out,
            address,
        }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client(BufReader::new(stream))
    }

    /// Everything that one request is answered with, on a connection that closes after it.
    pub(crate) fn ask(&self, request: &str, content: &str) -> String {
        let mut client = self.connect();
        let length = content.len();
        client.send(&format!(
            "{request}Host: example\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{content}"
        ));
        client.rest()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("its text");
        line
    }

    pub(crate) fn interrupt(&self) {
        let id = i32::try_from(self.process.id()).expect("an id");
        kill_process(Pid::from_raw(id).expect("an id"), Signal::INT).expect("it runs");
    }

    /// Waits for its end: its status, and what it still had to say.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut out = String::new();
        self.out.read_to_string(&mut out).expect("its text");
        (self.process.wait().expect("its status"), out)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Most of the programs run until they are ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection to a program.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn send(&mut self, text: &str) {
        self.0
            .get_mut()
            .write_all(text.as_bytes())
            .expect("it takes what is sent");
    }

    /// Everything up to the end of this text.
    pub(crate) fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut byte = [0];
            self.0
                .read_exact(&mut byte)
                .unwrap_or_else(|error| panic!("{error} after {text:?}"));
            text.push(char::from(byte[0]));
        }
        text
    }

    /// Everything until the server ends its side.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("an end");
        String::from_utf8(rest).expect("text")
    }
}
