//! The shapes a route may ask for. Parsed once, here; `route` builds its table from them and `check` compares them.

use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostPattern {
    #[default]
    Any,
    /// Lower-case, without a trailing dot or a port.
    Exact(Arc<str>),
    /// What follows the `*` of `*.example.com`, with its dot: `.example.com`. At least one label stands before it.
    Suffix(Arc<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// As written.
    pub text: Arc<str>,
    /// What stands between the slashes. A final empty literal is a final slash.
    pub segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    Literal(Arc<str>),
    /// `{name}`: exactly one segment, not empty.
    Param(Arc<str>),
    /// `*`: exactly one segment, not empty.
    Any,
    /// `**`, last only: what is left, also nothing: `/a/**` covers `/a`, `/a/` and all below.
    Rest,
}
