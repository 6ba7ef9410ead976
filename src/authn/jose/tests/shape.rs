//! What is a token at all: the compact form of one signature, its header and its payload (JWT-01, JWT-02, JWT-12).

use proptest::prelude::*;
use serde_json::json;

use super::{Signer, b64, read};
use crate::authn::jose::algorithm::Algorithm;
use crate::authn::jose::token::{TOKEN_MAX, Token, unverified_issuer};
use crate::authn::refusal::Refusal;
use crate::problem::Code;

const HEADER: &str = r#"{"alg":"HS256"}"#;

fn refused(bytes: &[u8]) -> Refusal {
    match Token::read(bytes) {
        Ok(token) => panic!("taken: {token:?}"),
        Err(refusal) => refusal,
    }
}

fn of(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}.{}", b64(header), b64(payload), b64("signature"))
}

fn why(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let refusal = refused(of(header, payload).as_bytes());
    assert_eq!(refusal.code, Code::TokenMalformed);
    refusal.why.into_owned()
}

#[test]
#[doc = "JWT-01"]
fn only_three_segments_of_the_alphabet_are_a_token() {
    let (header, payload, signature) = (b64(HEADER), b64("{}"), b64("signature"));
    let good = format!("{header}.{payload}.{signature}");
    read(&good);
    let cases: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("one dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("no dot", header.clone()),
        ("two segments", format!("{header}.{payload}")),
        ("four segments", format!("{good}.{signature}")),
        ("five segments, as JWE has", format!("{good}.{signature}.{signature}")),
        ("a dot behind", format!("{good}.")),
        ("a dot in front", format!(".{good}")),
        ("two dots in a row", format!("{header}..{payload}.{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload, as detached content has", format!("{header}..{signature}")),
        ("no signature", format!("{header}.{payload}.")),
        ("a space in front", format!(" {good}")),
        ("a space behind", format!("{good} ")),
        ("a line feed behind", format!("{good}\n")),
        ("a line break inside", good.replacen('.', ".\r\n", 1)),
        ("a tab", format!("{good}\t")),
        ("a NUL behind", format!("{good}\0")),
        ("a plus", format!("{header}.{payload}.ab+d")),
        ("a slash", format!("{header}.{payload}.ab/d")),
        ("padding of the signature", format!("{header}.{payload}.YQ==")),
        (
            "padding of the header",
            format!("{}=.{payload}.{signature}", b64(r#"{"alg":"HS384"}x"#)),
        ),
        ("a tilde", format!("{good}~")),
        ("a comma", format!("{good},{good}")),
        ("quotes", format!("\"{good}\"")),
        ("a percent sign", good.replacen('.', "%2e", 1)),
        ("another script", format!("{good}é")),
        ("a full-width dot", good.replacen('.', "．", 1)),
        (
            "JSON, flattened",
            json!({ "protected": header, "payload": payload, "signature": signature }).to_string(),
        ),
        (
            "JSON, general",
            json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] }).to_string(),
        ),
        ("the scheme", format!("Bearer {good}")),
    ];
    for (name, token) in cases {
        assert_eq!(refused(token.as_bytes()).code, Code::TokenMalformed, "{name}");
        assert!(unverified_issuer(token.as_bytes()).is_err(), "{name}");
    }
}

#[test]
#[doc = "JWT-01"]
fn a_token_has_at_most_8_kib() {
    let sized = |length: usize| {
        let rest = format!("{}.{}.", b64(HEADER), b64("{}"));
        // A remainder of one letter is no base64.
        format!("{rest}{}", "A".repeat(length - rest.len()))
    };
    let longest = (TOKEN_MAX - 3..=TOKEN_MAX)
        .rev()
        .find(|length| Token::read(sized(*length).as_bytes()).is_ok());
    assert!(longest.is_some());
    for length in [TOKEN_MAX + 1, TOKEN_MAX + 2, TOKEN_MAX + 3, 100_000, 1_000_000] {
        assert_eq!(
            refused(sized(length).as_bytes()).why,
            "the token is too long",
            "{length}"
        );
    }
}

#[test]
#[doc = "JWT-10"]
fn each_segment_has_one_spelling() {
    // The last letter of each carries bits that nobody reads: another letter would be the same bytes to a lax reader.
    let (header, payload) = (b64(r#"{"alg":"HS256"} "#), b64("{} "));
    assert_eq!(header.len() % 4, 2);
    let other = |text: &str| {
        let (start, last) = text.split_at(text.len() - 1);
        format!("{start}{}", char::from(last.as_bytes()[0] + 1))
    };
    let payload_short = b64("{}  ");
    let whole = format!("{header}.{payload_short}.YQ");
    read(&whole);
    for (name, token) in [
        ("header", format!("{}.{payload_short}.YQ", other(&header))),
        ("payload", format!("{header}.{}.YQ", other(&payload_short))),
        ("signature", format!("{header}.{payload_short}.YR")),
        ("a lone letter in the header", format!("{header}AAA.{payload}.YQ")),
        ("a lone letter in the payload", format!("{header}.{payload}A.YQ")),
        ("a lone letter in the signature", format!("{header}.{payload}.YWJjZ")),
    ] {
        let refusal = refused(token.as_bytes());
        assert!(refusal.why.ends_with("is not canonical base64url"), "{name}: {refusal}");
    }
}

#[test]
#[doc = "JWT-02"]
fn a_header_that_says_something_else_is_refused() {
    let long = json!({ "alg": "HS256", "kid": "k".repeat(257) }).to_string();
    let deep = format!(r#"{{"alg":"HS256","x":{}1{}}}"#, "[".repeat(32), "]".repeat(32));
    let cases: Vec<(&str, &str, &str)> = vec![
        ("no JSON", "alg", "the header is not JSON in UTF-8"),
        ("a list", r#"["alg"]"#, "the header is no object"),
        ("a text", r#""HS256""#, "the header is no object"),
        ("nothing", "null", "the header is no object"),
        (
            "something behind",
            r#"{"alg":"HS256"}{}"#,
            "the header is not JSON in UTF-8",
        ),
        (
            "a byte order mark",
            "\u{feff}{\"alg\":\"HS256\"}",
            "the header is not JSON in UTF-8",
        ),
        (
            "`alg` twice",
            r#"{"alg":"HS256","alg":"none"}"#,
            "the header holds the same name twice",
        ),
        (
            "`alg` twice, once escaped",
            r#"{"alg":"HS256","al\u0067":"none"}"#,
            "the header holds the same name twice",
        ),
        (
            "`kid` twice",
            r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
            "the header holds the same name twice",
        ),
        (
            "an unknown name twice",
            r#"{"alg":"HS256","x":1,"x":2}"#,
            "the header holds the same name twice",
        ),
        (
            "a name twice inside",
            r#"{"alg":"HS256","jwk":{"k":1,"k":2}}"#,
            "the header holds the same name twice",
        ),
        ("too deep", &deep, "the header is nested too deeply"),
        ("no `alg`", "{}", "the header names no algorithm"),
        (
            "`alg` in capitals",
            r#"{"ALG":"HS256"}"#,
            "the header names no algorithm",
        ),
        ("`alg` is nothing", r#"{"alg":null}"#, "`alg` of the header is no text"),
        ("`alg` is a number", r#"{"alg":256}"#, "`alg` of the header is no text"),
        (
            "`alg` is a list",
            r#"{"alg":["HS256"]}"#,
            "`alg` of the header is no text",
        ),
        (
            "`alg` is a switch",
            r#"{"alg":false}"#,
            "`alg` of the header is no text",
        ),
        (
            "`alg` is an object",
            r#"{"alg":{"name":"HS256"}}"#,
            "`alg` of the header is no text",
        ),
        (
            "`kid` is a number",
            r#"{"alg":"HS256","kid":1}"#,
            "`kid` of the header is no text",
        ),
        (
            "`kid` is nothing",
            r#"{"alg":"HS256","kid":null}"#,
            "`kid` of the header is no text",
        ),
        (
            "`kid` is a list",
            r#"{"alg":"HS256","kid":["a"]}"#,
            "`kid` of the header is no text",
        ),
        (
            "`kid` is an object",
            r#"{"alg":"HS256","kid":{"$gt":""}}"#,
            "`kid` of the header is no text",
        ),
        ("`kid` is too long", &long, "the id of the key is too long"),
        (
            "`typ` is a number",
            r#"{"alg":"HS256","typ":1}"#,
            "`typ` of the header is no text",
        ),
        (
            "`typ` is nothing",
            r#"{"alg":"HS256","typ":null}"#,
            "`typ` of the header is no text",
        ),
        (
            "`crit`, empty",
            r#"{"alg":"HS256","crit":[]}"#,
            "the header holds `crit`",
        ),
        (
            "`crit` of `exp`",
            r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
            "the header holds `crit`",
        ),
        (
            "`crit` of something unknown",
            r#"{"alg":"HS256","crit":["x"],"x":1}"#,
            "the header holds `crit`",
        ),
        (
            "`crit` is nothing",
            r#"{"alg":"HS256","crit":null}"#,
            "the header holds `crit`",
        ),
        (
            "`b64` is off",
            r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
            "the header holds `crit`",
        ),
        (
            "`b64` without `crit`",
            r#"{"alg":"HS256","b64":false}"#,
            "the header holds `b64`",
        ),
        ("`b64` is on", r#"{"alg":"HS256","b64":true}"#, "the header holds `b64`"),
        ("`zip`", r#"{"alg":"HS256","zip":"DEF"}"#, "the header holds `zip`"),
        ("`enc`", r#"{"alg":"dir","enc":"A128GCM"}"#, "the header holds `enc`"),
        (
            "`enc`, escaped",
            r#"{"alg":"dir","\u0065nc":"A128GCM"}"#,
            "the header holds `enc`",
        ),
    ];
    for (name, header, wanted) in cases {
        assert_eq!(why(header, "{}"), wanted, "{name}");
    }
    assert_eq!(why(b"{\"alg\":\"\xff\"}", "{}"), "the header is not JSON in UTF-8");
}

#[test]
#[doc = "JWT-02, JWT-04"]
fn members_that_mean_nothing_here_change_nothing() {
    let kid = "k".repeat(256);
    let header = json!({
        "alg": "HS256", "kid": kid, "typ": "JWT", "cty": "JWT",
        "jwk": { "kty": "oct", "k": "AAAA" }, "jku": "https://evil.example/keys", "x5u": 1, "x5c": ["AAAA"], "x5t": null,
        "number": 1.5, "nothing": null, "list": [[[]]], "ALG": "none", "": "",
    });
    let token = of(header.to_string(), "{}");
    let read = read(&token);
    assert_eq!(read.header.algorithm, Some(Algorithm::Hs256));
    assert_eq!(read.header.kid.as_deref(), Some(kid.as_str()));
    assert_eq!(read.header.typ.as_deref(), Some("JWT"));
    assert_eq!(read.signature, b"signature");
    assert_eq!(read.signed, token.rsplit_once('.').unwrap().0.as_bytes());
}

#[test]
#[doc = "JWT-12"]
fn a_payload_that_is_not_one_object_is_refused() {
    let deep = format!("{}1{}", "{\"a\":".repeat(33), "}".repeat(33));
    let inner = Signer::of(Algorithm::Hs256).token(HEADER, "{}");
    let cases: Vec<(&str, &[u8], &str)> = vec![
        ("no JSON", b"iss=a", "the payload is not JSON in UTF-8"),
        ("a list", b"[{}]", "the payload is no object"),
        ("a text", b"\"{}\"", "the payload is no object"),
        ("a number", b"1", "the payload is no object"),
        ("nothing", b"null", "the payload is no object"),
        (
            "another token, nested",
            inner.as_bytes(),
            "the payload is not JSON in UTF-8",
        ),
        (
            "bytes that are no UTF-8",
            b"{\"sub\":\"\xfe\"}",
            "the payload is not JSON in UTF-8",
        ),
        ("something behind", b"{}{}", "the payload is not JSON in UTF-8"),
        (
            "a name twice",
            br#"{"sub":"a","sub":"b"}"#,
            "the payload holds the same name twice",
        ),
        (
            "a name twice, once escaped",
            br#"{"sub":"a","\u0073ub":"b"}"#,
            "the payload holds the same name twice",
        ),
        (
            "a name twice inside",
            br#"{"a":{"b":1,"b":1}}"#,
            "the payload holds the same name twice",
        ),
        ("too deep", deep.as_bytes(), "the payload is nested too deeply"),
        (
            "compressed",
            b"\x78\x9c\xab\x56\x4a",
            "the payload is not JSON in UTF-8",
        ),
    ];
    for (name, payload, wanted) in cases {
        assert_eq!(why(HEADER, payload), wanted, "{name}");
    }
}

#[test]
#[doc = "JWT-05"]
fn the_issuer_is_seen_before_anything_is_believed() {
    let seen = |payload: &str| unverified_issuer(of("not even JSON", payload).as_bytes());
    assert_eq!(seen(r#"{"iss":"a"}"#), Ok(Some("a".to_owned())));
    assert_eq!(seen(r#"{"x":{"iss":"b"},"iss":"a"}"#), Ok(Some("a".to_owned())));
    for none in ["{}", r#"{"iss":["a"]}"#, r#"{"iss":null}"#, r#"{"ISS":"a"}"#] {
        assert_eq!(seen(none), Ok(None), "{none}");
    }
    for broken in ["[]", r#"{"iss":"a","iss":"b"}"#, r#"{"iss":"a"}x"#, "a"] {
        assert_eq!(seen(broken).unwrap_err().code, Code::TokenMalformed, "{broken}");
    }
}

#[test]
#[doc = "LG-01"]
fn reasons_hold_nothing_of_the_token() {
    for token in [
        of(r#"{"alg":"HS256","crit":"hidden-word"}"#, "{}"),
        of(r#"{"alg":"HS256","kid":["hidden-word"]}"#, "{}"),
        of(HEADER, r#"{"hidden-word":1,"hidden-word":1}"#),
        of(HEADER, "hidden-word"),
        "hidden-word".to_owned(),
    ] {
        assert!(!refused(token.as_bytes()).why.contains("hidden-word"));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
        let _ = Token::read(&bytes);
        let _ = unverified_issuer(&bytes);
    }

    #[test]
    fn what_is_read_names_the_issuer_that_was_seen(
        header in r#"\{"alg":"[A-Z]{2}256"(,"[a-d]":[0-9])?\}"#,
        payload in r#"\{"iss":"[a-z]{0,3}"(,"[a-d]":[0-9]){0,3}\}"#,
    ) {
        let token = of(header, payload);
        if let Ok(read) = Token::read(token.as_bytes()) {
            let seen = unverified_issuer(token.as_bytes()).unwrap();
            prop_assert_eq!(read.issuer(), seen.as_deref());
        }
    }
}
