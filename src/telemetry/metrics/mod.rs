//! The numbers of the gateway. Each worker counts into its own [`Shard`]; a scrape adds the shards up. What happens
//! seldom is counted in one place for all.

mod book;
mod exposition;
mod keys;
mod series;
mod shard;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use exposition::Format;
pub use keys::KeySetAge;
pub(super) use series::{AuthSeries, RequestSeries, UpstreamSeries};
pub(super) use shard::{Counted, ShardNumbers};
pub use shard::{OpenConnection, Shard, UpstreamConnection, client_left};

use super::events::ConnectionEnd;
use crate::base::clock::Timestamp;
use keys::KeyNumbers;

/// A number with many writers, for what happens seldom.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }
}

/// Numbers that are kept elsewhere, as they are at the moment of a scrape.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Verdicts that the cache pushed out for want of room.
    pub verdict_evictions: u64,
}

/// All numbers. Made once, shared by everybody.
#[derive(Debug, Default)]
pub struct Metrics {
    shards: Mutex<Vec<Arc<ShardNumbers>>>,
    /// One for each [`ConnectionEnd`], in their order.
    connections_refused: [Counter; ConnectionEnd::ALL.len()],
    pub(super) panics: Counter,
    pub(super) access_lines_dropped: Counter,
    pub(super) log_lines_dropped: Counter,
    config: ConfigNumbers,
    keys: KeyNumbers,
}

#[derive(Debug, Default)]
struct ConfigNumbers {
    generation: Counter,
    last_reload_success: Counter,
    last_reload_millis: Counter,
}

impl Metrics {
    /// The shard of one more worker.
    pub fn shard(&self) -> Shard {
        let shard = Shard::new();
        self.shards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(shard.numbers()));
        shard
    }

    pub(super) fn connection_refused(&self, end: ConnectionEnd) {
        if let Some(counter) = self.connections_refused.get(end as usize) {
            counter.add(1);
        }
    }

    pub(super) fn config_loaded(&self, generation: u64, at: Timestamp) {
        self.config.generation.set(generation);
        self.config.last_reload_success.set(1);
        self.config.last_reload_millis.set(at.as_millis());
    }

    pub(super) fn config_refused(&self, at: Timestamp) {
        self.config.last_reload_success.set(0);
        self.config.last_reload_millis.set(at.as_millis());
    }

    /// Panics since the start, caught or not.
    pub fn panics(&self) -> u64 {
        self.panics.read()
    }

    fn shards(&self) -> Vec<Arc<ShardNumbers>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
