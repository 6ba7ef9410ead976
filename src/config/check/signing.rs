//! What signs, where anything is signed.

use std::sync::Arc;

use super::Checking;
use crate::config::faults::Code;
use crate::config::raw::{RawConfig, RawForward};
use crate::config::settings::{At, Field};
use crate::config::spec::SigningSpec;
use crate::config::values::List;

/// `None` when it is bad; the inner `None` when nothing signs.
#[expect(clippy::option_option, reason = "bad and absent are different things")]
pub(super) fn signing(raw: &RawConfig, cx: &mut Checking<'_>) -> Option<Option<SigningSpec>> {
    let given = match raw.signing.key {
        Field::Bad => return None,
        _ => raw.signing.key.value(),
    };
    if let Some(key) = given {
        return Some(Some(SigningSpec::Given(Arc::clone(&key.0))));
    }
    let mut wanted = tokens(raw).peekable();
    let Some(first) = wanted.peek() else {
        return Some(None);
    };
    match raw.store {
        Field::Bad => None,
        Field::Written(_) => Some(Some(SigningSpec::Kept)),
        Field::Absent | Field::Default(_) => {
            let message = "a key has to sign this token, and there is none: write `signing: { key: \"${file:/path/key.pem}\" }`, \
                           or `store: sqlite://data/portcullis.db`, which keeps one that is made once";
            cx.findings.fault(first.at, Code::StoreMissing, message);
            None
        }
    }
}

/// Wherever `identity_jwt` is written.
fn tokens(raw: &RawConfig) -> impl Iterator<Item = &At<http::HeaderName>> {
    let routes = raw.routes.value().into_iter().flat_map(List::values);
    let of_routes = routes.filter_map(|route| route.forward.value());
    let all = raw.defaults.forward.value().into_iter().chain(of_routes);
    all.filter_map(|forward: &RawForward| forward.identity_jwt.written())
}
