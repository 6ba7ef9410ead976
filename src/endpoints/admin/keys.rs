//! Keys that are made while the gateway runs: made, listed, revoked.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::input::{Expiry, Input, Wrong, name, time};
use super::{Api, Done, Undone};
use crate::base::clock::Timestamp;
use crate::config::values::{network, rate};
use crate::identity::keys::{KeyId, NewKey};
use crate::identity::model::api_key::{ApiKey, Limit};
use crate::identity::model::revocation::{Revocation, Target};
use crate::identity::store::{Revoked, StoreFault};
use crate::problem::{Code, Problem};

/// Make a key. Its text is in the answer and nowhere else (AK-01).
pub(super) async fn create(api: &Api, body: &[u8]) -> Result<Done, Undone> {
    let store = api.store()?;
    let now = api.now();
    let wanted = Wanted::read(body, now)?;
    let made = NewKey::make(&mut (api.random)());
    let key = ApiKey {
        id: made.id,
        hash: made.hash,
        owner: wanted.owner,
        roles: wanted.roles,
        permissions: wanted.permissions,
        scopes: wanted.scopes,
        networks: wanted.networks,
        limit: wanted.limit,
        created: now,
        expires: wanted.expires,
        revoked: None,
        last_used: None,
    };
    store.create(key.clone()).await.map_err(|fault| match fault {
        // Once in 36^12 keys: the next try makes another one.
        StoreFault::Exists => Problem::new(Code::InputConflict).into(),
        fault => Undone::from(fault),
    })?;
    let mut shown = as_json(&key, now);
    if let Some(shown) = shown.as_object_mut() {
        let text = String::from_utf8_lossy(made.text.expose()).into_owned();
        shown.insert("key".to_owned(), text.into());
    }
    let mut done = Done::with(StatusCode::CREATED, shown).about(key.id.as_str());
    done.location = Some(format!("/api/v1/keys/{}", key.id));
    Ok(done)
}

pub(super) async fn list(api: &Api, owner: Option<&str>) -> Result<Done, Undone> {
    let keys = api.store()?.list(owner.map(Into::into)).await?;
    let now = api.now();
    let keys: Json = keys.iter().map(|key| as_json(key, now)).collect();
    Ok(Done::with(StatusCode::OK, json!({ "keys": keys })))
}

/// End a key: for this process before the answer, for others on the same store within a second.
pub(super) async fn revoke(api: &Api, id: &str) -> Result<Done, Undone> {
    let store = api.store()?;
    let unknown = || Undone::from(Problem::new(Code::RouteNone).with_detail("No key has this id."));
    let id = KeyId::parse(id).ok_or_else(unknown)?;
    let now = api.now();
    if store.revoke(id.clone(), now).await? == Revoked::Unknown {
        return Err(unknown());
    }
    let told = Revocation {
        target: Target::key(id.as_str()),
        // Read back rather than kept for ever: what has expired needs no entry.
        until: store.find(id.clone()).await.ok().flatten().and_then(|key| key.expires),
    };
    let detail = "The key is revoked in the store; this gateway may take it for as long as it remembers it.";
    let outcome = api.revocations.revoke(&told, now);
    outcome.map_err(|full| Undone::outage(detail, full.to_string()))?;
    Ok(Done {
        status: StatusCode::NO_CONTENT,
        body: None,
        location: None,
        target: Some(id.to_string()),
    })
}

/// Everything but the key and its hash.
pub fn as_json(key: &ApiKey, now: Timestamp) -> Json {
    json!({
        "id": key.id.as_str(),
        "owner": key.owner,
        "state": key.state(now).as_str(),
        "roles": key.roles,
        "permissions": key.permissions,
        "scopes": key.scopes,
        "networks": key.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "limit": key.limit.map(|limit| json!({ "count": limit.count, "seconds": limit.per.as_secs() })),
        "created": time(key.created),
        "expires": key.expires.map(time),
        "revoked": key.revoked.map(time),
        "last_used": key.last_used.map(time),
    })
}

/// What a key is wanted to be.
struct Wanted {
    owner: Box<str>,
    roles: Vec<Box<str>>,
    permissions: Vec<Box<str>>,
    scopes: Vec<Box<str>>,
    networks: Vec<ipnet::IpNet>,
    limit: Option<Limit>,
    expires: Option<Timestamp>,
}

impl Wanted {
    fn read(body: &[u8], now: Timestamp) -> Result<Self, Problem> {
        let mut input = Input::read(body)?;
        let owner = input.text("owner", name);
        if owner.is_none() && !input.is_wrong("owner") {
            input.wrong("owner", Wrong::Missing);
        }
        let wanted = Self {
            // Not used where it is missing: that is an error.
            owner: owner.unwrap_or_default(),
            roles: input.texts("roles", name),
            permissions: input.texts("permissions", name),
            scopes: input.texts("scopes", name),
            networks: input.texts("networks", |text| network(text).ok()),
            limit: input.text("limit", |text| {
                let rate = rate(text).ok()?;
                Some(Limit {
                    count: rate.count,
                    per: rate.per,
                })
            }),
            expires: input.text("expires", |text| Expiry::ahead(text, now)),
        };
        input.finish().map(|()| wanted)
    }
}
