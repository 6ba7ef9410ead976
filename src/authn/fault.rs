//! Why a request gets no identity.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::listed::Listed;
use super::refusal::Refusal;
use crate::request::body::BodyFault;

#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    #[error(transparent)]
    Refused(Box<Refused>),
    /// The body that a signature covers did not arrive.
    #[error(transparent)]
    Body(#[from] BodyFault),
}

/// A refusal, by whom, and what the client could present instead.
#[derive(Debug)]
pub struct Refused {
    pub refusal: Refusal,
    /// Absent where it is nobody's credential in particular.
    pub authenticator: Option<Arc<str>>,
    /// Of `WWW-Authenticate`.
    pub challenges: Vec<HeaderValue>,
}

impl Refused {
    pub(super) fn boxed(refusal: Refusal, listed: &Listed, member: Option<usize>) -> IdentityFault {
        let authenticator = member.and_then(|member| listed.members.get(member));
        let authenticator = authenticator.map(|authenticator| Arc::clone(&authenticator.name));
        let challenges = match refusal.code.status() {
            http::StatusCode::UNAUTHORIZED => listed.challenges(member),
            _ => Vec::new(),
        };
        IdentityFault::Refused(Box::new(Self {
            refusal,
            authenticator,
            challenges,
        }))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl std::error::Error for Refused {}
