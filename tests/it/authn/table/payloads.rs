//! What the payload of a token may be (RFC 7519 section 7.2): one object of JSON that can be read in one way.

use super::tokens::{HS, SIGNERS, claims, setup};
use super::{Answer, Case, IN, ISSUER, MALFORMED};
use crate::support::Upstream;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, payload: &[u8], wanted: Answer| {
        cases.push(Case::bearer(name, "/", &SIGNERS.hs.token(HS, payload), wanted));
    };
    let good = claims().text();
    let inner = good.trim_matches(['{', '}']);
    let around = |before: &str, after: &str| format!("{before}{good}{after}").into_bytes();
    let beside = |member: &str| format!("{{{inner},{member}}}").into_bytes();
    add("a good one", &around("", ""), IN);
    add("white space around", &around(" \r\n\t", " \r\n\t"), IN);
    add("an object without members", b"{}", ISSUER);
    for (name, payload) in [
        ("null", &b"null"[..]),
        ("a list", b"[]"),
        ("a text", b"\"x\""),
        ("a number", b"1"),
        ("true", b"true"),
        ("a bracket", b"{"),
        ("white space alone", b" "),
        ("NUL alone", b"\0"),
        ("not UTF-8", b"{\"iss\":\"\xff\"}"),
    ] {
        add(name, payload, MALFORMED);
    }
    add("a list around", &around("[", "]"), MALFORMED);
    add("twice", &around(&good, ""), MALFORMED);
    add("a comma behind", &around("", ","), MALFORMED);
    add("a bracket behind", &around("", "}"), MALFORMED);
    add("NUL behind", &around("", "\0"), MALFORMED);
    add("a text behind", &around("", "x"), MALFORMED);
    add("a mark of byte order in front", &around("\u{feff}", ""), MALFORMED);
    add("a no-break space in front", &around("\u{a0}", ""), MALFORMED);
    add("a comment in front", &around("/**/", ""), MALFORMED);
    add("cut off", &good.as_bytes()[..good.len() - 1], MALFORMED);
    add("another token", claims().signed().as_bytes(), MALFORMED);
    add(
        "another token in quotes",
        format!("\"{}\"", claims().signed()).as_bytes(),
        MALFORMED,
    );
    for (member, wanted) in MEMBERS {
        add(&format!("member {member}"), &beside(member), *wanted);
    }
    add("a member with raw control", &beside("\"x\":\"\u{1}\""), MALFORMED);
    let nested =
        |open: &str, close: &str, depth: usize| format!("\"x\":{}1{}", open.repeat(depth), close.repeat(depth));
    add("lists of 32 levels", &beside(&nested("[", "]", 31)), IN);
    add("lists of 33 levels", &beside(&nested("[", "]", 32)), MALFORMED);
    add("lists of 1000 levels", &beside(&nested("[", "]", 1000)), MALFORMED);
    add("objects of 32 levels", &beside(&nested("{\"a\":", "}", 31)), IN);
    add("objects of 33 levels", &beside(&nested("{\"a\":", "}", 32)), MALFORMED);
    add(
        "lists that are not closed",
        format!("{{\"x\":{}", "[".repeat(2000)).as_bytes(),
        MALFORMED,
    );
    let long = |length: usize| beside(&format!("\"x\":\"{}\"", "y".repeat(length)));
    add("four kilobytes of text", &long(4000), IN);
    let token = |length: usize| SIGNERS.hs.token(HS, long(length));
    let fitting = (0..).find(|more| token(5800 + more).len() == 8192).unwrap() + 5800;
    add("a token of 8192 bytes", &long(fitting), IN);
    add("a token of 8193 bytes", &long(fitting + 1), MALFORMED);
    add("a token of 16000 bytes", &long(11_800), MALFORMED);
    let many: Vec<String> = (0..500).map(|number| format!("\"m{number}\":{number}")).collect();
    add("500 more members", &beside(&many.join(",")), IN);
    cases
}

/// Behind the claims of a good token.
const MEMBERS: &[(&str, Answer)] = &[
    (r#""x":1"#, IN),
    (r#""x":null"#, IN),
    (r#""x":-1.5e-7"#, IN),
    (r#""x":"\u00e9\ud83d\ude00""#, IN),
    (r#""x":"\u0000""#, IN),
    (r#""":"""#, IN),
    (r#""__proto__":{"sub":"root"}"#, IN),
    (r#""\u0073ub2":1"#, IN),
    (r#""x":1,"x":1"#, MALFORMED),
    (r#""x":1,"\u0078":1"#, MALFORMED),
    (r#""iss":"https://login.example.test""#, MALFORMED),
    (r#""iss":"https://evil.example""#, MALFORMED),
    (r#""\u0069ss":"https://evil.example""#, MALFORMED),
    (r#""sub":"root""#, MALFORMED),
    (r#""s\u0075b":"root""#, MALFORMED),
    (r#""aud":"api://orders""#, MALFORMED),
    (r#""exp":9999999999"#, MALFORMED),
    (r#""\u0065xp":9999999999"#, MALFORMED),
    (r#""x":{"a":1,"a":1}"#, MALFORMED),
    (r#""x":[[{"a":1,"b":2,"a":3}]]"#, MALFORMED),
    (r#""x":1e400"#, MALFORMED),
    (r#""x":-1e400"#, MALFORMED),
    (r#""x":1e-400"#, IN),
    (r#""x":123456789012345678901234567890"#, IN),
    (r#""x":0x10"#, MALFORMED),
    (r#""x":.5"#, MALFORMED),
    (r#""x":5."#, MALFORMED),
    (r#""x":-"#, MALFORMED),
    (r#""x":Infinity"#, MALFORMED),
    (r#""x":undefined"#, MALFORMED),
    (r#""x":True"#, MALFORMED),
    (r#""x":"\ud800""#, MALFORMED),
    (r#""x":"\udc00\ud800""#, MALFORMED),
    (r#""x":"\u12""#, MALFORMED),
    (r#""x":"\a""#, MALFORMED),
    (r#""x":'a'"#, MALFORMED),
    (r#""x""#, MALFORMED),
    (r#""x":"#, MALFORMED),
    (r#""x":1,"#, MALFORMED),
    (r#"x:1"#, MALFORMED),
    (r#"1:1"#, MALFORMED),
];

#[test]
#[doc = "JWT-01, JWT-12, CA-06"]
fn payloads_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
