//! What is known of the sockets of a loop: what each is ready for, and who waits for it.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use atomic_waker::AtomicWaker;
use rustix::event::epoll::EventFlags;
use slab::Slab;

use super::handle::{Handle, Shared};
use super::here;
use super::lock;

/// A socket that is registered with the loop of the thread that registered it. It may be used and dropped on any.
#[derive(Debug)]
pub(super) struct Registration {
    source: Arc<Source>,
    shared: Arc<Shared>,
    key: usize,
}

/// What a socket is ready for, as far as the loop was told, and nobody has found otherwise.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Bits, and above them a count of what was told: who has found out that the socket is not ready says so only
    /// of what he knew before he asked it.
    ready: AtomicUsize,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// There may be something to read.
pub(super) const READ: usize = 1;
/// There may be room to write.
pub(super) const WRITE: usize = 1 << 1;
/// The peer has ended its side. It stays, and is a bit of its own: the last bytes and the end come as one edge, and
/// who has read the bytes must not wait for another.
const READ_END: usize = 1 << 2;
/// Nothing can be written any more.
const WRITE_END: usize = 1 << 3;
/// The loop has ended. Nobody would wake who waits.
const GONE: usize = 1 << 4;
/// One more was told.
const TOLD: usize = 1 << 5;

/// What there is to wait for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    In,
    Out,
}

impl Way {
    /// What makes trying worth it.
    fn mask(self) -> usize {
        match self {
            Way::In => READ | READ_END | GONE,
            Way::Out => WRITE | WRITE_END | GONE,
        }
    }
}

/// What was known at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen(usize);

impl Registration {
    /// Registers a socket with the loop around this call.
    ///
    /// # Errors
    /// If there is none, or the kernel refuses it.
    pub(super) fn new(socket: impl AsFd) -> io::Result<Self> {
        let (handle, poller) = here::current().ok_or_else(no_loop)?;
        let Handle(shared) = handle;
        // A socket has room to begin with; whether something has come is told at once.
        let source = Arc::new(Source {
            ready: AtomicUsize::new(WRITE),
            ..Source::default()
        });
        let (key, mark) = lock(&shared.sources).insert(Arc::clone(&source));
        let registration = Registration {
            source,
            shared,
            key,
        };
        poller.add(socket, mark)?;
        Ok(registration)
    }

    /// Ready when trying is worth it, with what is known then.
    pub(super) fn poll(&self, cx: &mut Context<'_>, way: Way) -> Poll<io::Result<Seen>> {
        let mut seen = self.source.ready.load(Ordering::Acquire);
        if seen & way.mask() == 0 {
            self.source.waiting(way).register(cx.waker());
            // What was told before the waker was there has woken nobody.
            seen = self.source.ready.load(Ordering::Acquire);
            if seen & way.mask() == 0 {
                return Poll::Pending;
            }
        }
        if seen & GONE != 0 {
            return Poll::Ready(Err(io::Error::other("the thread of its server has ended")));
        }
        Poll::Ready(Ok(Seen(seen)))
    }

    /// All that had come has been read. That the peer has ended stays known.
    pub(super) fn drained(&self, seen: Seen) {
        self.source.forget(seen, READ);
    }

    /// Trying was in vain.
    pub(super) fn in_vain(&self, seen: Seen, way: Way) {
        let bits = match way {
            Way::In => READ | READ_END,
            Way::Out => WRITE | WRITE_END,
        };
        self.source.forget(seen, bits);
    }

    /// Takes the socket out of the loop. Needed where the socket lives on elsewhere; closing it is enough otherwise.
    pub(super) fn leave(&self, socket: impl AsFd) {
        if let Some(poller) = self.shared.poller.upgrade() {
            poller.delete(socket);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let source = lock(&self.shared.sources).remove(self.key);
        // A waker that goes with it may do anything, so not under the lock.
        drop(source);
    }
}

fn no_loop() -> io::Error {
    io::Error::other("there is no loop on this thread")
}

impl Source {
    /// Takes note of an event. Who was waiting for it is added to `wake`.
    fn tell(&self, bits: usize, wake: &mut Vec<Waker>) {
        let told = |ready: usize| Some((ready | bits).wrapping_add(TOLD));
        let before = self
            .ready
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, told);
        let before = before.unwrap_or_else(|ready| ready);
        let new = bits & !before;
        // Nobody waits for what was known already.
        for way in [Way::In, Way::Out] {
            if new & way.mask() != 0 {
                wake.extend(self.waiting(way).take());
            }
        }
    }

    fn waiting(&self, way: Way) -> &AtomicWaker {
        match way {
            Way::In => &self.reader,
            Way::Out => &self.writer,
        }
    }

    /// Somebody waits to read.
    #[cfg(test)]
    pub(super) fn waiting_to_read(&self, waker: &Waker) {
        self.reader.register(waker);
    }

    /// Forgets bits, unless something was told since they were seen.
    fn forget(&self, Seen(seen): Seen, bits: usize) {
        let _ =
            self.ready
                .compare_exchange(seen, seen & !bits, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// All sockets of a loop, by their marks.
#[derive(Debug, Default)]
pub(super) struct Sources {
    slab: Slab<(u32, Arc<Source>)>,
    generation: u32,
}

impl Sources {
    /// A place, and the mark of the socket that has it: the key, and above it a number that differs from that of the
    /// socket before it in this place. What is told late of that one is told to nobody.
    pub(super) fn insert(&mut self, source: Arc<Source>) -> (usize, u64) {
        self.generation = self.generation.wrapping_add(1);
        let key = self.slab.insert((self.generation, source));
        (key, u64::from(self.generation) << 32 | key as u64)
    }

    pub(super) fn remove(&mut self, key: usize) -> Option<Arc<Source>> {
        let (_, source) = self.slab.try_remove(key)?;
        if self.slab.is_empty() {
            // The memory of a crowd goes with it.
            self.slab.shrink_to_fit();
        }
        Some(source)
    }

    /// Takes note of an event.
    pub(super) fn tell(&self, mark: u64, flags: EventFlags, wake: &mut Vec<Waker>) {
        let key = usize::try_from(mark & u64::from(u32::MAX)).unwrap_or(usize::MAX);
        match self.slab.get(key) {
            Some((generation, source)) if u64::from(*generation) == mark >> 32 => {
                source.tell(bits(flags), wake);
            }
            _ => {}
        }
    }

    /// The loop has ended: who waits is to know.
    pub(super) fn end(&self, wake: &mut Vec<Waker>) {
        for (_, (_, source)) in &self.slab {
            source.tell(GONE, wake);
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }
}

fn bits(flags: EventFlags) -> usize {
    let mut bits = 0;
    // An error is met by whoever tries.
    if flags.intersects(EventFlags::IN | EventFlags::PRI | EventFlags::ERR) {
        bits |= READ;
    }
    if flags.intersects(EventFlags::OUT | EventFlags::ERR) {
        bits |= WRITE;
    }
    if flags.intersects(EventFlags::RDHUP | EventFlags::HUP) {
        bits |= READ_END;
    }
    if flags.contains(EventFlags::HUP) {
        bits |= WRITE_END;
    }
    bits
}
