//! Somebody who was verified, ready to be met again: how long that holds, and how upstreams are told of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::identity_token;
use super::principal::Verified;
use super::refusal::Refusal;
use crate::base::clock::Moment;
use crate::problem::Code;

/// A verified principal. Shared by all requests that present the same credential.
#[derive(Debug)]
pub struct Known {
    pub verified: Verified,
    /// The name of the authenticator that vouches for it.
    pub authenticator: Arc<str>,
    pub told: Told,
    /// When the credential itself ends.
    pub ends: Moment,
    /// The revocations that it was last compared with.
    pub(super) compared: AtomicU64,
    /// What upstreams were told lately, signed.
    pub(super) tokens: identity_token::Kept,
    /// How many of those are likely.
    audiences: usize,
}

/// What upstreams are told, as header values: made once.
#[derive(Debug)]
pub struct Told {
    pub subject: HeaderValue,
    pub method: HeaderValue,
    /// Absent where there are none.
    pub roles: Option<HeaderValue>,
    pub scopes: Option<HeaderValue>,
    pub email: Option<HeaderValue>,
}

/// HDR-03: bytes of all values together.
pub(super) const TOLD_MAX: usize = 8 * 1024;

/// Nothing that ends a field or that somebody reads as another character; `%` besides, so that it can be read back.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'%');
/// In a list also what separates, and what is cut off at the ends (HDR-04).
const UNSAFE_IN_LIST: &AsciiSet = &UNSAFE.add(b',').add(b' ').add(b'"');

impl Known {
    /// So many upstreams as `audiences` are told of it by signed tokens.
    pub(super) fn new(
        verified: Verified,
        authenticator: &Arc<str>,
        ends: Moment,
        audiences: usize,
    ) -> Result<Self, Refusal> {
        let told = Told::of(&verified, authenticator)?;
        Ok(Self {
            verified,
            authenticator: Arc::clone(authenticator),
            told,
            ends,
            compared: AtomicU64::new(u64::MAX),
            tokens: identity_token::Kept::default(),
            audiences,
        })
    }

    pub fn id(&self) -> &str {
        &self.verified.principal.id
    }

    /// Whether it was compared with these revocations already.
    pub(super) fn is_compared(&self, epoch: u64) -> bool {
        self.compared.load(Ordering::Relaxed) == epoch
    }

    pub(super) fn set_compared(&self, epoch: u64) {
        self.compared.store(epoch, Ordering::Relaxed);
    }

    /// Bytes it takes, roughly and rather too many.
    pub(super) fn weight(&self) -> u32 {
        let principal = &self.verified.principal;
        let lists = [&principal.roles, &principal.permissions, &principal.scopes];
        let words: usize = lists.into_iter().flatten().map(|word| word.len() * 2 + 32).sum();
        let claims: usize = principal
            .claims
            .iter()
            .map(|(name, value)| name.len() + weight(value) + 96)
            .sum();
        let tokens = self.audiences.min(identity_token::KEPT_MAX) * (768 + principal.id.len() * 2 + words);
        u32::try_from(1024 + principal.id.len() * 2 + words + claims + tokens).unwrap_or(u32::MAX)
    }
}

fn weight(value: &Value) -> usize {
    // Claims are at most 32 levels deep: whoever reads them sees to that.
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 32,
        Value::String(text) => 32 + text.len(),
        Value::Array(values) => 32 + values.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            32 + members
                .iter()
                .map(|(name, value)| name.len() + 96 + weight(value))
                .sum::<usize>()
        }
    }
}

impl Told {
    fn of(verified: &Verified, authenticator: &str) -> Result<Self, Refusal> {
        let principal = &verified.principal;
        let roles = listed(&principal.roles);
        let scopes = listed(&principal.scopes);
        let told = Self {
            subject: single(&principal.id).ok_or_else(too_large)?,
            method: single(authenticator).ok_or_else(too_large)?,
            roles: roles.map(|roles| value(&roles).ok_or_else(too_large)).transpose()?,
            scopes: scopes.map(|scopes| value(&scopes).ok_or_else(too_large)).transpose()?,
            email: principal
                .email
                .as_deref()
                .map(|email| single(email).ok_or_else(too_large))
                .transpose()?,
        };
        if told.size() > TOLD_MAX {
            return Err(too_large());
        }
        Ok(told)
    }

    /// Bytes of all values.
    pub(super) fn size(&self) -> usize {
        let perhaps = [&self.roles, &self.scopes, &self.email].into_iter().flatten();
        let all = perhaps.chain([&self.subject, &self.method]);
        all.map(HeaderValue::len).sum()
    }
}

fn too_large() -> Refusal {
    Refusal::new(
        Code::CredentialRefused,
        "what upstreams would be told of this principal is larger than 8 KiB",
    )
}

fn single(text: &str) -> Option<HeaderValue> {
    // White space at the ends would be lost on the way.
    let inner = text.trim_matches(' ');
    if inner.len() == text.len() {
        return value(&utf8_percent_encode(text, UNSAFE).to_string());
    }
    value(&utf8_percent_encode(text, UNSAFE_IN_LIST).to_string())
}

fn listed(words: &[Box<str>]) -> Option<String> {
    let mut encoded = words.iter().map(|word| utf8_percent_encode(word, UNSAFE_IN_LIST));
    let mut list = encoded.next()?.to_string();
    for word in encoded {
        list.push(',');
        list.extend(word);
    }
    Some(list)
}

fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl FnOnce(&mut Verified)) -> Result<Told, Refusal> {
        let mut verified = Verified::of("alice");
        change(&mut verified);
        Told::of(&verified, "idp")
    }

    #[test]
    #[doc = "HDR-03, HDR-04"]
    fn no_value_can_end_a_field_or_pass_for_two() {
        let made = told(|verified| {
            verified.principal.id = "a\r\nX-Admin: 1 \u{fc}%".into();
            verified.principal.roles = ["plain".into(), "a,b".into(), " c\n".into()].into();
        })
        .unwrap();
        assert_eq!(made.subject, "a%0D%0AX-Admin: 1 %C3%BC%25");
        assert_eq!(made.roles.unwrap(), "plain,a%2Cb,%20c%0A");
        assert!(made.scopes.is_none() && made.email.is_none());
    }

    #[test]
    #[doc = "HDR-03"]
    fn what_is_told_is_bounded() {
        let refused = told(|verified| verified.principal.id = "x".repeat(9000).into()).unwrap_err();
        assert_eq!(refused.code, Code::CredentialRefused);
    }

    #[test]
    #[doc = "CA-08"]
    fn tokens_that_may_be_kept_are_counted_and_bounded() {
        let weight = |audiences| {
            let known = Known::new(Verified::of("alice"), &"idp".into(), Moment::NEVER, audiences);
            known.unwrap().weight()
        };
        assert!(weight(1) >= weight(0) + 512);
        assert!(weight(2) > weight(1));
        assert_eq!(weight(identity_token::KEPT_MAX), weight(100));
    }

    #[test]
    fn white_space_at_the_ends_is_kept() {
        let made = told(|verified| verified.principal.id = " a b ".into()).unwrap();
        assert_eq!(made.subject, "%20a%20b%20");
    }
}
