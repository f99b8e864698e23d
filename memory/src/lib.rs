//! Memory that goes back to the system.
//!
//! What a server's connections are made of is small, and glibc keeps it when they have gone: of itself it gives back no
//! more than the end of a heap, and one small piece that lives there keeps all that lies before it. Of 15 MiB that 9,900
//! connections had, between 0.4 and 14 MiB stayed, from run to run; with the call that is here less than 1 MiB did, in
//! each of 18 runs on three runtimes. That is why it is here, and it is the only unsafe code of Bayonet: all other
//! packages forbid it.

/// Gives what is free back to the system, of all threads, and says whether anything was. What is in use stays where it
/// is.
///
/// It looks at all that is free, so it takes a while, milliseconds where many megabytes are, and other threads that
/// allocate meanwhile may wait: to be called when much has been freed and not soon again. Where the C library is another
/// one than glibc it does nothing, for there is nothing to be done.
///
/// ```
/// let crowd: Vec<Box<[u8; 300]>> = (0..10_000).map(|_| Box::new([1; 300])).collect();
/// drop(crowd);
/// http_server_memory::give_back();
/// ```
pub fn give_back() -> bool {
    trim()
}

#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
#[expect(unsafe_code, reason = "the one call that gives it back")]
fn trim() -> bool {
    // SAFETY: it takes a number and nothing else, touches no memory that is in use, and any thread may call it at any
    // time (malloc_trim(3): MT-Safe).
    let given = unsafe { libc::malloc_trim(0) };
    given != 0
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
fn trim() -> bool {
    false
}
