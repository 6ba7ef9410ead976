//! What is remembered of a request until it ends, and said then: exactly once, whether its answer was sent to the end,
//! cut off, or never began.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::carrier::Carrier;
use super::worker::{Lease, Worker};
use crate::authn::standing::Lost;
use crate::authn::{Identity, IdentityFault, Known};
use crate::authz::Rule;
use crate::base::clock::{Moment, Timestamp};
use crate::base::id::{RequestId, TraceParent};
use crate::base::peer::Peer;
use crate::forward::AnswerBroken;
use crate::pipeline::{Answer, Observer, Rejection};
use crate::problem::Code;
use crate::request::Names;
use crate::route::{Route, RouteAnswer};
use crate::telemetry::events::{AccessLine, Decision, Finished, Identification, Lookups, UpstreamCall};
use crate::telemetry::metrics::client_left;

pub(super) struct Record {
    worker: Rc<Worker>,
    carrier: Carrier,
    lease: Lease,
    pub(super) id: RequestId,
    trace: TraceParent,
    at: Timestamp,
    pub(super) received: Moment,
    pub(super) client: Option<Peer>,
    method: Method,
    pub(super) host: Option<HeaderValue>,
    /// Index of the route in the lease's table.
    route: Option<usize>,
    /// Whose request it is, where that is known.
    who: Option<Arc<Known>>,
    /// Whose credential was not accepted, if it was anybody's, and with which code.
    not_accepted: Option<(Option<Arc<str>>, Code)>,
    decision: Option<Decision>,
    status: Option<StatusCode>,
    /// Until the head of the upstream's answer.
    upstream_took: Option<Duration>,
    bytes: u64,
    code: Option<Code>,
    reason: Option<Box<str>>,
    /// Whether the answer went out to its last byte.
    whole: bool,
}

impl Record {
    pub(super) fn begin(
        worker: &Rc<Worker>,
        carrier: &Carrier,
        lease: &Lease,
        method: &Method,
        names: &Names,
        received: Moment,
    ) -> Box<Self> {
        // Boxed: it is handed on with the answer several times, and is large.
        Box::new(Self {
            worker: Rc::clone(worker),
            carrier: carrier.clone(),
            lease: Rc::clone(lease),
            id: names.id.clone(),
            trace: names.trace.clone(),
            at: names.at,
            received,
            client: None,
            method: method.clone(),
            host: None,
            route: None,
            who: None,
            not_accepted: None,
            decision: None,
            status: None,
            upstream_took: None,
            bytes: 0,
            code: None,
            reason: None,
            whole: false,
        })
    }

    pub(super) fn refused(&mut self, rejection: &Rejection) {
        self.code = Some(rejection.code());
        self.reason = Some(rejection.to_string().into());
        if let Rejection::Identity(IdentityFault::Refused(refused)) = rejection {
            self.not_accepted = Some((refused.authenticator.clone(), refused.refusal.code));
        }
        // What fails behind the gate was let through it.
        self.decision.get_or_insert(Decision::Denied);
    }

    /// Bytes that went to the client outside an answer's body.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    pub(super) fn ended_whole(&mut self) {
        self.whole = true;
    }

    /// Ended before its end, and not by the client.
    pub(super) fn cut_off(&mut self, reason: &dyn std::error::Error) {
        self.reason = Some(reason.to_string().into());
    }

    /// Ended because whoever was served may not be served any more.
    pub(super) fn lost(&mut self, lost: Lost) {
        self.code = Some(lost.code());
        self.cut_off(&lost);
    }

    fn identification(&self) -> Option<Identification<'_>> {
        if let Some(who) = &self.who {
            return Some(Identification::Accepted {
                authenticator: &who.authenticator,
                principal: who.id(),
            });
        }
        let (authenticator, code) = self.not_accepted.as_ref()?;
        Some(Identification::Refused {
            authenticator: authenticator.as_ref(),
            code: *code,
        })
    }

    /// Behind its head.
    fn broke_off(&mut self, why: &AnswerBroken) {
        self.code = Some(why.code());
        self.reason = Some(why.to_string().into());
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        if self.code.is_none() {
            self.upstream_took = Some(self.carrier.now().since(self.received));
        }
    }
}

impl Observer for Record {
    fn routed(&mut self, route: &Route) {
        self.route = Some(route.index);
    }

    fn looked_up(&mut self, lookups: Lookups) {
        self.worker.reporter.looked_up(lookups);
    }

    fn identified(&mut self, identity: &Identity) {
        if let Identity::Known { who, .. } = identity {
            self.who = Some(Arc::clone(who));
        }
    }

    fn permitted(&mut self, _: Rule) {
        self.decision = Some(Decision::Allowed);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // What is cut off is dropped by somebody who has not looked at the connection's clock.
        let now = if self.whole {
            self.carrier.now()
        } else {
            self.worker.timers.now()
        };
        self.carrier.request_ended(now);
        let route = self.route.and_then(|index| self.lease.router.get(index));
        let upstream = route.and_then(|route| match &route.answer {
            RouteAnswer::Upstream(upstream) => Some(UpstreamCall {
                name: &upstream.name,
                took: self.upstream_took,
            }),
            RouteAnswer::Echo(name) => Some(UpstreamCall {
                name,
                took: self.upstream_took,
            }),
            RouteAnswer::Redirect(_) | RouteAnswer::Own(_) => None,
        });
        let left = (!self.whole && self.reason.is_none()).then_some(if self.worker.is_ending() {
            "cut off at the end of a drain"
        } else {
            "the client left before the end of the answer"
        });
        self.worker.reporter.finished(&Finished {
            at: self.at,
            request_id: self.id.as_str(),
            trace_id: self.trace.trace_id(),
            client_ip: self.client.and_then(Peer::ip),
            method: &self.method,
            host: self.host.as_ref().map(HeaderValue::as_bytes),
            route: route.map(|route| &route.id),
            status: self.status.unwrap_or_else(client_left),
            bytes: self.bytes,
            duration: now.since(self.received),
            upstream,
            identification: self.identification(),
            decision: self.decision,
            code: self.code,
            reason: self.reason.as_deref().or(left),
            access_log: if self.lease.access_log {
                AccessLine::Written
            } else {
                AccessLine::Omitted
            },
        });
    }
}

/// The body of an answer, with the record that is closed when it ends.
pub(super) struct Recorded {
    answer: Answer,
    /// Absent where it goes on beyond the answer.
    record: Option<Box<Record>>,
}

impl Recorded {
    pub(super) fn new(answer: Answer, mut record: Box<Record>) -> Self {
        record.whole = answer.is_end_stream();
        Self {
            answer,
            record: Some(record),
        }
    }

    /// See [`Answer::drive`].
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        self.answer.drive(cx);
    }

    /// Nothing, and its record is elsewhere.
    pub(super) fn elsewhere() -> Self {
        Self {
            answer: Answer::Whole(None),
            record: None,
        }
    }

    /// Nobody asks for the body: the head was the whole answer.
    pub(super) fn without_body(mut self) {
        if let Some(record) = &mut self.record {
            record.whole = true;
        }
    }

    /// The answer ends here, whatever was taken out of it.
    pub(super) fn cut_off(mut self, reason: &str) {
        if let Some(record) = &mut self.record {
            record.whole = false;
            record.reason.get_or_insert_with(|| reason.into());
        }
    }
}

impl Body for Recorded {
    type Data = Bytes;
    type Error = AnswerBroken;

    #[inline(always)]
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.answer).poll_frame(cx));
        let Some(record) = &mut this.record else {
            return Poll::Ready(frame);
        };
        match &frame {
            None => record.whole = true,
            Some(Ok(frame)) => {
                record.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                // hyper does not ask again after trailers.
                record.whole |= frame.is_trailers() || this.answer.is_end_stream();
                if frame.is_trailers()
                    && let Some(why) = this.answer.cut_short()
                {
                    record.broke_off(&why);
                }
            }
            Some(Err(broken)) => record.broke_off(broken),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}
