//! What was revoked before its time, in memory: asked about every request whose verdict is older than the last change.
//!
//! Comes in: revocations, from whoever administers the gateway and from the store (`feed`). Goes out: whether a good
//! credential is one of them. It refuses to know how a credential was verified.
//!
//! A verdict that is remembered keeps the [`epoch`](Revocations::epoch) it was asked in; as long as that has not changed,
//! asking costs one load. The epoch must be read *before* [`is_revoked`](Revocations::is_revoked) is asked: a revocation
//! in between then only makes one ask again.

pub mod feed;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use siphasher::sip128::{Hasher128, SipHasher24};
use tokio::sync::watch;

use super::principal::Verified;
use crate::base::clock::Timestamp;
use crate::base::random::Random;
pub use crate::identity::model::revocation::{Revocation, Target, What};
use crate::problem::Code;

/// How many are held unless somebody says otherwise: about fifty megabytes of them.
pub const CAPACITY: usize = 1_000_000;

/// Workers that ask at the same time seldom meet in one of so many.
const SHARDS: usize = 64;

/// Everything that is revoked now.
pub struct Revocations {
    epoch: AtomicU64,
    held: AtomicUsize,
    capacity: usize,
    /// Of this process alone: names that a stranger chooses cannot be made to meet.
    key: [u8; 16],
    /// What stands for a target, and when it may be forgotten, in milliseconds; `u64::MAX` = never.
    shards: Box<[RwLock<HashMap<u128, u64>>]>,
    changed: watch::Sender<u64>,
}

/// There is no room for another one. Nothing is forgotten before its time to make some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list of revocations is full ({0} entries)")]
pub struct Full(pub usize);

impl Revocations {
    pub fn new(capacity: usize, random: &mut Random) -> Self {
        Self {
            epoch: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            capacity,
            key: random.bytes(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            changed: watch::Sender::new(0),
        }
    }

    /// Changes with every revocation.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// What of a good credential was revoked, if anything. `authenticator` is the one that verified it.
    pub fn is_revoked(&self, authenticator: &str, verified: &Verified) -> Option<What> {
        if self.held.load(Ordering::Acquire) == 0 {
            return None;
        }
        let handles = &verified.handles;
        let named = [
            (What::Token, handles.token.as_deref()),
            (What::Key, handles.key.as_deref()),
            (What::Session, handles.session.as_deref()),
        ];
        for (what, id) in named {
            let Some(id) = id else { continue };
            if self.holds(what, None, id) || self.holds(what, Some(authenticator), id) {
                return Some(what);
            }
        }
        let is_out = self.holds(What::Subject, Some(authenticator), &verified.principal.id);
        is_out.then_some(What::Subject)
    }

    /// In force for everybody who asks after this has returned. What is over at `now` makes room where it is needed.
    pub fn revoke(&self, revocation: &Revocation, now: Timestamp) -> Result<(), Full> {
        self.take([revocation], now)
    }

    /// The same for many, which change the epoch once.
    pub(crate) fn take<'r>(
        &self,
        revocations: impl IntoIterator<Item = &'r Revocation>,
        now: Timestamp,
    ) -> Result<(), Full> {
        let outcome = revocations
            .into_iter()
            .try_for_each(|revocation| self.insert(revocation, now));
        // Also when the last of them did not fit: those before it are in force.
        let epoch = self.epoch.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.changed.send_replace(epoch);
        outcome
    }

    fn insert(&self, revocation: &Revocation, now: Timestamp) -> Result<(), Full> {
        let target = &revocation.target;
        let name = self.name(target.what(), target.authenticator(), target.id());
        let end = revocation.until.map_or(u64::MAX, Timestamp::as_millis);
        if self.held.load(Ordering::Acquire) >= self.capacity {
            self.forget(now);
        }
        let Some(shard) = self.shard(name) else { return Ok(()) };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.get_mut(&name) {
            *known = end.max(*known);
            return Ok(());
        }
        // Counted before it is there: who sees it counts it, and two who come at once never both take the last place.
        if self.held.fetch_add(1, Ordering::AcqRel) >= self.capacity {
            self.held.fetch_sub(1, Ordering::AcqRel);
            return Err(Full(self.capacity));
        }
        shard.insert(name, end);
        Ok(())
    }

    /// Drop what may be forgotten.
    pub fn forget(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|_, end| *end > now.as_millis());
            self.held.fetch_sub(before - shard.len(), Ordering::AcqRel);
            if shard.len() < shard.capacity() / 4 {
                shard.shrink_to_fit();
            }
        }
    }

    pub fn len(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes with every revocation: for streams, which nobody asks about again by themselves.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn holds(&self, what: What, authenticator: Option<&str>, id: &str) -> bool {
        let name = self.name(what, authenticator, id);
        self.shard(name)
            .is_some_and(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).contains_key(&name))
    }

    fn shard(&self, name: u128) -> Option<&RwLock<HashMap<u128, u64>>> {
        self.shards.get((name % SHARDS as u128) as usize)
    }

    /// 128 bits that stand for a target, so that a long id takes no more room than a short one.
    fn name(&self, what: What, authenticator: Option<&str>, id: &str) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&[what as u8, u8::from(authenticator.is_some())]);
        for text in [authenticator.unwrap_or_default(), id] {
            hasher.write(&(text.len() as u64).to_be_bytes());
            hasher.write(text.as_bytes());
        }
        hasher.finish128().as_u128()
    }
}

impl What {
    /// What a client is told whose credential was revoked by this.
    pub fn code(self) -> Code {
        match self {
            Self::Key => Code::KeyRevoked,
            Self::Session => Code::SessionExpired,
            Self::Token | Self::Subject => Code::TokenRevoked,
        }
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revocations({} held)", self.len())
    }
}

#[cfg(test)]
mod tests;
