//! How long an answer may take that is a stream, or whose request still goes on beside it.

use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap};

use crate::authn::standing::{Lost, Standing};
use crate::base::clock::Moment;
use crate::base::task::TaskHandle;
use crate::problem::GrpcStatus;
use crate::request::body::Progress;

/// What kind of stream an answer is, if it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Grpc,
    Events,
    /// An ordinary answer, whose request has not ended yet.
    Early,
}

/// Limits of a stream, in place of those of an ordinary answer.
pub(super) struct StreamLimits {
    stream: Stream,
    /// Without a frame either way.
    idle: Duration,
    /// The end of its greatest age.
    ends: Moment,
    /// Of the caller.
    deadline: Moment,
    upload: Option<Rc<Progress>>,
    /// Of the caller, where that is somebody.
    standing: Option<Box<Standing>>,
}

/// What an answer ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    Silent,
    Aged,
    Deadline,
    /// Whoever is served may not be served any more.
    Lost(Lost),
}

impl StreamLimits {
    pub(super) fn new(
        stream: Stream,
        idle: Duration,
        ends: Moment,
        deadline: Moment,
        upload: Option<Rc<Progress>>,
        standing: Option<Box<Standing>>,
    ) -> Self {
        Self {
            stream,
            idle,
            ends,
            deadline,
            upload,
            standing,
        }
    }

    fn is_stream(&self) -> bool {
        self.stream != Stream::Early || self.is_uploading()
    }

    fn is_uploading(&self) -> bool {
        self.upload
            .as_ref()
            .is_some_and(|progress| !progress.ended() && progress.fault().is_none())
    }

    /// The end that comes whatever is said until then.
    pub(super) fn ends(&self) -> (Moment, Overdue) {
        let ends = if self.is_stream() { self.ends } else { Moment::NEVER };
        if self.deadline <= ends {
            (self.deadline, Overdue::Deadline)
        } else {
            (ends, Overdue::Aged)
        }
    }

    /// Ready when whoever is served may not be served any more (METH-05).
    pub(super) fn poll_lost(&mut self, task: &TaskHandle) -> Poll<Overdue> {
        if !self.is_stream() {
            return Poll::Pending;
        }
        match &mut self.standing {
            Some(standing) => standing.poll_lost(task).map(Overdue::Lost),
            None => Poll::Pending,
        }
    }

    /// When the upstream's silence ends our patience. `ordinary` holds where no stream is left.
    pub(super) fn patience(&self, silent_since: Moment, ordinary: Duration) -> (Moment, Overdue) {
        let last = self
            .upload
            .as_ref()
            .map_or(silent_since, |progress| progress.last().max(silent_since));
        let silent = last + if self.is_stream() { self.idle } else { ordinary };
        let (moment, overdue) = self.ends();
        if silent < moment {
            (silent, Overdue::Silent)
        } else {
            (moment, overdue)
        }
    }

    /// What a caller of gRPC is told at the end, in place of the server's own last word.
    pub(super) fn last_word(&self, overdue: Overdue) -> Option<HeaderMap> {
        if self.stream != Stream::Grpc {
            return None;
        }
        // Unavailable: the caller may begin anew.
        let (status, message) = match overdue {
            Overdue::Deadline => (GrpcStatus::DeadlineExceeded, "the deadline of the call has passed"),
            Overdue::Silent => (GrpcStatus::Unavailable, "the stream was silent for too long"),
            Overdue::Aged => (GrpcStatus::Unavailable, "the stream has reached its greatest age"),
            Overdue::Lost(lost) => return Some(GrpcStatus::Unauthenticated.told(&lost.to_string())),
        };
        Some(status.told(message))
    }
}

/// Whether an answer is a stream of server-sent events, by its content type.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    const TYPE: &[u8] = b"text/event-stream";
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        value
            .get(..TYPE.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(TYPE))
            && matches!(value.get(TYPE.len()), None | Some(b';' | b' ' | b'\t'))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::problem::Code;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn limits(stream: Stream, deadline: Option<u64>) -> StreamLimits {
        let start = Moment::START;
        let deadline = deadline.map_or(Moment::NEVER, |seconds| start + secs(seconds));
        StreamLimits::new(stream, secs(600), start + secs(86_400), deadline, None, None)
    }

    #[test]
    fn a_stream_may_be_silent_longer_than_an_answer() {
        let start = Moment::START;
        let patience = |stream| limits(stream, None).patience(start, secs(60));
        assert_eq!(patience(Stream::Grpc), (start + secs(600), Overdue::Silent));
        assert_eq!(patience(Stream::Events), (start + secs(600), Overdue::Silent));
        assert_eq!(patience(Stream::Early), (start + secs(60), Overdue::Silent));
    }

    #[test]
    fn a_stream_ends_with_its_age_or_its_deadline() {
        let start = Moment::START;
        assert_eq!(
            limits(Stream::Events, None).ends(),
            (start + secs(86_400), Overdue::Aged)
        );
        assert_eq!(
            limits(Stream::Grpc, Some(5)).ends(),
            (start + secs(5), Overdue::Deadline)
        );
        assert_eq!(limits(Stream::Early, None).ends().0, Moment::NEVER);
        let late = limits(Stream::Grpc, None).patience(start + secs(86_000), secs(60));
        assert_eq!(late, (start + secs(86_400), Overdue::Aged));
    }

    #[test]
    fn only_a_call_of_grpc_has_a_last_word() {
        let word = limits(Stream::Grpc, None).last_word(Overdue::Deadline).unwrap();
        assert_eq!(word["grpc-status"], "4");
        let word = limits(Stream::Grpc, None).last_word(Overdue::Aged).unwrap();
        assert_eq!(word["grpc-status"], "14");
        let lost = Overdue::Lost(Lost::Expired(Code::TokenExpired));
        let word = limits(Stream::Grpc, None).last_word(lost).unwrap();
        assert_eq!(
            (&word["grpc-status"], &word["grpc-message"]),
            (&"16".parse().unwrap(), &"the credential has expired".parse().unwrap())
        );
        assert!(limits(Stream::Events, None).last_word(Overdue::Aged).is_none());
    }

    #[test]
    fn event_streams_are_known_by_their_type() {
        let typed = |value: &'static str| {
            is_event_stream(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        assert!(typed("text/event-stream") && typed("Text/Event-Stream; charset=utf-8"));
        assert!(!typed("text/event-streams") && !typed("text/plain") && !typed("text/event"));
        assert!(!is_event_stream(&HeaderMap::new()));
    }
}
