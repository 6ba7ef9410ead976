//! The shared connections of one worker to one target, and those who wait for room on them.
//!
//! Requests are served in the order they came. A new connection is opened when those that stand or are being opened do not
//! have room for all who wait; how much room a new one will have is guessed from the last one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::connection::{Link, STREAMS_MAX};
use super::pool::Room;
use crate::upstream::connect::ConnectFailed;
use crate::upstream::target::Target;

pub(super) struct Lane {
    target: Arc<Target>,
    idle_limit: Cell<Duration>,
    state: RefCell<State>,
}

struct State {
    /// Those that take new streams, the oldest first: it is filled before the others, so that they may age and go.
    links: Vec<Rc<Link>>,
    /// Connections being opened.
    opening: usize,
    /// Retired for the sake of another worker, and not closed yet.
    leaving: usize,
    /// Streams a new connection is expected to take.
    expected: usize,
    waiting: VecDeque<Waiting>,
    next_id: u64,
}

struct Waiting {
    id: u64,
    waker: Waker,
    failed: Option<ConnectFailed>,
}

/// Where a waiting request stands.
pub(super) enum Turn {
    Room(Room),
    Failed(ConnectFailed),
    /// A connection that is being opened will have room for it.
    Awaited,
    /// One more connection is needed.
    Wanting,
}

impl Lane {
    pub(super) fn new(target: &Arc<Target>, idle_limit: Duration) -> Self {
        Self {
            target: Arc::clone(target),
            idle_limit: Cell::new(idle_limit),
            state: RefCell::new(State {
                links: Vec::new(),
                opening: 0,
                leaving: 0,
                expected: STREAMS_MAX,
                waiting: VecDeque::new(),
                next_id: 0,
            }),
        }
    }

    pub(super) fn target(&self) -> &Arc<Target> {
        &self.target
    }

    pub(super) fn idle_limit(&self) -> Duration {
        self.idle_limit.get()
    }

    pub(super) fn use_idle_limit(&self, limit: Duration) {
        self.idle_limit.set(limit);
    }

    /// Room on a connection that stands, unless others wait for it already.
    pub(super) fn take_at_once(&self) -> Option<Room> {
        let mut state = self.state.borrow_mut();
        if state.waiting.is_empty() { state.take() } else { None }
    }

    /// Stand in line; the place is held until it is dropped.
    pub(super) fn line_up(self: &Rc<Self>) -> Place {
        let mut state = self.state.borrow_mut();
        state.next_id += 1;
        let id = state.next_id;
        state.waiting.push_back(Waiting {
            id,
            waker: Waker::noop().clone(),
            failed: None,
        });
        Place {
            lane: Rc::clone(self),
            id,
        }
    }

    /// A connection is being opened from now on.
    pub(super) fn attempt(self: &Rc<Self>) -> Attempt {
        self.state.borrow_mut().opening += 1;
        Attempt {
            lane: Rc::clone(self),
            outcome: Err(ConnectFailed::TimedOut),
        }
    }

    fn opened(&self, link: &Rc<Link>) {
        let mut state = self.state.borrow_mut();
        let expected = std::mem::replace(&mut state.expected, link.width().max(1));
        state.links.push(Rc::clone(link));
        if state.expected < expected {
            // Some of those who wait have counted on more.
            state.wake_all();
        }
        drop(state);
        self.stir();
    }

    /// As many of those who wait as this connection was for are told that it failed.
    fn failed(&self, failed: &ConnectFailed) {
        let mut state = self.state.borrow_mut();
        let expected = state.expected;
        let hopeful = state.waiting.iter_mut().filter(|waiting| waiting.failed.is_none());
        for waiting in hopeful.take(expected) {
            waiting.failed = Some(failed.clone());
        }
        state.wake_all();
    }

    /// This connection takes no new streams.
    pub(super) fn retired(&self, link: &Rc<Link>) {
        let mut state = self.state.borrow_mut();
        let before = state.links.len();
        state.links.retain(|known| !Rc::ptr_eq(known, link));
        if state.links.len() < before {
            state.wake_all();
        }
    }

    pub(super) fn closed(&self, link: &Rc<Link>) {
        self.retired(link);
        let mut state = self.state.borrow_mut();
        state.leaving = 0;
        state.wake_all();
    }

    /// There may be room where there was none: for those who wait here, or else for another worker, which gets the places
    /// of unused connections, or of one that finishes what runs on it.
    pub(super) fn stir(&self) {
        let mut state = self.state.borrow_mut();
        if !state.waiting.is_empty() {
            let room = state.room();
            state.waiting.iter().take(room).for_each(|w| w.waker.wake_by_ref());
            return;
        }
        if !self.target.is_awaited() {
            return;
        }
        let before = state.links.len();
        state.links.retain(|link| {
            let used = link.streams() > 0;
            if !used {
                link.retire();
            }
            used
        });
        if state.links.len() < before || state.leaving > 0 {
            return;
        }
        let least = (0..state.links.len()).min_by_key(|&at| state.links.get(at).map(|link| link.streams()));
        if let Some(at) = least {
            state.links.remove(at).retire();
            state.leaving += 1;
        }
    }

    pub(super) fn is_deserted(&self) -> bool {
        let state = self.state.borrow();
        state.links.is_empty() && state.waiting.is_empty() && state.opening == 0
    }

    /// Connections that carry nothing.
    pub(super) fn resting(&self) -> usize {
        let state = self.state.borrow();
        state.links.iter().filter(|link| link.streams() == 0).count()
    }
}

impl State {
    fn room(&self) -> usize {
        self.links.iter().map(|link| link.room()).sum()
    }

    fn take(&mut self) -> Option<Room> {
        loop {
            let at = self.links.iter().position(|link| link.room() > 0)?;
            let link = self.links.get(at)?;
            if link.is_usable() {
                return Some(Room::on(Rc::clone(link)));
            }
            self.links.remove(at).retire();
        }
    }

    /// Later ones stand further behind.
    fn place_of(&self, id: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&id, |waiting| waiting.id).ok()
    }

    fn wake_all(&self) {
        self.waiting.iter().for_each(|waiting| waiting.waker.wake_by_ref());
    }
}

/// A connection that is being opened, for those who wait. However it ends, they hear of it.
pub(super) struct Attempt {
    lane: Rc<Lane>,
    outcome: Result<Rc<Link>, ConnectFailed>,
}

impl Attempt {
    pub(super) fn lane(&self) -> &Rc<Lane> {
        &self.lane
    }

    pub(super) fn succeed(mut self, link: &Rc<Link>) {
        self.outcome = Ok(Rc::clone(link));
    }

    pub(super) fn fail(mut self, failed: ConnectFailed) {
        self.outcome = Err(failed);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.lane.state.borrow_mut().opening -= 1;
        match &self.outcome {
            Ok(link) => self.lane.opened(link),
            Err(failed) => self.lane.failed(failed),
        }
    }
}

/// A request's place in line.
pub(super) struct Place {
    lane: Rc<Lane>,
    id: u64,
}

impl Place {
    pub(super) fn turn(&self) -> Turn {
        let mut state = self.lane.state.borrow_mut();
        let Some(at) = state.place_of(self.id) else {
            return Turn::Wanting;
        };
        if let Some(failed) = state.waiting.get_mut(at).and_then(|waiting| waiting.failed.take()) {
            return Turn::Failed(failed);
        }
        // Those before it come first.
        if at < state.room()
            && let Some(room) = state.take()
        {
            return Turn::Room(room);
        }
        if at < state.room() + state.opening.saturating_mul(state.expected) {
            Turn::Awaited
        } else {
            Turn::Wanting
        }
    }

    pub(super) fn stand(&self, waker: &Waker) {
        let mut state = self.lane.state.borrow_mut();
        if let Some(at) = state.place_of(self.id)
            && let Some(waiting) = state.waiting.get_mut(at)
        {
            waiting.waker.clone_from(waker);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lane.state.borrow_mut();
        if let Some(at) = state.place_of(self.id) {
            state.waiting.remove(at);
        }
        drop(state);
        // Everybody behind has moved up.
        self.lane.stir();
    }
}
