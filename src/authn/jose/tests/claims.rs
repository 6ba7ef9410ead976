//! What a token whose signature fits must say (JWT-06 to JWT-09).

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Signer, read};
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::claims::{Audience, ClaimRules, Expected, Types};
use crate::authn::refusal::Refusal;
use crate::base::clock::Timestamp;
use crate::problem::Code;

/// Now, in seconds.
const NOW: u64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

fn rules() -> ClaimRules {
    ClaimRules {
        audience: Audience::OneOf(vec!["api://orders".into(), "api://bills".into()]),
        leeway: Duration::from_secs(30),
        max_lifetime: None,
        required: ["exp", "iss", "aud", "sub"].map(Into::into).to_vec(),
        expected: Vec::new(),
        types: Types::default(),
    }
}

fn good() -> Value {
    json!({ "iss": "i", "sub": "s", "aud": "api://orders", "exp": NOW + 300, "iat": NOW })
}

/// The good claims with some changed, or taken away where the value is the text `absent`.
fn with(changes: Value) -> Value {
    let mut claims = good();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value.as_str() {
            Some("absent") => members.remove(name),
            _ => members.insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn verdict(rules: &ClaimRules, claims: &Value) -> Result<u64, Refusal> {
    judge(rules, r#"{"alg":"HS256"}"#, claims)
}

fn judge(rules: &ClaimRules, header: &str, claims: &Value) -> Result<u64, Refusal> {
    let token = Signer::of(Algorithm::Hs256).token(header, &claims.to_string());
    rules.judge(&read(&token), now()).map(Timestamp::as_millis)
}

fn code(rules: &ClaimRules, changes: Value) -> Option<Code> {
    verdict(rules, &with(changes)).err().map(|refusal| refusal.code)
}

#[test]
#[doc = "JWT-06"]
fn what_is_required_is_there() {
    assert_eq!(verdict(&rules(), &good()), Ok((NOW + 330) * 1000));
    for name in ["exp", "iss", "aud", "sub"] {
        for value in [json!("absent"), Value::Null] {
            let refusal = verdict(&rules(), &with(json!({ name: value }))).unwrap_err();
            assert_eq!(refusal.code, Code::TokenMalformed, "{name}");
            assert_eq!(refusal.why, format!("the claim `{name}` is missing"));
        }
    }
    assert_eq!(verdict(&rules(), &json!({})).unwrap_err().code, Code::TokenMalformed);
    let more = ClaimRules {
        required: ["exp", "iss", "aud", "sub", "jti"].map(Into::into).to_vec(),
        ..rules()
    };
    assert_eq!(code(&more, json!({})), Some(Code::TokenMalformed));
    assert_eq!(code(&more, json!({ "jti": "x" })), None);
    // Not required, and still no time without end.
    let fewer = ClaimRules {
        required: Vec::new(),
        ..rules()
    };
    assert_eq!(code(&fewer, json!({ "exp": "absent" })), Some(Code::TokenMalformed));
    assert_eq!(code(&fewer, json!({ "aud": "absent" })), Some(Code::TokenAudience));
}

#[test]
#[doc = "JWT-07"]
fn claims_have_their_types() {
    let not_texts = [
        json!(""),
        json!(1),
        json!(true),
        json!(["i"]),
        json!([]),
        json!({ "a": 1 }),
    ];
    for name in ["iss", "sub"] {
        for value in &not_texts {
            assert_eq!(
                code(&rules(), json!({ name: value })),
                Some(Code::TokenMalformed),
                "{name}: {value}"
            );
        }
    }
    for value in [json!(1), json!(["x"]), Value::Null, json!({})] {
        assert_eq!(
            code(&rules(), json!({ "jti": value })),
            Some(Code::TokenMalformed),
            "jti: {value}"
        );
    }
    for value in [
        json!(1),
        json!(true),
        json!({ "0": "api://orders" }),
        json!([1]),
        json!(["api://orders", 1]),
        json!(["api://orders", null]),
        json!([["api://orders"]]),
    ] {
        assert_eq!(
            code(&rules(), json!({ "aud": value })),
            Some(Code::TokenMalformed),
            "aud: {value}"
        );
    }
    let not_times = [
        json!("1800000300"),
        json!(""),
        json!(true),
        json!([1_800_000_300]),
        json!({}),
        json!(-1),
        json!(-0.5),
        json!(9_007_199_254_740_992_u64),
        json!(u64::MAX),
        json!(9_007_199_254_740_992.0),
        json!(1e300),
        json!(i64::MIN),
    ];
    for name in ["exp", "nbf", "iat"] {
        for value in &not_times {
            assert_eq!(
                code(&rules(), json!({ name: value })),
                Some(Code::TokenMalformed),
                "{name}: {value}"
            );
        }
    }
    for name in ["nbf", "iat"] {
        assert_eq!(
            code(&rules(), json!({ name: null })),
            Some(Code::TokenMalformed),
            "{name}"
        );
    }
    assert_eq!(code(&rules(), json!({ "exp": 9_007_199_254_740_991_u64 })), None);
    assert_eq!(code(&rules(), json!({ "nbf": 0, "iat": 0 })), None);
}

#[test]
#[doc = "JWT-08"]
fn a_token_is_good_from_its_beginning_to_its_end() {
    let expired = Some(Code::TokenExpired);
    let early = Some(Code::TokenNotYetValid);
    for (changes, wanted) in [
        (json!({ "exp": NOW + 1 }), None),
        (json!({ "exp": NOW }), None),
        (json!({ "exp": NOW - 29 }), None),
        (json!({ "exp": NOW as f64 - 29.5 }), None),
        (json!({ "exp": NOW - 30 }), expired),
        (json!({ "exp": NOW as f64 - 30.0 }), expired),
        (json!({ "exp": NOW - 31 }), expired),
        (json!({ "exp": 0 }), expired),
        (json!({ "exp": 1 }), expired),
        (json!({ "nbf": NOW }), None),
        (json!({ "nbf": NOW + 30 }), None),
        (json!({ "nbf": NOW as f64 + 30.001 }), early),
        (json!({ "nbf": NOW + 31 }), early),
        (json!({ "nbf": 9_007_199_254_740_991_u64 }), early),
        (json!({ "iat": NOW + 30 }), None),
        (json!({ "iat": NOW + 31 }), early),
        (json!({ "iat": "absent" }), None),
        (json!({ "iat": 0 }), None),
        // Seconds, not milliseconds: a token that lives until the year 59011 is old enough to be refused by its `iat`.
        (json!({ "iat": NOW * 1000 }), early),
    ] {
        assert_eq!(code(&rules(), changes.clone()), wanted, "{changes}");
    }
}

#[test]
#[doc = "JWT-08"]
fn without_leeway_the_second_counts() {
    let exact = ClaimRules {
        leeway: Duration::ZERO,
        ..rules()
    };
    assert_eq!(code(&exact, json!({ "exp": NOW })), Some(Code::TokenExpired));
    assert_eq!(verdict(&exact, &with(json!({ "exp": NOW + 1 }))), Ok((NOW + 1) * 1000));
    assert_eq!(
        verdict(&exact, &with(json!({ "exp": NOW as f64 + 0.25 }))),
        Ok(NOW * 1000 + 250)
    );
    assert_eq!(
        code(&exact, json!({ "nbf": NOW as f64 + 0.001 })),
        Some(Code::TokenNotYetValid)
    );
    assert_eq!(code(&exact, json!({ "iat": NOW + 1 })), Some(Code::TokenNotYetValid));
}

#[test]
#[doc = "JWT-08"]
fn a_token_is_taken_no_longer_than_its_greatest_age() {
    let aged = ClaimRules {
        max_lifetime: Some(Duration::from_secs(600)),
        ..rules()
    };
    let years = NOW + 300_000_000;
    assert_eq!(verdict(&aged, &with(json!({ "exp": years }))), Ok((NOW + 630) * 1000));
    assert_eq!(verdict(&aged, &good()), Ok((NOW + 330) * 1000));
    assert_eq!(code(&aged, json!({ "exp": years, "iat": NOW - 629 })), None);
    assert_eq!(
        code(&aged, json!({ "exp": years, "iat": NOW - 630 })),
        Some(Code::TokenExpired)
    );
    assert_eq!(code(&aged, json!({ "exp": years, "iat": 0 })), Some(Code::TokenExpired));
    // Without the time of its making, nobody knows how old it is.
    assert_eq!(code(&aged, json!({ "iat": "absent" })), Some(Code::TokenMalformed));
}

#[test]
#[doc = "JWT-07"]
fn a_token_is_for_one_of_our_audiences() {
    for audience in [
        json!("api://orders"),
        json!("api://bills"),
        json!(["api://orders"]),
        json!(["api://else", "api://bills"]),
    ] {
        assert_eq!(code(&rules(), json!({ "aud": audience })), None, "{audience}");
    }
    for audience in [
        json!(""),
        json!([]),
        json!([""]),
        json!("api://order"),
        json!("api://orders/"),
        json!("API://orders"),
        json!(" api://orders"),
        json!("api://orders api://bills"),
        json!("api://orders,api://bills"),
        json!("*"),
        json!("any"),
        json!(["api://else"]),
    ] {
        assert_eq!(
            code(&rules(), json!({ "aud": audience })),
            Some(Code::TokenAudience),
            "{audience}"
        );
    }
    let any = ClaimRules {
        audience: Audience::Any,
        ..rules()
    };
    assert_eq!(code(&any, json!({ "aud": "api://else" })), None);
    assert_eq!(code(&any, json!({ "aud": [1] })), Some(Code::TokenMalformed));
}

#[test]
#[doc = "JWT-09"]
fn only_access_tokens_are_taken() {
    let header = |typ: Value| json!({ "alg": "HS256", "typ": typ }).to_string();
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/JWT",
    ] {
        assert!(judge(&rules(), &header(typ.into()), &good()).is_ok(), "{typ}");
    }
    for typ in [
        "",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "id_token",
        "rt+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "entity-statement+jwt",
        "vp+sd-jwt",
        "JOSE",
        "JOSE+JSON",
        "JWE",
        "at+jwt ",
        "application/",
        "application/application/jwt",
        "text/jwt",
        "аt+jwt",
    ] {
        let refusal = judge(&rules(), &header(typ.into()), &good()).unwrap_err();
        assert_eq!(refusal.code, Code::CredentialRefused, "{typ:?}");
    }
    for typ in ["ID", "Refresh", "Offline", "Logout"] {
        assert_eq!(
            code(&rules(), json!({ "typ": typ })),
            Some(Code::CredentialRefused),
            "{typ}"
        );
    }
    assert_eq!(code(&rules(), json!({ "typ": "Bearer" })), None);
    let logout = json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": {} } });
    assert_eq!(code(&rules(), logout), Some(Code::CredentialRefused));
}

#[test]
#[doc = "JWT-09"]
fn id_tokens_give_themselves_away_by_their_claims() {
    let header = |typ: &str| json!({ "alg": "HS256", "typ": typ }).to_string();
    let verdict = |typ, name: &str, value| judge(&rules(), &header(typ), &with(json!({ name: value })));
    for (name, value) in [("at_hash", "x"), ("c_hash", "x"), ("s_hash", "x"), ("token_use", "id")] {
        for typ in ["JWT", "at+jwt"] {
            assert_eq!(
                verdict(typ, name, value).unwrap_err().code,
                Code::CredentialRefused,
                "{name}"
            );
        }
    }
    assert_eq!(verdict("JWT", "nonce", "n").unwrap_err().code, Code::CredentialRefused);
    // Issuers that write it into access tokens, and say that these are such.
    assert!(verdict("at+jwt", "nonce", "n").is_ok());
    assert!(verdict("JWT", "token_use", "access").is_ok());
    let bearer = with(json!({ "nonce": "n", "typ": "Bearer" }));
    assert!(judge(&rules(), &header("JWT"), &bearer).is_ok());
}

#[test]
#[doc = "JWT-09"]
fn a_type_that_is_asked_for_must_be_there() {
    let strict = ClaimRules {
        types: Types::only(["application/at+jwt".into()]),
        ..rules()
    };
    assert!(judge(&strict, r#"{"alg":"HS256","typ":"At+Jwt"}"#, &good()).is_ok());
    for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","typ":"JWT"}"#] {
        assert_eq!(
            judge(&strict, header, &good()).unwrap_err().code,
            Code::CredentialRefused,
            "{header}"
        );
    }
}

#[test]
#[doc = "JWT-06"]
fn claims_have_the_values_that_are_asked_for() {
    let expected = |claim: &str, values: &[&str]| ClaimRules {
        expected: vec![Expected {
            claim: claim.into(),
            values: values.iter().map(|value| (*value).into()).collect(),
        }],
        ..rules()
    };
    for (value, fits) in [
        (json!("a"), true),
        (json!("b"), true),
        (json!(["x", "b"]), true),
        (json!("A"), false),
        (json!("a "), false),
        (json!("a b"), false),
        (json!(""), false),
        (json!([]), false),
        (json!([["a"]]), false),
        (json!({ "a": 1 }), false),
        (Value::Null, false),
        (json!("absent"), false),
    ] {
        let wanted = (!fits).then_some(Code::CredentialRefused);
        assert_eq!(
            code(&expected("tenant", &["a", "b"]), json!({ "tenant": value })),
            wanted,
            "{value}"
        );
    }
    assert_eq!(code(&expected("admin", &["true"]), json!({ "admin": true })), None);
    assert_eq!(code(&expected("level", &["2"]), json!({ "level": 2 })), None);
    assert_eq!(
        code(&expected("level", &["2"]), json!({ "level": 2.5 })),
        Some(Code::CredentialRefused)
    );
    assert_eq!(
        code(
            &expected("https://e.example/t", &["a"]),
            json!({ "https://e.example/t": "a" })
        ),
        None
    );
}

proptest! {
    #[test]
    #[doc = "JWT-08"]
    fn nothing_is_good_at_or_after_the_end_that_is_told(exp in 0..(1_u64 << 53), leeway in 0..60_u64, at in any::<u32>()) {
        let rules = ClaimRules { leeway: Duration::from_secs(leeway), ..rules() };
        let token = Signer::of(Algorithm::Hs256).token(r#"{"alg":"HS256"}"#, &with(json!({ "exp": exp, "iat": 0 })).to_string());
        let at = Timestamp::from_millis(u64::from(at) * 1000);
        match rules.judge(&read(&token), at) {
            Ok(ends) => prop_assert!(at < ends),
            Err(refusal) => prop_assert_eq!(refusal.code, Code::TokenExpired),
        }
    }

    #[test]
    fn any_number_is_a_time_or_no_time(exp in any::<f64>()) {
        let _ = verdict(&rules(), &with(json!({ "exp": exp, "nbf": exp })));
    }
}
