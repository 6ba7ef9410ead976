//! One client's connection from its first byte to its last: hyper reads and writes it, the [`Link`] knows how long it
//! may take, and this drives both.

use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::io::ClientIo;
use super::limits::Entered;
use super::link::{Link, Overdue, Phase, Probe};
use super::listener::Listener;
use super::service::Door;
use super::worker::Worker;
use crate::base::source::Source;
use crate::base::stream::Stream;
use crate::base::task::TaskHandle;
use crate::request::body::Payload;
use crate::telemetry::events::{ConnectionEnd, ConnectionRefused};

/// HTTP-10: how much, and for how long, of what a client still sends is read and dropped so that it can read our
/// answer: closing on unread bytes would reset the connection and take the answer with it.
const LINGER_BYTES: usize = 64 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// What ended the exchange of requests and answers.
enum Ended {
    ByHyper(hyper::Result<()>),
    Overdue(Overdue),
}

/// Serve `stream` until either side is done with it.
pub(super) async fn serve(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    stream: TcpStream,
    peer: SocketAddr,
    place: Entered,
) {
    let _counted = (place, worker.reporter.open_connection());
    let Ok(local) = stream.local_addr() else { return };
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let lease = worker.lease();
    let task = TaskHandle::new(&worker.timers);
    let link = Rc::new(Link::new(task.clone(), lease.timeouts));
    let sizes = lease.sizes;
    drop(lease);
    let door = Door::new(&worker, &listener, &link, &task, peer, local);
    let io = TokioIo::new(ClientIo::new(Stream::Tcp(stream), Rc::clone(&link)));
    let mut builder = http1::Builder::new();
    builder
        .max_headers(sizes.headers)
        .max_header_size(sizes.head)
        .max_buf_size(sizes.head.max(SMALLEST_BUFFER));
    let mut connection = builder.serve_connection(
        io,
        service_fn(move |request: Request<Incoming>| {
            Rc::clone(&door).answer(request.map(|incoming| Payload::new(Source::Http1(incoming))))
        }),
    );

    let known = listener.register();
    let ended = std::future::poll_fn(|cx| {
        known.wake_with(cx.waker());
        task.look_at_clock(cx);
        loop {
            link.look_anew();
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Ended::ByHyper(result));
            }
            let (moment, overdue) = link.deadline(listener.stage());
            std::task::ready!(task.poll_past(moment));
            match (overdue, link.probe()) {
                // Look before closing: a request may be arriving this very moment.
                (Overdue::Quiet, Probe::None) => link.set_probe(Probe::Asked),
                (Overdue::Quiet, Probe::Unread) => {
                    link.set_probe(Probe::None);
                    link.not_so_quiet();
                }
                (Overdue::Quiet, Probe::Asked | Probe::Nothing) | (Overdue::Head | Overdue::Stalled, _) => {
                    return Poll::Ready(Ended::Overdue(overdue));
                }
            }
        }
    })
    .await;
    drop(known);

    report(&worker, &link, peer, &ended);
    let stream = connection.into_parts().io.into_inner().into_stream();
    finish(&worker, &link, stream, &ended).await;
}

/// hyper refuses a smaller buffer.
const SMALLEST_BUFFER: usize = 8192;

/// What a client hears whose request head never became complete.
const HEAD_TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Let the client read what it was sent before the socket is gone.
async fn finish(worker: &Worker, link: &Link, mut stream: Stream, ended: &Ended) {
    match ended {
        // Nothing was under way: no answer to protect.
        Ended::Overdue(Overdue::Quiet | Overdue::Stalled) => return,
        Ended::Overdue(Overdue::Head) => {
            // The buffer of a socket that has been sent nothing else takes this at once, or never.
            if stream.try_write(HEAD_TIMEOUT).is_err() {
                return;
            }
        }
        Ended::ByHyper(_) => {}
    }
    if link.has_client_ended() || stream.shutdown().await.is_err() {
        return;
    }
    let drain = async {
        // Not inside the task, which lives as long as the connection.
        let mut scratch = vec![0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(count @ 1..) = stream.read(&mut scratch).await {
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    let _in_time = worker.timers.within(LINGER, drain).await;
}

/// Connections that end without an answer to a request are counted, and said now and then.
fn report(worker: &Worker, link: &Link, peer: SocketAddr, ended: &Ended) {
    let (end, detail) = match ended {
        Ended::Overdue(Overdue::Head) => (ConnectionEnd::HeadTimeout, String::new()),
        Ended::Overdue(Overdue::Stalled) => (ConnectionEnd::WriteTimeout, String::new()),
        Ended::Overdue(Overdue::Quiet) if link.phase() == Phase::Fresh => {
            (ConnectionEnd::FirstByteTimeout, String::new())
        }
        Ended::Overdue(Overdue::Quiet) | Ended::ByHyper(Ok(())) => return,
        Ended::ByHyper(Err(error)) if error.is_parse_too_large() => (ConnectionEnd::HeadTooLarge, error.to_string()),
        Ended::ByHyper(Err(error)) if error.is_parse() => (ConnectionEnd::Malformed, error.to_string()),
        Ended::ByHyper(Err(error)) => {
            tracing::debug!(%peer, %error, "a client's connection broke");
            return;
        }
    };
    worker.reporter.emit(ConnectionRefused {
        end,
        peer: Some(peer),
        detail: &detail,
    });
}
