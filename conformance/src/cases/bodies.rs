//! Content of answers and of requests: its sources, its pace, its end.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::future::poll_fn;
use std::io::{self, Cursor, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_server_trait::bytes::Bytes;
use http_server_trait::http::{HeaderMap, HeaderValue, StatusCode};
use http_server_trait::http_body::{self, Frame, SizeHint};
use http_server_trait::{
    AbortReason, App, Body, BodyError, BodyErrorKind, BodySender, BoxError, CloseReason, Failure,
    IntoResponse, Marks, Request, Response, Writer, WriterError, block_on, streamed,
    write_response,
};

use crate::case::cases;
use crate::failure::{self, Verdict};
use crate::stage::Stage;
use crate::{Answer, Client, Play, want, want_eq};

/// Every byte there is, four times.
fn content() -> Vec<u8> {
    (0..=u8::MAX).cycle().take(1024).collect()
}

/// A file with this content that has no name any more: it is gone when it is closed.
fn file_of(content: &[u8]) -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "bayonet-conformance-{}-{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let path = std::env::temp_dir().join(name);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(path)?;
    file.write_all(content)?;
    Ok(file)
}

/// Plays a script for each path, on a connection of its own; a failure says for which it was.
fn each(play: &mut Play, paths: &[&str], script: impl Fn(&mut Client, &str) -> Verdict) -> Verdict {
    for path in paths {
        let mut client = play.connect()?;
        client.get(path)?;
        script(&mut client, path)
            .map_err(|failure| failure::Failure::new(format!("{path}: {failure}")))?;
    }
    Ok(())
}

/// Asks for these pieces as the chunks of an answer.
fn in_chunks(answer: &Answer, chunks: &[usize]) -> Verdict {
    want_eq!(answer.chunks.as_deref(), Some(chunks));
    Ok(())
}

/// Notes the failures, by what they are a failure of.
fn noting_failures(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.on_error(move |failure: Arc<Failure>| {
        stage.note(format!("failure: {}", failure.hook()));
        async {}
    });
}

/// A stream of one's own, that may fail in the end.
struct Pieces {
    left: VecDeque<Bytes>,
    knows_its_length: bool,
    fails: bool,
}

impl Pieces {
    /// The content in pieces of 300 bytes.
    fn new() -> Self {
        let content = Bytes::from(content());
        let starts = (0..content.len()).step_by(300);
        Pieces {
            left: starts
                .map(|at| content.slice(at..content.len().min(at + 300)))
                .collect(),
            knows_its_length: false,
            fails: false,
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = self.left.pop_front().map(|piece| Ok(Frame::data(piece)));
        let fails = self.fails;
        Poll::Ready(piece.or_else(|| fails.then(|| Err(io::ErrorKind::Other.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.knows_its_length {
            let length = self.left.iter().map(|piece| piece.len() as u64).sum();
            SizeHint::with_exact(length)
        } else {
            SizeHint::new()
        }
    }
}

/// A reader that fails after its content.
struct FailsAtTheEnd(Cursor<Vec<u8>>);

impl Read for FailsAtTheEnd {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(io::ErrorKind::Other.into()),
            read => Ok(read),
        }
    }
}

/// An answer of a type of one's own.
struct Teapot(&'static str);

impl IntoResponse for Teapot {
    fn into_response(self) -> Response {
        Response::new(StatusCode::IM_A_TEAPOT)
            .with_field("content-type", "text/tea")
            .with_body(self.0)
    }
}

/// The same content from everything that content can be made of.
fn sources(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        let content = content();
        let body = match request.path() {
            "/bytes" => Body::full(Bytes::from(content)),
            "/vec" => content.into(),
            "/boxed" => content.into_boxed_slice().into(),
            "/stream-of-length" => {
                let mut pieces = Pieces::new();
                pieces.knows_its_length = true;
                Body::stream(pieces)
            }
            "/reader-of-length" => Body::reader_of_length(Cursor::new(content), 1024),
            // Its producer has more, and that is not sent.
            "/longer-reader" => {
                Body::reader_of_length(Cursor::new([&content[..], b"more"].concat()), 1024)
            }
            "/file" => Body::file(file_of(&content)?, 0, None)?,
            "/stream" => Body::stream(Pieces::new()),
            "/iterator" => Body::iter(content.chunks(300).map(<[u8]>::to_vec).collect::<Vec<_>>()),
            "/reader" => Body::reader(Cursor::new(content)),
            "/channel" => {
                let (mut sender, body) = Body::channel();
                let produce = async move {
                    for piece in content.chunks(300) {
                        sender.send(piece.to_vec()).await?;
                    }
                    sender.finish();
                    Ok::<_, BodyError>(())
                };
                drop(request.exec().spawn(produce));
                body
            }
            _ => return Ok(None),
        };
        Ok::<_, BoxError>(Some(body))
    });
}

const OF_LENGTH: &[&str] = &[
    "/bytes",
    "/vec",
    "/boxed",
    "/stream-of-length",
    "/reader-of-length",
    "/longer-reader",
    "/file",
];
const WITHOUT_LENGTH: &[&str] = &["/stream", "/iterator", "/reader", "/channel"];

/// What handlers return when they do not think about content.
fn natural_results(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        Some(match request.path() {
            "/str" => "text".into_response(),
            "/string" => String::from("text").into_response(),
            "/bytes" => Bytes::from_static(b"\0bytes").into_response(),
            "/vec" => b"\0bytes".to_vec().into_response(),
            "/status" => StatusCode::ACCEPTED.into_response(),
            "/both" => (StatusCode::CREATED, "made").into_response(),
            "/nothing" => ().into_response(),
            "/empty" => Body::empty().into_response(),
            "/own" => Teapot("tea").into_response(),
            "/own-and-status" => (StatusCode::OK, Teapot("tea")).into_response(),
            _ => return None,
        })
    });
}

/// Parts of a file of ten bytes: `/offset/length`, or `/offset` for the rest. And all of an empty one.
fn file_parts(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        if request.path() == "/empty" {
            return Ok(Body::file(file_of(b"")?, 0, None)?);
        }
        let (offset, length) = match request.path()[1..].split_once('/') {
            Some((offset, length)) => (offset.parse()?, Some(length.parse()?)),
            None => (request.path()[1..].parse()?, None),
        };
        Ok::<_, BoxError>(Body::file(file_of(b"0123456789")?, offset, length)?)
    });
}

/// Content that goes wrong after its first piece.
fn broken(app: &mut App, stage: &Stage) {
    noting_failures(app, stage);
    app.handler(|request: Request| async move {
        let first = Bytes::from_static(b"first");
        let body = match request.path() {
            "/stream" => {
                let mut pieces = Pieces::new();
                pieces.fails = true;
                Body::stream(pieces)
            }
            "/iterator" => Body::try_iter([Ok(first), Err("as it should")]),
            "/panic" => {
                let mut left = Some(first);
                Body::iter(std::iter::from_fn(move || {
                    Some(left.take().expect("a piece, which there is once"))
                }))
            }
            "/reader" => Body::reader(FailsAtTheEnd(Cursor::new(first.to_vec()))),
            "/short-reader" => Body::reader_of_length(Cursor::new(first), 1024),
            "/short-file" => {
                let file = file_of(&[b'x'; 1024])?;
                let body = Body::file(file.try_clone()?, 0, None)?;
                file.set_len(10)?;
                body
            }
            "/abandoned" => {
                let (mut sender, body) = Body::channel();
                sender.send(first).await?;
                drop(sender);
                body
            }
            "/aborted" => {
                let (mut sender, body) = Body::channel();
                sender.send(first).await?;
                sender.abort("as it should");
                body
            }
            _ => return Ok(None),
        };
        Ok::<_, BoxError>(Some(body))
    });
}

/// How many elements there are, and how large they are: larger than what fits between the two ends of a
/// connection in the simulation.
const ELEMENTS: usize = 4;
const ELEMENT: usize = 100 * 1024;
const ROOM: usize = 64 * 1024;

/// Large elements, that would all fit into the server's queue.
fn large_elements(app: &mut App, stage: &Stage) {
    app.config_mut().write_high = 10 << 20;
    let stage = stage.clone();
    app.handler(move |_: Request| {
        let stage = stage.clone();
        async move {
            Body::iter((0..ELEMENTS).map(move |number| {
                stage.note(format!("asked for {number}"));
                vec![b'x'; ELEMENT]
            }))
        }
    });
}

/// Each element after the first is made only when the client says that it has got the one before. It blocks
/// where it should not: so no luck can help a server that asks too early.
fn elements_on_demand(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |_: Request| {
        let stage = stage.clone();
        async move {
            Body::iter((0..4).map(move |number: u32| {
                if number > 0 {
                    block_on(stage.gate(&format!("got {}", number - 1)));
                }
                format!("element {number};")
            }))
        }
    });
}

/// A reader that blocks until its gate is open.
struct Blocks(Stage);

impl Read for Blocks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.note("blocks");
        block_on(self.0.gate("go on"));
        Cursor::new("content").read(into)
    }
}

fn blocking_reader(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            match request.path() {
                "/ok" => Body::full("ok"),
                _ => Body::reader_of_length(Blocks(stage), 7),
            }
        }
    });
}

const MARKS: Marks = Marks {
    high: 20_000,
    low: 5000,
};
const PIECE: usize = 1000;

/// Produces as many pieces as the path says, and notes what a producer must not see.
async fn produce(mut sender: BodySender, pieces: usize, stage: Stage) {
    for _ in 0..pieces {
        let held = sender.is_holding();
        if held {
            stage.note("waits");
        }
        if sender.send(vec![b'x'; PIECE]).await.is_err() {
            return stage.note(if sender.is_closed() {
                "told"
            } else {
                "told too early"
            });
        }
        if held && sender.buffered() > MARKS.low + PIECE {
            stage.note("went on too early");
        }
        if sender.buffered() >= MARKS.high + PIECE {
            stage.note("went on too long");
        }
    }
    stage.note("all sent");
    sender.finish();
}

fn produced(app: &mut App, stage: &Stage) {
    app.config_mut().write_stall = Duration::from_secs(600);
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let pieces = request.path()[1..].parse::<usize>()?;
            let (sender, body) = Body::channel_with(MARKS);
            drop(request.exec().spawn(produce(sender, pieces, stage)));
            Ok::<_, BoxError>(body)
        }
    });
}

/// Produces as many pieces as the path says. Notes when its callbacks are called, and an amount that does not go with
/// what it waits for.
fn told_of_marks(app: &mut App, stage: &Stage) {
    app.config_mut().write_stall = Duration::from_secs(600);
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let pieces = request.path()[1..].parse::<usize>()?;
            let (mut sender, body) = Body::channel_with(MARKS);
            let (high, low) = (stage.clone(), stage.clone());
            sender.on_high(move || high.note("high"));
            sender.on_low(move || low.note("low"));
            drop(request.exec().spawn(async move {
                for _ in 0..pieces {
                    wait_for_room(&mut sender, &stage).await?;
                    sender.send(vec![b'x'; PIECE]).await?;
                }
                sender.finish();
                Ok::<_, BodyError>(())
            }));
            Ok::<_, BoxError>(body)
        }
    });
}

async fn wait_for_room(sender: &mut BodySender, stage: &Stage) -> Result<(), BodyError> {
    let mut waited = false;
    poll_fn(|cx| {
        // Only this side makes it more: what was there before is as much as there is now, or less.
        let before = sender.buffered();
        let ready = sender.poll_ready(cx);
        if ready.is_pending() {
            waited = true;
            stage.note("waits");
            if before <= MARKS.low || before >= MARKS.high + PIECE {
                stage.note(format!("it waits with {before}"));
            }
        } else if waited && sender.buffered() > MARKS.low {
            stage.note("went on too early");
        }
        ready
    })
    .await
}

/// Sends one piece, and then waits for the end of its client alone.
fn produced_for_nobody(app: &mut App, stage: &Stage) {
    noting_failures(app, stage);
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let (mut sender, body) = Body::channel();
            let produce = async move {
                sender.send("first;").await?;
                stage.gate("go on").await;
                // The first of these may be on its way already when the client's reset comes.
                while sender.send("more;").await.is_ok() {}
                stage.note("told");
                want_closed(&sender, &stage);
                Ok::<_, BodyError>(())
            };
            drop(request.exec().spawn(produce));
            body
        }
    });
}

fn want_closed(sender: &BodySender, stage: &Stage) {
    if !sender.is_closed() {
        stage.note("it does not know");
    }
}

fn with_trailers(app: &mut App, _: &Stage) {
    app.handler(|_: Request| async {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-digest", HeaderValue::from_static("abc"));
        let (mut sender, body) = Body::channel();
        sender.send("content").await?;
        sender.finish_with(trailers);
        Ok::<_, BodyError>(body)
    });
}

/// Notes when it is called and what comes, and answers with how much it was. For `/elsewhere` a task of its own takes
/// the content, and it answers at once.
fn streaming(app: &mut App, stage: &Stage) {
    app.config_mut().body = None;
    let stage = stage.clone();
    app.handler(streamed(move |mut request: Request| {
        let stage = stage.clone();
        async move {
            if request.path() == "/elsewhere" {
                let mut content = request.take_body();
                let _task = request.exec().spawn(async move {
                    while let Some(piece) = content.next().await {
                        if let Err(error) = piece {
                            return stage.note(format!("elsewhere: {:?}", error.kind()));
                        }
                    }
                    stage.note("elsewhere: complete");
                });
                return Ok("elsewhere".to_owned());
            }
            stage.note("called");
            stage.gate("read").await;
            stage.note("reads");
            let mut length = 0;
            while let Some(piece) = request.body_mut().next().await {
                match piece {
                    Ok(piece) => length += piece.len(),
                    Err(error) => {
                        stage.note(format!("{:?}", error.kind()));
                        return Err(error);
                    }
                }
            }
            Ok(length.to_string())
        }
    }));
}

/// Sends its content back as it comes.
fn streamed_echo(app: &mut App, _: &Stage) {
    app.config_mut().body = None;
    app.config_mut().write_stall = Duration::from_secs(600);
    app.handler(streamed(|mut request: Request| async move {
        request.take_body()
    }));
}

fn echo_of_ten(app: &mut App, stage: &Stage) {
    noting_failures(app, stage);
    app.config_mut().body = Some(10);
    app.config_mut().body_stall = Duration::from_secs(10);
    app.handler(streamed(|mut request: Request| async move {
        let content = request.bytes().await?;
        Ok::<_, BodyError>(content)
    }));
}

/// Answers with whether all of the content is there when it is called.
fn collected(app: &mut App, _: &Stage) {
    app.handler(|request: Request| async move {
        match request.body().as_bytes() {
            Some(content) => Response::text(content.to_vec()),
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    });
}

fn result_name<T>(result: &Result<T, WriterError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(WriterError::Frozen) => "frozen",
        Err(WriterError::Content(error)) if error.kind() == BodyErrorKind::Disconnected => "gone",
        Err(_) => "another error",
    }
}

/// An answer in the writer style for every path; each waits at the gate before its second part.
fn written(app: &mut App, stage: &Stage) {
    noting_failures(app, stage);
    let stage = stage.clone();
    app.handler(move |request: Request| {
        let stage = stage.clone();
        async move {
            let path = request.path().to_owned();
            write_response(move |out| write(out, path, stage)).await
        }
    });
}

async fn write(mut out: Writer, path: String, stage: Stage) -> Result<(), WriterError> {
    out.status(StatusCode::CREATED)?;
    out.field("x-written", "yes")?;
    if path == "/unbuffered" {
        out.unbuffer().await?;
    }
    out.write("one;").await?;
    match path.as_str() {
        "/flushed" => out.flush().await?,
        "/changed" => {
            out.status(StatusCode::ACCEPTED)?;
            out.field("x-written", "twice")?;
            out.rebuffer()?;
        }
        "/frozen" => {
            out.flush().await?;
            let results = [
                out.status(StatusCode::ACCEPTED),
                out.field("x-written", "twice"),
                out.rebuffer(),
            ];
            for result in &results {
                stage.note(result_name(result));
            }
        }
        "/unclosed" => return Ok(()),
        "/unclosed-after-flush" => return out.flush().await,
        _ => {}
    }
    stage.note("written");
    stage.gate("go on").await;
    out.write("two").await?;
    out.close().await
}

/// Writes without end to a client that does not read, and notes how that ends.
fn written_without_end(app: &mut App, stage: &Stage) {
    let stage = stage.clone();
    app.config_mut().write_stall = Duration::from_secs(10);
    app.handler(move |_: Request| {
        let stage = stage.clone();
        async move {
            write_response(move |mut out| async move {
                loop {
                    stage.note("writes");
                    out.write(vec![b'x'; 10_000]).await?;
                    out.flush().await?;
                }
                #[allow(unreachable_code, reason = "it says what the loop is a result of")]
                Ok::<(), WriterError>(())
            })
            .await
        }
    });
}

cases! {
    /// Whatever content is made of: if its length is known it frames the answer, and what comes is what was
    /// given, every byte of it.
    must content_of_known_length_is_framed_by_it ["T-30", "A1-3"] app sources |play| {
        each(play, OF_LENGTH, |client, _| {
            let answer = client.answer()?.status(200)?.has("content-length", "1024")?.content(content())?;
            answer.has_no("transfer-encoding")?.ok()
        })
    }
    /// Content that does not know its length comes in chunks, so that the connection can be kept.
    must content_of_unknown_length_comes_in_chunks ["T-30", "A1-3"] needs [Streaming, KeepAlive] app sources |play| {
        each(play, WITHOUT_LENGTH, |client, path| {
            let answer = client.answered(200)?.content(content())?;
            want!(answer.chunks.is_some(), "it does not come in chunks");
            if path == "/iterator" {
                in_chunks(&answer, &[300, 300, 300, 124])?;
            }
            client.get(path)?.answered(200)?.content(content())?.ok()
        })
    }
    /// A client of HTTP/1.0 knows no chunks: for it the end of the connection is the end of the content.
    must content_of_unknown_length_ends_with_the_connection_for_http10 ["T-30", "R-043", "R-092"] needs [Streaming] app sources |play| {
        for path in WITHOUT_LENGTH {
            let mut client = play.connect()?;
            client.send(format!("GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"))?;
            let answer = client.answer()?.status(200)?.says_close()?.content(content())?;
            want!(answer.until_close, "{path}: it does not end with the connection");
        }
        for path in OF_LENGTH {
            let mut client = play.connect()?;
            client.send(format!("GET {path} HTTP/1.0\r\n\r\n"))?;
            client.answer()?.status(200)?.has("content-length", "1024")?.content(content())?;
        }
        Ok(())
    }
    /// What a handler would naturally return is an answer, also a type of one's own.
    must natural_results_are_answers ["A1-3", "T-11"] app natural_results |play| {
        let results: &[(&str, u16, Option<&str>, &[u8])] = &[
            ("/str", 200, Some("text/plain; charset=utf-8"), b"text"),
            ("/string", 200, Some("text/plain; charset=utf-8"), b"text"),
            ("/bytes", 200, Some("application/octet-stream"), b"\0bytes"),
            ("/vec", 200, Some("application/octet-stream"), b"\0bytes"),
            ("/status", 202, None, b""),
            ("/both", 201, Some("text/plain; charset=utf-8"), b"made"),
            ("/nothing", 204, None, b""),
            ("/empty", 200, None, b""),
            ("/own", 418, Some("text/tea"), b"tea"),
            ("/own-and-status", 200, Some("text/tea"), b"tea"),
        ];
        for (path, status, kind, content) in results {
            each(play, &[path], |client, _| {
                let answer = client.answer()?.status(*status)?.content(content)?;
                want_eq!(answer.field("content-type"), *kind);
                let length = content.len().to_string();
                want_eq!(answer.field("content-length"), (*status != 204).then_some(length.as_str()));
                Ok(())
            })?;
        }
        Ok(())
    }
    /// Of a file exactly the part is sent that was named, and nothing lies beyond its end.
    must file_is_sent_from_an_offset_for_a_length ["T-33", "A3-6"] app file_parts |play| {
        let parts = [
            ("/0", "0123456789"),
            ("/0/10", "0123456789"),
            ("/3", "3456789"),
            ("/3/4", "3456"),
            ("/9/1", "9"),
            ("/7/100", "789"),
            ("/0/0", ""),
            ("/10", ""),
            ("/10/5", ""),
            ("/1000", ""),
            ("/1000/5", ""),
            ("/empty", ""),
            ("/5/18446744073709551615", "56789"),
        ];
        for (path, content) in parts {
            each(play, &[path], |client, _| {
                let answer = client.answer()?.status(200)?.content(content)?;
                answer.has("content-length", &content.len().to_string())?.ok()
            })?;
        }
        Ok(())
    }
    /// Content that fails in its middle cuts the connection, so that what came does not look complete, and the
    /// error hook is told.
    must content_that_fails_cuts_the_connection ["T-35", "T-41", "T-42"] needs [Streaming] app broken |play| {
        let paths = ["/stream", "/iterator", "/panic", "/reader", "/short-reader", "/abandoned", "/aborted"];
        each(play, &paths, |client, _| client.cut().map(drop))?;
        play.wait_for_times("failure: content of the answer", paths.len())?;
        play.wait_until("every one is cut", |counters| {
            counters.closed(CloseReason::AnswerCut) == paths.len() as u64
        })?;
        want_eq!(play.counters()?.aborted(AbortReason::AnswerCut), paths.len() as u64);
        Ok(())
    }
    /// Also to a client of HTTP/1.0, for which an orderly end of the connection would be the end of the content.
    must content_that_fails_is_no_end_for_http10 ["T-41", "R-020"] needs [Streaming] app broken |play| {
        for path in ["/stream", "/iterator", "/panic", "/reader", "/abandoned", "/aborted"] {
            let mut client = play.connect()?;
            client.send(format!("GET {path} HTTP/1.0\r\n\r\n"))?.cut()
                .map_err(|failure| failure::Failure::new(format!("{path}: {failure}")))?;
        }
        Ok(())
    }
    /// A file that gets shorter while it is sent cannot be sent as promised.
    must file_that_shrinks_cuts_the_connection ["T-33", "T-41"] app broken |play| {
        let mut client = play.connect()?;
        client.get("/short-file")?;
        let got = client.cut()?;
        let head = got.windows(4).position(|window| window == b"\r\n\r\n").map_or(got.len(), |at| at + 4);
        want!(got[head..].iter().all(|byte| *byte == b'x'), "something else was sent in its place");
        play.wait_for("failure: content of the answer")
    }

    /// Each element of an iterator is with the operating system before the next is asked for. Here the elements
    /// are larger than what fits between the two ends, so how far the iterator is follows from what the client
    /// has read.
    must elements_are_handed_over_one_by_one ["T-31", "A1-4"] needs [Streaming] app large_elements |play| {
        let mut client = play.connect()?;
        client.get("/")?;
        play.wait_for("asked for 0")?;
        let mut got = 0;
        while got < ELEMENTS * ELEMENT {
            let asked_for = (1..ELEMENTS).filter(|number| play.stage().count(&format!("asked for {number}")) > 0);
            let handed_over = asked_for.count() * ELEMENT;
            // On sockets there is more room, and how much nobody knows.
            want!(
                !play.is_virtual() || handed_over <= got + ROOM,
                "{handed_over} bytes should have been sent, and {got} came"
            );
            got += client.bytes(1)?.len();
        }
        Ok(())
    }
    /// And it has reached the client when nothing else is there to be sent.
    must element_arrives_before_the_next_is_made ["T-31", "A1-4"] needs [Streaming, BlockingThreads] app elements_on_demand |play| {
        let mut client = play.connect()?;
        client.get("/")?;
        for number in 0..4 {
            let got = client.until(&format!("element {number};\r\n"));
            // Open in any case: a server that failed this must not hang for it.
            play.stage().open(&format!("got {number}"));
            got?;
        }
        client.until("0\r\n\r\n").map(drop)
    }
    /// A reader may block: it is read where that stalls nobody, however many of them there are.
    must reader_that_blocks_stalls_nobody ["T-32", "T-21"] needs [BlockingThreads] app blocking_reader |play| {
        let mut waiting = Vec::new();
        for number in 1..=4 {
            let mut client = play.connect()?;
            client.get("/read")?;
            play.wait_for_times("blocks", number)?;
            waiting.push(client);
        }
        let served = (0..4).try_for_each(|_| play.connect()?.get("/ok")?.answer()?.status(200)?.ok());
        // Open in any case: a server that failed this must not hang for it.
        play.stage().open("go on");
        served?;
        for client in &mut waiting {
            client.answer()?.status(200)?.content("content")?;
        }
        Ok(())
    }
    /// A client that does not read stops its producer: what waits is bounded, the producer waits above the high
    /// mark and goes on at the low one.
    must client_that_does_not_read_stops_the_producer ["T-34", "R-098"] needs [Streaming] app produced |play| {
        let pieces = if play.is_virtual() { 300 } else { 32_000 };
        let mut client = play.connect()?;
        client.send(format!("GET /{pieces} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))?;
        play.wait_for("waits")?;
        play.pause(Duration::from_secs(10));
        want_eq!(play.stage().count("all sent"), 0);
        let all = client.everything()?;
        want!(all.len() > pieces * PIECE, "{} bytes came", all.len());
        want!(all.ends_with(b"\r\n0\r\n\r\n"), "the end is missing");
        play.wait_for("all sent")?;
        want_eq!(play.stage().count("went on too early"), 0);
        want_eq!(play.stage().count("went on too long"), 0);
        Ok(())
    }
    /// A producer is told when it has to wait and when it may go on: once each time, in turn, whatever lies between
    /// the marks.
    must producer_is_told_of_its_marks ["T-34", "A3-3"] needs [Streaming] app told_of_marks |play| {
        let mut client = play.connect()?;
        client.send("GET /300 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        play.wait_for("waits")?;
        let all = client.everything()?;
        want!(all.ends_with(b"\r\n0\r\n\r\n"), "the end is missing");
        let stage = play.stage().clone();
        play.wait_so("all of it is taken", || {
            stage.count("low") > 0 && stage.count("low") == stage.count("high")
        })?;
        let told: Vec<_> = stage.notes().into_iter().filter(|note| note != "waits").collect();
        let in_turn = ["high", "low"].into_iter().cycle();
        want!(told.iter().zip(in_turn).all(|(told, want)| told == want), "it was told {told:?}");
        Ok(())
    }
    /// A producer learns that its client has gone, and that is no failure.
    must producer_learns_that_its_client_has_gone ["T-34", "T-43"] needs [Streaming] app produced_for_nobody |play| {
        let mut client = play.connect()?;
        client.get("/")?.until("first;\r\n")?;
        client.reset();
        play.stage().open("go on");
        play.wait_for("told")?;
        play.noted(&["told"])?;
        play.wait_until("a client left", |counters| counters.closed(CloseReason::ClientLeft) == 1)
    }
    /// Trailers that a producer ends its content with are sent, to a client that reads them.
    must producer_ends_with_trailers ["R-047", "T-30"] needs [Streaming, Trailers] app with_trailers |play| {
        let mut client = play.connect()?;
        client.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")?;
        let answer = client.answered(200)?.content("content")?;
        want_eq!(answer.trailers, [("x-digest".to_owned(), "abc".to_owned())]);
        let answer = client.get("/")?.answered(200)?.content("content")?;
        want!(answer.trailers.is_empty(), "trailers came that nobody reads");
        Ok(())
    }

    /// A handler that asked for it has the head at once, and the content when it comes.
    must streaming_handler_is_called_before_its_content ["T-22"] needs [Streaming] app streaming |play| {
        play.stage().open("read");
        for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
            let chunked = framing.contains("chunked");
            let mut client = play.connect()?;
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"))?;
            play.wait_for_times("called", 1 + usize::from(chunked))?;
            client.silent()?;
            client.send(if chunked { "a\r\n0123456789\r\n0\r\n\r\n" } else { "0123456789" })?;
            client.answer()?.status(200)?.content("10")?;
        }
        Ok(())
    }
    /// While it does not take its content no more is read from the client, who finds that out by sending: the
    /// server's memory does not grow with it. Once it reads, there is room again.
    must handler_that_does_not_read_stops_its_client ["T-22", "R-098"] needs [Streaming] app streaming |play| {
        let most = if play.is_virtual() { 1 << 20 } else { 32 << 20 };
        let mut client = play.connect()?;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {most}\r\n\r\n"))?;
        play.wait_for("called")?;
        let taken = client.send_some(&vec![b'x'; most - 1000]);
        want!(taken < most - 1000, "all of {taken} bytes were taken");
        play.stage().open("read");
        play.wait_for("reads")?;
        want_eq!(client.send_some(&[b'x'; 1000]), 1000);
        client.half_close()?;
        play.wait_for("Disconnected")
    }
    /// Content that never comes to its end is an error for who reads it, never a short content.
    must content_that_ends_early_is_an_error ["R-020", "T-23"] needs [Streaming] app streaming |play| {
        play.stage().open("read");
        let parts = [
            "Content-Length: 10\r\n\r\n123456789",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ];
        for (number, part) in parts.into_iter().enumerate() {
            let mut client = play.connect()?;
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{part}"))?.half_close()?;
            play.wait_for_times("Disconnected", number + 1)?;
            client.refused(400)?;
        }
        // Also for a task that goes on reading when the answer is out.
        let mut client = play.connect()?;
        client.send("POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")?;
        client.answer()?.status(200)?.content("elsewhere")?;
        client.half_close()?;
        play.wait_for("elsewhere: Disconnected")?;
        want_eq!(play.stage().count("elsewhere: complete"), 0);
        Ok(())
    }
    /// An answer can be made of content that is still coming.
    must upload_is_echoed_while_it_comes ["T-22", "T-30"] needs [Streaming, KeepAlive] app streamed_echo |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        client.until("\r\n\r\n")?;
        for piece in ["one", "two", "three"] {
            client.send(format!("{:x}\r\n", piece.len()))?;
            for byte in piece.bytes() {
                // A chunk of the client's is not one of the server's.
                client.send([byte])?.until(&format!("1\r\n{}\r\n", char::from(byte)))?;
            }
            client.send("\r\n")?;
        }
        client.send("0\r\n\r\n")?.until("0\r\n\r\n")?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")?;
        let head = client.until("\r\n\r\n")?;
        want!(head.contains("content-length: 6\r\n"), "the head is {head:?}");
        client.send("abc")?.until("abc")?;
        client.send("def")?.until("def")?;
        client.post("/", "more")?.answered(200)?.content("more")?.ok()
    }
    /// And a client that does not read that answer is not read from either, once there is no more room for it.
    must echo_waits_for_a_client_that_does_not_read ["R-098", "T-22"] needs [Streaming] app streamed_echo |play| {
        let most = if play.is_virtual() { 1 << 20 } else { 32 << 20 };
        let mut client = play.connect()?;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {most}\r\n\r\n"))?;
        let taken = client.send_some(&vec![b'x'; most]);
        want!(taken < most, "all of {taken} bytes were taken");
        client.half_close()?;
        let echoed = client.cut()?;
        let head = echoed.windows(4).position(|window| window == b"\r\n\r\n");
        let head = head.ok_or("there is no answer")? + 4;
        want!(echoed.len() - head <= taken, "{} bytes came, of {taken}", echoed.len() - head);
        Ok(())
    }
    /// Content in eight pieces, one second apart: the handler gets it in one.
    must chunks_that_come_slowly_are_one_content ["A0-9", "T-20"] app collected |play| {
        let mut client = play.connect()?;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for piece in ["4\r\nWi", "ki\r\n", "5\r", "\npedia", "\r\ne\r\n in\r", "\n\r\nchunks.", "\r\n0", "\r\n\r\n"] {
            client.send(piece)?;
            play.pause(Duration::from_secs(1));
        }
        client.answer()?.status(200)?.content("Wikipedia in\r\n\r\nchunks.")?.ok()
    }
    /// Content that is collected is complete when the handler is called, however it comes: less than one read,
    /// more than one, with the next request behind it.
    must collected_content_is_complete ["T-20"] needs [KeepAlive] app collected |play| {
        let mut client = play.connect()?;
        for length in [0, 1, 100, 20_000] {
            let content: Vec<u8> = content().into_iter().cycle().take(length).collect();
            client.post("/", &content)?.answered(200)?.content(&content)?;
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for piece in content.chunks(7777) {
                client.send(format!("{:x}\r\n", piece.len()))?.send(piece)?.send("\r\n")?;
            }
            client.send("0\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnext")?;
            client.answered(200)?.content(&content)?;
            client.answered(200)?.content("next")?;
        }
        Ok(())
    }
    /// A content's error that a handler gives back with `?` becomes the status that fits it; a client that did
    /// it right beside it is served.
    must content_error_is_answered_with_its_status ["T-23", "A2-4"] needs [Streaming, Limits, StrictParsing] app echo_of_ten |play| {
        let wrong = [
            (413, "Content-Length: 11\r\n\r\n01234567890"),
            (413, "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n"),
            (400, "Transfer-Encoding: chunked\r\n\r\n5\r\n012345\r\n0\r\n\r\n"),
            (400, "Transfer-Encoding: chunked\r\n\r\nfive\r\n01234\r\n0\r\n\r\n"),
            (408, "Content-Length: 10\r\n\r\n01234"),
            (408, "Transfer-Encoding: chunked\r\n\r\n5\r\n01"),
        ];
        for (status, part) in wrong {
            let mut client = play.connect()?;
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{part}"))?.refused(status)
                .map_err(|failure| failure::Failure::new(format!("{part:?}: {failure}")))?;
        }
        for part in ["Content-Length: 10\r\n\r\n0123456789", "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"] {
            let mut client = play.connect()?;
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{part}"))?.answer()?.status(200)?.content("0123456789")?;
        }
        Ok(())
    }

    /// What is written stays where it is until something sends it; an answer that was only closed has its exact
    /// length.
    must written_answer_waits_for_its_close ["T-36", "A0-7"] app written |play| {
        let mut client = play.connect()?;
        client.get("/buffered")?;
        play.wait_for("written")?;
        client.silent()?;
        play.stage().open("go on");
        let answer = client.answer()?.status(201)?.has("x-written", "yes")?.has("content-length", "7")?;
        answer.content("one;two")?.ok()
    }
    /// A flush sends what was written before it, while the rest is still to be written.
    must flush_sends_what_is_written ["T-36", "A0-7"] needs [Streaming] app written |play| {
        for path in ["/flushed", "/unbuffered"] {
            let mut client = play.connect()?;
            client.get(path)?;
            let head = client.until("4\r\none;\r\n")?;
            want!(head.starts_with("HTTP/1.1 201 "), "the head is {head:?}");
        }
        play.wait_for_times("written", 2)?;
        play.stage().open("go on");
        Ok(())
    }
    /// Unbuffered, each write leaves at once; and what follows a flush comes as well.
    must writes_after_a_flush_follow_it ["T-36", "A0-7"] needs [Streaming] app written |play| {
        for (number, path) in ["/flushed", "/unbuffered"].into_iter().enumerate() {
            let mut client = play.connect()?;
            client.get(path)?.until("4\r\none;\r\n")?;
            play.wait_for_times("written", number + 1)?;
            if number == 0 {
                client.silent()?;
                play.stage().open("go on");
            }
            client.until("3\r\ntwo\r\n0\r\n\r\n")?;
        }
        Ok(())
    }
    /// Until something is sent, everything can be changed.
    must writer_can_change_what_was_not_sent ["T-36"] app written |play| {
        play.stage().open("go on");
        play.connect()?.get("/changed")?.answer()?.status(202)?.has("x-written", "twice")?.content("one;two")?.ok()
    }
    /// Then the head is out: status, fields and buffering are what they were, and a writer that wants them
    /// otherwise is told.
    must writer_is_frozen_by_its_first_flush ["T-36", "A0-7"] needs [Streaming] app written |play| {
        play.stage().open("go on");
        let mut client = play.connect()?;
        let answer = client.get("/frozen")?.answer()?.status(201)?.has("x-written", "yes")?;
        want!(answer.content == b"one;two", "the content is {:?}", answer.text());
        play.noted(&["frozen", "frozen", "frozen", "written"])
    }
    /// A writer that is dropped without a close has not finished its answer: before a flush that is a 500.
    must writer_that_is_not_closed_gives_a_500 ["T-36", "T-40", "T-42"] app written |play| {
        play.connect()?.get("/unclosed")?.answer()?.status(500)?;
        play.wait_for("failure: handler")
    }
    /// After one the connection is cut.
    must writer_that_is_not_closed_after_a_flush_cuts ["T-35", "T-41", "T-42"] needs [Streaming] app written |play| {
        let mut client = play.connect()?;
        let got = client.get("/unclosed-after-flush")?.cut()?;
        want!(got.is_empty() || got.starts_with(b"HTTP/1.1 201 "), "there came {}", got.escape_ascii());
        play.wait_for("failure: content of the answer")
    }
    /// A writer has to wait for its client, like every producer, and is dropped with its answer.
    must writer_waits_for_its_client ["T-34", "R-098"] needs [Streaming, Limits] app written_without_end |play| {
        let mut client = play.connect()?;
        client.get("/")?;
        play.wait_until("the client is given up", |counters| counters.closed(CloseReason::WriteTimeout) == 1)?;
        let writes = play.stage().count("writes");
        client.cut()?;
        want_eq!(play.stage().count("writes"), writes);
        want!(!play.is_virtual() || writes < 50, "{writes} times 10,000 bytes were written");
        Ok(())
    }
}
