//! Who is asking. Comes in: an admitted request. Goes out: an identified one, its credentials taken out of it. It refuses
//! to know what anybody may do.
//!
//! The short way, for a credential whose verdict is remembered, waits for nothing; `judge` is the long one.

mod authenticator;
mod cache;
mod credentials;
mod fault;
mod forgery;
pub mod fuzz;
mod identity_token;
mod judge;
mod known;
mod listed;
pub mod jose;
pub mod jwks;
pub mod method;
mod methods;
mod own_keys;
mod places;
pub mod principal;
pub mod refusal;
pub mod revocation;
#[cfg(test)]
mod scripted;
pub mod standing;
pub mod supplies;

use std::sync::Arc;

use http::HeaderValue;

pub use methods::signature;

use crate::admission::Admitted;
use crate::base::clock::{Clock, Moment};
use crate::config::Kinds;
use crate::config::spec::Access;
use crate::problem::Code;
use crate::request::Asked;
use crate::request::body::{Pace, Room};
use crate::route::{Route, RouteAnswer};
use crate::telemetry::events::Lookups;
pub use authenticator::Authenticator;
pub use cache::Verdicts;
pub use fault::{IdentityFault, Refused};
pub use known::{Known, Told};
use listed::Listed;
use method::Memory;
pub use own_keys::OwnKeys;
use refusal::Refusal;
use revocation::Revocations;

/// For the configuration, which decodes the settings of each kind without knowing one.
pub const KINDS: Kinds = Kinds::new(methods::KINDS);

/// A request of which we know who makes it.
#[derive(Debug)]
pub struct Identified<'s> {
    admitted: Admitted<'s>,
    identity: Identity,
}

#[derive(Clone, Debug)]
pub enum Identity {
    Anonymous,
    Known {
        who: Arc<Known>,
        /// Who else was asked to vouch, where several credentials must be presented together.
        also: Vec<Arc<Known>>,
        /// The same, signed, where the route tells it so.
        token: Option<HeaderValue>,
    },
}

/// Who each route lets in, and what they share.
#[derive(Debug)]
pub struct Verifier {
    clock: Clock,
    verdicts: Arc<Verdicts>,
    revocations: Arc<Revocations>,
    /// What bodies that are held whole may take, over all workers.
    held: Room,
    own_keys: Arc<OwnKeys>,
    /// Upstreams that are told by signed tokens.
    audiences: usize,
    /// Of all authenticators.
    names: Vec<Arc<str>>,
    /// By the index of the route; absent for those that are open.
    routes: Vec<Option<Listed>>,
}

/// What outlives a snapshot, and is the same for all workers.
#[derive(Clone, Debug)]
pub struct Lasting {
    pub verdicts: Arc<Verdicts>,
    pub revocations: Arc<Revocations>,
    /// What bodies that are held whole may take.
    pub held: Room,
    /// What tokens for upstreams are signed with.
    pub own_keys: Arc<OwnKeys>,
}

impl Verifier {
    /// `accesses` of all routes, in their order, name authenticators by their index. So many upstreams as `audiences` are
    /// told by signed tokens who is asking.
    pub fn new<'a>(
        accesses: impl IntoIterator<Item = &'a Access>,
        audiences: usize,
        authenticators: &[Arc<Authenticator>],
        lasting: Lasting,
        clock: Clock,
    ) -> Self {
        let routes = accesses.into_iter().map(|access| match access {
            Access::Public => None,
            Access::Listed(list) => Some(Listed::new(list, authenticators)),
        });
        Self {
            clock,
            verdicts: lasting.verdicts,
            revocations: lasting.revocations,
            held: lasting.held,
            own_keys: lasting.own_keys,
            audiences,
            names: authenticators.iter().map(|known| Arc::clone(&known.name)).collect(),
            routes: routes.collect(),
        }
    }

    /// Who makes this request. What was found of it in the cache is added to `lookups`, whatever comes of it.
    pub async fn identify<'s>(
        &self,
        mut admitted: Admitted<'s>,
        pace: Pace<'_>,
        lookups: &mut Lookups,
    ) -> Result<Identified<'s>, IdentityFault> {
        let route = admitted.route();
        if route.access == Access::Public {
            let identity = Identity::Anonymous;
            return Ok(Identified { admitted, identity });
        }
        let listed = self.routes.get(route.index).and_then(Option::as_ref);
        let listed = listed.expect("routes are numbered by their places, and this one is not open");
        let mut identity = match self.recall(listed, admitted.asked(), pace.task.now()) {
            Some(who) => {
                lookups.hits += 1;
                Identity::from(who)
            }
            // Apart, so that requests that are known do not carry the room for it.
            None => Box::pin(self.judge(listed, &mut admitted, pace, lookups)).await?,
        };
        if route.forward.identity.token.is_some() {
            let introduced = self.introduce(&mut identity, route);
            introduced.map_err(|refusal| Refused::boxed(refusal, listed, None))?;
        }
        if route.forward.strip_credentials {
            listed.strip(admitted.asked_mut());
        }
        Ok(Identified { admitted, identity })
    }

    /// For the upstream of `route`, and no other.
    fn introduce(&self, identity: &mut Identity, route: &Route) -> Result<(), Refusal> {
        let audience = match &route.answer {
            RouteAnswer::Upstream(upstream) => &upstream.name,
            RouteAnswer::Echo(name) => name,
            RouteAnswer::Redirect(_) | RouteAnswer::Own(_) => return Ok(()),
        };
        if let Identity::Known { who, also, token } = identity {
            let now = self.clock.wall();
            *token = Some(identity_token::about(who, also, audience, &self.own_keys, now)?);
        }
        Ok(())
    }

    /// Whether an authenticator has this name.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| **known == *name)
    }

    /// Verdicts that were pushed out of the cache for want of room.
    pub fn evictions(&self) -> u64 {
        self.verdicts.evictions()
    }

    /// Who presented the one credential there is, if that is remembered and enough here.
    fn recall(&self, listed: &Listed, asked: &Asked, now: Moment) -> Option<Arc<Known>> {
        let mut only = None;
        for spot in &listed.spots {
            if let Some(credential) = credentials::find(&spot.place, asked).ok()? {
                if only.is_some() {
                    return None;
                }
                only = Some((spot, credential));
            }
        }
        let (spot, credential) = only?;
        forgery::check(&spot.place, asked).ok()?;
        let digest = self.verdicts.digest(&credential);
        let remembered = |&member: &usize| {
            let authenticator = listed.members.get(member)?;
            if authenticator.memory == Memory::Never || !listed.takes_alone(member) {
                return None;
            }
            self.verdicts.known(&Verdicts::key(digest, authenticator), now)
        };
        let (turn, known) = spot
            .readers
            .iter()
            .map(remembered)
            .enumerate()
            .find_map(|(turn, known)| known.map(|known| (turn, known)))?;
        // A verdict of who takes what is left counts only where nobody before it claims the credential: it may be
        // remembered from a route on which that one is not listed.
        if !spot.is_certain(turn) && listed.owner(spot, &credential) != spot.readers.get(turn).copied() {
            return None;
        }
        self.still_good(known, asked).ok()
    }

    /// What can change while a verdict is remembered, or from one request to the next.
    fn still_good(&self, known: Arc<Known>, asked: &Asked) -> Result<Arc<Known>, Refusal> {
        if let Some(networks) = &known.verified.networks
            && !asked
                .client
                .candidates()
                .all(|peer| peer.ip().is_some_and(|ip| networks.contains(ip)))
        {
            return Err(Refusal::new(
                Code::AddressDenied,
                "the key may not be used from this address",
            ));
        }
        self.not_revoked(&known)?;
        Ok(known)
    }

    /// The list is asked again only after it has changed. The epoch is read before: what is revoked meanwhile is asked
    /// about the next time.
    fn not_revoked(&self, known: &Known) -> Result<(), Refusal> {
        let epoch = self.revocations.epoch();
        if known.is_compared(epoch) {
            return Ok(());
        }
        if let Some(what) = self.revocations.is_revoked(&known.authenticator, &known.verified) {
            return Err(Refusal::new(what.code(), format!("the {} was revoked", what.as_str())));
        }
        known.set_compared(epoch);
        Ok(())
    }
}

impl From<Arc<Known>> for Identity {
    fn from(who: Arc<Known>) -> Self {
        let (also, token) = (Vec::new(), None);
        Self::Known { who, also, token }
    }
}

impl Listed {
    fn strip(&self, asked: &mut Asked) {
        for spot in &self.spots {
            credentials::strip(&spot.place, asked);
        }
        for name in &self.beside {
            credentials::strip_field(name, asked);
        }
    }
}

impl<'s> Identified<'s> {
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn admitted(&self) -> &Admitted<'s> {
        &self.admitted
    }

    pub fn into_parts(self) -> (Admitted<'s>, Identity) {
        (self.admitted, self.identity)
    }
}
