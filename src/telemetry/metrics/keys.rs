//! The numbers of the key sets of issuers, by authenticator.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::{Counter, Metrics};
use crate::base::clock::{Clock, Timestamp};

/// How old the key set of one authenticator is. Its gauge is shown while this is held.
pub struct KeySetAge {
    authenticator: Arc<str>,
    clock: Clock,
    /// Unix time in milliseconds; 0 = there is no set.
    fetched: AtomicU64,
}

impl KeySetAge {
    /// The set in force was fetched at `at`.
    pub fn set(&self, at: Timestamp) {
        self.fetched.store(at.as_millis(), Ordering::Relaxed);
    }

    /// No set is in force any more.
    pub fn clear(&self) {
        self.fetched.store(0, Ordering::Relaxed);
    }

    fn read(&self) -> Option<Duration> {
        let fetched = self.fetched.load(Ordering::Relaxed);
        let age = self.clock.wall().as_millis().saturating_sub(fetched);
        (fetched > 0).then(|| Duration::from_millis(age))
    }
}

impl fmt::Debug for KeySetAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySetAge({}, {:?})", self.authenticator, self.read())
    }
}

#[derive(Debug, Default)]
pub(super) struct KeyNumbers {
    /// Counters stay when an authenticator goes, as counters should; their names come from configurations and are few.
    fetches: Mutex<BTreeMap<Arc<str>, Fetches>>,
    ages: Mutex<Vec<Weak<KeySetAge>>>,
}

#[derive(Debug, Default)]
struct Fetches {
    good: Counter,
    failed: Counter,
}

/// Three fetches in a row have failed, or more.
const OVERDUE: Duration = Duration::from_secs(15 * 60);

impl Metrics {
    /// Whether some issuer's keys are not known, or could not be confirmed for a while.
    pub fn lacks_keys(&self) -> bool {
        self.keys.lack()
    }

    /// The age of one more key set.
    pub fn key_set_age(&self, authenticator: &Arc<str>, clock: Clock) -> Arc<KeySetAge> {
        let age = Arc::new(KeySetAge {
            authenticator: Arc::clone(authenticator),
            clock,
            fetched: AtomicU64::new(0),
        });
        let mut ages = lock(&self.keys.ages);
        ages.retain(|age| age.strong_count() > 0);
        ages.push(Arc::downgrade(&age));
        age
    }

    pub(in crate::telemetry) fn keys_fetched(&self, authenticator: &Arc<str>, good: bool) {
        let mut fetches = lock(&self.keys.fetches);
        let counted = fetches.entry(Arc::clone(authenticator)).or_default();
        if good { &counted.good } else { &counted.failed }.add(1);
    }
}

impl KeyNumbers {
    /// As below, it is the better one of two sets that counts.
    fn lack(&self) -> bool {
        let mut lacking = BTreeMap::new();
        for set in lock(&self.ages).iter().filter_map(Weak::upgrade) {
            let lacks = set.read().is_none_or(|age| age > OVERDUE);
            *lacking.entry(Arc::clone(&set.authenticator)).or_insert(true) &= lacks;
        }
        lacking.into_values().any(|lacks| lacks)
    }

    /// While a reload replaces a set by another one, the younger of the two is told.
    pub(super) fn ages(&self) -> BTreeMap<Arc<str>, Duration> {
        let mut youngest = BTreeMap::new();
        for set in lock(&self.ages).iter().filter_map(Weak::upgrade) {
            if let Some(age) = set.read() {
                let told = youngest.entry(Arc::clone(&set.authenticator)).or_insert(age);
                *told = age.min(*told);
            }
        }
        youngest
    }

    pub(super) fn fetches(&self) -> Vec<(Arc<str>, &'static str, u64)> {
        let fetches = lock(&self.fetches);
        let both = fetches.iter().flat_map(|(name, counted)| {
            [
                (Arc::clone(name), "ok", counted.good.read()),
                (Arc::clone(name), "failed", counted.failed.read()),
            ]
        });
        both.collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Sink, Telemetry};

    #[test]
    fn keys_lack_until_they_are_known_and_when_nobody_confirms_them() {
        let clock = Clock::manual(Timestamp::from_millis(1));
        let telemetry = Telemetry::start(clock.clone(), Sink::new(std::io::sink())).unwrap();
        let metrics = telemetry.metrics();
        assert!(!metrics.lacks_keys());
        let (one, other) = ("one".into(), "other".into());
        let set = |name| metrics.key_set_age(name, clock.clone());
        let (first, second) = (set(&one), set(&other));
        assert!(metrics.lacks_keys());
        first.set(clock.wall());
        assert!(metrics.lacks_keys());
        second.set(clock.wall());
        assert!(!metrics.lacks_keys());
        clock.advance(OVERDUE);
        assert!(!metrics.lacks_keys());
        clock.advance(Duration::from_millis(1));
        assert!(metrics.lacks_keys());
        // A reload makes another set of the same name.
        let newer = set(&one);
        newer.set(clock.wall());
        second.set(clock.wall());
        assert!(!metrics.lacks_keys());
        second.clear();
        assert!(metrics.lacks_keys());
        drop(second);
        assert!(!metrics.lacks_keys());
    }
}
