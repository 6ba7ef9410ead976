//! What carries a request: the only one of its connection (HTTP/1), or one of many (HTTP/2).

use std::rc::Rc;

use super::link::Link;
use super::tunnel::Switch;
use crate::base::clock::Moment;
use crate::base::task::TaskHandle;
use crate::config::spec::ClientTimeouts;

#[derive(Clone)]
pub(super) enum Carrier {
    Http1(Rc<Link>),
    /// A stream, with the task it has for itself.
    Http2(TaskHandle),
}

impl Carrier {
    pub(super) fn now(&self) -> Moment {
        match self {
            Self::Http1(link) => link.now(),
            Self::Http2(task) => task.now(),
        }
    }

    /// HTTP/2's connection takes up the newest ones itself.
    pub(super) fn use_timeouts(&self, timeouts: ClientTimeouts) {
        if let Self::Http1(link) = self {
            link.use_timeouts(timeouts);
        }
    }

    /// A head is complete; tells when it began to arrive.
    pub(super) fn request_began(&self) -> Moment {
        match self {
            Self::Http1(link) => link.request_began(),
            Self::Http2(task) => task.now(),
        }
    }

    pub(super) fn request_ended(&self, now: Moment) {
        if let Self::Http1(link) = self {
            link.request_ended(now);
        }
    }

    /// The connection becomes something else once the answer is out. HTTP/2 never asks for that.
    pub(super) fn switch_to(&self, switch: Switch) {
        if let Self::Http1(link) = self {
            link.switch_to(switch);
        }
    }

    /// Whether an answer can say that its connection ends.
    pub(super) fn says_close(&self) -> bool {
        matches!(self, Self::Http1(_))
    }
}
