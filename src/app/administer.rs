//! What the admin listener gets to work on. It listens before there is anything to reload, so the way to that is filled
//! in later.

use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwap;

use super::control::Control;
use super::ground::Ground;
use super::reload::ReloadError;
use crate::base::random::Random;
use crate::endpoints::admin::{Api, NotReloaded};
use crate::pipeline::Snapshot;

/// The way to what replaces the configuration.
#[derive(Clone, Default)]
pub(super) struct Handle(Arc<OnceLock<Weak<Control>>>);

impl Handle {
    /// From now on there is something to reload.
    pub(super) fn set(&self, control: &Arc<Control>) {
        // It is set once, where the gateway has started.
        let _again = self.0.set(Arc::downgrade(control));
    }

    fn reload(&self) -> Result<u64, NotReloaded> {
        let control = self.0.get().and_then(Weak::upgrade).ok_or(NotReloaded::Unavailable)?;
        control.reload().map_err(|error| match error {
            ReloadError::Invalid(faults) => NotReloaded::Faults(faults),
            error @ (ReloadError::NotReloadable(_)
            | ReloadError::Bind { .. }
            | ReloadError::Outbound(_)
            | ReloadError::Signing(_)) => NotReloaded::Conflict(error.to_string()),
        })
    }
}

/// The operations of the admin listener, on this gateway.
pub(super) fn api(ground: &Ground, random: fn() -> Random, snapshots: &Arc<ArcSwap<Snapshot>>, handle: &Handle) -> Api {
    let (background, handle) = (ground.supplies.background.clone(), handle.clone());
    let snapshots = Arc::clone(snapshots);
    Api {
        store: ground.supplies.store.clone(),
        revocations: Arc::clone(&ground.revocations),
        clock: ground.supplies.clock.clone(),
        random,
        is_authenticator: Box::new(move |name| snapshots.load().verifier.has(name)),
        reload: Box::new(move || {
            let (background, handle) = (background.clone(), handle.clone());
            Box::pin(async move {
                // It reads files, and the probes must be answered meanwhile.
                let reloaded = background.block(move || handle.reload()).await;
                reloaded.unwrap_or(Err(NotReloaded::Unavailable))
            })
        }),
    }
}
