//! The registry: every way to become a principal, in the order that documentation and `check` list them.

pub(super) mod basic;
mod introspection;
mod jwt;

use super::method::Kind;

pub(super) const KINDS: &[&dyn Kind] = &[&jwt::Jwt, &introspection::Introspection, &basic::Basic];
