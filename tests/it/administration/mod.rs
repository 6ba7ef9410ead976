//! Administering a gateway that runs, and what follows from it for those who are served.

mod api;
mod commands;
mod crossing;
mod revoked;
mod streams;

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};

use crate::authn::{idp, with};
use crate::support::{Gateway, Request, Response, Setup, Upstream};

const TOKEN: &str = "the-token-of-the-admin-listener";

/// A key of the file, and its id.
const KEY: &str = "a-key-that-stands-in-the-file";
const KEY_ID: &str = "billing";

fn administered(setup: Setup) -> Setup {
    let admin = "admin: { addr: \"127.0.0.1:0\", token: \"${env:ADMIN}\" }";
    setup.variable("ADMIN", TOKEN).top(admin)
}

/// Tokens and keys are taken.
fn guarded(upstream: &Upstream) -> Setup {
    let digits: String = digest(&SHA256, KEY.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let keys = format!("  keys: {{ api_key: {{ keys: [{{ id: {KEY_ID}, hash: \"sha256:{digits}\" }}] }} }}\n");
    let route = "{ path: /**, upstream: up, auth: [idp, keys] }";
    administered(with(upstream, &(idp() + &keys), route))
}

fn store_in(folder: &Path) -> String {
    format!("store: \"sqlite://{}/data/store.db\"", folder.display())
}

/// With the token, and nothing else wrong.
fn call(method: &str, target: &str, body: &str) -> Request {
    let request = Request::new(method, target)
        .host("localhost")
        .field("Authorization", &format!("Bearer {TOKEN}"));
    match body {
        "" => request,
        body => request.field("Content-Type", "application/json").body(body),
    }
}

#[track_caller]
fn administer(gateway: &Gateway, method: &str, target: &str, body: &str) -> Response {
    gateway.admin().ask(call(method, target, body))
}

#[track_caller]
fn revoke(gateway: &Gateway, body: &str) {
    administer(gateway, "POST", "/api/v1/revocations", body).is(201);
}
