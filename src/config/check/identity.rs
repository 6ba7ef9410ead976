//! The memory for verdicts, and the headers that tell an upstream who is asking.

use std::collections::HashSet;

use http::HeaderName;

use super::Checking;
use crate::config::faults::Code;
use crate::config::raw::{RawCache, RawIdentityHeaders, RawIdentityNames};
use crate::config::reserved;
use crate::config::settings::{At, Field};
use crate::config::spec::{CacheSpec, IdentityNames};

pub(super) fn cache(raw: &RawCache) -> Option<CacheSpec> {
    Some(CacheSpec {
        size: raw.size.value()?.0,
        ttl: raw.ttl.value()?.0,
        negative_ttl: raw.negative_ttl.value()?.0,
    })
}

pub(super) fn names(raw: &RawIdentityHeaders, cx: &mut Checking<'_>) -> Option<IdentityNames> {
    let named = |name| Some(HeaderName::from_static(name));
    let nobody = IdentityNames {
        subject: None,
        method: None,
        roles: None,
        scopes: None,
        email: None,
        token: None,
    };
    match raw {
        RawIdentityHeaders::None => Some(nobody),
        RawIdentityHeaders::Oauth2Proxy => Some(IdentityNames {
            subject: named("x-forwarded-user"),
            roles: named("x-forwarded-groups"),
            email: named("x-forwarded-email"),
            ..nobody
        }),
        RawIdentityHeaders::Authelia => Some(IdentityNames {
            subject: named("remote-user"),
            roles: named("remote-groups"),
            email: named("remote-email"),
            ..nobody
        }),
        RawIdentityHeaders::Named(names) => own_names(names, cx),
    }
}

fn own_names(raw: &RawIdentityNames, cx: &mut Checking<'_>) -> Option<IdentityNames> {
    let mut seen = HashSet::new();
    let mut sound = true;
    for name in raw.all().into_iter().filter_map(|field| field.written()) {
        let text = name.value.as_str();
        sound &= is_free(name, "X-User", cx);
        if !seen.insert(text) {
            let message = format!("`{text}` stands here already; each header tells one thing");
            cx.findings.fault(name.at, Code::KeyConflict, message);
            sound = false;
        }
    }
    let own = |field: &Field<HeaderName>| super::optional(field, |name| Some(name.clone()));
    let names = IdentityNames {
        subject: own(&raw.subject)?,
        method: own(&raw.method)?,
        roles: own(&raw.roles)?,
        scopes: own(&raw.scopes)?,
        email: own(&raw.email)?,
        token: None,
    };
    sound.then_some(names)
}

/// The header that `identity_jwt` names.
pub(super) fn token(field: &Field<HeaderName>, cx: &mut Checking<'_>) -> Option<Option<At<HeaderName>>> {
    match field {
        Field::Bad => None,
        Field::Written(name) => is_free(name, "X-Auth-Identity", cx).then(|| Some(name.clone())),
        Field::Absent | Field::Default(_) => Some(None),
    }
}

/// Whether a header of this name can tell of an identity.
fn is_free(name: &At<HeaderName>, example: &str, cx: &mut Checking<'_>) -> bool {
    let text = name.value.as_str();
    let mut free = true;
    let in_the_way = reserved::is_framing(text)
        || matches!(text, "host" | "authorization" | "cookie" | "content-type")
        || reserved::is_owned(text) && !text.starts_with("x-auth-");
    if in_the_way {
        let message = format!("`{text}` means something else already; choose a name like `{example}`");
        cx.findings.fault(name.at, Code::HeaderReserved, message);
        free = false;
    }
    if text.contains('_') {
        let message = format!("`{text}` has a `_`, which many servers read as `-`; write it with `-`");
        cx.findings.fault(name.at, Code::ValueHeader, message);
        free = false;
    }
    free
}
