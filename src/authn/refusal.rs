//! Why a credential is not good enough.

use std::borrow::Cow;

use crate::problem::Code;

/// What is wrong with a credential, or with finding that out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the client is told.
    pub code: Code,
    /// The exact reason, for the log only. Never holds any of the credential.
    pub why: Cow<'static, str>,
}

impl Refusal {
    pub fn new(code: Code, why: impl Into<Cow<'static, str>>) -> Self {
        Self { code, why: why.into() }
    }

    /// Whether asking again can only give the same answer: a fault of the credential, not an outage of ours, and none
    /// that time alone mends (CA-06).
    pub fn is_definitive(&self) -> bool {
        self.code.status().is_client_error() && self.code != Code::TokenNotYetValid
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Refusal {}
