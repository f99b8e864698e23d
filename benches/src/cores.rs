//! Who runs where: the server on one core, the client on the others.
//!
//! Without that the scheduler decides, anew in each round, and what is compared is its luck. Where a
//! process cannot be told where to run, it decides all the same.

/// How many cores there are for all of it.
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many descriptors this process and those that it starts may have, which is as many as they are allowed to.
pub fn descriptors() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What is not allowed stays as it is.
    let _ = setrlimit(Resource::Nofile, limit);
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The first core is the server's.
    fn first(all: &CpuSet) -> Option<usize> {
        (0..CpuSet::MAX_CPU).find(|core| all.is_set(*core))
    }

    /// Keeps this thread, and those that it will start, on the server's core.
    pub fn to_the_server() {
        if let Some((_, core)) = allowed() {
            let mut one = CpuSet::new();
            one.set(core);
            let _ = sched_setaffinity(None, &one);
        }
    }

    /// Keeps this thread off the server's core until what this gives back is dropped.
    pub fn off_the_server() -> Option<impl Drop> {
        let (all, core) = allowed()?;
        let mut rest = all;
        rest.unset(core);
        // On a machine of one core they share it.
        (rest.count() > 0 && sched_setaffinity(None, &rest).is_ok()).then_some(Back(all))
    }

    pub(super) fn allowed() -> Option<(CpuSet, usize)> {
        let all = sched_getaffinity(None).ok()?;
        Some((all, first(&all)?))
    }

    struct Back(CpuSet);

    impl Drop for Back {
        fn drop(&mut self) {
            // It was allowed before.
            let _ = sched_setaffinity(None, &self.0);
        }
    }
}

#[cfg(target_os = "linux")]
pub use linux::{off_the_server, to_the_server};

/// Keeps this thread on the server's core, where that can be said.
#[cfg(not(target_os = "linux"))]
pub fn to_the_server() {}

/// Keeps this thread off the server's core, where that can be said.
#[cfg(not(target_os = "linux"))]
pub fn off_the_server() -> Option<Nowhere> {
    None
}

/// There is nothing to undo.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub struct Nowhere;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use super::linux::allowed;
    use super::{off_the_server, to_the_server};

    #[test]
    fn server_and_client_have_different_cores() {
        let (all, first) = allowed().unwrap();
        let server = thread::spawn(|| {
            to_the_server();
            allowed().unwrap().0
        });
        let server = server.join().unwrap();
        assert!(server.count() == 1 && server.is_set(first));
        let client = thread::spawn(|| {
            let off = off_the_server();
            let here = allowed().unwrap().0;
            drop(off);
            (here, allowed().unwrap().0)
        });
        let (here, after) = client.join().unwrap();
        assert_eq!(here.is_set(first), all.count() == 1);
        assert_eq!(here.count(), (all.count() - 1).max(1));
        assert!(after == all);
    }
}
