//! What belongs to one task: its alarm, and a way to be woken by others that it can shut while it works.
//!
//! A task that drives several futures itself is woken by its own hand all the time: one of them asks for something and
//! wakes whoever shall bring it, which is the same task, awake already. Each such wake-up would cost a whole extra poll.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::clock::Moment;
use super::timers::{Alarm, Timers};

/// Shared by everything that runs inside one task.
#[derive(Clone)]
pub struct TaskHandle(Rc<Inner>);

struct Inner {
    alarm: RefCell<Alarm>,
    /// Made at the first use: a task keeps its waker for life.
    waker: OnceCell<(Arc<Shutter>, Waker)>,
}

/// Passes a wake-up on unless the task itself is the cause.
struct Shutter {
    task: Waker,
    shut: AtomicBool,
}

impl Wake for Shutter {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.shut.load(Ordering::Relaxed) {
            self.task.wake_by_ref();
        }
    }
}

impl TaskHandle {
    pub fn new(timers: &Timers) -> Self {
        Self(Rc::new(Inner {
            alarm: RefCell::new(timers.alarm()),
            waker: OnceCell::new(),
        }))
    }

    /// See [`Alarm::poll_past`].
    #[inline]
    pub fn poll_past(&self, cx: &mut Context<'_>, moment: Moment) -> Poll<()> {
        self.0.alarm.borrow_mut().poll_past(cx, moment)
    }

    pub fn now(&self) -> Moment {
        self.0.alarm.borrow().now()
    }

    /// Poll `work` with a waker of this task that [`quietly`](Self::quietly) can shut.
    pub fn poll_with<T>(&self, cx: &Context<'_>, work: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let (_, waker) = self.0.waker.get_or_init(|| {
            let shutter = Arc::new(Shutter {
                task: cx.waker().clone(),
                shut: AtomicBool::new(false),
            });
            (Arc::clone(&shutter), Waker::from(shutter))
        });
        work(&mut Context::from_waker(waker))
    }

    /// Do `work` without being woken for it. Whoever calls this looks afterwards at what the work has set in motion.
    pub fn quietly<T>(&self, work: impl FnOnce() -> T) -> T {
        let Some((shutter, _)) = self.0.waker.get() else {
            return work();
        };
        // Only this thread shuts and opens; a wake-up from another thread meanwhile would be lost, and none comes: what
        // is polled here hangs on sockets and channels of this thread.
        shutter.shut.store(true, Ordering::Relaxed);
        let done = work();
        shutter.shut.store(false, Ordering::Relaxed);
        done
    }
}
