//! The system calls of a loop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

/// What waits for events, and a way to end the wait from another thread.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    /// Written to end a wait. It is never read: each write is an edge of its own.
    bell: OwnedFd,
}

/// What the bell's events are marked with. No source has this mark: its key would not fit.
pub(super) const BELL: u64 = u64::MAX;

/// How many events are taken at a time.
const EVENTS: usize = 256;

/// A wait that is longer than what a timer asks for is nothing wrong, but the kernel's oldest call has no room for
/// long times.
const LONGEST: Duration = Duration::from_secs(60 * 60);

impl Poller {
    /// # Errors
    /// If there are no descriptors left: it takes two.
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), flags)?;
        Ok(Poller { epoll, bell })
    }

    /// Registers a socket for everything, once and for all: from now on each change is told once.
    pub(super) fn add(&self, socket: impl AsFd, mark: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(
            &self.epoll,
            socket,
            EventData::new_u64(mark),
            flags,
        )?)
    }

    /// Ends that. What has happened until now may still be told.
    pub(super) fn delete(&self, socket: impl AsFd) {
        // It can only fail for a socket that is not registered.
        let _ = epoll::delete(&self.epoll, socket);
    }

    /// Waits for events, no longer than this; for nothing if the time is zero, until the end of time if it is none.
    pub(super) fn wait(&self, events: &mut Vec<Event>, most: Option<Duration>) {
        events.clear();
        events.reserve(EVENTS);
        let most = most.map(|most| {
            let most = most.min(LONGEST);
            Timespec {
                tv_sec: most.as_secs().try_into().unwrap_or_default(),
                tv_nsec: most.subsec_nanos().into(),
            }
        });
        match epoll::wait(&self.epoll, spare_capacity(events), most.as_ref()) {
            // A signal is as good a reason as any to look around.
            Ok(_) | Err(Errno::INTR) => {}
            // The descriptor is ours, and so is the memory. Should the impossible happen, the thread must not spin.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }

    /// Ends the wait, or the next one.
    pub(super) fn ring(&self) {
        // It is full after 2^64 - 2 rings; those were heard.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }
}
