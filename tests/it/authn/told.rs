//! What log and figures say about who asked, and about who was not believed.

use serde_json::{Value, json};

use super::{guarded, idp, jwt, with};
use crate::support::token::{ISSUER, SECRET, Token};
use crate::support::{Gateway, Request, Response, Upstream, get};

const FORGER: &str = "another secret of thirty-two bytes!!";

fn bearing(token: &Token) -> Request {
    get("/x").field("Authorization", &token.bearer())
}

fn line(gateway: &Gateway, answer: &Response) -> Value {
    let id = answer.field("x-request-id").unwrap();
    gateway.log.about(("request_id", id))
}

fn outcomes(gateway: &Gateway, authenticator: &str, result: &str, code: &str) -> Option<f64> {
    let labels = format!(r#"{{authenticator="{authenticator}",result="{result}",code="{code}"}}"#);
    gateway.metrics().sum("portcullis_auth_total", &[&labels])
}

/// Hits and misses.
fn lookups(gateway: &Gateway) -> (Option<f64>, Option<f64>) {
    let metrics = gateway.metrics();
    let sum = |name| metrics.sum(name, &[r#"{cache="verdicts"}"#]);
    (sum("portcullis_cache_hits_total"), sum("portcullis_cache_misses_total"))
}

#[test]
fn the_log_names_whoever_asked_and_who_vouches() {
    let upstream = Upstream::ok();
    let gateway = with(&upstream, &idp(), "{ path: /**, upstream: up, auth: idp }")
        .route("{ path: /open, upstream: up, auth: public }")
        .route("{ path: /either, upstream: up, auth: [idp, public] }")
        .start();
    for subject in ["alice", "bob", "alice"] {
        let answer = gateway.ask(bearing(&Token::of(subject))).is(200);
        let line = line(&gateway, &answer);
        assert_eq!(
            (&line["principal"], &line["authenticator"]),
            (&json!(subject), &json!("idp"))
        );
        assert_eq!((&line["decision"], &line["code"]), (&json!("allowed"), &Value::Null));
    }
    for path in ["/open", "/either"] {
        let line = line(&gateway, &gateway.get(path).is(200));
        assert_eq!(
            (&line["principal"], &line["authenticator"]),
            (&Value::Null, &Value::Null)
        );
    }
    assert_eq!(outcomes(&gateway, "idp", "accepted", ""), Some(3.0));
    assert_eq!(gateway.metrics().sum("portcullis_auth_total", &[]), Some(3.0));
    assert_eq!(lookups(&gateway), (Some(1.0), Some(2.0)));
}

#[test]
fn who_is_known_and_gets_no_answer_is_named_all_the_same() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let gone = get("/x%zz").field("Authorization", &Token::of("alice").bearer());
    // Refused before anybody asked who it is.
    let answer = gateway.ask(gone).is(400);
    assert_eq!(line(&gateway, &answer)["principal"], Value::Null);
    drop(upstream);
    let answer = gateway.ask(bearing(&Token::of("alice"))).is(502);
    let line = line(&gateway, &answer);
    assert_eq!(
        (&line["principal"], &line["code"]),
        (&json!("alice"), &json!("upstream.unreachable"))
    );
    assert_eq!(outcomes(&gateway, "idp", "accepted", ""), Some(1.0));
    assert_eq!(gateway.metrics().sum("portcullis_auth_total", &[]), Some(1.0));
}

#[test]
#[doc = "LG-01, JWT-14"]
fn a_refused_credential_is_told_of_by_its_authenticator_and_reason_and_nothing_of_itself() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let forged = Token::of("alice").secret(FORGER);
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
        assert_eq!(line["reason"], "the signature does not fit");
    }
    let answer = gateway.get("/x").is_problem(401, "credential.missing");
    assert_eq!(line(&gateway, &answer)["authenticator"], Value::Null);
    assert_eq!(outcomes(&gateway, "idp", "refused", "token.signature"), Some(2.0));
    assert_eq!(outcomes(&gateway, "", "refused", "credential.missing"), Some(1.0));
    // The second time the refusal was remembered.
    assert_eq!(lookups(&gateway), (Some(1.0), Some(1.0)));
    let said = format!("{}{}", gateway.log.text(), gateway.metrics().0);
    for piece in forged.text().split('.').chain(["alice", FORGER, SECRET]) {
        assert!(!said.contains(piece), "{piece} is in\n{said}");
    }
    upstream.saw_nothing();
}

#[test]
#[doc = "LG-02, AD-02"]
fn a_principal_with_a_strange_name_stays_inside_its_line_and_out_of_the_figures() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).start();
    let strange = format!("eve\r\n{{\"ts\":1}}\u{1b}[2J\u{2028}{}", "x".repeat(2000));
    let answer = gateway.ask(bearing(&Token::of(&strange))).is(200);
    let line = line(&gateway, &answer);
    let logged = line["principal"].as_str().unwrap();
    assert!(strange.starts_with(logged), "{logged:?}");
    assert_eq!(logged.len(), 1024);
    let text = gateway.log.text();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{2028}'), "{text:?}");
    assert!(!text.contains("\n{\"ts\":1}"), "{text:?}");
    assert!(!gateway.metrics().0.contains("eve"));
}

#[test]
#[doc = "CF-05"]
fn an_authenticator_that_changed_and_one_that_came_are_counted_under_their_names() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).in_file().start();
    let bearer = Token::of("alice");
    gateway.ask(bearing(&bearer)).is(200);
    let changed = jwt("idp", ISSUER, "leeway: 10s");
    let changed = with(&upstream, &changed, "{ path: /**, upstream: up, auth: idp }");
    gateway.reload_as(&changed).unwrap();
    gateway.ask(bearing(&bearer)).is(200);
    assert_eq!(outcomes(&gateway, "idp", "accepted", ""), Some(2.0));
    let renamed = jwt("login", ISSUER, "");
    let renamed = with(&upstream, &renamed, "{ path: /**, upstream: up, auth: login }");
    gateway.reload_as(&renamed).unwrap();
    let answer = gateway.ask(bearing(&bearer)).is(200);
    assert_eq!(line(&gateway, &answer)["authenticator"], "login");
    assert_eq!(outcomes(&gateway, "login", "accepted", ""), Some(1.0));
    assert_eq!(
        lookups(&gateway),
        (Some(0.0), Some(3.0)),
        "other settings remember nothing"
    );
}

#[test]
#[doc = "CA-08"]
fn what_is_pushed_out_of_the_cache_is_counted() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream).top("cache: { size: 1MiB }").start();
    let evictions = || gateway.metrics().sum("portcullis_cache_evictions_total", &[]);
    assert_eq!(evictions(), Some(0.0));
    let mut client = gateway.client();
    let padding = "x".repeat(4000);
    for round in 0..20 {
        // Together more than a quarter of the cache.
        for number in 0..64 {
            let token = Token::of(&format!("{round}-{number}")).claim("padding", padding.as_str());
            client.ask(bearing(&token)).is(200);
        }
        if evictions() > Some(0.0) {
            return;
        }
    }
    panic!("{:?} evictions", evictions());
}
