//! From the settings of `jwt` to a plan: which keys, for which algorithms, and what excludes what.

use std::path::Path;
use std::sync::Arc;

use super::KeyPlan;
use super::settings::JwtSettings;
use super::values::{AudienceText, PathText, Remembering, WebUrl, web_url};
use super::{Judging, JwtPlan};
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::claims::{Audience, ClaimRules, Expected, Types};
use crate::authn::jose::keys::{KeyFault, KeySet};
use crate::authn::jose::{ClaimPath, Grants};
use crate::authn::jwks::RemoteKeys;
use crate::authn::method::{Called, Reads, Share};
use crate::base::secret::Secret;
use crate::config::faults::Code;
use crate::config::node::Span;
use crate::config::settings::{At, Decoding, Field, listed};
use crate::config::values::{SecretText, Written};

/// A set of keys is asked for over the network with the same limit (KEY-01).
const KEYS_FILE_MAX: u64 = 1024 * 1024;

/// `None` means that a fault is told.
pub(super) fn of(settings: &JwtSettings, cx: &mut Decoding<'_>) -> Option<JwtPlan> {
    let source = source(settings, cx);
    let algorithms = source.as_ref().and_then(|source| algorithms(settings, source, cx));
    let issuer = source.as_ref().and_then(|source| issuer(settings, source, cx));
    let (rules, reads) = (rules(settings, cx), places(settings, cx));
    let (source, algorithms, issuer) = (source?, algorithms?, issuer?);
    let keys = keys(&source, &algorithms, issuer.as_deref(), cx);
    let calls = calls(settings, &source);
    let share = match &issuer {
        Some(issuer) => Share::Issuer(issuer.clone()),
        None => Share::OtherIssuers,
    };
    let reads = reads?
        .into_iter()
        .map(|place| Reads::share(place, share.clone()))
        .collect();
    Some(JwtPlan {
        reads,
        judging: Arc::new(Judging {
            issuer,
            algorithms,
            rules: rules?,
            grants: Grants {
                subject: path(settings.subject_from.value()?),
                roles: path(settings.roles_from.value()?),
                scopes: path(settings.scopes_from.value()?),
            },
        }),
        keys: keys?,
        calls,
        remembers: *settings.cache.value()? == Remembering::On,
    })
}

/// Where the keys come from, as written.
enum Source<'s> {
    Discovery,
    Url(&'s WebUrl),
    File(&'s At<Written>),
    Pem(&'s At<Written>),
    Secret(&'s At<SecretText>),
}

impl Source<'_> {
    fn is_fetched(&self) -> bool {
        matches!(self, Self::Discovery | Self::Url(_))
    }

    fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

fn source<'s>(settings: &'s JwtSettings, cx: &mut Decoding<'_>) -> Option<Source<'s>> {
    let JwtSettings {
        jwks_url,
        jwks_file,
        public_key,
        secret,
        ..
    } = settings;
    let mut written: Vec<(&str, Span, Option<Source<'s>>)> = Vec::new();
    let mut note = |name, field: Option<(Span, Option<Source<'s>>)>| {
        written.extend(field.map(|(at, source)| (name, at, source)));
    };
    note("jwks_url", stands(jwks_url, settings.at, |url| Source::Url(&url.value)));
    note("jwks_file", stands(jwks_file, settings.at, Source::File));
    note("public_key", stands(public_key, settings.at, Source::Pem));
    note("secret", stands(secret, settings.at, Source::Secret));
    let names: Vec<&str> = written.iter().map(|(name, ..)| *name).collect();
    if names.len() > 1 {
        let at = written.last().map_or(settings.at, |(_, at, _)| *at);
        let message = format!(
            "{} exclude each other; keep the one that says where the keys are",
            listed(&names)
        );
        cx.fault(at, Code::KeyConflict, message);
        return None;
    }
    match written.pop() {
        Some((.., source)) => source,
        None => Some(Source::Discovery),
    }
}

/// A field that was written, and what is made of it unless it is bad.
fn stands<'f, T, M>(
    field: &'f Field<T>,
    otherwise: Span,
    make: impl FnOnce(&'f At<T>) -> M,
) -> Option<(Span, Option<M>)> {
    (!field.is_absent()).then(|| (field.place(otherwise), field.written().map(make)))
}

/// The algorithms that tokens may name: for one kind of keys only, so that a public key is never used as a secret.
fn algorithms(settings: &JwtSettings, source: &Source<'_>, cx: &mut Decoding<'_>) -> Option<Vec<Algorithm>> {
    if settings.algorithms.is_absent() {
        return Some(match source.is_secret() {
            true => vec![Algorithm::Hs256],
            false => Algorithm::public(),
        });
    }
    let At { value: list, at } = settings.algorithms.written()?;
    let names: Vec<Algorithm> = list.values().copied().collect();
    let symmetric = names.iter().filter(|name| name.is_symmetric()).count();
    let fault = if list.is_empty() {
        Some((
            Code::ValueEmpty,
            "no token can be signed with nothing; leave `algorithms` out for the default",
        ))
    } else if symmetric > 0 && symmetric < names.len() {
        let message = "algorithms with a secret and algorithms with a public key never stand together: who knows the \
                       public key could sign; make two authenticators";
        Some((Code::KeyConflict, message))
    } else if symmetric > 0 && !source.is_secret() {
        Some((
            Code::KeyConflict,
            "HS256, HS384 and HS512 need `secret`; keys that are public can sign nothing",
        ))
    } else if symmetric < names.len() && source.is_secret() {
        Some((Code::KeyConflict, "a `secret` is for HS256, HS384 or HS512 only"))
    } else if names.len() > 1 && matches!(source, Source::Pem(_) | Source::Secret(_)) {
        Some((Code::KeyConflict, "one key is for one algorithm; write that one alone"))
    } else {
        None
    };
    if let Some((code, message)) = fault {
        cx.fault(*at, code, message);
        return None;
    }
    list.whole.then_some(names)
}

/// The one issuer, or none where any may be.
#[expect(clippy::option_option, reason = "a fault and any issuer are two things")]
fn issuer(settings: &JwtSettings, source: &Source<'_>, cx: &mut Decoding<'_>) -> Option<Option<Box<str>>> {
    let At { value, at } = settings.issuer.written()?;
    let is_any = &*value.text == "any";
    if is_any && source.is_fetched() {
        let message = "`issuer: any` leaves open whose keys are good; it stands only beside `jwks_file`, `public_key` \
                       or `secret`";
        cx.fault(*at, Code::KeyConflict, message);
        return None;
    }
    let answers = || web_url(&value.text).is_some_and(|url| url.query().is_none());
    if matches!(source, Source::Discovery) && !answers() {
        let message = format!(
            "`{}` is not a URL, so the keys of this issuer cannot be found through it; write `jwks_url`, `jwks_file` \
             or `public_key`",
            value.shown()
        );
        cx.fault(*at, Code::ValueUrl, message);
        return None;
    }
    Some((!is_any).then(|| (&*value.text).into()))
}

fn keys(source: &Source<'_>, algorithms: &[Algorithm], issuer: Option<&str>, cx: &mut Decoding<'_>) -> Option<KeyPlan> {
    let remote = |jwks_url| {
        KeyPlan::Remote(RemoteKeys {
            issuer: issuer.map(Into::into),
            jwks_url,
            algorithms: algorithms.to_vec(),
        })
    };
    let keys = match source {
        Source::Discovery => return Some(remote(None)),
        Source::Url(url) => return Some(remote(Some(url.0.to_string()))),
        Source::File(file) => set(file, algorithms, cx)?,
        Source::Pem(file) => {
            let pem = cx.file(Path::new(&*file.value.text), file.at, KEYS_FILE_MAX)?;
            let keys = KeySet::from_pem(&pem, algorithms);
            keys.map_err(|fault| unfit(file, &fault, cx)).ok()?
        }
        Source::Secret(secret) => shared(&secret.value.0, secret.at, algorithms, cx)?,
    };
    Some(KeyPlan::Static(Arc::new(keys)))
}

fn calls(settings: &JwtSettings, source: &Source<'_>) -> Vec<Called> {
    let called = match source {
        Source::Discovery => settings.issuer.written().map(|issuer| (&*issuer.value.text, issuer.at)),
        Source::Url(url) => Some((url.0.as_str(), settings.jwks_url.place(settings.at))),
        Source::File(_) | Source::Pem(_) | Source::Secret(_) => None,
    };
    let called = called.map(|(url, at)| Called { url: url.into(), at });
    called.into_iter().collect()
}

fn set(file: &At<Written>, algorithms: &[Algorithm], cx: &mut Decoding<'_>) -> Option<KeySet> {
    let bytes = cx.file(Path::new(&*file.value.text), file.at, KEYS_FILE_MAX)?;
    let read = KeySet::from_jwks(&bytes, algorithms);
    let (keys, skipped) = read.map_err(|fault| unfit(file, &fault, cx)).ok()?;
    for skipped in &skipped {
        let message = format!(
            "key {} of {} is not used: {}",
            skipped.place + 1,
            file.value.shown(),
            skipped.why
        );
        cx.findings.warn(file.at, Code::ValueKey, message);
    }
    if keys.is_empty() {
        let message = format!("{} holds no key that can be used", file.value.shown());
        cx.fault(file.at, Code::ValueKey, message);
        return None;
    }
    Some(keys)
}

fn shared(secret: &Secret, at: Span, algorithms: &[Algorithm], cx: &mut Decoding<'_>) -> Option<KeySet> {
    let keys = KeySet::from_secret(secret, *algorithms.first()?);
    let told = keys.map_err(|fault| cx.fault(at, Code::SecretWeak, format!("{fault}; make a longer one")));
    told.ok()
}

fn unfit(file: &At<Written>, fault: &KeyFault, cx: &mut Decoding<'_>) {
    let message = format!("{} holds no key that can be used: {fault}", file.value.shown());
    cx.fault(file.at, Code::ValueKey, message);
}

fn rules(settings: &JwtSettings, cx: &mut Decoding<'_>) -> Option<ClaimRules> {
    let required = required(settings, cx);
    let expected = match &settings.require_claims {
        Field::Absent | Field::Default(_) => Vec::new(),
        Field::Bad => return None,
        Field::Written(map) if !map.value.whole => return None,
        Field::Written(map) => {
            let claim = |(name, values): &(At<super::values::ClaimName>, At<super::values::OneOrMore>)| Expected {
                claim: (&*name.value.0).into(),
                values: boxed(&values.value.0),
            };
            map.value.entries.iter().map(claim).collect()
        }
    };
    let types = match &settings.typ {
        Field::Absent | Field::Default(_) => Types::default(),
        Field::Bad => return None,
        Field::Written(written) => Types::only(boxed(&written.value.0)),
    };
    let max_lifetime = match &settings.max_lifetime {
        Field::Bad => return None,
        field => field.value().map(|time| time.0),
    };
    Some(ClaimRules {
        audience: match settings.audience.value()? {
            AudienceText::Any => Audience::Any,
            AudienceText::OneOf(texts) => Audience::OneOf(boxed(texts)),
        },
        leeway: settings.leeway.value()?.0,
        max_lifetime,
        required: required?,
        expected,
        types,
    })
}

/// The list may grow, and shrink only by what nothing else relies on (JWT-06).
fn required(settings: &JwtSettings, cx: &mut Decoding<'_>) -> Option<Vec<Box<str>>> {
    let list = settings.required.value()?;
    let names: Vec<&str> = list.values().map(|claim| &*claim.0).collect();
    let may_lack = |name: &str| match name {
        "aud" => matches!(settings.audience.value(), Some(AudienceText::Any) | None),
        "sub" => !settings.subject_from.is_absent(),
        _ => false,
    };
    let lacking = ["exp", "iss", "aud", "sub"]
        .into_iter()
        .filter(|name| !names.contains(name) && !may_lack(name));
    let lacking: Vec<&str> = lacking.collect();
    if list.whole && !lacking.is_empty() {
        let message = format!(
            "{} must be in the list, too; only `aud` may be left out beside `audience: any`, and `sub` beside \
             `subject_from`",
            listed(&lacking)
        );
        cx.fault(settings.required.place(settings.at), Code::ValueMissing, message);
        return None;
    }
    list.whole.then(|| names.into_iter().map(Into::into).collect())
}

fn places(settings: &JwtSettings, cx: &mut Decoding<'_>) -> Option<Vec<crate::authn::method::Place>> {
    let list = settings.from.value()?;
    let at = settings.from.place(settings.at);
    if list.is_empty() {
        cx.fault(
            at,
            Code::ValueEmpty,
            "no token would ever be found; leave `from` out for `bearer`",
        );
        return None;
    }
    for (index, item) in list.items.iter().enumerate() {
        if list.values().take(index).any(|other| *other == item.value) {
            cx.fault(item.at, Code::KeyConflict, "this stands in the list already; keep one");
            return None;
        }
    }
    list.whole.then(|| list.values().map(|from| from.0.clone()).collect())
}

fn path(text: &PathText) -> ClaimPath {
    ClaimPath::of(boxed(&text.0))
}

fn boxed(texts: &[Arc<str>]) -> Vec<Box<str>> {
    texts.iter().map(|text| (&**text).into()).collect()
}
