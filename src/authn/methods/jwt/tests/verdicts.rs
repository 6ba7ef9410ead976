//! What becomes of tokens: which are whose, which are good, and what is said of the others.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::authn::jose::claims::{Audience, Types};
use crate::authn::jose::tests::keys::public_pem;
use crate::authn::jose::tests::{Signer, b64, jwks};

fn good() -> Value {
    json!({ "iss": "me", "sub": "alice", "aud": "api", "exp": NOW + 300, "roles": ["admin"], "scope": "a b" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn keys_file(signer: &Signer) -> [(&'static str, String); 1] {
    [("keys.json", String::from_utf8(jwks(&[signer.jwk("one")])).unwrap())]
}

const BY_FILE: &str = "{ issuer: me, audience: api, jwks_file: keys.json }";

#[test]
#[doc = "JWT-05, JWT-14"]
fn each_refusal_has_its_code() {
    let (ours, theirs) = (Signer::of(Algorithm::Es256), Signer::of(Algorithm::Es256));
    let method = method(BY_FILE, &keys_file(&ours));
    let shared = Signer::of(Algorithm::Hs256);
    let unsigned = format!("{}.{}.AA", b64(r#"{"alg":"none"}"#), b64(good().to_string()));
    let unknown = ours.token(r#"{"alg":"ES256","kid":"two"}"#, &good().to_string());
    for (name, token, code) in [
        ("no token", "abc".to_owned(), Code::TokenMalformed),
        (
            "another issuer",
            ours.says(&with("iss", json!("you"))),
            Code::TokenIssuer,
        ),
        (
            "a list of issuers",
            ours.says(&with("iss", json!(["me", "you"]))),
            Code::TokenIssuer,
        ),
        (
            "almost the issuer",
            ours.says(&with("iss", json!("me/"))),
            Code::TokenIssuer,
        ),
        ("another key", theirs.says(&good()), Code::TokenSignature),
        ("a secret", shared.says(&good()), Code::TokenSignature),
        ("none", unsigned, Code::TokenSignature),
        ("an unknown key", unknown, Code::TokenSignature),
        ("expired", ours.says(&with("exp", json!(NOW - 31))), Code::TokenExpired),
        (
            "early",
            ours.says(&with("nbf", json!(NOW + 31))),
            Code::TokenNotYetValid,
        ),
        (
            "for others",
            ours.says(&with("aud", json!("else"))),
            Code::TokenAudience,
        ),
        ("of nobody", ours.says(&with("sub", json!(""))), Code::TokenMalformed),
        (
            "of another kind",
            ours.says(&with("typ", json!("Refresh"))),
            Code::CredentialRefused,
        ),
    ] {
        let refusal = ask(&*method, &token).unwrap_err();
        assert_eq!(refusal.code, code, "{name}: {refusal}");
        assert_eq!(refusal.code.status(), 401);
    }
}

#[test]
#[doc = "JWT-14"]
fn what_is_wrong_inside_is_told_only_to_who_holds_a_signed_token() {
    let (ours, theirs) = (Signer::of(Algorithm::EdDsa), Signer::of(Algorithm::Es256));
    let method = method(BY_FILE, &keys_file(&ours));
    for claims in [
        with("exp", json!(0)),
        with("exp", json!("text")),
        with("nbf", json!(NOW + 999)),
        with("aud", json!("else")),
        with("sub", json!(7)),
        with("typ", json!("Logout")),
    ] {
        let forged = theirs.token(r#"{"alg":"EdDSA","kid":"one"}"#, &claims.to_string());
        assert_eq!(
            ask(&*method, &forged).unwrap_err().code,
            Code::TokenSignature,
            "{claims}"
        );
        assert_ne!(
            ask(&*method, &ours.says(&claims)).unwrap_err().code,
            Code::TokenSignature,
            "{claims}"
        );
    }
}

#[test]
fn a_good_token_speaks_of_somebody() {
    let signer = Signer::of(Algorithm::EdDsa);
    let verified = ask(&*method(BY_FILE, &keys_file(&signer)), &signer.says(&good())).unwrap();
    assert_eq!(&*verified.principal.id, "alice");
    assert_eq!(verified.principal.roles, ["admin".into()]);
    assert_eq!(verified.principal.scopes, ["a".into(), "b".into()]);
    assert_eq!(verified.expires, Some(Timestamp::from_millis((NOW + 330) * 1000)));
}

#[test]
fn each_setting_does_what_it_says() {
    let signer = Signer::of(Algorithm::Hs256);
    let secret = |more: &str| format!("{{ issuer: me, audience: api, secret: '${{env:SECRET}}', {more} }}");
    let verdict = |more: &str, claims: &Value| {
        let verdict = ask(&*method(&secret(more), &[]), &signer.says(claims));
        verdict
            .map(|verified| verified.principal)
            .map_err(|refusal| refusal.code)
    };
    let nested = with("realm_access", json!({ "roles": ["inner"] }));
    assert_eq!(
        verdict("roles_from: realm_access.roles", &nested).unwrap().roles,
        ["inner".into()]
    );
    let dotted = with("https://a.example/roles", json!("one"));
    assert_eq!(
        verdict("roles_from: ['https://a.example/roles']", &dotted)
            .unwrap()
            .roles,
        ["one".into()]
    );
    assert_eq!(
        verdict("scopes_from: scp", &with("scp", json!(["x"]))).unwrap().scopes,
        ["x".into()]
    );
    assert_eq!(
        &*verdict("subject_from: client", &with("client", json!("c"))).unwrap().id,
        "c"
    );
    assert_eq!(verdict("leeway: 0s", &with("exp", json!(NOW))), Err(Code::TokenExpired));
    assert_eq!(
        verdict("max_lifetime: 1m", &with("iat", json!(NOW - 100))),
        Err(Code::TokenExpired)
    );
    assert_eq!(
        verdict("required: [exp, iss, aud, sub, jti]", &good()),
        Err(Code::TokenMalformed)
    );
    let asked = "require_claims: { tenant: [a, b] }";
    assert!(verdict(asked, &with("tenant", json!("b"))).is_ok());
    assert_eq!(
        verdict(asked, &with("tenant", json!("c"))),
        Err(Code::CredentialRefused)
    );
    assert_eq!(verdict("typ: at+jwt", &good()), Err(Code::CredentialRefused));
    assert_eq!(verdict("algorithms: [HS512]", &good()), Err(Code::TokenSignature));
}

#[test]
fn any_audience_and_any_issuer_are_taken_where_that_is_written() {
    let signer = Signer::of(Algorithm::EdDsa);
    let files = [("ed.pem", public_pem(&signer))];
    let settings = "{ issuer: any, audience: any, public_key: ed.pem, required: [exp, iss, sub] }";
    let method = method(settings, &files);
    let mut claims = with("iss", json!("whoever"));
    claims.as_object_mut().unwrap().remove("aud");
    assert!(ask(&*method, &signer.says(&claims)).is_ok());
    for broken in [json!(""), json!(7), json!(["a"]), Value::Null] {
        claims["iss"] = broken.clone();
        assert_eq!(
            ask(&*method, &signer.says(&claims)).unwrap_err().code,
            Code::TokenMalformed,
            "{broken}"
        );
    }
}

#[test]
#[doc = "JWT-05"]
fn a_token_is_claimed_by_its_issuer_alone() {
    let signer = Signer::of(Algorithm::EdDsa);
    let files = [("ed.pem", public_pem(&signer))];
    let one = method("{ issuer: me, audience: api, public_key: ed.pem }", &files);
    let any = method("{ issuer: any, audience: api, public_key: ed.pem }", &files);
    let claims =
        |method: &Arc<dyn Method>, token: &str| method.claims(token.as_bytes()).map_err(|refusal| refusal.code);
    assert_eq!(claims(&one, &signer.says(&good())), Ok(()));
    assert_eq!(claims(&any, &signer.says(&good())), Ok(()));
    let foreign = signer.says(&with("iss", json!("you")));
    assert_eq!(claims(&one, &foreign), Err(Code::TokenIssuer));
    assert_eq!(claims(&any, &foreign), Ok(()));
    for opaque in ["opaque", "a.b", "", "a.b.c.d", "not.base64!.x"] {
        assert_eq!(claims(&one, opaque), Err(Code::TokenMalformed), "{opaque}");
        assert_eq!(claims(&any, opaque), Err(Code::TokenMalformed), "{opaque}");
    }
    let challenge = one.challenge();
    assert_eq!(challenge.plain, r#"Bearer realm="portcullis""#);
    assert!(challenge.is_bearer);
}

#[test]
fn without_any_key_of_the_issuer_it_is_an_outage_and_no_bad_token() {
    let signer = Signer::of(Algorithm::EdDsa);
    let method = remote(&Arc::default());
    let refusal = ask(&method, &signer.says(&good())).unwrap_err();
    assert_eq!(refusal.code, Code::IssuerUnavailable);
    assert!(!refusal.is_definitive());
    // What is no token of this issuer is not its outage.
    assert_eq!(
        ask(&method, &signer.says(&with("iss", json!("you")))).unwrap_err().code,
        Code::TokenIssuer
    );
}

/// An issuer whose next keys come when somebody asks for one that is not there.
#[derive(Debug, Default)]
struct Rotating {
    now: Mutex<Option<Arc<KeySet>>>,
    next: Mutex<Option<Arc<KeySet>>>,
    asked: AtomicU64,
    hangs: AtomicBool,
}

impl KeySource<KeySet> for Rotating {
    fn current(&self) -> Option<Arc<KeySet>> {
        self.now.lock().unwrap().clone()
    }

    fn generation(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    fn refetch<'a>(&'a self, _kid: &'a str) -> std::pin::Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if let Some(next) = self.next.lock().unwrap().take() {
                *self.now.lock().unwrap() = Some(next);
            }
            !self.hangs.load(Ordering::SeqCst)
        })
    }
}

fn remote(source: &Arc<Rotating>) -> JwtMethod {
    JwtMethod {
        judging: Arc::new(Judging {
            issuer: Some("me".into()),
            algorithms: Algorithm::public(),
            rules: ClaimRules {
                audience: Audience::Any,
                leeway: Duration::ZERO,
                max_lifetime: None,
                required: Vec::new(),
                expected: Vec::new(),
                types: Types::default(),
            },
            grants: Grants::default(),
        }),
        keys: Keys::Remote(Arc::clone(source) as Arc<dyn KeySource<KeySet>>),
        remembers: true,
    }
}

#[test]
#[doc = "KEY-04"]
fn a_new_key_works_on_its_first_use_and_is_asked_for_once() {
    let (old, new) = (Signer::of(Algorithm::Es256), Signer::of(Algorithm::EdDsa));
    let source = Arc::new(Rotating::default());
    *source.now.lock().unwrap() = Some(Arc::new(old.keys()));
    *source.next.lock().unwrap() = Some(Arc::new(new.keys()));
    let method = remote(&source);
    assert!(ask(&method, &old.says(&good())).is_ok());
    assert_eq!(method.generation(), 0);
    assert!(ask(&method, &new.says(&good())).is_ok());
    assert_eq!(method.generation(), 1);
    // The old one is gone with the set it stood in.
    assert_eq!(ask(&method, &old.says(&good())).unwrap_err().code, Code::TokenSignature);
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[test]
#[doc = "KEY-04"]
fn who_comes_before_the_first_fetch_has_ended_waits_for_it() {
    let signer = Signer::of(Algorithm::Es256);
    let source = Arc::new(Rotating::default());
    *source.next.lock().unwrap() = Some(Arc::new(signer.keys()));
    let method = remote(&source);
    assert!(ask(&method, &signer.says(&good())).is_ok());
}

#[test]
#[doc = "CF-06"]
fn while_the_issuer_has_not_answered_an_unknown_key_is_no_fault_of_the_token() {
    let (old, new) = (Signer::of(Algorithm::Es256), Signer::of(Algorithm::EdDsa));
    let source = Arc::new(Rotating::default());
    *source.now.lock().unwrap() = Some(Arc::new(old.keys()));
    source.hangs.store(true, Ordering::SeqCst);
    let method = remote(&source);
    assert!(ask(&method, &old.says(&good())).is_ok());
    let unknown = new.token(r#"{"alg":"EdDSA","kid":"two"}"#, &good().to_string());
    assert_eq!(ask(&method, &unknown).unwrap_err().code, Code::IssuerUnavailable);
}

#[test]
#[doc = "KEY-03"]
fn only_an_unknown_key_of_this_issuer_is_asked_for() {
    let (ours, theirs) = (Signer::of(Algorithm::EdDsa), Signer::of(Algorithm::Es256));
    let source = Arc::new(Rotating::default());
    *source.now.lock().unwrap() = Some(Arc::new(ours.keys()));
    let method = remote(&source);
    for token in [
        "no token".to_owned(),
        theirs.says(&with("iss", json!("you"))),
        theirs.token(r#"{"alg":"none","kid":"two"}"#, &good().to_string()),
        theirs.token(r#"{"alg":"HS256","kid":"two"}"#, &good().to_string()),
        theirs.token(r#"{"alg":"EdDSA","kid":"one"}"#, &good().to_string()),
        theirs.token(r#"{"alg":"ES256"}"#, &good().to_string()),
        ours.says(&with("exp", json!(0))),
    ] {
        assert!(ask(&method, &token).is_err());
    }
    assert_eq!(source.asked.load(Ordering::SeqCst), 0);
    let unknown = theirs.token(r#"{"alg":"ES256","kid":"two"}"#, &good().to_string());
    assert_eq!(ask(&method, &unknown).unwrap_err().code, Code::TokenSignature);
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
}
