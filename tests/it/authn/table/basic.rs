//! Names and passwords (RFC 7617): one spelling of each pair, and one answer for all that is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::super::with;
use super::{Answer, Case, IN, MISSING, REFUSED, REPEATED};
use crate::support::{Setup, Upstream, get};

/// `U*U`, in an old form that is quick to verify.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn setup(upstream: &Upstream) -> Setup {
    let user = |name: &str| format!("{{ name: {name}, hash: \"{HASH}\" }}");
    let users = format!("  ops: {{ basic: {{ users: [{}, {}] }} }}\n", user("ops"), user("Zoé"));
    with(upstream, &users, "{ path: /**, upstream: up, auth: ops }")
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, value: &str, wanted: Answer| {
        cases.push(Case::new(name, get("/").field("Authorization", value), wanted));
    };
    for (pair, wanted) in PAIRS {
        add(
            &format!("pair {pair:?}"),
            &format!("Basic {}", STANDARD.encode(pair)),
            *wanted,
        );
    }
    let right = STANDARD.encode("ops:U*U");
    add("in small letters", &format!("basic {right}"), IN);
    add("in capitals", &format!("BASIC  {right}"), IN);
    add(
        "in Latin-1",
        &format!("Basic {}", STANDARD.encode(b"Zo\xe9:U*U")),
        REFUSED,
    );
    add(
        "a byte that is no UTF-8",
        &format!("Basic {}", STANDARD.encode(b"ops:U*U\xff")),
        REFUSED,
    );
    add(
        "without padding",
        &format!("Basic {}", STANDARD_NO_PAD.encode("ops:U*U")),
        REFUSED,
    );
    add("more padding", &format!("Basic {right}="), REFUSED);
    add(
        "not padding alone",
        &format!("Basic {}", right.replace("==", "=A")),
        REFUSED,
    );
    add(
        "bits left over",
        &format!("Basic {}", right.replace("Q==", "R==").replace("VQ", "VR")),
        REFUSED,
    );
    add("the other alphabet", "Basic b3BzOlUqV-_=", REFUSED);
    add(
        "a space inside",
        &format!("Basic {} {}", &right[..4], &right[4..]),
        REFUSED,
    );
    add("in quotes", &format!("Basic \"{right}\""), REFUSED);
    add("twice in one", &format!("Basic {right}, Basic {right}"), REFUSED);
    add("in clear", "Basic ops:U*U", REFUSED);
    add("no base64", "Basic !", REFUSED);
    add("nothing", "Basic", MISSING);
    add("nothing behind a space", "Basic ", MISSING);
    add("a tab", &format!("Basic\t{right}"), Answer(401, "credential.refused"));
    add("another scheme", &format!("Bearer {right}"), MISSING);
    add("no scheme", &right, MISSING);
    add(
        "a long name",
        &format!("Basic {}", STANDARD.encode(format!("{}:U*U", "o".repeat(256)))),
        REFUSED,
    );
    add(
        "a long password",
        &format!("Basic {}", STANDARD.encode(format!("ops:{}", "U".repeat(1100)))),
        REFUSED,
    );
    let twice = get("/").field("Authorization", &format!("Basic {right}"));
    let twice = twice.field("Authorization", &format!("Basic {right}"));
    cases.push(Case::new("the field twice", twice, REPEATED));
    let elsewhere = get("/").field("Proxy-Authorization", &format!("Basic {right}"));
    cases.push(Case::new("for another proxy", elsewhere, MISSING));
    cases.push(Case::new(
        "in the query",
        get("/?authorization=Basic&user=ops"),
        MISSING,
    ));
    cases
}

const PAIRS: &[(&str, Answer)] = &[
    ("ops:U*U", IN),
    ("Zoé:U*U", IN),
    // The same letter put together from two.
    ("Zoe\u{301}:U*U", REFUSED),
    ("zoé:U*U", REFUSED),
    ("ops:u*u", REFUSED),
    ("ops:U*U ", REFUSED),
    ("ops: U*U", REFUSED),
    ("ops:U*", REFUSED),
    ("ops:U*U*", REFUSED),
    ("ops:", REFUSED),
    ("ops", REFUSED),
    ("", MISSING),
    (":", REFUSED),
    (":U*U", REFUSED),
    ("U*U:ops", REFUSED),
    ("OPS:U*U", REFUSED),
    ("ops :U*U", REFUSED),
    (" ops:U*U", REFUSED),
    ("nobody:U*U", REFUSED),
    ("ops::U*U", REFUSED),
    ("ops:U*U:x", REFUSED),
    ("ops\0:U*U", REFUSED),
    ("ops:U*U\0", REFUSED),
    ("ops:U*U\n", REFUSED),
    ("ops:U*U\u{7f}", REFUSED),
    ("ops:U*U\u{85}", REFUSED),
    ("\u{feff}ops:U*U", REFUSED),
    (
        "ops:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        REFUSED,
    ),
];

#[test]
#[doc = "ID-01, ID-04, CA-06"]
fn names_and_passwords() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
