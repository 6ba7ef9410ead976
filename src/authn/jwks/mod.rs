//! The key sets of token issuers, fetched and kept fresh in the background: in goes the name of an issuer or the URL of
//! its keys, out comes the set in force, at once, or that there is none. What a key is, is for the reader of the set to
//! know; nothing here looks into one.
//!
//! The rules (KEY-01 to KEY-05): a set is fetched again every five minutes, or sooner where the issuer says so. A failed
//! or empty fetch changes nothing and is tried again from a quarter of a second up to half a minute. A set that could
//! not be confirmed for a day is not used any more. An unknown key id may bring the next fetch forward, seldom.

mod fetch;
mod kept;
mod refresh;
mod remote;
mod unknown;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use remote::Remote;

use fetch::Fetcher;
use kept::Kept;
use refresh::Refresh;
use remote::Shared;

use crate::authn::jose::algorithm::Algorithm;
use crate::base::background::Background;
use crate::base::random::Random;
use crate::outbound::Outbound;
use crate::telemetry::Telemetry;

/// Where a method takes its keys from.
pub trait KeySource<T>: fmt::Debug + Send + Sync {
    /// The set in force; without one nothing can be judged, which is an outage of ours and no fault of a token.
    fn current(&self) -> Option<Arc<T>>;

    /// Moves whenever the set in force is not the same any more.
    fn generation(&self) -> u64;

    /// A token names a key that the set does not hold, or there is no set: perhaps the issuer has it by now. Returns when
    /// there is reason to look again, or none to wait any longer, and says whether the issuer has had its say. If it has
    /// not, an unknown key id may well be a good one.
    fn refetch<'a>(&'a self, kid: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
}

/// Where the keys of an issuer are. With a URL the issuer is not asked for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RemoteKeys {
    pub issuer: Option<String>,
    pub jwks_url: Option<String>,
    /// What its keys may be for: whoever reads the same set for other algorithms gets another set.
    pub algorithms: Vec<Algorithm>,
}

/// How a set is read.
pub struct Reading<T> {
    pub parse: Parse<T>,
    /// Whether a set is good for nothing.
    pub is_empty: fn(&T) -> bool,
}

/// What an issuer sent and the algorithms that keys may be for, or why the one cannot be read.
pub type Parse<T> = fn(&[u8], &[Algorithm]) -> Result<Parsed<T>, String>;

/// A set as it was read.
pub struct Parsed<T> {
    pub set: T,
    /// What of it is not used, and why; never a part of a key.
    pub left_out: Vec<String>,
}

impl<T> Clone for Reading<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Reading<T> {}

/// What fetching works with.
#[derive(Clone)]
pub struct Parts {
    pub outbound: Outbound,
    pub background: Background,
    pub telemetry: Arc<Telemetry>,
    pub random: fn() -> Random,
    /// `outbound.keep`.
    pub keep: Arc<Path>,
}

/// All remote key sets. It outlives a reload, so that an authenticator whose source of keys stays the same does not
/// begin without keys.
pub struct Keyring<T> {
    parts: Parts,
    reading: Reading<T>,
    live: Mutex<HashMap<Name, Weak<Shared<T>>>>,
}

/// An authenticator and its source: both as they were, or it is another set.
type Name = (Arc<str>, RemoteKeys);

impl<T: Send + Sync + 'static> Keyring<T> {
    pub fn new(parts: Parts, reading: Reading<T>) -> Self {
        Self {
            parts,
            reading,
            live: Mutex::default(),
        }
    }

    /// The keys of an authenticator. They are fetched for as long as somebody holds what this returns; nothing here
    /// waits for that.
    pub fn remote(&self, authenticator: &Arc<str>, keys: &RemoteKeys) -> Remote<T> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, shared| shared.strong_count() > 0);
        let name = (Arc::clone(authenticator), keys.clone());
        if let Some(shared) = live.get(&name).and_then(Weak::upgrade) {
            return Remote(shared);
        }
        let shared = self.start(authenticator, keys);
        live.insert(name, Arc::downgrade(&shared));
        Remote(shared)
    }

    fn start(&self, authenticator: &Arc<str>, keys: &RemoteKeys) -> Arc<Shared<T>> {
        let Parts {
            outbound,
            background,
            telemetry,
            random,
            keep,
        } = &self.parts;
        let timers = background.timers().clone();
        let age = telemetry.metrics().key_set_age(authenticator, timers.clock().clone());
        let shared = Arc::new(Shared::new(timers, age));
        let refresh = Refresh {
            shared: Arc::downgrade(&shared),
            wanted: Arc::clone(shared.wanted()),
            fetcher: Fetcher::new(outbound.clone(), keys.clone(), self.reading),
            kept: Kept::new(keep, keys),
            reading: self.reading,
            algorithms: keys.algorithms.clone(),
            authenticator: Arc::clone(authenticator),
            background: background.clone(),
            telemetry: Arc::clone(telemetry),
            random: random(),
        };
        background.spawn("keys of an issuer", refresh.run());
        shared
    }
}

impl<T> fmt::Debug for Keyring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

/// For fuzzing: any answer of an issuer, and any file that was kept.
pub fn fuzz(data: &[u8]) {
    fetch::fuzz(data);
    kept::fuzz(data);
    assert_eq!(refresh::fingerprint(data), refresh::fingerprint(data));
}

#[cfg(test)]
mod tests;
