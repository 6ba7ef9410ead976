//! The signed token that tells an upstream who is asking: a verified principal, the name of the upstream and the time
//! come in, a field value comes out. Which header it goes into, and which routes want it, is for others to know.
//!
//! A signature costs more than the rest of a request. So a token is kept beside the principal it speaks of, for this
//! upstream alone, and used again for half of its life.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use serde::Serialize;

use super::known::{Known, TOLD_MAX};
use super::own_keys::{OwnKey, OwnKeys};
use super::refusal::Refusal;
use crate::base::clock::Timestamp;
use crate::problem::Code;

/// `typ` of the header. Nobody takes a token of this type for an access token, we ourselves included (JWT-09).
pub const TYPE: &str = "portcullis-identity+jwt";

/// `iss` of every token.
pub const ISSUER: &str = "portcullis";

/// How long a token is good at most.
pub const LIFE: Duration = Duration::from_secs(60);

/// Tokens that are kept for one principal: upstreams that it uses at a time.
pub(super) const KEPT_MAX: usize = 4;

/// The tokens of one principal.
#[derive(Default)]
pub(super) struct Kept(Mutex<Vec<Signed>>);

/// A token, and what it is good for.
struct Signed {
    audience: Arc<str>,
    also: Vec<(Box<str>, Arc<str>)>,
    /// The number of the key that signed it.
    key: u64,
    times: Times,
    token: HeaderValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    /// When it was made, in milliseconds.
    made: u64,
    /// From when on it is made anew, in milliseconds.
    renewed: u64,
    /// In seconds, as the token says.
    ends: u64,
}

/// What a token says. What there is none of is left out, as it is of the headers (HDR-03).
#[derive(Serialize)]
struct Claims<'c> {
    iss: &'c str,
    aud: &'c str,
    sub: &'c str,
    iat: u64,
    nbf: u64,
    exp: u64,
    method: &'c str,
    #[serde(skip_serializing_if = "no_words")]
    roles: &'c [Box<str>],
    #[serde(skip_serializing_if = "no_words")]
    permissions: &'c [Box<str>],
    #[serde(skip_serializing_if = "no_words")]
    scopes: &'c [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'c str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Also<'c>>,
}

/// Who else vouched, where a route asks for several credentials together.
#[derive(Serialize)]
struct Also<'c> {
    sub: &'c str,
    method: &'c str,
}

fn no_words(words: &&[Box<str>]) -> bool {
    words.is_empty()
}

/// A token about `who`, for the upstream `audience`.
pub(super) fn about(
    who: &Known,
    also: &[Arc<Known>],
    audience: &Arc<str>,
    keys: &OwnKeys,
    now: Timestamp,
) -> Result<HeaderValue, Refusal> {
    let key = keys.current().ok_or_else(unsigned)?;
    let ends = also.iter().map(|other| other.verified.expires);
    let ends = ends.chain([who.verified.expires]).flatten().min();
    let mut kept = who.tokens.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut same = kept.iter_mut().find(|signed| signed.is_for(audience, also));
    if let Some(signed) = &same
        && signed.key == key.number
        && signed.times.hold(now, ends)
    {
        return Ok(signed.token.clone());
    }
    let times = Times::from(now, ends);
    let token = sign(who, also, audience, &key, times)?;
    let signed = Signed {
        audience: Arc::clone(audience),
        also: names(also).map(|(id, name)| (id.into(), Arc::clone(name))).collect(),
        key: key.number,
        times,
        token: token.clone(),
    };
    if let Some(same) = &mut same {
        **same = signed;
    } else {
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push(signed);
    }
    Ok(token)
}

fn sign(who: &Known, also: &[Arc<Known>], audience: &str, key: &OwnKey, times: Times) -> Result<HeaderValue, Refusal> {
    let principal = &who.verified.principal;
    let issued = times.made / 1000;
    let claims = Claims {
        iss: ISSUER,
        aud: audience,
        sub: &principal.id,
        iat: issued,
        nbf: issued,
        exp: times.ends,
        method: &who.authenticator,
        roles: &principal.roles,
        permissions: &principal.permissions,
        scopes: &principal.scopes,
        email: principal.email.as_deref(),
        also: names(also).map(|(sub, method)| Also { sub, method }).collect(),
    };
    let claims = serde_json::to_vec(&claims).map_err(|_| unsigned())?;
    let text = key.signed(&claims).map_err(|_| unsigned())?;
    if who.told.size() + text.len() > TOLD_MAX {
        return Err(Refusal::new(
            Code::CredentialRefused,
            "what the upstream would be told of this principal, the signed token included, is larger than 8 KiB",
        ));
    }
    let mut token = HeaderValue::from_str(&text).map_err(|_| unsigned())?;
    // Neither for a log nor for the table of a compressor.
    token.set_sensitive(true);
    Ok(token)
}

impl Signed {
    fn is_for(&self, audience: &str, also: &[Arc<Known>]) -> bool {
        let ours = self.also.iter().map(|(id, name)| (&**id, name));
        *self.audience == *audience && ours.eq(names(also))
    }
}

impl Times {
    /// Never past the end of the credential that the token rests on.
    fn from(now: Timestamp, ends: Option<Timestamp>) -> Self {
        let made = now.as_millis();
        let longest = made / 1000 + LIFE.as_secs();
        let ends = ends.map_or(longest, |ends| longest.min(ends.as_millis() / 1000));
        let left = (ends * 1000).saturating_sub(made);
        Self {
            made,
            renewed: made + left / 2,
            ends,
        }
    }

    /// Whether a token of these times may be used again. A clock that was set back makes it anew.
    fn hold(&self, now: Timestamp, ends: Option<Timestamp>) -> bool {
        let within = (self.made..self.renewed).contains(&now.as_millis());
        within && ends.is_none_or(|ends| self.ends * 1000 <= ends.as_millis())
    }
}

fn names(also: &[Arc<Known>]) -> impl Iterator<Item = (&str, &Arc<str>)> {
    also.iter().map(|other| (other.id(), &other.authenticator))
}

fn unsigned() -> Refusal {
    Refusal::new(Code::ServerOverloaded, "the token for the upstream could not be signed")
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(…)")
    }
}

#[cfg(test)]
mod tests;
