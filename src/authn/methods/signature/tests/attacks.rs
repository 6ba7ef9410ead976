//! What a stranger, or who listens on the way, may try.

use super::*;
use crate::authn::methods::signature::rfc9421::Cover;

type Change = fn(&mut Asked);

#[test]
#[doc = "HM-01, HM-02"]
fn any_part_of_a_request_that_differs_breaks_its_signature() {
    let changes: [(&str, Change); 8] = [
        ("method", |asked| asked.method = http::Method::PUT),
        ("path", |asked| {
            asked.path = Asked::for_test("POST", "/hooks/IN?x=1&y=%20", &[]).path
        }),
        ("query", |asked| {
            asked.path = Asked::for_test("POST", "/hooks/in?x=1&y=+", &[]).path
        }),
        ("host", |asked| {
            asked.host = crate::request::host::Host::from_value(&HeaderValue::from_static("H")).unwrap();
        }),
        ("time", |asked| set(asked, "x-signature-timestamp", "1614265331")),
        ("nonce", |asked| set(asked, "x-signature-nonce", "0123456789abcdeF")),
        ("key", |asked| set(asked, "x-signature-key", "other")),
        ("mac", |asked| {
            let last = if V1_SIGNATURE.ends_with('0') { "1" } else { "0" };
            let other = format!("{}{last}", &V1_SIGNATURE[..V1_SIGNATURE.len() - 1]);
            set(asked, "x-signature", &other);
        }),
    ];
    let keys = vec![shared("acme", &[SECRET]), shared("other", &[SECRET])];
    let gate = Gate::of(Scheme::V1, keys);
    for (part, change) in changes {
        let mut asked = v1();
        change(&mut asked);
        assert_eq!(gate.preview(&asked), Ok(()), "{part}");
        assert_eq!(gate.judge(&asked, BODY).unwrap_err(), Code::SignatureInvalid, "{part}");
    }
    assert_eq!(gate.judge(&v1(), b"{\"a\":2}").unwrap_err(), Code::SignatureInvalid);
    assert_eq!(gate.judge(&v1(), b"").unwrap_err(), Code::SignatureInvalid);
    assert!(gate.judge(&v1(), BODY).is_ok(), "none of these used the nonce up");
}

#[test]
#[doc = "HM-02, HM-05"]
fn what_has_another_shape_is_refused_before_the_body_is_read() {
    let gate = v1_gate();
    let mac = &V1_SIGNATURE[3..];
    for (field, value) in [
        ("x-signature", mac),
        ("x-signature", "v1="),
        ("x-signature", "v2=00"),
        ("x-signature", &V1_SIGNATURE[..35]),
        ("x-signature", &format!("{V1_SIGNATURE}00")),
        ("x-signature", &format!("V1={mac}")),
        ("x-signature", &format!("v1= {mac}")),
        ("x-signature", &format!("v1={mac},v1={mac}")),
        ("x-signature-key", ""),
        ("x-signature-key", "ACME"),
        ("x-signature-key", "acme "),
        ("x-signature-key", "nobody"),
        ("x-signature-nonce", "0123456789abcde"),
        ("x-signature-nonce", &"a".repeat(129)),
        ("x-signature-nonce", "0123456789abcdef="),
        ("x-signature-nonce", "0123456789 abcdef"),
        ("x-signature-timestamp", ""),
        ("x-signature-timestamp", "1614265330.0"),
        ("x-signature-timestamp", "01614265330"),
        ("x-signature-timestamp", "1614265330000"),
    ] {
        let mut asked = v1();
        set(&mut asked, field, value);
        assert_eq!(gate.preview(&asked), Err(Code::SignatureInvalid), "{field}: {value}");
        assert_eq!(
            gate.judge(&asked, BODY).unwrap_err(),
            Code::SignatureInvalid,
            "{field}: {value}"
        );
    }
    for field in ["x-signature-key", "x-signature-nonce", "x-signature-timestamp"] {
        let mut asked = v1();
        asked.headers.remove(field);
        assert_eq!(gate.preview(&asked), Err(Code::SignatureInvalid), "{field}");
    }
    let mut asked = v1();
    asked
        .headers
        .insert("x-signature-key", HeaderValue::from_bytes(b"acm\xe9").unwrap());
    assert_eq!(gate.preview(&asked), Err(Code::SignatureInvalid));
}

#[test]
#[doc = "HDR-08"]
fn a_field_of_a_signature_that_comes_twice_is_refused() {
    for field in [
        "x-signature",
        "x-signature-key",
        "x-signature-nonce",
        "x-signature-timestamp",
    ] {
        let mut asked = v1();
        let value = asked.headers[field].clone();
        asked.headers.append(field, value);
        let gate = v1_gate();
        assert_eq!(gate.preview(&asked), Err(Code::HeaderInvalid), "{field}");
        assert_eq!(gate.judge(&asked, BODY).unwrap_err(), Code::HeaderInvalid, "{field}");
    }
}

#[test]
#[doc = "HM-03, HM-05"]
fn a_time_outside_the_window_is_told_before_the_body_is_read() {
    let late = v1_gate();
    late.clock.advance(Duration::from_secs(300));
    assert_eq!(late.preview(&v1()), Ok(()));
    assert!(late.judge(&v1(), BODY).is_ok());
    let later = v1_gate();
    later.clock.advance(Duration::from_secs(301));
    assert_eq!(later.preview(&v1()), Err(Code::SignatureExpired));
    assert_eq!(later.judge(&v1(), BODY).unwrap_err(), Code::SignatureExpired);
    let mut early = v1();
    set(&mut early, "x-signature-timestamp", &(NOW + 301).to_string());
    assert_eq!(v1_gate().preview(&early), Err(Code::SignatureExpired));
}

/// Who sends the body slowly enough would otherwise outlive the memory of the nonce.
#[test]
#[doc = "HM-03"]
fn a_signature_that_grows_old_while_the_body_comes_is_refused() {
    let gate = v1_gate();
    let asked = v1();
    assert_eq!(gate.preview(&asked), Ok(()));
    let (began, body) = (gate.clock.wall(), Bytes::from_static(BODY));
    gate.clock.advance(Duration::from_secs(301));
    let asking = Asking {
        asked: &asked,
        body: Some(&body),
        now: began,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let verdict = runtime.block_on(gate.method.verify(V1_SIGNATURE.as_bytes(), asking));
    assert_eq!(verdict.unwrap_err().code, Code::SignatureExpired);
}

#[test]
#[doc = "HM-03"]
fn a_nonce_is_good_for_one_request_as_long_as_its_time_is() {
    let gate = v1_gate();
    assert!(gate.judge(&v1(), BODY).is_ok());
    assert_eq!(gate.preview(&v1()), Ok(()));
    for _ in 0..2 {
        assert_eq!(gate.judge(&v1(), BODY).unwrap_err(), Code::SignatureReplayed);
        gate.clock.advance(Duration::from_secs(150));
    }
    // Of another key it is another nonce.
    let keys = vec![shared("acme", &[SECRET]), shared("other", &[SECRET])];
    let gate = Gate::of(Scheme::V1, keys);
    assert!(gate.judge(&v1(), BODY).is_ok());
    let mut other = v1();
    set(&mut other, "x-signature-key", "other");
    let head = head::Head::of(&other).unwrap();
    let signed = super::super::v1::string("other", &head, "1614265330", NONCE, BODY).unwrap();
    let signature = format!("v1={}", fields::hex(&mac(SECRET, signed.as_bytes())));
    set(&mut other, "x-signature", &signature);
    assert_eq!(&*gate.judge(&other, BODY).unwrap().principal.id, "other");
}

#[test]
#[doc = "HM-03"]
fn a_memory_that_is_full_refuses_and_calls_it_an_outage() {
    let keys = || vec![shared("acme", &[SECRET])];
    let full = Gate::with(Scheme::V1, keys(), true, Replays::new(0));
    assert_eq!(full.judge(&v1(), BODY).unwrap_err(), Code::ServerOverloaded);
    let mut wrong = v1();
    set(&mut wrong, "x-signature-nonce", "0123456789abcdeF");
    assert_eq!(full.judge(&wrong, BODY).unwrap_err(), Code::SignatureInvalid);
    let allowed = Gate::with(Scheme::V1, keys(), false, Replays::new(0));
    for _ in 0..2 {
        assert!(allowed.judge(&v1(), BODY).is_ok());
    }
}

#[test]
#[doc = "HM-04"]
fn a_body_that_nobody_read_is_not_taken_for_an_empty_one() {
    let gate = v1_gate();
    let asked = v1();
    let asking = Asking {
        asked: &asked,
        body: None,
        now: gate.clock.wall(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let verdict = runtime.block_on(gate.method.verify(V1_SIGNATURE.as_bytes(), asking));
    assert_eq!(verdict.unwrap_err().code, Code::Internal);
}

#[test]
#[doc = "HM-02, HM-05"]
fn webhooks_of_another_shape_are_refused_before_the_body_is_read() {
    let mac = "0".repeat(64);
    let base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let cases: &[(Maker, &[(&'static str, &str)])] = &[
        (Maker::Github, &[("x-hub-signature-256", "")]),
        (Maker::Github, &[("x-hub-signature-256", &mac)]),
        (Maker::Github, &[("x-hub-signature-256", &format!("sha1={mac}"))]),
        (Maker::Github, &[("x-hub-signature-256", "sha256=00")]),
        (Maker::Stripe, &[("stripe-signature", "")]),
        (Maker::Stripe, &[("stripe-signature", &format!("v1={mac}"))]),
        (Maker::Stripe, &[("stripe-signature", "t=1614265330")]),
        (
            Maker::Stripe,
            &[("stripe-signature", &format!("t=1614265330,v0={mac}"))],
        ),
        (
            Maker::Stripe,
            &[("stripe-signature", &format!("t=1614265330,v1={mac},x"))],
        ),
        (
            Maker::Stripe,
            &[("stripe-signature", &format!("t=1614265330,t=1614265330,v1={mac}"))],
        ),
        (Maker::Stripe, &[("stripe-signature", &format!("t=x,v1={mac}"))]),
        (Maker::Slack, &[("x-slack-signature", &format!("v0={mac}"))]),
        (
            Maker::Slack,
            &[
                ("x-slack-signature", &format!("v1={mac}")),
                ("x-slack-request-timestamp", "1614265330"),
            ],
        ),
        (
            Maker::Slack,
            &[
                ("x-slack-signature", &format!("v0={mac}")),
                ("x-slack-request-timestamp", "+1614265330"),
            ],
        ),
        (
            Maker::StandardWebhooks,
            &[
                ("webhook-signature", &format!("v1,{base64}")),
                ("webhook-timestamp", "1614265330"),
            ],
        ),
        (
            Maker::StandardWebhooks,
            &[("webhook-signature", &format!("v1,{base64}")), ("webhook-id", "a")],
        ),
        (
            Maker::StandardWebhooks,
            &[
                ("webhook-signature", &format!("v1,{base64}")),
                ("webhook-id", "a.1"),
                ("webhook-timestamp", "1614265330"),
            ],
        ),
        (
            Maker::StandardWebhooks,
            &[
                ("webhook-signature", "v1,AAAA v2,BBBB"),
                ("webhook-id", "a"),
                ("webhook-timestamp", "1614265330"),
            ],
        ),
    ];
    for (maker, fields) in cases {
        let gate = Gate::of(Scheme::Maker(*maker), vec![shared("k", &[SECRET])]);
        let asked = Asked::for_test("POST", "/", fields);
        assert_eq!(gate.preview(&asked), Err(Code::SignatureInvalid), "{fields:?}");
        assert_eq!(
            gate.judge(&asked, BODY).unwrap_err(),
            Code::SignatureInvalid,
            "{fields:?}"
        );
    }
}

#[test]
#[doc = "HM-02, HM-05"]
fn a_message_signature_that_proves_too_little_is_refused_before_the_body_is_read() {
    let gate = Gate::of(Scheme::Rfc9421(Cover::default()), vec![shared("mac", &[SECRET])]);
    let asked = |input: &str| {
        Asked::for_test(
            "POST",
            "/a",
            &[
                ("content-length", "7"),
                ("content-digest", "sha-256=:AAAA:"),
                ("signature-input", input),
                ("signature", "a=:AAAA:"),
            ],
        )
    };
    let least = "\"@method\" \"@target-uri\" \"content-digest\"";
    assert_eq!(
        gate.preview(&asked(&format!("a=({least});created={NOW};keyid=\"mac\""))),
        Ok(())
    );
    for (input, code) in [
        (
            format!("a=(\"@method\" \"@target-uri\");created={NOW};keyid=\"mac\""),
            Code::SignatureInvalid,
        ),
        (format!("a=({least});keyid=\"mac\""), Code::SignatureInvalid),
        (
            format!("a=({least} \"absent\");created={NOW};keyid=\"mac\""),
            Code::SignatureInvalid,
        ),
        (
            format!("a=({least} \"@method\");created={NOW};keyid=\"mac\""),
            Code::SignatureInvalid,
        ),
        (
            format!("a=({least});created={NOW};keyid=\"nobody\""),
            Code::SignatureInvalid,
        ),
        (
            format!("a=({least});created={};keyid=\"mac\"", NOW - 301),
            Code::SignatureExpired,
        ),
        (
            format!("a=({least});created={};keyid=\"mac\"", NOW + 301),
            Code::SignatureExpired,
        ),
        (
            format!("a=({least});created={};expires={};keyid=\"mac\"", NOW - 9, NOW - 1),
            Code::SignatureExpired,
        ),
    ] {
        assert_eq!(gate.preview(&asked(&input)), Err(code), "{input}");
    }
    let whole = asked(&format!("a=({least});created={NOW};keyid=\"mac\""));
    assert_eq!(gate.judge(&whole, BODY).unwrap_err(), Code::SignatureInvalid);
    let mut twice = whole;
    let again = twice.headers["signature-input"].clone();
    twice.headers.append("signature-input", again);
    assert_eq!(gate.preview(&twice), Err(Code::HeaderInvalid));
}
