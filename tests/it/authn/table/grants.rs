//! What a token grants (RFC 6749 section 3.3, RFC 9068 section 2.2.3): whole words, and nothing where the claim has another
//! shape than the one agreed on. The upstream is told exactly that, with no way for one word to pass for two.

use super::tokens::{claims, setup};
use super::{Case, IN};
use crate::support::Upstream;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, value: &str, field: &'static str, told: Option<&'static str>| {
        let token = claims().but(name, value).signed();
        let case = Case::bearer(format!("{name} {value}"), "/", &token, IN);
        cases.push(Case {
            told: Some((field, told)),
            ..case
        });
    };
    for (value, told) in ROLES {
        add("roles", value, "x-auth-roles", *told);
    }
    for (value, told) in SCOPES {
        add("scope", value, "x-auth-scopes", *told);
    }
    for name in ["role", "Roles", "groups", "permissions"] {
        add(name, r#"["admin"]"#, "x-auth-roles", None);
    }
    for name in ["scp", "scopes", "Scope"] {
        add(name, r#""orders""#, "x-auth-scopes", None);
    }
    for (value, told) in SUBJECTS {
        add("sub", value, "x-auth-subject", Some(told));
    }
    add("email", r#""a@example.test""#, "x-auth-email", None);
    cases
}

const ROLES: &[(&str, Option<&str>)] = &[
    (r#""admin""#, Some("admin")),
    (r#"["admin"]"#, Some("admin")),
    (r#"["x","admin"]"#, Some("x,admin")),
    (r#"["admin","admin"]"#, Some("admin,admin")),
    (r#""\u0061dmin""#, Some("admin")),
    (r#""Admin""#, Some("Admin")),
    (r#"["ADMIN"]"#, Some("ADMIN")),
    (r#""admin ""#, Some("admin%20")),
    (r#"[" admin"]"#, Some("%20admin")),
    (r#""admin user""#, Some("admin%20user")),
    (r#""admin,user""#, Some("admin%2Cuser")),
    (r#"["admin,user"]"#, Some("admin%2Cuser")),
    (r#""admins""#, Some("admins")),
    (r#"["adm"]"#, Some("adm")),
    (r#""*""#, Some("*")),
    (r#""""#, None),
    (r#"[""]"#, None),
    (r#"["admin",""]"#, None),
    (r#"["admin",1]"#, None),
    (r#"["admin",null]"#, None),
    (r#"[["admin"]]"#, None),
    (r#"[{"name":"admin"}]"#, None),
    (r#"{"admin":true}"#, None),
    (r#"{"roles":["admin"]}"#, None),
    ("null", None),
    ("true", None),
    ("1", None),
    ("[]", None),
    (r#""admin\u0000""#, Some("admin%00")),
    (r#""\u0430dmin""#, Some("%D0%B0dmin")),
];

const SCOPES: &[(&str, Option<&str>)] = &[
    (r#""orders""#, Some("orders")),
    (r#""a orders b""#, Some("a,orders,b")),
    (r#""a  orders""#, Some("a,orders")),
    (r#"["orders"]"#, Some("orders")),
    (r#"["a","orders"]"#, Some("a,orders")),
    (r#""Orders""#, Some("Orders")),
    (r#""orders,bills""#, Some("orders%2Cbills")),
    (r#""orders:read""#, Some("orders:read")),
    (r#""a\torders""#, Some("a%09orders")),
    (r#""a\norders""#, Some("a%0Aorders")),
    (r#""a\u00a0orders""#, Some("a%C2%A0orders")),
    (r#""order s""#, Some("order,s")),
    (r#""*""#, Some("*")),
    (r#""""#, None),
    (r#"["a orders"]"#, Some("a%20orders")),
    (r#"["orders",1]"#, None),
    (r#"[["orders"]]"#, None),
    (r#"{"orders":1}"#, None),
    ("null", None),
    ("7", None),
];

const SUBJECTS: &[(&str, &str)] = &[
    (r#""alice""#, "alice"),
    (r#""a b""#, "a b"),
    (r#"" a ""#, "%20a%20"),
    (r#""a\r\nX-Auth-Roles: admin""#, "a%0D%0AX-Auth-Roles: admin"),
    (r#""\u00e9""#, "%C3%A9"),
    (r#""100%""#, "100%25"),
    (r#""\u0000""#, "%00"),
];

#[test]
#[doc = "JWT-13, HDR-03, HDR-04, CA-05"]
fn grants_of_tokens() {
    let upstream = Upstream::ok();
    super::ask(&setup(&upstream), &upstream, cases());
}
