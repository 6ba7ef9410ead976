//! When keys were last used, kept without a write per request: uses are gathered in memory and written a few times a
//! minute. What was gathered since the last writing is lost when the process is killed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Engine, StoreFault};
use crate::base::clock::Timestamp;
use crate::base::timers::Timers;
use crate::identity::keys::KeyId;

/// Between two writings.
const PAUSE: Duration = Duration::from_secs(10);
/// In one writing, so that it stays well below the deadline of a call.
const BATCH: usize = 1000;

/// Uses since the last writing. Only keys of the store are noted, so it is never larger than the store.
#[derive(Clone, Debug, Default)]
pub struct LastUsed(Arc<Mutex<HashMap<KeyId, Timestamp>>>);

impl LastUsed {
    /// `id` is what revocation knows the key by. What is no id of the store is passed over.
    pub fn note(&self, id: &str, now: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = uses.get_mut(id) {
            *at = now.max(*at);
        } else if let Some(id) = KeyId::parse(id) {
            uses.insert(id, now);
        }
    }

    /// Write what was gathered. What could not be written is gathered again.
    pub async fn write(&self, engine: &dyn Engine) -> Result<(), StoreFault> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let uses: Vec<(KeyId, Timestamp)> = uses.into_iter().collect();
        let mut outcome = Ok(());
        for batch in uses.chunks(BATCH) {
            if outcome.is_ok() {
                outcome = engine.touch(batch.to_vec()).await;
            }
            if outcome.is_err() {
                batch.iter().for_each(|(id, at)| self.note(id.as_str(), *at));
            }
        }
        outcome
    }

    /// Write again and again, for ever. A task of the background.
    pub async fn keep_writing(&self, engine: &dyn Engine, timers: Timers) {
        loop {
            timers.sleep(PAUSE).await;
            if let Err(fault) = self.write(engine).await {
                tracing::warn!("the last use of keys could not be written: {fault}");
            }
        }
    }
}
