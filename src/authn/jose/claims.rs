//! What a verified token must say to be good here and now. A token whose signature fits and a point in time come in;
//! out comes when it ends, or what is wrong with it. All of this may be told to whoever holds it, because they hold what
//! the issuer signed.

use std::time::Duration;

use serde_json::{Map, Value};

use super::token::Token;
use crate::authn::identity_token;
use crate::authn::refusal::Refusal;
use crate::base::clock::Timestamp;
use crate::problem::Code;

/// Seconds are whole or broken numbers below this: beyond it, not every whole number can be told from the next.
const SECONDS_END: u64 = 1 << 53;

/// Kinds of tokens that some issuers write into the payload, and that are never for calling an API (JWT-09).
const OTHER_PURPOSES: &[&str] = &["ID", "Refresh", "Offline", "Logout"];

/// What is asked of the claims of a token.
#[derive(Clone, Debug)]
pub struct ClaimRules {
    pub audience: Audience,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// How long after its making a token is taken at most.
    pub max_lifetime: Option<Duration>,
    /// Claims that must be there.
    pub required: Vec<Box<str>>,
    pub expected: Vec<Expected>,
    pub types: Types,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Tokens made for anybody; a decision that somebody wrote down.
    Any,
    OneOf(Vec<Box<str>>),
}

impl Audience {
    /// Whether one of them is in `aud`.
    pub fn admit(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        let elsewhere = || {
            Refusal::new(
                Code::TokenAudience,
                "`aud` names none of the audiences of this authenticator",
            )
        };
        let meant = match claims.get("aud") {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(list)) => {
                let texts = list.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
                texts.ok_or_else(|| malformed("the claim `aud` holds something other than texts"))?
            }
            Some(_) => return Err(malformed("the claim `aud` is neither a text nor a list of texts")),
        };
        match self {
            Self::Any => Ok(()),
            Self::OneOf(ours) if ours.iter().any(|ours| meant.contains(&&**ours)) => Ok(()),
            Self::OneOf(_) => Err(elsewhere()),
        }
    }
}

/// A claim that must have one of some values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub claim: Box<str>,
    pub values: Vec<Box<str>>,
}

/// What `typ` of the header may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types {
    pub allowed: Vec<Box<str>>,
    pub may_be_absent: bool,
}

impl Default for Types {
    fn default() -> Self {
        Self {
            allowed: vec!["JWT".into(), "at+jwt".into()],
            may_be_absent: true,
        }
    }
}

impl Types {
    /// Exactly one of these.
    pub fn only(allowed: impl IntoIterator<Item = Box<str>>) -> Self {
        Self {
            allowed: allowed.into_iter().collect(),
            may_be_absent: false,
        }
    }

    /// Media types are compared without case, and `application/` may be left out (RFC 7515 section 4.1.9).
    fn admit(&self, typ: Option<&str>) -> bool {
        let Some(typ) = typ else {
            return self.may_be_absent;
        };
        let bare = short(typ);
        self.allowed
            .iter()
            .any(|allowed| short(allowed).eq_ignore_ascii_case(bare))
    }
}

impl ClaimRules {
    /// When the token ends, leeway included.
    pub fn judge(&self, token: &Token<'_>, now: Timestamp) -> Result<Timestamp, Refusal> {
        self.purpose(token)?;
        let claims = &token.claims;
        let is_missing = |name: &str| claims.get(name).is_none_or(Value::is_null);
        if let Some(name) = self.required.iter().find(|name| is_missing(name)) {
            return Err(malformed(format!("the claim `{name}` is missing")));
        }
        for name in ["iss", "sub"] {
            if claims.get(name).is_some_and(|value| !is_text(value)) {
                return Err(malformed(format!("the claim `{name}` is no text")));
            }
        }
        if claims.get("jti").is_some_and(|value| !value.is_string()) {
            return Err(malformed("the claim `jti` is no text"));
        }
        let ends = self.times(claims, now)?;
        self.audience.admit(claims)?;
        self.expectations(claims)?;
        Ok(ends)
    }

    /// An ID token, a logout token or a proof of possession is no permission to call anything, whoever signed it.
    fn purpose(&self, token: &Token<'_>) -> Result<(), Refusal> {
        let other = |why: &'static str| Err(Refusal::new(Code::CredentialRefused, why));
        let own = |typ: &str| short(typ).eq_ignore_ascii_case(identity_token::TYPE);
        if token.header.typ.as_deref().is_some_and(own) {
            return other("it tells an upstream who is asking, and asks for nothing itself");
        }
        if !self.types.admit(token.header.typ.as_deref()) {
            return other("`typ` of the header is not one that is taken here");
        }
        // OpenID Connect Core section 2: it ties an ID token to a login. Some issuers write it into their access tokens,
        // too, and then say in one of two places that they are such.
        let is_typed = token
            .header
            .typ
            .as_deref()
            .is_some_and(|typ| short(typ).eq_ignore_ascii_case("at+jwt"));
        let is_bearer = token.claims.get("typ").is_some_and(|typ| typ == "Bearer");
        if token.claims.contains_key("nonce") && !is_typed && !is_bearer {
            return other("it carries the `nonce` of a login, as ID tokens do");
        }
        is_for_calling(&token.claims)
    }

    fn times(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, Refusal> {
        let (now, leeway) = (now.as_millis(), millis(self.leeway));
        let issued = time(claims, "iat", Rounded::Up)?;
        let begins = time(claims, "nbf", Rounded::Up)?;
        let expires = time(claims, "exp", Rounded::Down)?.ok_or_else(|| malformed("the claim `exp` is missing"))?;
        let oldest = match (self.max_lifetime, issued) {
            (None, _) => u64::MAX,
            (Some(_), None) => return Err(malformed("the claim `iat` is missing, which `max_lifetime` needs")),
            (Some(lifetime), Some(issued)) => issued.saturating_add(millis(lifetime)),
        };
        if now >= expires.saturating_add(leeway) {
            return Err(Refusal::new(Code::TokenExpired, "the token has expired"));
        }
        if now >= oldest.saturating_add(leeway) {
            return Err(Refusal::new(
                Code::TokenExpired,
                "the token is older than `max_lifetime`",
            ));
        }
        let from_later = |time: Option<u64>| time.is_some_and(|time| time > now.saturating_add(leeway));
        if from_later(begins) {
            return Err(Refusal::new(Code::TokenNotYetValid, "`nbf` is not reached yet"));
        }
        if from_later(issued) {
            return Err(Refusal::new(Code::TokenNotYetValid, "`iat` is not reached yet"));
        }
        Ok(Timestamp::from_millis(expires.min(oldest).saturating_add(leeway)))
    }

    fn expectations(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        for Expected { claim, values } in &self.expected {
            let fits = |value: &Value| values.iter().any(|wanted| says(value, wanted));
            let met = match claims.get(&**claim) {
                Some(Value::Array(list)) => list.iter().any(fits),
                Some(value) => fits(value),
                None => false,
            };
            if !met {
                let why = format!("the claim `{claim}` has none of the values that `require_claims` asks for");
                return Err(Refusal::new(Code::CredentialRefused, why));
            }
        }
        Ok(())
    }
}

fn short(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    }
}

/// Whether the claims are those of a token for calling an API, as far as they say what it is for.
pub fn is_for_calling(claims: &Map<String, Value>) -> Result<(), Refusal> {
    let other = |why: &'static str| Err(Refusal::new(Code::CredentialRefused, why));
    let written = claims.get("typ").and_then(Value::as_str);
    if written.is_some_and(|typ| OTHER_PURPOSES.contains(&typ)) {
        return other("the claim `typ` says that it is no access token");
    }
    if claims.get("token_use").is_some_and(|used| used == "id") {
        return other("the claim `token_use` says that it is an ID token");
    }
    // OpenID Connect Core section 3.3.2.11: hashes of what was given out beside an ID token.
    if ["at_hash", "c_hash", "s_hash"]
        .iter()
        .any(|hash| claims.contains_key(*hash))
    {
        return other("it holds the hash of another token or code, as ID tokens do");
    }
    // RFC 8417 section 2.2: only events have them, logout among these.
    if claims.contains_key("events") {
        return other("it tells of events and is no access token");
    }
    // RFC 7800, RFC 8705, RFC 9449: whoever stole it could use it as a bearer.
    if claims.get("cnf").is_some_and(|bound| !bound.is_null()) {
        return other("it is bound to a key, which is not checked here");
    }
    Ok(())
}

/// Whether `value` is the single value that is written `text`.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Bool(value) => *text == *value.to_string(),
        Value::Number(value) => *text == *value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

#[derive(Clone, Copy)]
pub enum Rounded {
    Up,
    Down,
}

/// A NumericDate (RFC 7519 section 2) in milliseconds, rounded so that the token is good for less and not for more.
pub fn time(claims: &Map<String, Value>, name: &str, rounded: Rounded) -> Result<Option<u64>, Refusal> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let wrong = || malformed(format!("the claim `{name}` is no time"));
    if let Some(seconds) = value.as_u64() {
        return match seconds < SECONDS_END {
            true => Ok(Some(seconds.saturating_mul(1000))),
            false => Err(wrong()),
        };
    }
    let seconds = value.as_f64().ok_or_else(wrong)?;
    #[expect(clippy::cast_precision_loss, reason = "a power of two is kept exactly")]
    if !(0.0..SECONDS_END as f64).contains(&seconds) {
        return Err(wrong());
    }
    let millis = match rounded {
        Rounded::Up => (seconds * 1000.0).ceil(),
        Rounded::Down => (seconds * 1000.0).floor(),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, not negative and below 2^63"
    )]
    Ok(Some(millis as u64))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn malformed(why: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(Code::TokenMalformed, why)
}
