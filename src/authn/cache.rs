//! Verdicts, remembered: who was verified by which credential, and which were refused a moment ago. Identity only; what a
//! route makes of it is asked every time (CA-05).
//!
//! A credential is known here by a keyed digest of 128 bits whose key never leaves the process (CA-01), beside the
//! number of the authenticator's instance and of its key set. Other settings make another instance, a rotation another
//! key set: what was judged by what is no more cannot be found any more (CA-04).

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::authenticator::Authenticator;
use super::known::Known;
use super::refusal::Refusal;
use crate::base::clock::Moment;
use crate::base::random::Random;
use crate::config::spec::CacheSpec;

/// What all workers share.
pub struct Verdicts {
    good: Cache<Key, Remembered, PassOn>,
    bad: Cache<Key, Refused, PassOn>,
    /// Verdicts that are being waited for.
    flights: moka::future::Cache<Key, Arc<Known>, PassOn>,
    digest: Keyed,
    ttl: Duration,
    negative_ttl: Duration,
    evictions: Arc<AtomicU64>,
}

/// Names a credential and who judged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    credential: u128,
    instance: u64,
    generation: u64,
}

#[derive(Clone)]
struct Remembered {
    known: Arc<Known>,
    until: Moment,
}

#[derive(Clone)]
struct Refused {
    refusal: Arc<Refusal>,
    until: Moment,
}

/// A keyed pseudo-random function with a key and an answer of 128 bits. Its key is drawn when the process starts and its
/// answers are shown to nobody, so who wants two credentials with one digest has to guess. The rounds of SipHash-1-3 do for
/// that, and take half the time of 2-4: on a token of 700 bytes that was more than all the rest of a remembered verdict.
type Keyed = SipHasher13;

/// Of the cache's size, what refusals may take: they never push out good verdicts (CA-06).
const BAD_SHARE: u64 = 16;

/// Bytes of a refusal, roughly.
const BAD_WEIGHT: u32 = 256;

/// A verdict that was waited for is handed to those who waited; nobody finds it here much later.
const FLIGHT_TIME: Duration = Duration::from_secs(1);

/// Verdicts that may be waited for at a time.
const FLIGHTS: u64 = 10_000;

impl Verdicts {
    pub fn new(spec: &CacheSpec, random: &mut Random) -> Self {
        let evictions = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&evictions);
        let good = Cache::builder()
            .max_capacity(spec.size)
            .weigher(|_, remembered: &Remembered| remembered.known.weight())
            .time_to_live(spec.ttl)
            .eviction_listener(move |_, _, cause| {
                if cause == moka::notification::RemovalCause::Size {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build_with_hasher(PassOn);
        let bad = Cache::builder()
            .max_capacity(spec.size / BAD_SHARE)
            .weigher(|_, _| BAD_WEIGHT)
            .time_to_live(spec.negative_ttl)
            .build_with_hasher(PassOn);
        let flights = moka::future::Cache::builder()
            .max_capacity(FLIGHTS)
            .time_to_live(FLIGHT_TIME)
            .build_with_hasher(PassOn);
        Self {
            good,
            bad,
            flights,
            digest: Keyed::new_with_key(&random.bytes()),
            ttl: spec.ttl,
            negative_ttl: spec.negative_ttl,
            evictions,
        }
    }

    /// The digest of a credential. The place it stood in needs no part in it: an authenticator judges what stands in any
    /// of its places alike.
    pub(super) fn digest(&self, credential: &[u8]) -> u128 {
        let mut hasher = self.digest;
        hasher.write(credential);
        // One input and nothing beside it: nothing can run together.
        hasher.finish128().into()
    }

    pub(super) fn key(credential: u128, authenticator: &Authenticator) -> Key {
        Key {
            credential,
            instance: authenticator.instance,
            generation: authenticator.method.generation(),
        }
    }

    pub(super) fn known(&self, key: &Key, now: Moment) -> Option<Arc<Known>> {
        // The cache's own clock only frees memory: what counts is read here (CA-02).
        self.good
            .get(key)
            .filter(|remembered| now < remembered.until)
            .map(|remembered| remembered.known)
    }

    pub(super) fn refused(&self, key: &Key, now: Moment) -> Option<Arc<Refusal>> {
        self.bad
            .get(key)
            .filter(|refused| now < refused.until)
            .map(|refused| refused.refusal)
    }

    pub(super) fn remember(&self, key: Key, known: &Arc<Known>, ttl: Option<Duration>, now: Moment) {
        let ttl = ttl.map_or(self.ttl, |ttl| ttl.min(self.ttl));
        let until = known.ends.min(now + ttl);
        let known = Arc::clone(known);
        self.good.insert(key, Remembered { known, until });
    }

    /// A refusal that is not definitive is not remembered (CA-06).
    pub(super) fn remember_refusal(&self, key: Key, refusal: &Refusal, now: Moment) {
        if refusal.is_definitive() {
            let refusal = Arc::new(refusal.clone());
            let until = now + self.negative_ttl;
            self.bad.insert(key, Refused { refusal, until });
        }
    }

    /// One of those who ask for the same verdict at the same time does the work, the others wait for it. If that one is
    /// cut off, another takes over (CA-07).
    pub(super) async fn once(
        &self,
        key: Key,
        work: impl Future<Output = Result<Arc<Known>, Refusal>>,
    ) -> Result<Arc<Known>, Refusal> {
        let outcome = self.flights.try_get_with(key, work).await;
        // Whoever comes from now on finds it among the good ones.
        self.flights.invalidate(&key).await;
        outcome.map_err(|refusal| Refusal::clone(&refusal))
    }

    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verdicts(…)")
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Half of a digest that nobody outside can aim at is as good as any hash of it.
        let half = u64::try_from(self.credential & u128::from(u64::MAX)).unwrap_or_default();
        state.write_u64(half ^ self.instance.rotate_left(32) ^ self.generation.rotate_left(48));
    }
}

/// Takes the hash as it is.
#[derive(Clone, Default)]
struct PassOn;

#[derive(Default)]
struct Passed(u64);

impl BuildHasher for PassOn {
    type Hasher = Passed;
    fn build_hasher(&self) -> Passed {
        Passed::default()
    }
}

impl Hasher for Passed {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdicts() -> Verdicts {
        let spec = CacheSpec {
            size: 1 << 20,
            ttl: Duration::from_secs(60),
            negative_ttl: Duration::from_secs(2),
        };
        Verdicts::new(&spec, &mut Random::system())
    }

    proptest! {
        #[test]
        #[doc = "CA-01, VR-04"]
        fn what_differs_anywhere_is_filed_apart(
            one in (".{0,40}", 0_u64..4, 0_u64..4),
            other in (".{0,40}", 0_u64..4, 0_u64..4),
        ) {
            let verdicts = verdicts();
            let key = |(credential, instance, generation): &(String, u64, u64)| Key {
                credential: verdicts.digest(credential.as_bytes()),
                instance: *instance,
                generation: *generation,
            };
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }

    #[test]
    #[doc = "CA-01"]
    fn another_process_files_the_same_credential_elsewhere() {
        assert_ne!(verdicts().digest(b"token"), verdicts().digest(b"token"));
    }
}
