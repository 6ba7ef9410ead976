//! What methods are given when they are put to work. Filled by `app`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use super::methods::signature::{REPLAYS, Replays};
use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::identity::passwords::Pool;
use crate::identity::store::Store;
use crate::outbound::Outbound;

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

    /// For a test, whose runtime is the background. Only literal loopback addresses may be called in clear text.
    #[cfg(test)]
    pub(crate) fn for_test(runtime: &tokio::runtime::Handle, clock: Clock) -> Self {
        use crate::base::resolve::{Resolve, SystemResolver};
        use crate::base::tasks::Tasks;
        use crate::base::timers::Timers;
        use crate::config::spec::OutboundSpec;

        let background = Background::new(runtime.clone(), Timers::new(clock.clone()), Tasks::default());
        let spec = OutboundSpec {
            ca: Vec::new(),
            timeout: std::time::Duration::from_secs(5),
            allow_plaintext_hosts: Vec::new(),
            allow_private_hosts: Vec::new(),
            keep: Arc::from(std::path::Path::new("/nowhere")),
        };
        let resolve: Arc<dyn Resolve> = Arc::new(SystemResolver);
        Self {
            clock,
            passwords: Arc::new(Pool::for_cores(std::num::NonZeroUsize::MIN)),
            outbound: Outbound::start(&spec, &background, &resolve).unwrap(),
            background,
            store: None,
            replays: Arc::new(Replays::new(1024)),
            instances: Arc::default(),
        }
    }
}
