//! A waker that is hung anew for each user of a thing, and muted while nobody uses it or while its user works on it.
//!
//! A task that drives several futures itself is woken by its own hand all the time: one of them asks for something and
//! wakes whoever shall bring it, which is the same task, awake already. Each such wake-up would cost a whole extra poll.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// Rings for one task at a time.
pub struct Bell {
    inner: Arc<Inner>,
    /// Made once: whoever keeps it recognises it.
    waker: Waker,
}

struct Inner {
    task: Mutex<Waker>,
    muted: AtomicBool,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.muted.load(Ordering::Relaxed) {
            self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
        }
    }
}

impl Bell {
    /// Muted, and hung nowhere.
    pub fn new() -> Self {
        let inner = Arc::new(Inner {
            task: Mutex::new(Waker::noop().clone()),
            muted: AtomicBool::new(true),
        });
        let waker = Waker::from(Arc::clone(&inner));
        Self { inner, waker }
    }

    /// From now on ring for this task.
    pub fn hang(&self, task: &Waker) {
        let mut hung = self.inner.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !hung.will_wake(task) {
            hung.clone_from(task);
        }
    }

    /// Ring for nobody until unmuted. Only the thread of the things polled with this bell mutes it, and whoever mutes
    /// it looks at them before he sleeps again: no wake-up is lost.
    pub fn mute(&self) {
        self.inner.muted.store(true, Ordering::Relaxed);
    }

    pub fn unmute(&self) {
        self.inner.muted.store(false, Ordering::Relaxed);
    }

    /// For polling what shall ring this bell.
    pub fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }
}

impl Default for Bell {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_bell_rings_for_the_task_it_hangs_at_unless_muted() {
        let (first, second) = (Arc::<Count>::default(), Arc::<Count>::default());
        let bell = Bell::new();
        let rung = bell.context().waker().clone();
        rung.wake_by_ref();
        bell.hang(&Waker::from(Arc::clone(&first)));
        rung.wake_by_ref();
        bell.unmute();
        rung.wake_by_ref();
        bell.hang(&Waker::from(Arc::clone(&second)));
        rung.wake_by_ref();
        bell.mute();
        rung.wake();
        assert_eq!(
            (first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)),
            (1, 1)
        );
    }
}
