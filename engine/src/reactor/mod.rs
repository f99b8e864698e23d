//! Sockets, timers and tasks of a worker thread, on the kernel's `epoll` alone.
//!
//! A backend whose runtime has a thread for its I/O, or asks the kernel anew for each wait, pays for that with
//! system calls and with threads that wake each other: for a lone request on an idle server twelve and more,
//! where three are enough. A backend that owns its threads need not: it lets a [`Loop`] of this module drive
//! the server's own sockets, and hooks have their runtime's timers, sockets and tasks all the same, which bring
//! their wakers along.
//!
//! | part | is |
//! |---|---|
//! | [`Loop`] | a thread's tasks, and what wakes them |
//! | [`Beside`] | the same for a runtime that must run the tasks itself |
//! | [`Handle`] | how a loop is reached from anywhere: it is a [`Runtime`](crate::Runtime) |
//! | [`Stream`], [`Listener`] | sockets, registered once, edge-triggered |
//! | [`Sockets`] | a [`Backend`](crate::server::Backend) of these |
//!
//! There is one for each worker, and everything in it is made for the thread that it runs on: waking a task of the
//! same thread is a flag and a place in a queue. From other threads all of it can be used as well, and costs a
//! lock, and a system call if the loop sleeps.

mod backend;
mod beside;
mod handle;
mod here;
mod listener;
mod poller;
mod run;
mod source;
mod stream;
mod tasks;
#[cfg(test)]
mod tests;
mod timers;
mod turn;

pub use backend::{Looped, Sockets};
pub use beside::{Beside, Tracked};
pub use handle::Handle;
pub use listener::Listener;
pub use run::Loop;
pub use stream::Stream;
pub use timers::Alarm;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nothing here leaves anything half-done under a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
