//! Whom a token is for (RFC 7519 section 4.1.3): one text or a list of texts, compared as a whole.

use super::super::{jwt, with};
use super::tokens::claims;
use super::{AUDIENCE, Answer, Case, IN, MALFORMED};
use crate::support::token::{AUDIENCE as OURS, ISSUER};
use crate::support::{Setup, Upstream};

fn setup(upstream: &Upstream) -> Setup {
    let two = jwt("two", ISSUER, "").replace(&format!("\"{OURS}\""), &format!("[\"{OURS}\", \"api://bills\"]"));
    let any = jwt("any", ISSUER, "").replace(&format!("\"{OURS}\""), "any");
    let none = any
        .replace("any:", "none:")
        .replace("audience: any", "audience: any, required: [exp, iss, sub]");
    let mut setup = with(
        upstream,
        &[jwt("one", ISSUER, ""), two, any, none].concat(),
        "{ path: /, upstream: up, auth: one }",
    );
    for name in ["one", "two", "any", "none"] {
        setup = setup.route(&format!("{{ path: /{name}, upstream: up, auth: {name} }}"));
    }
    setup
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (aud, [one, two, any, none]) in VALUES {
        for (path, wanted) in [("/one", one), ("/two", two), ("/any", any), ("/none", none)] {
            let token = match *aud {
                "" => claims().without("aud").signed(),
                aud => claims().but("aud", aud).signed(),
            };
            cases.push(Case::bearer(format!("{path} {aud}"), path, &token, *wanted));
        }
    }
    cases
}

/// Where one audience is asked for, where one of two is, where any is, and where none need be.
const VALUES: &[(&str, [Answer; 4])] = &[
    (r#""api://orders""#, [IN, IN, IN, IN]),
    (r#""api:\/\/orders""#, [IN, IN, IN, IN]),
    (r#"["api://orders"]"#, [IN, IN, IN, IN]),
    (r#"["x","api://orders"]"#, [IN, IN, IN, IN]),
    (r#"["api://orders","api://orders"]"#, [IN, IN, IN, IN]),
    (r#""api://bills""#, [AUDIENCE, IN, IN, IN]),
    (r#""api://order""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#""api://orders/""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#""API://orders""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#"" api://orders""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#""api://orders api://bills""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#""api://orders,api://bills""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#""any""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#""*""#, [AUDIENCE, AUDIENCE, IN, IN]),
    (r#""""#, [AUDIENCE, AUDIENCE, IN, IN]),
    ("[]", [AUDIENCE, AUDIENCE, IN, IN]),
    (r#"[""]"#, [AUDIENCE, AUDIENCE, IN, IN]),
    ("", [MALFORMED, MALFORMED, MALFORMED, IN]),
    ("null", [MALFORMED, MALFORMED, MALFORMED, MALFORMED]),
    ("1", [MALFORMED, MALFORMED, MALFORMED, MALFORMED]),
    ("true", [MALFORMED, MALFORMED, MALFORMED, MALFORMED]),
    (r#"{"api://orders":true}"#, [MALFORMED, MALFORMED, MALFORMED, MALFORMED]),
    (r#"["api://orders",1]"#, [MALFORMED, MALFORMED, MALFORMED, MALFORMED]),
    (r#"["api://orders",null]"#, [MALFORMED, MALFORMED, MALFORMED, MALFORMED]),
    (r#"[["api://orders"]]"#, [MALFORMED, MALFORMED, MALFORMED, MALFORMED]),
];

#[test]
#[doc = "JWT-06, JWT-07, CA-06"]
fn audiences_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
