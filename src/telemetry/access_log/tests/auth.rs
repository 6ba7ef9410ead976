//! Who a line says that it was.

use super::*;

fn accepted<'a>(authenticator: &'a Arc<str>, principal: &'a str) -> Finished<'a> {
    Finished {
        identification: Some(Identification::Accepted {
            authenticator,
            principal,
        }),
        decision: Some(Decision::Allowed),
        ..plain(&mut Random::counting())
    }
}

fn refused<'a>(authenticator: Option<&'a Arc<str>>, code: Code, reason: &'a str) -> Finished<'a> {
    Finished {
        identification: Some(Identification::Refused { authenticator, code }),
        decision: Some(Decision::Denied),
        code: Some(code),
        reason: Some(reason),
        ..plain(&mut Random::counting())
    }
}

#[test]
fn each_line_names_its_own_principal() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let reporter = telemetry.reporter();
    let (idp, keys): (Arc<str>, Arc<str>) = ("idp".into(), "keys".into());
    reporter.finished(&accepted(&idp, "alice"));
    reporter.finished(&plain(&mut Random::counting()));
    reporter.finished(&accepted(&idp, "bob"));
    reporter.finished(&accepted(&keys, "bob"));
    reporter.finished(&Finished {
        host: None,
        ..accepted(&idp, "")
    });
    assert!(telemetry.close_access_log(LONG));
    let who: Vec<Value> = paper
        .lines()
        .into_iter()
        .map(|line| Value::from(vec![line["principal"].clone(), line["authenticator"].clone()]))
        .collect();
    let expected = r#"[["alice","idp"],[null,null],["bob","idp"],["bob","keys"],["","idp"]]"#;
    assert_eq!(Value::from(who).to_string(), expected);
}

#[test]
#[doc = "LG-01"]
fn a_refused_credential_leaves_its_reason_and_who_refused_it_and_nothing_of_itself() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let reporter = telemetry.reporter();
    let idp: Arc<str> = "idp".into();
    reporter.finished(&refused(Some(&idp), Code::TokenExpired, "idp: it ended 61 s ago"));
    reporter.finished(&refused(None, Code::CredentialMissing, "no credential was presented"));
    assert!(telemetry.close_access_log(LONG));
    let lines = paper.lines();
    for (line, authenticator, code, reason) in [
        (&lines[0], Value::from("idp"), "token.expired", "idp: it ended 61 s ago"),
        (
            &lines[1],
            Value::Null,
            "credential.missing",
            "no credential was presented",
        ),
    ] {
        assert_eq!(line["principal"], Value::Null);
        assert_eq!(line["authenticator"], authenticator);
        assert_eq!(
            (line["code"].as_str(), line["reason"].as_str()),
            (Some(code), Some(reason))
        );
    }
}

#[test]
#[doc = "LG-02"]
fn a_principal_stays_inside_its_field_and_is_cut() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let reporter = telemetry.reporter();
    let idp: Arc<str> = "idp".into();
    let hostile = "a\"}\r\n{\u{1b}[2J\u{85}\u{2028}\u{202e}".repeat(200);
    reporter.finished(&accepted(&idp, &hostile));
    // With a reason the line is written another way.
    reporter.finished(&Finished {
        reason: Some("cut off"),
        ..accepted(&idp, &hostile)
    });
    reporter.finished(&accepted(&idp, &"x".repeat(5000)));
    reporter.finished(&accepted(&idp, "alice"));
    assert!(telemetry.close_access_log(LONG));
    let text = paper.text();
    assert_eq!(text.lines().count(), 4);
    let misleads = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{202e}'));
    assert!(!text.chars().any(misleads), "{text:?}");
    let lines = paper.lines();
    for line in &lines[..2] {
        let logged = line["principal"].as_str().unwrap();
        assert!(
            logged.starts_with("a\"}\r\n{\u{1b}[2J\u{85}\u{2028}\u{202e}a"),
            "{logged:?}"
        );
        assert!(logged.len() <= 1024 + 16, "{}", logged.len());
    }
    assert_eq!(lines[2]["principal"].as_str().unwrap().len(), 1024);
    assert_eq!(lines[3]["principal"], "alice");
}

#[test]
fn an_authenticator_that_has_no_series_of_its_own_is_named_all_the_same() {
    let paper = Paper::default();
    let telemetry = telemetry(paper.clone());
    let reporter = telemetry.reporter();
    let names: Vec<Arc<str>> = (0..1100).map(|number| format!("idp-{number}").into()).collect();
    for name in &names {
        reporter.finished(&accepted(name, "alice"));
    }
    assert!(telemetry.close_access_log(LONG));
    let lines = paper.lines();
    assert_eq!(lines.len(), names.len());
    for (line, name) in lines.iter().zip(&names) {
        assert_eq!(line["authenticator"], **name);
        assert_eq!(
            (line["principal"].as_str(), line["method"].as_str()),
            (Some("alice"), Some("GET"))
        );
    }
}
