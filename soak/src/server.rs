//! The server's process, as who steers it sees it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use bayonet::BoxError;

/// A server in a process of its own.
pub(crate) struct Server {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

/// What the process has, and what it has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) threads: u64,
    pub(crate) descriptors: u64,
    /// In KiB.
    pub(crate) memory: u64,
    /// Requests that a handler has seen.
    pub(crate) handled: u64,
    pub(crate) open: u64,
}

/// A swap, as the server that was left reports it.
#[derive(Clone, Debug)]
pub(crate) struct Swapped {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) took: Duration,
    pub(crate) moved: u64,
    pub(crate) finished: u64,
    /// Connections that ended because of it.
    pub(crate) cut: u64,
    pub(crate) balanced: bool,
}

impl Server {
    pub(crate) fn start(workers: usize) -> Result<Self, BoxError> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", &workers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = process.stdin.take().ok_or("no pipe")?;
        let mut from = BufReader::new(process.stdout.take().ok_or("no pipe")?);
        let address = line(&mut from)?.parse()?;
        Ok(Server {
            process,
            to,
            from,
            address,
        })
    }

    fn tell(&mut self, what: &str) -> Result<String, BoxError> {
        writeln!(self.to, "{what}")?;
        line(&mut self.from)
    }

    /// Moves it to this backend. Back when it is there.
    pub(crate) fn swap(&mut self, to: &str) -> Result<Duration, BoxError> {
        let micros = self.tell(&format!("swap {to}"))?;
        Ok(Duration::from_micros(micros.parse()?))
    }

    pub(crate) fn facts(&mut self) -> Result<Facts, BoxError> {
        let line = self.tell("facts")?;
        let numbers = line
            .split(' ')
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let [threads, descriptors, memory, handled, open] = numbers[..] else {
            return Err(format!("these are no facts: {line}").into());
        };
        Ok(Facts {
            threads,
            descriptors,
            memory,
            handled,
            open,
        })
    }

    /// The swaps since the last call. Back when the servers that were left have ended.
    pub(crate) fn reports(&mut self) -> Result<Vec<Swapped>, BoxError> {
        let mut swaps = Vec::new();
        let mut next = self.tell("reports")?;
        while next != "." {
            let parts: Vec<_> = next.split(' ').collect();
            let [from, to, took, moved, finished, cut, balanced] = parts[..] else {
                return Err(format!("this is no report: {next}").into());
            };
            swaps.push(Swapped {
                from: from.to_owned(),
                to: to.to_owned(),
                took: Duration::from_micros(took.parse()?),
                moved: moved.parse()?,
                finished: finished.parse()?,
                cut: cut.parse()?,
                balanced: balanced == "1",
            });
            next = line(&mut self.from)?;
        }
        Ok(swaps)
    }

    /// Ends it. Whether that was clean.
    pub(crate) fn end(mut self) -> Result<bool, BoxError> {
        let clean = self.tell("end")? == "1";
        Ok(self.process.wait()?.success() && clean)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(from: &mut BufReader<ChildStdout>) -> Result<String, BoxError> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::Error::other("the server has ended").into());
    }
    Ok(line.trim_end().to_owned())
}
