//! That something is not good any more, before its time.

use crate::base::clock::Timestamp;

/// What kind of name a revocation goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// `jti` of a token.
    Token,
    /// The id of an API key or of a signing key.
    Key,
    /// Everything that one principal presents.
    Subject,
    Session,
}

/// What is revoked. Without an authenticator it is revoked wherever it comes from; a subject always has one, because
/// equal ids of two authenticators are two principals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    what: What,
    authenticator: Option<Box<str>>,
    id: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub target: Target,
    /// When nothing that it speaks of can be good anyway, so that it may be forgotten; absent = never.
    pub until: Option<Timestamp>,
}

impl What {
    pub const ALL: [Self; 4] = [Self::Token, Self::Key, Self::Subject, Self::Session];

    /// The word in the store and in the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Key => "key",
            Self::Subject => "subject",
            Self::Session => "session",
        }
    }

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == word)
    }
}

impl Target {
    /// `None` for a subject that belongs to nobody.
    pub fn new(what: What, authenticator: Option<&str>, id: &str) -> Option<Self> {
        if what == What::Subject && authenticator.is_none() {
            return None;
        }
        Some(Self {
            what,
            authenticator: authenticator.map(Into::into),
            id: id.into(),
        })
    }

    /// A key of the store: its id is nobody else's.
    pub fn key(id: &str) -> Self {
        Self {
            what: What::Key,
            authenticator: None,
            id: id.into(),
        }
    }

    pub fn what(&self) -> What {
        self.what
    }

    pub fn authenticator(&self) -> Option<&str> {
        self.authenticator.as_deref()
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_belongs_to_an_authenticator() {
        assert!(Target::new(What::Subject, None, "alice").is_none());
        assert!(Target::new(What::Subject, Some("idp"), "alice").is_some());
        assert!(Target::new(What::Token, None, "jti").is_some());
    }

    #[test]
    fn every_kind_is_found_by_its_word() {
        for what in What::ALL {
            assert_eq!(What::named(what.as_str()), Some(what));
        }
        assert_eq!(What::named("Token"), None);
    }
}
