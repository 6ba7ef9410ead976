//! Tokens of other people's libraries, with every algorithm and every form of key: good ones are let in, bad ones are
//! not, and why is told with the code that our contract has for it.

use std::fmt::Write as _;
use std::process::Command;

use super::keys::Keys;
use super::{Found, node, python};
use crate::support::token::{AUDIENCE, ISSUER, NOW};
use crate::support::{Gateway, Setup, Upstream, get};

const RSA: &[&str] = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const SHARED: &[&str] = &["HS256", "HS384", "HS512"];

#[test]
#[doc = "JWT-03, JWT-04, JWT-05, JWT-06, JWT-08, JWT-09, JWT-10, KEY-05"]
fn tokens_of_pypi_mean_what_their_makers_say() {
    let keys = Keys::make();
    let found = Found::by(arguments(&mut python("tokens.py"), &keys));
    found.held(415);
    // Published by the library that made the keys.
    let issuer = published(&keys.text("keys.json"));
    asked(&found, &keys, &issuer, 1000);
}

#[test]
#[doc = "JWT-03, JWT-04, JWT-05, JWT-06, JWT-08, JWT-10, KEY-05"]
fn tokens_of_npm_mean_what_their_makers_say() {
    let keys = Keys::make();
    let found = Found::by(arguments(&mut node("tokens.js"), &keys));
    found.held(217);
    let issuer = published(&keys.text("keys-jose.json"));
    asked(&found, &keys, &issuer, 500);
}

fn arguments<'c>(command: &'c mut Command, keys: &Keys) -> &'c mut Command {
    command.arg(keys.folder()).args(["--now", &NOW.to_string()]);
    command.args(["--issuer", ISSUER, "--audience", AUDIENCE])
}

/// Whoever asks gets this set.
fn published(set: &str) -> Upstream {
    Upstream::answering(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/jwk-set+json\r\nContent-Length: {}\r\n\r\n{set}",
        set.len()
    ))
}

/// An authenticator for each algorithm with the key in PEM or the secret, one with a file for all keys and one that
/// fetches them, each on the path of its name.
fn gateway(keys: &Keys, issuer: &Upstream, upstream: &Upstream) -> Gateway {
    let mut places: Vec<(String, String)> = Vec::new();
    let file = |name: &str| keys.file(name).display().to_string();
    let kinds = RSA.iter().map(|name| (*name, "rsa"));
    for (algorithm, kind) in kinds.chain([("ES256", "p256"), ("ES384", "p384"), ("EdDSA", "ed25519")]) {
        let key = format!(
            "public_key: \"{}\", algorithms: [{algorithm}]",
            file(&format!("{kind}.pem"))
        );
        places.push((format!("pem/{algorithm}"), key));
    }
    for algorithm in SHARED {
        let key = format!("secret: \"${{env:SECRET}}\", algorithms: [{algorithm}]");
        places.push((format!("secret/{algorithm}"), key));
    }
    let all = format!("algorithms: [{}, ES256, ES384, EdDSA]", RSA.join(", "));
    let set = format!("jwks_file: \"{}\", {all}", file("keys.json"));
    places.push(("access".into(), format!("{set}, require_claims: {{ type: access }}")));
    places.push(("set".into(), set));
    places.push(("url".into(), format!("jwks_url: \"{}/keys\", {all}", issuer.url())));
    let mut auth = "auth:\n".to_owned();
    let mut setup = Setup::new().variable("SECRET", &keys.secret()).upstream("up", upstream);
    for (place, settings) in places {
        let name = place.replace('/', "-").to_lowercase();
        writeln!(
            auth,
            "  {name}: {{ jwt: {{ issuer: \"{ISSUER}\", audience: \"{AUDIENCE}\", {settings} }} }}"
        )
        .unwrap();
        setup = setup.route(&format!("{{ path: /{place}, upstream: up, auth: {name} }}"));
    }
    setup.top(&auth).start()
}

/// Every token where it belongs, what is refused before what is not.
#[track_caller]
fn asked(found: &Found, keys: &Keys, issuer: &Upstream, at_least: usize) {
    let upstream = Upstream::ok();
    let gateway = gateway(keys, issuer, &upstream);
    // Before the first set is there, a token that needs it is answered with an outage.
    let fetched = ["authenticator=\"url\"", "result=\"ok\""];
    gateway.wait_metric("portcullis_jwks_fetches_total", &fetched, |fetches| fetches >= 1.0);
    let (mut asked, mut wrong) = (0, Vec::new());
    for refused in [true, false] {
        for case in found.cases.iter().filter(|case| (case["status"] != 200) == refused) {
            let bearer = format!("Bearer {}", case["token"].as_str().unwrap());
            for place in case["at"].as_array().unwrap() {
                let answer = gateway.ask(get(place.as_str().unwrap()).field("Authorization", &bearer));
                let fits = answer.status == case["status"] && (!refused || answer.json()["code"] == case["code"]);
                if !fits {
                    wrong.push(format!(
                        "{} at {place}: {} {}",
                        case["case"],
                        answer.status,
                        answer.text()
                    ));
                }
                asked += 1;
            }
        }
        if refused {
            upstream.saw_nothing();
        }
    }
    assert!(
        wrong.is_empty(),
        "{} answers differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(asked >= at_least, "only {asked} tokens were asked about");
    for seen in upstream.requests() {
        assert_eq!(seen.field("x-auth-subject"), Some("alice"));
        assert!(!seen.has("authorization"));
    }
    // Unknown keys were asked for once, not with every token.
    assert!(issuer.requests().len() <= 2, "{} fetches", issuer.requests().len());
}
