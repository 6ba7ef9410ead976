//! An errand over HTTP/2: the same request, on a stream of a connection that others use too.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use h2::RecvStream;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};

use super::body::Carrier;
use super::headers::{self, Named};
use super::upgrade::SwitchFault;
use super::{Answer, CLOSED_IN_PASSING, Errand, ForwardFault, StreamRules, Streamed};
use crate::authn::standing::Standing;
use crate::base::clock::Moment;
use crate::base::field::are_tokens;
use crate::base::source::Source;
use crate::request::body::{BodyFault, Outgoing, Progress};
use crate::request::framing;
use crate::request::headers::clean_answer;
use crate::upstream::{Call, CallFailed, ConnectFailed, InFlight, Parcel, Room, TakeFailed, Target, Tried};

/// An errand that runs on streams.
struct StreamErrand<'e> {
    errand: Errand<'e>,
    path: PathAndQuery,
    head: HeaderMap,
    /// For calls of gRPC: how long their streams may be silent.
    stream_idle: Option<Duration>,
    /// For calls of gRPC: whose they are, where that is somebody.
    standing: RefCell<Option<Box<Standing>>>,
}

type Answered = (Response<RecvStream>, Box<Call<Outgoing>>, Option<InFlight>);

impl Errand<'_> {
    pub(super) async fn send_on_stream(
        mut self,
        path: PathAndQuery,
        head: HeaderMap,
        body: Outgoing,
        streams: &StreamRules<'_>,
    ) -> Result<Response<Answer>, ForwardFault> {
        let (asked, pools, task) = (self.asked, &self.forwarder.pools, self.task);
        let idle = self.upstream.timeouts.idle;
        if let Some(call) = asked.grpc {
            // What is said either way is one long exchange: it has the limits of a stream from its beginning.
            if let Some(progress) = self.progress {
                progress.relax();
            }
            let limit = call.timeout.map_or(streams.timeouts.stream_age, |timeout| {
                timeout.min(streams.timeouts.stream_age)
            });
            self.deadline = self.deadline.min(asked.received + limit);
        }
        let errand = StreamErrand {
            errand: self,
            path,
            head,
            stream_idle: asked.grpc.map(|_| streams.timeouts.stream_idle),
            standing: RefCell::new(asked.grpc.and_then(|_| streams.standing())),
        };
        let (mut response, call, counted) = errand.run(body).await?;
        if !are_tokens(response.headers()) {
            return Err(ForwardFault::FieldName);
        }
        let framing = framing::of_answer(response.status(), response.version(), response.headers())?;
        clean_answer(response.headers_mut(), &framing);
        *response.version_mut() = Version::HTTP_11;
        let limits = streams.limits(asked.grpc, &framing, response.headers());
        Ok(response.map(|stream| {
            let length = framing.content_length.filter(|_| !stream.is_end_stream());
            let (source, carrier) = (Source::http2(stream, length), Carrier::Http2(call));
            Answer::Streamed(Streamed::new(source, carrier, pools, task, idle, counted).limited_as(limits))
        }))
    }
}

impl StreamErrand<'_> {
    async fn run(mut self, body: Outgoing) -> Result<Answered, ForwardFault> {
        self.fit_head();
        let upstream = self.errand.upstream;
        let mut parcel = Parcel::new(body);
        let mut tried = Tried::default();
        let mut last_refusal = None;
        let mut resent = false;
        while let Some(target) = upstream.choose(tried) {
            let counted = upstream.counts_requests().then(|| InFlight::new(Arc::clone(target)));
            let request = self.request(target)?;
            let room = match self.room(target).await? {
                Ok(room) => room,
                Err(TakeFailed::Connect(refusal)) => {
                    // Nothing has left yet: the next server may have it.
                    tried = upstream.mark(tried, target);
                    last_refusal = Some(refusal);
                    continue;
                }
                Err(full) => return Err(ForwardFault::Overloaded(full)),
            };
            let (failed, again) = match Call::begin(room, request, parcel) {
                Err((error, untouched)) => (CallFailed::Refused(error), Some(untouched)),
                Ok(call) => {
                    let mut call = Box::new(call);
                    match self.exchange(&mut call).await? {
                        Ok(response) => return self.checked(response, call, counted).await,
                        Err(failed) => {
                            let may_go_again = self.may_go_again(&failed, &call);
                            (failed, may_go_again.then(|| call.into_parcel()).flatten())
                        }
                    }
                }
            };
            match again {
                Some(again) if !resent => {
                    parcel = again;
                    resent = true;
                }
                _ => return Err(self.fault(failed)),
            }
        }
        Err(ForwardFault::Unreachable(
            last_refusal.unwrap_or(ConnectFailed::NoAddress),
        ))
    }

    /// RFC 9113 section 8.2.2: nothing about the connection, and of `TE` only that trailers are welcome.
    fn fit_head(&mut self) {
        self.head.remove(CONNECTION);
        if self.head.get(TE).is_some_and(|te| te != "trailers") {
            self.head.remove(TE);
        }
        self.head.remove(HOST);
        // The end of the stream ends the body; the length is said where the client has said it.
        if let Some(length) = self.errand.asked.content_length {
            self.head.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }

    /// The head for this target. Fields are copied, not moved: a server that refuses the request leaves them for the next.
    fn request(&self, target: &Target) -> Result<Request<()>, ForwardFault> {
        let (Named::ByClient(host) | Named::ByUs(host)) = headers::host(self.errand.asked, self.errand.route, target);
        let authority = Authority::try_from(host.as_bytes()).map_err(|error| ForwardFault::Authority(error.into()))?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(authority);
        parts.path_and_query = Some(self.path.clone());
        let uri = Uri::from_parts(parts).map_err(|error| ForwardFault::Authority(error.into()))?;
        let mut request = Request::new(());
        *request.method_mut() = self.errand.asked.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().clone_from(&self.head);
        Ok(request)
    }

    async fn room(&self, target: &Arc<Target>) -> Result<Result<Room, TakeFailed>, ForwardFault> {
        let Errand {
            forwarder,
            upstream,
            task,
            deadline,
            ..
        } = &self.errand;
        let mut taking = std::pin::pin!(forwarder.pools.http2().take(upstream, target));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(taken) = taking.as_mut().poll(cx) {
                return Poll::Ready(Ok(taken));
            }
            task.poll_past(*deadline).map(|()| Err(ForwardFault::TimedOut))
        })
        .await
    }

    async fn exchange(
        &self,
        call: &mut Call<Outgoing>,
    ) -> Result<Result<Response<RecvStream>, CallFailed<BodyFault>>, ForwardFault> {
        let sent = self.errand.task.now();
        call.head(|| self.poll_patience(sent)).await
    }

    fn poll_patience(&self, sent: Moment) -> Poll<ForwardFault> {
        let Errand { task, upstream, .. } = &self.errand;
        if let Some(standing) = &mut *self.standing.borrow_mut()
            && let Poll::Ready(lost) = standing.poll_lost(task)
        {
            return Poll::Ready(ForwardFault::Lost(lost));
        }
        let progress = self.errand.progress;
        // While the body is on its way, each frame of it is a sign of life.
        let last = progress.map_or(sent, |progress| progress.last().max(sent));
        let patience = match self.stream_idle {
            // Its server may well wait for what the client has to say.
            Some(idle) if progress.is_some_and(|progress| !progress.ended()) => idle,
            _ => upstream.timeouts.response,
        };
        task.poll_past(self.errand.deadline.min(last + patience))
            .map(|()| ForwardFault::TimedOut)
    }

    /// Once, and only when the server says that it has not looked at the request, or when the request does no harm and its
    /// connection may have been closed in passing (RS-05).
    fn may_go_again(&self, failed: &CallFailed<BodyFault>, call: &Call<Outgoing>) -> bool {
        let harmless = matches!(self.errand.asked.method, Method::GET | Method::HEAD | Method::OPTIONS);
        matches!(failed, CallFailed::Refused(_))
            || harmless
                && self.errand.progress.is_none()
                && failed.is_of_connection()
                && call.was_at_risk(CLOSED_IN_PASSING)
    }

    fn fault(&self, failed: CallFailed<BodyFault>) -> ForwardFault {
        if let Some(fault) = self.errand.progress.and_then(Progress::fault) {
            return ForwardFault::Body(fault);
        }
        match failed {
            CallFailed::Request(fault) => ForwardFault::Body(fault),
            CallFailed::Switched => ForwardFault::Switch(SwitchFault::Unasked),
            refused @ CallFailed::Refused(_) => ForwardFault::Refused(refused),
            broken => ForwardFault::Stream(broken),
        }
    }

    /// HTTP-16: an answer that has no body ends with its head, as far as anybody can see.
    async fn checked(
        &self,
        mut response: Response<RecvStream>,
        call: Box<Call<Outgoing>>,
        counted: Option<InFlight>,
    ) -> Result<Answered, ForwardFault> {
        let status = response.status();
        let is_bodiless = self.errand.asked.method == Method::HEAD
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        if is_bodiless {
            let sent = self.errand.task.now();
            let stream = response.body_mut();
            std::future::poll_fn(|cx| match stream.poll_data(cx) {
                Poll::Ready(None) => Poll::Ready(Ok(())),
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {
                    // Its end may come as a frame of its own.
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Ready(Some(Ok(_))) => Poll::Ready(Err(ForwardFault::Surplus)),
                Poll::Ready(Some(Err(error))) => Poll::Ready(Err(ForwardFault::Stream(CallFailed::Broken(error)))),
                Poll::Pending => self.poll_patience(sent).map(Err),
            })
            .await?;
        }
        Ok((response, call, counted))
    }
}
