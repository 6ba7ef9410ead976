//! Who somebody was found to be.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base::clock::Timestamp;
use crate::base::net::AddressSet;

/// Whoever makes a request: an id, and which authenticator vouches for it. Equal ids of two authenticators are two
/// principals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Principal {
    pub id: Box<str>,
    pub roles: Vec<Box<str>>,
    pub permissions: Vec<Box<str>>,
    pub scopes: Vec<Box<str>>,
    /// Only an address that somebody verified.
    pub email: Option<Box<str>>,
    /// What else the credential says; rules may ask for it.
    pub claims: Map<String, Value>,
    /// How many requests this principal may make, as written beside its key.
    pub limit: Option<RateText>,
}

/// A rate of the configuration, kept for the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateText {
    pub count: u32,
    pub per: std::time::Duration,
}

/// What a good credential proves, and for how long. Made by methods; nothing about a route is in it (CA-05).
#[derive(Clone, Debug, Default)]
pub struct Verified {
    pub principal: Principal,
    /// When the credential ends, leeway included; absent = it does not.
    pub expires: Option<Timestamp>,
    /// The only addresses it may come from.
    pub networks: Option<Arc<AddressSet>>,
    /// The names under which it can be revoked, besides its principal.
    pub handles: Handles,
}

/// What revocation knows a credential by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handles {
    /// `jti` of a token.
    pub token: Option<Box<str>>,
    /// The id of an API key or of a signing key.
    pub key: Option<Box<str>>,
    /// `sid`, or a session of ours.
    pub session: Option<Box<str>>,
}

impl Verified {
    pub fn of(id: impl Into<Box<str>>) -> Self {
        Self {
            principal: Principal {
                id: id.into(),
                ..Principal::default()
            },
            ..Self::default()
        }
    }
}
