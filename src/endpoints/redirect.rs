//! A route that points elsewhere. Where to stands in the configuration, checked at load (PATH-10); nothing of the
//! request goes into it but its query.

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use crate::authz::Permitted;
use crate::config::spec::RedirectSpec;
use crate::pipeline::endpoint::{Answering, Endpoint, Means};
use crate::route::RouteAnswer;

/// See the module.
pub struct Redirect;

impl Endpoint for Redirect {
    fn answer<'a>(&'a self, permitted: Permitted<'a>, _: Means<'a>) -> Answering<'a> {
        let mut response = Response::new(Bytes::new());
        // The pipeline asks this endpoint for routes that redirect, and for no others.
        if let RouteAnswer::Redirect(to) = &permitted.route().answer {
            *response.status_mut() = to.status;
            response
                .headers_mut()
                .insert(header::LOCATION, location(&permitted, to));
        }
        Box::pin(std::future::ready(Ok(response)))
    }
}

/// The target as written, with the client's query behind it where it has none of its own.
fn location(permitted: &Permitted<'_>, to: &RedirectSpec) -> HeaderValue {
    let asked = permitted.asked();
    // Without what was presented in it: a credential goes no further than this gateway.
    let Some(query) = asked.onward.as_ref().unwrap_or(&asked.path).query() else {
        return to.to.clone();
    };
    if to.to.as_bytes().contains(&b'?') {
        return to.to.clone();
    }
    let joined = [to.to.as_bytes(), b"?", query.as_bytes()].concat();
    HeaderValue::from_maybe_shared(Bytes::from(joined)).unwrap_or_else(|_| to.to.clone())
}
