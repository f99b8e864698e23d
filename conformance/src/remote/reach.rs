//! The first look at a server: does it answer, and what can it be asked?

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use http_server_trait::Address;

use super::{Asking, Echo, Remote};
use crate::answer::Answer;
use crate::client::Client;
use crate::failure::Failure;
use crate::judge::{Foreign, Judge, Takes};
use crate::suite::SCALE;
use crate::wire::{World, remote};

/// Why a server cannot be asked anything.
#[derive(Clone, Debug)]
pub struct Unreached {
    kind: UnreachedKind,
    message: String,
}

/// What is wrong with a server that cannot be asked anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnreachedKind {
    /// Nobody listens there.
    Connect,
    /// What listens there does not answer in HTTP/1.
    Http,
    /// The path that should be answered with 200 is not, or each time with other content.
    Ok,
    /// The path that should send content back does not.
    Echo,
}

impl Unreached {
    fn new(kind: UnreachedKind, message: impl Into<String>) -> Self {
        Unreached {
            kind,
            message: message.into(),
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> UnreachedKind {
        self.kind
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unreached {}

/// Content that no server would answer with by chance.
const CONTENT: &str = "bayonet, is anybody there?";

impl Remote {
    /// Looks whether a server can be asked: at the first of these addresses where somebody listens.
    ///
    /// # Errors
    /// If nobody listens, if there is no answer in HTTP/1, or if the routes are not there.
    pub fn reach(addresses: &[Address], asking: &Asking) -> Result<Self, Unreached> {
        let mut refused = Unreached::new(UnreachedKind::Connect, "there is no address");
        for address in addresses {
            let visit = Visit { address, asking };
            match visit.connect() {
                Ok(_) => return visit.look(),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

/// A look at one address.
struct Visit<'a> {
    address: &'a Address,
    asking: &'a Asking,
}

impl Visit<'_> {
    fn connect(&self) -> Result<Client, Unreached> {
        let until = Instant::now() + self.asking.case_time;
        let mut world = remote::Remote {
            scale: SCALE,
            patience: self.asking.patience,
            until,
        };
        let wire = world.connect(self.address).map_err(|error| {
            let address = self.address;
            Unreached::new(
                UnreachedKind::Connect,
                format!("{address} cannot be reached: {error}"),
            )
        })?;
        // Nothing is put in here: words of cases are not used.
        let foreign = Foreign {
            ok: "/ok".to_owned(),
            ok_content: Vec::new(),
            takes: Takes::Echo("/echo".to_owned()),
            host: None,
            until,
        };
        Ok(Client::new(wire, Judge::Rfc(Arc::new(foreign))))
    }

    fn host(&self) -> &str {
        self.asking.host.as_deref().unwrap_or("a")
    }

    fn look(&self) -> Result<Remote, Unreached> {
        let first = self.ok()?;
        if self.ok()?.content != first.content {
            return Err(Unreached::new(
                UnreachedKind::Ok,
                format!(
                    "{} is answered with other content each time, so that an answer cannot be told from another",
                    self.asking.ok
                ),
            ));
        }
        Ok(Remote {
            address: self.address.clone(),
            asking: self.asking.clone(),
            takes: self.takes(&first.content)?,
            name: first.field("server").map(str::to_owned),
            ok_content: first.content,
        })
    }

    /// What is answered at the first path.
    fn ok(&self) -> Result<Answer, Unreached> {
        let (path, host) = (&self.asking.ok, self.host());
        let message = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = self.ask(&message)?.map_err(|failure| {
            let address = self.address;
            let message = format!("{address} does not answer in HTTP/1: {failure}");
            Unreached::new(UnreachedKind::Http, message)
        })?;
        if answer.status == 200 {
            return Ok(answer);
        }
        let status = answer.status;
        Err(Unreached::new(
            UnreachedKind::Ok,
            format!(
                "GET {path} for `Host: {host}` is answered with {status}, and should be with 200"
            ),
        ))
    }

    /// What takes content.
    fn takes(&self, ok_content: &[u8]) -> Result<Takes, Unreached> {
        let (path, must) = match &self.asking.echo {
            Echo::At(path) => (path, true),
            Echo::Perhaps(path) => (path, false),
            Echo::Nowhere => return self.takes_at_ok(ok_content),
        };
        let is_echo =
            |answer: &Answer| answer.status == 200 && answer.content == CONTENT.as_bytes();
        match self.post(path)? {
            Ok(answer) if is_echo(&answer) => Ok(Takes::Echo(path.clone())),
            _ if !must => self.takes_at_ok(ok_content),
            Ok(answer) => Err(Unreached::new(
                UnreachedKind::Echo,
                format!(
                    "POST {path} is answered with {answer}, and should be with 200 and {CONTENT:?}"
                ),
            )),
            Err(failure) => Err(Unreached::new(
                UnreachedKind::Echo,
                format!("POST {path} is not answered: {failure}"),
            )),
        }
    }

    fn takes_at_ok(&self, ok_content: &[u8]) -> Result<Takes, Unreached> {
        match self.post(&self.asking.ok)? {
            Ok(answer) if answer.status == 200 && answer.content == ok_content => Ok(Takes::Ok),
            _ => Ok(Takes::Nothing),
        }
    }

    fn post(&self, path: &str) -> Result<Result<Answer, Failure>, Unreached> {
        let (host, length) = (self.host(), CONTENT.len());
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{CONTENT}"
        ))
    }

    fn ask(&self, message: &str) -> Result<Result<Answer, Failure>, Unreached> {
        let mut client = self.connect()?;
        Ok(client.send_as_it_is(message).answer())
    }
}
