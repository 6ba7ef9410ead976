//! Which operation a method and a path name.

use std::borrow::Cow;

use http::Method;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    Reload,
    ListKeys {
        owner: Option<Box<str>>,
    },
    CreateKey,
    RevokeKey {
        id: Box<str>,
    },
    /// Those of the store after this place in its sequence.
    ListRevocations {
        after: u64,
    },
    Revoke,
}

/// Why there is no such operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Path,
    /// Something is there, for these methods.
    Method(&'static str),
    Query,
}

impl Operation {
    pub fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Unfit> {
        let path = path.strip_prefix("/api/v1/").ok_or(Unfit::Path)?;
        // There is nothing to see beyond what a GET would bring.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        match (path, method) {
            ("reload", &Method::POST) => unasked(query, Self::Reload),
            ("reload", _) => Err(Unfit::Method("POST")),
            ("keys", &Method::GET) => {
                let owner = parameter(query, "owner")?.map(|owner| owner.into());
                Ok(Self::ListKeys { owner })
            }
            ("keys", &Method::POST) => unasked(query, Self::CreateKey),
            ("keys" | "revocations", _) if !matches!(*method, Method::GET | Method::POST) => {
                Err(Unfit::Method("GET, HEAD, POST"))
            }
            ("revocations", &Method::GET) => {
                let after = parameter(query, "after")?.map(|after| after.parse());
                let after = after.transpose().map_err(|_| Unfit::Query)?;
                Ok(Self::ListRevocations {
                    after: after.unwrap_or_default(),
                })
            }
            ("revocations", _) => unasked(query, Self::Revoke),
            (path, method) => match path.strip_prefix("keys/").filter(|id| is_segment(id)) {
                Some(id) if method == Method::DELETE => unasked(query, Self::RevokeKey { id: id.into() }),
                Some(_) => Err(Unfit::Method("DELETE")),
                None => Err(Unfit::Path),
            },
        }
    }

    /// The name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::ListKeys { .. } => "keys.list",
            Self::CreateKey => "keys.create",
            Self::RevokeKey { .. } => "keys.revoke",
            Self::ListRevocations { .. } => "revocations.list",
            Self::Revoke => "revocations.create",
        }
    }

    /// Whether a body may say more.
    pub fn takes_body(&self) -> bool {
        matches!(self, Self::Reload | Self::CreateKey | Self::Revoke)
    }

    /// Whether it changes something, so that it belongs into the record.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::ListKeys { .. } | Self::ListRevocations { .. })
    }
}

fn is_segment(id: &str) -> bool {
    !id.is_empty() && !id.contains('/')
}

/// A query where none means anything was meant to mean something.
fn unasked(query: Option<&str>, operation: Operation) -> Result<Operation, Unfit> {
    match query {
        None | Some("") => Ok(operation),
        Some(_) => Err(Unfit::Query),
    }
}

/// The one parameter that a query may have.
fn parameter<'q>(query: Option<&'q str>, name: &str) -> Result<Option<Cow<'q, str>>, Unfit> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match (pairs.next(), pairs.next()) {
        (None, _) => Ok(None),
        (Some((found, value)), None) if found == name => Ok(Some(value)),
        _ => Err(Unfit::Query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, target: &str) -> Result<Operation, Unfit> {
        let (path, query) = target
            .split_once('?')
            .map_or((target, None), |(path, query)| (path, Some(query)));
        Operation::of(method, path, query)
    }

    #[test]
    fn a_method_and_a_path_name_one_operation() {
        let owner = |owner: Option<&str>| Operation::ListKeys {
            owner: owner.map(Into::into),
        };
        for (method, target, operation) in [
            (Method::POST, "/api/v1/reload", Operation::Reload),
            (Method::GET, "/api/v1/keys", owner(None)),
            (Method::HEAD, "/api/v1/keys", owner(None)),
            (Method::GET, "/api/v1/keys?owner=a%20b", owner(Some("a b"))),
            (Method::POST, "/api/v1/keys", Operation::CreateKey),
            (
                Method::DELETE,
                "/api/v1/keys/abc",
                Operation::RevokeKey { id: "abc".into() },
            ),
            (
                Method::GET,
                "/api/v1/revocations",
                Operation::ListRevocations { after: 0 },
            ),
            (
                Method::GET,
                "/api/v1/revocations?after=7",
                Operation::ListRevocations { after: 7 },
            ),
            (Method::POST, "/api/v1/revocations", Operation::Revoke),
        ] {
            assert_eq!(of(&method, target), Ok(operation), "{method} {target}");
        }
    }

    #[test]
    fn everything_else_is_nothing() {
        for (target, unfit) in [
            ("/api/v1", Unfit::Path),
            ("/api/v1/", Unfit::Path),
            ("/api/v1/keys/", Unfit::Path),
            ("/api/v1/keys/a/b", Unfit::Path),
            ("/api/v1/Keys", Unfit::Path),
            ("/api/v2/keys", Unfit::Path),
            ("/api/v1/config", Unfit::Path),
            ("/api/v1/reload", Unfit::Method("POST")),
            ("/api/v1/keys/abc", Unfit::Method("DELETE")),
            ("/api/v1/keys?name=a", Unfit::Query),
            ("/api/v1/keys?owner=a&owner=b", Unfit::Query),
            ("/api/v1/revocations?after=-1", Unfit::Query),
        ] {
            assert_eq!(of(&Method::GET, target), Err(unfit), "{target}");
        }
        assert_eq!(of(&Method::PUT, "/api/v1/keys"), Err(Unfit::Method("GET, HEAD, POST")));
        assert_eq!(
            of(&Method::DELETE, "/api/v1/revocations"),
            Err(Unfit::Method("GET, HEAD, POST"))
        );
        assert_eq!(of(&Method::POST, "/api/v1/keys?owner=a"), Err(Unfit::Query));
    }
}
