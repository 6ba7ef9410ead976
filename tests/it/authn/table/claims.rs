//! Claims that name somebody or something (RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 8725 section 3.11).

use super::tokens::{claims, says, setup};
use super::{Answer, Case, IN, ISSUER, MALFORMED, REFUSED};
use crate::support::Upstream;

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        says("no iss", &claims().without("iss"), ISSUER),
        says("no sub", &claims().without("sub"), MALFORMED),
        says("no jti", &claims(), IN),
    ];
    for (name, value, wanted) in VALUES {
        cases.push(says(format!("{name} {value}"), &claims().but(name, value), *wanted));
    }
    for (path, name, value, wanted) in ELSEWHERE {
        let token = claims().but(name, value).signed();
        cases.push(Case::bearer(format!("{path} {name} {value}"), path, &token, *wanted));
    }
    for path in ["/tenants", "/named", "/listed"] {
        let wanted = if path == "/tenants" { REFUSED } else { MALFORMED };
        cases.push(Case::bearer(
            format!("{path} without the claim"),
            path,
            &claims().signed(),
            wanted,
        ));
    }
    cases
}

const VALUES: &[(&str, &str, Answer)] = &[
    ("iss", r#""https://login.example.test""#, IN),
    ("iss", r#""https:\/\/login.example.test""#, IN),
    ("iss", r#""https://login.example.test/""#, ISSUER),
    ("iss", r#""https://LOGIN.example.test""#, ISSUER),
    ("iss", r#""https://login.example.test:443""#, ISSUER),
    ("iss", r#""http://login.example.test""#, ISSUER),
    ("iss", r#""https://login.example.test.evil.example""#, ISSUER),
    ("iss", r#""https://login.example.tes""#, ISSUER),
    ("iss", r#"" https://login.example.test""#, ISSUER),
    ("iss", r#""https://login.example.test\u0000""#, ISSUER),
    ("iss", r#""https://evil.example/https://login.example.test""#, ISSUER),
    ("iss", r#""any""#, ISSUER),
    ("iss", r#""""#, ISSUER),
    ("iss", "null", ISSUER),
    ("iss", "1", ISSUER),
    ("iss", "true", ISSUER),
    ("iss", r#"["https://login.example.test"]"#, ISSUER),
    (
        "iss",
        r#"["https://evil.example","https://login.example.test"]"#,
        ISSUER,
    ),
    ("iss", r#"{"https://login.example.test":1}"#, ISSUER),
    ("sub", r#""alice@example.test""#, IN),
    ("sub", r#""a b""#, IN),
    ("sub", r#""\u00e9\ud83d\ude00""#, IN),
    ("sub", r#""a\r\nX-Auth-Roles: admin""#, IN),
    ("sub", r#""\u0000""#, IN),
    ("sub", r#"" ""#, IN),
    ("sub", r#""""#, MALFORMED),
    ("sub", "null", MALFORMED),
    ("sub", "1", MALFORMED),
    ("sub", "1.5", MALFORMED),
    ("sub", "false", MALFORMED),
    ("sub", r#"["alice"]"#, MALFORMED),
    ("sub", r#"{"id":"alice"}"#, MALFORMED),
    ("jti", r#""one""#, IN),
    ("jti", r#""""#, IN),
    ("jti", "1", MALFORMED),
    ("jti", "null", MALFORMED),
    ("jti", r#"["one"]"#, MALFORMED),
    ("sid", r#""session""#, IN),
    ("typ", r#""Bearer""#, IN),
    ("typ", r#""ID""#, REFUSED),
    ("typ", r#""Refresh""#, REFUSED),
    ("typ", r#""Offline""#, REFUSED),
    ("typ", r#""Logout""#, REFUSED),
    ("typ", r#"["ID"]"#, IN),
    (
        "events",
        r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#,
        REFUSED,
    ),
    ("events", "null", REFUSED),
    ("email", r#""a@example.test""#, IN),
    ("email_verified", "1", IN),
    ("nonce", r#""n-0S6_WzA2Mj""#, REFUSED),
    ("client_id", r#""s6BhdRkqt3""#, IN),
    (
        "cnf",
        r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#,
        REFUSED,
    ),
    (
        "cnf",
        r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#,
        REFUSED,
    ),
    ("cnf", "{}", REFUSED),
    ("cnf", "1", REFUSED),
    ("cnf", "null", IN),
];

const ELSEWHERE: &[(&str, &str, &str, Answer)] = &[
    ("/tenants", "tenant", r#""a""#, IN),
    ("/tenants", "tenant", r#""b""#, IN),
    ("/tenants", "tenant", r#"["x","b"]"#, IN),
    ("/tenants", "tenant", r#""A""#, REFUSED),
    ("/tenants", "tenant", r#""a ""#, REFUSED),
    ("/tenants", "tenant", r#""a,b""#, REFUSED),
    ("/tenants", "tenant", r#""ab""#, REFUSED),
    ("/tenants", "tenant", r#""""#, REFUSED),
    ("/tenants", "tenant", "null", REFUSED),
    ("/tenants", "tenant", "[]", REFUSED),
    ("/tenants", "tenant", "[null]", REFUSED),
    ("/tenants", "tenant", r#"[["a"]]"#, REFUSED),
    ("/tenants", "tenant", r#"{"a":"a"}"#, REFUSED),
    ("/tenants", "Tenant", r#""a""#, REFUSED),
    ("/named", "user", r#"{"name":"alice"}"#, IN),
    ("/named", "user", r#"{"name":""}"#, MALFORMED),
    ("/named", "user", r#"{"name":7}"#, MALFORMED),
    ("/named", "user", r#"{"name":["alice"]}"#, MALFORMED),
    ("/named", "user", r#"{"names":"alice"}"#, MALFORMED),
    ("/named", "user", r#"[{"name":"alice"}]"#, MALFORMED),
    ("/named", "user", r#""name""#, MALFORMED),
    ("/named", "user.name", r#""alice""#, MALFORMED),
    ("/listed", "jti", r#""one""#, IN),
    ("/listed", "jti", "null", MALFORMED),
    ("/listed", "JTI", r#""one""#, MALFORMED),
];

#[test]
#[doc = "JWT-05, JWT-06, JWT-07, JWT-09, CA-06"]
fn claims_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
