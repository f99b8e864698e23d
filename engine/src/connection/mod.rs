//! The one driver of a connection: order, limits, deadlines, hooks, the end.
//!
//! ```text
//!            +-----------------------------------------------------------+
//!            v                                                           |
//!   next_head ----> middleware ----> content ----> handlers ----> respond +----> keep
//!      |                |               |              |              |
//!      |                +---------------+--------------+----> hand over to the application
//!      |                                |                             |
//!      +--> idle, parked, refused       +--> refused, too late        +--> linger, cut
//! ```
//!
//! [`drive`] is a future, generic over the transport and the runtime, that a backend makes one of for each
//! connection. It is written as plain async code around a handful of poll functions. Two rules hold them
//! together: whatever returns `Pending` has gone through `Link::rest` last, which stores the waker, enters
//! the books and looks at the clock; and whatever waits for the application's code keeps sending, reading and
//! watching meanwhile (`Link::beside`).

mod alarm;
mod content;
mod finish;
mod hooks;
mod incoming;
mod link;
mod outbox;
mod record;
mod respond;
mod stage;
mod stop;
mod takeover;
mod worker;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_server_trait::backend::{Answer, Ask, Parked, RawHead, TakeoverRun, plain};
use http_server_trait::{Body, BodyPlan, CloseReason, Config, Conn, Head, Hook, Request, Tunnels};

use crate::h1::answer::Plan;
use crate::h1::{Event, Framing, Message, Refusal};
use crate::ledger::Open;
use crate::runtime::Runtime;
use crate::service::Service;
use crate::transport::Transport;
use alarm::{Deadline, Phase};
use content::{Content, State, Trouble};
use hooks::Unfinished;
pub(crate) use link::Link;
use link::{Filled, Roused};
pub(crate) use record::forget_spare;
use respond::Next;
pub(crate) use stage::Stage;
use stop::Stop;
pub use worker::{Tide, Worker};

/// How a connection has ended here.
#[derive(Debug)]
pub enum Fate {
    /// It is closed.
    Closed(CloseReason),
    /// It lives on in another server.
    Parked(Box<Parked>),
}

impl Fate {
    /// Why it is closed here.
    pub(crate) fn reason(&self) -> CloseReason {
        match self {
            Fate::Closed(reason) => *reason,
            Fate::Parked(_) => CloseReason::Parked,
        }
    }
}

/// Where a connection is when its driver starts.
#[derive(Debug, Default)]
pub struct Start {
    /// Bytes that were received before.
    pub unread: Bytes,
    /// Requests that it has had before.
    pub requests: u64,
    /// How many bytes were read from it and written to it before.
    pub moved: (u64, u64),
    /// When the head that is being waited for began to come; if nothing of it has, since when the
    /// connection is idle.
    pub since: Option<Instant>,
}

/// How many requests are answered in a row before other tasks have a turn.
const ROUNDS: u8 = 64;

/// Drives a connection to its end.
///
/// Its end is in the ledger when the future is ready, its hooks have been told of every request, and
/// [`Conn::completed`] is ready unless somebody holds it.
///
/// # Cancel safety
/// Dropped where it waits, as when its runtime ends, it closes the connection; the ledger says
/// [`ServerError`](CloseReason::ServerError), and hooks that were not told are not told.
pub fn drive<T: Transport, R: Runtime, S: Service>(
    mut worker: Arc<Worker<S>>,
    io: T,
    runtime: R,
    conn: Conn,
    open: Open,
    start: Start,
) -> impl Future<Output = Fate> + Send {
    let mut link = Link::begin_at(&worker, io, conn.clone(), runtime, open, start);
    async move {
        let fate = link.run(&mut worker).await;
        // The books are closed before anybody is told.
        drop(link);
        conn.set_closed(fate.reason());
        fate
    }
}

/// Why no further request is waited for.
enum End {
    /// The last answer has been given: close, and let the client read it.
    Close(CloseReason),
    /// Nothing is under way: close.
    Leave(CloseReason),
    /// The message was refused before it was a request.
    Refused(Refusal),
    /// The head did not come in time. `true` if some of it had come.
    LateHead(bool),
    Cut(Stop),
    Hand(TakeoverRun),
    Park,
}

/// What is to be done that takes longer than most requests do.
enum Step {
    NoHead(NoHead),
    /// A request whose head is there, and which goes the long way.
    Request(Head),
    /// The handler is done, or will never be, and what it has decided takes longer.
    Reply(Result<Answer, Unfinished>),
    /// A request has its answer.
    Next(Next),
}

/// Why there is no head.
enum NoHead {
    /// The hooks are to be told first of requests that have ended.
    Tell,
    /// The connection is to let go of its application.
    Renew,
    /// There is one, and whose it is must be asked first. Rare, and large.
    Choose(Box<(RawHead, Message)>),
    /// There will be none.
    End(End),
}

impl<T: Transport, R: Runtime> Link<T, R> {
    /// A connection that is there. It is made before the future that drives it and not in there, which would
    /// need the memory for everything that it is made of for as long as it lives.
    pub(crate) fn begin_at<S: Service>(
        worker: &Worker<S>,
        io: T,
        conn: Conn,
        runtime: R,
        open: Open,
        start: Start,
    ) -> Self {
        let mut link = Link::new(io, conn, runtime, open).within(worker.budget.as_ref());
        let Start {
            unread,
            requests,
            moved: (bytes_in, bytes_out),
            since,
        } = start;
        link.requests = requests;
        link.conn.wire().live().moved(bytes_in, bytes_out);
        link.since = since;
        link.waits_for_head = requests == 0 || !unread.is_empty();
        if !unread.is_empty() {
            link.rx.prepend(&unread);
        }
        link
    }

    /// One request after the other, in the order in which they came, and then to its end. Whoever waits for that is
    /// told by the caller, once the link is dropped.
    ///
    /// The way of most requests is [plain code](Link::poll_requests). All others go the long way, and what that needs
    /// is allocated when it is gone, so that an idle connection is small. It is one future and no async fn for the same
    /// reason: each that it would be made of has its arguments once more, and an async fn has them twice.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn has its arguments twice"
    )]
    pub(crate) fn run<S: Service>(
        &mut self,
        worker: &mut Arc<Worker<S>>,
    ) -> impl Future<Output = Fate> + Send {
        async move {
            let end = loop {
                let step = {
                    let mut handling = pin!(None);
                    let step = poll_fn(|cx| {
                        let handle = |request| worker.service.handle(request);
                        self.poll_requests(cx, worker, handling.as_mut(), handle)
                    })
                    .await;
                    if let Step::Reply(Err(_)) = step {
                        self.let_go(Hook::Handler, handling);
                    }
                    step
                };
                self.rounds += u8::from(!matches!(step, Step::NoHead(_)));
                match self.long_way(worker, step).await.map(Next::end) {
                    Err(end) | Ok(Some(end)) => break end,
                    Ok(None) => {}
                }
                if self.rounds >= ROUNDS {
                    self.rounds = 0;
                    if let Err(stop) = Box::pin(self.yield_now(worker)).await {
                        self.give_up(stop);
                        break End::Cut(stop);
                    }
                }
            };
            Box::pin(self.finish_and_tell(worker, end)).await
        }
    }

    /// The way of most requests: they have no content, meet no middleware, and their answer is there as a whole. No
    /// future but the handler's. Ready when something else is to be done.
    fn poll_requests<S: Service, F: Future<Output = Answer>>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
        mut handling: Pin<&mut Option<F>>,
        handle: impl Fn(Request) -> F,
    ) -> Poll<Step> {
        loop {
            if handling.is_none() {
                let head = match ready!(self.poll_head(cx, worker)) {
                    Ok(head) => head,
                    Err(no_head) => return Poll::Ready(Step::NoHead(no_head)),
                };
                self.take_up(worker);
                if !worker.is_direct || !is_plain(&head, &self.message) {
                    return Poll::Ready(Step::Request(head));
                }
                handling.set(Some(handle(Request::new(head, Body::empty()))));
            }
            let answer = ready!(self.poll_hook(cx, worker, handling.as_mut()));
            if answer.is_ok() {
                handling.set(None);
            }
            self.phase(worker.service.has_after(), |record, took| {
                record.phases().handler = took;
            });
            let message = self.message;
            match self.answer_at_once(worker, &message, answer) {
                Ok(Next::Keep) => {}
                Ok(next) => return Poll::Ready(Step::Next(next)),
                Err(answer) => return Poll::Ready(Step::Reply(answer)),
            }
            self.rounds += 1;
            if self.rounds >= ROUNDS {
                return Poll::Ready(Step::Next(Next::Keep));
            }
        }
    }

    /// What takes longer than most requests, in memory of its own. A request takes less than all else together, and an
    /// allocator is quicker with that.
    fn long_way<'a, S: Service>(
        &'a mut self,
        worker: &'a mut Arc<Worker<S>>,
        step: Step,
    ) -> Pin<Box<dyn Future<Output = Result<Next, End>> + Send + 'a>> {
        match step {
            Step::Request(head) => Box::pin(async { Ok(self.request(worker, head).await) }),
            step => Box::pin(self.go_on(worker, step)),
        }
    }

    /// Does what takes longer than most requests.
    #[cold]
    async fn go_on<S: Service>(
        &mut self,
        worker: &mut Arc<Worker<S>>,
        step: Step,
    ) -> Result<Next, End> {
        Ok(match step {
            Step::NoHead(no_head) => match self.come_by(worker, no_head).await? {
                Some(head) => {
                    self.take_up(worker);
                    self.request(worker, head).await
                }
                None => Next::Keep,
            },
            Step::Request(head) => self.request(worker, head).await,
            Step::Reply(answer) => {
                let message = self.message;
                self.reply(worker, &message, answer).await
            }
            Step::Next(next) => next,
        })
    }

    /// Does what comes before the next head, and gives that if it is there.
    async fn come_by<S: Service>(
        &mut self,
        worker: &mut Arc<Worker<S>>,
        no_head: NoHead,
    ) -> Result<Option<Head>, End> {
        if !self.ended.is_empty() {
            self.tell(worker).await;
        }
        match no_head {
            NoHead::Tell => Ok(None),
            NoHead::Renew => {
                self.renew(worker);
                Ok(None)
            }
            NoHead::Choose(next) => {
                self.choose(worker).await.map_err(End::Cut)?;
                let raw;
                (raw, self.message) = *next;
                Ok(Some(self.begin_request(worker, raw)))
            }
            NoHead::End(end) => Err(end),
        }
    }

    async fn finish_and_tell<S: Service>(&mut self, worker: &Worker<S>, end: End) -> Fate {
        let fate = self.finish(worker, end).await;
        self.tell(worker).await;
        fate
    }

    /// Waits for a complete head. What is owed to the client is sent first, but not while a complete next
    /// request is there: pipelined answers leave together.
    fn poll_head<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
    ) -> Poll<Result<Head, NoHead>> {
        let config = worker.service.config();
        loop {
            // Who has had an answer is told before the next request, however many more have come: a client must
            // not be able to put that off, or to pile it up.
            if self.must_settle(config) {
                ready!(self.poll_settled(cx, worker))?;
            }
            // What has come of the next requests goes along.
            if self.must_park() {
                ready!(self.poll_settled(cx, worker))?;
                return Poll::Ready(Err(NoHead::End(End::Park)));
            }
            if !self.rx.is_empty() {
                match self.reader.read(self.rx.bytes(), &worker.limits) {
                    Ok((used, Event::Head(raw, read))) => {
                        self.rx.consume(used);
                        if worker.asks() {
                            return Poll::Ready(Err(NoHead::Choose(Box::new((raw, read)))));
                        }
                        self.message = read;
                        return Poll::Ready(Ok(self.begin_request(worker, raw)));
                    }
                    Ok((
                        used @ 1..,
                        Event::NeedsMore | Event::Passed | Event::Data(_) | Event::End(_),
                    )) => {
                        self.rx.consume(used);
                        continue;
                    }
                    Ok(_) => {}
                    Err(refusal) => return Poll::Ready(Err(NoHead::End(End::Refused(refusal)))),
                }
            }
            if self.owes() {
                match self.poll_flush_here(cx) {
                    Poll::Ready(Ok(())) if self.ended.is_empty() => {}
                    _ => ready!(self.poll_settled(cx, worker))?,
                }
            }
            ready!(self.poll_bytes(cx, worker))?;
        }
    }

    /// Whether the next request waits for what is to be done about those before it.
    #[inline]
    fn must_settle(&self, config: &Config) -> bool {
        if self.tx.is_empty() {
            return !self.ended.is_empty();
        }
        let is_full = self.outbox.len() >= config.pipelined || self.tx.len() >= config.write_high;
        is_full || !self.ended.is_empty()
    }

    fn begin_request<S: Service>(&mut self, worker: &Worker<S>, raw: RawHead) -> Head {
        let head = self.begin(raw, worker.service.wants_summaries());
        if let Some(record) = self.current.as_mut().filter(|_| self.message.upgrades) {
            record.would_upgrade(head.field_joined("upgrade"));
        }
        head
    }

    /// Another application gets the requests. Nothing of this one's is left to be told.
    #[cold]
    fn renew<S: Service>(&mut self, worker: &mut Arc<Worker<S>>) {
        // First: what is asked from now on is asked anew.
        self.conn.forget(Ask::Renew);
        if let Some(now) = worker.now() {
            self.conn = self.conn.within(now.service.site());
            *worker = now;
        }
    }

    /// Chooses the application of the request whose head is there. The one before is told of its own first.
    #[cold]
    async fn choose<S: Service>(&mut self, worker: &mut Arc<Worker<S>>) -> Result<(), Stop> {
        let next = worker.next();
        let Some(next) = next.filter(|next| !Arc::ptr_eq(next, worker)) else {
            return Ok(());
        };
        self.settle(worker).await?;
        self.conn = self.conn.within(next.service.site());
        *worker = next;
        Ok(())
    }

    /// Sends everything that waits. What has ended by that is to be told before anything else.
    #[cold]
    fn poll_settled<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
    ) -> Poll<Result<(), NoHead>> {
        if let Err(stop) = ready!(self.poll_settle(cx, worker)) {
            self.give_up(stop);
            return Poll::Ready(Err(NoHead::End(End::Cut(stop))));
        }
        if self.ended.is_empty() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Ready(Err(NoHead::Tell))
        }
    }

    /// Waits until some bytes have come. How long depends on whether a head has begun.
    fn poll_bytes<S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker<S>,
    ) -> Poll<Result<(), NoHead>> {
        let config = worker.service.config();
        let begun = !self.rx.is_empty();
        let first = self.requests == 0;
        loop {
            let end = |end| Poll::Ready(Err(NoHead::End(end)));
            match self.poll_fill_here(cx) {
                Poll::Ready(Ok(Filled::Some)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(Filled::End)) if begun => {
                    return end(End::Refused(Refusal::Incomplete));
                }
                Poll::Ready(Ok(Filled::End)) => return end(End::Leave(CloseReason::ClientClosed)),
                Poll::Ready(Err(Stop::Reset)) if !begun => {
                    return end(End::Leave(CloseReason::ClientClosed));
                }
                Poll::Ready(Err(stop)) => return end(End::Cut(stop)),
                Poll::Pending => {}
            }
            if self.may_leave(worker) {
                if let Some(leaves) = self.leaves_now(worker, begun) {
                    return end(leaves);
                }
                if self.conn.asks().has(Ask::Renew) {
                    return Poll::Ready(Err(NoHead::Renew));
                }
            }
            let until = self.head_deadline(config, begun, first);
            match ready!(self.rest(cx, worker, until)) {
                Roused::Asked => {
                    // Before what may have come at the same time is taken for a request.
                    if let Some(stop) = self.must_stop(&worker.tide) {
                        return end(End::Cut(stop));
                    }
                }
                Roused::Late(Phase::Idle) => return end(End::Leave(CloseReason::IdleTimeout)),
                Roused::Late(_) => return end(End::LateHead(begun)),
            }
        }
    }

    /// A request begins.
    fn take_up<S: Service>(&mut self, worker: &Worker<S>) {
        self.since = None;
        if let Some(time) = worker.service.config().request_time {
            let until = self.now().checked_add(time);
            self.answer_until(until);
        }
    }

    fn head_deadline(&mut self, config: &Config, begun: bool, first: bool) -> Option<Deadline> {
        // No head begins with a CR, but an empty line before one does.
        let for_head = (begun && self.rx.bytes() != b"\r") || first;
        if self.waits_for_head != for_head {
            self.waits_for_head = for_head;
            self.since = None;
        }
        let now = self.now();
        // One deadline for all of the head, however many pieces it comes in.
        let since = *self.since.get_or_insert(now);
        let (phase, time) = if for_head {
            (Phase::Head, config.head_time)
        } else {
            (Phase::Idle, config.idle_time)
        };
        let at = since.checked_add(time)?;
        Some(Deadline { phase, at })
    }

    /// Whether anything has been asked of the connection, or of all.
    #[inline]
    fn may_leave<S: Service>(&self, worker: &Worker<S>) -> bool {
        self.is_asked() || worker.tide.is_draining()
    }

    /// Whether a connection between two requests leaves now, because somebody asked for it.
    #[cold]
    fn leaves_now<S: Service>(&self, worker: &Worker<S>, begun: bool) -> Option<End> {
        if let Some(stop) = self.must_stop(&worker.tide) {
            return Some(End::Cut(stop));
        }
        // What has come of the next head goes along.
        if self.must_park() && self.tx.is_empty() && self.reader.is_at_head() {
            return Some(End::Park);
        }
        if begun {
            return None;
        }
        match (worker.tide.is_draining(), self.must_close()) {
            (true, _) => Some(End::Leave(CloseReason::Shutdown)),
            (false, true) => Some(End::Leave(CloseReason::AppClosed)),
            (false, false) => None,
        }
    }

    /// One request, from its head to the end of its answer: the long way.
    async fn request<S: Service>(&mut self, worker: &Worker<S>, head: Head) -> Next {
        let message = self.message;
        let config = worker.service.config();
        let tells = worker.service.has_after();
        self.content = Content::of(&message);
        let Ok(_flight) = worker.take_off() else {
            return self.shed(worker, &message).await;
        };
        if is_tunnel(&head, &message) && config.tunnels == Tunnels::Refuse {
            return self
                .refuse(worker, &message, Trouble::Refused(Refusal::Tunnel))
                .await;
        }
        let head = if worker.service.has_middleware() {
            let decided = worker.service.on_head(head);
            match self.beside(worker, Hook::Middleware, decided).await {
                Ok(Ok(head)) => head,
                Ok(Err(answer)) => return self.reply(worker, &message, Ok(answer)).await,
                Err(unfinished) => return self.reply(worker, &message, Err(unfinished)).await,
            }
        } else {
            head
        };
        self.phase(tells, |record, took| record.phases().head = took);
        let plan = match message.framing {
            Framing::Empty => BodyPlan::Collect,
            _ => match worker.service.plan(&head) {
                Ok(plan) => plan,
                Err(answer) => return self.reply(worker, &message, Ok(answer)).await,
            },
        };
        let body = match self.body(worker, &head, &message, plan).await {
            Ok(body) => body,
            Err(trouble) => return self.refuse(worker, &message, trouble).await,
        };
        self.phase(tells, |record, took| record.phases().body = took);
        let handling = worker.service.handle(Request::new(head, body));
        let answer = self.beside(worker, Hook::Handler, handling).await;
        self.phase(tells, |record, took| record.phases().handler = took);
        match self.reply_at_once(worker, &message, answer) {
            Ok(next) => next,
            Err(answer) => self.reply(worker, &message, answer).await,
        }
    }

    /// The content as the handler wants it: whole, or as it comes.
    async fn body<S: Service>(
        &mut self,
        worker: &Worker<S>,
        head: &Head,
        message: &Message,
        plan: BodyPlan,
    ) -> Result<Body, Trouble> {
        let limit = match message.framing {
            Framing::Empty => return Ok(Body::empty()),
            _ => worker.service.body_limit(head),
        };
        self.content.limit_to(limit);
        let length = match message.framing {
            Framing::Length(length) if length > limit => {
                let refusal = Trouble::Refused(Refusal::BodyTooLarge);
                self.content.state = State::Broken(refusal);
                return Err(refusal);
            }
            Framing::Length(length) => Some(length),
            _ => None,
        };
        if plan == BodyPlan::Stream {
            let (slot, incoming) = incoming::slot(length);
            self.content.state = State::Taken(slot);
            return Ok(Body::stream(incoming));
        }
        let (bytes, trailers) = self.collect(worker, message).await?;
        Ok(Body::full(bytes).with_trailers(trailers.unwrap_or_default()))
    }

    /// Answers a message that never was a request.
    fn answer_refused<S: Service>(
        &mut self,
        worker: &Worker<S>,
        status: http::StatusCode,
        reason: &str,
    ) {
        let mut response = plain(status, reason);
        let mut message = Message::unknown();
        // A refused head is not used up; its client may know that a HEAD has no content in its answer.
        message.is_head = self.reader.is_at_head() && self.rx.bytes().starts_with(b"HEAD ");
        let plan = Plan::new(&message, &response, true);
        self.write_head(worker, &message, &response, &plan);
        if plan.sends_content(&message) {
            self.queue_whole(response.body_mut(), &plan);
        }
    }
}

/// Whether a request has no content and asks for nothing unusual.
fn is_plain(head: &Head, message: &Message) -> bool {
    message.framing == Framing::Empty && !is_tunnel(head, message)
}

/// Whether it asks for what [`Tunnels`] are about.
fn is_tunnel(head: &Head, message: &Message) -> bool {
    message.is_connect || *head.method() == http::Method::TRACE
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::{Arc, mpsc};
    use std::task::{Context, Waker};
    use std::thread;
    use std::time::Instant;

    use http_server_trait::backend::{Pipeline, RawHead, rest_heads};
    use http_server_trait::{Address, App, Conn, Exec, Facts, Request};

    use super::{Link, Start, Tide, Worker, record};
    use crate::ledger::Ledger;
    use crate::server::Listener;
    use crate::testkit::Sim;

    fn started(sim: &Sim) -> Pipeline {
        let mut app = App::new();
        app.handler(|_: Request| async { "hello" });
        let exec = Exec::new(Arc::new(sim.clone()));
        let starting = Pipeline::start(app, "here", exec, &[]);
        sim.block_on(async { starting.await.unwrap() })
    }

    /// How much a connection keeps that had these requests and is idle.
    fn kept_after(requests: &[u8]) -> usize {
        let sim = Sim::new(1);
        let pipeline = started(&sim);
        let ledger = Ledger::default();
        let worker = Worker::new(Arc::new(pipeline), ledger.page(), Arc::new(Tide::default()));
        let mut worker = Arc::new(worker);
        let address = Address::Memory("here".into());
        let mut listener = sim.network().listen(address.clone()).unwrap();
        let mut client = sim.connect(&address).unwrap();
        let accepting = async move { poll_fn(|cx| listener.poll_accept(cx)).await.unwrap() };
        let (stream, _) = sim.block_on(accepting);
        let users = Arc::strong_count(worker.service().site());
        let conn = Conn::new(Facts::default(), worker.service().site().clone());
        let open = worker.page().accepted();
        let start = Start::default();
        let mut link = Link::begin_at(&worker, stream, conn, sim.clone(), open, start);
        {
            let mut running = pin!(link.run(&mut worker));
            let mut cx = Context::from_waker(Waker::noop());
            let mut left = requests;
            for _ in 0..10 {
                left = &left[client.send(left)..];
                assert!(running.as_mut().poll(&mut cx).is_pending());
            }
            assert!(left.is_empty());
        }
        assert_eq!(ledger.counters().active, 0);
        assert!(link.current.is_none() && link.ended.is_empty());
        let kept = link.outbox.kept() + link.rx.held() + link.tx.held() + record::spare();
        // Nor does its thread keep the connection, or the application for its sake.
        drop(link);
        assert_eq!(Arc::strong_count(worker.service().site()), users);
        kept
    }

    #[test]
    fn heads_keep_their_connection_until_it_rests() {
        let pipeline = started(&Sim::new(1));
        let users = || Arc::strong_count(pipeline.site());
        let before = users();
        let conn = Conn::new(Facts::default(), pipeline.site().clone());
        let heads = [1, 2].map(|n| RawHead::new().finish_next(&conn, n, Instant::now()));
        drop(heads);
        drop(conn);
        assert_eq!(users(), before + 1);
        rest_heads();
        assert_eq!(users(), before);
    }

    #[test]
    fn head_that_is_dropped_elsewhere_keeps_nothing_there() {
        let pipeline = started(&Sim::new(1));
        let users = || Arc::strong_count(pipeline.site());
        let before = users();
        let conn = Conn::new(Facts::default(), pipeline.site().clone());
        let head = RawHead::new().finish_next(&conn, 1, Instant::now());
        let (say, said) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            drop(head);
            say.send(()).unwrap();
            let _ = ended.recv();
        });
        said.recv().unwrap();
        drop(conn);
        assert_eq!(users(), before);
        drop(end);
        thread.join().unwrap();
    }

    #[test]
    fn an_idle_connection_keeps_little_whatever_it_had() {
        let long = "x".repeat(7_000);
        let target = format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n");
        let upgrade =
            format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: {long}\r\n\r\n");
        let many = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500);
        for requests in [&target, &upgrade, &many] {
            let kept = kept_after(requests.as_bytes());
            assert!(kept <= 1_000, "{kept} bytes after {requests:.80}");
        }
    }
}
