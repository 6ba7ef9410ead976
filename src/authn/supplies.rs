//! What methods are given when they are put to work. Filled by `app`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::identity::passwords::Pool;
use crate::outbound::Outbound;

/// Everything a method may hold on to.
#[derive(Clone, Debug)]
pub struct Supplies {
    pub clock: Clock,
    /// Where work is done that must not hold a request's thread up.
    pub background: Background,
    /// Where passwords are hashed.
    pub passwords: Arc<Pool>,
    /// For asking issuers.
    pub outbound: Outbound,
    /// Of the authenticators that were started.
    pub instances: Arc<AtomicU64>,
}

impl Supplies {
    pub(super) fn next_instance(&self) -> u64 {
        self.instances.fetch_add(1, Ordering::Relaxed)
    }
}
