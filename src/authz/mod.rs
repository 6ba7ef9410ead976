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
///     Permitted { admitted: identified.into_admitted(), rule: Rule::Public }
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
    rule: Rule,
}

/// What allowed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The route is open to everybody.
    Public,
}

impl Rule {
    /// The name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
        }
    }
}

/// Why somebody may not: no rule of this version refuses a known identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {}

/// The compiled rules.
#[derive(Debug, Default)]
pub struct Policy;

impl Policy {
    pub fn decide<'s>(&self, identified: Identified<'s>) -> Result<Permitted<'s>, PolicyFault> {
        let rule = match (&identified.admitted().route().access, identified.identity()) {
            (Access::Public, Identity::Anonymous) => Rule::Public,
        };
        Ok(Permitted {
            admitted: identified.into_admitted(),
            rule,
        })
    }
}

impl<'s> Permitted<'s> {
    pub fn rule(&self) -> Rule {
        self.rule
    }

    pub fn asked(&self) -> &Asked {
        self.admitted.asked()
    }

    pub fn route(&self) -> &'s Route {
        self.admitted.route()
    }

    /// The request, for whoever answers it.
    pub fn into_request(self) -> (&'s Route, Box<Asked>, Payload) {
        let (asked, payload, route) = self.admitted.into_parts();
        (route, asked, payload)
    }
}
