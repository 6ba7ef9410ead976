//! Every scheme with a request that its makers, or another program, signed.

use super::*;
use crate::authn::methods::signature::rfc9421::Cover;

fn with(fields: &[(&'static str, &str)]) -> Asked {
    Asked::for_test("POST", "/hook", fields)
}

#[test]
#[doc = "HM-01"]
fn a_request_signed_by_v1_is_its_keys() {
    let gate = v1_gate();
    let asked = v1();
    assert_eq!(gate.preview(&asked), Ok(()));
    let verified = gate.judge(&asked, BODY).unwrap();
    assert_eq!(&*verified.principal.id, "acme");
    assert_eq!(verified.handles.key.as_deref(), Some("acme"));
    assert_eq!(verified.expires, None);
}

#[test]
fn who_signs_is_what_the_key_says() {
    let mut key = shared("acme", &[b"another secret, of which there are 2", SECRET]);
    key.grants.roles = vec!["webhook-sender".into()];
    key.grants.permissions = vec!["orders:write".into()];
    key.grants.scopes = vec!["orders".into()];
    let verified = Gate::of(Scheme::V1, vec![key]).judge(&v1(), BODY).unwrap();
    assert_eq!(verified.principal.roles, ["webhook-sender".into()]);
    assert_eq!(verified.principal.permissions, ["orders:write".into()]);
    assert_eq!(verified.principal.scopes, ["orders".into()]);
}

/// The example of GitHub's documentation.
#[test]
#[doc = "HM-01"]
fn what_github_signs_is_taken_again_and_again() {
    let gate = Gate::of(
        Scheme::Maker(Maker::Github),
        vec![
            shared("other", &[SECRET]),
            shared("gh", &[b"It's a Secret to Everybody"]),
        ],
    );
    let asked = with(&[(
        "x-hub-signature-256",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )]);
    assert_eq!(gate.preview(&asked), Ok(()));
    for _ in 0..2 {
        assert_eq!(&*gate.judge(&asked, b"Hello, World!").unwrap().principal.id, "gh");
    }
    assert_eq!(
        gate.judge(&asked, b"Hello, World?").unwrap_err(),
        Code::SignatureInvalid
    );
}

/// The example of Slack's documentation.
#[test]
#[doc = "HM-01, HM-03"]
fn what_slack_signs_is_taken_once() {
    let gate = Gate::of(
        Scheme::Maker(Maker::Slack),
        vec![shared("slack", &[b"8f742231b10e8888abcd99yyyzzz85a5"])],
    );
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let asked = with(&[
        ("x-slack-request-timestamp", "1531420618"),
        (
            "x-slack-signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
    ]);
    assert_eq!(gate.preview(&asked), Err(Code::SignatureExpired));
    let gate = Gate {
        clock: Clock::manual(Timestamp::from_millis(1_531_420_618_000)),
        ..gate
    };
    let method = Signed {
        clock: gate.clock.clone(),
        ..gate.method
    };
    let gate = Gate { method, ..gate };
    assert_eq!(&*gate.judge(&asked, body).unwrap().principal.id, "slack");
    assert_eq!(gate.judge(&asked, body).unwrap_err(), Code::SignatureReplayed);
}

/// The example of the Standard Webhooks specification.
#[test]
#[doc = "HM-01, HM-03"]
fn what_standard_webhooks_sign_is_taken_once() {
    let secret = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    );
    let gate = Gate::of(
        Scheme::Maker(Maker::StandardWebhooks),
        vec![shared("sw", &[&secret.unwrap()])],
    );
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let body = b"{\"test\": 2432232314}";
    let asked = |signature: &str| {
        with(&[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signature),
        ])
    };
    let others = "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= v2,AAAA v1a,AAAA";
    let several = asked(&format!("{others} {signature}"));
    assert_eq!(gate.preview(&several), Ok(()));
    assert_eq!(gate.judge(&asked(others), body).unwrap_err(), Code::SignatureInvalid);
    assert_eq!(&*gate.judge(&several, body).unwrap().principal.id, "sw");
    assert_eq!(
        gate.judge(&asked(signature), body).unwrap_err(),
        Code::SignatureReplayed
    );
}

#[test]
#[doc = "HM-01, HM-03"]
fn what_stripe_signs_is_taken_once_whatever_stands_beside() {
    let gate = Gate::of(
        Scheme::Maker(Maker::Stripe),
        vec![shared("stripe", &[b"whsec_test_secret_of_stripe_32_bytes"])],
    );
    let right = "6a0a4f27e91d6b2a9d1fb21aee827be54b501118cabbb31e780975a3d9197eae";
    let body = b"{\"id\":\"evt_1\"}";
    let asked = |signature: &str| with(&[("stripe-signature", signature)]);
    let wrong = "0".repeat(64);
    let first = asked(&format!("t=1614265330,v1={wrong},v1={right},v0={wrong}"));
    assert_eq!(&*gate.judge(&first, body).unwrap().principal.id, "stripe");
    let again = asked(&format!("t=1614265330,v1={right}"));
    assert_eq!(gate.judge(&again, body).unwrap_err(), Code::SignatureReplayed);
    let flood = format!("t=1614265330,{}v1={right}", format!("v1={wrong},").repeat(8));
    assert_eq!(gate.judge(&asked(&flood), body).unwrap_err(), Code::SignatureInvalid);
}

/// While a secret changes, a maker signs with both.
#[test]
#[doc = "HM-03"]
fn what_two_secrets_sign_is_taken_once_with_whichever_signature() {
    let (new, old) = (
        b"the new secret of the maker".as_slice(),
        b"the old secret of the maker".as_slice(),
    );
    let body = b"{\"id\":\"evt_1\"}";
    let sign = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, &[format!("{NOW}.").as_bytes(), body].concat());
        tag.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let both = format!("t={NOW},v1={},v1={}", sign(new), sign(old));
    let alone = [new, old].map(|secret| format!("t={NOW},v1={}", sign(secret)));
    let asked = |signature: &str| with(&[("stripe-signature", signature)]);
    // One key with two secrets, and two keys.
    for keys in [
        vec![shared("a", &[new, old])],
        vec![shared("a", &[new]), shared("b", &[old])],
    ] {
        let gate = Gate::of(Scheme::Maker(Maker::Stripe), keys);
        assert!(gate.judge(&asked(&both), body).is_ok());
        for signature in &alone {
            assert_eq!(
                gate.judge(&asked(signature), body).unwrap_err(),
                Code::SignatureReplayed
            );
        }
    }
}

#[test]
#[doc = "HM-01, HM-03"]
fn a_message_signature_is_taken_once() {
    let key = shared("mac", &[SECRET]);
    let gate = Gate::of(Scheme::Rfc9421(Cover::default()), vec![key]);
    let parameters = format!("(\"@method\" \"@target-uri\");created={NOW};keyid=\"mac\"");
    let base = format!("\"@method\": GET\n\"@target-uri\": http://h/a?b=c\n\"@signature-params\": {parameters}");
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, mac(SECRET, base.as_bytes()));
    let asked = |target: &str| {
        Asked::for_test(
            "GET",
            target,
            &[
                ("signature-input", &format!("sig1={parameters}")),
                ("signature", &format!("sig1=:{signature}:")),
            ],
        )
    };
    assert_eq!(gate.preview(&asked("/a?b=c")), Ok(()));
    assert_eq!(gate.judge(&asked("/a?b=d"), b"").unwrap_err(), Code::SignatureInvalid);
    assert_eq!(&*gate.judge(&asked("/a?b=c"), b"").unwrap().principal.id, "mac");
    assert_eq!(gate.judge(&asked("/a?b=c"), b"").unwrap_err(), Code::SignatureReplayed);
    // A body that nobody signed.
    assert_eq!(gate.judge(&asked("/a?b=c"), BODY).unwrap_err(), Code::SignatureInvalid);
}

#[test]
fn a_challenge_names_the_scheme() {
    assert_eq!(
        v1_gate().method.challenge().plain,
        "Signature realm=\"portcullis\", scheme=\"v1\""
    );
    let maker = Gate::of(Scheme::Maker(Maker::StandardWebhooks), Vec::new());
    assert!(maker.method.challenge().plain.ends_with("scheme=\"standard-webhooks\""));
    assert_eq!(maker.method.memory(), Memory::Never);
    assert_eq!(maker.method.wants_body(), Some(1 << 20));
}

#[test]
#[doc = "HDR-09"]
fn what_belongs_to_a_signature_goes_with_it_and_what_belongs_to_the_message_stays() {
    let beside = |scheme: Scheme| -> Vec<String> {
        let fields: Vec<_> = scheme.reads().fields().map(ToString::to_string).collect();
        fields
    };
    assert_eq!(
        beside(Scheme::V1),
        [
            "x-signature",
            "x-signature-key",
            "x-signature-timestamp",
            "x-signature-nonce"
        ]
    );
    assert_eq!(
        beside(Scheme::Rfc9421(Cover::default())),
        ["signature", "signature-input"]
    );
    assert_eq!(
        beside(Scheme::Maker(Maker::StandardWebhooks)),
        ["webhook-signature", "webhook-timestamp"]
    );
}
