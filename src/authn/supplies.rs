//! What methods are given when they are put to work. Filled by `app`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use super::methods::signature::{REPLAYS, Replays};
use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::identity::store::Store;

/// Everything a method may hold on to.
#[derive(Clone, Debug)]
pub struct Supplies {
    pub clock: Clock,
    /// Where work is done that must not hold a request's thread up.
    pub background: Background,
    /// What outlives the process, where the configuration names a store.
    pub store: Option<Store>,
    /// Signatures that were used. Of the process and not of a configuration: what a reload forgot could be used again.
    pub replays: Arc<Replays>,
    /// Of the authenticators that were started.
    pub instances: Arc<AtomicU64>,
}

impl Supplies {
    pub(super) fn next_instance(&self) -> u64 {
        self.instances.fetch_add(1, Ordering::Relaxed)
    }
}
