//! `outbound:`, and the certificates it names.

use crate::config::Kinds;
use std::path::Path;
use std::time::Duration;

use super::machine::{LISTEN, refused, taken};
use super::*;

fn certificate(name: &str) -> String {
    rcgen::generate_simple_self_signed([name.to_owned()])
        .unwrap()
        .cert
        .pem()
}

fn outbound(settings: &str) -> String {
    format!("{LISTEN}\noutbound: {{ {settings} }}")
}

#[test]
#[doc = "KEY-01"]
fn who_writes_nothing_gets_five_seconds_and_no_exception() {
    let spec = taken(&Given::nothing(), LISTEN).0.outbound;
    assert_eq!((spec.timeout, spec.ca.len()), (Duration::from_secs(5), 0));
    assert!(spec.allow_plaintext_hosts.is_empty() && spec.allow_private_hosts.is_empty());
    assert_eq!(&*spec.keep, Path::new("data/keys"));
}

#[test]
fn what_is_written_arrives() {
    let machine = Given::nothing().with_file("/tls/ca.pem", certificate("a.example") + &certificate("b.example"));
    let settings = "ca: /tls/ca.pem, timeout: 2s, allow_plaintext_hosts: [Keycloak.Internal., \"[FD00:0::1]\"], \
                    allow_private_hosts: [10.0.0.1], keep: /var/lib/keys";
    let spec = taken(&machine, &outbound(settings)).0.outbound;
    assert_eq!((spec.timeout, spec.ca.len()), (Duration::from_secs(2), 2));
    assert_eq!(
        spec.allow_plaintext_hosts,
        ["keycloak.internal".into(), "[fd00::1]".into()]
    );
    assert_eq!(spec.allow_private_hosts, ["10.0.0.1".into()]);
    assert_eq!(&*spec.keep, Path::new("/var/lib/keys"));
}

#[test]
#[doc = "CF-04"]
fn authorities_that_are_missing_empty_or_broken_are_a_fault() {
    let good = certificate("a.example");
    let lines: Vec<&str> = good.lines().collect();
    let machine = Given::nothing()
        .with_file("/empty", "")
        .with_file("/text", "no certificate\n")
        .with_file("/cut", lines[..lines.len() - 1].join("\n"))
        .with_file(
            "/broken",
            format!("{good}{}\nAAAA\n{}\n", lines[0], lines[lines.len() - 1]),
        )
        .with_file("/large", vec![b' '; 4 * 1024 * 1024 + 1]);
    for (path, code) in [
        ("/absent", Code::FileUnreadable),
        ("/empty", Code::FileCertificates),
        ("/text", Code::FileCertificates),
        ("/cut", Code::FileCertificates),
        ("/broken", Code::FileCertificates),
        ("/large", Code::FileTooLarge),
    ] {
        assert_eq!(
            refused(&machine, &outbound(&format!("ca: {path}"))),
            [(3, 17, code)],
            "{path}"
        );
    }
}

#[test]
fn the_file_of_the_authorities_is_watched() {
    let text = format!(
        "version: 1\n{LISTEN}\noutbound: {{ ca: /tls/ca.pem }}\nupstreams: {{ a: {{ builtin: echo }} }}\nroutes: [{{ path: /, upstream: a, auth: public }}]\n"
    );
    let machine = Given::nothing()
        .with_file("/c.yaml", text)
        .with_file("/tls/ca.pem", certificate("a.example"));
    let loaded = crate::config::load(Path::new("/c.yaml"), Kinds::default(), &machine).unwrap();
    assert_eq!(loaded.files, [Path::new("/c.yaml"), Path::new("/tls/ca.pem")]);
}

#[test]
#[doc = "CF-01"]
fn exceptions_name_whole_hosts_and_times_have_bounds() {
    let machine = Given::nothing();
    for (settings, code) in [
        ("allow_plaintext_hosts: [\"*.internal\"]", Code::ValueHost),
        ("allow_private_hosts: [\"*\"]", Code::ValueHost),
        ("allow_private_hosts: [\"a:80\"]", Code::ValueHost),
        ("allow_private_hosts: [10.0.0.0/8]", Code::ValueHost),
        ("allow_private_hosts: all", Code::ValueType),
        ("timeout: 0s", Code::ValueZero),
        ("timeout: 99ms", Code::ValueRange),
        ("timeout: 61s", Code::ValueRange),
        ("timeout: 5", Code::ValueDuration),
        ("keep: \"\"", Code::ValueEmpty),
        ("proxy: x", Code::KeyUnknown),
    ] {
        let found: Vec<Code> = refused(&machine, &outbound(settings))
            .into_iter()
            .map(|(.., code)| code)
            .collect();
        assert_eq!(found, [code], "{settings}");
    }
}
