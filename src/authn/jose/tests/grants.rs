//! Who a token speaks of, and what it grants (JWT-13).

use serde_json::{Value, json};

use crate::authn::jose::{ClaimPath, Grants};
use crate::authn::principal::Verified;
use crate::base::clock::Timestamp;
use crate::problem::Code;

fn verified(grants: &Grants, claims: Value) -> Verified {
    let Value::Object(claims) = claims else {
        panic!("an object")
    };
    grants.read(claims, Timestamp::from_millis(7)).unwrap()
}

fn roles(value: &Value) -> Vec<String> {
    let verified = verified(&Grants::default(), json!({ "sub": "s", "roles": value }));
    verified.principal.roles.iter().map(|role| role.to_string()).collect()
}

fn scopes(value: &Value) -> Vec<String> {
    let verified = verified(&Grants::default(), json!({ "sub": "s", "scope": value }));
    verified
        .principal
        .scopes
        .iter()
        .map(|scope| scope.to_string())
        .collect()
}

#[test]
#[doc = "JWT-13"]
fn roles_are_a_list_of_texts_or_one() {
    assert_eq!(roles(&json!(["admin", "a b", "Admin"])), ["admin", "a b", "Admin"]);
    assert_eq!(roles(&json!("admin editor")), ["admin editor"]);
    assert_eq!(roles(&json!("admin,editor")), ["admin,editor"]);
    for nothing in [
        json!([]),
        json!(""),
        json!(null),
        json!(true),
        json!(1),
        json!({ "admin": true }),
        json!(["admin", 1]),
        json!(["admin", null]),
        json!(["admin", ["editor"]]),
        json!(["admin", { "name": "editor" }]),
        json!(["admin", ""]),
    ] {
        assert_eq!(roles(&nothing), [""; 0], "{nothing}");
    }
}

#[test]
#[doc = "JWT-13"]
fn scopes_are_split_at_spaces_and_nothing_else() {
    assert_eq!(scopes(&json!("orders bills:read")), ["orders", "bills:read"]);
    assert_eq!(scopes(&json!("orders,bills")), ["orders,bills"]);
    assert_eq!(scopes(&json!("orders\tbills\n")), ["orders\tbills\n"]);
    assert_eq!(scopes(&json!("orders\u{a0}bills")), ["orders\u{a0}bills"]);
    assert_eq!(scopes(&json!(["orders bills", "Orders"])), ["orders bills", "Orders"]);
    assert_eq!(scopes(&json!(" orders  bills ")), ["orders", "bills"]);
    for nothing in [
        json!(""),
        json!(" "),
        json!([]),
        json!(7),
        json!(null),
        json!({ "orders": 1 }),
        json!(["a", 1]),
    ] {
        assert_eq!(scopes(&nothing), [""; 0], "{nothing}");
    }
}

#[test]
fn a_path_leads_into_objects_only() {
    let claims = json!({
        "sub": "s", "realm_access": { "roles": ["inner"] }, "realm_access.roles": ["outer"], "list": [{ "roles": "no" }],
        "https://e.example/roles": ["url"],
    });
    let found = |path: ClaimPath| {
        let grants = Grants {
            roles: path,
            ..Grants::default()
        };
        verified(&grants, claims.clone()).principal.roles
    };
    assert_eq!(found(ClaimPath::dotted("realm_access.roles")), ["inner".into()]);
    assert_eq!(found(ClaimPath::of(["realm_access.roles"])), ["outer".into()]);
    assert_eq!(found(ClaimPath::of(["https://e.example/roles"])), ["url".into()]);
    for nowhere in [
        "realm_access",
        "roles",
        "realm_access.roles.inner",
        "list.0.roles",
        "list.roles",
        "",
        ".",
    ] {
        assert_eq!(found(ClaimPath::dotted(nowhere)), [], "{nowhere:?}");
    }
}

#[test]
fn the_subject_is_a_text_and_stands_where_it_was_said_to() {
    let grants = Grants {
        subject: ClaimPath::dotted("act.client"),
        ..Grants::default()
    };
    assert_eq!(
        &*verified(&grants, json!({ "act": { "client": "c" }, "sub": "s" }))
            .principal
            .id,
        "c"
    );
    for claims in [
        json!({ "sub": "s" }),
        json!({ "act": { "client": "" } }),
        json!({ "act": { "client": 7 } }),
        json!({ "act": { "client": ["c"] } }),
        json!({ "act": "client" }),
    ] {
        let refusal = grants
            .read(claims.as_object().unwrap().clone(), Timestamp::from_millis(7))
            .unwrap_err();
        assert_eq!(refusal.code, Code::TokenMalformed, "{claims}");
    }
}

#[test]
fn only_an_address_that_was_checked_is_passed_on() {
    let email = |verified_claim: Value| {
        let claims = json!({ "sub": "s", "email": "a@b.example", "email_verified": verified_claim });
        verified(&Grants::default(), claims).principal.email
    };
    assert_eq!(email(json!(true)).as_deref(), Some("a@b.example"));
    for unchecked in [json!(false), json!("true"), json!(1), json!(null), json!([true])] {
        assert_eq!(email(unchecked.clone()), None, "{unchecked}");
    }
    assert_eq!(
        verified(&Grants::default(), json!({ "sub": "s", "email": "a@b.example" }))
            .principal
            .email,
        None
    );
}

#[test]
fn everything_that_was_said_is_kept() {
    let claims = json!({ "sub": "s", "jti": "t", "sid": "b", "tenant": { "id": 1 } });
    let verified = verified(&Grants::default(), claims.clone());
    assert_eq!(Value::Object(verified.principal.claims), claims);
    assert_eq!(verified.expires, Some(Timestamp::from_millis(7)));
    assert_eq!(verified.handles.token.as_deref(), Some("t"));
    assert_eq!(verified.handles.session.as_deref(), Some("b"));
    assert_eq!(verified.handles.key, None);
}
