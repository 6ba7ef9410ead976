//! What a file asks of the machine it is read on: addresses, descriptors, secrets, files.

use std::path::Path;

use super::*;
use crate::config::load;
use crate::config::spec::Config;

fn on(machine: &Given, head: &str) -> Result<Loaded, Faults> {
    let text = format!(
        "version: 1\n{head}\nupstreams: {{ a: {{ builtin: echo }} }}\nroutes: [{{ path: /, upstream: a, auth: public }}]\n"
    );
    crate::config::parse(&text, "gateway.yaml", crate::config::Kinds::default(), machine)
}

pub(super) fn refused(machine: &Given, head: &str) -> Vec<(u32, u32, Code)> {
    match on(machine, head) {
        Ok(_) => panic!("taken: {head}"),
        Err(faults) => faults.iter().map(|fault| (fault.line, fault.col, fault.code)).collect(),
    }
}

pub(super) fn taken(machine: &Given, head: &str) -> (Config, Vec<Code>) {
    let loaded = on(machine, head).unwrap_or_else(|faults| panic!("{faults}"));
    (
        loaded.config,
        loaded.warnings.iter().map(|warning| warning.code).collect(),
    )
}

pub(super) const LISTEN: &str = "listen: [{ addr: \"127.0.0.1:8080\" }]";

#[test]
#[doc = "RS-03"]
fn a_written_number_of_connections_must_fit_and_the_default_shrinks() {
    let machine = Given::nothing().with_descriptors(4096);
    let written = format!("{LISTEN}\nconnections: {{ max: 3585 }}");
    assert_eq!(refused(&machine, &written), [(3, 21, Code::ConnectionsDescriptors)]);
    let (config, warnings) = taken(&machine, &format!("{LISTEN}\nconnections: {{ max: 3584 }}"));
    assert_eq!((config.connections.max.get(), warnings), (3584, vec![]));
    let (config, warnings) = taken(&machine, LISTEN);
    assert_eq!(
        (config.connections.max.get(), warnings),
        (3584, vec![Code::ConnectionsDescriptors])
    );
    let (config, warnings) = taken(&Given::nothing(), LISTEN);
    assert_eq!((config.connections.max.get(), warnings), (10_000, vec![]));
    assert_eq!(
        refused(&Given::nothing().with_descriptors(512), LISTEN),
        [(1, 1, Code::ConnectionsDescriptors)]
    );
}

#[test]
fn workers_are_the_cores_of_the_machine_unless_written() {
    let machine = Given {
        cores: std::num::NonZeroUsize::new(6).unwrap(),
        ..Given::nothing()
    };
    assert_eq!(taken(&machine, LISTEN).0.workers.get(), 6);
    assert_eq!(taken(&machine, &format!("{LISTEN}\nworkers: auto")).0.workers.get(), 6);
    assert_eq!(taken(&machine, &format!("{LISTEN}\nworkers: 3")).0.workers.get(), 3);
    for (workers, code) in [
        ("0", Code::ValueZero),
        ("many", Code::ValueWord),
        ("513", Code::ValueRange),
        ("03", Code::ValueNumber),
    ] {
        assert_eq!(
            refused(&machine, &format!("{LISTEN}\nworkers: {workers}")),
            [(3, 10, code)],
            "{workers}"
        );
    }
}

#[test]
#[doc = "AD-01"]
fn an_admin_listener_that_strangers_reach_needs_a_token() {
    let secret = "0123456789abcdef0123456789abcdef";
    let machine = Given::nothing()
        .with_variable("TOKEN", secret)
        .with_variable("SHORT", "hunter2")
        .with_variable("SPACED", "correct horse battery staple");
    let admin = |admin: &str| format!("{LISTEN}\nadmin: {{ {admin} }}");
    for open in ["0.0.0.0:9901", "[::]:9901", "10.0.0.1:9901", "[::ffff:10.0.0.1]:9901"] {
        assert_eq!(
            refused(&machine, &admin(&format!("addr: \"{open}\""))),
            [(3, 16, Code::AdminExposed)],
            "{open}"
        );
        let (config, warnings) = taken(
            &machine,
            &admin(&format!("addr: \"{open}\", token: \"${{env:TOKEN}}\"")),
        );
        assert!(config.admin.token.unwrap().matches(secret.as_bytes()));
        assert_eq!(warnings, [Code::AdminExposed]);
    }
    for loopback in ["127.0.0.1:9901", "127.9.9.9:1", "[::1]:9901", "[::ffff:127.0.0.1]:9901"] {
        let (config, warnings) = taken(&machine, &admin(&format!("addr: \"{loopback}\"")));
        assert!(config.admin.token.is_none() && warnings.is_empty(), "{loopback}");
    }
    assert_eq!(
        refused(&machine, &admin("token: \"${env:SHORT}\"")),
        [(3, 17, Code::SecretWeak)]
    );
    assert_eq!(
        refused(&machine, &admin("token: \"${env:SPACED}\"")),
        [(3, 17, Code::SecretWeak)]
    );
    assert_eq!(
        refused(&machine, &admin("token: \"${env:ABSENT}\"")),
        [(3, 17, Code::EnvMissing)]
    );
    assert_eq!(
        refused(&machine, &admin("token: \"${env:ABSENT:-0123456789abcdef}\"")),
        [(3, 17, Code::SecretInline)]
    );
    assert_eq!(
        refused(&machine, &admin(&format!("token: {secret}"))),
        [(3, 17, Code::SecretInline)]
    );
    let report = on(&machine, &admin(&format!("token: {secret}"))).unwrap_err();
    assert!(!report.to_string().contains(secret), "{report}");
}

#[test]
fn no_two_listeners_want_one_address() {
    let machine = Given::nothing();
    let listen = |a: &str, b: &str| format!("listen:\n  - addr: \"{a}\"\n  - addr: \"{b}\"");
    for (a, b) in [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("0.0.0.0:80", "127.0.0.1:80"),
        ("10.0.0.1:80", "0.0.0.0:80"),
        ("[::]:80", "[::1]:80"),
        ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
    ] {
        assert_eq!(
            refused(&machine, &listen(a, b)),
            [(4, 11, Code::ListenDuplicate)],
            "{a} {b}"
        );
    }
    for (a, b) in [
        ("127.0.0.1:80", "127.0.0.2:80"),
        ("0.0.0.0:80", "[::]:80"),
        ("127.0.0.1:0", "127.0.0.1:0"),
    ] {
        assert_eq!(taken(&machine, &listen(a, b)).0.listen.len(), 2, "{a} {b}");
    }
    assert_eq!(
        refused(&machine, &listen("127.0.0.1:80", "0.0.0.0:9901")),
        [(4, 11, Code::ListenDuplicate)]
    );
    let both = format!("{LISTEN}\nadmin: {{ addr: \"127.0.0.1:8080\" }}");
    assert_eq!(refused(&machine, &both), [(3, 16, Code::ListenDuplicate)]);
    assert_eq!(refused(&machine, "listen: []"), [(2, 9, Code::ValueEmpty)]);
}

#[test]
fn a_proxy_protocol_that_nobody_may_speak_is_noticed() {
    let machine = Given::nothing();
    let listen = |mode: &str, trusted: &str| {
        format!("listen: [{{ addr: \"127.0.0.1:1\", proxy_protocol: {mode}, trusted_proxies: {trusted} }}]")
    };
    assert_eq!(taken(&machine, &listen("accept", "[]")).1, [Code::ProxyNobody]);
    assert_eq!(
        refused(&machine, &listen("require", "[]")),
        [(2, 49, Code::ProxyNobody)]
    );
    for trusted in ["[10.0.0.0/8]", "[unix]"] {
        for mode in ["accept", "require"] {
            assert_eq!(taken(&machine, &listen(mode, trusted)).1, [], "{mode} {trusted}");
        }
    }
    assert_eq!(taken(&machine, &listen("off", "[]")).1, []);
}

#[test]
fn sockets_are_apart_and_no_upstream_leads_back() {
    let machine = Given::nothing();
    let two = |one: &str, other: &str| format!("listen: [{{ addr: \"{one}\" }}, {{ addr: \"{other}\" }}]");
    let twice = refused(&machine, &two("unix:/run/a.sock", "unix:/run//a.sock"));
    assert_eq!(twice, [(2, 48, Code::ListenDuplicate)]);
    taken(&machine, &two("unix:/run/a.sock", "unix:/run/b.sock"));
    let leading_to = |path: &str| {
        let text = format!(
            "version: 1\nlisten: [{{ addr: \"unix:/run/a.sock\" }}]\nupstreams: {{ b: {{ urls: [\"unix:{path}\"] }} }}\n\
             routes: [{{ path: /, upstream: b, auth: public }}]\n"
        );
        let parsed = crate::config::parse(&text, "gateway.yaml", crate::config::Kinds::default(), &machine);
        parsed.map_err(|faults| faults.iter().next().map(|fault| fault.code))
    };
    assert_eq!(leading_to("/run/a.sock").unwrap_err(), Some(Code::UpstreamLoop));
    leading_to("/run/b.sock").unwrap();
}

#[test]
fn what_is_trusted_too_widely_is_warned_of() {
    let machine = Given::nothing();
    let trusted = |networks: &str| {
        taken(
            &machine,
            &format!("listen: [{{ addr: \"127.0.0.1:1\", trusted_proxies: {networks} }}]"),
        )
        .1
    };
    assert_eq!(trusted("[0.0.0.0/0]"), [Code::TrustWide]);
    assert_eq!(trusted("[\"::/0\"]"), [Code::TrustWide]);
    assert_eq!(trusted("[10.0.0.0/8]"), []);
    let underscored = |names: &str| {
        refused(
            &machine,
            &format!("listen: [{{ addr: \"127.0.0.1:1\", underscore_headers: {names} }}]"),
        )
    };
    assert_eq!(underscored("[X-Plain]"), [(2, 54, Code::ValueHeader)]);
    assert_eq!(underscored("[X_Auth_Subject]"), [(2, 54, Code::HeaderReserved)]);
    assert_eq!(underscored("[Content_Length]"), [(2, 54, Code::HeaderReserved)]);
}

#[test]
fn a_target_fits_into_its_head() {
    let machine = Given::nothing();
    let sizes = |sizes: &str| format!("{LISTEN}\nsizes: {{ {sizes} }}");
    assert_eq!(refused(&machine, &sizes("target: 33KiB")), [(3, 18, Code::ValueRange)]);
    assert_eq!(
        refused(&machine, &sizes("head: 8KiB, target: 9KiB")),
        [(3, 30, Code::ValueRange)]
    );
    assert_eq!(refused(&machine, &sizes("head: 7KiB")), [(3, 16, Code::ValueRange)]);
    assert_eq!(refused(&machine, &sizes("headers: 0")), [(3, 19, Code::ValueZero)]);
    assert_eq!(taken(&machine, &sizes("head: 8KiB")).0.sizes.head, 8192);
}

#[test]
fn every_file_that_is_named_is_watched_also_when_it_is_missing() {
    let text =
        "version: 1\nlisten: [{ addr: \"${file:/etc/addr}\" }]\nadmin: { token: \"${file:/run/token}\" }\nroutes: []\n";
    let machine = Given::nothing()
        .with_file("/c.yaml", text)
        .with_file("/etc/addr", "127.0.0.1:8080\n");
    let watched = [Path::new("/c.yaml"), Path::new("/etc/addr"), Path::new("/run/token")];
    let faults = load(Path::new("/c.yaml"), crate::config::Kinds::default(), &machine).unwrap_err();
    assert_eq!(faults.files(), watched);
    insta::assert_snapshot!(faults, @"/c.yaml:3:17: file.unreadable: /run/token cannot be read: entity not found");
    let loaded = load(
        Path::new("/c.yaml"),
        crate::config::Kinds::default(),
        &machine.with_file("/run/token", "0123456789abcdef\n"),
    )
    .unwrap();
    assert_eq!(loaded.files, watched);
    assert_eq!(loaded.config.listen[0].addr.tcp(), "127.0.0.1:8080".parse().ok());
    assert!(loaded.config.admin.token.unwrap().matches(b"0123456789abcdef"));
}

#[test]
fn a_probe_finds_the_admin_listener_in_a_file_that_does_not_load() {
    let machine = Given::nothing()
        .with_file("/c.yaml", "version: 1\nadmin: { addr: \"127.0.0.1:7\" }\nnonsense: 1\n")
        .with_file("/d.yaml", "version: 1\n")
        .with_file("/e.yaml", "admin: { addr: x }");
    let address = |path: &str| crate::config::admin(Path::new(path), &machine).map(|admin| admin.addr);
    assert_eq!(address("/c.yaml").unwrap(), "127.0.0.1:7".parse().unwrap());
    assert_eq!(address("/d.yaml").unwrap(), "127.0.0.1:9901".parse().unwrap());
    assert!(address("/e.yaml").is_err());
    assert!(address("/absent.yaml").is_err());
}
