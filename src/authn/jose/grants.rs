//! Who a good token speaks of, and what it grants: its claims come in, [`Verified`] comes out. A claim of another shape
//! than the one agreed on grants nothing (JWT-13).

use serde_json::{Map, Value};

use crate::authn::principal::{Handles, Principal, Verified};
use crate::authn::refusal::Refusal;
use crate::base::clock::Timestamp;
use crate::problem::Code;

/// The way to a claim: a name, and names inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<Box<str>>);

impl ClaimPath {
    pub fn of<S: Into<Box<str>>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self(segments.into_iter().map(Into::into).collect())
    }

    /// Names with dots between them.
    pub fn dotted(path: &str) -> Self {
        Self::of(path.split('.'))
    }

    fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, rest) = self.0.split_first()?;
        let first = claims.get(&**first)?;
        rest.iter()
            .try_fold(first, |value, name| value.as_object()?.get(&**name))
    }
}

/// Where the claims are that make a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    pub subject: ClaimPath,
    pub roles: ClaimPath,
    pub scopes: ClaimPath,
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            subject: ClaimPath::of(["sub"]),
            roles: ClaimPath::of(["roles"]),
            scopes: ClaimPath::of(["scope"]),
        }
    }
}

impl Grants {
    /// Whoever `claims` speak of, until `expires`.
    pub fn read(&self, claims: Map<String, Value>, expires: Timestamp) -> Result<Verified, Refusal> {
        let subject = self.subject.find(&claims).and_then(Value::as_str);
        let Some(id) = subject.filter(|id| !id.is_empty()) else {
            return Err(Refusal::new(
                Code::TokenMalformed,
                "the claim that `subject_from` names is no text",
            ));
        };
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(Box::from);
        // Anybody can ask an issuer to write any address down; only one that was checked says who somebody is.
        let is_checked = claims.get("email_verified") == Some(&Value::Bool(true));
        let principal = Principal {
            id: id.into(),
            roles: self.roles.find(&claims).map(roles).unwrap_or_default(),
            scopes: self.scopes.find(&claims).map(scopes).unwrap_or_default(),
            email: text("email").filter(|_| is_checked),
            ..Principal::default()
        };
        let handles = Handles {
            token: text("jti"),
            session: text("sid"),
            ..Handles::default()
        };
        Ok(Verified {
            principal: Principal { claims, ..principal },
            expires: Some(expires),
            handles,
            ..Verified::default()
        })
    }
}

/// A list of texts, or one text, which is one role whatever stands in it.
fn roles(value: &Value) -> Vec<Box<str>> {
    match value {
        Value::String(one) if !one.is_empty() => vec![one.as_str().into()],
        Value::Array(list) => texts(list),
        _ => Vec::new(),
    }
}

/// A list of texts, or one text with single spaces between the scopes (RFC 6749 section 3.3).
fn scopes(value: &Value) -> Vec<Box<str>> {
    match value {
        Value::String(joined) => joined
            .split(' ')
            .filter(|scope| !scope.is_empty())
            .map(Into::into)
            .collect(),
        Value::Array(list) => texts(list),
        _ => Vec::new(),
    }
}

/// All of them, or none where one is no text: half a list is not what the issuer wrote.
fn texts(list: &[Value]) -> Vec<Box<str>> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(Into::into);
    list.iter().map(text).collect::<Option<Vec<_>>>().unwrap_or_default()
}
