use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::*;
use crate::authn::jose::claims::{Audience, ClaimRules, Types};
use crate::authn::jose::keys::KeySet;
use crate::authn::jose::token::Token;
use crate::authn::principal::Verified;
use crate::base::clock::{Clock, Moment};
use crate::base::random::Random;
use crate::base::signer::Signer;

const NOW: u64 = 2_000_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis((NOW + seconds) * 1000)
}

fn keys() -> OwnKeys {
    let keys = OwnKeys::new(Clock::manual(at(0)));
    keys.replace(signer());
    keys
}

fn signer() -> Arc<Signer> {
    Arc::new(Signer::from_pkcs8(Signer::make(&mut Random::system()).expose()).unwrap())
}

fn known(id: &str, change: impl FnOnce(&mut Verified)) -> Arc<Known> {
    let mut verified = Verified::of(id);
    change(&mut verified);
    Arc::new(Known::new(verified, &"idp".into(), Moment::NEVER, 1).unwrap())
}

fn told(who: &Known, audience: &str, keys: &OwnKeys, now: Timestamp) -> String {
    told_with(who, &[], audience, keys, now)
}

fn told_with(who: &Known, also: &[Arc<Known>], audience: &str, keys: &OwnKeys, now: Timestamp) -> String {
    let token = about(who, also, &audience.into(), keys, now).unwrap();
    assert!(token.is_sensitive());
    token.to_str().unwrap().to_owned()
}

/// As an upstream reads it, but for the time.
fn claims(token: &str, audience: &str, keys: &OwnKeys) -> Value {
    let set: JwkSet = serde_json::from_slice(&keys.published()).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("portcullis-identity+jwt"));
    let key = set.find(&header.kid.unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[audience]);
    validation.set_issuer(&["portcullis"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    jsonwebtoken::decode(token, &key, &validation).unwrap().claims
}

#[test]
fn it_says_who_is_asking_and_nothing_that_is_not_there() {
    let keys = keys();
    let plain = claims(&told(&known("alice", |_| {}), "orders", &keys, at(0)), "orders", &keys);
    let expected = json!({
        "iss": "portcullis", "aud": "orders", "sub": "alice", "method": "idp",
        "iat": NOW, "nbf": NOW, "exp": NOW + 60,
    });
    assert_eq!(plain, expected);
    let full = known("alice", |verified| {
        verified.principal.roles = ["a,b".into(), "ü".into()].into();
        verified.principal.permissions = ["p".into()].into();
        verified.principal.scopes = ["s".into()].into();
        verified.principal.email = Some("alice@example.test".into());
        verified
            .principal
            .claims
            .insert("secret".to_owned(), json!("of the issuer"));
    });
    let full = claims(&told(&full, "orders", &keys, at(0)), "orders", &keys);
    assert_eq!(full["roles"], json!(["a,b", "ü"]));
    assert_eq!((&full["permissions"], &full["scopes"]), (&json!(["p"]), &json!(["s"])));
    assert_eq!(full["email"], "alice@example.test");
    assert_eq!(full.get("secret"), None);
}

#[test]
fn it_is_used_again_for_half_of_its_life_and_by_one_upstream() {
    let (keys, who) = (keys(), known("alice", |_| {}));
    let first = told(&who, "orders", &keys, at(0));
    assert_eq!(told(&who, "orders", &keys, at(29)), first);
    let other = told(&who, "billing", &keys, at(29));
    assert_eq!(claims(&other, "billing", &keys)["aud"], "billing");
    let second = told(&who, "orders", &keys, at(30));
    assert_ne!(second, first);
    assert_eq!(told(&who, "billing", &keys, at(30)), other);
    assert_eq!(told(&who, "orders", &keys, at(59)), second);
    // A clock that was set back.
    assert_ne!(told(&who, "orders", &keys, at(10)), second);
}

#[test]
#[doc = "CA-02"]
fn it_ends_with_the_credential_it_rests_on() {
    let keys = keys();
    let short = known("alice", |verified| {
        verified.expires = Some(Timestamp::from_millis((NOW + 20) * 1000 + 999))
    });
    let first = told(&short, "orders", &keys, at(0));
    assert_eq!(claims(&first, "orders", &keys)["exp"], NOW + 20);
    assert_eq!(told(&short, "orders", &keys, at(9)), first);
    assert_ne!(told(&short, "orders", &keys, at(10)), first);
    // Together with others the shortest counts, also when a longer one was there before.
    let who = known("bob", |_| {});
    let with = |expires| [known("machine", |verified| verified.expires = Some(at(expires)))];
    let long = told_with(&who, &with(50), "orders", &keys, at(0));
    assert_eq!(claims(&long, "orders", &keys)["exp"], NOW + 50);
    let short = told_with(&who, &with(40), "orders", &keys, at(0));
    assert_eq!(claims(&short, "orders", &keys)["exp"], NOW + 40);
    assert_eq!(told_with(&who, &with(50), "orders", &keys, at(0)), short);
}

#[test]
fn who_else_vouched_is_named_and_never_mixed_up() {
    let (keys, who) = (keys(), known("alice", |_| {}));
    let [one, other] = ["one", "other"].map(|id| [known(id, |_| {})]);
    let with = |also: &[Arc<Known>]| told_with(&who, also, "orders", &keys, at(0));
    let tokens = [with(&one), with(&other), with(&[])];
    let also = |token: &str| claims(token, "orders", &keys).get("also").cloned();
    assert_eq!(also(&tokens[0]), Some(json!([{ "sub": "one", "method": "idp" }])));
    assert_eq!(also(&tokens[1]), Some(json!([{ "sub": "other", "method": "idp" }])));
    assert_eq!(also(&tokens[2]), None);
    assert_eq!([with(&one), with(&other), with(&[])], tokens);
}

#[test]
fn another_key_signs_at_once() {
    let (keys, who) = (keys(), known("alice", |_| {}));
    let first = told(&who, "orders", &keys, at(0));
    keys.replace(signer());
    let second = told(&who, "orders", &keys, at(0));
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid;
    assert_ne!(kid(&first), kid(&second));
    // Whoever got one before the change can still check it.
    assert_eq!(claims(&first, "orders", &keys), claims(&second, "orders", &keys));
}

#[test]
fn only_some_are_kept() {
    let (keys, who) = (keys(), known("alice", |_| {}));
    for upstream in 0..100 {
        told(&who, &format!("upstream {upstream}"), &keys, at(0));
    }
    assert_eq!(who.tokens.0.lock().unwrap().len(), KEPT_MAX);
    assert_eq!(
        told(&who, "upstream 99", &keys, at(1)),
        told(&who, "upstream 99", &keys, at(0))
    );
}

#[test]
#[doc = "HDR-03"]
fn what_is_told_in_all_is_bounded() {
    let many = known("alice", |verified| {
        verified.principal.roles = (0..400).map(|n| format!("role-{n:03}").into()).collect();
    });
    let refused = about(&many, &[], &"orders".into(), &keys(), at(0)).unwrap_err();
    assert_eq!(refused.code, Code::CredentialRefused);
}

#[test]
fn nothing_is_told_without_a_key() {
    let none = OwnKeys::new(Clock::manual(at(0)));
    let refused = about(&known("alice", |_| {}), &[], &"orders".into(), &none, at(0)).unwrap_err();
    assert_eq!(refused.code, Code::ServerOverloaded);
}

#[test]
#[doc = "JWT-09"]
fn it_is_no_access_token_whatever_a_configuration_says() {
    let keys = keys();
    let text = told(&known("alice", |_| {}), "orders", &keys, at(0));
    let set = KeySet::from_jwks(&keys.published(), crate::authn::jose::algorithm::Algorithm::ALL)
        .unwrap()
        .0;
    let token = Token::read(text.as_bytes()).unwrap();
    set.verify(&token).unwrap();
    for types in [
        Types::default(),
        Types::only([TYPE.into(), "application/Portcullis-Identity+jwt".into()]),
    ] {
        let rules = ClaimRules {
            audience: Audience::Any,
            leeway: Duration::ZERO,
            max_lifetime: None,
            required: Vec::new(),
            expected: Vec::new(),
            types,
        };
        assert_eq!(rules.judge(&token, at(0)).unwrap_err().code, Code::CredentialRefused);
    }
}
