//! What a connection serves: an application, or a single handler.

use std::future::Future;
use std::sync::Arc;

use http_server_trait::backend::{Answer, Pipeline, Site};
use http_server_trait::{BodyPlan, Completed, Config, Failure, Head, Request, Summary};

/// An application, as the driver of a connection calls it.
///
/// [`Pipeline`] is one, with hooks that were registered; most kinds cost a box for each call. A type that implements it
/// itself is served without any: see [`drive`](crate::connection::drive).
pub trait Service: Send + Sync + 'static {
    /// The limits and time-outs.
    fn config(&self) -> &Config;
    /// What all connections share.
    fn site(&self) -> &Arc<Site>;
    /// Whether [`on_head`](Service::on_head) does anything.
    fn has_middleware(&self) -> bool;
    /// Whether [`after`](Service::after) does anything.
    fn has_after(&self) -> bool;
    /// Whether anything may want to know more of a request that is over than its request line.
    fn wants_summaries(&self) -> bool;
    /// The head is there.
    fn on_head(&self, head: Head) -> impl Future<Output = Result<Head, Answer>> + Send;
    /// Whether the content is to be collected; the answer, where that cannot be said.
    fn plan(&self, head: &Head) -> Result<BodyPlan, Answer>;
    /// How much content the request may have; `u64::MAX` is no limit.
    fn body_limit(&self, head: &Head) -> u64;
    /// The content is there, or will be taken as it comes.
    fn handle(&self, request: Request) -> impl Future<Output = Answer> + Send;
    /// The request took too long.
    fn on_deadline(&self, request: Summary) -> impl Future<Output = Answer> + Send;
    /// A request has ended. Gives back how many hooks failed.
    fn after(&self, done: Completed) -> impl Future<Output = u64> + Send;
    /// Something failed.
    fn report(&self, failure: Failure) -> impl Future<Output = ()> + Send;
}

impl Service for Pipeline {
    fn config(&self) -> &Config {
        self.config()
    }

    fn site(&self) -> &Arc<Site> {
        self.site()
    }

    fn has_middleware(&self) -> bool {
        self.has_middleware()
    }

    fn has_after(&self) -> bool {
        self.has_after()
    }

    fn wants_summaries(&self) -> bool {
        self.wants_summaries()
    }

    fn on_head(&self, head: Head) -> impl Future<Output = Result<Head, Answer>> + Send {
        self.on_head(head)
    }

    fn plan(&self, head: &Head) -> Result<BodyPlan, Answer> {
        self.plan(head)
    }

    fn body_limit(&self, head: &Head) -> u64 {
        self.body_limit(head)
    }

    fn handle(&self, request: Request) -> impl Future<Output = Answer> + Send {
        self.handle(request)
    }

    fn on_deadline(&self, request: Summary) -> impl Future<Output = Answer> + Send {
        self.on_deadline(request)
    }

    fn after(&self, done: Completed) -> impl Future<Output = u64> + Send {
        self.after(done)
    }

    fn report(&self, failure: Failure) -> impl Future<Output = ()> + Send {
        self.report(failure)
    }
}
