//! Whether the gateway lives, has started, and wants traffic. Workers and the life cycle write, the probes read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::base::clock::{Clock, Moment};

/// How often a worker stamps its heartbeat.
pub const BEAT: Duration = Duration::from_millis(500);
/// A heartbeat older than this means a worker that does not come around any more.
const STALE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Health {
    clock: Clock,
    started: AtomicBool,
    draining: AtomicBool,
    beats: Box<[AtomicU64]>,
}

/// The worker is not running: not yet, or it has ended as it should.
const ABSENT: u64 = u64::MAX;

impl Health {
    pub fn new(clock: Clock, workers: usize) -> Arc<Self> {
        let beats = (0..workers).map(|_| AtomicU64::new(ABSENT)).collect();
        Arc::new(Self {
            clock,
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            beats,
        })
    }

    /// All listeners accept.
    pub fn set_started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// No new traffic, please. There is no way back.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// The heartbeat of worker `worker`; stamped as it is made.
    pub fn heartbeat(self: &Arc<Self>, worker: usize) -> Heartbeat {
        let heartbeat = Heartbeat {
            health: Arc::clone(self),
            worker,
        };
        heartbeat.beat();
        heartbeat
    }

    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Whether every running worker still comes around.
    pub fn is_live(&self) -> bool {
        let now = self.clock.now();
        let mut beats = self
            .beats
            .iter()
            .map(|beat| beat.load(Ordering::Acquire))
            .filter(|beat| *beat != ABSENT);
        beats.all(|beat| now.since(Moment::from_nanos(beat)) <= STALE)
    }

    pub fn readiness(&self) -> Readiness {
        if self.draining.load(Ordering::Acquire) {
            Readiness::Draining
        } else if !self.is_started() {
            Readiness::Starting
        } else if !self.is_live() {
            Readiness::Stuck
        } else {
            Readiness::Ready
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Starting,
    Ready,
    /// A worker does not come around any more.
    Stuck,
    Draining,
}

/// Held by a worker, stamped each [`BEAT`]. A worker that ends as it should takes its heartbeat with it; one that
/// panics leaves it behind to go stale.
pub struct Heartbeat {
    health: Arc<Health>,
    worker: usize,
}

impl Heartbeat {
    pub fn beat(&self) {
        self.stamp(self.health.clock.now().as_nanos());
    }

    fn stamp(&self, nanos: u64) {
        if let Some(beat) = self.health.beats.get(self.worker) {
            beat.store(nanos, Ordering::Release);
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stamp(ABSENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    fn health(workers: usize) -> (Arc<Health>, Clock) {
        let clock = Clock::manual(Timestamp::from_millis(0));
        (Health::new(clock.clone(), workers), clock)
    }

    #[test]
    fn it_is_ready_from_the_start_to_the_drain() {
        let (health, _) = health(1);
        assert_eq!(health.readiness(), Readiness::Starting);
        health.set_started();
        assert_eq!(health.readiness(), Readiness::Ready);
        health.set_draining();
        assert_eq!(health.readiness(), Readiness::Draining);
        assert!(health.is_live());
        assert!(health.is_started());
    }

    #[test]
    fn one_worker_that_hangs_is_noticed_after_two_seconds() {
        let (health, clock) = health(2);
        let (hangs, runs) = (health.heartbeat(0), health.heartbeat(1));
        health.set_started();
        clock.advance(Duration::from_secs(2));
        runs.beat();
        assert!(health.is_live());
        clock.advance(Duration::from_millis(1));
        assert!(!health.is_live());
        assert_eq!(health.readiness(), Readiness::Stuck);
        hangs.beat();
        assert!(health.is_live());
    }

    #[test]
    fn a_worker_that_ended_is_not_missed_and_one_that_panicked_is() {
        let (health, clock) = health(2);
        drop(health.heartbeat(0));
        clock.advance(Duration::from_secs(60));
        assert!(health.is_live());
        let dies = health.heartbeat(1);
        let died = std::thread::spawn(move || {
            let _dies = dies;
            std::panic::resume_unwind(Box::new("for the test"));
        });
        assert!(died.join().is_err());
        clock.advance(Duration::from_secs(3));
        assert!(!health.is_live());
    }
}
