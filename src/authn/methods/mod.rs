//! The registry: every way to become a principal, in the order that documentation and `check` list them.

mod api_key;
pub(super) mod basic;
mod introspection;
mod jwt;
pub mod signature;

use super::method::Kind;

pub(super) const KINDS: &[&dyn Kind] = &[
    &jwt::Jwt,
    &api_key::ApiKey,
    &signature::Signature,
    &introspection::Introspection,
    &basic::Basic,
];
