//! Files that do not load, and the report that says so.

use proptest::prelude::*;

use super::*;
use crate::config::fuzz;

#[test]
#[doc = "CF-01"]
fn every_fault_of_a_file_is_reported_at_its_own_value() {
    let text = "\
version: 1
listen:
  - addr: 127.0.0.1:8080
    trusted_proxy: [10.0.0.0/8]
timeouts: { head: 10s, body_idle: 30 }
upstreams:
  orders:
    urls: [\"http://10.0.0.1:9000\"]
    max_connections: ${env:MAX}
routes:
  - path: /api/orders/{id}
    upstream: order
    auth: public
  - { path: /api/orders/*, upstream: orders, auth: public }
";
    insta::assert_snapshot!(parse(text).unwrap_err(), @r"
    gateway.yaml:4:5: key.unknown: `trusted_proxy` is not a key of the listener settings; did you mean `trusted_proxies`?
    gateway.yaml:5:35: value.duration: `30` is not a duration: its unit is missing; write `30ms`, `30s`, `30m`, `30h` or `30d`
    gateway.yaml:9:22: env.missing: the environment variable MAX is not set; set it, or write ${env:MAX:-default} where a default will do
    gateway.yaml:12:15: name.unknown: there is no upstream `order`; did you mean `orders`?
    gateway.yaml:14:13: route.tie: `/api/orders/*` and `/api/orders/{id}` in line 11 are of equal rank and can match the same request; make one path, host or `headers` more specific
    ");
}

#[test]
fn an_empty_map_lacks_what_must_be_there() {
    insta::assert_snapshot!(parse("{}").unwrap_err(), @r"
    gateway.yaml:1:1: key.missing: `version` is missing: The version of this format: `1`
    gateway.yaml:1:1: key.missing: `listen` is missing: Where clients connect: at least one listener
    gateway.yaml:1:1: key.missing: `routes` is missing: What may be asked for
    ");
    assert_eq!(codes("just text"), [Code::ValueType]);
    assert_eq!(codes("---\n"), [Code::ValueMissing]);
}

#[test]
#[doc = "AZ-01"]
fn a_route_that_does_not_say_who_may_come_in_does_not_load() {
    assert_eq!(
        faults(&with_routes("  - { path: /, upstream: a }")),
        [(6, 5, Code::KeyMissing)]
    );
    for (auth, code) in [
        ("[]", Code::ValueEmpty),
        ("", Code::ValueMissing),
        ("{ all: [idp, keys] }", Code::ValueType),
        ("idp", Code::NameUnknown),
        ("none", Code::NameUnknown),
        ("Public", Code::NameUnknown),
        ("pubic", Code::NameUnknown),
    ] {
        let route = format!("  - path: /\n    upstream: a\n    auth: {auth}\n");
        let column = if auth.is_empty() { 9 } else { 11 };
        assert_eq!(faults(&with_routes(&route)), [(8, column, code)], "{auth}");
    }
}

#[test]
fn what_a_later_version_has_is_refused_by_name() {
    for key in ["redis", "roles", "limits", "tracing", "identity"] {
        let text = format!(
            "{}{key}: {{}}\n",
            with_routes("  - { path: /, upstream: a, auth: public }\n")
        );
        assert_eq!(codes(&text), [Code::KeyLater], "{key}");
    }
    for key in ["allow", "allow_shadow", "limits", "cors"] {
        let text = with_routes(&format!("  - {{ path: /, upstream: a, auth: public, {key}: [] }}\n"));
        assert_eq!(codes(&text), [Code::KeyLater], "{key}");
    }
    let listen =
        |listener: &str| format!("version: 1\nlisten: [{{ addr: \"127.0.0.1:1\", {listener} }}]\nroutes: []\n");
    for (listener, code) in [
        ("tls: {}", Code::KeyLater),
        ("mode: decision", Code::KeyLater),
        ("protocols: [http1, h2]", Code::ValueLater),
        ("proxy_protocol: require", Code::ProxyNobody),
    ] {
        assert_eq!(codes(&listen(listener)), [code], "{listener}");
    }
    let upstream = |upstream: &str| {
        format!("version: 1\nlisten: [{{ addr: \"127.0.0.1:1\" }}]\nupstreams: {{ a: {{ {upstream} }} }}\nroutes: []\n")
    };
    for (settings, code) in [
        ("urls: [\"https://a\"]", Code::ValueLater),
        ("urls: [\"http://a\"], protocol: h2", Code::ValueLater),
        ("urls: [\"http://a\"], balance: round_robin", Code::ValueLater),
        ("urls: [\"http://a\"], balance: { hash: ip }", Code::ValueLater),
        ("urls: [\"http://a\"], health: {}", Code::KeyLater),
        ("urls: [\"http://a\"], tls: {}", Code::KeyLater),
        ("urls: [\"http://a\"], eject: {}", Code::KeyLater),
        ("urls: [\"http://a\"], retries: {}", Code::KeyLater),
    ] {
        assert_eq!(codes(&upstream(settings)), [code], "{settings}");
    }
}

#[test]
fn a_slip_that_means_a_later_key_says_both() {
    let text = format!(
        "{}identiy: {{}}\n",
        with_routes("  - { path: /, upstream: a, auth: public }\n")
    );
    let message = parse(&text).unwrap_err().to_string();
    assert!(
        message.contains("did you mean `identity` (not in this version)?"),
        "{message}"
    );
    let message = parse("version: 1\nzzzzzz: 1\nlisten: []\nroutes: []\n")
        .unwrap_err()
        .to_string();
    assert!(message.contains("they are `version`, `listen`"), "{message}");
}

#[test]
fn what_an_alias_repeats_is_said_once() {
    let text =
        "version: 1\nlisten: [{ addr: \"127.0.0.1:1\" }]\ntimeouts: { head: &t 10, body_idle: *t }\nroutes: []\n";
    assert_eq!(faults(text), [(3, 22, Code::ValueDuration)]);
}

#[test]
#[doc = "LG-01"]
fn what_a_reference_brings_is_never_repeated() {
    let machine = Given::nothing()
        .with_variable("SECRET", "http://ops:hunter2@db")
        .with_file("/secret", "hunter2");
    let head = "version: 1\nlisten: [{ addr: \"127.0.0.1:1\" }]\nupstreams: { a: { builtin: echo } }\n";
    let route = |settings: &str| format!("{head}routes: [{{ path: /, auth: public, {settings} }}]\n");
    let whole = |settings: &str| format!("version: 1\n{settings}\n");
    for reference in ["${env:SECRET}", "${file:/secret}", "x${file:/secret}"] {
        let quoted = format!("\"{reference}\"");
        for text in [
            route(&format!("upstream: {quoted}")),
            route(&format!("upstream: a, timeout: {quoted}, body_max: {quoted}")),
            route(&format!("upstream: a, networks: {{ allow: [{quoted}] }}")),
            route(&format!("upstream: a, path_allow: [{quoted}]")),
            route(&format!("upstream: a, host: \"{reference}!\"")),
            route(&format!("upstream: a, forward: {{ strip_prefix: {quoted} }}")),
            route(&format!(
                "upstream: a, forward: {{ set: {{ X-A: \"{reference}\\n\" }} }}"
            )),
            route(&format!("upstream: a, forward: {{ remove: [\"{reference} \"] }}")),
            route(&format!("redirect: {{ to: {quoted} }}")),
            whole(&format!("listen: [{{ addr: {quoted} }}]\nroutes: []")),
            whole(&format!("upstreams: {{ a: {{ urls: [{quoted}] }} }}")),
            whole(&format!("upstreams: {{ a: {{ builtin: {quoted} }} }}")),
            whole(&format!("workers: {quoted}")),
            whole(&format!("connections: {{ max: {quoted} }}")),
            whole(&format!("log: {{ access: {quoted}, level: {quoted} }}")),
            whole(&format!("routes: [{{ path: {quoted}, auth: {quoted} }}]")),
        ] {
            let report = crate::config::parse(&text, "gateway.yaml", crate::config::Kinds::default(), &machine)
                .unwrap_err()
                .to_string();
            assert!(!report.contains("hunter2"), "{report}");
            let shown = report.contains(reference) || report.contains("is printable ASCII");
            assert!(shown, "the fault is another one: {text}\n{report}");
        }
    }
}

#[test]
fn upstreams_are_either_servers_or_built_in_and_never_this_gateway() {
    let upstream = |upstream: &str| {
        format!(
            "version: 1\nlisten: [{{ addr: \"0.0.0.0:8080\" }}, {{ addr: \"10.0.0.1:90\" }}]\nupstreams:\n  a: {upstream}\n\
             routes: [{{ path: /, upstream: a, auth: public }}]\n"
        )
    };
    for (settings, code) in [
        ("{}", Code::KeyMissing),
        ("{ urls: [] }", Code::ValueEmpty),
        ("{ urls: [\"http://a\"], builtin: echo }", Code::KeyConflict),
        ("{ builtin: echo, max_pending: 3 }", Code::KeyConflict),
        ("{ builtin: echo, timeouts: { idle: 1s } }", Code::KeyConflict),
        ("{ builtin: ecco }", Code::ValueWord),
        ("{ urls: [\"http://a\", \"http://A:80\"] }", Code::UpstreamDuplicate),
        ("{ urls: [{ url: \"http://a\", weight: 0 }] }", Code::ValueZero),
        ("{ urls: [{ weight: 2 }] }", Code::KeyMissing),
        ("{ urls: [\"http://a\"], max_connections: 0 }", Code::ValueZero),
        ("{ urls: [\"http://127.0.0.1:9901\"] }", Code::AdminRoute),
        ("{ urls: [\"http://localhost:9901\"] }", Code::AdminRoute),
        ("{ urls: [\"http://[::ffff:127.0.0.1]:9901\"] }", Code::AdminRoute),
        ("{ urls: [\"http://127.0.0.1:8080\"] }", Code::UpstreamLoop),
        ("{ urls: [\"http://localhost:8080\"] }", Code::UpstreamLoop),
        ("{ urls: [\"http://10.0.0.1:90\"] }", Code::UpstreamLoop),
    ] {
        assert_eq!(codes(&upstream(settings)), [code], "{settings}");
    }
    assert_eq!(
        codes(&upstream("{ builtin: echo }\n  b/c: { builtin: echo }")),
        [Code::NameInvalid]
    );
    assert_eq!(
        codes(&upstream("{ builtin: echo }\n  \"${env:SET}\": { builtin: echo }")),
        [Code::ReferenceKey]
    );
    for fine in [
        "{ urls: [\"http://127.0.0.1:8081\", \"http://[::1]:8080\", \"http://a:8080\"] }",
        "{ urls: [\"http://a\"], max_pending: 0 }",
    ] {
        loaded(&upstream(fine));
    }
}

#[test]
fn a_broken_upstream_is_still_a_name() {
    let text = "version: 1\nlisten: [{ addr: \"127.0.0.1:1\" }]\nupstreams: { a: oops }\nroutes: [{ path: /, upstream: a, auth: public }]\n";
    assert_eq!(codes(text), [Code::ValueType]);
}

#[test]
fn the_file_itself_has_limits() {
    assert_eq!(codes(&format!("#{}", "x".repeat(1024 * 1024))), [Code::FileTooLarge]);
    let nothing = Given::nothing();
    let load = |content: &[u8]| {
        let machine = nothing.clone().with_file("/c.yaml", content);
        let faults = crate::config::load(
            std::path::Path::new("/c.yaml"),
            crate::config::Kinds::default(),
            &machine,
        )
        .unwrap_err();
        let fault = faults.iter().next().unwrap();
        (fault.line, fault.col, fault.code)
    };
    assert_eq!(load(b"version: 1\nx: \xff"), (2, 4, Code::FileEncoding));
    let faults = crate::config::load(
        std::path::Path::new("/absent.yaml"),
        crate::config::Kinds::default(),
        &nothing,
    )
    .unwrap_err();
    insta::assert_snapshot!(faults, @"/absent.yaml:1:1: file.unreadable: the configuration cannot be read: entity not found");
    assert_eq!(faults.files(), [std::path::Path::new("/absent.yaml")]);
}

/// Pieces of a configuration, so that generated files get past the reader.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("version: 1\n".to_owned()),
        Just("listen: [{ addr: \"127.0.0.1:8080\" }]\n".to_owned()),
        Just("upstreams: { a: { urls: [\"http://a\"] }, b: { builtin: echo } }\n".to_owned()),
        "routes: \\[\\{ path: \"/[a-z{}*/%]{0,8}\", upstream: [abc], auth: [a-z]{0,6} \\}\\]\n",
        "(timeouts|sizes|connections|drain|admin|log|defaults): \\{ [a-z_]{1,8}: [0-9a-zA-Z]{0,6} \\}\n",
        "[a-z]{1,6}: [a-z0-9\\[\\]{}]{0,8}\n",
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz(&data, crate::config::Kinds::default());
    }

    #[test]
    fn no_configuration_panics(pieces in proptest::collection::vec(piece(), 0..8)) {
        fuzz(pieces.concat().as_bytes(), crate::config::Kinds::default());
    }
}
