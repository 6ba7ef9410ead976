//! What a gateway keeps: its store, opened before anything is served and closed after everything has ended, and the
//! revocations, which outlive the process where there is a store.

use std::io;
use std::sync::Arc;

use crate::authn::revocation::feed::Feed;
use crate::authn::revocation::{CAPACITY, Revocations};
use crate::base::background::Background;
use crate::base::random::Random;
use crate::config::spec::StoreSpec;
use crate::identity::store::Store;
use crate::storage::Database;

pub(super) struct Kept {
    /// Where the configuration names one.
    pub(super) store: Option<Store>,
    pub(super) revocations: Arc<Revocations>,
}

/// Open the store that the configuration names, and know everything that it says is revoked. Their upkeep runs from then
/// on.
pub(super) fn open(
    spec: Option<&StoreSpec>,
    random: fn() -> Random,
    runtime: &tokio::runtime::Runtime,
    background: &Background,
) -> io::Result<Kept> {
    let revocations = Arc::new(Revocations::new(CAPACITY, &mut random()));
    let timers = background.timers().clone();
    let Some(StoreSpec::Sqlite(path)) = spec else {
        background.spawn("revocations", Arc::clone(&revocations).tidy(timers));
        let store = None;
        return Ok(Kept { store, revocations });
    };
    let database = runtime.block_on(Database::open(path, &background.apart()));
    let database = database.map_err(io::Error::other)?;
    let store = Store::sqlite(database.clone());
    // What is revoked must be heard of also while strangers make us look for keys that nobody has.
    let feeding = Store::sqlite(database.apart());
    let loading = Feed::load(Arc::clone(&revocations), feeding, timers.clock().clone());
    let feed = runtime.block_on(loading).map_err(io::Error::other)?;
    background.spawn("revocations", feed.follow(timers.clone()));
    background.spawn("last use of keys", store.clone().keep_writing(timers));
    Ok(Kept {
        store: Some(store),
        revocations,
    })
}

/// Write what is gathered and end the connections.
pub(super) fn close(store: Option<&Store>, runtime: &tokio::runtime::Runtime) {
    if let Some(store) = store
        && let Err(fault) = runtime.block_on(store.finish())
    {
        tracing::warn!("the last use of keys could not be written: {fault}");
    }
}
