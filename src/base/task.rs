//! What everything inside one task shares: its alarm.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::clock::Moment;
use super::timers::{Alarm, Timers};

#[derive(Clone)]
pub struct TaskHandle(Rc<RefCell<Alarm>>);

impl TaskHandle {
    pub fn new(timers: &Timers) -> Self {
        Self(Rc::new(RefCell::new(timers.alarm())))
    }

    /// See [`Alarm::poll_past`].
    #[inline]
    pub fn poll_past(&self, cx: &mut Context<'_>, moment: Moment) -> Poll<()> {
        self.0.borrow_mut().poll_past(cx, moment)
    }

    pub fn now(&self) -> Moment {
        self.0.borrow().now()
    }
}
