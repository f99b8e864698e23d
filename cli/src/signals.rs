//! Ctrl-C: the first asks the server to end, the second ends it.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bayonet::Drain;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::demo::mount::Mount;
use crate::failure::CUT;

/// How long requests may take to finish. Those who run services kill after 30 s.
const DRAIN: Duration = Duration::from_secs(25);
/// How long an end at once may take, before the process ends without it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Ends the demo on SIGINT or SIGTERM, from now on, whatever serves it by then.
pub(crate) fn end_on_signal(mount: Arc<Mount>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new()
        .name("bayonet-signals".into())
        .spawn(move || {
            let mut arriving = signals.forever();
            arriving.next();
            drain(&mount);
            arriving.next();
            end(&mount);
        })?;
    Ok(())
}

fn drain(mount: &Mount) {
    // Before the request, as a server that has nothing to wait for ends at once.
    let seconds = DRAIN.as_secs();
    eprintln!("stopping: requests may take {seconds} s to finish; Ctrl-C again ends at once");
    mount.shutdown(Drain::within(DRAIN));
}

fn end(mount: &Mount) {
    mount.shutdown(Drain::now());
    // The main thread waits for the server and ends the process. This one is for what never yields.
    thread::sleep(AT_ONCE);
    eprintln!("something does not let go; ended without it");
    std::process::exit(CUT.into());
}
