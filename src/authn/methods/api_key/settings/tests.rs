use super::*;
use crate::authn::methods::api_key::tests::{KINDS, file, hash};
use crate::base::clock::Clock;
use crate::config::{Given, Loaded, parse};

fn loaded(settings: &str, machine: &Given) -> Loaded {
    let text = file(settings);
    parse(&text, "gateway.yaml", KINDS, machine).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// Place and code of every fault; the file is told where it is not the main one.
fn faults(settings: &str, machine: &Given) -> Vec<String> {
    let refused = parse(&file(settings), "gateway.yaml", KINDS, machine).unwrap_err();
    let place = |fault: &crate::config::Fault| format!("{}:{}:{} {}", fault.file, fault.line, fault.col, fault.code);
    refused
        .iter()
        .map(|fault| place(fault).replace("gateway.yaml:", ""))
        .collect()
}

#[test]
fn a_place_says_where_the_key_stands() {
    let read = |from: &str| {
        let settings = format!("{{ from: {from}, keys: [{{ id: a, hash: \"{}\" }}] }}", hash("x"));
        let loaded = loaded(&settings, &Given::nothing());
        let warnings: Vec<_> = loaded.warnings.iter().map(|warning| warning.code).collect();
        (loaded.config.auth.first().unwrap().plan.reads().to_vec(), warnings)
    };
    let header = Reads::whole(Place::Header(http::HeaderName::from_static("x-key")));
    assert_eq!(read("[\"header:X-Key\"]"), (vec![header.clone()], vec![]));
    let query = Reads::whole(Place::Query("key".into()));
    assert_eq!(
        read("[\"header:X-Key\", \"query:key\"]"),
        (vec![header, query], vec![Code::CredentialExposed])
    );
    let bearer = Reads::share(Place::Bearer, Share::Rest);
    assert_eq!(read("[bearer]"), (vec![bearer], vec![]));
}

#[test]
fn a_limit_that_is_not_enforced_is_warned_of_once_and_at_its_place() {
    let key = |id: &str, more: &str| format!("{{ id: {id}, hash: \"{}\"{more} }}", hash(id));
    let warnings = |keys: &[String]| -> Vec<_> {
        let loaded = loaded(&format!("{{ keys: [{}] }}", keys.join(", ")), &Given::nothing());
        let place = |warning: &crate::config::Warning| (warning.line, warning.col, warning.code);
        loaded.warnings.iter().map(place).collect()
    };
    let (plain, first, second) = (key("a", ""), key("b", ", limit: 50/s"), key("c", ", limit: 1/d"));
    assert_eq!(warnings(std::slice::from_ref(&plain)), []);
    let told = warnings(&[plain.clone(), first.clone(), second]);
    let text = file(&format!("{{ keys: [{plain}, {first}"));
    let line = text.lines().find(|line| line.contains("50/s")).unwrap();
    let column = line.find("50/s").unwrap() + 1;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].1 as usize, told[0].2), (column, Code::KeyLater));
}

#[test]
#[doc = "CF-01"]
fn every_fault_of_the_settings_is_told_at_its_place() {
    let nothing = Given::nothing();
    let good = hash("x");
    assert_eq!(faults("{}", &nothing), ["2:26 value.empty"]);
    assert_eq!(faults("{ keys: [] }", &nothing), ["2:26 value.empty"]);
    assert_eq!(faults("{ store: true }", &nothing), ["2:15 store.missing"]);
    assert_eq!(
        faults("{ keyz: [] }", &nothing),
        ["2:26 value.empty", "2:28 key.unknown"]
    );
    for (key, expected) in [
        ("{ id: a }", "key.missing"),
        ("{ hash: \"sha256:00\", id: a }", "value.hash"),
        ("{ hash: pk_abcdefghij01_secret, id: a }", "value.hash"),
        (&format!("{{ id: \"\", hash: \"{good}\" }}"), "value.empty"),
        (&format!("{{ id: \"a\\nb\", hash: \"{good}\" }}"), "name.invalid"),
        (&format!("{{ id: a, hash: \"{good}\", expires: soon }}"), "value.date"),
        (&format!("{{ id: a, hash: \"{good}\", networks: [] }}"), "value.empty"),
        (
            &format!("{{ id: a, hash: \"{good}\", networks: [10.0.0.1/8] }}"),
            "value.network",
        ),
        (&format!("{{ id: a, hash: \"{good}\", limit: 0/s }}"), "value.zero"),
        (&format!("{{ id: a, hash: \"{good}\", roles: svc }}"), "value.type"),
        (&format!("{{ id: a, hash: \"{good}\", key: x }}"), "key.unknown"),
    ] {
        let told = faults(&format!("{{ keys: [{key}] }}"), &nothing);
        assert_eq!(told.len(), 1, "{key}: {told:?}");
        assert!(told[0].ends_with(expected), "{key}: {told:?}");
    }
    let two = |one: &str, other: &str| faults(&format!("{{ keys: [{one}, {other}] }}"), &nothing);
    let same_id = two(
        &format!("{{ id: a, hash: \"{good}\" }}"),
        &format!("{{ id: a, hash: \"{}\" }}", hash("y")),
    );
    assert!(same_id[0].ends_with("name.duplicate"), "{same_id:?}");
    let same_key = two(
        &format!("{{ id: a, hash: \"{good}\" }}"),
        &format!("{{ id: b, hash: \"{good}\" }}"),
    );
    assert!(same_key[0].ends_with("name.duplicate"), "{same_key:?}");
    for (from, expected) in [
        ("[]", "value.empty"),
        ("[\"cookie:k\"]", "value.place"),
        ("[bearer, bearer]", "key.conflict"),
    ] {
        let told = faults(
            &format!("{{ from: {from}, keys: [{{ id: a, hash: \"{good}\" }}] }}"),
            &nothing,
        );
        assert!(told.len() == 1 && told[0].ends_with(expected), "{from}: {told:?}");
    }
}

#[test]
#[doc = "CF-01"]
fn a_file_of_keys_has_its_own_faults_and_is_watched() {
    let machine = |content: &str| Given::nothing().with_file("/keys.yaml", content);
    let settings = "{ keys_file: /keys.yaml }";
    let good = format!(
        "- {{ id: a, hash: \"{}\" }}\n- id: b\n  hash: \"{}\"\n  roles: [svc]\n",
        hash("x"),
        hash("y")
    );
    let loaded = loaded(settings, &machine(&good));
    assert!(loaded.files.iter().any(|file| file.ends_with("keys.yaml")));
    let digest = |content: &str| self::loaded(settings, &machine(content)).config.auth[0].digest;
    assert_ne!(digest(&good), digest(&good.replace("svc", "ops")));

    assert_eq!(faults(settings, &Given::nothing()), ["2:39 file.unreadable"]);
    assert_eq!(
        faults(settings, &machine("- id: a\n- { id: a, hash: x, rolls: [] }\n")),
        [
            "/keys.yaml:1:3 key.missing",
            "/keys.yaml:2:9 name.duplicate",
            "/keys.yaml:2:18 value.hash",
            "/keys.yaml:2:21 key.unknown"
        ]
    );
    assert_eq!(faults(settings, &machine("- [")), ["/keys.yaml:1:3 yaml.syntax"]);
    assert_eq!(faults(settings, &machine("keys: []")), ["/keys.yaml:1:1 value.type"]);
    assert_eq!(
        faults(settings, &Given::nothing().with_file("/keys.yaml", [0xff])),
        ["/keys.yaml:1:1 file.encoding"]
    );
    let both = format!(
        "{{ keys_file: /keys.yaml, keys: [{{ id: a, hash: \"{}\" }}] }}",
        hash("z")
    );
    assert_eq!(faults(&both, &machine(&good)), ["/keys.yaml:1:9 name.duplicate"]);
    // A fault of the key's file hides none of the main one.
    let mixed = "{ keys_file: /keys.yaml, from: [nowhere] }";
    assert_eq!(
        faults(mixed, &machine("- [")),
        ["2:58 value.place", "/keys.yaml:1:3 yaml.syntax"]
    );
}

/// A load of ten thousand keys takes a fraction of a second where the compiler optimises; here it must only not get worse
/// with their number.
#[test]
fn ten_thousand_keys_load_as_fast_as_a_thousand_each() {
    let line = |number: u32| {
        let hash = hash(&format!("key {number}"));
        let rest = "roles: [svc], expires: 2027-01-01, networks: [10.0.0.0/8], limit: 50/s";
        format!("- {{ id: key-{number}, hash: \"{hash}\", {rest} }}\n")
    };
    let clock = Clock::system();
    let each = |count: u32| {
        let content: String = (0..count).map(line).collect();
        let machine = Given::nothing().with_file("/keys.yaml", content);
        let before = clock.now();
        assert_eq!(loaded("{ keys_file: /keys.yaml }", &machine).config.auth.len(), 1);
        clock.now().since(before) / count
    };
    let (few, many) = (each(1000), each(10_000));
    assert!(
        many < few * 3,
        "{few:?} each of a thousand, {many:?} each of ten thousand"
    );
}
