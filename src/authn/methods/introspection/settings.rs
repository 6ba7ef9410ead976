//! The settings of `introspection` as they are typed, and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use super::answer::Judging;
use super::{Client, IntrospectionPlan};
use crate::authn::jose::ClaimPath;
use crate::authn::jose::claims::Audience;
use crate::authn::method::{Called, Place, Reads, Share};
use crate::authn::methods::jwt::values::{OneOrMore, PathText, WebUrl};
use crate::config::settings::{Field, settings};
use crate::config::values::{SecretText, Time, Written};

/// How long a token that was taken back may go on to be good.
const TTL: Duration = Duration::from_secs(60);
/// As for tokens that are judged here.
const LEEWAY: Duration = Duration::from_secs(30);

settings! {
    /// Tokens whose issuer is asked about each (RFC 7662): for tokens that say nothing themselves. Of the authenticators of
    /// a route it gets the bearer tokens that no other takes.
    struct IntrospectionSettings as "introspection" {
        /// The introspection endpoint of the issuer.
        required url: WebUrl,
        /// The id that this gateway has at the issuer.
        required client_id: Written,
        /// The secret that goes with it. Both are sent as user and password (`client_secret_basic`).
        required client_secret: SecretText,
        /// How long a good answer is remembered, never beyond the end of the token. As long, a token that the issuer takes
        /// back goes on to be good. With `0s` the issuer is asked for each request.
        default ttl: Time<0, 3_600_000> = Time(TTL),
        /// Whom tokens must be for: one of these must stand in `aud` of the answer. Without it, tokens that the issuer made
        /// for others are good here, too.
        optional audience: OneOrMore,
        /// What `iss` of the answer must be.
        optional issuer: Written,
        /// Where the roles are in the answer: names with dots between them, or a list of names where one holds a dot itself.
        default roles_from: PathText = PathText::dotted("roles"),
        /// Where the scopes are.
        default scopes_from: PathText = PathText::dotted("scope"),
        /// Where the id of the principal is. Without it: `sub`, else `username`, else `client_id`.
        optional subject_from: PathText,
        /// How far the clocks of the issuer and of this machine may differ.
        default leeway: Time<0, 60_000> = Time(LEEWAY),
    }
}

impl IntrospectionSettings {
    pub(super) fn check(&self) -> Option<IntrospectionPlan> {
        let judging = Judging {
            audience: match optional(&self.audience)? {
                Some(texts) => Audience::OneOf(boxed(&texts.0)),
                None => Audience::Any,
            },
            issuer: optional(&self.issuer)?.map(|issuer| (&*issuer.text).into()),
            subject: optional(&self.subject_from)?.map(path),
            roles: path(self.roles_from.value()?),
            scopes: path(self.scopes_from.value()?),
            leeway: self.leeway.value()?.0,
        };
        Some(IntrospectionPlan {
            reads: [Reads::share(Place::Bearer, Share::Rest)],
            called: Called {
                url: self.url.value()?.0.as_str().into(),
                at: self.url.place(self.at),
            },
            client: Arc::new(Client {
                id: (&*self.client_id.value()?.text).into(),
                secret: self.client_secret.value()?.0.clone(),
            }),
            ttl: self.ttl.value()?.0,
            judging: Arc::new(judging),
        })
    }
}

/// `None` where what is written could not be read.
#[expect(clippy::option_option, reason = "a fault and nothing are two things")]
fn optional<T>(field: &Field<T>) -> Option<Option<&T>> {
    match field {
        Field::Bad => None,
        field => Some(field.value()),
    }
}

fn path(text: &PathText) -> ClaimPath {
    ClaimPath::of(boxed(&text.0))
}

fn boxed(texts: &[Arc<str>]) -> Vec<Box<str>> {
    texts.iter().map(|text| (&**text).into()).collect()
}
