//! The toy protocol behind `/upgrade`: every byte comes back.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bayonet::{BoxFuture, Takeover, Upgraded};

/// What the client asks for: `Upgrade: echo`.
const PROTOCOL: &str = "echo";
/// A client that says nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers 101 and sends every byte back, until the client ends its side.
pub(crate) fn upgrade() -> Takeover {
    Takeover::upgrade(PROTOCOL, talk)
}

async fn talk(mut stream: Upgraded) -> io::Result<()> {
    let exec = stream.conn().exec().clone();
    let mut piece = [0; 4096];
    loop {
        let patience = exec.sleep(PATIENCE);
        match before(patience, stream.read(&mut piece)).await {
            None | Some(Ok(0)) => return stream.close().await,
            Some(read) => stream.write_all(&piece[..read?]).await?,
        }
    }
}

/// What a future gives, if it does so before the limit.
async fn before<T>(
    mut limit: BoxFuture<'static, ()>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => limit.as_mut().poll(cx).map(|()| None),
    })
    .await
}
