//! What log and figures say about who asked, and about who was not believed.

use std::io::Write;
use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::{Gateway, Request, Response, Setup, Upstream, get};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Keeps what the configuration refers to.
struct Running {
    gateway: Gateway,
    _secret: NamedTempFile,
}

fn start(upstream: &Upstream) -> Running {
    let mut secret = NamedTempFile::new().unwrap();
    secret.write_all(SECRET.as_bytes()).unwrap();
    let gateway = setup(upstream, secret.path()).start();
    Running {
        gateway,
        _secret: secret,
    }
}

fn setup(upstream: &Upstream, secret: &Path) -> Setup {
    let secret = format!("${{file:{}}}", secret.display());
    let idp = format!("{{ issuer: any, audience: any, secret: \"{secret}\" }}");
    let fetched = "{ issuer: \"https://away.invalid\", audience: any, from: [\"header:X-Away\"] }";
    Setup::new()
        .top(&format!("auth:\n  idp: {{ jwt: {idp} }}\n  away: {{ jwt: {fetched} }}"))
        .upstream("up", upstream)
        .route("{ path: /open/**, upstream: up, auth: public }")
        .route("{ path: /either/**, upstream: up, auth: [idp, public] }")
        .route("{ path: /**, upstream: up, auth: [idp, away] }")
}

/// A token for `subject` that ends an hour from the beginning of the test, signed with `secret`.
fn token(subject: &str, secret: &str) -> String {
    let claims = json!({ "iss": "https://idp", "sub": subject, "exp": 2_000_003_600_u64 });
    signed(&claims, secret)
}

fn signed(claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn bearing(token: &str) -> Request {
    get("/x").field("Authorization", &format!("Bearer {token}"))
}

fn line(gateway: &Gateway, answer: &Response) -> Value {
    gateway.log.about(("request_id", answer.field("x-request-id").unwrap()))
}

fn outcomes(gateway: &Gateway, authenticator: &str, result: &str, code: &str) -> Option<f64> {
    let labels = [
        &*format!("authenticator=\"{authenticator}\""),
        &*format!("result=\"{result}\""),
        &*format!("code=\"{code}\""),
    ];
    gateway.metrics().sum("portcullis_auth_total", &labels)
}

fn lookups(gateway: &Gateway) -> (Option<f64>, Option<f64>) {
    let metrics = gateway.metrics();
    let sum = |name| metrics.sum(name, &["cache=\"verdicts\""]);
    (sum("portcullis_cache_hits_total"), sum("portcullis_cache_misses_total"))
}

#[test]
fn the_log_names_whoever_asked_and_who_vouches() {
    let upstream = Upstream::ok();
    let Running { gateway, _secret } = start(&upstream);
    for subject in ["alice", "bob", "alice"] {
        let answer = gateway.ask(bearing(&token(subject, SECRET))).is(200);
        let line = line(&gateway, &answer);
        assert_eq!(
            (&line["principal"], &line["authenticator"]),
            (&json!(subject), &json!("idp"))
        );
        assert_eq!((&line["decision"], &line["code"]), (&json!("allowed"), &Value::Null));
    }
    for path in ["/open/x", "/either/x"] {
        let line = line(&gateway, &gateway.get(path).is(200));
        assert_eq!(
            (&line["principal"], &line["authenticator"]),
            (&Value::Null, &Value::Null),
            "{path}"
        );
    }
    assert_eq!(outcomes(&gateway, "idp", "accepted", ""), Some(3.0));
    // Nobody was asked for anything on the open ones.
    assert_eq!(gateway.metrics().sum("portcullis_auth_total", &[]), Some(3.0));
    assert_eq!(lookups(&gateway), (Some(1.0), Some(2.0)));
}

#[test]
#[doc = "LG-01"]
fn a_refused_credential_is_counted_and_its_authenticator_named_and_nothing_of_it_is_said() {
    let upstream = Upstream::ok();
    let Running { gateway, _secret } = start(&upstream);
    let forged = token("alice", "another secret of thirty-two byte");
    for _ in 0..2 {
        let answer = gateway.ask(bearing(&forged)).is_problem(401, "token.signature");
        let line = line(&gateway, &answer);
        assert_eq!(
            (&line["principal"], &line["authenticator"]),
            (&Value::Null, &json!("idp"))
        );
        assert_eq!(
            (&line["code"], &line["decision"]),
            (&json!("token.signature"), &json!("denied"))
        );
        assert_eq!(line["reason"], "idp: the signature does not fit");
    }
    let answer = gateway.get("/x").is_problem(401, "credential.missing");
    assert_eq!(line(&gateway, &answer)["authenticator"], Value::Null);
    assert_eq!(outcomes(&gateway, "idp", "refused", "token.signature"), Some(2.0));
    assert_eq!(outcomes(&gateway, "", "refused", "credential.missing"), Some(1.0));
    assert_eq!(
        lookups(&gateway),
        (Some(1.0), Some(1.0)),
        "the second time it was remembered"
    );

    let unfetched = signed(
        &json!({ "iss": "https://away.invalid", "sub": "carol", "exp": 2_000_003_600_u64 }),
        SECRET,
    );
    let unfetched = get("/x").field("X-Away", &unfetched);
    let _refused = gateway.ask(unfetched).is(401);
    let said = format!("{}{}", gateway.log.text(), gateway.metrics().0);
    for piece in forged.split('.').chain(["alice", "carol", SECRET]) {
        assert!(!said.contains(piece), "{piece} is in\n{said}");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "LG-02, AD-02"]
fn a_principal_with_a_strange_name_stays_inside_its_line_and_out_of_the_figures() {
    let upstream = Upstream::ok();
    let Running { gateway, _secret } = start(&upstream);
    let strange = format!("eve\r\n{{\"ts\":1}}\u{1b}[2J\u{2028}{}", "x".repeat(2000));
    let answer = gateway.ask(bearing(&token(&strange, SECRET))).is(200);
    let line = line(&gateway, &answer);
    let logged = line["principal"].as_str().unwrap();
    assert!(strange.starts_with(logged), "{logged:?}");
    assert_eq!(logged.len(), 1024);
    let text = gateway.log.text();
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{2028}') && !text.contains("\n{\"ts\":1}"),
        "{text:?}"
    );
    assert!(!gateway.metrics().0.contains("eve"));
}
