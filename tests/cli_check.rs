//! The built binary, asked about configurations: what it prints and which exit code it leaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::process::{Command, Output};

use serde_json::Value;

const FAULTY: &str = "\
version: 1
listen: [{ addr: \"127.0.0.1:0\" }]
listne: []
timeouts: { head: 10 }
upstreams: { orders: { builtin: echo } }
routes:
  - { path: /a, upstream: order, auth: public }
  - { path: \"/b/{x}\", upstream: orders, auth: public }
  - { path: \"/b/*\", upstream: orders, auth: public }
workers: ${env:PORTCULLIS_TEST_MISSING}
";

fn portcullis(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(arguments)
        .env_remove("PORTCULLIS_CONFIG")
        .env_remove("PORTCULLIS_TEST_MISSING");
    command.output().unwrap()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
#[doc = "CF-01"]
fn check_reports_every_fault_at_its_value_and_exits_with_78() {
    let file = file(FAULTY);
    let path = file.path().to_str().unwrap();
    let output = portcullis(&["check", path]);
    assert_eq!(output.status.code(), Some(78));
    let report = out(&output);
    let places: Vec<Vec<&str>> = report
        .lines()
        .filter_map(|line| {
            Some(
                line.strip_prefix(path)?
                    .strip_prefix(':')?
                    .splitn(4, ':')
                    .take(3)
                    .map(str::trim)
                    .collect(),
            )
        })
        .collect();
    let expected = [
        ["3", "1", "key.unknown"],
        ["4", "19", "value.duration"],
        ["7", "27", "name.unknown"],
        ["9", "13", "route.tie"],
        ["10", "10", "env.missing"],
    ];
    assert_eq!(places, expected, "{report}");
    assert!(
        report.ends_with(&format!("{path} does not load (5 faults)\n")),
        "{report}"
    );
}

#[test]
fn check_speaks_json_to_programs() {
    let file = file(FAULTY);
    let output = portcullis(&["check", file.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(output.status.code(), Some(78));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["valid"], false);
    let fault = &report["faults"][1];
    assert_eq!(
        (&fault["line"], &fault["column"], &fault["code"]),
        (&4.into(), &19.into(), &"value.duration".into())
    );
    assert_eq!(report["faults"].as_array().unwrap().len(), 5);
}

#[test]
fn check_of_a_sound_file_succeeds_and_counts_warnings() {
    let file = file(
        "version: 1\nlisten: [{ addr: \"127.0.0.1:0\", trusted_proxies: [0.0.0.0/0] }]\nconnections: { max: 1 }\nroutes: []\n",
    );
    let output = portcullis(&["check", file.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let report = out(&output);
    assert!(report.contains(":2:51: warning: trust.wide: "), "{report}");
    assert!(report.contains(":4:9: warning: route.empty: "), "{report}");
    assert!(report.ends_with("loads (2 warnings)\n"), "{report}");
}

#[test]
fn run_refuses_an_invalid_file_with_78_and_says_why() {
    let file = file(FAULTY);
    for arguments in [&["run", "-c"][..], &["run", "--config"]] {
        let output = portcullis(&[arguments, &[file.path().to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(78));
        let report = String::from_utf8(output.stderr).unwrap();
        assert!(report.contains(":4:19: value.duration: "), "{report}");
    }
    let output = portcullis(&["run", "-c", "/absent/gateway.yaml"]);
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &[][..],
        &["check"],
        &["run"],
        &["health"],
        &["nonsense"],
        &["check", "--format", "xml", "x"],
    ] {
        assert_eq!(portcullis(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn health_of_nobody_is_a_failure() {
    // Bound and closed again: nobody listens there now.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let output = portcullis(&["health", "--url", &format!("http://127.0.0.1:{port}/readyz")]);
    assert_eq!(output.status.code(), Some(1));
    let broken = file("admin: { addr: nowhere }\n");
    let output = portcullis(&["health", "-c", broken.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn help_names_the_commands_that_exist_and_shows_examples() {
    let output = portcullis(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(out(&output), @r"
    The gate in front of your APIs: decides who may come in and forwards only what it has let through

    Usage: portcullis <COMMAND>

    Commands:
      run            Start the gateway
      check          Check a configuration file and report every fault in it
      explain        Tell what would become of a request, and why
      schema         Print the JSON schema of the configuration
      reload         Put the edited file in force, or say why not
      health         Ask a running gateway whether it is well
      key            Make, list and revoke API keys
      token          Look into tokens, and revoke them
      sign           Sign a request; print it as a curl line, or only its fields
      hash-password  Turn a password into the hash that a configuration holds
      version        Print the version
      help           Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Examples:
      portcullis run -c config/quickstart.yaml   start; prints curl lines to paste
      portcullis check gateway.yaml              every fault, with its place and the way out
      portcullis explain -c gateway.yaml GET /orders what would become of it, and why
      portcullis schema > schema.json            editors complete and check with it
      portcullis health -c gateway.yaml          is this file's gateway ready for traffic?
      portcullis reload -c gateway.yaml          put the edited file in force
      portcullis token inspect < token.txt       what a token says
      portcullis key create -c gateway.yaml --owner billing --role svc --expires 90d
      portcullis sign --scheme v1 --key-id acme --secret-file acme.key GET
      https://api.example.com/orders
      portcullis hash-password                   what stands for a password in a file

    Exit codes: 0 ok, 1 failure at run time, 2 wrong usage, 78 invalid configuration.
    ");
    for command in ["run", "check", "schema", "health"] {
        let output = portcullis(&[command, "--help"]);
        assert!(out(&output).contains("\nExamples:\n"), "{command}");
    }
}

#[test]
fn the_version_and_the_schema_are_printed() {
    assert_eq!(
        out(&portcullis(&["version"])),
        concat!("portcullis ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert_eq!(
        out(&portcullis(&["schema"])),
        portcullis::config::schema(portcullis::authn::KINDS)
    );
    assert_eq!(
        out(&portcullis(&["schema", "--docs"])),
        portcullis::config::reference(portcullis::authn::KINDS)
    );
}
