//! One key of a set (RFC 7517), from its members to a [`Key`] that has exactly one use.

use serde_json::{Map, Value};

use super::algorithm::{Algorithm, Family};
use super::bytes::decoded;
use super::key::{Key, KeyFault, KeyId};
use super::keys::bound;

/// The key that `members` describe, for one of the `allowed` algorithms.
pub(super) fn read(members: &Map<String, Value>, allowed: &[Algorithm]) -> Result<Key, KeyFault> {
    let kind = text(members, "kty")?.ok_or(KeyFault::Kind)?;
    if kind == "oct" {
        // A secret that stands where everybody can read it verifies everybody's tokens (KEY-05).
        return Err(KeyFault::Symmetric);
    }
    for_verifying(members)?;
    let family = match kind {
        "RSA" => Family::Rsa,
        "EC" => Family::Ec,
        "OKP" => Family::Ed,
        _ => return Err(KeyFault::Kind),
    };
    let algorithm = algorithm(members, family, allowed)?;
    let key = match family {
        Family::Rsa => Key::rsa(&number(members, "n")?, &number(members, "e")?, algorithm),
        Family::Ec => Key::ec(&number(members, "x")?, &number(members, "y")?, algorithm),
        Family::Ed => Key::ed(&number(members, "x")?, algorithm),
        Family::Hmac => Err(KeyFault::Symmetric),
    }?;
    Ok(key.named(id(members)))
}

/// The id that tokens choose the key by; one that is no text is no id.
pub(super) fn id(members: &Map<String, Value>) -> KeyId {
    members.get("kid").and_then(Value::as_str).map(Into::into)
}

/// `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3).
fn for_verifying(members: &Map<String, Value>) -> Result<(), KeyFault> {
    if text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyFault::Purpose);
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(list)) if list.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(KeyFault::Purpose),
        Some(_) => Err(KeyFault::Member("key_ops")),
    }
}

/// The one algorithm of the key: the one it names, or the one that its kind and curve are for.
fn algorithm(members: &Map<String, Value>, family: Family, allowed: &[Algorithm]) -> Result<Algorithm, KeyFault> {
    let of_curve = match (family, text(members, "crv")?) {
        (Family::Ec, Some("P-256")) => Some(Algorithm::Es256),
        (Family::Ec, Some("P-384")) => Some(Algorithm::Es384),
        (Family::Ed, Some("Ed25519")) => Some(Algorithm::EdDsa),
        (Family::Ec | Family::Ed, _) => return Err(KeyFault::Curve),
        (Family::Rsa | Family::Hmac, _) => None,
    };
    let named = match text(members, "alg")? {
        None => None,
        Some(name) => Some(Algorithm::of(name).ok_or(KeyFault::Algorithm)?),
    };
    let algorithm = match (named, of_curve) {
        (Some(named), _) if named.family() != family => return Err(KeyFault::Mixed),
        (Some(named), Some(of_curve)) if named != of_curve => return Err(KeyFault::Mixed),
        (Some(named), _) => named,
        (None, Some(of_curve)) => of_curve,
        (None, None) => bound(family, allowed).ok_or(KeyFault::NotAllowed)?,
    };
    match allowed.contains(&algorithm) {
        true => Ok(algorithm),
        false => Err(KeyFault::NotAllowed),
    }
}

fn number(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyFault> {
    let text = text(members, name)?.ok_or(KeyFault::Member(name))?;
    decoded(text).ok_or(KeyFault::Member(name))
}

fn text<'m>(members: &'m Map<String, Value>, name: &'static str) -> Result<Option<&'m str>, KeyFault> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyFault::Member(name)),
    }
}
