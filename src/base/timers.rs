//! The only source of deadlines: one wheel per runtime, driven by a [`Clock`].
//!
//! An [`Alarm`] is lazy. Whoever waits asks at every poll "is it past this moment?"; the wheel is touched only when the
//! moment asked for lies before the one already set. A connection that serves a request each millisecond, each with a
//! deadline of thirty seconds, thus sets its alarm twice a minute instead of twice a request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::{Clock, Moment};

/// The handle of a wheel. Clones share the wheel.
#[derive(Clone)]
pub struct Timers {
    clock: Clock,
    wheel: Arc<Mutex<Wheel>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Wheel {
    /// Ordered by moment; the number tells alarms of the same moment apart.
    set: BTreeMap<(Moment, u64), Waiting>,
    next_id: u64,
    /// The moment the driver sleeps towards.
    driver_until: Option<Moment>,
}

struct Waiting {
    waker: Waker,
    fired: Arc<AtomicBool>,
}

impl Timers {
    pub fn new(clock: Clock) -> Self {
        let changed = Arc::new(Notify::new());
        clock.subscribe(&changed);
        Self {
            clock,
            wheel: Arc::default(),
            changed,
        }
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    pub fn alarm(&self) -> Alarm {
        Alarm {
            timers: self.clone(),
            id: None,
            set_for: Moment::NEVER,
            fired: Arc::default(),
        }
    }

    /// Ready once `moment` is past.
    pub async fn until(&self, moment: Moment) {
        let mut alarm = self.alarm();
        std::future::poll_fn(|cx| alarm.poll_past(cx, moment)).await;
    }

    pub async fn sleep(&self, span: Duration) {
        self.until(self.now() + span).await;
    }

    /// `future`, or `None` when `span` passes first.
    pub async fn within<F: Future>(&self, span: Duration, future: F) -> Option<F::Output> {
        self.before(self.now() + span, future).await
    }

    /// `future`, or `None` when `deadline` passes first.
    pub async fn before<F: Future>(&self, deadline: Moment, future: F) -> Option<F::Output> {
        let mut alarm = self.alarm();
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            alarm.poll_past(cx, deadline).map(|()| None)
        })
        .await
    }

    /// Wake what is due, for ever. Each runtime runs this once for its wheel.
    #[expect(clippy::disallowed_methods, reason = "the one sleep that all deadlines hang on")]
    pub async fn run(self) {
        loop {
            // Registered before the look at the wheel, so that a change in between is not missed.
            let changed = self.changed.notified();
            let next = self.fire_due();
            match next {
                Some(moment) if !self.clock.is_manual() => {
                    let span = moment.since(self.clock.now()) + Duration::from_micros(500);
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep(span) => {}
                    }
                }
                // Nothing is set, or time only moves by hand: wait to be told.
                _ => changed.await,
            }
        }
    }

    /// Wakes what is due and tells when to look again.
    fn fire_due(&self) -> Option<Moment> {
        let now = self.clock.now();
        loop {
            let mut wheel = self.lock();
            match wheel.set.first_entry() {
                Some(entry) if entry.key().0 <= now => {
                    let waiting = entry.remove();
                    // Waking may run code that sets an alarm on this wheel.
                    drop(wheel);
                    waiting.fired.store(true, Ordering::Release);
                    waiting.waker.wake();
                }
                first => {
                    let next = first.map(|entry| entry.key().0);
                    wheel.driver_until = next;
                    return next;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wheel> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One waiter's place on the wheel.
pub struct Alarm {
    timers: Timers,
    id: Option<u64>,
    set_for: Moment,
    /// Set by the wheel when it has woken the task; until then what is set for later needs no look at the clock.
    fired: Arc<AtomicBool>,
}

impl Alarm {
    /// Ready once `moment` is past; otherwise the task is woken at that moment or before it.
    ///
    /// The waker is kept from the call that set the alarm: an alarm belongs to one task.
    #[inline]
    pub fn poll_past(&mut self, cx: &mut Context<'_>, moment: Moment) -> Poll<()> {
        if self.covers(moment) {
            return Poll::Pending;
        }
        if self.timers.clock.now() >= moment {
            return Poll::Ready(());
        }
        if moment != Moment::NEVER {
            self.set(cx, moment);
        }
        Poll::Pending
    }

    /// Whether the task will be woken by `moment` anyway.
    #[inline]
    fn covers(&self, moment: Moment) -> bool {
        self.id.is_some() && self.set_for <= moment && !self.fired.load(Ordering::Acquire)
    }

    pub fn now(&self) -> Moment {
        self.timers.now()
    }

    fn set(&mut self, cx: &mut Context<'_>, moment: Moment) {
        let mut wheel = self.timers.lock();
        let id = match self.id {
            Some(id) => {
                wheel.set.remove(&(self.set_for, id));
                id
            }
            None => {
                wheel.next_id += 1;
                wheel.next_id
            }
        };
        self.fired.store(false, Ordering::Release);
        wheel.set.insert(
            (moment, id),
            Waiting {
                waker: cx.waker().clone(),
                fired: Arc::clone(&self.fired),
            },
        );
        self.id = Some(id);
        self.set_for = moment;
        if wheel.driver_until.is_none_or(|until| moment < until) {
            wheel.driver_until = Some(moment);
            drop(wheel);
            self.timers.changed.notify_one();
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.timers.lock().set.remove(&(self.set_for, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_moments() {
        runtime().block_on(async {
            let clock = Clock::manual(Timestamp::from_millis(0));
            let timers = Timers::new(clock.clone());
            let order = Mutex::new(Vec::new());
            let wait = |seconds: u64| {
                let (timers, order) = (timers.clone(), &order);
                async move {
                    timers.sleep(Duration::from_secs(seconds)).await;
                    order.lock().unwrap().push(seconds);
                }
            };
            let move_clock = async {
                for second in 1..=3 {
                    yield_some().await;
                    clock.advance(Duration::from_secs(1));
                    yield_some().await;
                    assert_eq!(*order.lock().unwrap(), (1..=second).collect::<Vec<_>>());
                }
            };
            tokio::select! {
                () = timers.clone().run() => unreachable!("the wheel turns for ever"),
                _ = async { tokio::join!(wait(3), wait(1), wait(2), move_clock) } => {}
            }
        });
    }

    /// Lets everything that is ready run.
    async fn yield_some() {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn an_alarm_that_already_covers_the_moment_is_left_alone() {
        let timers = Timers::new(Clock::manual(Timestamp::from_millis(0)));
        let mut alarm = timers.alarm();
        let mut cx = Context::from_waker(Waker::noop());
        let soon = timers.now() + Duration::from_secs(5);
        assert!(alarm.poll_past(&mut cx, soon).is_pending());
        assert!(alarm.poll_past(&mut cx, soon + Duration::from_secs(50)).is_pending());
        assert_eq!(timers.lock().set.len(), 1);
        assert_eq!(timers.lock().set.first_key_value().unwrap().0.0, soon);
        assert!(
            alarm
                .poll_past(&mut cx, timers.now() + Duration::from_secs(1))
                .is_pending()
        );
        assert_eq!(
            timers.lock().set.first_key_value().unwrap().0.0,
            timers.now() + Duration::from_secs(1)
        );
        drop(alarm);
        assert!(timers.lock().set.is_empty());
    }

    #[test]
    fn within_gives_up_when_the_time_is_over() {
        runtime().block_on(async {
            let clock = Clock::manual(Timestamp::from_millis(0));
            let timers = Timers::new(clock.clone());
            let given_up = async {
                let limited = timers.within(Duration::from_secs(1), std::future::pending::<()>());
                let (outcome, ()) = tokio::join!(limited, async {
                    tokio::task::yield_now().await;
                    clock.advance(Duration::from_secs(1));
                });
                outcome
            };
            tokio::select! {
                () = timers.clone().run() => unreachable!("the wheel turns for ever"),
                outcome = given_up => assert!(outcome.is_none()),
            }
        });
    }

    #[test]
    fn the_machines_clock_drives_the_wheel_too() {
        runtime().block_on(async {
            let timers = Timers::new(Clock::system());
            let before = timers.now();
            tokio::select! {
                () = timers.clone().run() => unreachable!("the wheel turns for ever"),
                () = timers.sleep(Duration::from_millis(3)) => {}
            }
            assert!(timers.now().since(before) >= Duration::from_millis(3));
        });
    }
}
