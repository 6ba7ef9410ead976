//! What a client's connection is doing, seen by its byte stream, its requests and its driver, and the deadline that
//! follows from it (RS-01). hyper applies no deadline to a connection that sends nothing, so this does.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::tunnel::Switch;
use crate::base::clock::Moment;
use crate::base::task::TaskHandle;
use crate::config::spec::ClientTimeouts;

/// RS-01: how long a client may leave our bytes unread.
pub(super) const WRITE_STALL: Duration = Duration::from_secs(30);

/// How long a connection is kept ready for its next request before it is put to rest.
const REST_AFTER: Duration = Duration::from_secs(5);

/// While draining: how long a connection must have been quiet before it is closed under its client. A client that has
/// just been answered is likely to be writing its next request.
pub(super) const QUIET: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Accepted, and not a byte has come.
    Fresh,
    /// Between two requests.
    Idle,
    /// Some bytes of a head have come.
    Head,
    /// A request is being answered.
    Busy,
}

/// How a listener treats its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    #[default]
    Serving,
    /// Answers ask the client to go elsewhere; nothing is closed yet.
    Leaving,
    /// Nothing new is accepted, and quiet connections are closed.
    Closing,
}

pub(super) struct Link {
    task: TaskHandle,
    phase: Cell<Phase>,
    since: Cell<Moment>,
    /// Since when the client has not taken our bytes.
    stalled: Cell<Option<Moment>>,
    ended: Cell<bool>,
    probe: Cell<Probe>,
    /// The socket had nothing to read, and nobody has waited for it since.
    dry: Cell<bool>,
    timeouts: Cell<ClientTimeouts>,
    /// Whether this connection may be put to rest.
    may_rest: Cell<bool>,
    /// Another protocol has been agreed on: what goes on once the answer that says so is out.
    switch: RefCell<Option<Box<Switch>>>,
}

/// A question to the kernel, put by the driver and answered by the byte stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    None,
    /// Does the kernel hold bytes that nobody has read?
    Asked,
    Unread,
    Nothing,
}

/// Which deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing was under way.
    Quiet,
    /// Nothing was under way for a moment: no reason to close, but to keep less.
    Rest,
    Head,
    Stalled,
}

impl Link {
    pub(super) fn new(task: TaskHandle, timeouts: ClientTimeouts) -> Self {
        let since = Cell::new(task.now());
        Self {
            task,
            phase: Cell::new(Phase::Fresh),
            since,
            stalled: Cell::new(None),
            ended: Cell::new(false),
            probe: Cell::new(Probe::None),
            dry: Cell::new(false),
            timeouts: Cell::new(timeouts),
            may_rest: Cell::new(true),
            switch: RefCell::default(),
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.task.now()
    }

    pub(super) fn use_timeouts(&self, timeouts: ClientTimeouts) {
        self.timeouts.set(timeouts);
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(super) fn bytes_arrived(&self) {
        if matches!(self.phase.get(), Phase::Fresh | Phase::Idle) {
            self.phase.set(Phase::Head);
            self.since.set(self.task.now());
        }
    }

    /// The client has sent its last byte.
    pub(super) fn client_ended(&self) {
        self.ended.set(true);
    }

    pub(super) fn has_client_ended(&self) -> bool {
        self.ended.get()
    }

    /// A head is complete; tells when its first byte came.
    pub(super) fn request_began(&self) -> Moment {
        self.phase.set(Phase::Busy);
        self.since.get()
    }

    pub(super) fn request_ended(&self, now: Moment) {
        self.phase.set(Phase::Idle);
        self.since.set(now);
    }

    /// The runtime may have heard of new bytes since the last time.
    pub(super) fn look_anew(&self) {
        self.dry.set(false);
    }

    pub(super) fn is_dry(&self) -> bool {
        self.dry.get()
    }

    pub(super) fn ran_dry(&self) {
        self.dry.set(true);
    }

    pub(super) fn probe(&self) -> Probe {
        self.probe.get()
    }

    pub(super) fn set_probe(&self, probe: Probe) {
        self.probe.set(probe);
    }

    /// Bytes are on their way: the quiet time begins again.
    pub(super) fn not_so_quiet(&self) {
        self.since.set(self.task.now());
    }

    pub(super) fn write_stalled(&self) {
        if self.stalled.get().is_none() {
            self.stalled.set(Some(self.task.now()));
        }
    }

    pub(super) fn write_moved(&self) {
        if self.stalled.get().is_some() {
            self.stalled.set(None);
        }
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.get().is_some()
    }

    /// It cannot be put to rest.
    pub(super) fn stay_awake(&self) {
        self.may_rest.set(false);
    }

    pub(super) fn switch_to(&self, switch: Switch) {
        *self.switch.borrow_mut() = Some(Box::new(switch));
    }

    pub(super) fn take_switch(&self) -> Option<Box<Switch>> {
        self.switch.borrow_mut().take()
    }

    /// When to look at a connection that is awake, if nothing more happens.
    pub(super) fn next_look(&self, stage: Stage) -> (Moment, Overdue) {
        let (moment, overdue) = self.deadline(stage);
        let rest = self.since.get() + REST_AFTER;
        if self.phase.get() == Phase::Idle && self.may_rest.get() && self.stalled.get().is_none() && rest < moment {
            return (rest, Overdue::Rest);
        }
        (moment, overdue)
    }

    /// When this connection is overdue if nothing more happens, and by what.
    pub(super) fn deadline(&self, stage: Stage) -> (Moment, Overdue) {
        let (since, timeouts) = (self.since.get(), self.timeouts.get());
        let quiet = |limit: Duration| {
            let limit = if stage == Stage::Closing {
                limit.min(QUIET)
            } else {
                limit
            };
            (since + limit, Overdue::Quiet)
        };
        let phase = match self.phase.get() {
            Phase::Fresh => quiet(timeouts.head),
            Phase::Idle => quiet(timeouts.keep_alive),
            Phase::Head => (since + timeouts.head, Overdue::Head),
            Phase::Busy => (Moment::NEVER, Overdue::Quiet),
        };
        match self.stalled.get() {
            Some(stalled) if stalled + WRITE_STALL < phase.0 => (stalled + WRITE_STALL, Overdue::Stalled),
            _ => phase,
        }
    }
}
