//! From hyper's request to an answer for hyper: the hooks, in the order of the contract.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use http::header::{CONNECTION, EXPECT, HOST, RETRY_AFTER, TE, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_server_trait::backend::{Answer, Pipeline, Reply, catch, plain};
use http_server_trait::{
    Body, BodyError, BodyPlan, BoxError, Cause, CloseReason, Failure, Head, Hook, Request,
    Response, Summary, Tunnels,
};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;

use crate::answer::Outgoing;
use crate::content::{Hold, Slot};
use crate::link::{Link, Verdict};

/// What hyper asks for answers.
pub(crate) struct Service(pub(crate) Arc<Link>);

type Answered = Result<http::Response<Outgoing>, Infallible>;

impl hyper::service::Service<http::Request<Incoming>> for Service {
    type Response = http::Response<Outgoing>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answered> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let link = Arc::clone(&self.0);
        Box::pin(async move { Ok(answer(link, request).await) })
    }
}

/// What of a request decides how it is answered.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// Whether the client lets the connection stay.
    pub(crate) keeps: bool,
    /// Whether it waits for a 100.
    pub(crate) expects: bool,
    pub(crate) reads_trailers: bool,
    /// What it offers to go on with.
    upgrade: Vec<String>,
    on_upgrade: Option<OnUpgrade>,
}

impl Asked {
    fn of(request: &mut http::Request<Incoming>) -> Self {
        let on_upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let (fields, version) = (request.headers(), request.version());
        let is_11 = version >= Version::HTTP_11;
        let closes = has(fields, &CONNECTION, "close");
        let upgrades = is_11 && has(fields, &CONNECTION, "upgrade");
        Asked {
            method: request.method().clone(),
            version,
            keeps: !closes && (is_11 || has(fields, &CONNECTION, "keep-alive")),
            expects: is_11 && has(fields, &EXPECT, "100-continue"),
            // RFC 9110, 10.1.4: TE is for the next hop, and its sender says so.
            reads_trailers: is_11 && has(fields, &TE, "trailers") && has(fields, &CONNECTION, "te"),
            upgrade: if upgrades {
                elements(fields, &UPGRADE).map(str::to_owned).collect()
            } else {
                Vec::new()
            },
            on_upgrade,
        }
    }
}

fn has(fields: &HeaderMap, name: &http::HeaderName, option: &str) -> bool {
    elements(fields, name).any(|element| element.eq_ignore_ascii_case(option))
}

fn elements<'a>(fields: &'a HeaderMap, name: &http::HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = fields.get_all(name).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',').map(str::trim))
}

/// An answer, and why the connection is closed after it, if that is not for the answer to say.
struct Decided {
    answer: Answer,
    closes: Option<CloseReason>,
}

impl From<Answer> for Decided {
    fn from(answer: Answer) -> Self {
        Decided {
            answer,
            closes: None,
        }
    }
}

async fn answer(link: Arc<Link>, mut request: http::Request<Incoming>) -> http::Response<Outgoing> {
    // hyper reads the next request while the answer before it is being sent.
    link.is_free().await;
    let mut asked = Asked::of(&mut request);
    let (mut parts, incoming) = request.into_parts();
    if asked.method != Method::CONNECT {
        replace_host(&mut parts);
    }
    let slot = Slot::new(incoming, &link.conn, link.config());
    let (head, summary) = link.begin(parts, &slot);
    let Some(decided) = decide_in_time(&link, head, summary, &slot).await else {
        return link.end(Verdict::Late).await;
    };
    if let Some(failure) = decided.answer.failure {
        link.fail(*failure);
    }
    let takeover = match decided.answer.reply {
        Reply::Response(response) => return link.respond(&asked, response, decided.closes).await,
        Reply::Nothing => return link.end(Verdict::Left).await,
        Reply::Takeover(takeover) => takeover,
    };
    if let Some(refusal) = refused_upgrade(&asked, takeover.answer()) {
        link.object("it switches to a protocol that its client did not ask for");
        return link.respond(&asked, refusal, None).await;
    }
    let (answer, run) = takeover.into_parts();
    match (answer, asked.on_upgrade.take()) {
        (Some(answer), Some(upgrade)) if hyper_hands_over(&asked, answer.status()) => {
            link.hand_over(answer, upgrade, run)
        }
        // hyper knows no other takeover than these: it is taken apart in the middle of this one.
        (answer, _) => link.end(Verdict::Hand { answer, run }).await,
    }
}

/// RFC 9112, 3.2.2: the authority of the target counts, the field does not.
fn replace_host(parts: &mut http::request::Parts) {
    let authority = parts.uri.authority();
    if let Some(host) = authority.and_then(|it| HeaderValue::from_str(it.as_str()).ok()) {
        parts.headers.insert(HOST, host);
    }
}

/// What the hooks decide, or the hook of the deadline. It has as much time as the request had; if that is not
/// enough, there is no answer.
async fn decide_in_time(
    link: &Arc<Link>,
    head: Head,
    summary: Summary,
    slot: &Arc<Slot>,
) -> Option<Decided> {
    let is_at_handlers = AtomicBool::new(false);
    let mut deciding = pin!(Some(decide(link, head, slot, &is_at_handlers)));
    let decided = poll_fn(|cx| match deciding.as_mut().as_pin_mut() {
        Some(deciding) => deciding.poll(cx),
        None => Poll::Pending,
    });
    let Some(time) = link.config().request_time else {
        return Some(decided.await);
    };
    if let Ok(decided) = timeout(time, decided).await {
        return Some(decided);
    }
    if let Err(panic) = catch(|| deciding.set(None)) {
        let hook = if is_at_handlers.load(Ordering::Relaxed) {
            Hook::Handler
        } else {
            Hook::Middleware
        };
        link.fail(Failure::new(hook, panic));
    }
    let late = timeout(time, link.pipeline().on_deadline(summary)).await;
    Some(Decided {
        answer: late.ok()?,
        closes: Some(CloseReason::RequestTimeout),
    })
}

/// Runs the hooks, and notes when it is at the handlers.
async fn decide(
    link: &Arc<Link>,
    head: Head,
    slot: &Arc<Slot>,
    is_at_handlers: &AtomicBool,
) -> Decided {
    if !link.may_take_off() {
        let full = plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many requests are under way",
        );
        return Answer::from(full.with_field(RETRY_AFTER, HeaderValue::from_static("1"))).into();
    }
    if let Some(refused) = refused_head(link, &head) {
        return refused;
    }
    let head = match link.pipeline().on_head(head).await {
        Ok(head) => head,
        Err(answer) => return answer.into(),
    };
    is_at_handlers.store(true, Ordering::Relaxed);
    link.phase(|phases, took| phases.head = took);
    let plan = match slot.hold() {
        Hold::Over => BodyPlan::Collect,
        _ => match link.pipeline().plan(&head) {
            Ok(plan) => plan,
            Err(answer) => return answer.into(),
        },
    };
    let body = match body(link.pipeline(), &head, slot, plan).await {
        Ok(body) => body,
        // There is nobody left to answer.
        Err(_) if link.wire.broken().is_some() => return gone().into(),
        Err(error) => return refused_content(slot, error),
    };
    link.phase(|phases, took| phases.body = took);
    let answer = link.pipeline().handle(Request::new(head, body)).await;
    link.phase(|phases, took| phases.handler = took);
    answer.into()
}

/// The content as the handler wants it: whole, or as it comes.
async fn body(
    pipeline: &Pipeline,
    head: &Head,
    slot: &Arc<Slot>,
    plan: BodyPlan,
) -> Result<Body, BodyError> {
    if slot.hold() == Hold::Over {
        return Ok(Body::empty());
    }
    slot.limit(pipeline.body_limit(head))?;
    if plan == BodyPlan::Stream {
        return Ok(Body::stream(slot.stream()));
    }
    let (bytes, trailers) = slot.collect().await?;
    Ok(Body::full(bytes).with_trailers(trailers.unwrap_or_default()))
}

/// What hyper lets through and the configuration does not.
fn refused_head(link: &Link, head: &Head) -> Option<Decided> {
    let config = link.config();
    let length = head.method().as_str().len() + head.target().len() + " HTTP/1.1 ".len();
    let is_tunnel = matches!(*head.method(), Method::CONNECT | Method::TRACE);
    let (status, why, closes) = if head.method().as_str().len() > config.method {
        let why = "the method is longer than any";
        (StatusCode::NOT_IMPLEMENTED, why, CloseReason::ProtocolError)
    } else if length > config.request_line {
        let why = "the request line is too long";
        (StatusCode::URI_TOO_LONG, why, CloseReason::HeadTooLarge)
    } else if is_tunnel && config.tunnels == Tunnels::Refuse {
        let why = "this server does neither CONNECT nor TRACE";
        (StatusCode::NOT_IMPLEMENTED, why, CloseReason::ProtocolError)
    } else {
        return None;
    };
    Some(refused(plain(status, why), why, closes))
}

fn gone() -> Answer {
    Answer {
        reply: Reply::Nothing,
        failure: None,
    }
}

fn refused_content(slot: &Slot, error: BodyError) -> Decided {
    let status = error.status();
    match slot.trouble().unwrap_or(CloseReason::ProtocolError) {
        // A client that left is not a failure (T-43).
        CloseReason::ClientLeft => Decided {
            answer: plain(status, "the message ended before it was complete").into(),
            closes: Some(CloseReason::ClientLeft),
        },
        reason => refused(plain(status, &error.to_string()), error, reason),
    }
}

fn refused(answer: Response, why: impl Into<BoxError>, closes: CloseReason) -> Decided {
    let mut answer = Answer::from(answer);
    answer.failure = Some(Box::new(Failure::new(
        Hook::Server,
        Cause::Protocol(why.into()),
    )));
    Decided {
        answer,
        closes: Some(closes),
    }
}

/// Whether this answer makes hyper hand the connection over.
fn hyper_hands_over(asked: &Asked, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS
        || (asked.method == Method::CONNECT && status.is_success())
}

/// RFC 9110, 7.8: a 101 goes only to who asked for that protocol, in a way that counts.
fn refused_upgrade(asked: &Asked, answer: Option<&Response>) -> Option<Response> {
    let answer = answer.filter(|answer| answer.status() == StatusCode::SWITCHING_PROTOCOLS)?;
    let protocol = answer.field("upgrade").cloned();
    let name = protocol.as_ref().and_then(|name| name.to_str().ok());
    let is_offered = |name: &str| asked.upgrade.iter().any(|it| it.eq_ignore_ascii_case(name));
    if name.is_some_and(is_offered) {
        return None;
    }
    let refusal = plain(
        StatusCode::UPGRADE_REQUIRED,
        "another protocol is spoken here",
    );
    Some(match protocol {
        Some(protocol) => refusal.with_field(UPGRADE, protocol),
        None => refusal,
    })
}
