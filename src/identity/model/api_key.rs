//! An API key that was made at run time.

use std::time::Duration;

use ipnet::IpNet;

use crate::base::clock::Timestamp;
use crate::identity::keys::{KeyHash, KeyId};

/// A key as it is kept: everything but the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    pub hash: KeyHash,
    /// Who acts with it. Several keys may have one owner, so that an old one is replaced without a gap.
    pub owner: Box<str>,
    pub roles: Vec<Box<str>>,
    pub permissions: Vec<Box<str>>,
    pub scopes: Vec<Box<str>>,
    /// The only addresses it may come from; none = all.
    pub networks: Vec<IpNet>,
    pub limit: Option<Limit>,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
    /// Late by as much as uses are gathered before they are written.
    pub last_used: Option<Timestamp>,
}

/// How many requests a key is good for in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub count: u32,
    pub per: Duration,
}

/// Where a key is in its life. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Live,
    Expired { at: Timestamp },
    Revoked { at: Timestamp },
}

/// A key that was revoked before stays revoked as of then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is revoked already")]
pub struct AlreadyRevoked;

impl ApiKey {
    /// A key is good until the moment it expires, not beyond; that somebody revoked it weighs more than its age.
    pub fn state(&self, now: Timestamp) -> State {
        match (self.revoked, self.expires) {
            (Some(at), _) => State::Revoked { at },
            (None, Some(at)) if now >= at => State::Expired { at },
            _ => State::Live,
        }
    }

    pub fn revoke(self, now: Timestamp) -> Result<Self, AlreadyRevoked> {
        match self.revoked {
            Some(_) => Err(AlreadyRevoked),
            None => Ok(Self {
                revoked: Some(now),
                ..self
            }),
        }
    }
}

#[cfg(test)]
impl ApiKey {
    /// With something in every list, made at the thousandth millisecond.
    pub(crate) fn for_test(made: &crate::identity::keys::NewKey, owner: &str) -> Self {
        let limit = Limit {
            count: 50,
            per: Duration::from_secs(60),
        };
        Self {
            id: made.id.clone(),
            hash: made.hash.clone(),
            owner: owner.into(),
            roles: vec!["svc".into(), "two, words".into()],
            permissions: vec!["orders:read".into()],
            scopes: Vec::new(),
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            limit: Some(limit),
            created: Timestamp::from_millis(1000),
            expires: None,
            revoked: None,
            last_used: None,
        }
    }
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired { .. } => "expired",
            Self::Revoked { .. } => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::identity::keys::NewKey;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    #[doc = "AK-04"]
    fn a_key_lives_until_it_expires_or_is_revoked_and_never_again() {
        let made = NewKey::make(&mut Random::system());
        let live = ApiKey::for_test(&made, "billing");
        assert_eq!(live.state(at(u64::MAX)), State::Live);
        let expiring = ApiKey {
            expires: Some(at(5000)),
            ..live.clone()
        };
        assert_eq!(expiring.state(at(4999)), State::Live);
        assert_eq!(expiring.state(at(5000)), State::Expired { at: at(5000) });
        let revoked = expiring.revoke(at(3000)).unwrap();
        for now in [0, 3000, 5000, 9000] {
            assert_eq!(revoked.state(at(now)), State::Revoked { at: at(3000) });
        }
        assert_eq!(revoked.revoke(at(4000)), Err(AlreadyRevoked));
    }
}
