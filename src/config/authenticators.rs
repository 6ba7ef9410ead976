//! What the configuration knows of a way to become a principal: its name, how its settings are decoded, where it looks
//! for credentials. The kinds themselves are `authn`'s, which hands them in as [`Kinds`]; settings stay opaque here.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use http::HeaderName;

use super::node::{Node, Span};
use super::settings::{Book, Decoding, Shape};

/// A kind of authenticator, as `jwt` or `basic`.
pub(crate) trait Kind: Sync {
    fn name(&self) -> &'static str;
    /// Decode and check the settings. Offline; every fault is told with its place. `None` means that one was.
    fn parse(&self, settings: &Node, cx: &mut Decoding<'_>) -> Option<Arc<dyn Plan>>;
    fn describe(&self, book: &mut Book) -> Shape;
}

/// Checked settings of one authenticator, ready to be put to work.
pub trait Plan: Any + fmt::Debug + Send + Sync {
    /// Where it looks for credentials.
    fn reads(&self) -> &[Reads];

    /// Whether it works with the store of the configuration.
    fn needs_store(&self) -> bool {
        false
    }

    /// What it calls, as far as the file says it.
    fn calls(&self) -> Vec<Called> {
        Vec::new()
    }

    fn as_any(&self) -> &dyn Any;
}

/// A URL of the file that is called.
#[derive(Clone, Debug)]
pub struct Called {
    pub url: Box<str>,
    pub(crate) at: Span,
}

/// All kinds there are, in the order that documentation lists them.
#[derive(Clone, Copy, Default)]
pub struct Kinds(&'static [&'static dyn Kind]);

impl Kinds {
    pub(crate) const fn new(kinds: &'static [&'static dyn Kind]) -> Self {
        Self(kinds)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'static dyn Kind> {
        self.0.iter().copied()
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Kind::name)).finish()
    }
}

/// Authenticators that one route may name.
pub const MEMBERS_MAX: usize = 64;

/// A place where an authenticator looks for credentials, and what it takes of what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reads {
    pub place: Place,
    pub share: Share,
    /// Fields that belong to the credential and are not looked at for finding it; they go where it goes.
    pub beside: Vec<HeaderName>,
}

impl Reads {
    pub fn whole(place: Place) -> Self {
        Self::share(place, Share::Whole)
    }

    pub fn share(place: Place, share: Share) -> Self {
        Self {
            place,
            share,
            beside: Vec::new(),
        }
    }
}

/// Where a credential may stand in a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`.
    Basic,
    /// The whole value of a field.
    Header(HeaderName),
    Cookie(Box<str>),
    /// A parameter of the query.
    Query(Box<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.write_str("the bearer token"),
            Self::Basic => f.write_str("the scheme Basic"),
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Cookie(name) => write!(f, "the cookie `{name}`"),
            Self::Query(name) => write!(f, "the query parameter `{name}`"),
        }
    }
}

/// What an authenticator takes of the credentials that stand in a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// All of them.
    Whole,
    /// The tokens of one issuer.
    Issuer(Box<str>),
    /// The tokens of every issuer that nobody else takes.
    OtherIssuers,
    /// What nobody else takes.
    Rest,
}

impl Share {
    /// Whether one credential could be both's.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Issuer(one), Self::Issuer(other)) => one == other,
            (Self::Whole, _) | (_, Self::Whole) => true,
            (one, other) => one == other,
        }
    }
}

impl Reads {
    /// Every field that is part of the credential.
    pub fn fields(&self) -> impl Iterator<Item = &HeaderName> {
        let own = match &self.place {
            Place::Header(name) => Some(name),
            _ => None,
        };
        own.into_iter().chain(&self.beside)
    }

    /// Whether one credential could be claimed by both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        // Whoever takes the whole field takes what the schemes in it are, too.
        let is_authorization =
            |place: &Place| matches!(place, Place::Header(name) if *name == http::header::AUTHORIZATION);
        let has_scheme = |place: &Place| matches!(place, Place::Bearer | Place::Basic);
        let same_place = self.place == other.place
            || is_authorization(&self.place) && has_scheme(&other.place)
            || has_scheme(&self.place) && is_authorization(&other.place);
        same_place && (self.place != other.place || self.share.meets(&other.share))
    }
}

/// One entry of `auth:`.
#[derive(Clone, Debug)]
pub struct AuthenticatorSpec {
    pub name: Arc<str>,
    pub kind: &'static str,
    pub plan: Arc<dyn Plan>,
    /// Of everything the settings say, what stands behind their references included: equal settings have equal ones.
    pub digest: [u8; 32],
}

impl PartialEq for AuthenticatorSpec {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.kind, &self.digest) == (&other.name, other.kind, &other.digest)
    }
}
