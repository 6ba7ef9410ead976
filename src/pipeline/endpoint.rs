//! What an answer of our own is to the pipeline: something that takes a permit.
//!
//! Declared here, implemented by `endpoints`, joined in `app`, so that the pipeline knows none of them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use crate::authz::Permitted;
use crate::base::task::TaskHandle;
use crate::request::body::BodyFault;

/// The answer on its way; it lives on one worker.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, BodyFault>> + 'a>>;

/// An operation of the gateway itself.
pub trait Endpoint {
    fn answer<'a>(&'a self, permitted: Permitted<'a>, means: Means<'a>) -> Answering<'a>;
}

/// What an endpoint may use while it answers.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// How long a body may be silent.
    pub body_idle: Duration,
    pub task: &'a TaskHandle,
}

/// The endpoints a route can lead to.
pub struct Endpoints {
    pub echo: Box<dyn Endpoint>,
    pub redirect: Box<dyn Endpoint>,
    /// The public keys.
    pub keys: Box<dyn Endpoint>,
}
