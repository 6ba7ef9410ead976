//! Appendix B of RFC 9421, the examples of its section 2, and what no signature may do.

use std::time::Duration;

use http::HeaderMap;
use http::uri::PathAndQuery;
use proptest::prelude::*;
use sfv::{ListEntry, Parser};

use super::*;
use crate::authn::methods::signature::keys::Key;
use crate::authn::methods::signature::keys::tests::{ED25519_PEM, P256_PEM, RSA_PEM, SHARED, public, shared};
use crate::base::clock::Timestamp;

const DATE: (&str, &str) = ("date", "Tue, 20 Apr 2021 02:07:55 GMT");
const TYPE: (&str, &str) = ("content-type", "application/json");
const DIGEST: (&str, &str) = (
    "content-digest",
    "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
);
const BODY: &[u8] = b"{\"hello\": \"world\"}";
const CREATED: u64 = 1_618_884_473;

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.parse().unwrap(),
        );
    }
    headers
}

fn at(target: &str) -> PathAndQuery {
    target.parse().unwrap()
}

fn head<'a>(target: &'a PathAndQuery, headers: &'a HeaderMap) -> Head<'a> {
    Head {
        method: "POST",
        scheme: "https",
        host: "example.com",
        target,
        headers,
        content_length: Some(18),
    }
}

fn covered(text: &str) -> sfv::InnerList {
    let list: sfv::List = Parser::new(text).parse().unwrap();
    match list.into_iter().next().unwrap() {
        ListEntry::InnerList(list) => list,
        ListEntry::Item(_) => panic!("{text}"),
    }
}

/// The base of a list of components, without its last line.
fn lines(components: &str, head: &Head<'_>) -> Result<String, String> {
    let whole = base(&covered(components), head).map_err(|fault| fault.to_string())?;
    let (lines, last) = whole.rsplit_once('\n').unwrap_or(("", &whole));
    assert!(last.starts_with("\"@signature-params\": "), "{whole}");
    Ok(lines.to_owned())
}

fn window() -> Window {
    Window {
        now: Timestamp::from_millis(CREATED * 1000),
        max_age: Duration::from_secs(300),
    }
}

#[test]
#[doc = "HM-01"]
fn the_requests_of_appendix_b_have_the_signatures_it_gives() {
    let secret = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, SHARED).unwrap();
    let rsa = public("test-key-rsa-pss", RSA_PEM, None);
    let cases: [(&str, Key, &str, &str); 5] = [
        (
            "B.2.1",
            rsa.clone(),
            r#"();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#,
            "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
        ),
        (
            "B.2.2",
            rsa.clone(),
            r#"("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#,
            "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
        ),
        (
            "B.2.3",
            rsa,
            r#"("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#,
            "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
        ),
        (
            "B.2.5",
            shared("test-shared-secret", &[&secret]),
            r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
            "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
        ),
        (
            "B.2.6",
            public("test-key-ed25519", ED25519_PEM, None),
            r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
            "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
        ),
    ];
    let target = at("/foo?param=Value&Pet=dog");
    let headers = headers(&[DATE, TYPE, DIGEST]);
    let head = head(&target, &headers);
    for (name, key, input, signature) in cases {
        let keys = Keys::new(vec![key]);
        let input = Input::choose(
            format!("sig={input}").as_bytes(),
            format!("sig=:{signature}:").as_bytes(),
            &keys,
        )
        .unwrap();
        assert_eq!(input.created, CREATED, "{name}");
        let base = base(&input.covered, &head).unwrap();
        assert!(input.key.signed(base.as_bytes(), &input.signature), "{name}: {base}");
        assert!(
            !input.key.signed(
                base.replace("example.com", "example.org")
                    .replace("created=1", "created=2")
                    .as_bytes(),
                &input.signature
            ),
            "{name}"
        );
    }
}

/// B.2.3 is the one example that covers what has to be covered here.
#[test]
#[doc = "HM-01, HM-02"]
fn the_full_example_of_the_rfc_is_taken_whole_and_with_its_body_only() {
    let input = r#"sig=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#;
    let signature: &[u8] = b"sig=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:";
    let keys = Keys::new(vec![public("test-key-rsa-pss", RSA_PEM, None)]);
    let cover = Cover::default();
    let headers = headers(&[DATE, TYPE, DIGEST, ("signature-input", input)]);
    let target = at("/foo?param=Value&Pet=dog");
    let head = head(&target, &headers);
    let claim = Claim::read(signature, &head, (&keys, &cover), &window()).unwrap();
    assert_eq!(&*claim.prove(&head, BODY).unwrap().key.id, "test-key-rsa-pss");
    for body in [b"" as &[u8], b"{\"hello\": \"World\"}"] {
        assert_eq!(claim.prove(&head, body).unwrap_err().code, Code::SignatureInvalid);
    }
    let elsewhere = at("/foo?param=Value&Pet=cat");
    let other = Head {
        target: &elsewhere,
        ..head
    };
    let claim = Claim::read(signature, &other, (&keys, &cover), &window()).unwrap();
    assert!(claim.prove(&other, BODY).is_err());
}

#[test]
#[doc = "HM-01"]
fn components_have_the_values_of_section_2() {
    let target = at("/path?param=value&foo=bar&baz=batman&qux=");
    let fields = headers(&[
        ("host", "www.example.com"),
        ("cache-control", "max-age=60"),
        ("cache-control", "   must-revalidate"),
        ("x-empty-header", ""),
        ("x-ows-header", "  Leading and trailing whitespace.   "),
    ]);
    let head = Head {
        method: "POST",
        scheme: "https",
        host: "www.Example.com:443",
        target: &target,
        headers: &fields,
        content_length: None,
    };
    for (component, line) in [
        (r#"("@method")"#, r#""@method": POST"#),
        (
            r#"("@target-uri")"#,
            r#""@target-uri": https://www.example.com/path?param=value&foo=bar&baz=batman&qux="#,
        ),
        (r#"("@authority")"#, r#""@authority": www.example.com"#),
        (r#"("@scheme")"#, r#""@scheme": https"#),
        (
            r#"("@request-target")"#,
            r#""@request-target": /path?param=value&foo=bar&baz=batman&qux="#,
        ),
        (r#"("@path")"#, r#""@path": /path"#),
        (r#"("@query")"#, r#""@query": ?param=value&foo=bar&baz=batman&qux="#),
        (r#"("@query-param";name="baz")"#, r#""@query-param";name="baz": batman"#),
        (r#"("@query-param";name="qux")"#, r#""@query-param";name="qux": "#),
        (
            r#"("cache-control")"#,
            r#""cache-control": max-age=60, must-revalidate"#,
        ),
        (r#"("x-empty-header")"#, r#""x-empty-header": "#),
        (
            r#"("x-ows-header")"#,
            r#""x-ows-header": Leading and trailing whitespace."#,
        ),
    ] {
        assert_eq!(lines(component, &head).unwrap(), line);
    }
    let odd =
        at("/p?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something");
    let head = Head { target: &odd, ..head };
    for (name, value) in [
        ("var", "this%20is%20a%20big%0Amultiline%20value"),
        ("bar", "with%20plus%20whitespace"),
        ("fa%C3%A7ade%22%3A%20", "something"),
    ] {
        let component = format!(r#""@query-param";name="{name}""#);
        assert_eq!(
            lines(&format!("({component})"), &head).unwrap(),
            format!("{component}: {value}")
        );
    }
    let bare = at("/");
    let head = Head {
        target: &bare,
        scheme: "http",
        host: "Example.com:8080",
        content_length: Some(7),
        ..head
    };
    let expected = "\"@query\": ?\n\"@target-uri\": http://example.com:8080/\n\"content-length\": 7";
    assert_eq!(
        lines(r#"("@query" "@target-uri" "content-length")"#, &head).unwrap(),
        expected
    );
}

#[test]
#[doc = "HM-01"]
fn what_can_be_read_in_two_ways_or_is_not_there_has_no_value() {
    let target = at("/path?a=1&a=2&b=%FF");
    let fields = headers(&[("x", "1")]);
    let mut fields = fields;
    fields.insert("x-bytes", http::HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap());
    let head = head(&target, &fields);
    for components in [
        r#"("@status")"#,
        r#"("@signature-params")"#,
        r#"("@unknown")"#,
        r#"("@METHOD")"#,
        r#"("X")"#,
        r#"("")"#,
        r#"("x y")"#,
        r#"("absent")"#,
        r#"("x-bytes")"#,
        r#"("x";sf)"#,
        r#"("x";bs)"#,
        r#"("x";key="a")"#,
        r#"("x";tr)"#,
        r#"("x";req)"#,
        r#"("@method";req)"#,
        r#"("@method";x)"#,
        r#"("@query-param")"#,
        r#"("@query-param";name="a")"#,
        r#"("@query-param";name="b")"#,
        r#"("@query-param";name="c")"#,
        r#"("@query-param";name=c)"#,
        r#"("@query-param";name="c";req)"#,
        r#"("x" "x")"#,
        r#"("@method" "x" "@method")"#,
        r#"(x)"#,
        r#"(1)"#,
        r#"(:eA==:)"#,
    ] {
        assert!(lines(components, &head).is_err(), "{components}");
    }
    let empty = at("/path?");
    let head = Head { target: &empty, ..head };
    assert!(lines(r#"("@query")"#, &head).is_err());
    assert_eq!(
        lines(r#"("@target-uri")"#, &head).unwrap(),
        "\"@target-uri\": https://example.com/path?"
    );
}

#[test]
#[doc = "HM-02"]
fn a_signature_that_covers_less_than_it_has_to_is_refused() {
    let least = Cover::default();
    for (components, without, with) in [
        (r#"("@method" "@target-uri")"#, true, false),
        (r#"("@method" "@target-uri" "content-digest")"#, true, true),
        (r#"("@method" "@path" "@query" "@authority")"#, true, false),
        (
            r#"("content-digest" "@authority" "@query" "@path" "@method")"#,
            true,
            true,
        ),
        (r#"("@method" "@path" "@authority" "content-digest")"#, false, false),
        (r#"("@method" "@path" "@query" "content-digest")"#, false, false),
        (r#"("@method" "@request-target" "@authority")"#, false, false),
        (r#"("@target-uri" "content-digest")"#, false, false),
        (r#"("@method";req "@target-uri")"#, false, false),
        (r#"("@method" "@target-uri" "content-digest";sf)"#, true, false),
        ("()", false, false),
    ] {
        let covered = covered(components);
        assert_eq!(least.admit(&covered, false).is_ok(), without, "{components}");
        assert_eq!(least.admit(&covered, true).is_ok(), with, "{components}");
    }
    let more = Cover::new(vec!["x-tenant".into(), "content-digest".into()]);
    assert!(more.admit(&covered(r#"("@method" "@target-uri")"#), false).is_err());
    assert!(
        more.admit(&covered(r#"("@method" "@target-uri" "x-tenant")"#), false)
            .is_ok()
    );
}

#[test]
fn one_signature_of_a_known_key_is_chosen_by_its_parameters() {
    let keys = Keys::new(vec![
        public("ed", ED25519_PEM, None),
        public("ec", P256_PEM, None),
        shared("mac", &[b"s"]),
    ]);
    let choose = |input: &str, signature: &str| Input::choose(input.as_bytes(), signature.as_bytes(), &keys);
    let good = r#"a=("@method");created=5;keyid="ed""#;
    assert_eq!(choose(good, "a=:AAAA:").unwrap().signature, [0, 0, 0]);
    let beside = format!(r#"proxy=("@method");created=9;keyid="theirs", {good}, x=1"#);
    assert_eq!(&*choose(&beside, "proxy=:BBBB:, a=:AAAA:").unwrap().key.id, "ed");
    let whole = choose(
        r#"a=("@method");keyid="ed";created=5;expires=6;nonce="n";alg="ed25519";tag="t";more=?0"#,
        "a=:AAAA:",
    )
    .unwrap();
    assert_eq!(
        (whole.created, whole.expires, whole.nonce.as_deref()),
        (5, Some(6), Some("n"))
    );
    let nine: Vec<String> = (0..9).map(|label| format!("l{label}=()")).collect();
    let long = format!(r#"a=({});created=5;keyid="ed""#, r#""@method" "#.repeat(33));
    for (input, signature) in [
        ("", ""),
        ("a", "a=:AAAA:"),
        ("a=1", "a=:AAAA:"),
        ("a=(", "a=:AAAA:"),
        (good, ""),
        (good, "b=:AAAA:"),
        (good, "a=AAAA"),
        (good, "a=(:AAAA:)"),
        (good, "a=:AA AA:"),
        (r#"a=("@method");created=5"#, "a=:AAAA:"),
        (r#"a=("@method");created=5;keyid=ed"#, "a=:AAAA:"),
        (r#"a=("@method");created=5;keyid="Ed""#, "a=:AAAA:"),
        (r#"a=("@method");keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created="5";keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5.0;keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=-5;keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=@5;keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5;expires=4;keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5;expires=x;keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5;nonce="";keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5;nonce=n;keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5;alg="hmac-sha256";keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5;alg=ed25519;keyid="ed""#, "a=:AAAA:"),
        (r#"a=("@method");created=5;alg="ed25519";keyid="mac""#, "a=:AAAA:"),
        (
            r#"a=();created=5;keyid="ed", b=();created=5;keyid="ec""#,
            "a=:AAAA:, b=:AAAA:",
        ),
        (
            r#"a=();created=5;keyid="ed", b=();created=5;keyid="ed""#,
            "a=:AAAA:, b=:AAAA:",
        ),
        (&nine.join(", "), "a=:AAAA:"),
        (&long, "a=:AAAA:"),
    ] {
        assert!(choose(input, signature).is_err(), "{input} {signature}");
    }
}

/// The worst that somebody can ask for who knows no more than the name of a key.
#[test]
#[doc = "HM-02, VR-03"]
fn a_few_parameters_of_a_query_are_looked_up_in_one_reading_of_it() {
    let keys = Keys::new(vec![public("ed", ED25519_PEM, None)]);
    let input = |components: String| format!(r#"a=({components});created={CREATED};keyid="ed""#);
    let parameters = |count: u32| -> String {
        (0..count)
            .map(|index| format!(r#" "@query-param";name="{index}""#))
            .collect()
    };
    let most = format!(r#""@method" "@target-uri"{}"#, parameters(8));
    let full: String = (0..22).map(|index| format!(r#" "x-{index}""#)).collect();
    for (components, taken) in [
        (most.clone(), true),
        (format!("{most}{full}"), true),
        (format!(r#"{most}{full} "y""#), false),
        (format!(r#""@method" "@target-uri"{}"#, parameters(9)), false),
        (parameters(60).trim().to_owned(), false),
    ] {
        let chosen = Input::choose(input(components.clone()).as_bytes(), b"a=:AAAA:", &keys);
        assert_eq!(chosen.is_ok(), taken, "{components}");
    }
    let query: String = (0..4000).map(|index| format!("{index}&")).collect();
    let target = at(&format!("/?{query}"));
    let fields = headers(&[("signature-input", &input(parameters(9).trim().to_owned()))]);
    let head = head(&target, &fields);
    let refused = Claim::read(b"a=:AAAA:", &head, (&keys, &Cover::default()), &window()).unwrap_err();
    assert_eq!(refused.code, Code::SignatureInvalid);
    assert!(refused.why.contains("more than 8 parameters"), "{refused}");
    let values = components::Values::of(&head);
    let first = values.parameters().unwrap();
    for name in ["0", "3999"] {
        assert_eq!(values.value(&components::Component::QueryParam(name)).unwrap(), "");
        assert!(std::ptr::eq(first, values.parameters().unwrap()));
    }
}

#[test]
#[doc = "HM-03"]
fn the_other_half_of_an_ecdsa_signature_is_no_new_one() {
    let keys = Keys::new(vec![public("ec", P256_PEM, None), public("ed", ED25519_PEM, None)]);
    let cover = Cover::default();
    let once = |input: &str, signature: &[u8]| {
        let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
        let input = Input::choose(input.as_bytes(), format!("a=:{signature}:").as_bytes(), &keys).unwrap();
        let claim = Claim {
            input,
            base: String::new(),
            cover: &cover,
        };
        claim.once()
    };
    let (one, other) = ([1; 64], [[1; 32], [2; 32]].concat());
    let ec = r#"a=();created=5;keyid="ec""#;
    let ed = r#"a=();created=5;keyid="ed""#;
    assert_eq!(once(ec, &one), once(ec, &other));
    assert_ne!(once(ed, &one), once(ed, &other));
    let noted = r#"a=();created=5;keyid="ed";nonce="x""#;
    assert_eq!(once(noted, &one), once(noted, &other));
    assert_ne!(once(noted, &one), once(&noted.replace("\"x\"", "\"y\""), &one));
}

fn target() -> impl Strategy<Value = String> {
    "/[a-z/%\"2]{0,6}(\\?[a-z&=?/]{1,6})?"
}

proptest! {
    /// What has to be covered tells two requests apart, whichever of the two ways it is covered in.
    #[test]
    #[doc = "HM-01, VR-04"]
    fn two_requests_have_one_base_only_when_they_are_the_same(
        one in (target(), "[a-z.:]{1,6}", "[A-Z]{1,4}", "[ -~]{0,8}"),
        other in (target(), "[a-z.:]{1,6}", "[A-Z]{1,4}", "[ -~]{0,8}"),
        whole in any::<bool>(),
    ) {
        let components = match whole {
            true => r#"("@method" "@target-uri" "x")"#,
            false => r#"("@method" "@authority" "@path" "@query" "x")"#,
        };
        let made = |(target, host, method, x): &(String, String, String, String)| {
            let target: PathAndQuery = target.parse().ok()?;
            let headers = headers(&[("x", x)]);
            let head = Head { method, scheme: "https", host, target: &target, headers: &headers, content_length: None };
            let trimmed = x.trim_matches(' ').to_owned();
            let host = host.strip_suffix(":443").unwrap_or(host).to_owned();
            Some((base(&covered(components), &head).ok()?, (target.to_string(), host, method.clone(), trimmed)))
        };
        if let (Some((one, first)), Some((other, second))) = (made(&one), made(&other)) {
            prop_assert_eq!(one == other, first == second);
        }
    }

    #[test]
    #[doc = "HM-01, VR-04"]
    fn two_lists_of_components_have_one_base_only_when_they_are_the_same(
        one in proptest::collection::vec(prop_oneof![Just("@method"), Just("@path"), Just("x"), Just("y")], 0..4),
        other in proptest::collection::vec(prop_oneof![Just("@method"), Just("@path"), Just("x"), Just("y")], 0..4),
    ) {
        let target = at("/a");
        // A value that looks like the next line's beginning stays inside its own.
        let headers = headers(&[("x", "1\" \"y\": 2"), ("y", "2")]);
        let head = head(&target, &headers);
        let text = |names: &[&str]| {
            let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            base(&covered(&format!("({})", quoted.join(" "))), &head).ok()
        };
        if let (Some(first), Some(second)) = (text(&one), text(&other)) {
            prop_assert_eq!(first == second, one == other);
        }
    }
}
