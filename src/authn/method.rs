//! What a way to become a principal has to bring. One file in `methods/` implements the three traits; its line in the
//! registry is all that is needed besides.
//!
//! Around a method, and once for all of them: finding the credential in its place, the cache of verdicts, the list of
//! revocations, the removal of the credential before the request goes on. A method returns values and never writes
//! answers.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::principal::Verified;
use super::refusal::Refusal;
use super::supplies::Supplies;
use crate::base::clock::Timestamp;
pub(crate) use crate::config::authenticators::{Called, Kind, Place, Reads, Share};
use crate::request::Asked;

/// Checked settings of an authenticator. Behind [`crate::config::authenticators::Plan`], which the configuration sees.
pub trait Plan: fmt::Debug + Send + Sync + 'static {
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

    /// Take what it needs and begin any refresh in the background.
    fn start(&self, name: &Arc<str>, supplies: &Supplies) -> Arc<dyn Method>;
}

/// A way to become a principal, at work.
pub trait Method: fmt::Debug + Send + Sync {
    /// Whether this credential, found in a place that this method reads, is this method's to judge: by shape and
    /// unverified issuer. The refusal is used when it turns out to be nobody's.
    fn claims(&self, credential: &[u8]) -> Result<(), Refusal> {
        let _all_that_stands_there = credential;
        Ok(())
    }

    fn verify<'a>(&'a self, credential: &'a [u8], asking: Asking<'a>) -> Verdict<'a>;

    /// What is said in `WWW-Authenticate`: `Bearer realm="portcullis"`.
    fn challenge(&self) -> Challenge;

    fn memory(&self) -> Memory;

    /// Changes whenever what earlier verdicts were judged by is not the same any more: a rotated key set.
    fn generation(&self) -> u64 {
        0
    }

    /// Bytes of body it wants to see before it judges, at most.
    fn wants_body(&self) -> Option<usize> {
        None
    }

    /// What can be refused before the body is read (HM-05).
    fn preview(&self, credential: &[u8], asking: Asking<'_>) -> Result<(), Refusal> {
        let _all_right = (credential, asking);
        Ok(())
    }
}

pub type Verdict<'a> = Pin<Box<dyn Future<Output = Result<Verified, Refusal>> + Send + 'a>>;

/// A verdict that needed no waiting.
pub fn at_once<'a>(verdict: Result<Verified, Refusal>) -> Verdict<'a> {
    Box::pin(std::future::ready(verdict))
}

/// The request around a credential.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub asked: &'a Asked,
    /// The whole body, where the method wants it.
    pub body: Option<&'a Bytes>,
    pub now: Timestamp,
}

/// How verdicts of a method may be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Each request is judged for itself.
    Never,
    /// A good one at most this long, or as long as the cache keeps anything; two workers that ask for the same
    /// credential at the same time may both judge it.
    Verdict { ttl: Option<Duration> },
    /// The same, and only one of those who ask at the same time does the work: for verdicts that wait for something.
    Shared { ttl: Option<Duration> },
}

/// One challenge of `WWW-Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Scheme and parameters for who presented nothing.
    pub plain: String,
    /// Whether `error="invalid_token"` belongs behind it where something bad was presented (RFC 6750 section 3).
    pub is_bearer: bool,
}

/// The bridge to the configuration, which keeps plans without knowing what they are.
#[derive(Debug)]
pub(super) struct Planned(pub(super) Box<dyn Plan>);

impl crate::config::authenticators::Plan for Planned {
    fn reads(&self) -> &[Reads] {
        self.0.reads()
    }

    fn needs_store(&self) -> bool {
        self.0.needs_store()
    }

    fn calls(&self) -> Vec<Called> {
        self.0.calls()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What [`Kind::parse`] gives.
pub(super) fn planned(plan: impl Plan) -> Arc<dyn crate::config::authenticators::Plan> {
    Arc::new(Planned(Box::new(plan)))
}
