//! From a permit to an upstream's answer.
//!
//! Comes in: a [`Permitted`], the only thing the forwarder takes. Goes out: the upstream's answer with its body still on
//! the way. It refuses to know who the principal is or why the request may pass.

mod answer;
mod body;
mod fault;
mod headers;
mod http2;
mod limits;
mod upgrade;

pub use answer::{Answer, Switched};
pub use body::{AnswerBroken, Streamed};
pub use fault::ForwardFault;
pub use headers::{edit, prepare};
pub use upgrade::SwitchFault;

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;

use crate::authn::Identity;
use crate::authn::revocation::Revocations;
use crate::authn::standing::Standing;
use crate::authz::Permitted;
use crate::base::clock::Moment;
use crate::base::source::Source;
use crate::base::task::TaskHandle;
use crate::config::spec::{ClientTimeouts, UpstreamProtocol};
use crate::request::Asked;
use crate::request::body::{BodyLimits, Outgoing, Progress};
use crate::request::framing::{self, Framing};
use crate::request::grpc::Grpc;
use crate::request::headers::authenticates_connection;
use crate::route::Route;
use crate::upstream::{Conn, ExchangeFailed, InFlight, Pools, TakeFailed, Target, Tried, Upstream};
use body::Carrier;
use limits::{Stream, StreamLimits};
use upgrade::Offer;

/// A reused connection that rested at least this long may have been closed by its server while our request was on its
/// way; a harmless request is then sent once more. Under steady load connections never rest that long, so nothing is
/// copied for it.
const CLOSED_IN_PASSING: Duration = Duration::from_millis(500);

/// Sends permitted requests to the servers of their upstream. One per worker.
pub struct Forwarder {
    pools: Rc<Pools<Outgoing>>,
    /// What ends streams before their time.
    revocations: Arc<Revocations>,
}

impl Forwarder {
    pub fn new(pools: Rc<Pools<Outgoing>>, revocations: Arc<Revocations>) -> Self {
        Self { pools, revocations }
    }

    /// Forward the request and wait for the head of the answer.
    pub async fn send(
        &self,
        permitted: Permitted<'_>,
        upstream: &Arc<Upstream>,
        timeouts: &ClientTimeouts,
        task: &TaskHandle,
    ) -> Result<Response<Answer>, ForwardFault> {
        let (route, mut asked, payload, identity) = permitted.into_request();
        let onward = asked.onward.as_ref().unwrap_or(&asked.path);
        let path = onward.path_and_query().clone();
        let limits = BodyLimits {
            max: route.body_max,
            idle: timeouts.body_idle,
        };
        let is_bodiless = payload.is_empty();
        let (body, progress) = Outgoing::new(payload, limits, task);
        let bound = asked.binds_connection;
        let mut head = std::mem::take(&mut asked.headers);
        headers::prepare(&mut head, &asked, &identity, route);
        let deadline = route.timeout.map_or(Moment::NEVER, |limit| asked.received + limit);
        let mut errand = Errand {
            forwarder: self,
            upstream,
            route,
            asked: &asked,
            progress: progress.as_deref(),
            bound,
            offers_switch: false,
            deadline,
            task,
        };
        let streams = StreamRules {
            asked: &asked,
            identity: &identity,
            revocations: &self.revocations,
            timeouts,
            progress: progress.as_ref(),
        };
        if upstream.protocol == UpstreamProtocol::H2c {
            // Apart, so that requests to other upstreams do not carry the room for it.
            return Box::pin(errand.send_on_stream(path, head, body, &streams)).await;
        }
        let offer = Offer::of(asked.upgrade.as_deref(), &route.upgrade);
        if let Some(offer) = &offer {
            offer.write(&mut head);
        }
        if is_bodiless && matches!(asked.method, Method::POST | Method::PUT | Method::PATCH) {
            // RFC 9110 section 8.6: some servers want a length where a body could have been.
            head.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        } else if !is_bodiless && asked.content_length.is_none() {
            // hyper would take a GET or HEAD of unknown length for one without a body, and send it without.
            head.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let mut request = Request::new(body);
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = Uri::from(path);
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = head;

        errand.offers_switch = offer.is_some();
        let (mut response, conn, counted) = errand.run(request).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return switched(response, (conn, counted), offer, &streams).await;
        }
        let framing = framing::of_answer(response.status(), response.version(), response.headers())?;
        let idle = upstream.timeouts.idle;
        crate::request::headers::clean_answer(response.headers_mut(), &framing);
        *response.version_mut() = Version::HTTP_11;
        let limits = streams.limits(None, &framing, response.headers());
        Ok(response.map(|incoming| {
            let (source, carrier) = (Source::Http1(incoming), Carrier::Http1(conn));
            Answer::Streamed(Streamed::new(source, carrier, &self.pools, task, idle, counted).limited_as(limits))
        }))
    }
}

/// What decides whether an answer is a stream, and how long it may take then.
struct StreamRules<'s> {
    asked: &'s Asked,
    identity: &'s Identity,
    revocations: &'s Arc<Revocations>,
    timeouts: &'s ClientTimeouts,
    progress: Option<&'s Rc<Progress>>,
}

impl StreamRules<'_> {
    /// The head of the answer is there: from now on the limits of a stream hold for what is left of the request, and for
    /// the answer if it is a stream itself.
    fn limits(&self, call: Option<Grpc>, framing: &Framing, answer: &HeaderMap) -> Option<Box<StreamLimits>> {
        let upload = self.progress.filter(|progress| !progress.ended());
        if let Some(progress) = upload {
            progress.relax();
        }
        let stream = if call.is_some() {
            Stream::Grpc
        } else if framing.content_length.is_none() && limits::is_event_stream(answer) {
            Stream::Events
        } else if upload.is_some() {
            Stream::Early
        } else {
            return None;
        };
        let received = self.asked.received;
        let deadline = call.and_then(|call| call.timeout);
        Some(Box::new(StreamLimits::new(
            stream,
            self.timeouts.stream_idle,
            received + self.timeouts.stream_age,
            deadline.map_or(Moment::NEVER, |limit| received + limit),
            upload.map(Rc::clone),
            self.standing(),
        )))
    }

    /// Of whoever asks, for what is not soon over.
    fn standing(&self) -> Option<Box<Standing>> {
        Standing::of(self.identity, self.revocations)
    }
}

/// The upstream agrees to a switch: give out its bare connection, if the answer fits the offer.
async fn switched(
    mut response: Response<Incoming>,
    (conn, counted): (Conn<Outgoing>, Option<InFlight>),
    offer: Option<Offer<'_>>,
    streams: &StreamRules<'_>,
) -> Result<Response<Answer>, ForwardFault> {
    let offer = offer.ok_or(SwitchFault::Unasked)?;
    if response.version() != Version::HTTP_11 {
        return Err(SwitchFault::Unnamed.into());
    }
    let protocol = offer.accepted(response.headers())?;
    let framing = framing::of_answer(response.status(), response.version(), response.headers())?;
    crate::request::headers::clean_answer(response.headers_mut(), &framing);
    upgrade::announce(response.headers_mut(), protocol);
    *response.version_mut() = Version::HTTP_11;
    let detached = conn.detach(counted).await.ok_or(SwitchFault::Stuck)?;
    let switched = Switched {
        upstream: detached,
        standing: streams.standing(),
    };
    Ok(response.map(|_| Answer::Switched(Box::new(switched))))
}

/// One request on its way, with what stays the same over its attempts.
struct Errand<'e> {
    forwarder: &'e Forwarder,
    upstream: &'e Arc<Upstream>,
    route: &'e Route,
    asked: &'e Asked,
    /// Of the body; absent when there is none.
    progress: Option<&'e Progress>,
    /// Whether the request asks for the connection itself to be authenticated.
    bound: bool,
    /// Whether the request asks for another protocol.
    offers_switch: bool,
    deadline: Moment,
    task: &'e TaskHandle,
}

type Answered = (Response<Incoming>, Conn<Outgoing>, Option<InFlight>);

impl Errand<'_> {
    async fn run(&self, mut request: Request<Outgoing>) -> Result<Answered, ForwardFault> {
        let mut tried = Tried::default();
        let mut last_refusal = None;
        let mut resent = false;
        while let Some(target) = self.upstream.choose(tried) {
            headers::set_host(request.headers_mut(), self.asked, self.route, target);
            let counted = self
                .upstream
                .counts_requests()
                .then(|| InFlight::new(Arc::clone(target)));
            let now = self.task.now();
            // After a failed attempt a new one for certain.
            let pools = &self.forwarder.pools;
            let resting = if resent { None } else { pools.take_resting(target, now) };
            let mut conn = match resting {
                Some(conn) => conn,
                None => match self.open(target).await? {
                    Ok(conn) => conn,
                    Err(TakeFailed::Connect(refusal)) => {
                        // Nothing has left yet: the next server may have it.
                        tried = self.upstream.mark(tried, target);
                        last_refusal = Some(refusal);
                        continue;
                    }
                    Err(full) => return Err(ForwardFault::Overloaded(full)),
                },
            };
            let spare = self.spare(&conn, &request, now);
            if self.offers_switch {
                conn.may_switch();
            }
            match conn.exchange(request, || self.poll_limits(now)).await? {
                Ok(response) => {
                    // HTTP-17: a refused switch leaves a connection that may be at odds with us about what comes next.
                    if self.is_bound_to_connection(&response) || self.offers_switch {
                        conn.spoil();
                    }
                    if self.has_no_body(&response) {
                        conn.doubt();
                    }
                    return Ok((response, conn, counted));
                }
                Err(ExchangeFailed {
                    unsent: Some(unsent), ..
                }) if self.body_untouched() && !resent => {
                    // The connection had died while it rested; not a byte has left.
                    request = unsent;
                    resent = true;
                }
                Err(failed) => {
                    if let Some(fault) = self.progress.and_then(Progress::fault) {
                        return Err(ForwardFault::Body(fault));
                    }
                    match spare {
                        Some(spare) if !resent => {
                            request = spare;
                            resent = true;
                        }
                        _ => return Err(ForwardFault::Broken(failed.source)),
                    }
                }
            }
        }
        let refusal = last_refusal.unwrap_or(crate::upstream::ConnectFailed::NoAddress);
        Err(ForwardFault::Unreachable(refusal))
    }

    /// A new connection, within the time the request has.
    async fn open(&self, target: &Arc<Target>) -> Result<Result<Conn<Outgoing>, TakeFailed>, ForwardFault> {
        let mut opening = Box::pin(self.forwarder.pools.open(self.upstream, target));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(opened) = opening.as_mut().poll(cx) {
                return Poll::Ready(Ok(opened));
            }
            self.task.poll_past(self.deadline).map(|()| Err(ForwardFault::TimedOut))
        })
        .await
    }

    /// Whether a request that began to leave at `sent` has waited too long for the head of its answer.
    fn poll_limits(&self, sent: Moment) -> Poll<ForwardFault> {
        // While the body is on its way, each frame of it is a sign of life.
        let last = self.progress.map_or(sent, |progress| progress.last().max(sent));
        let patience = last + self.upstream.timeouts.response;
        self.task
            .poll_past(self.deadline.min(patience))
            .map(|()| ForwardFault::TimedOut)
    }

    /// A copy to send again, for a harmless request on a connection that may have been closed in passing (RS-05).
    fn spare(&self, conn: &Conn<Outgoing>, request: &Request<Outgoing>, now: Moment) -> Option<Request<Outgoing>> {
        let harmless = matches!(self.asked.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let at_risk = conn.is_used() && conn.rested(now) >= CLOSED_IN_PASSING;
        if !(harmless && at_risk && self.progress.is_none()) {
            return None;
        }
        let mut spare = Request::new(Outgoing::Empty);
        *spare.method_mut() = request.method().clone();
        *spare.uri_mut() = request.uri().clone();
        *spare.version_mut() = request.version();
        spare.headers_mut().clone_from(request.headers());
        Some(spare)
    }

    /// Answers that servers most often add a body to which is not theirs to have.
    fn has_no_body(&self, response: &Response<Incoming>) -> bool {
        let status = response.status();
        self.asked.method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
    }

    fn body_untouched(&self) -> bool {
        self.progress.is_none_or(|progress| !progress.touched())
    }

    /// HTTP-17: after an early answer, or where the connection itself has been authenticated, nobody else may use it.
    fn is_bound_to_connection(&self, response: &Response<Incoming>) -> bool {
        self.progress.is_some_and(|progress| !progress.ended())
            || self.bound
            || response.status() == StatusCode::UNAUTHORIZED
                && response
                    .headers()
                    .get_all(WWW_AUTHENTICATE)
                    .iter()
                    .any(authenticates_connection)
    }
}
