//! Who is asking: what lets somebody in, what does not, and what the upstream is told.

mod api_keys;
mod basic;
mod identity;
mod identity_token;
mod introspection;
mod lists;
mod protocols;
mod remembered;
mod table;
mod told;
mod signature;

use crate::support::token::{AUDIENCE, ISSUER, SECRET};
use crate::support::{Setup, Upstream};

/// Everything goes to this upstream, for whoever brings a token of the identity provider, whose name is `idp`.
fn guarded(upstream: &Upstream) -> Setup {
    with(upstream, &idp(), "{ path: /**, upstream: up, auth: idp }")
}

pub fn with(upstream: &Upstream, authenticators: &str, route: &str) -> Setup {
    Setup::new()
        .variable("SECRET", SECRET)
        .top(&format!("auth:\n{authenticators}"))
        .upstream("up", upstream)
        .route(route)
}

pub fn idp() -> String {
    jwt("idp", ISSUER, "")
}

/// An authenticator with a secret of its own, and these settings besides.
fn jwt(name: &str, issuer: &str, settings: &str) -> String {
    format!(
        "  {name}: {{ jwt: {{ issuer: \"{issuer}\", audience: \"{AUDIENCE}\", secret: \"${{env:SECRET}}\", {settings} }} }}\n"
    )
}
