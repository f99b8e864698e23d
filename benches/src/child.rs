//! A server in a process of its own, so that its processor time and its allocations are its own.
//!
//! The process is this same program, started with other arguments. Its parent asks it for numbers by a line
//! on its standard input; the end of that input, which the parent's own end brings too, ends it.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use crate::cores;
use crate::count::Used;
use crate::servers::{ONE_THREAD, Server};
use crate::work::Work;

/// The argument that makes a server of this program.
const SERVE: &str = "--serve-to-be-measured";

/// A server in a process of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    /// There until it is told to end.
    asking: Option<ChildStdin>,
    telling: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Child {
    /// Starts it. The program's `main` must call [`serve_if_asked`] first.
    ///
    /// # Errors
    /// If the process cannot be started, or does not listen.
    pub fn start(server: Server, work: &Work) -> io::Result<Self> {
        Child::start_by(Command::new(env::current_exe()?), server, work)
    }

    /// Starts it by a command that runs this program: one that counts its instructions, for example.
    ///
    /// # Errors
    /// As [`Child::start`].
    pub fn start_by(mut command: Command, server: Server, work: &Work) -> io::Result<Self> {
        let mut process = command
            .args([SERVE, server.name(), &work.name])
            .envs(ONE_THREAD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(asking), Some(telling)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut child = Child {
            process,
            asking: Some(asking),
            telling: BufReader::new(telling),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        child.address = child.line()?.parse().map_err(io::Error::other)?;
        Ok(child)
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// If it has ended.
    pub fn used(&mut self) -> io::Result<Used> {
        let asking = self.asking.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        asking.write_all(b"used\n")?;
        self.line()?.parse()
    }

    /// Ends it in order, and waits until it has.
    ///
    /// # Errors
    /// If it ends with an error.
    pub fn end(mut self) -> io::Result<()> {
        // The end of its input is what it waits for.
        self.asking = None;
        let ended = self.process.wait()?;
        if ended.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("the server's process: {ended}")))
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.telling.read_line(&mut line)? {
            0 => Err(io::Error::other("the server's process has ended")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended itself; either way it is waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves, if this process was started to, and says whether it was.
///
/// # Errors
/// If it cannot.
pub fn serve_if_asked() -> io::Result<bool> {
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() != Some(SERVE) {
        return Ok(false);
    }
    let server = arguments.next().as_deref().and_then(Server::named);
    let work = arguments.next().as_deref().and_then(Work::named);
    let (Some(server), Some(work)) = (server, work) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    cores::to_the_server();
    let running = server.start(&work)?;
    let mut telling = io::stdout().lock();
    writeln!(telling, "{}", running.address())?;
    for _asked in io::stdin().lock().lines() {
        let used = Used::now();
        writeln!(telling, "{used}")?;
    }
    Ok(true)
}
