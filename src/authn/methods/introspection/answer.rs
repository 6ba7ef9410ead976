//! What an issuer says about a token (RFC 7662 section 2.2): its answer comes in, whoever the token speaks of comes out.
//! An answer that is not as agreed says nothing: then it is the issuer that is at fault, and nothing is remembered.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

use super::unavailable;
use crate::authn::jose::claims::{Audience, Rounded, is_for_calling, time};
use crate::authn::jose::{ClaimPath, Grants, json};
use crate::authn::principal::Verified;
use crate::authn::refusal::Refusal;
use crate::base::clock::Timestamp;
use crate::outbound::Answer;
use crate::problem::Code;

/// It is kept with the verdict; those of busy issuers have 2 KiB.
const ANSWER_MAX: usize = 64 * 1024;

/// What every answer is held against.
#[derive(Debug)]
pub(super) struct Judging {
    pub(super) audience: Audience,
    pub(super) issuer: Option<Box<str>>,
    /// `None`: whatever the issuer names first.
    pub(super) subject: Option<ClaimPath>,
    pub(super) roles: ClaimPath,
    pub(super) scopes: ClaimPath,
    pub(super) leeway: Duration,
}

impl Judging {
    pub(super) fn judge(&self, answer: &Answer, now: Timestamp) -> Result<Verified, Refusal> {
        let claims = said(answer)?;
        match claims.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Err(refused("the issuer says that the token is not active")),
            _ => return Err(unavailable("its answer does not say whether the token is active")),
        }
        is_usable(&claims)?;
        let ends = self.times(&claims, now).map_err(of_the_issuer)?;
        self.audience.admit(&claims).map_err(of_the_issuer)?;
        let named = claims.get("iss").and_then(Value::as_str);
        if self.issuer.is_some() && named != self.issuer.as_deref() {
            return Err(Refusal::new(Code::TokenIssuer, "`iss` of the answer is another issuer"));
        }
        self.principal(claims, ends)
    }

    /// When the token ends, leeway included; an answer need not say it.
    fn times(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
        let leeway = u64::try_from(self.leeway.as_millis()).unwrap_or(u64::MAX);
        let begins = time(claims, "nbf", Rounded::Up)?;
        let ends = time(claims, "exp", Rounded::Down)?.map(|ends| ends.saturating_add(leeway));
        let now = now.as_millis();
        if ends.is_some_and(|ends| now >= ends) {
            return Err(Refusal::new(Code::TokenExpired, "the token has expired"));
        }
        if begins.is_some_and(|begins| begins > now.saturating_add(leeway)) {
            return Err(Refusal::new(Code::TokenNotYetValid, "`nbf` is not reached yet"));
        }
        Ok(ends.map(Timestamp::from_millis))
    }

    fn principal(&self, claims: Map<String, Value>, ends: Option<Timestamp>) -> Result<Verified, Refusal> {
        let is_named = |name: &&str| {
            claims
                .get(*name)
                .and_then(Value::as_str)
                .is_some_and(|id| !id.is_empty())
        };
        let first = || ["sub", "username", "client_id"].into_iter().find(is_named);
        let subject = self
            .subject
            .clone()
            .or_else(|| first().map(|name| ClaimPath::of([name])));
        let grants = Grants {
            subject: subject.ok_or_else(|| refused("the answer names nobody"))?,
            roles: self.roles.clone(),
            scopes: self.scopes.clone(),
        };
        let verified = grants.read(claims, ends.unwrap_or(Timestamp::from_millis(0)));
        let verified = verified.map_err(|_| refused("what `subject_from` names in the answer is no text"))?;
        Ok(Verified {
            expires: ends,
            ..verified
        })
    }
}

/// The members of a good answer.
fn said(answer: &Answer) -> Result<Map<String, Value>, Refusal> {
    match answer.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(unavailable(format!(
                "it answered {}: are `client_id` and `client_secret` right?",
                answer.status.as_u16()
            )));
        }
        status => return Err(unavailable(format!("it answered {}", status.as_u16()))),
    }
    if answer.body.len() > ANSWER_MAX {
        return Err(unavailable("its answer is larger than 64 KiB"));
    }
    json::object(&answer.body).map_err(|fault| unavailable(format!("its answer {fault}")))
}

/// An issuer calls its refresh tokens active, too.
fn is_usable(claims: &Map<String, Value>) -> Result<(), Refusal> {
    is_for_calling(claims)?;
    let says = |name: &str, text: &str| claims.get(name).and_then(Value::as_str) == Some(text);
    if says("token_use", "refresh_token") || says("token_type", "refresh_token") {
        return Err(refused("the issuer says that it is a refresh token"));
    }
    Ok(())
}

fn refused(why: &'static str) -> Refusal {
    Refusal::new(Code::CredentialRefused, why)
}

/// A member of another shape than agreed is the fault of whoever wrote it.
fn of_the_issuer(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::TokenMalformed => unavailable(format!("in its answer {refusal}")),
        _ => refusal,
    }
}
