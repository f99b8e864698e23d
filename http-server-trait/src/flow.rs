//! What a hook decides, and everything that turns into such a decision.

use crate::error::BoxError;
use crate::head::Head;
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use crate::takeover::Takeover;

/// What a hook decides: go on with what it was given, or stop in one of three ways.
///
/// Hooks rarely name it: whatever they would naturally return turns into one.
///
/// | a hook returns | which means |
/// |---|---|
/// | `Head` (middleware), `Request` (handler) | go on with it |
/// | `Response`, `http::Response<B>`, `StatusCode`, `&'static str`, `String`, `Bytes`, `Vec<u8>`, `Body`, `(StatusCode, T)` | answer with it |
/// | `()` | answer 204 No Content |
/// | `Option<T>` | `Some`: as `T`; `None`: answer 404 Not Found |
/// | `Result<T, E>` | `Ok`: as `T`; `Err`: fail |
/// | `Takeover` | the connection is the application's from now on |
/// | `Flow` | itself |
///
/// (Clauses T-10 to T-12.)
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "a decision that nobody sees decides nothing"]
pub enum Flow<T> {
    /// Go on to the next hook, with this.
    Continue(T),
    /// Answer at once; no further hook but `after` is called.
    Reply(Response),
    /// Hand the connection to the application.
    Takeover(Takeover),
    /// Answer 500, or what a [`BodyError`](crate::BodyError) says, and tell the error hook.
    Fail(BoxError),
}

impl<T> Flow<T> {
    /// With the answer changed, if it is one. This is what a handler made with
    /// [`around`](crate::around) most often does.
    pub fn map_reply(self, change: impl FnOnce(Response) -> Response) -> Self {
        match self {
            Flow::Reply(response) => Flow::Reply(change(response)),
            flow => flow,
        }
    }

    /// The answer, if it is one.
    pub fn reply(&self) -> Option<&Response> {
        match self {
            Flow::Reply(response) => Some(response),
            _ => None,
        }
    }
}

/// What turns into a [`Flow`] in a place where `T` means "go on".
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a hook can return here",
    note = "to go on, a middleware gives back its `Head` and a handler its `Request`",
    note = "to answer, return a `Response` or whatever implements `IntoResponse`; `Err(..)` fails"
)]
pub trait IntoFlow<T> {
    /// The decision.
    fn into_flow(self) -> Flow<T>;
}

impl<T> IntoFlow<T> for Flow<T> {
    fn into_flow(self) -> Flow<T> {
        self
    }
}

impl IntoFlow<Head> for Head {
    fn into_flow(self) -> Flow<Head> {
        Flow::Continue(self)
    }
}

impl IntoFlow<Request> for Request {
    fn into_flow(self) -> Flow<Request> {
        Flow::Continue(self)
    }
}

impl<T> IntoFlow<T> for Takeover {
    fn into_flow(self) -> Flow<T> {
        Flow::Takeover(self)
    }
}

impl<T, R: IntoResponse> IntoFlow<T> for R {
    fn into_flow(self) -> Flow<T> {
        Flow::Reply(self.into_response())
    }
}

impl<T, R: IntoFlow<T>> IntoFlow<T> for Option<R> {
    fn into_flow(self) -> Flow<T> {
        match self {
            Some(some) => some.into_flow(),
            None => Flow::Reply(crate::pipeline::not_found()),
        }
    }
}

impl<T, R: IntoFlow<T>, E: Into<BoxError>> IntoFlow<T> for Result<R, E> {
    fn into_flow(self) -> Flow<T> {
        match self {
            Ok(ok) => ok.into_flow(),
            Err(error) => Flow::Fail(error.into()),
        }
    }
}

/// What a hook that decides nothing may return: nothing, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that this hook can return",
    note = "it returns `()` or `Result<(), E>`, where `E` turns into a boxed error"
)]
pub trait IntoOutcome {
    /// `Err` goes to the error hook.
    fn into_outcome(self) -> Result<(), BoxError>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}
