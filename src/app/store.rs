//! The store of a gateway: opened before anything is served, closed after everything has ended.

use std::io;

use crate::base::background::Background;
use crate::config::spec::StoreSpec;
use crate::identity::store::Store;
use crate::storage::Database;

/// The store that the configuration names, with its tables up to date; its upkeep runs from then on.
pub(super) fn open(
    spec: Option<&StoreSpec>,
    runtime: &tokio::runtime::Runtime,
    background: &Background,
) -> io::Result<Option<Store>> {
    let Some(StoreSpec::Sqlite(path)) = spec else {
        return Ok(None);
    };
    let database = runtime.block_on(Database::open(path, background));
    let store = Store::sqlite(database.map_err(io::Error::other)?);
    background.spawn("store", store.clone().keep_writing(background.timers().clone()));
    Ok(Some(store))
}

/// Write what is gathered and end the connections.
pub(super) fn close(store: Option<&Store>, runtime: &tokio::runtime::Runtime) {
    if let Some(store) = store
        && let Err(fault) = runtime.block_on(store.finish())
    {
        tracing::warn!("the last use of keys could not be written: {fault}");
    }
}
