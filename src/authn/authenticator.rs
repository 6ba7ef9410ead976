//! One entry of `auth:`, at work.

use std::sync::Arc;

use super::method::{Memory, Method, Planned, Reads};
use super::supplies::Supplies;
use crate::config::authenticators::AuthenticatorSpec;

/// Kept over a reload as long as its settings stay what they are.
#[derive(Debug)]
pub struct Authenticator {
    pub name: Arc<str>,
    pub kind: &'static str,
    pub(super) method: Arc<dyn Method>,
    pub(super) memory: Memory,
    pub(super) reads: Vec<Reads>,
    /// Differs from that of every other that ever was in this process.
    pub(super) instance: u64,
}

impl Authenticator {
    pub fn start(spec: &AuthenticatorSpec, supplies: &Supplies) -> Self {
        let plan: &Planned = spec
            .plan
            .as_any()
            .downcast_ref()
            .expect("every kind in the registry makes its plans with `planned`");
        let method = plan.0.start(&spec.name, supplies);
        Self {
            name: Arc::clone(&spec.name),
            kind: spec.kind,
            memory: method.memory(),
            reads: spec.plan.reads().to_vec(),
            instance: supplies.next_instance(),
            method,
        }
    }
}
