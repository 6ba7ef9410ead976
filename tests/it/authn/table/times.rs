//! Times of tokens (RFC 7519 sections 2 and 4.1.4 to 4.1.6), each at its boundary, with thirty seconds of leeway and
//! with none.

use super::tokens::{claims, says, setup};
use super::{Answer, Case, EARLY, EXPIRED, IN, MALFORMED};
use crate::support::Upstream;
use crate::support::token::NOW;

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        says("no exp", &claims().without("exp"), MALFORMED),
        says("no iat", &claims().without("iat"), IN),
        says(
            "exp, nbf and iat now",
            &claims().but("exp", NOW).but("nbf", NOW).but("iat", NOW),
            IN,
        ),
        says(
            "nbf after exp",
            &claims().but("exp", NOW - 40).but("nbf", NOW + 40),
            EXPIRED,
        ),
        says(
            "expired and for others",
            &claims().but("exp", NOW - 40).but("aud", "\"x\""),
            EXPIRED,
        ),
        says(
            "early and for others",
            &claims().but("nbf", NOW + 40).but("aud", "\"x\""),
            EARLY,
        ),
        says(
            "expired and for others, by a kind of number",
            &claims().but("exp", NOW - 40).but("aud", 1),
            EXPIRED,
        ),
    ];
    let mut add = |path: &str, name: &str, value: String, wanted: Answer| {
        let token = claims().but(name, &value).signed();
        cases.push(Case::bearer(format!("{path} {name} {value}"), path, &token, wanted));
    };
    // Around the second in which each of them turns.
    for (leeway, path) in [(30, "/"), (0, "/exact")] {
        for (after, wanted) in [(-1, EXPIRED), (0, EXPIRED), (1, IN)] {
            add(path, "exp", shifted(after - leeway), wanted);
        }
        for name in ["nbf", "iat"] {
            for (after, wanted) in [(-1, IN), (0, IN), (1, EARLY)] {
                add(path, name, shifted(after + leeway), wanted);
            }
        }
    }
    add("/", "exp", format!("{}.001", NOW - 30), IN);
    add("/", "exp", format!("{}.999", NOW - 31), EXPIRED);
    add("/", "nbf", format!("{}.000", NOW + 30), IN);
    add("/", "nbf", format!("{}.001", NOW + 30), EARLY);
    add("/", "iat", format!("{}.5", NOW + 30), EARLY);
    add("/", "exp", format!("{}e0", NOW + 9), IN);
    add("/", "exp", "2.0000036e9".to_owned(), IN);
    add("/", "exp", "2.0000036E+9".to_owned(), IN);
    add("/", "exp", "9007199254740991".to_owned(), IN);
    add("/", "exp", "0".to_owned(), EXPIRED);
    add("/", "exp", "-0".to_owned(), EXPIRED);
    add("/", "exp", "1e-9".to_owned(), EXPIRED);
    // Milliseconds, as some libraries write by mistake, are a time far away.
    add("/", "exp", (NOW * 1000).to_string(), IN);
    add("/", "nbf", (NOW * 1000).to_string(), EARLY);
    for name in ["exp", "nbf", "iat"] {
        for value in WRONG {
            add("/", name, (*value).to_owned(), MALFORMED);
        }
    }
    for (age, wanted) in [(0, IN), (3600, IN), (3629, IN), (3630, EXPIRED), (3631, EXPIRED)] {
        add("/short", "iat", shifted(-age), wanted);
    }
    let ageless = claims().without("iat").signed();
    cases.push(Case::bearer(
        "no iat where an age is asked for",
        "/short",
        &ageless,
        MALFORMED,
    ));
    let spent = claims().but("iat", NOW - 10).but("exp", NOW - 30).signed();
    cases.push(Case::bearer("young and expired", "/short", &spent, EXPIRED));
    cases
}

fn shifted(seconds: i64) -> String {
    NOW.strict_add_signed(seconds).to_string()
}

/// No time at all.
const WRONG: &[&str] = &[
    "null",
    "true",
    "\"\"",
    "\"2000003600\"",
    "\"2033-05-18T03:33:20Z\"",
    "[2000003600]",
    "{\"$date\":2000003600}",
    "-1",
    "-0.5",
    "9007199254740992",
    "18446744073709551615",
    "18446744073709551616",
    "1e16",
    "1e308",
];

#[test]
#[doc = "JWT-07, JWT-08, CA-02, CA-06"]
fn times_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
