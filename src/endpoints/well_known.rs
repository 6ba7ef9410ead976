//! What the gateway tells everybody of itself: the public keys of what it signs. Nothing that is private is within reach
//! of this module.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};

use crate::authn::OwnKeys;
use crate::authz::Permitted;
use crate::pipeline::endpoint::{Answering, Endpoint, Means};
use crate::problem::{Code, Problem};

/// `/.well-known/jwks.json`: a JWK set (RFC 7517 section 5).
pub struct Jwks(pub Arc<OwnKeys>);

impl Endpoint for Jwks {
    fn answer<'a>(&'a self, permitted: Permitted<'a>, _: Means<'a>) -> Answering<'a> {
        let asked = permitted.asked();
        let answer = match asked.method {
            Method::GET | Method::HEAD => self.keys(),
            _ => {
                let problem = Problem::new(Code::MethodNotAllowed).for_request(asked.id.clone());
                let mut answer = problem.answer(&asked.headers);
                answer
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                answer
            }
        };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

impl Jwks {
    fn keys(&self) -> Response<Bytes> {
        let mut answer = Response::new(self.0.published());
        let headers = answer.headers_mut();
        // Not `application/jwk-set+json`: there are libraries that read nothing but what calls itself JSON.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Whoever meets a key that is not in the copy asks again; a key that is gone signs nothing that still holds.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        answer
    }
}
