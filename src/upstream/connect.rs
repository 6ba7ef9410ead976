//! A new connection: the addresses of a target raced one after the other, each given a head start; or its unix socket.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

use super::target::Target;
use crate::base::stream::Stream;
use crate::base::timers::Timers;

/// RFC 8305 section 5: how long an address is tried alone before the next one joins.
const HEAD_START: Duration = Duration::from_millis(250);

/// Why there is no connection. Several may have waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectFailed {
    #[error("the host name has no address")]
    NoAddress,
    #[error("no connection stood in time")]
    TimedOut,
    #[error("connection refused or failed: {0}")]
    Io(#[source] Arc<io::Error>),
    #[error("no connection through {}: {source}", path.display())]
    Socket { path: Arc<Path>, source: Arc<io::Error> },
    /// It may be on its way to stop: what it speaks is not in doubt.
    #[error("the server ended the connection before it took a request: {0}")]
    Left(h2::Reason),
    #[error("the server does not speak HTTP/2: {0}")]
    Http2(#[source] Arc<h2::Error>),
}

/// How long a unix socket whose queue is full is left alone. TCP tries again by itself; here the kernel only says so.
const QUEUE_FULL: Duration = Duration::from_millis(5);

/// Connect to the target within `limit`.
pub(super) async fn connect(target: &Target, limit: Duration, timers: &Timers) -> Result<Stream, ConnectFailed> {
    match target.socket() {
        Some(path) => through_socket(path, limit, timers).await.map(Stream::Unix),
        None => to_address(target, limit, timers).await.map(Stream::Tcp),
    }
}

async fn through_socket(path: &Arc<Path>, limit: Duration, timers: &Timers) -> Result<UnixStream, ConnectFailed> {
    let attempt = async {
        loop {
            match UnixStream::connect(path).await {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => timers.sleep(QUEUE_FULL).await,
                outcome => return outcome,
            }
        }
    };
    let outcome = timers.within(limit, attempt).await.ok_or(ConnectFailed::TimedOut)?;
    outcome.map_err(|source| ConnectFailed::Socket {
        path: Arc::clone(path),
        source: Arc::new(source),
    })
}

async fn to_address(target: &Target, limit: Duration, timers: &Timers) -> Result<TcpStream, ConnectFailed> {
    let attempt = async {
        let addresses = target.addresses().settled().await;
        race(&addresses, timers).await
    };
    let outcome = timers
        .within(limit, attempt)
        .await
        .unwrap_or(Err(ConnectFailed::TimedOut));
    match &outcome {
        // A request leaves in few large writes and waits for its answer: Nagle only adds delay.
        Ok(stream) => stream.set_nodelay(true).map_err(failed)?,
        Err(_) => target.addresses().distrust(),
    }
    outcome
}

fn failed(error: io::Error) -> ConnectFailed {
    ConnectFailed::Io(Arc::new(error))
}

async fn race(addresses: &[SocketAddr], timers: &Timers) -> Result<TcpStream, ConnectFailed> {
    type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;
    let mut waiting = addresses;
    let mut running: Vec<Attempt> = Vec::new();
    let mut last_error = None;
    let mut alarm = timers.alarm();
    let mut next_start = timers.now();
    std::future::poll_fn(|cx| {
        loop {
            let before = running.len();
            let mut connected = None;
            running.retain_mut(|attempt| match attempt.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready(Ok(stream)) => {
                    connected = Some(stream);
                    false
                }
                Poll::Ready(Err(error)) => {
                    last_error = Some(error);
                    false
                }
            });
            if let Some(stream) = connected {
                return Poll::Ready(Ok(stream));
            }
            let one_failed = running.len() < before;
            let may_start = one_failed || alarm.poll_past(cx, next_start).is_ready();
            match waiting {
                [] if running.is_empty() => {
                    let failure = last_error.take().map_or(ConnectFailed::NoAddress, failed);
                    return Poll::Ready(Err(failure));
                }
                [address, rest @ ..] if may_start => {
                    running.push(Box::pin(TcpStream::connect(*address)));
                    waiting = rest;
                    next_start = timers.now() + HEAD_START;
                }
                _ => return Poll::Pending,
            }
        }
    })
    .await
}
