//! The head of a request as the upstream gets it, and the head of an answer as the client gets it.
//!
//! Client copies of everything written here were removed when the request arrived; what is set here is set once.

use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, TE};

use crate::authn::{Identity, Told};
use crate::config::spec::{ForwardHost, HeaderEdits, IdentityNames};
use crate::request::{Asked, TRACEPARENT, X_REQUEST_ID};
use crate::route::Route;
use crate::upstream::Target;

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Fields that are added where somebody is known: six of the identity, four of the way, two that name the request.
const ADDED: usize = 12;

/// Everything but `Host`, which depends on the target.
pub fn prepare(headers: &mut HeaderMap, asked: &Asked, identity: &Identity, route: &Route) {
    if let Identity::Known { who, token, .. } = identity {
        // With the identity there is seldom room for what is added: make it once, not twice.
        headers.reserve(ADDED);
        introduce(headers, &who.told, &route.forward.identity);
        if let (Some(name), Some(token)) = (&route.forward.identity.token, token) {
            headers.insert(name, token.clone());
        }
    }
    headers.insert(X_FORWARDED_FOR, asked.forwarding.addresses.clone());
    headers.insert(X_FORWARDED_PROTO, asked.forwarding.proto.clone());
    if let Some(host) = &asked.forwarding.host {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
    if let Some(port) = &asked.forwarding.port {
        headers.insert(X_FORWARDED_PORT, port.clone());
    }
    headers.insert(X_REQUEST_ID, asked.id.as_header().clone());
    headers.insert(TRACEPARENT, asked.trace.as_header().clone());
    if asked.wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    edit(headers, &route.forward.edits);
}

/// Each once: what clients sent under these names was removed when the request arrived (HDR-01).
fn introduce(headers: &mut HeaderMap, told: &Told, names: &IdentityNames) {
    let always = [(&names.subject, &told.subject), (&names.method, &told.method)];
    for (name, value) in always {
        if let Some(name) = name {
            headers.insert(name, value.clone());
        }
    }
    let perhaps = [
        (&names.roles, &told.roles),
        (&names.scopes, &told.scopes),
        (&names.email, &told.email),
    ];
    for (name, value) in perhaps {
        if let (Some(name), Some(value)) = (name, value) {
            headers.insert(name, value.clone());
        }
    }
}

/// The one `Host` field.
pub(super) fn set_host(headers: &mut HeaderMap, asked: &Asked, route: &Route, target: &Target) {
    // The client's own stands where it stood since it arrived.
    if let Named::ByUs(host) = host(asked, route, target) {
        headers.insert(HOST, host.clone());
    }
}

/// Who the upstream is told it is.
pub(super) enum Named<'h> {
    ByClient(&'h HeaderValue),
    ByUs(&'h HeaderValue),
}

pub(super) fn host<'h>(asked: &'h Asked, route: &Route, target: &'h Target) -> Named<'h> {
    match (route.forward.host, asked.host.raw()) {
        (ForwardHost::Client, Some(host)) => Named::ByClient(host),
        // A client of HTTP/1.0 may name no host, and the upstream needs one.
        (ForwardHost::Client, None) | (ForwardHost::Upstream, _) => Named::ByUs(target.authority()),
    }
}

/// What the configuration removes and sets.
pub fn edit(headers: &mut HeaderMap, edits: &HeaderEdits) {
    for name in &edits.remove {
        headers.remove(name);
    }
    for (name, value) in &edits.set {
        headers.insert(name.clone(), value.clone());
    }
}
