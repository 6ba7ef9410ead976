//! What the streams of a connection share with it: who is under way, what the client has asked for, and since when
//! nothing moves.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use super::super::limits::Entered;
use super::super::link::{QUIET, Stage, WRITE_STALL};
use super::meter::{Excess, Meter};
use crate::base::clock::Moment;
use crate::base::task::TaskHandle;
use crate::config::spec::ClientTimeouts;

pub(super) struct Session {
    /// Of the connection.
    task: TaskHandle,
    waker: RefCell<Waker>,
    meter: RefCell<Meter>,
    excess: Cell<Option<Excess>>,
    began: Moment,
    streams: Cell<usize>,
    /// Since when no stream has been open.
    idle_since: Cell<Moment>,
    /// Since when a header block has been on its way.
    block_since: Cell<Option<Moment>>,
    /// Since when the client has not taken our bytes.
    stalled: Cell<Option<Moment>>,
    ended: Cell<bool>,
    /// How many bytes may be read before others get their turn.
    turn: Cell<usize>,
    timeouts: Cell<ClientTimeouts>,
    /// Its place among the connections, until the last stream is gone too.
    _place: Entered,
}

/// Which deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing was under way.
    Quiet,
    Head,
    Stalled,
}

/// A few bytes can unfold to a large head, so a connection with much to say is heard in pieces.
const TURN: usize = 64 * 1024;

/// A request that is taken back sooner was made to be taken back.
const HASTE: Duration = Duration::from_secs(1);

impl Session {
    /// `allowance`: how many clients' worth of requests it may take back.
    pub(super) fn new(task: &TaskHandle, timeouts: ClientTimeouts, place: Entered, allowance: u32) -> Rc<Self> {
        let now = task.now();
        Rc::new(Self {
            task: task.clone(),
            waker: RefCell::new(Waker::noop().clone()),
            meter: RefCell::new(Meter::new(allowance)),
            excess: Cell::new(None),
            began: now,
            streams: Cell::new(0),
            idle_since: Cell::new(now),
            block_since: Cell::new(None),
            stalled: Cell::new(None),
            ended: Cell::new(false),
            turn: Cell::new(TURN),
            timeouts: Cell::new(timeouts),
            _place: place,
        })
    }

    /// How to wake the connection.
    pub(super) fn wake_with(&self, waker: &Waker) {
        self.waker.borrow_mut().clone_from(waker);
    }

    pub(super) fn use_timeouts(&self, timeouts: ClientTimeouts) {
        self.timeouts.set(timeouts);
    }

    pub(super) fn excess(&self) -> Option<Excess> {
        self.excess.get()
    }

    /// How many requests the client has made, as far as h2 has heard of them; nothing while it may not have.
    pub(super) fn requests(&self) -> Option<u64> {
        self.stalled.get().is_none().then(|| self.meter.borrow().heads())
    }

    pub(super) fn has_client_ended(&self) -> bool {
        self.ended.get()
    }

    pub(super) fn client_ended(&self) {
        self.ended.set(true);
    }

    pub(super) fn begin_turn(&self) {
        self.turn.set(TURN);
    }

    pub(super) fn is_turn_over(&self) -> bool {
        self.turn.get() == 0
    }

    pub(super) fn bytes_arrived(&self, bytes: &[u8]) {
        self.turn.set(self.turn.get().saturating_sub(bytes.len()));
        let mut meter = self.meter.borrow_mut();
        meter.renew(self.task.now().since(self.began).as_secs());
        let read = meter.read(bytes);
        if !meter.in_block() {
            self.block_since.set(None);
        } else if self.block_since.get().is_none() {
            self.block_since.set(Some(self.task.now()));
        }
        drop(meter);
        self.note(read);
    }

    pub(super) fn write_stalled(&self) {
        if self.stalled.get().is_none() {
            self.stalled.set(Some(self.task.now()));
        }
    }

    pub(super) fn write_moved(&self) {
        self.stalled.set(None);
    }

    fn note(&self, outcome: Result<(), Excess>) {
        if let Err(excess) = outcome
            && self.excess.get().is_none()
        {
            self.excess.set(Some(excess));
            self.waker.borrow().wake_by_ref();
        }
    }

    /// So many bytes of an answer leave, not cut short by the client's window.
    pub(super) fn data_sent(&self, length: usize) {
        self.meter.borrow_mut().data_sent(length);
    }

    pub(super) fn answered(&self) {
        self.meter.borrow_mut().answered();
    }

    /// The client has taken back a request that it made then.
    pub(super) fn cancelled(&self, made: Moment, now: Moment) {
        if now.since(made) < HASTE {
            let outcome = self.meter.borrow_mut().cancelled();
            self.note(outcome);
        }
    }

    pub(super) fn answer_stalled(&self) {
        let outcome = self.meter.borrow_mut().stalled();
        self.note(outcome);
    }

    /// Until when the client's preface must have come.
    pub(super) fn greeted_by(&self) -> Moment {
        self.began + self.timeouts.get().head
    }

    /// When this connection is overdue if nothing more happens, and by what. `leaving`: since when the client has been
    /// asked to go elsewhere.
    pub(super) fn deadline(&self, stage: Stage, leaving: Option<Moment>) -> (Moment, Overdue) {
        let timeouts = self.timeouts.get();
        let quiet = if self.streams.get() > 0 {
            Moment::NEVER
        } else {
            let since = self.idle_since.get();
            match leaving {
                // Who was told while serving goes on had been idle for long.
                Some(told) if stage != Stage::Leaving => since.max(told) + QUIET.min(timeouts.keep_alive),
                _ => since + timeouts.keep_alive,
            }
        };
        let head = self
            .block_since
            .get()
            .map(|since| (since + timeouts.head, Overdue::Head));
        let stalled = self.stalled.get().map(|since| (since + WRITE_STALL, Overdue::Stalled));
        [head, stalled]
            .into_iter()
            .flatten()
            .fold((quiet, Overdue::Quiet), |soonest, other| {
                if other.0 < soonest.0 { other } else { soonest }
            })
    }
}

/// A stream under way.
pub(super) struct Underway {
    session: Rc<Session>,
    /// Of the stream.
    task: TaskHandle,
}

impl Underway {
    pub(super) fn new(session: &Rc<Session>, task: &TaskHandle) -> Self {
        session.streams.set(session.streams.get() + 1);
        Self {
            session: Rc::clone(session),
            task: task.clone(),
        }
    }
}

impl Deref for Underway {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let session = &self.session;
        session.streams.set(session.streams.get() - 1);
        if session.streams.get() == 0 {
            session.idle_since.set(self.task.now());
            session.waker.borrow().wake_by_ref();
        }
    }
}
