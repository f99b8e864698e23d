//! Further servers of the same backend, for cases that start them themselves.

use http_server_trait::{App, Capabilities, HttpServer};

use crate::failure::Failure;

/// A server of the case's own: see [`Play::server`](crate::Play::server).
pub struct Another {
    /// Away only while it is being started.
    server: Option<Box<dyn HttpServer>>,
}

impl Another {
    pub(crate) fn new(server: Box<dyn HttpServer>) -> Self {
        Another {
            server: Some(server),
        }
    }

    /// What is registered with it.
    ///
    /// # Panics
    /// If starting it took so long that it was given up.
    pub fn app_mut(&mut self) -> &mut App {
        let server = self.server.as_mut();
        server.expect("the server has come back").app_mut()
    }

    /// What it can do.
    pub fn capabilities(&self) -> Result<Capabilities, Failure> {
        let server = self.server.as_ref().ok_or(AWAY)?;
        Ok(server.capabilities())
    }

    pub(crate) fn take(&mut self) -> Result<Box<dyn HttpServer>, Failure> {
        Ok(self.server.take().ok_or(AWAY)?)
    }

    pub(crate) fn put_back(&mut self, server: Box<dyn HttpServer>) {
        self.server = Some(server);
    }
}

const AWAY: &str = "the server is being started";

impl std::fmt::Debug for Another {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Another")
            .field(&self.capabilities().ok())
            .finish()
    }
}
