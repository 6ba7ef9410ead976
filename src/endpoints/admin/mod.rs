//! What administers a running gateway, as operations on JSON. Comes in: an operation and its body, from somebody whose
//! right to it has been checked. Goes out: an answer in JSON, or why there is none. It refuses to know how the caller was
//! recognised and what carried the request: the admin listener and the commands both ask here, so that a command does
//! the same with a gateway and without one.

pub mod input;
pub mod keys;
mod operation;
mod reload;
mod revocations;

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value as Json;

use crate::authn::revocation::Revocations;
use crate::base::clock::{Clock, Timestamp};
use crate::base::random::Random;
use crate::config::Faults;
use crate::identity::store::{Store, StoreFault};
use crate::problem::{Code, Problem};
pub use operation::{Operation, Unfit};

/// What the operations work on.
pub struct Api {
    /// Where the configuration names one.
    pub store: Option<Store>,
    pub revocations: Arc<Revocations>,
    pub clock: Clock,
    pub random: fn() -> Random,
    /// Whether an authenticator has this name.
    pub is_authenticator: Box<dyn Fn(&str) -> bool + Send + Sync>,
    pub reload: Box<dyn Fn() -> Reloading + Send + Sync>,
}

/// The new generation, once it is in force.
pub type Reloading = Pin<Box<dyn Future<Output = Result<u64, NotReloaded>> + Send>>;

/// Why everything stays as it was.
#[derive(Debug)]
pub enum NotReloaded {
    /// Of the file.
    Faults(Faults),
    /// The file is sound, and cannot be put in force now.
    Conflict(String),
    /// There is nothing to reload yet, or not any more.
    Unavailable,
}

/// An operation that was done.
#[derive(Debug)]
pub struct Done {
    pub status: StatusCode,
    pub body: Option<Json>,
    /// Where what was made is found.
    pub location: Option<String>,
    /// What it was done to, for the record.
    pub target: Option<String>,
}

/// An operation that was not done.
#[derive(Debug)]
pub struct Undone {
    /// For the caller.
    pub problem: Box<Problem>,
    /// The exact reason where the caller is not told, for the log.
    pub why: Option<String>,
}

impl Api {
    /// `body` is empty where the operation takes none.
    pub async fn answer(&self, operation: &Operation, body: &[u8]) -> Result<Done, Undone> {
        match operation {
            Operation::Reload => reload::reload(self, body).await,
            Operation::ListKeys { owner } => keys::list(self, owner.as_deref()).await,
            Operation::CreateKey => keys::create(self, body).await,
            Operation::RevokeKey { id } => keys::revoke(self, id).await,
            Operation::ListRevocations { after } => revocations::list(self, *after).await,
            Operation::Revoke => revocations::revoke(self, body).await,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// The store, or that there is none to do this with.
    fn store(&self) -> Result<&Store, Undone> {
        let detail = "The configuration names no `store`, so nothing keeps keys that are made at run time.";
        let none = || Problem::new(Code::InputConflict).with_detail(detail).into();
        self.store.as_ref().ok_or_else(none)
    }
}

impl Done {
    fn with(status: StatusCode, body: Json) -> Self {
        Self {
            status,
            body: Some(body),
            location: None,
            target: None,
        }
    }

    fn about(self, target: impl Into<String>) -> Self {
        Self {
            target: Some(target.into()),
            ..self
        }
    }

    /// Nobody keeps a copy of it: it may hold a key that is shown this once.
    pub fn into_response(self) -> Response<Bytes> {
        let body = self.body.map(|body| Bytes::from(format!("{body}\n")));
        let is_json = body.is_some();
        let mut answer = Response::new(body.unwrap_or_default());
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if is_json {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(location) = self.location.and_then(|location| location.try_into().ok()) {
            headers.insert(LOCATION, location);
        }
        answer
    }
}

impl From<Problem> for Undone {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            why: None,
        }
    }
}

impl From<StoreFault> for Undone {
    fn from(fault: StoreFault) -> Self {
        let detail = "The store does not answer, so it may or may not have happened; the log of the gateway says why.";
        Self::outage(detail, fault.to_string())
    }
}

impl Undone {
    fn outage(detail: &'static str, why: String) -> Self {
        Self {
            problem: Box::new(Problem::new(Code::StoreUnavailable).with_detail(detail)),
            why: Some(why),
        }
    }
}

#[cfg(test)]
mod tests;
