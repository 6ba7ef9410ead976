//! The signature base (RFC 9421 section 2.5): the text that is signed. The covered components go in, in the order they
//! were sent, and the head of a message they are taken from.

use std::collections::HashSet;
use std::fmt::Write;

use sfv::{FieldType, InnerList, List, ListEntry};

use super::components::{Component, ComponentFault, Values};
use crate::authn::methods::signature::head::Head;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::authn::methods::signature) enum BaseFault {
    #[error("{0} is covered twice")]
    Repeated(String),
    #[error("{0}: {1}")]
    Component(String, ComponentFault),
    #[error("the parameters of the signature cannot be written")]
    Parameters,
}

pub(in crate::authn::methods::signature) fn base(covered: &InnerList, head: &Head<'_>) -> Result<String, BaseFault> {
    let mut base = String::new();
    let mut seen = HashSet::new();
    let values = Values::of(head);
    for item in &covered.items {
        let identifier = item.serialize();
        if seen.contains(&identifier) {
            return Err(BaseFault::Repeated(identifier));
        }
        let value = Component::read(item).and_then(|component| values.value(&component));
        match value {
            // Writing to a `String` cannot fail.
            Ok(value) => _ = writeln!(base, "{identifier}: {value}"),
            Err(fault) => return Err(BaseFault::Component(identifier, fault)),
        }
        seen.insert(identifier);
    }
    let parameters = parameters(covered).ok_or(BaseFault::Parameters)?;
    let _ = write!(base, "\"@signature-params\": {parameters}");
    Ok(base)
}

/// The components and parameters as `Signature-Input` and the last line of the base have them.
pub(in crate::authn::methods::signature) fn parameters(covered: &InnerList) -> Option<String> {
    let list: List = vec![ListEntry::InnerList(covered.clone())];
    list.serialize()
}
