//! This program once more, as a server in a process of its own, steered by lines.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use bayonet::BoxError;

/// A server's process. The first line that it writes is where it listens; after that each line that it is given
/// has a line as its answer. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// This program with these arguments. Back when it listens.
    pub(crate) fn start(arguments: &[String]) -> Result<Self, BoxError> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().ok_or("no pipe")?;
        let mut from = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let address = line(&mut from)?.parse()?;
        Ok(Process {
            child,
            to,
            from,
            address,
        })
    }

    /// Tells it something. Gives what it says to that.
    pub(crate) fn tell(&mut self, what: &str) -> Result<String, BoxError> {
        writeln!(self.to, "{what}")?;
        self.line()
    }

    /// The next line that it writes.
    pub(crate) fn line(&mut self) -> Result<String, BoxError> {
        line(&mut self.from)
    }

    /// Ends it. Whether it says that this was clean, and ended so itself.
    pub(crate) fn end(mut self) -> Result<bool, BoxError> {
        let clean = self.tell("end")? == "1";
        Ok(self.child.wait()?.success() && clean)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Numbers with a space between them.
pub(crate) fn numbers(line: &str) -> Result<Vec<u64>, BoxError> {
    Ok(line.split(' ').map(str::parse).collect::<Result<_, _>>()?)
}

fn line(from: &mut BufReader<ChildStdout>) -> Result<String, BoxError> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::Error::other("the server has ended").into());
    }
    Ok(line.trim_end().to_owned())
}
