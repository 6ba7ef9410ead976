//! `introspection`: a token that only its issuer understands (RFC 7662). The credential comes in, its issuer is asked,
//! whoever it speaks of comes out. An issuer that cannot be asked is an outage and never the fault of a token.

mod answer;
mod settings;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::authn::method::{Asking, Called, Challenge, Kind, Memory, Method, Plan, Reads, Verdict, at_once, planned};
use crate::authn::principal::Verified;
use crate::authn::refusal::Refusal;
use crate::authn::supplies::Supplies;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape};
use crate::outbound::{Answer, Call, CallError, Location, Outbound};
use crate::problem::Code;
use answer::Judging;
use settings::IntrospectionSettings;

#[cfg(test)]
mod tests;

/// Beyond it nothing is asked: a token is part of a head, and of a form.
const TOKEN_MAX: usize = 8 * 1024;

pub(super) struct Introspection;

impl Kind for Introspection {
    fn name(&self) -> &'static str {
        "introspection"
    }

    fn parse(&self, settings: &Node, cx: &mut Decoding<'_>) -> Option<Arc<dyn crate::config::authenticators::Plan>> {
        IntrospectionSettings::decode(settings, cx)?.check().map(planned)
    }

    fn describe(&self, book: &mut Book) -> Shape {
        IntrospectionSettings::describe(book)
    }
}

/// Checked settings.
#[derive(Debug)]
struct IntrospectionPlan {
    reads: [Reads; 1],
    called: Called,
    client: Arc<Client>,
    ttl: Duration,
    judging: Arc<Judging>,
}

/// Who we are at the issuer.
#[derive(Debug)]
struct Client {
    id: Box<str>,
    secret: Secret,
}

impl Plan for IntrospectionPlan {
    fn reads(&self) -> &[Reads] {
        &self.reads
    }

    fn calls(&self) -> Vec<Called> {
        vec![self.called.clone()]
    }

    fn start(&self, name: &Arc<str>, supplies: &Supplies) -> Arc<dyn Method> {
        Arc::new(self.tokens(name, supplies))
    }
}

impl IntrospectionPlan {
    fn tokens(&self, name: &str, supplies: &Supplies) -> Tokens {
        let server: Box<dyn Ask> = match supplies.outbound.written(&self.called.url) {
            Ok(at) => Box::new(Server {
                outbound: supplies.outbound.clone(),
                at,
                client: Arc::clone(&self.client),
            }),
            Err(fault) => {
                tracing::error!(authenticator = name, %fault, "the introspection URL may not be called");
                Box::new(Nowhere)
            }
        };
        Tokens {
            server,
            judging: Arc::clone(&self.judging),
            ttl: self.ttl,
        }
    }
}

/// Where a token is asked about.
trait Ask: fmt::Debug + Send + Sync {
    /// `None`: there is nobody who may be asked.
    fn ask<'a>(&'a self, token: &'a str) -> Asked<'a>;
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<Option<Answer>, CallError>> + Send + 'a>>;

/// The introspection endpoint of an issuer.
#[derive(Debug)]
struct Server {
    outbound: Outbound,
    at: Location,
    client: Arc<Client>,
}

impl Ask for Server {
    fn ask<'a>(&'a self, token: &'a str) -> Asked<'a> {
        let fields = [("token", token), ("token_type_hint", "access_token")];
        let call = Call::form(self.at.clone(), &fields).with_client(&self.client.id, &self.client.secret);
        Box::pin(async move { self.outbound.call(call).await.map(Some) })
    }
}

/// A URL that `outbound` does not allow: every token is answered with 503, which opens nothing.
#[derive(Debug)]
struct Nowhere;

impl Ask for Nowhere {
    fn ask<'a>(&'a self, _token: &'a str) -> Asked<'a> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// The tokens of one issuer.
#[derive(Debug)]
struct Tokens {
    server: Box<dyn Ask>,
    judging: Arc<Judging>,
    ttl: Duration,
}

impl Method for Tokens {
    fn claims(&self, credential: &[u8]) -> Result<(), Refusal> {
        token(credential).map(|_| ())
    }

    fn verify<'a>(&'a self, credential: &'a [u8], asking: Asking<'a>) -> Verdict<'a> {
        match token(credential) {
            Ok(token) => Box::pin(self.inquire(token, asking.now)),
            Err(refusal) => at_once(Err(refusal)),
        }
    }

    fn challenge(&self) -> Challenge {
        Challenge {
            plain: "Bearer realm=\"portcullis\"".to_owned(),
            is_bearer: true,
        }
    }

    fn memory(&self) -> Memory {
        match self.ttl.is_zero() {
            true => Memory::Never,
            false => Memory::Shared { ttl: Some(self.ttl) },
        }
    }
}

impl Tokens {
    async fn inquire(&self, token: &str, now: Timestamp) -> Result<Verified, Refusal> {
        match self.server.ask(token).await {
            Ok(Some(answer)) => self.judging.judge(&answer, now),
            Ok(None) => Err(unavailable("its URL may not be called")),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// The credential, where it has the characters of a bearer token (`token68`, RFC 9110 section 11.2).
fn token(credential: &[u8]) -> Result<&str, Refusal> {
    let malformed = |why| Refusal::new(Code::TokenMalformed, why);
    if credential.len() > TOKEN_MAX {
        return Err(malformed("the token is longer than 8 KiB"));
    }
    let is_of_one = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let padding = credential.iter().rev().take_while(|byte| **byte == b'=').count();
    let text = std::str::from_utf8(credential).ok();
    let text = text.filter(|text| text.bytes().rev().skip(padding).all(|byte| is_of_one(&byte)));
    text.filter(|text| text.len() > padding)
        .ok_or_else(|| malformed("the token holds characters that no bearer token has"))
}

/// Nothing is known about the token.
fn unavailable(why: impl fmt::Display) -> Refusal {
    Refusal::new(
        Code::IssuerUnavailable,
        format!("the issuer could not be asked about the token: {why}"),
    )
}
