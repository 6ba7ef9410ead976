//! Ending what is good, before its time: a token, a key, a session, or all that one principal presents.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::input::{Expiry, Input, Wrong, time};
use super::{Api, Done, Undone};
use crate::authn::revocation::feed::RevokeFault;
use crate::base::clock::Timestamp;
use crate::identity::model::revocation::{Revocation, Target, What};
use crate::problem::Problem;

/// No token is longer than that, and so is nothing in one.
const ID_MAX: usize = 8 * 1024;

/// Read in one answer.
const PAGE: u32 = 1000;

/// In force before this returns, and kept in the store where there is one.
pub(super) async fn revoke(api: &Api, body: &[u8]) -> Result<Done, Undone> {
    let now = api.now();
    let revocation = wanted(api, body, now)?;
    match &api.store {
        Some(store) => {
            let kept = api
                .revocations
                .revoke_and_keep(revocation.clone(), store, &api.clock)
                .await;
            kept.map_err(|fault| match fault {
                RevokeFault::Full(full) => {
                    let detail = "Nothing was revoked: the list of revocations is full.";
                    Undone::outage(detail, full.to_string())
                }
                RevokeFault::NotKept(fault) => {
                    let detail =
                        "It is revoked in this gateway only, until it ends: the store does not answer. Ask again.";
                    Undone::outage(detail, fault.to_string())
                }
            })?;
        }
        None => {
            let detail = "Nothing was revoked: the list of revocations is full.";
            let outcome = api.revocations.revoke(&revocation, now);
            outcome.map_err(|full| Undone::outage(detail, full.to_string()))?;
        }
    }
    let mut told = as_json(&revocation);
    if let Some(told) = told.as_object_mut() {
        told.insert("kept".to_owned(), api.store.is_some().into());
    }
    let target = &revocation.target;
    Ok(Done::with(StatusCode::CREATED, told).about(format!("{} {}", target.what().as_str(), target.id())))
}

/// Those of the store. What is only in memory is known by digests there and cannot be told.
pub(super) async fn list(api: &Api, after: u64) -> Result<Done, Undone> {
    let kept = match &api.store {
        Some(store) => store.since(after, PAGE).await?,
        None => Vec::new(),
    };
    let next = kept
        .last()
        .filter(|_| kept.len() == PAGE as usize)
        .map(|(sequence, _)| *sequence);
    let kept: Json = kept.iter().map(|(_, revocation)| as_json(revocation)).collect();
    let told = json!({ "held": api.revocations.len(), "revocations": kept, "next": next });
    Ok(Done::with(StatusCode::OK, told))
}

fn wanted(api: &Api, body: &[u8], now: Timestamp) -> Result<Revocation, Problem> {
    let mut input = Input::read(body)?;
    let mut named = None;
    for what in What::ALL {
        let id = input.text(what.as_str(), |text| {
            (!text.is_empty() && text.len() <= ID_MAX).then(|| Box::<str>::from(text))
        });
        match (id, &named) {
            (Some(_), Some(_)) => input.wrong(what.as_str(), Wrong::Conflict),
            (Some(id), None) => named = Some((what, id)),
            (None, _) => {}
        }
    }
    let authenticator = input.text("authenticator", |text| Some(Box::<str>::from(text)));
    if authenticator
        .as_deref()
        .is_some_and(|name| !(api.is_authenticator)(name))
    {
        // It would be told as done, and hold for nobody.
        input.wrong("authenticator", Wrong::Unknown);
    }
    let until = input.text("expires", |text| Expiry::ahead(text, now));
    let (what, id) = named.unwrap_or_else(|| {
        if !What::ALL.iter().any(|what| input.is_wrong(what.as_str())) {
            input.wrong(What::Token.as_str(), Wrong::Missing);
        }
        (What::Token, Box::default())
    });
    let target = Target::new(what, authenticator.as_deref(), &id);
    let target = target.unwrap_or_else(|| {
        input.wrong("authenticator", Wrong::Missing);
        // Not used: that is an error.
        Target::key(&id)
    });
    input.finish().map(|()| Revocation { target, until })
}

fn as_json(revocation: &Revocation) -> Json {
    let target = &revocation.target;
    json!({
        target.what().as_str(): target.id(),
        "authenticator": target.authenticator(),
        "expires": revocation.until.map(time),
    })
}
