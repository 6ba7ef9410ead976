//! Between the list in memory and the store: what is revoked here is kept there, and what others keep there is revoked
//! here within a second (CA-03).

use std::sync::Arc;
use std::time::Duration;

use super::{Full, Revocation, Revocations};
use crate::base::clock::Clock;
use crate::base::timers::Timers;
use crate::identity::store::{Store, StoreFault};

/// Between two looks at the store. This, once more where a look just missed a change, and the time of the calls stay below a second.
pub(super) const PAUSE: Duration = Duration::from_millis(400);
/// Between two rounds of forgetting what is over.
const TIDY: Duration = Duration::from_secs(60);
/// Read in one call, so that it stays well below the deadline of a call.
const PAGE: u32 = 5000;

/// Why a revocation is not in force everywhere.
#[derive(Debug, thiserror::Error)]
pub enum RevokeFault {
    /// Nothing was revoked.
    #[error(transparent)]
    Full(#[from] Full),
    /// Here it holds; other gateways, and this one after a restart, do not know of it.
    #[error("revoked in this process only: {0}")]
    NotKept(StoreFault),
}

/// Why the list could not be read from the store.
#[derive(Debug, thiserror::Error)]
pub enum FeedFault {
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// Follows the changes of a store.
#[derive(Debug)]
pub struct Feed {
    list: Arc<Revocations>,
    store: Store,
    clock: Clock,
    /// The place in the sequence of changes up to which the list holds everything.
    seen: u64,
}

impl Revocations {
    /// In force here at once, and kept in the store for everybody else.
    pub async fn revoke_and_keep(
        &self,
        revocation: Revocation,
        store: &Store,
        clock: &Clock,
    ) -> Result<(), RevokeFault> {
        self.revoke(&revocation, clock.wall())?;
        store.add(revocation).await.map_err(RevokeFault::NotKept)?;
        Ok(())
    }

    /// Forget what is over, for ever. A task of the background, where there is no store.
    pub async fn tidy(self: Arc<Self>, timers: Timers) {
        loop {
            timers.sleep(TIDY).await;
            self.forget(timers.clock().wall());
        }
    }
}

impl Feed {
    /// Take everything that the store holds into the list. Nobody may be served before this is done.
    pub async fn load(list: Arc<Revocations>, store: Store, clock: Clock) -> Result<Self, FeedFault> {
        let mut feed = Self {
            list,
            store,
            clock,
            seen: 0,
        };
        feed.look().await?;
        Ok(feed)
    }

    /// Take over what was added since the last look.
    pub async fn look(&mut self) -> Result<(), FeedFault> {
        let newest = self.store.sequence().await?;
        if newest < self.seen {
            // The file was put back to an older state: what it holds may be anything.
            self.seen = 0;
        }
        if newest == self.seen {
            return Ok(());
        }
        let mut seen = self.seen;
        loop {
            let page = self.store.since(seen, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            seen = *last;
            self.list
                .take(page.iter().map(|(_, revocation)| revocation), self.clock.wall())?;
            self.seen = seen;
        }
        self.seen = seen.max(newest);
        Ok(())
    }

    /// Look again and again, for ever. A task of the background.
    pub async fn follow(mut self, timers: Timers) {
        let mut tidy_at = timers.now() + TIDY;
        let mut well = true;
        loop {
            timers.sleep(PAUSE).await;
            let outcome = self.look().await;
            // Said once for each outage. What is in the list stays in force.
            match (&outcome, well) {
                (Err(fault), true) => tracing::error!("revocations of others are not heard of: {fault}"),
                (Ok(()), false) => tracing::info!("revocations of others are heard of again"),
                _ => {}
            }
            well = outcome.is_ok();
            if timers.now() >= tidy_at {
                tidy_at = timers.now() + TIDY;
                self.tidy().await;
            }
        }
    }

    async fn tidy(&self) {
        let now = self.clock.wall();
        self.list.forget(now);
        if let Err(fault) = self.store.purge(now).await {
            tracing::warn!("revocations that are over could not be removed from the store: {fault}");
        }
    }
}
