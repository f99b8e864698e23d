//! Content whose source blocks: readers and files, read where that stalls nobody.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;

use crate::error::BodyError;
use crate::exec::{Exec, Task};

/// How much is read at a time.
const PIECE: usize = 64 * 1024;

/// A source, and the one piece of it that is being read.
///
/// No thread waits for a slow client: a blocking thread is asked for one piece at a time, and the
/// next piece is asked for when the server wants it.
pub(super) struct Blocking {
    reading: Reading,
    exec: Option<Exec>,
    /// How many bytes are still to come, if that was promised.
    left: Option<u64>,
}

type Source = Box<dyn Read + Send>;
type Piece = io::Result<Bytes>;

enum Reading {
    /// Nobody reads.
    Idle(Mutex<Source>),
    /// A blocking thread has the source.
    Away(Task<(Source, Piece)>),
    Ended,
}

impl Blocking {
    pub(super) fn reader(reader: impl Read + Send + 'static, length: Option<u64>) -> Self {
        Blocking {
            reading: Reading::Idle(Mutex::new(Box::new(reader))),
            exec: None,
            left: length,
        }
    }

    pub(super) fn file(mut file: File, offset: u64, length: Option<u64>) -> io::Result<Self> {
        let rest = file.metadata()?.len().saturating_sub(offset);
        file.seek(SeekFrom::Start(offset))?;
        Ok(Blocking::reader(
            file,
            Some(length.map_or(rest, |length| length.min(rest))),
        ))
    }

    pub(super) fn attach(&mut self, exec: &Exec) {
        self.exec = Some(exec.clone());
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.left
    }

    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match std::mem::replace(&mut self.reading, Reading::Ended) {
                Reading::Ended => return Poll::Ready(None),
                Reading::Idle(_) if self.left == Some(0) => return Poll::Ready(None),
                Reading::Idle(source) => {
                    let source = source
                        .into_inner()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    let wanted = self.wanted();
                    match &self.exec {
                        Some(exec) => {
                            self.reading = Reading::Away(
                                exec.spawn_blocking(move || read_piece(source, wanted)),
                            );
                        }
                        None => {
                            let (source, piece) = read_piece(source, wanted);
                            return Poll::Ready(self.give(source, piece));
                        }
                    }
                }
                Reading::Away(mut task) => match Pin::new(&mut task).poll(cx) {
                    Poll::Pending => {
                        self.reading = Reading::Away(task);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((source, piece))) => {
                        return Poll::Ready(self.give(source, piece));
                    }
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Some(Err(BodyError::from_source(error))));
                    }
                },
            }
        }
    }

    fn wanted(&self) -> usize {
        self.left.map_or(PIECE, |left| {
            usize::try_from(left).unwrap_or(PIECE).min(PIECE)
        })
    }

    fn give(&mut self, source: Source, piece: Piece) -> Option<Result<Frame<Bytes>, BodyError>> {
        match piece {
            // At the end: has it shrunk, or is there less than was promised?
            Ok(piece) if piece.is_empty() => self.left.map(|_| {
                Err(BodyError::from_source(
                    io::ErrorKind::UnexpectedEof.to_string(),
                ))
            }),
            Ok(piece) => {
                self.left = self.left.map(|left| left - piece.len() as u64);
                self.reading = Reading::Idle(Mutex::new(source));
                Some(Ok(Frame::data(piece)))
            }
            Err(error) => Some(Err(BodyError::from(error))),
        }
    }
}

/// Reads what one call gives: a slow source is not waited for until the piece is full.
fn read_piece(mut source: Source, wanted: usize) -> (Source, Piece) {
    let mut piece = vec![0; wanted];
    let read = loop {
        match source.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    let piece = read.map(|read| {
        piece.truncate(read);
        Bytes::from(piece)
    });
    (source, piece)
}
