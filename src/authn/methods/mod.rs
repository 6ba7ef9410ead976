//! The registry: every way to become a principal, in the order that documentation and `check` list them.

pub(super) mod basic;

use super::method::Kind;

pub(super) const KINDS: &[&dyn Kind] = &[&basic::Basic];
