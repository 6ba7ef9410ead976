//! What the header of a token may hold (RFC 7515 section 4, RFC 8725, RFC 9068).

use super::tokens::{SIGNERS, claims, setup};
use super::{Answer, Case, IN, MALFORMED, REFUSED, SIGNATURE};
use crate::support::Upstream;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let payload = claims().text();
    let mut add = |name: String, header: &[u8], wanted: Answer| {
        cases.push(Case::bearer(name, "/", &SIGNERS.hs.token(header, &payload), wanted));
    };
    for (header, wanted) in WHOLE {
        add(format!("header {header}"), header.as_bytes(), *wanted);
    }
    for name in ALGORITHMS {
        add(
            format!("alg {name}"),
            format!(r#"{{"alg":"{name}"}}"#).as_bytes(),
            SIGNATURE,
        );
    }
    for (members, wanted) in MEMBERS {
        let header = format!(r#"{{"alg":"HS256",{members}}}"#);
        add(format!("member {members}"), header.as_bytes(), *wanted);
    }
    let kid = |length: usize| format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(length));
    add("kid of 256 bytes".into(), kid(256).as_bytes(), IN);
    add("kid of 257 bytes".into(), kid(257).as_bytes(), MALFORMED);
    let nested = |depth: usize| format!(r#"{{"alg":"HS256","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    add("32 levels".into(), nested(31).as_bytes(), IN);
    add("33 levels".into(), nested(32).as_bytes(), MALFORMED);
    add("2000 levels".into(), nested(2000).as_bytes(), MALFORMED);
    for (name, bytes) in BYTES {
        add(format!("bytes: {name}"), bytes, MALFORMED);
    }
    for (typ, wanted) in [
        ("at+jwt", IN),
        ("application/at+jwt", IN),
        ("JWT", REFUSED),
        ("at+JWT", IN),
        ("jwt", REFUSED),
    ] {
        let token = SIGNERS
            .hs
            .token(format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#), &payload);
        cases.push(Case::bearer(
            format!("typ {typ} where at+jwt is asked for"),
            "/typed",
            &token,
            wanted,
        ));
    }
    let untyped = claims().signed();
    cases.push(Case::bearer(
        "no typ where at+jwt is asked for",
        "/typed",
        &untyped,
        REFUSED,
    ));
    cases
}

/// Names of other algorithms and of none, each with the signature that HS256 makes.
const ALGORITHMS: &[&str] = &[
    "none",
    "None",
    "NONE",
    "nOnE",
    "none ",
    "",
    " ",
    "HS256 ",
    " HS256",
    "hs256",
    "Hs256",
    "HS-256",
    "HS2566",
    "HS25",
    "HS256\\u0000",
    "HS256\\n",
    "HS256,none",
    "HS256;none",
    "\\uff28S256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "Ed25519",
    "Ed448",
    "HS1",
    "dir",
    "A128KW",
    "A256GCM",
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "PBES2-HS256+A128KW",
];

const WHOLE: &[(&str, Answer)] = &[
    (r#"{"alg":"HS256"}"#, IN),
    (" {\t\"alg\" :\r\n \"HS256\" } ", IN),
    (r#"{"\u0061lg":"HS256"}"#, IN),
    (r#"{"alg":"\u0048S256"}"#, IN),
    (r#"{"alg":"none","\u0061lg":"HS256"}"#, MALFORMED),
    (r#"{"alg":"HS256","alg":"HS256"}"#, MALFORMED),
    (r#"{"alg":"HS256","alg":"none"}"#, MALFORMED),
    (r#"{"alg":"none","alg":"HS256"}"#, MALFORMED),
    (r#"{"ALG":"HS256"}"#, MALFORMED),
    (r#"{"alg ":"HS256"}"#, MALFORMED),
    (r#"{"alg\u0000":"HS256"}"#, MALFORMED),
    (r#"{}"#, MALFORMED),
    (r#"{"typ":"JWT"}"#, MALFORMED),
    (r#"{"alg":null}"#, MALFORMED),
    (r#"{"alg":256}"#, MALFORMED),
    (r#"{"alg":true}"#, MALFORMED),
    (r#"{"alg":["HS256"]}"#, MALFORMED),
    (r#"{"alg":{"name":"HS256"}}"#, MALFORMED),
    (r#"[{"alg":"HS256"}]"#, MALFORMED),
    (r#""HS256""#, MALFORMED),
    ("null", MALFORMED),
    ("256", MALFORMED),
    (r#"{"alg":"HS256""#, MALFORMED),
    (r#"{"alg":"HS256"}}"#, MALFORMED),
    (r#"{"alg":"HS256"} x"#, MALFORMED),
    (r#"{"alg":"HS256"}{"alg":"none"}"#, MALFORMED),
    (r#"{"alg":"HS256",}"#, MALFORMED),
    (r#"{'alg':'HS256'}"#, MALFORMED),
    (r#"{alg:"HS256"}"#, MALFORMED),
    (r#"{"alg":"HS256"/**/}"#, MALFORMED),
    (r#"{"alg":"HS256","x":NaN}"#, MALFORMED),
    (r#"{"alg":"HS256","x":01}"#, MALFORMED),
    (r#"{"alg":"HS256","x":+1}"#, MALFORMED),
    (r#"{"alg":"HS256","x":1e999}"#, MALFORMED),
    (r#"{"alg":"HS256","x":"\ud800"}"#, MALFORMED),
    (r#"{"alg":"HS256","x":"\x41"}"#, MALFORMED),
    ("{\"alg\":\"HS256\",\"x\":\"\n\"}", MALFORMED),
];

/// Beside an `alg` that is right.
const MEMBERS: &[(&str, Answer)] = &[
    (r#""typ":"JWT""#, IN),
    (r#""typ":"jwt""#, IN),
    (r#""typ":"application/jwt""#, IN),
    (r#""typ":"at+jwt""#, IN),
    (r#""typ":"AT+JWT""#, IN),
    (r#""typ":"Application/at+JWT""#, IN),
    (r#""typ":"""#, REFUSED),
    (r#""typ":"JWS""#, REFUSED),
    (r#""typ":"JOSE""#, REFUSED),
    (r#""typ":"JWT ""#, REFUSED),
    (r#""typ":"text/jwt""#, REFUSED),
    (r#""typ":"dpop+jwt""#, REFUSED),
    (r#""typ":"logout+jwt""#, REFUSED),
    (r#""typ":"secevent+jwt""#, REFUSED),
    (r#""typ":"token-introspection+jwt""#, REFUSED),
    (r#""typ":"oauth-authz-req+jwt""#, REFUSED),
    (r#""typ":null"#, MALFORMED),
    (r#""typ":1"#, MALFORMED),
    (r#""typ":["JWT"]"#, MALFORMED),
    (r#""typ":"JWT","typ":"JWT""#, MALFORMED),
    (r#""typ":"JWT","t\u0079p":"at+jwt""#, MALFORMED),
    (r#""cty":"json""#, IN),
    (r#""x":{"deep":[1,{"a":null}]}"#, IN),
    (r#""x":{"a":1,"a":2}"#, MALFORMED),
    (r#""x":[{"a":1,"\u0061":2}]"#, MALFORMED),
    (r#""x":1,"x":1"#, MALFORMED),
    (r#""":1"#, IN),
    (r#""crit":[]"#, MALFORMED),
    (r#""crit":null"#, MALFORMED),
    (r#""crit":"exp""#, MALFORMED),
    (r#""crit":["exp"]"#, MALFORMED),
    (r#""crit":["alg"]"#, MALFORMED),
    (r#""crit":["b64"],"b64":true"#, MALFORMED),
    (r#""crit":["b64"],"b64":false"#, MALFORMED),
    (r#""crit":["urn:x"],"urn:x":1"#, MALFORMED),
    (r#""\u0063rit":["x"]"#, MALFORMED),
    (r#""Crit":["x"]"#, IN),
    (r#""b64":true"#, MALFORMED),
    (r#""b64":false"#, MALFORMED),
    (r#""zip":"DEF""#, MALFORMED),
    (r#""zip":null"#, MALFORMED),
    (r#""enc":"A256GCM""#, MALFORMED),
    (r#""kid":"""#, IN),
    (r#""kid":"any""#, IN),
    (r#""kid":"../../../../etc/passwd""#, IN),
    (r#""kid":"/dev/null""#, IN),
    (r#""kid":"' OR '1'='1""#, IN),
    (r#""kid":"a\u0000b""#, IN),
    (r#""kid":null"#, MALFORMED),
    (r#""kid":1"#, MALFORMED),
    (r#""kid":true"#, MALFORMED),
    (r#""kid":["any"]"#, MALFORMED),
    (r#""kid":{"a":1}"#, MALFORMED),
    (r#""kid":"a","kid":"b""#, MALFORMED),
    (r#""jku":"http://127.0.0.1:1/keys""#, IN),
    (r#""x5u":"file:///etc/passwd""#, IN),
    (r#""x5c":["AAAA"]"#, IN),
    (r#""jwk":{"kty":"oct","k":"AAAA"}"#, IN),
];

const BYTES: &[(&str, &[u8])] = &[
    ("a mark of byte order in front", b"\xef\xbb\xbf{\"alg\":\"HS256\"}"),
    ("NUL behind", b"{\"alg\":\"HS256\"}\0"),
    ("NUL in front", b"\0{\"alg\":\"HS256\"}"),
    ("not UTF-8", b"{\"alg\":\"HS256\",\"x\":\"\xff\"}"),
    ("a surrogate in UTF-8", b"{\"alg\":\"HS256\",\"x\":\"\xed\xa0\x80\"}"),
    ("an overlong slash", b"{\"alg\":\"HS256\",\"x\":\"\xc0\xaf\"}"),
    ("UTF-16", b"{\0\"\0a\0l\0g\0\"\0:\0\"\0H\0S\x002\x005\x006\0\"\0}\0"),
    ("a raw control character", b"{\"alg\":\"HS256\",\"x\":\"\x01\"}"),
    ("vertical tab as white space", b"{\x0b\"alg\":\"HS256\"}"),
    ("CBOR", b"\xa1\x63alg\x65HS256"),
];

#[test]
#[doc = "JWT-02, JWT-03, JWT-04, JWT-09, CA-06"]
fn headers_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
