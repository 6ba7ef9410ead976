//! Settings as they are typed: what is taken, and what is refused with which code.

use crate::authn::methods::signature::keys::tests::{ED25519_PEM, P256_PEM, RSA_1024_PEM, RSA_PEM};
use crate::config::{Code, Given, parse};

/// The codes of the faults of an authenticator.
fn codes(settings: &str) -> Vec<Code> {
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nupstreams: {{ a: {{ builtin: echo }} }}\nauth:\n  partner:\n    \
         signature: {settings}\nroutes: [{{ path: /a, upstream: a, auth: partner }}]\n"
    );
    let machine = Given::nothing()
        .with_variable("LONG", "0123456789abcdef0123456789abcdef")
        .with_variable("OTHER", "fedcba9876543210fedcba9876543210")
        .with_variable("SIXTEEN", "0123456789abcdef")
        .with_variable("SHORT", "0123456789abcde")
        .with_variable("WHSEC", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .with_variable("WHSEC_SHORT", "whsec_MfKQ9r8GKYqrTwjUPD8I")
        .with_file("/k/ed.pem", ED25519_PEM)
        .with_file("/k/ec.pem", P256_PEM)
        .with_file("/k/rsa.pem", RSA_PEM)
        .with_file("/k/weak.pem", RSA_1024_PEM);
    match parse(&text, "gateway.yaml", crate::authn::KINDS, &machine) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(|fault| fault.code).collect(),
    }
}

const LONG: &str = "secret: \"${env:LONG}\"";
const SIXTEEN: &str = "secret: \"${env:SIXTEEN}\"";

#[test]
fn every_scheme_has_its_kinds_of_keys() {
    for settings in [
        format!("{{ scheme: v1, keys: [{{ id: acme, {LONG}, roles: [svc], permissions: [a], scopes: [b] }}] }}"),
        format!("{{ scheme: v1, max_age: 1m, body_max: 64KiB, replay: allow, keys: [{{ id: a, {LONG} }}, {{ id: b, {LONG} }}] }}"),
        "{ scheme: v1, keys: [{ id: acme, secrets: [\"${env:LONG}\", \"${env:OTHER}\"] }] }".to_owned(),
        format!("{{ scheme: rfc9421, cover: [\"@method\", x-tenant], keys: [{{ id: a, {LONG}, alg: hmac-sha256 }}] }}"),
        "{ scheme: rfc9421, keys: [{ id: a, public_key: /k/ed.pem }, { id: b, public_key: /k/ec.pem }, { id: c, public_key: /k/rsa.pem }] }".to_owned(),
        "{ scheme: rfc9421, keys: [{ id: a, public_key: /k/rsa.pem, alg: rsa-v1_5-sha256 }] }".to_owned(),
        format!("{{ scheme: github, keys: [{{ id: a, {SIXTEEN} }}], replay: reject }}"),
        format!("{{ scheme: stripe, keys: [{{ id: a, {SIXTEEN} }}] }}"),
        format!("{{ scheme: slack, keys: [{{ id: a, {SIXTEEN} }}, {{ id: b, {LONG} }}] }}"),
        "{ scheme: standard-webhooks, keys: [{ id: a, secret: \"${env:WHSEC}\" }] }".to_owned(),
    ] {
        assert_eq!(codes(&settings), [], "{settings}");
    }
}

#[test]
#[doc = "CF-01, HM-02, HM-03"]
fn what_means_nothing_or_is_too_weak_is_a_fault() {
    let nine: Vec<String> = (0..9)
        .map(|n| format!("{{ id: k{n}, secret: \"${{env:LONG}}\" }}"))
        .collect();
    for (settings, code) in [
        (
            "{ keys: [{ id: a, public_key: /k/ed.pem }] }".to_owned(),
            Code::KeyMissing,
        ),
        ("{ scheme: v1 }".to_owned(), Code::KeyMissing),
        ("{ scheme: v1, keys: [] }".to_owned(), Code::ValueEmpty),
        (
            format!("{{ scheme: v2, keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueWord,
        ),
        (
            format!("{{ scheme: v1, max_age: 6m, keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueRange,
        ),
        (
            format!("{{ scheme: v1, body_max: 1GiB, keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueRange,
        ),
        (
            format!("{{ scheme: v1, replay: maybe, keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueWord,
        ),
        (
            format!("{{ scheme: v1, cover: [\"@method\"], keys: [{{ id: a, {LONG} }}] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ scheme: rfc9421, cover: [], keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueEmpty,
        ),
        (
            format!("{{ scheme: rfc9421, cover: [\"@status\"], keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueWord,
        ),
        (
            format!("{{ scheme: rfc9421, cover: [X-Tenant], keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueWord,
        ),
        (
            format!("{{ scheme: github, max_age: 1m, keys: [{{ id: a, {LONG} }}] }}"),
            Code::KeyConflict,
        ),
        ("{ scheme: v1, keys: [{ id: a }] }".to_owned(), Code::KeyMissing),
        (format!("{{ scheme: v1, keys: [{{ {LONG} }}] }}"), Code::KeyMissing),
        (
            format!("{{ scheme: v1, keys: [{{ id: a b, {LONG} }}] }}"),
            Code::NameInvalid,
        ),
        (
            format!("{{ scheme: v1, keys: [{{ id: a, {LONG} }}, {{ id: a, secret: \"${{env:OTHER}}\" }}] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ scheme: v1, keys: [{{ id: a, {LONG}, secrets: [\"${{env:LONG}}\"] }}] }}"),
            Code::KeyConflict,
        ),
        (
            "{ scheme: v1, keys: [{ id: a, secrets: [] }] }".to_owned(),
            Code::ValueEmpty,
        ),
        (
            "{ scheme: v1, keys: [{ id: a, secret: plain }] }".to_owned(),
            Code::SecretInline,
        ),
        (
            format!("{{ scheme: v1, keys: [{{ id: a, {SIXTEEN} }}] }}"),
            Code::SecretWeak,
        ),
        (
            format!("{{ scheme: rfc9421, keys: [{{ id: a, {SIXTEEN} }}] }}"),
            Code::SecretWeak,
        ),
        (
            "{ scheme: github, keys: [{ id: a, secret: \"${env:SHORT}\" }] }".to_owned(),
            Code::SecretWeak,
        ),
        (
            format!("{{ scheme: github, keys: [{{ id: a, {LONG} }}, {{ id: b, {LONG} }}] }}"),
            Code::KeyConflict,
        ),
        (
            "{ scheme: v1, keys: [{ id: a, public_key: /k/ed.pem }] }".to_owned(),
            Code::KeyConflict,
        ),
        (
            format!("{{ scheme: v1, keys: [{{ id: a, {LONG}, alg: hmac-sha256 }}] }}"),
            Code::KeyConflict,
        ),
        (
            format!("{{ scheme: rfc9421, keys: [{{ id: a, {LONG}, alg: ed25519 }}] }}"),
            Code::KeyConflict,
        ),
        (
            "{ scheme: rfc9421, keys: [{ id: a, public_key: /k/ed.pem, alg: hmac-sha256 }] }".to_owned(),
            Code::ValueType,
        ),
        (
            "{ scheme: rfc9421, keys: [{ id: a, public_key: /k/ed.pem, alg: none }] }".to_owned(),
            Code::ValueWord,
        ),
        (
            "{ scheme: rfc9421, keys: [{ id: a, public_key: /k/weak.pem }] }".to_owned(),
            Code::ValueType,
        ),
        (
            "{ scheme: rfc9421, keys: [{ id: a, public_key: /k/none.pem }] }".to_owned(),
            Code::FileUnreadable,
        ),
        (
            format!("{{ scheme: standard-webhooks, keys: [{{ id: a, {LONG} }}] }}"),
            Code::ValueType,
        ),
        (
            "{ scheme: standard-webhooks, keys: [{ id: a, secret: \"${env:WHSEC_SHORT}\" }] }".to_owned(),
            Code::SecretWeak,
        ),
        (
            format!("{{ scheme: v1, algorithm: x, keys: [{{ id: a, {LONG} }}] }}"),
            Code::KeyUnknown,
        ),
    ] {
        assert_eq!(codes(&settings), [code], "{settings}");
    }
    let many = format!("{{ scheme: slack, keys: [{}] }}", nine.join(", "));
    assert!(codes(&many).contains(&Code::KeyConflict), "one secret under nine names");
}

#[test]
fn at_most_eight_secrets_are_tried_for_a_request_that_names_no_key() {
    let mut machine = Given::nothing();
    let mut keys = Vec::new();
    for n in 0..9 {
        machine = machine.with_variable(&format!("SECRET{n}"), format!("0123456789abcdef{n}"));
        keys.push(format!("{{ id: k{n}, secret: \"${{env:SECRET{n}}}\" }}"));
    }
    let codes = |keys: &[String]| {
        let text = format!(
            "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nupstreams: {{ a: {{ builtin: echo }} }}\nauth:\n  \
             partner: {{ signature: {{ scheme: slack, keys: [{}] }} }}\nroutes: [{{ path: /a, upstream: a, auth: partner }}]\n",
            keys.join(", ")
        );
        let loaded = parse(&text, "gateway.yaml", crate::authn::KINDS, &machine);
        loaded.map_or_else(|faults| faults.iter().map(|fault| fault.code).collect(), |_| Vec::new())
    };
    assert_eq!(codes(&keys[..8]), []);
    assert_eq!(codes(&keys), [Code::ValueRange]);
}
