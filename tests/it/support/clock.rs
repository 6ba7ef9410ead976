//! The one clock of a test. It stands still until the test moves it.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use portcullis::base::clock::{Clock, Timestamp};

use super::LIMIT;

/// 2033-05-18 03:33:20 UTC: far from any real now, so a stray look at the machine's clock shows.
pub const START: u64 = 2_000_000_000_000;

#[derive(Clone)]
pub struct TestClock(Clock);

impl TestClock {
    pub fn new() -> Self {
        Self(Clock::manual(Timestamp::from_millis(START)))
    }

    pub fn clock(&self) -> Clock {
        self.0.clone()
    }

    pub fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    pub fn advance_secs(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// Move time on in small steps until `event` gives something, for what may take some time and must not take for ever.
    #[track_caller]
    pub fn soon<T>(&self, what: &str, mut event: impl FnMut(Duration) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(seen) = event(Duration::from_millis(20)) {
                return seen;
            }
            assert!(began.elapsed() < LIMIT, "{what} did not come");
            self.advance(Duration::from_millis(250));
        }
    }

    /// Move time on, step by step, until `event` gives something; how much time that took.
    ///
    /// The event must come after `least` and by `most`. Once time stands at `most` it is moved no more, and the
    /// event has [`LIMIT`] of the machine's time to show itself.
    #[track_caller]
    pub fn until<T: Debug>(
        &self,
        least: Duration,
        most: Duration,
        what: &str,
        mut event: impl FnMut(Duration) -> Option<T>,
    ) -> T {
        let step = ((most - least) / 8).max(Duration::from_millis(1));
        let mut passed = Duration::ZERO;
        let mut next = least.saturating_sub(Duration::from_millis(100));
        if let Some(early) = event(Duration::ZERO) {
            panic!("{what} came before any time had passed: {early:?}");
        }
        let began = Instant::now();
        loop {
            if passed < most {
                self.advance(next - passed);
                passed = next;
                next = (next + step).min(most);
            }
            let patience = if passed < most {
                Duration::from_millis(40)
            } else {
                Duration::from_millis(500)
            };
            if let Some(seen) = event(patience) {
                assert!(
                    passed >= least,
                    "{what} came after {passed:?}, before {least:?}: {seen:?}"
                );
                return seen;
            }
            assert!(
                began.elapsed() < LIMIT,
                "{what} did not come although {passed:?} had passed"
            );
        }
    }
}
