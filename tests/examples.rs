//! The configurations that are shipped load, show every key there is, and the generated pages are in step with the code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::config::{self, Given};
use serde_json::Value;

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
            let loaded = config::parse(&text, &path.display().to_string(), &Given::nothing());
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
    let config = config::parse(&text, "quickstart.yaml", &Given::nothing())
        .unwrap()
        .config;
    assert!(config.listen.iter().all(|listener| listener.addr.ip().is_loopback()));
    assert!(config.admin.addr.ip().is_loopback());
}

#[test]
fn the_example_shows_every_key() {
    let example = read("config/gateway.example.yaml");
    let schema: Value = serde_json::from_str(&config::schema()).unwrap();
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
        read("config/schema.json") == config::schema(),
        "config/schema.json is out of step: run `make schema`"
    );
}

#[test]
fn the_reference_page_is_in_step() {
    let page = read("docs/configuration.md");
    assert!(
        page == config::reference(),
        "docs/configuration.md is out of step: run `make schema`"
    );
}

#[test]
fn every_definition_of_the_schema_exists_and_is_used() {
    let text = config::schema();
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
