//! `jwt`: a token that an identity provider signed. The credential comes in, whoever it speaks of comes out. Keys come
//! from the configuration or from a [`KeySource`]; this file does not know how they are fetched.

mod plan;
mod settings;
pub(super) mod values;

use std::sync::Arc;

use crate::authn::jose::Grants;
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::claims::ClaimRules;
use crate::authn::jose::keys::{KeySet, Unproven};
use crate::authn::jose::token::{self, Token};
use crate::authn::jwks::{KeySource, RemoteKeys};
use crate::authn::method::{Asking, Called, Challenge, Kind, Memory, Method, Plan, Reads, Verdict, at_once, planned};
use crate::authn::principal::Verified;
use crate::authn::refusal::Refusal;
use crate::authn::supplies::Supplies;
use crate::base::clock::Timestamp;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape};
use crate::problem::Code;
use settings::JwtSettings;

pub(super) struct Jwt;

impl Kind for Jwt {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn parse(&self, settings: &Node, cx: &mut Decoding<'_>) -> Option<Arc<dyn crate::config::authenticators::Plan>> {
        let settings = JwtSettings::decode(settings, cx)?;
        plan::of(&settings, cx).map(planned)
    }

    fn describe(&self, book: &mut Book) -> Shape {
        JwtSettings::describe(book)
    }
}

/// Checked settings.
#[derive(Clone, Debug)]
struct JwtPlan {
    reads: Vec<Reads>,
    /// How tokens are judged, apart from the keys.
    judging: Arc<Judging>,
    keys: KeyPlan,
    calls: Vec<Called>,
    remembers: bool,
}

/// What a configuration says of the keys of an issuer.
#[derive(Clone, Debug)]
enum KeyPlan {
    /// They stand in the configuration.
    Static(Arc<KeySet>),
    /// They are fetched.
    Remote(RemoteKeys),
}

/// What every token is held against.
#[derive(Debug)]
struct Judging {
    /// `None`: whoever has the key.
    issuer: Option<Box<str>>,
    algorithms: Vec<Algorithm>,
    rules: ClaimRules,
    grants: Grants,
}

impl Plan for JwtPlan {
    fn reads(&self) -> &[Reads] {
        &self.reads
    }

    fn calls(&self) -> Vec<Called> {
        self.calls.clone()
    }

    fn start(&self, name: &Arc<str>, supplies: &Supplies) -> Arc<dyn Method> {
        let keys = match &self.keys {
            KeyPlan::Static(keys) => Keys::Static(Arc::clone(keys)),
            KeyPlan::Remote(keys) => Keys::Remote(Arc::new(supplies.keyring.remote(name, keys))),
        };
        Arc::new(JwtMethod {
            judging: Arc::clone(&self.judging),
            keys,
            remembers: self.remembers,
        })
    }
}

#[derive(Debug)]
struct JwtMethod {
    judging: Arc<Judging>,
    keys: Keys,
    remembers: bool,
}

#[derive(Debug)]
enum Keys {
    Static(Arc<KeySet>),
    Remote(Arc<dyn KeySource<KeySet>>),
}

impl Method for JwtMethod {
    fn claims(&self, credential: &[u8]) -> Result<(), Refusal> {
        let named = token::unverified_issuer(credential)?;
        match &self.judging.issuer {
            Some(issuer) if named.as_deref() != Some(issuer) => Err(foreign()),
            _ => Ok(()),
        }
    }

    fn verify<'a>(&'a self, credential: &'a [u8], asking: Asking<'a>) -> Verdict<'a> {
        self.settle(credential, asking.now)
    }

    fn challenge(&self) -> Challenge {
        Challenge {
            plain: "Bearer realm=\"portcullis\"".to_owned(),
            is_bearer: true,
        }
    }

    fn memory(&self) -> Memory {
        match self.remembers {
            true => Memory::Verdict { ttl: None },
            false => Memory::Never,
        }
    }

    fn generation(&self) -> u64 {
        match &self.keys {
            Keys::Static(_) => 0,
            Keys::Remote(source) => source.generation(),
        }
    }
}

impl JwtMethod {
    fn settle<'a>(&'a self, credential: &'a [u8], now: Timestamp) -> Verdict<'a> {
        let token = match self.judging.admit(credential) {
            Ok(token) => token,
            Err(refusal) => return at_once(Err(refusal)),
        };
        match &self.keys {
            Keys::Static(keys) => {
                let verified = keys.verify(&token).map_err(unproven);
                at_once(verified.and_then(|()| self.judging.judge(token, now)))
            }
            Keys::Remote(source) => Box::pin(async move {
                proven_by(&**source, &token).await?;
                self.judging.judge(token, now)
            }),
        }
    }
}

impl Judging {
    /// What can be said of a token before its signature is looked at, and no more than what a stranger may know.
    fn admit<'t>(&self, credential: &'t [u8]) -> Result<Token<'t>, Refusal> {
        let token = Token::read(credential)?;
        if self.issuer.is_some() && token.issuer() != self.issuer.as_deref() {
            return Err(foreign());
        }
        let is_allowed = |algorithm: Algorithm| self.algorithms.contains(&algorithm);
        match token.header.algorithm.is_some_and(is_allowed) {
            true => Ok(token),
            false => Err(Refusal::new(
                Code::TokenSignature,
                "the token names an algorithm that is not allowed",
            )),
        }
    }

    /// What is told only now that the signature was right.
    fn judge(&self, token: Token<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        let ends = self.rules.judge(&token, now)?;
        self.grants.read(token.claims, ends)
    }
}

/// Whether the keys of `source` confirm `token`; a key that is not there yet is asked for.
async fn proven_by(source: &dyn KeySource<KeySet>, token: &Token<'_>) -> Result<(), Refusal> {
    let kid = token.header.kid.as_deref();
    if source.current().is_none() {
        // The gateway may just have started; whoever comes then waits for the first fetch.
        source.refetch(kid.unwrap_or_default()).await;
    }
    let verdict = current(source)?.verify(token);
    match (verdict, kid) {
        (Err(Unproven::UnknownKey), Some(kid)) => {
            let was_answered = source.refetch(kid).await;
            match current(source)?.verify(token) {
                // Nobody could say whether there is such a key: that is no fault of the token.
                Err(Unproven::UnknownKey) if !was_answered => Err(Refusal::new(
                    Code::IssuerUnavailable,
                    "the token names an unknown key, and the issuer cannot be asked for it",
                )),
                verdict => verdict.map_err(unproven),
            }
        }
        (verdict, _) => verdict.map_err(unproven),
    }
}

fn current(source: &dyn KeySource<KeySet>) -> Result<Arc<KeySet>, Refusal> {
    let unavailable = || Refusal::new(Code::IssuerUnavailable, "no key of the issuer could be fetched yet");
    source.current().ok_or_else(unavailable)
}

/// Which of its reasons it was is for the log: a stranger learns nothing about the keys there are.
fn unproven(why: Unproven) -> Refusal {
    let why = match why {
        Unproven::UnknownKey => "no key has the id and the algorithm that the token names",
        Unproven::Nameless => "the token names no key, and there is not exactly one for its algorithm",
        Unproven::Signature => "the signature does not fit",
    };
    Refusal::new(Code::TokenSignature, why)
}

fn foreign() -> Refusal {
    Refusal::new(
        Code::TokenIssuer,
        "the token names another issuer than this authenticator",
    )
}

#[cfg(test)]
mod tests;
