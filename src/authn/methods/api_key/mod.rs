//! API keys. A key that stands in the file is found by the hash of the whole key, one of the store by the id inside it;
//! either way who does not hold the right secret learns nothing but that the key is not known (AK-02).

mod settings;

use std::sync::Arc;

pub(super) use settings::ApiKey;
use settings::{FileKeys, Settings};

use crate::authn::method::{Asking, Challenge, Memory, Method, Plan, Reads, Verdict, at_once};
use crate::authn::principal::{Handles, Principal, RateText, Verified};
use crate::authn::refusal::Refusal;
use crate::authn::supplies::Supplies;
use crate::base::clock::Timestamp;
use crate::base::net::AddressSet;
use crate::identity::keys::{KeyHash, KeyId};
use crate::identity::model::api_key::{self as stored, State};
use crate::identity::store::{Store, StoreFault};
use crate::problem::Code;

impl Plan for Settings {
    fn reads(&self) -> &[Reads] {
        &self.reads
    }

    fn needs_store(&self) -> bool {
        self.store
    }

    fn start(&self, _name: &Arc<str>, supplies: &Supplies) -> Arc<dyn Method> {
        let header = self.header.as_ref().map(|header| format!(", header=\"{header}\""));
        Arc::new(ApiKeys {
            challenge: format!("ApiKey realm=\"portcullis\"{}", header.unwrap_or_default()),
            keys: Arc::clone(&self.keys),
            store: supplies.store.clone().filter(|_| self.store),
        })
    }
}

/// The method at work.
#[derive(Debug)]
struct ApiKeys {
    challenge: String,
    keys: Arc<FileKeys>,
    /// Where keys are that were made at run time, if they count.
    store: Option<Store>,
}

impl Method for ApiKeys {
    fn verify<'a>(&'a self, credential: &'a [u8], asking: Asking<'a>) -> Verdict<'a> {
        let hash = KeyHash::of(credential);
        if let Some(verified) = self.keys.find(&hash) {
            return at_once(of_file(verified, asking.now));
        }
        let Some(store) = &self.store else {
            return at_once(Err(unknown("no key of the file has this hash")));
        };
        let Some(id) = KeyId::of_key(credential) else {
            return at_once(Err(unknown(
                "no key of the file has this hash, and it has not the shape of the store's",
            )));
        };
        Box::pin(of_store(store, id, hash, asking.now))
    }

    fn challenge(&self) -> Challenge {
        Challenge {
            plain: self.challenge.clone(),
            is_bearer: false,
        }
    }

    fn memory(&self) -> Memory {
        match self.store {
            Some(_) => Memory::Shared { ttl: None },
            None => Memory::Verdict { ttl: None },
        }
    }
}

fn of_file(verified: &Verified, now: Timestamp) -> Result<Verified, Refusal> {
    match verified.expires {
        Some(end) if now >= end => Err(expired(verified.handles.key.as_deref().unwrap_or_default())),
        _ => Ok(verified.clone()),
    }
}

async fn of_store(store: &Store, id: KeyId, hash: KeyHash, now: Timestamp) -> Result<Verified, Refusal> {
    let found = store.present(id, hash).await.map_err(|fault| unavailable(&fault))?;
    let key = found.ok_or_else(|| unknown("no key of the file or of the store has this hash"))?;
    match key.state(now) {
        State::Live => {
            store.last_used().note(key.id.as_str(), now);
            Ok(proven(key))
        }
        State::Expired { .. } => Err(expired(key.id.as_str())),
        State::Revoked { .. } => Err(Refusal::new(Code::KeyRevoked, format!("the key {} is revoked", key.id))),
    }
}

fn proven(key: stored::ApiKey) -> Verified {
    let limit = key.limit.map(|limit| RateText {
        count: limit.count,
        per: limit.per,
    });
    Verified {
        expires: key.expires,
        networks: (!key.networks.is_empty()).then(|| Arc::new(AddressSet::new(key.networks))),
        handles: Handles {
            key: Some(key.id.as_str().into()),
            ..Handles::default()
        },
        principal: Principal {
            roles: key.roles,
            permissions: key.permissions,
            scopes: key.scopes,
            limit,
            ..Verified::of(key.owner).principal
        },
    }
}

fn unknown(why: &'static str) -> Refusal {
    Refusal::new(Code::KeyUnknown, why)
}

fn expired(id: &str) -> Refusal {
    Refusal::new(Code::KeyExpired, format!("the key {id} has expired"))
}

fn unavailable(fault: &StoreFault) -> Refusal {
    Refusal::new(Code::StoreUnavailable, fault.to_string())
}

#[cfg(test)]
mod tests;
