//! What a scrape says about credentials.

use super::*;
use crate::problem::Code;
use crate::telemetry::events::Lookups;

fn outcome<'a>(identification: Option<Identification<'a>>) -> Finished<'a> {
    Finished {
        identification,
        ..finished(None, &Method::GET)
    }
}

fn accepted<'a>(authenticator: &'a Arc<str>, principal: &'a str) -> Finished<'a> {
    outcome(Some(Identification::Accepted {
        authenticator,
        principal,
    }))
}

fn refused(authenticator: Option<&Arc<str>>, code: Code) -> Finished<'_> {
    outcome(Some(Identification::Refused { authenticator, code }))
}

fn sample(authenticator: &str, result: &str, code: &str) -> String {
    format!(r#"portcullis_auth_total{{authenticator="{authenticator}",result="{result}",code="{code}"}}"#)
}

fn series(scrape: &str) -> usize {
    let lines = scrape.lines();
    lines.filter(|line| line.starts_with("portcullis_auth_total{")).count()
}

#[test]
fn credentials_of_all_workers_are_counted_by_what_came_of_them() {
    let (telemetry, _) = telemetry();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let telemetry = Arc::clone(&telemetry);
            std::thread::spawn(move || {
                let reporter = telemetry.reporter();
                // Each worker has names of its own, as after a reload.
                let (idp, keys): (Arc<str>, Arc<str>) = ("idp".into(), "keys".into());
                for _ in 0..5 {
                    reporter.finished(&accepted(&idp, "alice"));
                }
                reporter.finished(&accepted(&keys, "alice"));
                reporter.finished(&refused(Some(&idp), Code::TokenExpired));
                reporter.finished(&refused(Some(&idp), Code::TokenExpired));
                reporter.finished(&refused(Some(&idp), Code::IssuerUnavailable));
                reporter.finished(&refused(None, Code::CredentialMissing));
                // Anonymous, where that is enough.
                reporter.finished(&outcome(None));
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    let now = scrape(&telemetry);
    for (expected, sample) in [
        ("15", sample("idp", "accepted", "")),
        ("3", sample("keys", "accepted", "")),
        ("6", sample("idp", "refused", "token.expired")),
        ("3", sample("idp", "unavailable", "issuer.unavailable")),
        ("3", sample("", "refused", "credential.missing")),
    ] {
        assert_eq!(value(&now, &sample), expected, "{sample}");
    }
    assert_eq!(series(&now), 5);
}

#[test]
fn what_becomes_of_a_request_later_does_not_change_what_became_of_its_credential() {
    let (telemetry, _) = telemetry();
    let idp: Arc<str> = "idp".into();
    telemetry.reporter().finished(&Finished {
        status: StatusCode::BAD_GATEWAY,
        code: Some(Code::UpstreamUnreachable),
        ..accepted(&idp, "alice")
    });
    let now = scrape(&telemetry);
    assert_eq!(value(&now, &sample("idp", "accepted", "")), "1");
    assert_eq!(series(&now), 1);
}

#[test]
#[doc = "AD-02, LG-01"]
fn no_label_tells_of_a_principal() {
    let (telemetry, _) = telemetry();
    let reporter = telemetry.reporter();
    let idp: Arc<str> = "idp".into();
    for number in 0..100 {
        reporter.finished(&accepted(&idp, &format!("user-{number}")));
    }
    let now = scrape(&telemetry);
    assert_eq!(value(&now, &sample("idp", "accepted", "")), "100");
    assert!(!now.contains("user-"), "{now}");
}

#[test]
#[doc = "AD-02"]
fn reloads_that_rename_authenticators_make_no_series_without_end() {
    let (telemetry, _) = telemetry();
    let reporter = telemetry.reporter();
    let names: Vec<Arc<str>> = (0..700).map(|number| format!("idp-{number}").into()).collect();
    for name in &names {
        reporter.finished(&accepted(name, "alice"));
        reporter.finished(&refused(Some(name), Code::TokenExpired));
    }
    let now = scrape(&telemetry);
    assert_eq!(series(&now), 1024 + 1);
    let rest = sample("_OVERFLOW", "_OVERFLOW", "_OVERFLOW");
    assert_eq!(value(&now, &rest), (2 * 700 - 1024).to_string());
}

#[test]
fn what_was_remembered_and_what_was_not_is_added_up() {
    let (telemetry, _) = telemetry();
    let (one, other) = (telemetry.reporter(), telemetry.reporter());
    one.looked_up(Lookups { hits: 1, misses: 0 });
    one.looked_up(Lookups { hits: 1, misses: 2 });
    other.looked_up(Lookups { hits: 3, misses: 0 });
    other.looked_up(Lookups::default());
    let figures = Figures { verdict_evictions: 7 };
    for format in [Format::Text, Format::OpenMetrics] {
        let now = telemetry.metrics().expose(format, figures).unwrap();
        for (name, expected) in [("hits", "5"), ("misses", "2"), ("evictions", "7")] {
            let sample = format!(r#"portcullis_cache_{name}_total{{cache="verdicts"}}"#);
            assert_eq!(value(&now, &sample), expected, "{now}");
        }
    }
}

#[test]
fn both_formats_say_what_kind_of_metric_these_are() {
    let (telemetry, _) = telemetry();
    let quoted: Arc<str> = "a\"\n\\".into();
    telemetry.reporter().finished(&accepted(&quoted, "alice"));
    let text = scrape(&telemetry);
    let open = telemetry
        .metrics()
        .expose(Format::OpenMetrics, Figures::default())
        .unwrap();
    for name in ["auth", "cache_hits", "cache_misses", "cache_evictions"] {
        let (family, sample) = (format!("portcullis_{name}"), format!("portcullis_{name}_total{{"));
        assert!(
            text.contains(&format!("# TYPE {family}_total counter\n{sample}")),
            "{text}"
        );
        assert!(open.contains(&format!("# TYPE {family} counter\n{sample}")), "{open}");
    }
    for scrape in [text, open] {
        assert!(
            scrape.contains(r#"{authenticator="a\"\n\\",result="accepted",code=""} 1"#),
            "{scrape}"
        );
    }
}
