//! Who is asking. This version knows no credentials, so the answer is always "nobody in particular"; which routes that
//! is good enough for is `authz`'s to say.

pub mod fuzz;
pub mod jose;
pub mod method;
mod methods;
pub mod principal;
pub mod refusal;
pub mod supplies;

use std::sync::Arc;

use crate::admission::Admitted;
use crate::config::Kinds;
use crate::config::spec::Access;
use crate::problem::Code;
use principal::Verified;
use refusal::Refusal;

/// For the configuration, which decodes the settings of each kind without knowing one.
pub const KINDS: Kinds = Kinds::new(methods::KINDS);

/// A request of which we know who makes it.
#[derive(Debug)]
pub struct Identified<'s> {
    admitted: Admitted<'s>,
    identity: Identity,
}

#[derive(Clone, Debug)]
pub enum Identity {
    Anonymous,
    Known(Arc<Verified>),
}

/// Why nobody was found to be asking.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    #[error("{0}")]
    Refused(Refusal),
}

/// The ordered ways to become a principal.
#[derive(Debug, Default)]
pub struct Verifier;

impl Verifier {
    pub fn identify<'s>(&self, admitted: Admitted<'s>) -> Result<Identified<'s>, IdentityFault> {
        match &admitted.route().access {
            Access::Public => Ok(Identified {
                admitted,
                identity: Identity::Anonymous,
            }),
            Access::Listed(_) => Err(IdentityFault::Refused(Refusal::new(
                Code::CredentialMissing,
                "no credential was presented",
            ))),
        }
    }
}

impl<'s> Identified<'s> {
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn admitted(&self) -> &Admitted<'s> {
        &self.admitted
    }

    pub fn into_parts(self) -> (Admitted<'s>, Identity) {
        (self.admitted, self.identity)
    }
}
