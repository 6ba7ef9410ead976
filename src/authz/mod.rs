//! May they have it. The only place that makes a [`Permitted`], and so the only way to an upstream or an endpoint.

use crate::admission::Admitted;
use crate::authn::{Identified, Identity};
use crate::config::spec::Access;
use crate::request::Asked;
use crate::request::body::Payload;
use crate::route::Route;

/// A request that may be answered, and the rule that says so.
///
/// The forwarder and every endpoint take this and nothing else, and nothing but [`Policy::decide`] makes one:
///
/// ```compile_fail
/// use portcullis::authz::{Permitted, Rule};
///
/// fn forge<'s>(identified: portcullis::authn::Identified<'s>) -> Permitted<'s> {
///     let (admitted, identity) = identified.into_parts();
///     Permitted { admitted, identity, rule: Rule::Public }
/// }
/// ```
///
/// Only the private fields stand in the way; without them the same code compiles:
///
/// ```
/// use portcullis::authz::{Permitted, Policy};
///
/// fn honestly<'s>(identified: portcullis::authn::Identified<'s>) -> Permitted<'s> {
///     Policy.decide(identified).expect("a public route is open to everybody")
/// }
/// ```
#[derive(Debug)]
pub struct Permitted<'s> {
    admitted: Admitted<'s>,
    identity: Identity,
    rule: Rule,
}

/// What allowed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The route is open to everybody.
    Public,
    /// The route takes everybody who is known.
    Known,
}

impl Rule {
    /// The name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Known => "known",
        }
    }
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// `authn` lets nobody get this far; whoever does is refused all the same.
    #[error("the route is for those who are known")]
    Unknown,
}

/// The compiled rules.
#[derive(Debug, Default)]
pub struct Policy;

impl Policy {
    pub fn decide<'s>(&self, identified: Identified<'s>) -> Result<Permitted<'s>, PolicyFault> {
        let rule = match (&identified.admitted().route().access, identified.identity()) {
            (Access::Public, _) => Rule::Public,
            (Access::Listed(_), Identity::Known { .. }) => Rule::Known,
            (Access::Listed(list), Identity::Anonymous) if list.or_public => Rule::Public,
            (Access::Listed(_), Identity::Anonymous) => return Err(PolicyFault::Unknown),
        };
        let (admitted, identity) = identified.into_parts();
        Ok(Permitted {
            admitted,
            identity,
            rule,
        })
    }
}

impl<'s> Permitted<'s> {
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Whose request it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn asked(&self) -> &Asked {
        self.admitted.asked()
    }

    pub fn route(&self) -> &'s Route {
        self.admitted.route()
    }

    /// The request, for whoever answers it.
    pub fn into_request(self) -> (&'s Route, Box<Asked>, Payload, Identity) {
        let (asked, payload, route) = self.admitted.into_parts();
        (route, asked, payload, self.identity)
    }
}
