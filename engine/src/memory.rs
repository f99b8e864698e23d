//! Memory that goes back to the system when a crowd of connections has gone.
//!
//! What connections are made of is small, and glibc keeps it for the next ones: a heap is given back from its end, and
//! only when a piece is freed that is large, together with what is free around it. But the smallest pieces are not
//! joined with what is free around them until somebody asks for a large one; and of each size up to 1 KiB a thread
//! keeps seven for itself, wherever they lie. One of these near the end of the heap keeps all of it. There is a call
//! that gives it back all the same, `malloc_trim`, and calling it is `unsafe`; so it is done with what is safe: a large
//! piece is asked for and freed, and the thread is given other small pieces to keep, from the front of the heap.
//!
//! All of this is harmless with any other allocator, and where the C library is another one it is left out.

use std::future::poll_fn;
use std::time::Duration;

use http_server_trait::backend::forget_spare;

use crate::buffers;
use crate::connection;
use crate::runtime::{Runtime, Timer};

/// How long after the crowd has gone: what it had is free then, and one that comes back at once finds it still.
const AFTER: Duration = Duration::from_secs(1);

/// Gives back what this thread has no use for, a second from now.
pub(crate) fn give_back_later<R: Runtime>(runtime: &R) {
    let Some(timer) = later(runtime) else {
        return;
    };
    let and_again = runtime.clone();
    runtime.spawn(async move {
        give_back_after(timer).await;
        // What this task is made of was allocated while there was nothing free but at the end of the heap, maybe.
        if let Some(timer) = later(&and_again) {
            and_again.spawn(give_back_after(timer));
        }
    });
}

fn later<R: Runtime>(runtime: &R) -> Option<R::Timer> {
    let at = runtime.now().checked_add(AFTER)?;
    Some(runtime.timer(at))
}

async fn give_back_after(mut timer: impl Timer) {
    poll_fn(|cx| timer.poll_ready(cx)).await;
    give_back();
}

/// Touches what this thread keeps, before there is a crowd: how it is freed when the thread ends is written down at the
/// first touch, in a small piece of memory that stays, and must not lie behind a crowd.
pub(crate) fn prepare() {
    buffers::forget_spare();
    connection::forget_spare();
    forget_spare();
}

fn give_back() {
    // What is spare may lie anywhere.
    prepare();
    if cfg!(target_env = "gnu") {
        join();
        // Where pieces are kept all over the heap, what lies between them is taken first. The second time there is
        // little between them.
        for _ in 0..2 {
            keep_the_first();
            join();
        }
    }
}

/// Larger than what glibc looks around for when it is freed, and smaller than what has a mapping of its own.
const LARGE: usize = 100 * 1024;

/// The sizes of which a thread keeps some for itself.
const SIZES: usize = 64;

/// More of each size than a thread keeps. Most of them must come from where much is free, and not from the gaps
/// between what it keeps now.
const EACH: usize = 32;

/// Has free pieces joined with their neighbours, and the end of the heap given back.
fn join() {
    drop(piece(LARGE));
}

fn piece(size: usize) -> Vec<u8> {
    std::hint::black_box(Vec::with_capacity(size))
}

/// Takes all that the thread has kept and more, and frees the first pieces of the heap first: these it keeps, for it
/// has no other.
fn keep_the_first() {
    let mut pieces = Vec::with_capacity(SIZES * EACH);
    for _ in 0..EACH {
        pieces.extend((0..SIZES).map(|step| piece(24 + 16 * step)));
    }
    pieces.sort_unstable_by_key(|piece: &Vec<u8>| piece.as_ptr().addr());
    pieces.into_iter().for_each(drop);
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::fs;
    use std::thread;

    use super::give_back;

    /// How many bytes of this process are resident.
    fn resident() -> usize {
        let told = fs::read_to_string("/proc/self/status").unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kib.parse::<usize>().unwrap() * 1024
    }

    #[test]
    fn what_a_crowd_had_goes_back() {
        // On a thread of its own, which has a heap of its own. Other tests run beside it, and take less.
        let crowd = || {
            // What is made once is made, and does not lie behind the crowd.
            give_back();
            let one = |number: usize| {
                [300 + number % 500, 600, 180, 100, 40].map(|size| vec![1_u8; size])
            };
            let crowd: Vec<_> = (0..20_000).map(one).collect();
            let with = resident();
            // The last that came leave first: what the thread keeps lies at the end.
            crowd.into_iter().rev().for_each(drop);
            give_back();
            (with, resident())
        };
        let (with, without) = thread::spawn(crowd).join().unwrap();
        let given = with.saturating_sub(without);
        assert!(given > 16 << 20, "{given} bytes of {with} were given back");
    }
}
