//! What everything inside one task shares: its alarm, and the time as of its last waking.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::clock::Moment;
use super::timers::{Alarm, Timers};

#[derive(Clone)]
pub struct TaskHandle(Rc<Inner>);

struct Inner {
    alarm: RefCell<Alarm>,
    woken: Cell<Moment>,
    /// Of the task itself.
    waker: RefCell<Waker>,
}

impl TaskHandle {
    pub fn new(timers: &Timers) -> Self {
        let (alarm, woken) = (RefCell::new(timers.alarm()), Cell::new(timers.now()));
        let waker = RefCell::new(Waker::noop().clone());
        Self(Rc::new(Inner { alarm, woken, waker }))
    }

    /// Look at the clock. Whoever owns the task calls this each time it is polled; a poll takes microseconds, so one
    /// look serves everything in it.
    pub fn look_at_clock(&self, cx: &Context<'_>) {
        let mut waker = self.0.waker.borrow_mut();
        if !waker.will_wake(cx.waker()) {
            waker.clone_from(cx.waker());
        }
        self.0.woken.set(self.0.alarm.borrow().now());
    }

    /// When the task was last woken.
    #[inline]
    pub fn now(&self) -> Moment {
        self.0.woken.get()
    }

    /// Poll something that wakes the task itself, whoever asks: see [`poll_past`](Self::poll_past).
    pub fn poll_with<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let waker = self.0.waker.borrow();
        poll(&mut Context::from_waker(&waker))
    }

    /// See [`Alarm::poll_past`]. The alarm outlives whatever waits inside the task, some of which is polled with a waker
    /// of its own that falls silent later, such as an upstream connection's: so the task itself is woken.
    #[inline]
    pub fn poll_past(&self, moment: Moment) -> Poll<()> {
        let waker = self.0.waker.borrow();
        let mut cx = Context::from_waker(&waker);
        self.0.alarm.borrow_mut().poll_past(&mut cx, moment)
    }
}
