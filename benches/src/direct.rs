//! The application without boxes: what a service costs that the engine calls by its type.

use std::future::{Future, ready};
use std::sync::Arc;

use http_server_engine::Service;
use http_server_trait::backend::{Answer, Pipeline, Site};
use http_server_trait::{
    App, BodyPlan, Completed, Config, Failure, Head, ListenError, Request, Response, Summary,
};

use crate::app::HELLO;
use crate::nowhere;

/// Answers everything with `Hello, World!`. It has no hooks, and so no box for their calls.
#[derive(Debug)]
pub struct Direct {
    /// An application with nothing in it: the limits, and what connections share.
    empty: Pipeline,
}

impl Direct {
    /// Ready to serve.
    ///
    /// # Errors
    /// None that can come of an application with nothing in it.
    pub fn new() -> Result<Self, ListenError> {
        let empty = nowhere::start(App::new())?;
        Ok(Direct { empty })
    }
}

impl Service for Direct {
    fn config(&self) -> &Config {
        self.empty.config()
    }

    fn site(&self) -> &Arc<Site> {
        self.empty.site()
    }

    fn has_middleware(&self) -> bool {
        false
    }

    fn has_after(&self) -> bool {
        false
    }

    fn wants_summaries(&self) -> bool {
        false
    }

    fn on_head(&self, head: Head) -> impl Future<Output = Result<Head, Answer>> + Send {
        ready(Ok(head))
    }

    fn plan(&self, _: &Head) -> Result<BodyPlan, Answer> {
        Ok(BodyPlan::Collect)
    }

    fn body_limit(&self, head: &Head) -> u64 {
        self.empty.body_limit(head)
    }

    fn handle(&self, _: Request) -> impl Future<Output = Answer> + Send {
        ready(Answer::from(Response::text(HELLO)))
    }

    fn on_deadline(&self, request: Summary) -> impl Future<Output = Answer> + Send {
        self.empty.on_deadline(request)
    }

    fn after(&self, _: Completed) -> impl Future<Output = u64> + Send {
        ready(0)
    }

    fn report(&self, failure: Failure) -> impl Future<Output = ()> + Send {
        self.empty.report(failure)
    }
}
