//! The long way to an identity: who owns which credential, whether each is good, and whether together they are enough.
//! Taken when no verdict is remembered, and whenever something is to be refused.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::authenticator::Authenticator;
use super::cache::Verdicts;
use super::credentials;
use super::fault::{IdentityFault, Refused};
use super::forgery;
use super::known::Known;
use super::listed::{Listed, Members, Settled};
use super::method::{Asking, Memory};
use super::refusal::Refusal;
use super::{Identity, Verifier};
use crate::admission::Admitted;
use crate::base::clock::Moment;
use crate::problem::Code;
use crate::request::Asked;
use crate::request::body::Pace;
use crate::telemetry::events::Lookups;

/// A credential with an owner.
struct Claimed<'r> {
    member: usize,
    credential: Cow<'r, [u8]>,
}

impl Verifier {
    /// Who is asking, on a route that asks.
    pub(super) async fn judge(
        &self,
        listed: &Listed,
        admitted: &mut Admitted<'_>,
        pace: Pace<'_>,
        lookups: &mut Lookups,
    ) -> Result<Identity, IdentityFault> {
        let body = self.wanted_body(listed, admitted, pace, lookups).await?;
        let asked = admitted.asked();
        let claimed = claim(listed, asked)?;
        if claimed.is_empty() {
            if listed.or_public {
                return Ok(Identity::Anonymous);
            }
            let refusal = Refusal::new(Code::CredentialMissing, "no credential was presented");
            return Err(Refused::boxed(refusal, listed, None));
        }
        let mut known = Vec::new();
        let mut presented = Members::default();
        for Claimed { member, credential } in &claimed {
            // Each time anew: the body, and the verdict before, may have been waited for.
            let now = pace.task.now();
            let authenticator = listed
                .members
                .get(*member)
                .expect("members are numbered by their places");
            let asking = Asking {
                asked,
                body: body.as_ref(),
                now: self.clock.wall(),
            };
            let verdict = self.verdict(authenticator, credential, (asking, now), lookups).await;
            let verdict = verdict.and_then(|known| self.still_good(known, asked));
            match verdict {
                Ok(found) => known.push((*member, found)),
                Err(refusal) => return Err(Refused::boxed(refusal, listed, Some(*member))),
            }
            if presented.has(*member) {
                // The same authenticator, twice: in two of its places.
                return Err(Refused::boxed(conflict(), listed, None));
            }
            presented = presented.with(*member);
        }
        match listed.settle(presented) {
            Settled::Enough { last } => Ok(identity(known, last)),
            Settled::TooMany => Err(Refused::boxed(conflict(), listed, None)),
            Settled::TooFew => {
                let why = "what was presented is good, and something else must be presented with it";
                Err(Refused::boxed(Refusal::new(Code::CredentialMissing, why), listed, None))
            }
        }
    }

    /// The body, whole, where somebody who claims a credential wants to see it. Whatever is bad without it has been
    /// refused by then (HM-05): heads of signatures, and every credential that is judged without a body.
    async fn wanted_body(
        &self,
        listed: &Listed,
        admitted: &mut Admitted<'_>,
        pace: Pace<'_>,
        lookups: &mut Lookups,
    ) -> Result<Option<Bytes>, IdentityFault> {
        if listed.members.iter().all(|member| member.method.wants_body().is_none()) {
            return Ok(None);
        }
        let asked = admitted.asked();
        let mut most = None;
        let claimed = claim(listed, asked)?;
        for Claimed { member, credential } in &claimed {
            let Some(authenticator) = listed.members.get(*member) else {
                continue;
            };
            let asking = Asking {
                asked,
                body: None,
                now: self.clock.wall(),
            };
            let looked = match authenticator.method.wants_body() {
                Some(wanted) => {
                    most = most.max(Some(wanted));
                    authenticator.method.preview(credential, asking)
                }
                // Looked at once more with the others; by then it is remembered.
                None if claimed.len() > 1 => {
                    let asking = (asking, pace.task.now());
                    let verdict = self.verdict(authenticator, credential, asking, lookups).await;
                    verdict.map(drop)
                }
                None => Ok(()),
            };
            looked.map_err(|refusal| Refused::boxed(refusal, listed, Some(*member)))?;
        }
        match most {
            None => Ok(None),
            Some(most) => Ok(Some(admitted.hold_body(most as u64, pace, &self.held).await?)),
        }
    }

    async fn verdict(
        &self,
        authenticator: &Authenticator,
        credential: &[u8],
        (asking, now): (Asking<'_>, Moment),
        lookups: &mut Lookups,
    ) -> Result<Arc<Known>, Refusal> {
        let (ttl, shared) = match authenticator.memory {
            Memory::Never => return self.verify(authenticator, credential, asking, now).await,
            Memory::Verdict { ttl } => (ttl, false),
            Memory::Shared { ttl } => (ttl, true),
        };
        let key = Verdicts::key(self.verdicts.digest(credential), authenticator);
        if let Some(known) = self.verdicts.known(&key, now) {
            lookups.hits += 1;
            return Ok(known);
        }
        if let Some(refusal) = self.verdicts.refused(&key, now) {
            lookups.hits += 1;
            return Err(Refusal::clone(&refusal));
        }
        lookups.misses += 1;
        let work = async {
            let verdict = self.verify(authenticator, credential, asking, now).await;
            // The key was made before the verdict: what a rotation meanwhile made obsolete is not found under it.
            match &verdict {
                Ok(known) => self.verdicts.remember(key, known, ttl, now),
                Err(refusal) => self.verdicts.remember_refusal(key, refusal, now),
            }
            verdict
        };
        match shared {
            true => self.verdicts.once(key, work).await,
            false => work.await,
        }
    }

    async fn verify(
        &self,
        authenticator: &Authenticator,
        credential: &[u8],
        asking: Asking<'_>,
        now: Moment,
    ) -> Result<Arc<Known>, Refusal> {
        let verified = authenticator.method.verify(credential, asking).await?;
        let ends = match verified.expires {
            None => Moment::NEVER,
            Some(expires) => {
                let left = expires.as_millis().saturating_sub(asking.now.as_millis());
                now + std::time::Duration::from_millis(left)
            }
        };
        Known::new(verified, &authenticator.name, ends, self.audiences).map(Arc::new)
    }
}

/// Every credential that stands in a place somebody reads, with its owner. One that nobody owns ends the request: it was
/// meant for somebody.
fn claim<'r>(listed: &Listed, asked: &'r Asked) -> Result<Vec<Claimed<'r>>, IdentityFault> {
    let mut claimed = Vec::new();
    for spot in &listed.spots {
        let found = credentials::find(&spot.place, asked).map_err(|_| {
            let why = format!("{} stands in the request more than once", spot.place);
            Refused::boxed(Refusal::new(Code::HeaderInvalid, why), listed, None)
        })?;
        let Some(credential) = found else { continue };
        forgery::check(&spot.place, asked).map_err(|refusal| Refused::boxed(refusal, listed, None))?;
        let mut first_refusal = None;
        let owner = spot.readers.iter().copied().find(|&member| {
            let claims = listed
                .members
                .get(member)
                .map(|authenticator| authenticator.method.claims(&credential));
            match claims {
                Some(Ok(())) => true,
                Some(Err(refusal)) => {
                    first_refusal.get_or_insert((refusal, member));
                    false
                }
                None => false,
            }
        });
        match (owner, first_refusal) {
            (Some(member), _) => claimed.push(Claimed { member, credential }),
            (None, Some((refusal, member))) => return Err(Refused::boxed(refusal, listed, Some(member))),
            // A place without readers is no place.
            (None, None) => {}
        }
    }
    claimed.sort_by_key(|claimed| claimed.member);
    Ok(claimed)
}

fn conflict() -> Refusal {
    Refusal::new(
        Code::CredentialConflict,
        "several credentials were presented, and the route takes one at a time",
    )
}

fn identity(known: Vec<(usize, Arc<Known>)>, last: usize) -> Identity {
    let mut also = Vec::new();
    let mut who = None;
    for (member, known) in known {
        if member == last {
            who = Some(known);
        } else {
            also.push(known);
        }
    }
    // The last member of an item is one of those that were presented.
    let token = None;
    who.map_or(Identity::Anonymous, |who| Identity::Known { who, also, token })
}

#[cfg(test)]
mod tests;
