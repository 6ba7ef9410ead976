//! One request of an HTTP/2 connection, in a task of its own: from its head through the pipeline to the last frame of
//! its answer, or to the moment one side gives it up. Whatever is under way for it is dropped with this task.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, DATE, EXPECT, HeaderMap};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body as _;

use super::super::carrier::Carrier;
use super::super::link::WRITE_STALL;
use super::super::listener::Listener;
use super::super::record::Recorded;
use super::super::service::Door;
use super::super::worker::Worker;
use super::session::{Session, Underway};
use crate::base::clock::Moment;
use crate::base::source::{Invitation, Source};
use crate::base::task::TaskHandle;
use crate::request::Connection;
use crate::request::body::Payload;

/// A frame of an answer that is cut shorter than this was cut by its client's window: it allows nothing in return, and a
/// client that makes no more room than this within [`WRITE_STALL`] has stalled.
const FULL: usize = 1024;

pub(super) struct Answering {
    worker: Rc<Worker>,
    door: Rc<Door>,
    task: TaskHandle,
    session: Underway,
    began: Moment,
}

impl Answering {
    pub(super) fn new(
        worker: &Rc<Worker>,
        listener: &Rc<Listener>,
        session: &Rc<Session>,
        connection: &Rc<Connection>,
    ) -> Self {
        let task = TaskHandle::new(&worker.timers);
        let carrier = Carrier::Http2(task.clone());
        Self {
            worker: Rc::clone(worker),
            door: Door::new(worker, listener, carrier, &task, connection),
            session: Underway::new(session, &task),
            began: task.now(),
            task,
        }
    }

    pub(super) async fn run(self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let worker = Rc::clone(&self.worker);
        self.answer_on(request, respond).await;
        worker.lets_go();
    }

    async fn answer_on(self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let is_head = *request.method() == Method::HEAD;
        let Some(response) = self.answer(request, &mut respond).await else {
            // Taken back, or the connection is gone.
            self.session.cancelled(self.began, self.task.now());
            return;
        };
        let (mut head, body) = response.into_parts();
        self.finish(&mut head, &body);
        let ends = is_head || body.is_end_stream();
        let Ok(stream) = respond.send_response(Response::from_parts(head, ()), ends) else {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return body.cut_off("the stream was reset before its answer began");
        };
        if ends {
            body.without_body();
            return self.session.answered();
        }
        self.send(stream, body).await;
    }

    /// What hyper adds to an answer in HTTP/1.
    fn finish(&self, head: &mut http::response::Parts, body: &Recorded) {
        head.version = Version::HTTP_2;
        if let Some(length @ 1..) = body.size_hint().exact()
            && !head.headers.contains_key(CONTENT_LENGTH)
        {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
        if !head.headers.contains_key(DATE)
            && let Some(date) = self.worker.date.at(self.worker.clock.wall())
        {
            head.headers.insert(DATE, date);
        }
    }

    /// The head of the answer, unless the client takes its request back before.
    async fn answer(
        &self,
        request: Request<RecvStream>,
        respond: &mut SendResponse<Bytes>,
    ) -> Option<Response<Recorded>> {
        let invitation = Invitation::default();
        let (head, stream) = request.into_parts();
        let payload = payload(&head.headers, stream, &invitation);
        let mut answer = pin!(Rc::clone(&self.door).answer(head, payload));
        std::future::poll_fn(|cx| {
            self.task.look_at_clock(cx);
            // First: for a request that has been taken back nothing is begun.
            if respond.poll_reset(cx).is_ready() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(answered) = answer.as_mut().poll(cx) {
                return Poll::Ready(answered.ok());
            }
            // HTTP-11: the body is asked for by whoever sends it on, after the permit.
            if invitation.take() {
                let mut go_on = Response::new(());
                *go_on.status_mut() = StatusCode::CONTINUE;
                // It fails for a stream that is gone, which the next poll finds.
                let _sent = respond.send_informational(go_on);
            }
            Poll::Pending
        })
        .await
    }

    async fn send(&self, stream: SendStream<Bytes>, body: Recorded) {
        let mut sending = Sending {
            stream,
            body,
            waiting: Bytes::new(),
            stalled: None,
        };
        let sent = std::future::poll_fn(|cx| {
            self.task.look_at_clock(cx);
            sending.poll(cx, &self.task, &self.session)
        })
        .await;
        let Sending { mut stream, body, .. } = sending;
        match sent {
            Sent::Whole => self.session.answered(),
            Sent::TakenBack => {
                self.session.cancelled(self.began, self.task.now());
                body.cut_off("the client left before the end of the answer");
            }
            // The record knows why.
            Sent::Broken => stream.send_reset(Reason::INTERNAL_ERROR),
            Sent::Stalled => {
                stream.send_reset(Reason::CANCEL);
                self.session.answer_stalled();
                body.cut_off("the client does not take the answer");
            }
        }
    }
}

/// The body of an answer on its way into its stream, as fast as the client's windows let it.
struct Sending {
    stream: SendStream<Bytes>,
    body: Recorded,
    /// Taken from the body and not yet sent.
    waiting: Bytes,
    /// Since when the client has had no room for it, or next to none.
    stalled: Option<Stalled>,
}

struct Stalled {
    since: Moment,
    /// What has gone out in small parts meanwhile.
    sent: usize,
}

/// How a body ended.
enum Sent {
    Whole,
    /// By the client, or with the connection.
    TakenBack,
    /// Behind us.
    Broken,
    /// RS-01: the client left no room for too long.
    Stalled,
}

impl Sending {
    fn poll(&mut self, cx: &mut Context<'_>, task: &TaskHandle, session: &Session) -> Poll<Sent> {
        loop {
            if self.waiting.is_empty() {
                // The answer is asked before the client, so that an end that is there is sent.
                let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                    return self.stream.poll_reset(cx).map(|_| Sent::TakenBack);
                };
                let sent = match frame {
                    None => self.stream.send_data(Bytes::new(), true),
                    Some(Err(_)) => return Poll::Ready(Sent::Broken),
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => {
                            self.stream.reserve_capacity(data.len());
                            self.waiting = data;
                            continue;
                        }
                        Err(frame) => self.stream.send_trailers(frame.into_trailers().unwrap_or_default()),
                    },
                };
                return Poll::Ready(sent.map_or(Sent::TakenBack, |()| Sent::Whole));
            }
            match ready!(self.poll_room(cx, task)) {
                Ok(room) => {
                    if let Some(sent) = self.send_part(room, session) {
                        return Poll::Ready(sent);
                    }
                }
                Err(sent) => return Poll::Ready(sent),
            }
        }
    }

    /// How much may be sent now; a client that leaves no room for too long, or is gone, ends the answer.
    fn poll_room(&mut self, cx: &mut Context<'_>, task: &TaskHandle) -> Poll<Result<usize, Sent>> {
        let room = self.stream.capacity();
        if room > 0 {
            return Poll::Ready(Ok(room));
        }
        match self.stream.poll_capacity(cx) {
            Poll::Ready(Some(Ok(room))) => Poll::Ready(Ok(room)),
            Poll::Ready(None | Some(Err(_))) => Poll::Ready(Err(Sent::TakenBack)),
            Poll::Pending => {
                // What the client still sends does not wait for what it does not read.
                self.body.drive(cx);
                let stalled = self.stalled.get_or_insert_with(|| Stalled {
                    since: task.now(),
                    sent: 0,
                });
                task.poll_past(stalled.since + WRITE_STALL).map(|()| Err(Sent::Stalled))
            }
        }
    }

    /// RS-04: a window that is opened by a byte at a time is as good as shut.
    fn note_progress(&mut self, sent: usize) {
        if let Some(stalled) = &mut self.stalled {
            stalled.sent += sent;
            if self.waiting.is_empty() || stalled.sent >= FULL {
                self.stalled = None;
            }
        }
    }

    /// Send what there is room for; the last part of a body carries its end.
    fn send_part(&mut self, room: usize, session: &Session) -> Option<Sent> {
        let part = self.waiting.split_to(room.min(self.waiting.len()));
        self.note_progress(part.len());
        if self.waiting.is_empty() || part.len() >= FULL {
            session.data_sent(part.len());
        }
        let ends = self.waiting.is_empty() && self.body.is_end_stream();
        match self.stream.send_data(part, ends) {
            Ok(()) if ends => Some(Sent::Whole),
            Ok(()) => None,
            Err(_) => Some(Sent::TakenBack),
        }
    }
}

/// The body as everything behind knows it.
fn payload(headers: &HeaderMap, stream: RecvStream, invitation: &Invitation) -> Payload {
    // Anything else it may expect is refused before the body is looked at.
    let waits = headers.contains_key(EXPECT);
    // h2 has compared it with what came, or will.
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let source = Source::http2(stream, length);
    let source = if waits { source.inviting(invitation) } else { source };
    Payload::new(source)
}
