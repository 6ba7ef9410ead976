//! What methods are given when they are put to work. Filled by `app`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::jose::keys::KeySet;
use super::jwks::{Keyring, Reading};
pub use super::methods::signature::{REPLAYS, Replays};
use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::identity::passwords::Pool;
use crate::identity::store::Store;
use crate::outbound::Outbound;

/// How the key sets of issuers are read. What is left out of one, and why, is the issuer's affair.
pub const READING: Reading<KeySet> = Reading {
    parse: |text, algorithms| match KeySet::from_jwks(text, algorithms) {
        Ok((set, _left_out)) => Ok(set),
        Err(fault) => Err(fault.to_string()),
    },
    is_empty: KeySet::is_empty,
};

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
    /// The keys of issuers that are fetched.
    pub keyring: Arc<Keyring<KeySet>>,
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
        use crate::telemetry::{Sink, Telemetry};

        let background = Background::new(runtime.clone(), Timers::new(clock.clone()), Tasks::default());
        let spec = OutboundSpec {
            ca: Vec::new(),
            timeout: std::time::Duration::from_secs(5),
            allow_plaintext_hosts: Vec::new(),
            allow_private_hosts: Vec::new(),
            keep: Arc::from(std::path::Path::new("/nowhere")),
        };
        let resolve: Arc<dyn Resolve> = Arc::new(SystemResolver);
        let outbound = Outbound::start(&spec, &background, &resolve).unwrap();
        let parts = super::jwks::Parts {
            outbound: outbound.clone(),
            background: background.clone(),
            telemetry: Telemetry::start(clock.clone(), Sink::new(std::io::sink())).unwrap(),
            random: crate::base::random::Random::system,
            keep: Arc::clone(&spec.keep),
        };
        Self {
            clock,
            store: None,
            replays: Arc::new(Replays::new(REPLAYS)),
            passwords: Arc::new(Pool::for_cores(std::num::NonZeroUsize::MIN)),
            outbound,
            keyring: Arc::new(Keyring::new(parts, READING)),
            background,
            instances: Arc::default(),
        }
    }
}
