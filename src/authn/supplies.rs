//! What methods are given when they are put to work. Filled by `app`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::jose::keys::{KeySet, Skipped};
use super::jwks::{Keyring, Parsed, Reading};
pub use super::methods::signature::{REPLAYS, Replays};
use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::identity::passwords::Pool;
use crate::identity::store::Store;
use crate::outbound::Outbound;

/// Keys of one set that are told about when they are not used. A set of 1 MiB could hold hundreds of thousands.
const TOLD_MAX: usize = 8;

/// How the key sets of issuers are read.
pub const READING: Reading<KeySet> = Reading {
    parse: |text, algorithms| match KeySet::from_jwks(text, algorithms) {
        Ok((set, skipped)) => Ok(Parsed {
            set,
            left_out: left_out(&skipped),
        }),
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

fn left_out(skipped: &[Skipped]) -> Vec<String> {
    let named = skipped
        .iter()
        .take(TOLD_MAX)
        .map(|Skipped { place, id, why }| match id {
            Some(id) => format!("key {} (`{id}`): {why}", place + 1),
            None => format!("key {}: {why}", place + 1),
        });
    let more = skipped.len().saturating_sub(TOLD_MAX);
    named.chain((more > 0).then(|| format!("{more} more"))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "KEY-05"]
    fn keys_that_are_not_used_are_told_by_name_and_reason_and_not_by_what_they_hold() {
        let oct = |kid: &str| format!(r#"{{"kty":"oct","kid":"{kid}","k":"c2VjcmV0LW1hdGVyaWFs"}}"#);
        let set = format!(r#"{{"keys":[{},{{"kty":"new","x":"c2VjcmV0"}}]}}"#, oct("shared"));
        let read = (READING.parse)(set.as_bytes(), &[]).unwrap();
        assert_eq!(
            read.left_out,
            [
                "key 1 (`shared`): a shared secret does not belong into a key set",
                "key 2: its kind is none of RSA, EC and OKP"
            ]
        );
        let many: Vec<String> = (0..1000).map(|number| oct(&number.to_string())).collect();
        let read = (READING.parse)(format!(r#"{{"keys":[{}]}}"#, many.join(",")).as_bytes(), &[]).unwrap();
        assert_eq!(read.left_out.len(), TOLD_MAX + 1);
        assert_eq!(read.left_out.last().unwrap(), "992 more");
    }
}
