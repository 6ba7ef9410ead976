mod wire;

use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::authn::jose::ClaimPath;
use crate::authn::jose::claims::Audience;
use crate::authn::method::{Place, Share};
use crate::config::{Given, Kinds};

const KINDS: Kinds = Kinds::new(&[&Introspection]);
const NOW: u64 = 1_800_000_000;

/// An issuer that gives one answer, and who was asked about.
#[derive(Debug)]
struct Script {
    answer: Mutex<Option<Result<Answer, CallError>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Ask for Script {
    fn ask<'a>(&'a self, token: &'a str) -> Asked<'a> {
        self.asked.lock().unwrap().push(token.to_owned());
        let answer = self.answer.lock().unwrap().take().expect("asked once");
        Box::pin(std::future::ready(answer.map(Some)))
    }
}

fn judging() -> Judging {
    Judging {
        audience: Audience::Any,
        issuer: None,
        subject: None,
        roles: ClaimPath::of(["roles"]),
        scopes: ClaimPath::of(["scope"]),
        leeway: Duration::from_secs(30),
    }
}

fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

fn verdict(judging: Judging, answer: Result<Answer, CallError>) -> Result<Verified, Refusal> {
    let asked = Arc::default();
    let script = Script {
        answer: Mutex::new(Some(answer)),
        asked: Arc::clone(&asked),
    };
    let method = Tokens::new(Box::new(script), Arc::new(judging), Duration::from_secs(60));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let verdict = runtime.block_on(method.inquire("abc", Timestamp::from_millis(NOW * 1000)));
    assert_eq!(*asked.lock().unwrap(), ["abc"]);
    verdict
}

/// What is said of a token with these members.
fn said(members: Value) -> Result<Verified, Refusal> {
    verdict(judging(), Ok(answer(200, members.to_string())))
}

fn with(member: &str, value: Value) -> Value {
    let mut members = json!({ "active": true, "sub": "u1", "exp": NOW + 600 });
    members[member] = value;
    members
}

fn code(members: Value) -> Code {
    said(members).unwrap_err().code
}

#[test]
fn an_active_token_makes_the_principal() {
    let verified = said(json!({
        "active": true, "sub": "u1", "username": "jane", "client_id": "app", "scope": "read write",
        "roles": ["ops"], "exp": NOW + 600, "nbf": NOW, "jti": "t1", "sid": "s1",
        "email": "jane@example.com", "email_verified": true,
    }))
    .unwrap();
    let principal = &verified.principal;
    assert_eq!(&*principal.id, "u1");
    assert_eq!(principal.scopes, ["read".into(), "write".into()]);
    assert_eq!(principal.roles, ["ops".into()]);
    assert_eq!(principal.email.as_deref(), Some("jane@example.com"));
    assert_eq!(principal.claims["client_id"], "app");
    assert_eq!(verified.expires, Some(Timestamp::from_millis((NOW + 630) * 1000)));
    assert_eq!(verified.handles.token.as_deref(), Some("t1"));
    assert_eq!(verified.handles.session.as_deref(), Some("s1"));
}

#[test]
fn the_principal_is_whoever_the_issuer_names_first() {
    let id = |members: Value| said(members).map(|verified| verified.principal.id.to_string());
    assert_eq!(
        id(json!({ "active": true, "username": "jane", "client_id": "app" })).unwrap(),
        "jane"
    );
    assert_eq!(
        id(json!({ "active": true, "client_id": "app", "sub": "" })).unwrap(),
        "app"
    );
    assert_eq!(code(json!({ "active": true })), Code::CredentialRefused);
    let by = |path: &str, members: Value| {
        let judging = Judging {
            subject: Some(ClaimPath::dotted(path)),
            ..judging()
        };
        verdict(judging, Ok(answer(200, members.to_string())))
    };
    assert_eq!(
        &*by("ext.id", with("ext", json!({ "id": "x" }))).unwrap().principal.id,
        "x"
    );
    assert_eq!(
        by("ext.id", with("a", json!(1))).unwrap_err().code,
        Code::CredentialRefused
    );
}

#[test]
fn a_token_without_an_end_has_none() {
    let verified = said(json!({ "active": true, "sub": "u1" })).unwrap();
    assert_eq!((verified.expires, verified.principal.scopes.len()), (None, 0));
}

#[test]
#[doc = "CA-02"]
fn a_token_beyond_its_times_is_refused_whatever_the_issuer_says() {
    assert_eq!(code(with("exp", json!(NOW - 30))), Code::TokenExpired);
    assert!(said(with("exp", json!(NOW - 29))).is_ok());
    assert_eq!(code(with("nbf", json!(NOW + 31))), Code::TokenNotYetValid);
    assert!(said(with("nbf", json!(NOW + 30))).is_ok());
}

#[test]
#[doc = "JWT-09"]
fn what_is_no_access_token_is_refused() {
    for (member, value) in [
        ("active", json!(false)),
        ("typ", json!("Refresh")),
        ("typ", json!("ID")),
        ("token_use", json!("refresh_token")),
        ("token_type", json!("refresh_token")),
        ("events", json!({})),
        ("cnf", json!({ "jkt": "x" })),
    ] {
        let refusal = said(with(member, value)).unwrap_err();
        assert_eq!(refusal.code, Code::CredentialRefused, "{member}: {refusal}");
    }
}

#[test]
fn a_token_for_somebody_else_is_refused_where_the_settings_say_for_whom() {
    let ours = || Judging {
        audience: Audience::OneOf(vec!["api".into()]),
        issuer: Some("https://login.example.com".into()),
        ..judging()
    };
    let said = |aud: Value, iss: Value| {
        let mut members = with("aud", aud);
        members["iss"] = iss;
        let verdict = verdict(ours(), Ok(answer(200, members.to_string())));
        verdict.map(|_| ()).map_err(|refusal| refusal.code)
    };
    let iss = || json!("https://login.example.com");
    assert_eq!(said(json!("api"), iss()), Ok(()));
    assert_eq!(said(json!(["other", "api"]), iss()), Ok(()));
    assert_eq!(said(json!("other"), iss()), Err(Code::TokenAudience));
    assert_eq!(said(json!([]), iss()), Err(Code::TokenAudience));
    assert_eq!(
        said(json!("api"), json!("https://login.example.com/")),
        Err(Code::TokenIssuer)
    );
    assert_eq!(said(json!("api"), Value::Null), Err(Code::TokenIssuer));
    assert_eq!(said(json!({ "a": "api" }), iss()), Err(Code::IssuerUnavailable));
}

#[test]
#[doc = "CA-06"]
fn an_answer_that_says_nothing_is_an_outage_and_not_remembered() {
    let broken = [
        answer(200, ""),
        answer(200, "true"),
        answer(200, "[]"),
        answer(200, "{}"),
        answer(200, "<html>"),
        answer(200, r#"{"active":"true","sub":"u1"}"#),
        answer(200, r#"{"active":1,"sub":"u1"}"#),
        answer(200, r#"{"active":null,"sub":"u1"}"#),
        answer(200, r#"{"active":false,"active":true,"sub":"u1"}"#),
        answer(200, r#"{"active":true,"sub":"u1"} {}"#),
        answer(200, r#"{"active":true,"sub":"u1","exp":"soon"}"#),
        answer(200, r#"{"active":true,"sub":"u1","exp":-1}"#),
        answer(200, format!(r#"{{"active":true,"sub":"{}"}}"#, "u".repeat(64 * 1024))),
        answer(201, r#"{"active":true,"sub":"u1"}"#),
        answer(302, ""),
        answer(400, r#"{"active":false}"#),
        answer(401, r#"{"active":false}"#),
        answer(429, ""),
        answer(500, ""),
        answer(503, ""),
    ];
    let broken = broken.into_iter().map(Ok);
    let late = || std::iter::once(Err(CallError::Late(Duration::from_secs(5))));
    for answer in broken.chain(late()).chain(std::iter::once(Err(CallError::TooLarge))) {
        let shown = format!("{answer:?}");
        let refusal = verdict(judging(), answer).unwrap_err();
        assert_eq!(refusal.code, Code::IssuerUnavailable, "{shown}: {refusal}");
        assert!(!refusal.is_definitive(), "{shown}");
    }
    let credentials = verdict(judging(), Ok(answer(401, ""))).unwrap_err();
    assert!(credentials.why.contains("`client_secret`"), "{credentials}");
}

/// An issuer that takes calls and answers none.
#[derive(Debug)]
struct Silent(Arc<Mutex<usize>>);

impl Ask for Silent {
    fn ask<'a>(&'a self, _token: &'a str) -> Asked<'a> {
        *self.0.lock().unwrap() += 1;
        Box::pin(std::future::pending())
    }
}

#[test]
#[doc = "CA-06"]
fn no_more_than_64_calls_are_under_way_and_what_comes_beyond_is_not_remembered() {
    let begun = Arc::default();
    let silent = Box::new(Silent(Arc::clone(&begun)));
    let method = Tokens::new(silent, Arc::new(judging()), Duration::from_secs(60));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let inquire = || Box::pin(method.inquire("abc", Timestamp::from_millis(NOW * 1000)));
        let mut waiting: Vec<_> = (0..CALLS_MAX).map(|_| inquire()).collect();
        for call in &mut waiting {
            assert!(futures_util::poll!(call).is_pending());
        }
        let refusal = inquire().await.unwrap_err();
        assert_eq!(refusal.code, Code::IssuerUnavailable);
        assert!(refusal.why.contains("too many questions are under way"), "{refusal}");
        assert!(!refusal.is_definitive());
        assert_eq!(*begun.lock().unwrap(), 64);
        // Who gives up leaves room for another.
        drop(waiting.pop());
        assert!(futures_util::poll!(inquire()).is_pending());
        assert_eq!(*begun.lock().unwrap(), 65);
    });
}

#[test]
fn only_what_can_be_a_bearer_token_is_asked_about() {
    for good in [
        "a",
        "mF_9.B5f-4.1JqM",
        "2YotnFZFEjr1zCsicMWpAA==",
        "a+/~",
        &"x".repeat(TOKEN_MAX),
    ] {
        assert_eq!(token(good.as_bytes()), Ok(good));
    }
    let long = "x".repeat(TOKEN_MAX + 1);
    for bad in [
        "",
        "=",
        "==",
        "a b",
        "a=b",
        "a\n",
        "a%20",
        "a&token=b",
        "é",
        "\0",
        &long,
    ] {
        let refusal = token(bad.as_bytes()).unwrap_err();
        assert_eq!(refusal.code, Code::TokenMalformed, "{bad:?}");
    }
    assert!(token(b"\xff").is_err());
}

fn load(settings: &str) -> Result<Arc<dyn crate::config::authenticators::Plan>, String> {
    let text = format!(
        "version: 1\nlisten: [{{ addr: \"127.0.0.1:8080\" }}]\nupstreams: {{ a: {{ builtin: echo }} }}\n\
         routes: [{{ path: /, upstream: a, auth: corp }}]\nauth:\n  corp:\n    introspection: {{ {settings} }}\n"
    );
    let machine = Given::nothing().with_variable("SECRET", "s3cret");
    let loaded = crate::config::parse(&text, "gateway.yaml", KINDS, &machine);
    let loaded = loaded.map_err(|faults| faults.to_string())?;
    Ok(Arc::clone(&loaded.config.auth[0].plan))
}

const LEAST: &str = "url: \"https://login.example.com/introspect\", client_id: gw, client_secret: \"${env:SECRET}\"";

#[test]
fn it_takes_the_bearer_tokens_that_nobody_else_takes() {
    let plan = load(LEAST).unwrap();
    assert_eq!(plan.reads(), [Reads::share(Place::Bearer, Share::Rest)]);
    let printed = format!("{plan:?}");
    assert!(
        printed.contains("login.example.com") && !printed.contains("s3cret"),
        "{printed}"
    );
    assert!(printed.contains("ttl: 60s"), "{printed}");
}

#[test]
fn every_setting_is_read_and_a_bad_one_told() {
    let all = "ttl: 5s, audience: [api], issuer: \"https://login.example.com\", roles_from: realm.roles, \
               scopes_from: [scp], subject_from: username, leeway: 0s";
    let printed = format!("{:?}", load(&format!("{LEAST}, {all}")).unwrap());
    for expected in [
        "ttl: 5s",
        "OneOf([\"api\"])",
        "[\"realm\", \"roles\"]",
        "[\"scp\"]",
        "leeway: 0ns",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    for (settings, expected) in [
        ("", "`url` is missing"),
        ("url: \"ftp://x\"", "is not a URL to fetch something from"),
        ("url: \"https://u:p@x/i\"", "is not a URL to fetch something from"),
        ("client_secret: s3cret", "secret.inline"),
        (&format!("{LEAST}, ttl: 2h"), "value.range"),
        (&format!("{LEAST}, audience: []"), "value.empty"),
        (&format!("{LEAST}, audiences: [a]"), "did you mean `audience`?"),
    ] {
        let report = load(settings).unwrap_err();
        assert!(report.contains(expected), "{report}");
    }
}

#[test]
fn verdicts_are_shared_for_as_long_as_the_settings_say() {
    let memory = |seconds| {
        let ttl = Duration::from_secs(seconds);
        Tokens::new(Box::new(Nowhere), Arc::new(judging()), ttl).memory()
    };
    let ttl = Some(Duration::from_secs(5));
    assert_eq!(memory(5), Memory::Shared { ttl });
    assert_eq!(memory(0), Memory::Never);
}

proptest! {
    #[test]
    #[doc = "VR-03"]
    fn only_a_clear_yes_lets_anybody_in(body in prop::collection::vec(any::<u8>(), 0..80)) {
        let refusal = verdict(judging(), Ok(answer(200, body))).unwrap_err();
        prop_assert_eq!(refusal.code, Code::IssuerUnavailable);
    }

    #[test]
    #[doc = "VR-03"]
    fn any_bytes_are_a_token_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(text) = token(&bytes) {
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
