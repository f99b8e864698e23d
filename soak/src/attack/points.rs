//! A conversation that is broken off at every point: by a reset, and by the end of the client's side.

use std::thread;

use bayonet::BoxError;

use super::client::Client;
use super::scene::{PATIENCE, Scene};

/// What a client says, request by request: all kinds of framing, a wait for a 100, a connection that leaves HTTP.
const CONVERSATION: [&str; 6] = [
    "GET /n/1 HTTP/1.1\r\nHost: soak\r\n\r\n",
    "POST /upload/2 HTTP/1.1\r\nHost: soak\r\nContent-Length: 7\r\n\r\ncontent",
    "POST /collect/3 HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n\
     4;a=\"b\"\r\ncont\r\n3\r\nent\r\n0\r\nx: y\r\n\r\n",
    "POST /collect/4 HTTP/1.1\r\nHost: soak\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "GET /page/5 HTTP/1.1\r\nHost: soak\r\n\r\n",
    "GET /echo/6 HTTP/1.1\r\nHost: soak\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nwords",
];

/// How many threads break off conversations.
const THREADS: usize = 4;

/// Resets: after every byte that is sent, with the answers unread and read; and in the middle of an answer.
pub(crate) fn resets(scene: &mut Scene) -> Result<(), BoxError> {
    let all = CONVERSATION.concat();
    let step = scene.size(1, 5);
    let points: Vec<_> = (0..=all.len()).step_by(step).collect();
    let to = scene.address();
    let done = spread(&points, |at| {
        for waits in [false, true] {
            let mut client = Client::open(to).ok()?;
            client.send(&all.as_bytes()[..at]);
            if waits && at > CONVERSATION[0].len() {
                client.wait(1, PATIENCE);
            }
            client.reset();
        }
        Some(2)
    });
    scene.came(format!(
        "{done} conversations reset, after each byte that is sent"
    ));
    scene.want_eq("conversations reset", done, 2 * points.len() as u64);

    let points: Vec<_> = (0..scene.size(300, 40)).collect();
    let done = spread(&points, |at| {
        let mut client = Client::from(to, std::net::Ipv4Addr::LOCALHOST.into(), Some(4096)).ok()?;
        client.send(b"GET /endless/1 HTTP/1.1\r\nHost: soak\r\n\r\n");
        client.wait(1, PATIENCE);
        client.take(at * 1000);
        client.reset();
        Some(1)
    });
    scene.came(format!("{done} answers reset, at each KB"));
    scene.want_eq("answers reset", done, points.len() as u64);
    let facts = scene.want_soon("all gone", |facts| facts.open == 0)?;
    scene.want_eq("faults of the server", facts.faults, 0);
    Ok(())
}

/// Half-closes after every byte: what came whole is answered, and then the connection ends.
pub(crate) fn halves(scene: &mut Scene) -> Result<(), BoxError> {
    let all = CONVERSATION.concat();
    let mut ends = Vec::new();
    let mut end = 0;
    for request in CONVERSATION {
        end += request.len();
        ends.push(end);
    }
    // Of the last, the words that follow its head belong to no request.
    ends[5] -= "words".len();
    let step = scene.size(1, 5);
    let points: Vec<_> = (0..=all.len()).step_by(step).collect();
    let to = scene.address();
    let right = spread(&points, |at| {
        let mut client = Client::open(to).ok()?;
        client.send(&all.as_bytes()[..at]);
        client.half_close();
        let answers = answers(&mut client);
        let whole = ends.iter().filter(|end| **end <= at).count();
        (client.is_over && answers == whole).then_some(1)
    });
    scene.came(format!(
        "{right} of {} conversations half-closed, after each byte: what came whole was answered, then the end",
        points.len()
    ));
    scene.want_eq("half-closed conversations", right, points.len() as u64);
    let facts = scene.want_soon("all gone", |facts| facts.open == 0)?;
    scene.want_eq("faults of the server", facts.faults, 0);
    Ok(())
}

/// How many of the requests were answered as they should be, to the end of the connection.
fn answers(client: &mut Client) -> usize {
    let mut all = Vec::new();
    let begun = std::time::Instant::now();
    while !client.is_over && begun.elapsed() < PATIENCE {
        if client.take(4096) == 0 && !client.is_over {
            thread::sleep(std::time::Duration::from_millis(1));
        }
        // Of what is long it keeps the beginning alone.
        all.append(&mut client.received);
    }
    let text = String::from_utf8_lossy(&all);
    text.matches("HTTP/1.1 200 OK\r\n").count() + text.matches("HTTP/1.1 101 ").count()
}

/// Does it at each of these points, on some threads. The sum of what was done.
fn spread(points: &[usize], work: impl Fn(usize) -> Option<u64> + Sync) -> u64 {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (points, work) = (points.iter().skip(thread).step_by(THREADS), &work);
                scope.spawn(move || points.filter_map(|at| work(*at)).sum::<u64>())
            })
            .collect();
        let done = threads.into_iter().map(|thread| thread.join().unwrap_or(0));
        done.sum()
    })
}
