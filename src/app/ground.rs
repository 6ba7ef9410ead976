//! What snapshots are built on, one after the other: everything that is there before a configuration is put in force and
//! stays when it is replaced.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::store;
use crate::authn::jwks::{Keyring, Parts};
use crate::authn::revocation::Revocations;
use crate::authn::supplies::{READING, REPLAYS, Replays, Supplies};
use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::base::resolve::Resolve;
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::spec::OutboundSpec;
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
    telemetry: Arc<Telemetry>,
    calls: Calls,
}

/// Whether calls of our own are made.
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
        let kept = store::open(config.store.as_ref(), world.random, world.runtime, &background)?;
        let supplies = Supplies {
            clock: world.clock,
            store: kept.store,
            replays: Arc::new(Replays::new(REPLAYS)),
            passwords: Arc::new(Pool::for_cores(world.cores)),
            outbound,
            keyring,
            background,
            instances: Arc::default(),
        };
        Ok(Self {
            resolver,
            supplies,
            random: world.random,
            revocations: kept.revocations,
            held: Room::new(defaults::HELD_BODIES),
            telemetry: world.telemetry,
            calls: world.calls,
        })
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
            Self::To(resolve) => Outbound::start(spec, background, resolve),
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
