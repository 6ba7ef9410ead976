//! The configurations that are shipped load, show every key there is, and the generated pages are in step with the code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::config::spec::ListenSpec;
use portcullis::config::{self, Code, Config, Given};
use serde_json::Value;

/// Where the manifests mount the token of the admin listener.
const ADMIN_TOKEN: &str = "/run/secrets/portcullis/admin-token";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_shipped_configuration_loads_without_a_warning() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("config")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            let loaded = config::parse(
                &text,
                &path.display().to_string(),
                portcullis::authn::KINDS,
                &Given::nothing(),
            );
            let loaded = loaded.unwrap_or_else(|faults| panic!("{faults}"));
            assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
            seen += 1;
        }
    }
    assert!(
        seen >= 2,
        "only {seen} configurations found: the check looks in the wrong place"
    );
}

#[test]
fn the_quickstart_stays_on_this_machine() {
    let text = read("config/quickstart.yaml");
    let config = config::parse(&text, "quickstart.yaml", portcullis::authn::KINDS, &Given::nothing())
        .unwrap()
        .config;
    let loopback = |listener: &ListenSpec| listener.addr.tcp().is_some_and(|addr| addr.ip().is_loopback());
    assert!(config.listen.iter().all(loopback));
    assert!(config.admin.addr.ip().is_loopback());
}

#[test]
fn the_configurations_of_the_kubernetes_manifests_load() {
    for manifest in ["deploy/kubernetes/deployment.yaml", "deploy/kubernetes/sidecar.yaml"] {
        let text = read(manifest);
        let (config, warnings) = loaded(&embedded(&text), manifest);
        // The kubelet asks from outside the pod; the token that this takes is the one the manifest mounts.
        assert_eq!(warnings, [Code::AdminExposed], "{manifest}");
        assert!(config.admin.token.is_some(), "{manifest}");
        let (folder, file) = ADMIN_TOKEN.rsplit_once('/').unwrap();
        for wanted in [
            format!("mountPath: {folder},"),
            format!("path: {file} }}"),
            "mountPath: /etc/portcullis,".to_owned(),
        ] {
            assert!(text.contains(&wanted), "{manifest} does not say `{wanted}`");
        }
        let ports = config.listen.iter().map(|listener| listener.addr.tcp().unwrap().port());
        for port in ports.chain([config.admin.addr.port()]) {
            let wanted = format!("containerPort: {port} }}");
            assert!(text.contains(&wanted), "{manifest} does not say `{wanted}`");
        }
    }
}

#[test]
fn the_configuration_of_the_compose_file_loads_without_a_warning() {
    let (config, warnings) = loaded(
        &read("deploy/compose/portcullis.yaml"),
        "deploy/compose/portcullis.yaml",
    );
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(config.admin.addr.ip().is_loopback());
    let port = config.listen.first().unwrap().addr.tcp().unwrap().port();
    assert!(read("deploy/compose.yaml").contains(&format!(":{port}\"]")));
}

#[test]
fn the_sidecar_of_the_manifest_is_the_one_of_the_example() {
    let rules = |text: &str| -> Vec<String> {
        let said = |line: &&str| !line.is_empty() && !line.starts_with('#') && !line.starts_with("admin:");
        text.lines().filter(said).map(str::to_owned).collect()
    };
    let example = rules(&read("config/sidecar.yaml"));
    assert!(example.len() > 10, "only {example:?} read");
    assert_eq!(rules(&embedded(&read("deploy/kubernetes/sidecar.yaml"))), example);
}

#[test]
fn whoever_stops_the_gateway_waits_longer_than_it_drains() {
    let unit = "deploy/systemd/portcullis.service";
    let compose = "deploy/compose.yaml";
    let quickest = "version: 1\nlisten: [{ addr: \"127.0.0.1:0\" }]\nroutes: []";
    let defaults = loaded(quickest, "defaults").0;
    for (file, key, config) in [
        (unit, "TimeoutStopSec=", defaults),
        (
            compose,
            "stop_grace_period: ",
            loaded(&read("deploy/compose/portcullis.yaml"), compose).0,
        ),
        manifest("deploy/kubernetes/deployment.yaml"),
        manifest("deploy/kubernetes/sidecar.yaml"),
    ] {
        let patience = number_after(&read(file), key);
        let drain = config.drain.delay + config.drain.timeout;
        assert!(
            patience > drain.as_secs(),
            "{file}: {patience} s for a drain of {drain:?}"
        );
    }
}

fn manifest(path: &'static str) -> (&'static str, &'static str, Config) {
    let config = loaded(&embedded(&read(path)), path).0;
    (path, "terminationGracePeriodSeconds: ", config)
}

/// The number that stands behind `key`, which stands once.
fn number_after(text: &str, key: &str) -> u64 {
    let [_, rest] = text.split(key).collect::<Vec<_>>().try_into().unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// The configuration inside a ConfigMap: the block under `portcullis.yaml: |`, without its indentation.
fn embedded(manifest: &str) -> String {
    const KEY: &str = "  portcullis.yaml: |\n";
    let [_, rest] = manifest.split(KEY).collect::<Vec<_>>().try_into().unwrap();
    let block = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    block
        .map(|line| format!("{}\n", line.get(4..).unwrap_or_default()))
        .collect()
}

fn loaded(text: &str, name: &str) -> (Config, Vec<Code>) {
    let given = Given::nothing().with_file(ADMIN_TOKEN, "0123456789abcdef0123456789abcdef");
    let loaded =
        config::parse(text, name, portcullis::authn::KINDS, &given).unwrap_or_else(|faults| panic!("{faults}"));
    let codes = loaded.warnings.iter().map(|warning| warning.code).collect();
    (loaded.config, codes)
}

#[test]
fn the_example_shows_every_key() {
    let example = read("config/gateway.example.yaml");
    let schema: Value = serde_json::from_str(&config::schema(portcullis::authn::KINDS)).unwrap();
    let definitions = schema["definitions"].as_object().unwrap();
    let keys: BTreeSet<&String> = definitions
        .values()
        .filter_map(|definition| definition["properties"].as_object())
        .flat_map(|p| p.keys())
        .collect();
    assert!(keys.len() > 40, "only {keys:?} found: the check reads nothing");
    let missing: Vec<_> = keys.into_iter().filter(|key| !shows(&example, key)).collect();
    assert!(
        missing.is_empty(),
        "config/gateway.example.yaml does not show {missing:?}"
    );
}

/// Whether `key:` stands in the text as a whole word.
fn shows(text: &str, key: &str) -> bool {
    let wanted = format!("{key}:");
    text.match_indices(&wanted).any(|(at, _)| {
        text[..at]
            .chars()
            .next_back()
            .is_none_or(|before| matches!(before, ' ' | '{' | '\n'))
    })
}

#[test]
fn the_schema_is_in_step() {
    assert!(
        read("config/schema.json") == config::schema(portcullis::authn::KINDS),
        "config/schema.json is out of step: run `make schema`"
    );
}

#[test]
fn the_reference_page_is_in_step() {
    let page = read("docs/configuration.md");
    assert!(
        page == config::reference(portcullis::authn::KINDS),
        "docs/configuration.md is out of step: run `make schema`"
    );
}

#[test]
fn every_definition_of_the_schema_exists_and_is_used() {
    let text = config::schema(portcullis::authn::KINDS);
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut used = BTreeSet::new();
    references(&schema, &mut used);
    let defined: BTreeSet<String> = schema["definitions"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(used, defined);
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get("$ref") {
                found.insert(target.strip_prefix("#/definitions/").unwrap().to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}
