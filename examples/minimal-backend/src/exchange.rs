//! One request, one answer: what the application is asked, and what becomes of its answer.

use std::net::TcpStream;
use std::time::Instant;

use http_server_trait::backend::{Answer, Reply, catch, error_page};
use http_server_trait::http::{Method, StatusCode, Version, header};
use http_server_trait::{
    AbortReason, Body, BodyErrorKind, Cause, CloseReason, Completed, Conn, Failure, Head, Hook,
    Outcome, Phases, Request, Response, block_on,
};

use crate::running::Running;
use crate::threads::wait;
use crate::wire::{Wire, parse};

/// What a connection is for.
pub(crate) struct Exchange<'a> {
    server: &'a Running,
    conn: &'a Conn,
    wire: Wire<'a>,
    failures: Vec<Failure>,
    phases: Phases,
    since: Instant,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(server: &'a Running, conn: &'a Conn, stream: TcpStream) -> Self {
        Exchange {
            server,
            conn,
            wire: Wire::new(server, conn, stream),
            failures: Vec::new(),
            phases: Phases::default(),
            since: Instant::now(),
        }
    }

    /// Serves the one request, and says why the connection was closed then.
    pub(crate) fn run(mut self) -> CloseReason {
        let reason = match self.wire.head() {
            Ok(Some(text)) => match parse(&text, self.conn) {
                Some(head) => self.request(head),
                None => self.refuse(),
            },
            Ok(None) if self.server.is_draining() => CloseReason::Shutdown,
            Ok(None) => CloseReason::ClientClosed,
            Err(_) => CloseReason::ClientLeft,
        };
        self.wire.close();
        if self.server.is_cut() {
            CloseReason::ShutdownCut
        } else {
            reason
        }
    }

    fn request(&mut self, mut head: Head) -> CloseReason {
        self.server.request_begins();
        let (summary, method) = (head.summary(), head.method().clone());
        let mut status = None;
        let answer = self.answer(head);
        let outcome = match answer.filter(|answer| !matches!(answer.reply, Reply::Nothing)) {
            Some(answer) => {
                self.failures.extend(answer.failure.map(|failure| *failure));
                let mut response = match answer.reply {
                    Reply::Response(response) => response,
                    // It has said that it cannot do this.
                    _ => error_page(StatusCode::NOT_IMPLEMENTED),
                };
                status = Some(response.status());
                let sent = self.send(&mut response, &method, summary.version());
                let dropped = catch(|| drop(response)).map_err(|it| Failure::new(Hook::Body, it));
                self.failures.extend(dropped.err());
                sent.map_or_else(Outcome::Aborted, |()| Outcome::Sent)
            }
            None if self.server.is_cut() => Outcome::Aborted(AbortReason::ShutdownCut),
            None => Outcome::Aborted(AbortReason::ClientLeft),
        };
        self.phases.send = self.since.elapsed();
        // No request comes after it; it may have ended when its client left.
        let outcome = self.conn.set_ended(1, outcome);
        self.server
            .request_ends(outcome, self.failures.len() as u64);

        let pipeline = &self.server.pipeline;
        for failure in self.failures.drain(..) {
            block_on(pipeline.report(failure.within(&summary)));
        }
        let mut done = Completed::new(summary, status, outcome);
        done.bytes_in = self.wire.content_in;
        done.bytes_out = self.wire.bytes_out;
        done.phases = self.phases;
        self.server.failed(block_on(pipeline.after(done)));
        match outcome {
            Outcome::Aborted(AbortReason::AnswerCut) => CloseReason::AnswerCut,
            Outcome::Aborted(_) => CloseReason::ClientLeft,
            _ => CloseReason::Finished,
        }
    }

    /// What the application answers; none if nobody is there to be answered, or everything is given up.
    fn answer(&mut self, head: Head) -> Option<Answer> {
        let pipeline = &self.server.pipeline;
        let head = match wait(self.server.cut(), pipeline.on_head(head))? {
            Ok(head) => head,
            Err(answer) => return Some(answer),
        };
        self.phases.head = self.lap();
        let content = match self.wire.content(&head, pipeline.body_limit(&head)) {
            Ok(content) => content,
            Err(error) if error.kind() == BodyErrorKind::Disconnected => return None,
            Err(error) => {
                let page = error_page(error.status());
                self.failures
                    .push(Failure::new(Hook::Server, Cause::Protocol(error.into())));
                return Some(Answer::from(page));
            }
        };
        self.phases.body = self.lap();
        self.wire.watch().ok()?;
        let request = Request::new(head, Body::full(content));
        let answer = wait(self.server.cut(), pipeline.handle(request))?;
        self.phases.handler = self.lap();
        Some(answer)
    }

    /// How long it took from the last lap to this one.
    fn lap(&mut self) -> std::time::Duration {
        let since = std::mem::replace(&mut self.since, Instant::now());
        self.since - since
    }

    /// Sends an answer. Its framing is ours, whatever the application has written.
    fn send(&mut self, answer: &mut Response, to: &Method, of: Version) -> Result<(), AbortReason> {
        let status = answer.status();
        let tunnel = to == Method::CONNECT && status.is_success();
        let framed = status != StatusCode::NO_CONTENT && !tunnel;
        let has_content = framed && status != StatusCode::NOT_MODIFIED;
        let length = answer.body().length();
        let chunked = framed && length.is_none() && of == Version::HTTP_11;
        if !has_content && length != Some(0) {
            let why = format!("content of a {status} was left out");
            self.failures
                .push(Failure::new(Hook::Server, Cause::Answer(why.into())));
        }
        let framing = match length {
            Some(length) if framed => format!("content-length: {length}\r\n"),
            _ if chunked => "transfer-encoding: chunked\r\n".to_owned(),
            _ => String::new(),
        };
        let head = [
            head_of(answer),
            framing.into(),
            b"connection: close\r\n\r\n".to_vec(),
        ];
        self.write(&head.concat())?;
        if has_content && to != Method::HEAD {
            self.send_content(answer.body_mut(), chunked)?;
        }
        Ok(())
    }

    fn send_content(&mut self, body: &mut Body, chunked: bool) -> Result<(), AbortReason> {
        let cause = loop {
            match catch(|| wait(self.server.cut(), body.next())) {
                Ok(Some(Some(Ok(data)))) if chunked && !data.is_empty() => {
                    let size = format!("{:x}\r\n", data.len());
                    self.write(&[size.as_bytes(), &data, b"\r\n"].concat())?;
                }
                Ok(Some(Some(Ok(data)))) => self.write(&data)?,
                Ok(Some(Some(Err(error)))) => break Cause::Error(error.into()),
                Ok(Some(None)) if chunked => return self.write(b"0\r\n\r\n"),
                Ok(Some(None)) => return Ok(()),
                Ok(None) => return Err(AbortReason::ShutdownCut),
                Err(panic) => break panic,
            }
        };
        self.failures.push(Failure::new(Hook::Body, cause));
        Err(AbortReason::AnswerCut)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), AbortReason> {
        self.wire.send(bytes).map_err(|_| AbortReason::ClientLeft)
    }

    /// Answers what is no request.
    fn refuse(&mut self) -> CloseReason {
        let mut page = error_page(StatusCode::BAD_REQUEST);
        let sent = self.send(&mut page, &Method::GET, Version::HTTP_10);
        let failure = Failure::new(Hook::Server, Cause::Protocol("this is no request".into()));
        block_on(self.server.pipeline.report(failure.on(self.conn)));
        self.server.failed(1);
        sent.map_or(CloseReason::ClientLeft, |()| CloseReason::ProtocolError)
    }
}

/// The head of an answer, without its framing and its end.
fn head_of(answer: &Response) -> Vec<u8> {
    let ours = [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
    ];
    let reason = answer.status().canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", answer.status().as_u16()).into_bytes();
    for (name, value) in answer.field_lines() {
        if !ours.contains(name) {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    text
}
