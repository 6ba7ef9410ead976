//! The operations without a listener: what is refused, and that nothing changes then.

use super::*;

fn api(reload: fn() -> Reloading) -> Api {
    let clock = Clock::manual(Timestamp::from_millis(2_000_000_000_000));
    Api {
        store: None,
        revocations: Arc::new(Revocations::new(2, &mut Random::counting())),
        clock,
        random: Random::counting,
        is_authenticator: Box::new(|name| name == "idp"),
        reload: Box::new(reload),
    }
}

fn busy() -> Reloading {
    Box::pin(async { Err(NotReloaded::Unavailable) })
}

fn run(api: &Api, operation: &Operation, body: &str) -> Result<Done, Undone> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(api.answer(operation, body.as_bytes()))
}

#[test]
fn everything_that_is_wrong_with_a_body_is_told_at_once() {
    let api = api(busy);
    for (body, errors) in [
        ("{}", serde_json::json!([{ "field": "token", "code": "missing" }])),
        (
            r#"{"token":"","expires":"soon"}"#,
            serde_json::json!([{ "field": "token", "code": "invalid" }, { "field": "expires", "code": "invalid" }]),
        ),
        (
            r#"{"token":"a","key":"b","tokken":1}"#,
            serde_json::json!([{ "field": "key", "code": "conflict" }, { "field": "tokken", "code": "unknown" }]),
        ),
        (
            r#"{"subject":"alice"}"#,
            serde_json::json!([{ "field": "authenticator", "code": "missing" }]),
        ),
        (
            r#"{"subject":"alice","authenticator":"ipd"}"#,
            serde_json::json!([{ "field": "authenticator", "code": "unknown" }]),
        ),
        (
            r#"{"token":"a","expires":"2001-01-01"}"#,
            serde_json::json!([{ "field": "expires", "code": "invalid" }]),
        ),
    ] {
        let undone = run(&api, &Operation::Revoke, body).unwrap_err();
        assert_eq!(undone.problem.code, Code::InputInvalid, "{body}");
        assert_eq!(Json::Array(undone.problem.errors), errors, "{body}");
    }
    for body in [
        "",
        "[]",
        "{",
        r#"{"token":"a","token":"b"}"#,
        &format!("{}{}", r#"{"token":"#.repeat(40), "1"),
    ] {
        let undone = run(&api, &Operation::Revoke, body).unwrap_err();
        assert_eq!(undone.problem.code, Code::InputInvalid, "{body}");
    }
    assert!(api.revocations.is_empty());
}

#[test]
fn a_full_list_says_so_and_revokes_nothing() {
    let api = api(busy);
    for token in ["a", "b"] {
        let done = run(&api, &Operation::Revoke, &format!(r#"{{"token":"{token}"}}"#)).unwrap();
        assert_eq!(done.status, StatusCode::CREATED);
        assert_eq!(done.body.unwrap()["kept"], false);
    }
    let undone = run(&api, &Operation::Revoke, r#"{"token":"c"}"#).unwrap_err();
    assert_eq!(undone.problem.code, Code::StoreUnavailable);
    assert!(undone.why.unwrap().contains("full"));
    assert_eq!(api.revocations.len(), 2);
}

#[test]
fn without_a_store_there_are_no_keys_to_administer() {
    let api = api(busy);
    for (operation, body) in [
        (Operation::ListKeys { owner: None }, ""),
        (Operation::CreateKey, r#"{"owner":"a"}"#),
        (
            Operation::RevokeKey {
                id: "0123456789ab".into(),
            },
            "",
        ),
    ] {
        let undone = run(&api, &operation, body).unwrap_err();
        assert_eq!(undone.problem.code, Code::InputConflict, "{operation:?}");
    }
}

#[test]
fn a_gateway_that_starts_or_stops_is_not_reloaded() {
    let undone = run(&api(busy), &Operation::Reload, "").unwrap_err();
    assert_eq!(undone.problem.code, Code::ServerOverloaded);
    let undone = run(&api(busy), &Operation::Reload, r#"{"force":true}"#).unwrap_err();
    assert_eq!(undone.problem.code, Code::InputInvalid);
}
