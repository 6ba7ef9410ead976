//! What snapshots are built on, one after the other: everything that is there before a configuration is put in force and
//! stays when it is replaced.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::store;
use crate::authn::OwnKeys;
use crate::authn::jwks::{Keyring, Parts};
use crate::authn::revocation::Revocations;
use crate::authn::supplies::{READING, REPLAYS, Replays, Supplies};
use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::base::resolve::Resolve;
use crate::base::signer::Signer;
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::spec::{OutboundSpec, SigningSpec};
use crate::config::{Config, defaults};
use crate::identity::passwords::Pool;
use crate::outbound::Outbound;
use crate::request::body::Room;
use crate::telemetry::Telemetry;
use crate::upstream::Resolver;

#[derive(Clone)]
pub(super) struct Ground {
    pub(super) resolver: Resolver,
    pub(super) supplies: Supplies,
    pub(super) random: fn() -> Random,
    /// What was revoked before its time, here and in the store.
    pub(super) revocations: Arc<Revocations>,
    /// What bodies that are held whole may take.
    pub(super) held: Room,
    /// What this gateway signs with.
    pub(super) own_keys: Arc<OwnKeys>,
    telemetry: Arc<Telemetry>,
    calls: Calls,
}

/// Whether calls of our own are made, and what is kept is written.
#[derive(Clone)]
pub(super) enum Calls {
    To(Arc<dyn Resolve>),
    /// They all fail.
    Nobody,
}

/// What the world gives.
pub(super) struct World<'w> {
    pub(super) clock: Clock,
    pub(super) random: fn() -> Random,
    pub(super) cores: NonZeroUsize,
    pub(super) calls: Calls,
    pub(super) runtime: &'w tokio::runtime::Runtime,
    pub(super) timers: Timers,
    pub(super) tasks: Tasks,
    pub(super) telemetry: Arc<Telemetry>,
}

impl Ground {
    /// Opens the store; nothing is served before that.
    pub(super) fn lay(config: &Config, world: World<'_>) -> io::Result<Self> {
        let handle = world.runtime.handle().clone();
        let background = Background::new(handle.clone(), world.timers.clone(), world.tasks.clone());
        let resolver = match &world.calls {
            Calls::To(resolve) => Resolver::new(Arc::clone(resolve), world.timers, world.tasks, handle),
            Calls::Nobody => Resolver::offline(),
        };
        let outbound = world.calls.outbound(&config.outbound, &background)?;
        let keyring = keyring(&config.outbound, &outbound, &background, &world.telemetry, world.random);
        let kept = match world.calls {
            Calls::To(_) => store::open(config.store.as_ref(), world.random, world.runtime, &background)?,
            Calls::Nobody => store::look(config.store.as_ref(), world.random, world.runtime, &background),
        };
        let own_keys = Arc::new(OwnKeys::new(world.clock.clone()));
        let supplies = Supplies {
            clock: world.clock,
            store: kept.store,
            replays: Arc::new(Replays::new(REPLAYS)),
            passwords: Arc::new(Pool::for_cores(world.cores, background.timers().clone())),
            outbound,
            keyring,
            background,
            instances: Arc::default(),
        };
        let ground = Self {
            resolver,
            supplies,
            random: world.random,
            revocations: kept.revocations,
            held: Room::new(defaults::HELD_BODIES),
            own_keys,
            telemetry: world.telemetry,
            calls: world.calls,
        };
        ground.sign_by(ground.signer(config.signing.as_ref())?);
        Ok(ground)
    }

    /// What signs as `spec` says; the key of the store is made where there is none yet.
    pub(super) fn signer(&self, spec: Option<&SigningSpec>) -> io::Result<Option<Arc<Signer>>> {
        match (spec, &self.supplies.store) {
            (None, _) => Ok(None),
            // Who only looks signs for nobody.
            (Some(SigningSpec::Kept), _) if matches!(self.calls, Calls::Nobody) => {
                let made = Signer::from_pkcs8(Signer::make(&mut (self.random)()).expose());
                made.map(|made| Some(Arc::new(made))).map_err(io::Error::other)
            }
            (Some(SigningSpec::Given(signer)), _) => Ok(Some(Arc::clone(signer))),
            (Some(SigningSpec::Kept), Some(store)) => {
                let kept = store::signer(store, &mut (self.random)(), &self.supplies.background)?;
                Ok(Some(Arc::new(kept)))
            }
            // `check` lets nobody get this far.
            (Some(SigningSpec::Kept), None) => Err(io::Error::other("there is no store that keeps a key")),
        }
    }

    /// From now on; without one, what is still under way is signed as before.
    pub(super) fn sign_by(&self, signer: Option<Arc<Signer>>) {
        if let Some(signer) = signer {
            self.own_keys.replace(signer);
        }
    }

    /// Let the calls of our own be made as `spec` says from now on.
    pub(super) fn call_by(&mut self, spec: &OutboundSpec) -> io::Result<()> {
        let background = &self.supplies.background;
        let outbound = self.calls.outbound(spec, background)?;
        self.supplies.keyring = keyring(spec, &outbound, background, &self.telemetry, self.random);
        self.supplies.outbound = outbound;
        Ok(())
    }
}

impl Calls {
    fn outbound(&self, spec: &OutboundSpec, background: &Background) -> io::Result<Outbound> {
        match self {
            Self::To(resolve) => Outbound::start(spec, &background.apart(), resolve),
            Self::Nobody => Outbound::nowhere(spec, background),
        }
    }
}

fn keyring(
    spec: &OutboundSpec,
    outbound: &Outbound,
    background: &Background,
    telemetry: &Arc<Telemetry>,
    random: fn() -> Random,
) -> Arc<Keyring<crate::authn::jose::keys::KeySet>> {
    let parts = Parts {
        outbound: outbound.clone(),
        background: background.clone(),
        telemetry: Arc::clone(telemetry),
        random,
        keep: Arc::clone(&spec.keep),
    };
    Arc::new(Keyring::new(parts, READING))
}
