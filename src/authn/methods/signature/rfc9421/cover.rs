//! What a signature must cover, whatever its maker would like (HM-02): a client that signs less proves less, and who
//! repeats its signature on another request would be believed.

use sfv::{BareItem, InnerList};

use super::components::Component;
use crate::authn::methods::signature::digest;

/// The least there is, and what the settings ask for besides.
#[derive(Clone, Debug, Default)]
pub(in crate::authn::methods::signature) struct Cover(Vec<Box<str>>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CoverFault {
    #[error("the signature does not cover `{0}`")]
    Missing(Box<str>),
    #[error("the signature covers neither `@target-uri` nor all of `@path`, `@query` and `@authority`")]
    Target,
}

impl Cover {
    pub(in crate::authn::methods::signature) fn new(more: Vec<Box<str>>) -> Self {
        Self(more)
    }

    pub(super) fn admit(&self, covered: &InnerList, has_body: bool) -> Result<(), CoverFault> {
        let needed = |name: &str| match covers(covered, name) {
            true => Ok(()),
            false => Err(CoverFault::Missing(name.into())),
        };
        needed("@method")?;
        let parts = ["@path", "@query", "@authority"];
        if !covers(covered, "@target-uri") && !parts.iter().all(|part| covers(covered, part)) {
            return Err(CoverFault::Target);
        }
        if has_body {
            needed(digest::NAME)?;
        }
        self.0
            .iter()
            // A list in the file may name it for all requests; one without a body has nothing to digest.
            .filter(|name| has_body || &***name != digest::NAME)
            .try_for_each(|name| needed(name))
    }
}

/// Whether it stands there without parameters.
pub(super) fn covers(covered: &InnerList, name: &str) -> bool {
    covered.items.iter().any(|item| {
        let is_named = matches!(&item.bare_item, BareItem::String(text) if text.as_str() == name);
        is_named && item.params.is_empty()
    })
}

/// Whether `cover` of the settings may name it.
pub(in crate::authn::methods::signature) fn is_component(name: &str) -> bool {
    Component::named(name).is_some()
}
