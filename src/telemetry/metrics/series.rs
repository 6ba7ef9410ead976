//! The numbers themselves: written by one worker, read by anybody.
//!
//! A worker adds with a plain load and a plain store instead of an atomic addition: nobody else writes, so nothing is
//! lost, and no cache line is locked. The handles that write cannot leave their thread. A reader may see a count and
//! its sum an instant apart; each number on its own is whole and never runs backwards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A number with one writer.
#[derive(Debug, Default)]
pub(super) struct Number(AtomicU64);

impl Number {
    pub(super) fn add(&self, by: u64) {
        self.0
            .store(self.0.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, by: u64) {
        self.0
            .store(self.0.load(Ordering::Relaxed).wrapping_sub(by), Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the duration buckets, in microseconds; what is longer falls into a last one without bound.
/// Half a millisecond tells a healthy proxied call from a slow one, thirty seconds is the longest default timeout.
pub(super) const BOUNDS: [u64; 15] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// How long something took, and how often. The count is the sum of the buckets, so the two never disagree.
#[derive(Debug, Default)]
pub(super) struct Durations {
    buckets: [Number; BUCKETS],
    nanos: Number,
}

impl Durations {
    pub(super) fn add(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| bound * 1_000 < nanos);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
        self.nanos.add(nanos);
    }
}

/// What several workers' [`Durations`] add up to.
#[derive(Debug, Default)]
pub(super) struct DurationTotals {
    pub(super) buckets: [u64; BUCKETS],
    pub(super) nanos: u64,
}

impl DurationTotals {
    pub(super) fn add(&mut self, durations: &Durations) {
        for (total, bucket) in self.buckets.iter_mut().zip(&durations.buckets) {
            *total += bucket.read();
        }
        self.nanos = self.nanos.wrapping_add(durations.nanos.read());
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// Requests of one route, method and status.
#[derive(Debug)]
pub(in crate::telemetry) struct RequestSeries {
    pub(in crate::telemetry) route: Option<Arc<str>>,
    pub(in crate::telemetry) method: &'static str,
    pub(in crate::telemetry) status: u16,
    pub(super) durations: Durations,
    pub(super) allowed: Number,
    pub(super) denied: Number,
}

/// What came of the credentials that one authenticator was asked about.
#[derive(Debug)]
pub(in crate::telemetry) struct AuthSeries {
    pub(in crate::telemetry) authenticator: Option<Arc<str>>,
    pub(super) result: &'static str,
    /// Of a refusal.
    pub(super) code: &'static str,
    pub(super) count: Number,
}

/// Calls to one upstream.
#[derive(Debug)]
pub(in crate::telemetry) struct UpstreamSeries {
    pub(in crate::telemetry) name: Arc<str>,
    pub(super) durations: Durations,
    pub(super) active: Number,
    pub(super) idle: Number,
}

/// The series a worker has made so far, in the order it made them: the worker appends, others read.
#[derive(Debug)]
pub(in crate::telemetry) struct SeriesList<S>(Mutex<Vec<Arc<S>>>);

impl<S> SeriesList<S> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    pub(super) fn append(&self, series: Arc<S>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(series);
    }

    /// Add to `known`, a copy of the beginning of this list, what it lacks.
    pub(in crate::telemetry) fn catch_up(&self, known: &mut Vec<Arc<S>>) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(all.iter().skip(known.len()).cloned());
    }

    pub(super) fn all(&self) -> Vec<Arc<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_bucket_whose_bound_it_does_not_pass() {
        let durations = Durations::default();
        for micros in [0, 500, 501, 30_000_000, 30_000_001] {
            durations.add(Duration::from_micros(micros));
        }
        let mut totals = DurationTotals::default();
        totals.add(&durations);
        assert_eq!(totals.buckets[0], 2);
        assert_eq!(totals.buckets[1], 1);
        assert_eq!(totals.buckets[14], 1);
        assert_eq!(totals.buckets[15], 1);
        assert_eq!(totals.count(), 5);
        assert_eq!(totals.nanos, 60_001_002_000);
    }

    #[test]
    fn a_reader_of_a_busy_worker_never_sees_a_number_run_backwards() {
        let durations = Arc::new(Durations::default());
        let written = Arc::clone(&durations);
        let writer = std::thread::spawn(move || {
            for _ in 0..200_000 {
                written.add(Duration::from_micros(700));
            }
        });
        let mut last = 0;
        while last < 200_000 {
            let mut totals = DurationTotals::default();
            totals.add(&durations);
            assert!(totals.count() >= last);
            last = totals.count();
            if writer.is_finished() && last < 200_000 {
                totals = DurationTotals::default();
                totals.add(&durations);
                assert_eq!(totals.count(), 200_000);
                break;
            }
        }
        writer.join().unwrap();
    }
}
