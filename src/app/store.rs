//! What a gateway keeps: its store, opened before anything is served and closed after everything has ended, and the
//! revocations, which outlive the process where there is a store.

use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::authn::revocation::feed::Feed;
use crate::authn::revocation::{CAPACITY, Revocations};
use crate::base::background::Background;
use crate::base::random::Random;
use crate::base::signer::Signer;
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

/// The store as it is, for who only looks; what cannot be read is as if it were not there.
pub(super) fn look(
    spec: Option<&StoreSpec>,
    random: fn() -> Random,
    runtime: &tokio::runtime::Runtime,
    background: &Background,
) -> Kept {
    let revocations = Arc::new(Revocations::new(CAPACITY, &mut random()));
    let store = spec.map(|StoreSpec::Sqlite(path)| {
        let _entered = runtime.enter();
        Store::sqlite(Database::look(path, background))
    });
    if let Some(store) = &store {
        let clock = background.timers().clock().clone();
        let _unread = runtime.block_on(Feed::load(Arc::clone(&revocations), store.clone(), clock));
    }
    Kept { store, revocations }
}

/// The name of the key that signs what upstreams are told.
const IDENTITY_KEY: &str = "identity_jwt";

/// How long a start or a reload waits for the store.
const PATIENCE: Duration = Duration::from_secs(10);

/// The key of the store, the same for all gateways of it. Blocks; a reload is nobody's request.
pub(super) fn signer(store: &Store, random: &mut Random, background: &Background) -> io::Result<Signer> {
    let fresh = Signer::make(random);
    let now = background.timers().clock().wall();
    let (told, answer) = mpsc::channel();
    let store = store.clone();
    background.spawn("signing key", async move {
        let _nobody_waits = told.send(store.signing_key(IDENTITY_KEY.into(), fresh, now).await);
    });
    let kept = answer
        .recv_timeout(PATIENCE)
        .map_err(|_| io::Error::other("the store does not answer"))?;
    let kept = kept.map_err(io::Error::other)?;
    Signer::from_pkcs8(kept.expose()).map_err(|fault| io::Error::other(format!("the key of the store: {fault}")))
}

/// Write what is gathered and end the connections.
pub(super) fn close(store: Option<&Store>, runtime: &tokio::runtime::Runtime) {
    if let Some(store) = store
        && let Err(fault) = runtime.block_on(store.finish())
    {
        tracing::warn!("the last use of keys could not be written: {fault}");
    }
}
