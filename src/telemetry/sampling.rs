//! A log that strangers can fill is no log: of the same event only a few lines a second are written, the others
//! counted and told by the next line.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::base::clock::Moment;

const LINES_PER_SECOND: u32 = 10;

#[derive(Debug, Default)]
pub(super) struct Sampler(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    second: Option<Moment>,
    written: u32,
    unsaid: u64,
}

impl Sampler {
    /// Whether to write a line now; if so, how many went unsaid since the last one.
    pub(super) fn admit(&self, now: Moment) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .second
            .is_none_or(|began| now.since(began) >= Duration::from_secs(1))
        {
            state.second = Some(now);
            state.written = 0;
        }
        if state.written >= LINES_PER_SECOND {
            state.unsaid += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "LG-04"]
    fn repeated_lines_are_sampled_and_counted() {
        let sampler = Sampler::default();
        let now = Moment::START + Duration::from_secs(5);
        let written = (0..1000).filter(|_| sampler.admit(now).is_some()).count();
        assert_eq!(written, 10);
        assert_eq!(sampler.admit(now + Duration::from_millis(999)), None);
        assert_eq!(sampler.admit(now + Duration::from_secs(1)), Some(991));
        assert_eq!(sampler.admit(now + Duration::from_secs(1)), Some(0));
    }
}
