//! What everything inside one task shares: its alarm, and the time as of its last waking.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::clock::Moment;
use super::timers::{Alarm, Timers};

#[derive(Clone)]
pub struct TaskHandle(Rc<Inner>);

struct Inner {
    alarm: RefCell<Alarm>,
    woken: Cell<Moment>,
}

impl TaskHandle {
    pub fn new(timers: &Timers) -> Self {
        let (alarm, woken) = (RefCell::new(timers.alarm()), Cell::new(timers.now()));
        Self(Rc::new(Inner { alarm, woken }))
    }

    /// Look at the clock. Whoever owns the task calls this each time it is polled; a poll takes microseconds, so one
    /// look serves everything in it.
    pub fn look_at_clock(&self) {
        self.0.woken.set(self.0.alarm.borrow().now());
    }

    /// When the task was last woken.
    #[inline]
    pub fn now(&self) -> Moment {
        self.0.woken.get()
    }

    /// See [`Alarm::poll_past`].
    #[inline]
    pub fn poll_past(&self, cx: &mut Context<'_>, moment: Moment) -> Poll<()> {
        self.0.alarm.borrow_mut().poll_past(cx, moment)
    }
}
