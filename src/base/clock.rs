//! Time, passed in. Nothing outside this file and `timers` asks the machine what time it is, so a test that moves its
//! clock moves every deadline, every log line and every cache entry with it.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// A point on the monotonic clock: nanoseconds since the clock was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment the clock was made.
    pub const START: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub fn as_nanos(self) -> u64 {
        self.0
    }

    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        // In 64 bits: deadlines are added up at every step of a connection.
        let nanos = by.as_secs().saturating_mul(1_000_000_000);
        Self(
            self.0
                .saturating_add(nanos)
                .saturating_add(u64::from(by.subsec_nanos())),
        )
    }
}

impl Sub<Moment> for Moment {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:?}", Duration::from_nanos(self.0))
    }
}

/// Milliseconds of Unix time, for people and for other machines; never for deadlines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub fn as_millis(self) -> u64 {
        self.0
    }
}

/// Where time comes from. Cloning is cheap; all clones tell the same time.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

struct Source {
    origin: Instant,
    wall_origin: u64,
    /// Absent on the machine's own clock.
    manual: Option<Manual>,
}

struct Manual {
    elapsed: AtomicU64,
    /// The wheels that must look again when this clock is moved.
    wheels: Mutex<Vec<Weak<Notify>>>,
}

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is where ambient time enters")]
    pub fn system() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Arc::new(Source {
            origin: Instant::now(),
            wall_origin: u64::try_from(wall.as_millis()).unwrap_or(0),
            manual: None,
        }))
    }

    /// A clock that stands still until it is moved. For tests.
    #[expect(clippy::disallowed_methods, reason = "this is where ambient time enters")]
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Source {
            origin: Instant::now(),
            wall_origin: start.0,
            manual: Some(Manual {
                elapsed: AtomicU64::new(0),
                wheels: Mutex::new(Vec::new()),
            }),
        }))
    }

    /// The monotonic clock of the machine, which other processes read too; it is no deadline's.
    pub fn monotonic() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.try_into().unwrap_or_default()
    }

    pub fn now(&self) -> Moment {
        match &self.0.manual {
            None => {
                let elapsed = self.0.origin.elapsed();
                Moment(elapsed.as_secs() * 1_000_000_000 + u64::from(elapsed.subsec_nanos()))
            }
            Some(manual) => Moment(manual.elapsed.load(Ordering::Acquire)),
        }
    }

    /// Unix time. The machine's wall clock is read each time, so that a corrected clock shows in the logs.
    #[expect(clippy::disallowed_methods, reason = "this is where ambient time enters")]
    pub fn wall(&self) -> Timestamp {
        match &self.0.manual {
            None => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(wall.as_secs() * 1000 + u64::from(wall.subsec_millis()))
            }
            Some(manual) => Timestamp(self.0.wall_origin + manual.elapsed.load(Ordering::Acquire) / 1_000_000),
        }
    }

    /// Move a manual clock and wake every wheel that hangs on it. Does nothing on the machine's clock.
    pub fn advance(&self, by: Duration) {
        let Some(manual) = &self.0.manual else { return };
        manual
            .elapsed
            .fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::AcqRel);
        let mut wheels = manual.wheels.lock().unwrap_or_else(PoisonError::into_inner);
        wheels.retain(|wheel| wheel.upgrade().inspect(|wheel| wheel.notify_one()).is_some());
    }

    /// Whether time only moves by `advance`.
    pub(super) fn is_manual(&self) -> bool {
        self.0.manual.is_some()
    }

    /// Tell this clock which wheel to wake when it is moved.
    pub(super) fn subscribe(&self, wheel: &Arc<Notify>) {
        if let Some(manual) = &self.0.manual {
            manual
                .wheels
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Arc::downgrade(wheel));
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_manual() {
            "Clock(manual)"
        } else {
            "Clock(system)"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let before = clock.now();
        assert_eq!(before, clock.now());
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now().since(before), Duration::from_millis(1_500));
        assert_eq!(clock.wall(), Timestamp::from_millis(2_500));
    }

    #[test]
    fn moments_never_run_backwards_below_zero() {
        assert_eq!(
            Moment::START.since(Moment::START + Duration::from_secs(1)),
            Duration::ZERO
        );
        assert_eq!(Moment::NEVER + Duration::from_secs(1), Moment::NEVER);
    }
}
