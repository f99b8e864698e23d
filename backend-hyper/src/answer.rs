//! Answers, as hyper sends them.
//!
//! hyper trusts the fields that it is given and panics, in debug builds, where they contradict the content. So
//! the framing is decided here, and what contradicts it is left out and told.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, SERVER, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body::{Frame, SizeHint};
use http_server_trait::backend::{Pace, TakeoverRun, catch};
use http_server_trait::{
    Body, BodyError, BodyErrorKind, BoxError, Cause, CloseReason, Failure, Hook, Response,
};
use hyper::upgrade::OnUpgrade;

use crate::content::{Hold, allowed};
use crate::link::Link;
use crate::service::Asked;

/// How the content of an answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// It has none, and no length either.
    Nothing,
    /// It has none, and a length all the same: in an answer to HEAD, and in a 304.
    Hollow(u64),
    Length(u64),
    /// A length that the application has promised.
    Promised(u64),
    /// Chunks, or until the close for HTTP/1.0.
    Open,
}

impl Link {
    /// Makes an answer one that hyper can send.
    pub(crate) async fn respond(
        self: &Arc<Self>,
        asked: &Asked,
        mut response: Response,
        closes: Option<CloseReason>,
    ) -> http::Response<Outgoing> {
        self.settle_content(asked).await;
        let slot = self.state().slot.clone();
        let reason = closes.or_else(|| self.reason_to_close(asked.expects, slot.as_deref()?));
        let framing = self.frame(asked, &response);
        let app_closes = names_close(response.headers());
        let until_close = framing == Framing::Open && asked.version < Version::HTTP_11;
        let is_tunnel = asked.method == Method::CONNECT && response.status().is_success();
        let closing = reason
            .or_else(|| app_closes.then_some(CloseReason::AppClosed))
            .or_else(|| {
                (!asked.keeps || until_close || is_tunnel).then_some(CloseReason::Finished)
            });
        self.answers(response.status(), closing);
        if let Some(slot) = slot.filter(|slot| closing.is_some() && slot.hold() == Hold::Unwanted) {
            slot.abandon();
        }
        let trailers = trailers(asked, framing, &response);
        // Nothing but chunks has trailers.
        let framing = trailers.as_ref().map_or(framing, |_| Framing::Open);
        let body = response.take_body();
        let mut http = response.into_http().map(|_| ());
        let is_head = asked.method == Method::HEAD;
        dress(http.headers_mut(), framing, is_head, closing.is_some());
        if let Some(trailers) = trailers {
            http.headers_mut().insert(TRAILER, trailers);
        }
        if let Some(server) = &self.config().server {
            http.headers_mut().entry(SERVER).or_insert(server.clone());
        }
        http.map(|()| Outgoing::new(Arc::clone(self), body, framing))
    }

    /// Answers in a way that makes hyper hand the connection over.
    pub(crate) fn hand_over(
        self: &Arc<Self>,
        answer: Response,
        upgrade: OnUpgrade,
        run: TakeoverRun,
    ) -> http::Response<Outgoing> {
        self.answers(answer.status(), None);
        self.hands(upgrade, run);
        let mut http = answer.into_http();
        http.headers_mut().remove(CONTENT_LENGTH);
        http.headers_mut().remove(TRANSFER_ENCODING);
        http.map(|_| Outgoing::new(Arc::clone(self), Body::empty(), Framing::Nothing))
    }

    /// Content that no handler has is nobody's now. If a handler still has it the answer may be made of it: then
    /// a client that waits for a 100 gets it now, for after the final answer there is none.
    async fn settle_content(&self, asked: &Asked) {
        let Some(slot) = self.state().slot.clone() else {
            return;
        };
        slot.give_up();
        if slot.trouble().is_some() {
            // hyper would wait for somebody to read it.
            slot.abandon();
        }
        if asked.expects && slot.hold() == Hold::Taken && !slot.was_asked_for() {
            let mut asked = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                slot.ask(cx);
                // hyper looks for who wants content before it looks here again.
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    /// Drops what the application has made. What it panics with is a failure of its content.
    fn let_go_of<D>(&self, of_the_application: D) {
        if let Err(panic) = catch(|| drop(of_the_application)) {
            self.fail(Failure::new(Hook::Body, panic));
        }
    }

    pub(crate) fn object(&self, why: impl Into<BoxError>) {
        self.fail(Failure::new(Hook::Server, Cause::Answer(why.into())));
    }

    fn frame(&self, asked: &Asked, response: &Response) -> Framing {
        let (status, has) = (response.status(), response.body().length());
        let said = self.said(response);
        let without = |framing, said: Option<u64>| {
            if has != Some(0) {
                self.object(format!("it has content, and {} never has", status.as_u16()));
            } else if said.is_some() {
                let status = status.as_u16();
                self.object(format!(
                    "it has a Content-Length, and {status} has no content"
                ));
            }
            framing
        };
        let is_head = asked.method == Method::HEAD;
        match status {
            StatusCode::NO_CONTENT => without(Framing::Nothing, said),
            StatusCode::RESET_CONTENT => without(Framing::Length(0), said.filter(|it| *it != 0)),
            StatusCode::NOT_MODIFIED => {
                without(said.map_or(Framing::Nothing, Framing::Hollow), None)
            }
            _ if asked.method == Method::CONNECT && status.is_success() => {
                without(Framing::Nothing, None)
            }
            _ => match (has, said) {
                (Some(0), said) if is_head => said.map_or(Framing::Nothing, Framing::Hollow),
                (Some(is), said) => {
                    if let Some(said) = said.filter(|said| *said != is) {
                        self.object(format!(
                            "its Content-Length says {said}, and its content has {is} bytes"
                        ));
                    }
                    if is_head {
                        Framing::Hollow(is)
                    } else {
                        Framing::Length(is)
                    }
                }
                (None, Some(said)) if is_head => Framing::Hollow(said),
                (None, Some(said)) => Framing::Promised(said),
                (None, None) => Framing::Open,
            },
        }
    }

    /// The length that the application says.
    fn said(&self, response: &Response) -> Option<u64> {
        let fields = response.headers();
        if fields.contains_key(TRANSFER_ENCODING) {
            self.object("its Transfer-Encoding is the server's to set");
        }
        let mut said = None;
        for value in fields.get_all(CONTENT_LENGTH) {
            let text = value.to_str().unwrap_or_default();
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_number);
            if number.is_none() || said.is_some_and(|earlier| Some(earlier) != number) {
                self.object("its Content-Length is no number");
                return None;
            }
            said = number;
        }
        said
    }
}

fn names_close(fields: &HeaderMap) -> bool {
    let lines = fields.get_all(CONNECTION).into_iter();
    let mut options = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|it| it.split(','));
    options.any(|option| option.trim().eq_ignore_ascii_case("close"))
}

/// The names of the trailers that are known, for `Trailer`: hyper sends no others.
fn trailers(asked: &Asked, framing: Framing, response: &Response) -> Option<HeaderValue> {
    let known = response
        .body()
        .trailers()
        .filter(|_| asked.reads_trailers)?;
    if !matches!(framing, Framing::Length(_) | Framing::Open) {
        return None;
    }
    let known = allowed(known.clone());
    let names: Vec<_> = known.keys().map(http::HeaderName::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).ok()
}

/// Takes what is the server's out of the fields, and writes it anew.
fn dress(fields: &mut HeaderMap, framing: Framing, is_head: bool, closes: bool) {
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
        fields.remove(name);
    }
    if framing != Framing::Open {
        fields.remove(TRAILER);
    }
    match framing {
        // hyper writes the length of what it believes to be content.
        Framing::Hollow(_) if is_head => {}
        Framing::Hollow(length) | Framing::Promised(length) => {
            fields.insert(CONTENT_LENGTH, length.into());
        }
        _ => {}
    }
    if closes {
        fields.append(CONNECTION, HeaderValue::from_static("close"));
    }
    if fields.contains_key(UPGRADE) {
        // RFC 9110, 7.8: who sends Upgrade lists it as a connection option.
        fields.append(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// The content of an answer, as hyper takes it.
pub(crate) struct Outgoing {
    link: Arc<Link>,
    /// Gone when it has given everything, or has failed.
    body: Option<Body>,
    framing: Framing,
    /// How much was promised and is still to come.
    left: Option<u64>,
    pace: Pace,
    /// The flushes there were when the last frame was given.
    gave: Option<u64>,
    /// An error that waits until what came before it is written.
    error: Option<BodyError>,
}

impl Outgoing {
    fn new(link: Arc<Link>, body: Body, framing: Framing) -> Self {
        let mut outgoing = Outgoing {
            link,
            pace: body.pace(),
            body: None,
            framing,
            left: None,
            gave: None,
            error: None,
        };
        match framing {
            Framing::Nothing | Framing::Hollow(_) | Framing::Length(0) => {
                outgoing.link.let_go_of(body);
            }
            Framing::Length(_) | Framing::Open => outgoing.body = Some(body),
            Framing::Promised(length) => {
                outgoing.left = Some(length);
                outgoing.body = Some(body);
                if length == 0 && outgoing.has_more() {
                    outgoing.link.object(TOO_LONG);
                }
            }
        }
        outgoing
    }

    /// Whether there is more than was promised. hyper does not ask for it.
    fn has_more(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let more = self
            .body
            .take()
            .map(|mut body| catch(|| body.poll_next(&mut cx)));
        matches!(more, Some(Ok(Poll::Ready(Some(Ok(_))))))
    }

    /// Ready when what was given is written.
    fn poll_written(&mut self) -> Poll<()> {
        let Some(gave) = self.gave else {
            return Poll::Ready(());
        };
        if self.link.wire.flow().flushes > gave {
            self.gave = None;
            return Poll::Ready(());
        }
        // The driver polls hyper again when it is.
        self.link.wait_for_flush(gave);
        Poll::Pending
    }

    fn data(&mut self, mut bytes: Bytes) -> Frame<Bytes> {
        self.gave = Some(self.link.wire.flow().flushes);
        let Some(left) = &mut self.left else {
            return Frame::data(bytes);
        };
        let mut is_too_long = bytes.len() as u64 > *left;
        bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= bytes.len() as u64;
        if *left == 0 {
            is_too_long |= self.has_more();
        }
        if is_too_long {
            self.link.object(TOO_LONG);
        }
        Frame::data(bytes)
    }

    fn let_go(&mut self) {
        self.link.let_go_of(self.body.take());
    }

    /// The end. What is missing is an error, so that hyper cuts the connection.
    fn end(&mut self) -> Option<BodyError> {
        self.let_go();
        let missing = self.left.filter(|left| *left > 0)?;
        self.link.object(format!(
            "its content ended {missing} bytes before its Content-Length"
        ));
        Some(BodyError::new(BodyErrorKind::Abandoned))
    }

    fn failed(&mut self, cause: Cause) -> BodyError {
        self.let_go();
        // An answer that is made of the request's content fails with it, and that is the client's doing.
        if let Cause::Error(error) = &cause {
            let error = error.downcast_ref::<BodyError>();
            if let Some(error) = error.filter(|it| it.kind() == BodyErrorKind::Disconnected) {
                return error.clone();
            }
        }
        self.link.fail(Failure::new(Hook::Body, cause));
        BodyError::new(BodyErrorKind::Source)
    }

    /// Cuts the connection, when what came before is written.
    fn cut(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.poll_written().is_pending() {
            self.error = Some(error);
            return Poll::Pending;
        }
        self.link.gave(false);
        Poll::Ready(Some(Err(error)))
    }
}

const TOO_LONG: &str = "its content goes on beyond its Content-Length";

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(error) = this.error.take() {
            return this.cut(error);
        }
        if this.pace == Pace::Each {
            ready!(this.poll_written());
        }
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let next = match catch(|| body.poll_next(cx)) {
            Ok(next) => ready!(next),
            Err(panic) => {
                let error = this.failed(panic);
                return this.cut(error);
            }
        };
        match next {
            None => match this.end() {
                None => Poll::Ready(None),
                Some(error) => this.cut(error),
            },
            Some(Err(error)) => {
                let error = this.failed(Cause::Error(Box::new(error)));
                this.cut(error)
            }
            Some(Ok(frame)) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(bytes) => this.data(bytes),
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) => {
                        let given = trailers.keys_len();
                        let allowed = allowed(trailers);
                        if allowed.keys_len() < given {
                            this.link
                                .object("it has trailers that may not be some, and were not sent");
                        }
                        Frame::trailers(allowed)
                    }
                    Err(frame) => frame,
                },
            }))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none() && self.error.is_none() && !matches!(self.framing, Framing::Hollow(1..))
    }

    fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Nothing => SizeHint::with_exact(0),
            Framing::Hollow(length) | Framing::Length(length) => SizeHint::with_exact(length),
            Framing::Promised(_) | Framing::Open => SizeHint::new(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.let_go();
        self.link.gave(true);
    }
}
