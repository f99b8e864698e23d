//! The server that is attacked, in a process of its own: its memory, descriptors and threads are nobody else's.

use std::fs::{self, File};
use std::io::{self, BufRead, Read, Seek};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bayonet::{
    Body, BodyPlan, BoxError, CloseReason, Drain, Flow, Handler, Head, HttpServer, IntoFlow,
    Request, Response, ServerHandle, Takeover, block_on, server_named,
};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::setup;
use crate::memory;
use crate::serve::{echo, say, upload};

/// The most that was allocated since the last mark, in bytes.
static MOST: AtomicUsize = AtomicUsize::new(0);

fn allocated() -> usize {
    let now = memory::allocated();
    MOST.fetch_max(now, Ordering::Relaxed);
    now
}

/// Between two looks at how much is allocated.
const LOOK: Duration = Duration::from_millis(5);

/// A page, made anew for each that asks.
pub(crate) const PAGE: usize = 64 * 1024;
/// Pieces of an answer that does not end.
const PIECE: &[u8] = &[b'x'; 16 * 1024];

/// Serves until it is told to end. Each line of standard input is answered by one.
pub(crate) fn stand(backend: &str, words: &[String]) -> Result<(), BoxError> {
    crate::raise_descriptors();
    if let Some(limit) = setup::descriptors(words)? {
        let mut descriptors = getrlimit(Resource::Nofile);
        descriptors.current = Some(limit);
        setrlimit(Resource::Nofile, descriptors)?;
    }
    // Panics are part of it, and counted by the server.
    std::panic::set_hook(Box::new(|_| {}));
    let mut server = server_named(backend)?;
    *server.app_mut().config_mut() = setup::config(words)?;
    server.handler(Stand);
    // Failures are part of it, too.
    server.app_mut().on_error(|_| async {});
    let handle = block_on(server.listen("127.0.0.1:0"))?;
    let mut proc = Proc::open()?;
    std::thread::spawn(|| {
        loop {
            allocated();
            std::thread::sleep(LOOK);
        }
    });
    say(&handle.address().ok_or("no address")?)?;
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "facts" => say(&proc.facts(&handle)?)?,
            // From here on the peak of its memory is measured anew.
            "mark" => {
                fs::write("/proc/self/clear_refs", "5")?;
                MOST.store(0, Ordering::Relaxed);
                say(&"")?;
            }
            _ => break,
        }
    }
    let drain = Drain::within(Duration::from_secs(5));
    let report = handle.shutdown(drain).wait();
    let balances = report.counters.balances() && report.counters.open == 0;
    say(&u8::from(report.is_clean() && balances))?;
    Ok(())
}

/// What the system knows of this process: open, so that it can be read without a descriptor to spare.
struct Proc {
    status: File,
    stat: File,
}

impl Proc {
    fn open() -> io::Result<Self> {
        Ok(Proc {
            status: File::open("/proc/self/status")?,
            stat: File::open("/proc/self/stat")?,
        })
    }

    /// Descriptors, threads, what is allocated and was at most in KiB, what is resident and was at most in KiB, processor time in ticks, the two sides of both
    /// equations of the ledger, what the server itself did wrong; and all counts as text.
    fn facts(&mut self, handle: &ServerHandle) -> io::Result<String> {
        let status = anew(&mut self.status)?;
        let number = |name: &str| {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|line| line.split_whitespace().next());
            word.unwrap_or("0").to_owned()
        };
        let counters = handle.counters();
        Ok(format!(
            "{} {} {} {} {} {} {} {} {} {} {} {} {} {};{counters}",
            descriptors(),
            number("Threads:"),
            allocated() / 1024,
            MOST.load(Ordering::Relaxed) / 1024,
            number("VmRSS:"),
            number("VmHWM:"),
            self.ticks()?,
            counters.open,
            counters.accepted,
            counters.open + counters.closed_in_all(),
            counters.requests,
            counters.active + counters.completed + counters.aborted_in_all(),
            counters.closed(CloseReason::ServerError),
            counters.accept_errors,
        ))
    }

    /// How long the process has been worked for, in hundredths of a second.
    fn ticks(&mut self) -> io::Result<u64> {
        let stat = anew(&mut self.stat)?;
        // The name of the process may have spaces in it.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let mut times = fields.split_whitespace().skip(11);
        let mut next = || times.next().and_then(|time| time.parse::<u64>().ok());
        Ok(next().unwrap_or(0) + next().unwrap_or(0))
    }
}

fn anew(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// How many there are: all that there may be, where none is left to look with.
fn descriptors() -> u64 {
    match fs::read_dir("/proc/self/fd") {
        Ok(all) => all.count() as u64,
        Err(_) => getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
    }
}

struct Stand;

impl Handler for Stand {
    async fn handle(&self, mut request: Request) -> Flow<Request> {
        let mut parts = request.path().splitn(3, '/').skip(1);
        let (kind, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let name = name.to_owned();
        match kind {
            "n" => Response::text(name).into_flow(),
            "upload" => upload(request, &name).await.into_flow(),
            "collect" => {
                let content = request.bytes().await;
                content
                    .map(|content| Response::text(format!("{name} {}", content.len())))
                    .into_flow()
            }
            "endless" => Response::text(Body::iter(std::iter::repeat(PIECE))).into_flow(),
            "page" => Response::text(vec![b'p'; PAGE]).into_flow(),
            // Until it is given up.
            "hold" => {
                request.conn().disconnected().await;
                drop(request);
                Response::text("held").into_flow()
            }
            // With its head and without its content.
            "nap" => {
                request.exec().sleep(Duration::from_secs(2)).await;
                drop(request);
                Response::text(name).into_flow()
            }
            "warm" => {
                request.exec().sleep(Duration::from_millis(1)).await;
                Response::text(name).into_flow()
            }
            "panic" => panic!("as it was asked to"),
            "echo" => Takeover::upgrade("echo", echo).into_flow(),
            _ => Flow::Continue(request),
        }
    }

    fn body_plan(&self, head: &Head) -> BodyPlan {
        if head.path().starts_with("/collect/") {
            BodyPlan::Collect
        } else {
            BodyPlan::Stream
        }
    }
}
