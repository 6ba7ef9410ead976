//! HTTP/1 on a connection that is awake: hyper reads and writes it, the [`Link`](super::link::Link) knows how long it
//! may take, and this drives both, until the connection ends, rests, or speaks another protocol.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::connection::{Client, Ended};
use super::io::ClientIo;
use super::link::{Overdue, Probe};
use super::tunnel::Tunnel;
use crate::base::source::Source;
use crate::base::stream::Stream;
use crate::request::body::Payload;

/// How a connection left this state.
pub(super) enum Left {
    Resting(Stream),
    /// Boxed: rare, and large.
    Switched(Box<Tunnel>),
    Ended(Ended, Stream),
}

/// hyper refuses a smaller buffer.
const SMALLEST_BUFFER: usize = 8192;

/// Why hyper is left alone for a moment, or for good.
enum Turn {
    Ended(Ended),
    Rest,
}

/// Answer the requests on `stream`, of which `unread` has been read already, until one of the above.
pub(super) async fn drive(client: &Client, mut stream: Stream, mut unread: Bytes) -> Left {
    let link = &client.link;
    let sizes = client.worker.lease().sizes;
    loop {
        let mut builder = Builder::new();
        builder
            .max_headers(sizes.headers)
            .max_header_size(sizes.head)
            .max_buf_size(sizes.head.max(SMALLEST_BUFFER));
        let io = TokioIo::new(ClientIo::new(stream, unread, Rc::clone(link)));
        let service = service_fn(|request: Request<Incoming>| {
            let (head, incoming) = request.into_parts();
            Rc::clone(&client.door).answer(head, Payload::new(Source::Http1(incoming)))
        });
        let mut connection = builder.serve_connection(io, service);

        let turn = loop {
            let turn = std::future::poll_fn(|cx| {
                client.look_around(cx);
                loop {
                    link.look_anew();
                    if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                        return Poll::Ready(Turn::Ended(Ended::ByHyper(result)));
                    }
                    let (moment, overdue) = link.next_look(client.listener.stage());
                    ready!(client.task.poll_past(moment));
                    match (overdue, link.probe()) {
                        (Overdue::Rest, _) => return Poll::Ready(Turn::Rest),
                        // Look before closing: a request may be arriving this very moment.
                        (Overdue::Quiet, Probe::None) => link.set_probe(Probe::Asked),
                        (Overdue::Quiet, Probe::Unread) => {
                            link.set_probe(Probe::None);
                            link.not_so_quiet();
                        }
                        (Overdue::Quiet, Probe::Asked | Probe::Nothing) | (Overdue::Head | Overdue::Stalled, _) => {
                            return Poll::Ready(Turn::Ended(Ended::Overdue(overdue)));
                        }
                    }
                }
            })
            .await;
            if let Turn::Ended(_) = turn {
                break turn;
            }
            // Between two requests hyper ends at once, and gives everything back.
            Pin::new(&mut connection).graceful_shutdown();
            match std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut connection).poll(cx))).await {
                Poll::Ready(Ok(())) => break turn,
                Poll::Ready(Err(error)) => break Turn::Ended(Ended::ByHyper(Err(error))),
                // It has something to do yet, and closes after that.
                Poll::Pending => link.stay_awake(),
            }
        };

        let parts = connection.into_parts();
        let (still_unread, rests) = (parts.read_buf, parts.io.into_inner().into_stream());
        match turn {
            Turn::Rest if still_unread.is_empty() => return Left::Resting(rests),
            Turn::Rest => {
                // The beginning of a request came with the end of the one before.
                (stream, unread) = (rests, still_unread);
            }
            Turn::Ended(ended) => {
                return match link.take_switch() {
                    // What hyper has not written yet would be lost.
                    Some(switch) if matches!(ended, Ended::ByHyper(Ok(()))) && !link.is_stalled() => {
                        Left::Switched(Box::new(Tunnel::new(rests, still_unread, *switch)))
                    }
                    _ => Left::Ended(ended, rests),
                };
            }
        }
    }
}
