//! What the tests work with: the command as a process, and a small client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn bayonet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bayonet"));
    // What somebody has set for a demo of their own is not for these.
    command
        .env_remove("BAYONET_CONTROL")
        .env_remove("BAYONET_TOKEN")
        .env_remove("NOTIFY_SOCKET");
    command
}

/// The demo, running.
pub(crate) struct Demo {
    process: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
    /// What it said when it was ready.
    pub(crate) banner: String,
    pub(crate) address: SocketAddr,
    /// Its Unix socket, if it has one.
    pub(crate) unix: Option<PathBuf>,
}

/// How the demo ended.
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Demo {
    /// Starts it on this backend and on a free port.
    pub(crate) fn on(backend: &str) -> Demo {
        Demo::with(backend, &[])
    }

    /// As `on`, with more on the command line.
    pub(crate) fn with(backend: &str, more: &[&str]) -> Demo {
        Demo::started(bayonet(), backend, more)
    }

    /// As `with`, by this command.
    pub(crate) fn started(mut command: Command, backend: &str, more: &[&str]) -> Demo {
        let mut process = command
            .args([
                "demo",
                "--backend",
                backend,
                "--bind",
                "127.0.0.1:0",
                "--workers",
                "2",
            ])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let mut out = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        let err = BufReader::new(process.stderr.take().expect("stderr is a pipe"));
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            let read = out.read_line(&mut banner).expect("its text");
            assert_ne!(read, 0, "it ended after {banner:?}");
        }
        let listening = |scheme: &str| {
            let mut places = banner
                .lines()
                .filter_map(|line| line.strip_prefix("listening on "));
            places.find_map(|place| Some(place.strip_prefix(scheme)?.to_owned()))
        };
        let address = listening("http://")
            .expect("an address")
            .parse()
            .expect("an address");
        let unix = listening("unix:").map(PathBuf::from);
        Demo {
            process,
            out,
            err,
            banner,
            address,
            unix,
        }
    }

    pub(crate) fn connect(&self) -> Client<TcpStream> {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client(BufReader::new(stream))
    }

    pub(crate) fn connect_unix(&self) -> Client<UnixStream> {
        let path = self.unix.as_ref().expect("a Unix socket");
        let stream = UnixStream::connect(path).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client(BufReader::new(stream))
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.connect()
            .ask(&format!("GET {target} HTTP/1.1\r\nHost: demo\r\n\r\n"))
    }

    pub(crate) fn id(&self) -> Pid {
        let id = i32::try_from(self.process.id()).expect("an id");
        Pid::from_raw(id).expect("an id")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("it runs");
    }

    /// The next line that it writes to stderr.
    pub(crate) fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.err.read_line(&mut line).expect("its text");
        line
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> End {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).expect("its text");
        self.err.read_to_string(&mut err).expect("its text");
        let status = self.process.wait().expect("its status");
        End { status, out, err }
    }

    /// Ends it in order, and asks that nothing was wrong.
    pub(crate) fn stop(self) {
        self.signal(Signal::INT);
        let end = self.end();
        assert!(end.status.success(), "{:?} {}", end.status, end.err);
        assert!(end.out.contains("clean stop"), "{}", end.out);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // A test that has failed leaves nothing running. One that has not has waited for the end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection to the demo.
pub(crate) struct Client<S>(BufReader<S>);

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0
            .get_mut()
            .write_all(bytes.as_ref())
            .expect("it takes what is sent");
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: &str) -> Answer {
        self.send(request);
        self.answer(!request.starts_with("HEAD "))
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line
    }

    pub(crate) fn exactly(&mut self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("so many bytes");
        String::from_utf8(bytes).expect("text")
    }

    /// Everything until the server ends its side.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("an end");
        rest
    }

    /// The head of an answer.
    pub(crate) fn head(&mut self) -> Answer {
        let status = self.line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut fields = Vec::new();
        loop {
            let line = self.line();
            match line.trim_end().split_once(':') {
                Some((name, value)) => fields.push((name.to_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        Answer {
            status: status.expect("a status"),
            fields,
            content: String::new(),
            chunks: Vec::new(),
        }
    }

    fn answer(&mut self, has_content: bool) -> Answer {
        let mut answer = self.head();
        if !has_content {
            return answer;
        }
        if answer.field("transfer-encoding") == Some("chunked") {
            loop {
                let chunk = self.chunk();
                if chunk.is_empty() {
                    break;
                }
                answer.chunks.push(chunk.len());
                answer.content += &chunk;
            }
        } else if let Some(length) = answer.field("content-length") {
            answer.content = self.exactly(length.parse().expect("a length"));
        }
        answer
    }

    /// The next chunk of an answer; empty at the end.
    pub(crate) fn chunk(&mut self) -> String {
        let size = self.line();
        let size = usize::from_str_radix(size.trim_end(), 16).expect("the size of a chunk");
        let chunk = self.exactly(size);
        assert_eq!(self.line(), "\r\n", "a chunk has its end");
        chunk
    }
}

/// An answer of the demo.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) content: String,
    /// The sizes of its chunks, if it came in any.
    pub(crate) chunks: Vec<usize>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }
}
