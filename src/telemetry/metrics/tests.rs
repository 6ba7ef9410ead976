//! The numbers as a scrape reads them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::{Method, StatusCode};

use super::*;
use crate::base::clock::Clock;
use crate::telemetry::events::{
    AccessLine, ConfigLoaded, ConfigRefused, ConnectionRefused, Decision, Finished, Identification, UpstreamCall,
};
use crate::telemetry::key_events::{KeyChange, KeysFetched};
use crate::telemetry::{Sink, Telemetry};

mod auth;

fn telemetry() -> (Arc<Telemetry>, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    (
        Telemetry::start(clock.clone(), Sink::new(std::io::sink())).unwrap(),
        clock,
    )
}

fn finished<'a>(route: Option<&'a Arc<str>>, method: &'a Method) -> Finished<'a> {
    Finished {
        at: Timestamp::from_millis(0),
        request_id: "0198c7e5-b6b1-7000-8000-000000000000",
        trace_id: "abababababababababababababababab",
        client_ip: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        method,
        host: None,
        route,
        status: StatusCode::OK,
        bytes: 0,
        duration: Duration::from_millis(2),
        upstream: None,
        identification: None,
        decision: Some(Decision::Allowed),
        code: None,
        reason: None,
        access_log: AccessLine::Omitted,
    }
}

fn scrape(telemetry: &Telemetry) -> String {
    telemetry.metrics().expose(Format::Text, Figures::default()).unwrap()
}

/// The value of the one sample whose name and labels are `sample`.
fn value(scrape: &str, sample: &str) -> String {
    let mut found = scrape
        .lines()
        .filter_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    let value = found.next().unwrap_or_else(|| panic!("{sample} is not in\n{scrape}"));
    assert_eq!(found.next(), None, "{sample} twice");
    value.to_owned()
}

#[test]
fn workers_are_added_up() {
    let (telemetry, _) = telemetry();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let telemetry = Arc::clone(&telemetry);
            std::thread::spawn(move || {
                let reporter = telemetry.reporter();
                let route: Arc<str> = "/a/**".into();
                let upstream: Arc<str> = "orders".into();
                let call = UpstreamCall {
                    name: &upstream,
                    took: Some(Duration::from_millis(1)),
                };
                for _ in 0..10 {
                    reporter.finished(&Finished {
                        upstream: Some(call),
                        ..finished(Some(&route), &Method::GET)
                    });
                }
                reporter.finished(&Finished {
                    status: StatusCode::FORBIDDEN,
                    decision: Some(Decision::Denied),
                    ..finished(Some(&route), &Method::GET)
                });
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    let scrape = scrape(&telemetry);
    let ok = r#"http_route="/a/**",http_request_method="GET",http_response_status_code="200""#;
    assert_eq!(
        value(&scrape, &format!("http_server_request_duration_seconds_count{{{ok}}}")),
        "30"
    );
    assert_eq!(
        value(&scrape, &format!("http_server_request_duration_seconds_sum{{{ok}}}")),
        "0.06"
    );
    assert_eq!(
        value(
            &scrape,
            &format!(r#"http_server_request_duration_seconds_bucket{{le="0.001",{ok}}}"#)
        ),
        "0"
    );
    assert_eq!(
        value(
            &scrape,
            &format!(r#"http_server_request_duration_seconds_bucket{{le="0.0025",{ok}}}"#)
        ),
        "30"
    );
    assert_eq!(
        value(
            &scrape,
            &format!(r#"http_server_request_duration_seconds_bucket{{le="+Inf",{ok}}}"#)
        ),
        "30"
    );
    let authz = |decision| format!(r#"portcullis_authz_total{{route="/a/**",decision="{decision}",shadow="false"}}"#);
    assert_eq!(value(&scrape, &authz("allowed")), "30");
    assert_eq!(value(&scrape, &authz("denied")), "3");
    assert_eq!(
        value(
            &scrape,
            r#"portcullis_upstream_request_duration_seconds_count{upstream="orders"}"#
        ),
        "30"
    );
}

#[test]
#[doc = "AD-02"]
fn a_made_up_method_is_no_label() {
    let (telemetry, _) = telemetry();
    let reporter = telemetry.reporter();
    for name in ["AAAA", "BBBB", "get"] {
        reporter.finished(&finished(None, &Method::from_bytes(name.as_bytes()).unwrap()));
    }
    let scrape = scrape(&telemetry);
    let labels = r#"{http_route="",http_request_method="_OTHER",http_response_status_code="200"}"#;
    assert_eq!(
        value(&scrape, &format!("http_server_request_duration_seconds_count{labels}")),
        "3"
    );
    assert!(!scrape.contains("AAAA") && !scrape.contains("\"get\""));
}

#[test]
fn connections_are_counted_while_they_are_open() {
    let (telemetry, _) = telemetry();
    let reporter = telemetry.reporter();
    let name: Arc<str> = "orders".into();
    let state = |state| format!(r#"portcullis_upstream_connections{{upstream="orders",state="{state}"}}"#);
    let (client, mut upstream) = (reporter.open_connection(), reporter.upstream_connection(&name));
    let now = scrape(&telemetry);
    assert_eq!(value(&now, "portcullis_open_connections"), "1");
    assert_eq!(
        (value(&now, &state("active")), value(&now, &state("idle"))),
        ("1".into(), "0".into())
    );
    upstream.rest();
    upstream.rest();
    let now = scrape(&telemetry);
    assert_eq!(
        (value(&now, &state("active")), value(&now, &state("idle"))),
        ("0".into(), "1".into())
    );
    upstream.work();
    upstream.work();
    drop((client, upstream));
    let now = scrape(&telemetry);
    assert_eq!(value(&now, "portcullis_open_connections"), "0");
    assert_eq!(
        (value(&now, &state("active")), value(&now, &state("idle"))),
        ("0".into(), "0".into())
    );
}

#[test]
#[doc = "CF-05"]
fn a_refused_reload_shows() {
    let (telemetry, clock) = telemetry();
    telemetry.emit(ConfigLoaded {
        generation: 1,
        routes: 3,
    });
    clock.advance(Duration::from_millis(1_500));
    telemetry.emit(ConfigRefused {
        faults: 1,
        first: "gateway.yaml:1:1: …",
    });
    let now = scrape(&telemetry);
    assert_eq!(value(&now, "portcullis_config_generation"), "1");
    assert_eq!(value(&now, "portcullis_config_last_reload_success"), "0");
    assert_eq!(
        value(&now, "portcullis_config_last_reload_timestamp_seconds"),
        "1800000001.5"
    );
    telemetry.emit(ConfigLoaded {
        generation: 2,
        routes: 3,
    });
    let now = scrape(&telemetry);
    assert_eq!(value(&now, "portcullis_config_generation"), "2");
    assert_eq!(value(&now, "portcullis_config_last_reload_success"), "1");
}

#[test]
fn each_end_of_a_connection_has_its_number() {
    let (telemetry, _) = telemetry();
    for (times, end) in ConnectionEnd::ALL.iter().enumerate() {
        for _ in 0..=times {
            telemetry.emit(ConnectionRefused {
                end: *end,
                peer: None,
                detail: "",
            });
        }
    }
    let now = scrape(&telemetry);
    for (times, end) in ConnectionEnd::ALL.iter().enumerate() {
        let sample = format!(r#"portcullis_connections_refused_total{{reason="{}"}}"#, end.as_str());
        assert_eq!(value(&now, &sample), (times + 1).to_string());
    }
}

#[test]
#[doc = "AD-02"]
fn strangers_cannot_make_series_without_end() {
    let (telemetry, _) = telemetry();
    let reporter = telemetry.reporter();
    let routes: Vec<Arc<str>> = (0..20).map(|n| format!("/{n}").into()).collect();
    for route in &routes {
        for status in 100..=999 {
            let status = StatusCode::from_u16(status).unwrap();
            reporter.finished(&Finished {
                status,
                ..finished(Some(route), &Method::GET)
            });
        }
    }
    let now = scrape(&telemetry);
    let series = now
        .lines()
        .filter(|line| line.starts_with("http_server_request_duration_seconds_count"))
        .count();
    assert_eq!(series, 8192 + 1);
    let labels = r#"{http_route="_OVERFLOW",http_request_method="_OVERFLOW",http_response_status_code="0"}"#;
    let sample = format!("http_server_request_duration_seconds_count{labels}");
    assert_eq!(value(&now, &sample), (20 * 900 - 8192).to_string());
}

#[test]
fn both_formats_name_their_counters_as_they_should() {
    let (telemetry, _) = telemetry();
    telemetry
        .reporter()
        .finished(&finished(Some(&"/a\"\n\\".into()), &Method::GET));
    let text = scrape(&telemetry);
    assert!(
        text.contains("# TYPE portcullis_authz_total counter\nportcullis_authz_total{"),
        "{text}"
    );
    assert!(!text.contains("# EOF"));
    let open = telemetry
        .metrics()
        .expose(Format::OpenMetrics, Figures::default())
        .unwrap();
    assert!(
        open.contains("# TYPE portcullis_authz counter\nportcullis_authz_total{"),
        "{open}"
    );
    assert!(open.ends_with("# EOF\n"));
    for scrape in [text, open] {
        assert!(
            scrape.contains("# TYPE http_server_request_duration_seconds histogram\n"),
            "{scrape}"
        );
        assert!(scrape.contains(r#"http_route="/a\"\n\\""#), "{scrape}");
        assert!(scrape.contains("\nportcullis_panics_total 0\n") || scrape.contains("\nportcullis_panics_total{} 0\n"));
        assert!(scrape.contains("\nportcullis_build_info{version=\""));
    }
}

#[test]
fn the_docs_list_every_metric_with_its_labels_and_every_reason() {
    let docs = include_str!("../../../docs/operations.md");
    let (telemetry, _) = telemetry();
    let (route, name): (Arc<str>, Arc<str>) = ("/a".into(), "orders".into());
    let call = UpstreamCall {
        name: &name,
        took: Some(Duration::from_millis(1)),
    };
    telemetry.reporter().finished(&Finished {
        upstream: Some(call),
        identification: Some(Identification::Accepted {
            authenticator: &name,
            principal: "alice",
        }),
        ..finished(Some(&route), &Method::GET)
    });
    let age = telemetry.metrics().key_set_age(&name, telemetry.clock.clone());
    age.set(Timestamp::from_millis(1));
    telemetry.emit(KeysFetched {
        authenticator: &name,
        change: KeyChange::First,
        recovered: false,
    });
    let now = scrape(&telemetry);
    let names = now
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut documented = 0;
    for name in names {
        let start = format!("| `{name}` |");
        let row = docs.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/operations.md lacks a row for {name}"));
        let sample = now.lines().find(|line| line.starts_with(name)).unwrap();
        let labels = sample.split_once('{').map_or("", |(_, labels)| labels);
        for label in labels
            .split(',')
            .filter_map(|label| Some(label.split_once('=')?.0))
            .filter(|label| *label != "le")
        {
            assert!(row.contains(&format!("`{label}`")), "{row} lacks {label}");
        }
        documented += 1;
    }
    assert!(documented >= 16, "only {documented} metrics found");
    for end in ConnectionEnd::ALL {
        assert!(
            docs.contains(&format!("\n| `{}` |", end.as_str())),
            "docs/operations.md lacks {}",
            end.as_str()
        );
    }
}
