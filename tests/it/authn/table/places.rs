//! Where a token may stand (RFC 6750 section 2): one field, one scheme, once; elsewhere only where that is written.

use super::tokens::{claims, setup};
use super::{Answer, Case, IN, MALFORMED, MISSING, REPEATED};
use crate::support::{Request, Upstream, get, post};

pub fn cases() -> Vec<Case> {
    let good = claims().signed();
    let mut cases = Vec::new();
    let mut add = |name: &str, request: Request, wanted: Answer| cases.push(Case::new(name, request, wanted));
    let authorization = |value: &str| get("/").field("Authorization", &value.replace("TOKEN", &good));
    for (value, wanted) in [
        ("Bearer TOKEN", IN),
        ("bearer TOKEN", IN),
        ("BEARER TOKEN", IN),
        ("bEaReR  TOKEN", IN),
        ("  Bearer TOKEN  ", IN),
        ("Bearer TOKEN,", MALFORMED),
        ("Bearer, TOKEN", MALFORMED),
        ("Bearer:TOKEN", MALFORMED),
        ("Bearer=TOKEN", MALFORMED),
        ("Bearer\tTOKEN", MALFORMED),
        ("BearerTOKEN", MISSING),
        ("Bearers TOKEN", MISSING),
        ("\"Bearer\" TOKEN", MISSING),
        ("TOKEN", MISSING),
        ("Token TOKEN", MISSING),
        ("JWT TOKEN", MISSING),
        ("DPoP TOKEN", MISSING),
        ("Basic TOKEN", MISSING),
        ("Digest TOKEN", MISSING),
        ("Basic eDp5, Bearer TOKEN", MISSING),
        ("Bearer token=TOKEN", MALFORMED),
        ("Bearer undefined", MALFORMED),
    ] {
        add(&format!("Authorization: {value}"), authorization(value), wanted);
    }
    let twice = authorization("Bearer TOKEN").field("Authorization", &format!("Bearer {good}"));
    add("the field twice", twice, REPEATED);
    let beside = authorization("Bearer TOKEN").field("authorization", "Basic eDp5");
    add("the field beside one of another scheme", beside, REPEATED);
    for name in [
        "X-Authorization",
        "Proxy-Authorization",
        "X-Access-Token",
        "Token",
        "X-Auth-Token",
        "X-Forwarded-Authorization",
    ] {
        add(
            &format!("{name}:"),
            get("/").field(name, &format!("Bearer {good}")),
            MISSING,
        );
    }
    for name in ["access_token", "token", "jwt", "Authorization", "authorization"] {
        add(&format!("?{name}="), get(&format!("/?{name}={good}")), MISSING);
        add(
            &format!("cookie {name}"),
            get("/").field("Cookie", &format!("{name}={good}")),
            MISSING,
        );
    }
    let form = post("/", format!("access_token={good}")).field("Content-Type", "application/x-www-form-urlencoded");
    add("in a form", form, MISSING);
    let cookie = |value: &str| get("/in-cookie").field("Cookie", &value.replace("TOKEN", &good));
    for (value, wanted) in [
        ("token=TOKEN", IN),
        ("a=1; token=TOKEN; b=2", IN),
        ("a=1;token=TOKEN;b=2", IN),
        ("token=\"TOKEN\"", MALFORMED),
        ("Token=TOKEN", MISSING),
        ("token =TOKEN", MISSING),
        ("xtoken=TOKEN", MISSING),
        ("token=TOKEN; token=TOKEN", REPEATED),
        ("token=x; token=TOKEN", REPEATED),
        ("token=", MALFORMED),
    ] {
        add(&format!("Cookie: {value}"), cookie(value), wanted);
    }
    add(
        "a bearer where a cookie is read",
        get("/in-cookie").field("Authorization", &format!("Bearer {good}")),
        MISSING,
    );
    let query = |value: &str| get(&format!("/in-query?{}", value.replace("TOKEN", &good)));
    for (value, wanted) in [
        ("token=TOKEN", IN),
        ("a=1&token=TOKEN&b", IN),
        ("TOKEN", MISSING),
        ("Token=TOKEN", MISSING),
        ("token=TOKEN&token=TOKEN", REPEATED),
        ("token=&token=TOKEN", REPEATED),
        ("token=TOKEN&t%6Fken=x", REPEATED),
        ("t%6fken=TOKEN", IN),
        ("token=TOKEN%00", Answer(400, "path.ambiguous")),
        ("token=%20TOKEN", MALFORMED),
        ("token", MALFORMED),
    ] {
        add(&format!("?{value}"), query(value), wanted);
    }
    cases
}

#[test]
#[doc = "JWT-01, AK-03, HDR-08"]
fn places_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
