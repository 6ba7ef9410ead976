//! A set as those who judge by it see it: read without a lock, replaced by the task in `refresh`, and asked for again
//! when a token names a key that it does not hold.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use super::KeySource;
use super::unknown::Unknown;
use crate::base::clock::{Moment, Timestamp};
use crate::base::timers::Timers;
use crate::telemetry::key_events::KeyChange;
use crate::telemetry::metrics::KeySetAge;

/// How long a set may be used that could not be fetched again.
pub(super) const USABLE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request waits for a fetch that its unknown key id began.
const PATIENCE: Duration = Duration::from_secs(1);

/// The remote key set of one authenticator. Clones share it; without any, its refresh ends.
pub struct Remote<T>(pub(super) Arc<Shared<T>>);

pub(super) struct Shared<T> {
    timers: Timers,
    known: ArcSwapOption<Known<T>>,
    generation: AtomicU64,
    /// Whether the last fetch brought a set.
    reachable: AtomicBool,
    unknown: Unknown,
    /// Wakes the refresh: for an unknown key, and when nobody holds this any more.
    wanted: Arc<Notify>,
    age: Arc<KeySetAge>,
}

struct Known<T> {
    set: Arc<T>,
    fingerprint: [u8; 32],
    usable_until: Moment,
}

impl<T: Send + Sync + 'static> KeySource<T> for Remote<T> {
    fn current(&self) -> Option<Arc<T>> {
        self.0.current()
    }

    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    fn refetch<'a>(&'a self, kid: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(self.0.refetch(kid))
    }
}

impl<T> Shared<T> {
    pub(super) fn new(timers: Timers, age: Arc<KeySetAge>) -> Self {
        Self {
            timers,
            known: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            reachable: AtomicBool::new(false),
            unknown: Unknown::default(),
            wanted: Arc::default(),
            age,
        }
    }

    pub(super) fn wanted(&self) -> &Arc<Notify> {
        &self.wanted
    }

    pub(super) fn unknown(&self) -> &Unknown {
        &self.unknown
    }

    fn current(&self) -> Option<Arc<T>> {
        let known = self.known.load();
        let known = known.as_ref()?;
        (self.timers.now() < known.usable_until).then(|| Arc::clone(&known.set))
    }

    async fn refetch(&self, kid: &str) -> bool {
        let is_empty = self.known.load().is_none();
        if let Some(asked) = self.unknown.ask(kid, self.timers.now(), is_empty) {
            if asked.begins {
                self.wanted.notify_one();
            }
            let ended = self.unknown.has_ended(asked.round);
            if self.timers.within(PATIENCE, ended).await.is_none() {
                return false;
            }
        }
        self.is_reachable()
    }

    /// `set` was fetched at `fetched`, which is `age` ago.
    pub(super) fn accept(&self, set: T, fingerprint: [u8; 32], fetched: Timestamp, age: Duration) -> KeyChange {
        let change = match &*self.known.load() {
            None => KeyChange::First,
            Some(known) if known.fingerprint == fingerprint => KeyChange::Same,
            Some(_) => KeyChange::Other,
        };
        self.known.store(Some(Arc::new(Known {
            set: Arc::new(set),
            fingerprint,
            usable_until: self.timers.now() + USABLE.saturating_sub(age),
        })));
        if change != KeyChange::Same {
            self.has_changed();
        }
        self.age.set(fetched);
        change
    }

    /// Whether the last fetch that ended brought a set.
    pub(super) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Acquire)
    }

    pub(super) fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::Release);
    }

    /// How long the set in force may still be used.
    pub(super) fn left(&self) -> Option<Duration> {
        let known = self.known.load();
        Some(known.as_ref()?.usable_until.since(self.timers.now()))
    }

    /// Forget a set that may not be used any more, so that verdicts by it are forgotten, too.
    pub(super) fn forget(&self) {
        self.known.store(None);
        self.has_changed();
        self.age.clear();
    }

    /// Called after the set was stored: who reads the new number judges by the new set and never by the old one.
    fn has_changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        self.wanted.notify_one();
    }
}

impl<T> Clone for Remote<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Remote<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({:?})", self.0.age)
    }
}
