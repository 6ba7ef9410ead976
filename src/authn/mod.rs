//! Who is asking. This version knows no credentials, so the answer is always "nobody in particular"; which routes that
//! is good enough for is `authz`'s to say.

use crate::admission::Admitted;

/// A request of which we know who makes it.
#[derive(Debug)]
pub struct Identified<'s> {
    admitted: Admitted<'s>,
    identity: Identity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Anonymous,
}

/// What can go wrong while finding out who asks: nothing, as long as nobody presents anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {}

/// The ordered ways to become a principal.
#[derive(Debug, Default)]
pub struct Verifier;

impl Verifier {
    pub fn identify<'s>(&self, admitted: Admitted<'s>) -> Result<Identified<'s>, IdentityFault> {
        Ok(Identified {
            admitted,
            identity: Identity::Anonymous,
        })
    }
}

impl<'s> Identified<'s> {
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn admitted(&self) -> &Admitted<'s> {
        &self.admitted
    }

    pub fn into_admitted(self) -> Admitted<'s> {
        self.admitted
    }
}
