//! `docs/security.md` against the sources: every requirement has a proof or says what it waits for, every proof it names
//! is a test that carries the id, and every test that carries an id is named.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a check ends at the first file it cannot read"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/security.md";

/// A requirement's id.
type Id = String;
/// Where a test stands: `it::framing::heads::name`.
type Test = String;

#[test]
fn every_requirement_has_a_proof_or_says_what_it_waits_for() {
    for (id, cell) in rows() {
        let named = !listed(&cell).is_empty();
        assert!(
            named || cell.contains("*waits for "),
            "{id} is neither proven nor waiting: {cell:?}"
        );
        let expected = if named { "*the rest waits for " } else { "*waits for " };
        assert!(!cell.contains('*') || cell.contains(expected), "{id}: {cell:?}");
    }
}

#[test]
fn the_page_names_exactly_the_tests_that_carry_an_id() {
    let carried = carried();
    let rows = rows();
    let mut wrong = Vec::new();
    for (id, cell) in &rows {
        let (listed, carried) = (listed(cell), carried.get(id).cloned().unwrap_or_default());
        wrong.extend(
            listed
                .difference(&carried)
                .map(|test| format!("{id}: no test `{test}` carries this id")),
        );
        wrong.extend(
            carried
                .difference(&listed)
                .map(|test| format!("{id}: `{test}` is not named")),
        );
    }
    let unknown = carried.keys().filter(|id| !rows.contains_key(*id));
    wrong.extend(unknown.map(|id| format!("{id}: no such requirement on the page")));
    // What `make security` takes over.
    let page: Vec<String> = read(Path::new(PAGE))
        .lines()
        .map(|line| row_of(line, &carried))
        .collect();
    fs::write(
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("security.md"),
        page.join("\n") + "\n",
    )
    .unwrap();
    assert!(
        wrong.is_empty(),
        "run `make security`, or correct docs/security.md:\n{}",
        wrong.join("\n")
    );
}

/// A line of the page with the tests that carry its id, and everything else as it is.
fn row_of(line: &str, carried: &BTreeMap<Id, BTreeSet<Test>>) -> String {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, id, what, proof, _] = cells[..] else {
        return line.to_owned();
    };
    let Some(tests) = carried.get(id) else {
        return line.to_owned();
    };
    let mut entries: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
    entries.extend(
        proof
            .split("<br>")
            .filter(|entry| entry.starts_with("*the rest"))
            .map(str::to_owned),
    );
    format!("| {id} | {what} | {} |", entries.join("<br>"))
}

#[test]
fn this_check_sees_tests_where_they_are() {
    let source = "#[test]\n#[doc = \"A-01, B-02\"]\nfn free() {}\nmod tests {\n    #[test]\n    #[doc = \"A-01\"]\n    \
                  fn inner() {}\n    #[doc = \"A-01\"]\n    fn no_test() {}\n}\n";
    let found: Vec<(Id, Test)> = tests_of("here", source).into_iter().collect();
    let wanted = [
        ("A-01", "here::free"),
        ("A-01", "here::tests::inner"),
        ("B-02", "here::free"),
    ];
    assert_eq!(found, wanted.map(|(id, test)| (id.to_owned(), test.to_owned())));
    assert_eq!(module(Path::new("tests/it/framing/mod.rs")), "it::framing");
    assert_eq!(module(Path::new("tests/it/main.rs")), "it");
    assert_eq!(module(Path::new("src/request/path/tests.rs")), "request::path::tests");
}

#[test]
#[doc = "VR-01"]
fn the_manifest_denies_what_must_not_be() {
    let manifest = read(Path::new("Cargo.toml"));
    for line in ["unsafe_code = \"deny\"", "overflow-checks = true"] {
        assert!(manifest.contains(line), "`{line}` is gone from Cargo.toml");
    }
    // `make clippy` denies warnings.
    for lint in [
        "unwrap_used",
        "panic",
        "indexing_slicing",
        "disallowed_methods",
        "allow_attributes_without_reason",
    ] {
        assert!(
            manifest.contains(&format!("{lint} = \"warn\"")),
            "`{lint}` is gone from Cargo.toml"
        );
    }
    let makefile = read(Path::new("Makefile"));
    assert!(
        makefile.contains("clippy --locked --all-targets -- -D warnings"),
        "clippy's warnings are not denied"
    );
    // The allocator cannot be written without; everything else can.
    let audited = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/base/allocator.rs");
    for file in files("src").into_iter().filter(|file| *file != audited) {
        let code = read(&file);
        let allowed = ["allow(unsafe_code", "expect(unsafe_code"]
            .iter()
            .any(|word| code.contains(word));
        assert!(!allowed, "`unsafe` in {}", file.display());
    }
}

#[test]
#[doc = "VR-02"]
fn the_locked_libraries_are_new_enough() {
    let lock = read(Path::new("Cargo.lock"));
    let least = [
        ("hyper", [1, 11, 0]),
        ("h2", [0, 4, 18]),
        ("bytes", [1, 11, 1]),
        ("rustls", [0, 23, 18]),
        ("rustls-webpki", [0, 103, 13]),
        ("tracing-subscriber", [0, 3, 20]),
        ("time", [0, 3, 47]),
        ("jsonwebtoken", [11, 0, 0]),
        ("idna", [1, 0, 0]),
    ];
    for (name, least) in least {
        for version in locked(&lock, name) {
            assert!(version >= least.to_vec(), "{name} {version:?} is older than {least:?}");
        }
    }
    assert!(!locked(&lock, "hyper").is_empty(), "the lock file was not understood");
}

fn locked(lock: &str, name: &str) -> Vec<Vec<u32>> {
    let mine = format!("name = \"{name}\"\nversion = \"");
    let versions = lock.split(&mine).skip(1).filter_map(|rest| rest.split('"').next());
    versions
        .map(|version| version.split('.').filter_map(|part| part.parse().ok()).collect())
        .collect()
}

/// The rows of the page: id and right-hand cell.
fn rows() -> BTreeMap<Id, String> {
    let page = read(Path::new(PAGE));
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, _, proof, _] = cells[..] else {
            panic!("not three cells: {line}")
        };
        if id == "id" {
            continue;
        }
        assert!(is_id(id), "{id:?} is no id");
        assert!(
            rows.insert(id.to_owned(), proof.to_owned()).is_none(),
            "{id} stands twice"
        );
    }
    assert!(rows.len() > 100, "only {} requirements", rows.len());
    rows
}

fn listed(cell: &str) -> BTreeSet<Test> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every test that carries an id, by id.
fn carried() -> BTreeMap<Id, BTreeSet<Test>> {
    let mut carried: BTreeMap<Id, BTreeSet<Test>> = BTreeMap::new();
    for file in files("src").into_iter().chain(files("tests")) {
        let relative = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_owned();
        for (id, test) in tests_of(&module(&relative), &read(&relative)) {
            carried.entry(id).or_default().insert(test);
        }
    }
    carried
}

fn tests_of(module: &str, source: &str) -> BTreeSet<(Id, Test)> {
    let mut found = BTreeSet::new();
    let mut inner = "";
    let (mut is_test, mut ids) = (false, Vec::new());
    for line in source.lines() {
        if line.starts_with("mod tests {") {
            inner = "::tests";
        }
        let line = line.trim_start();
        is_test |= line.starts_with("#[test]");
        if let Some(text) = line
            .strip_prefix("#[doc = \"")
            .and_then(|rest| rest.strip_suffix("\"]"))
        {
            ids.extend(text.split(", ").filter(|id| is_id(id)).map(str::to_owned));
        }
        let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) else {
            continue;
        };
        if is_test {
            found.extend(ids.iter().map(|id| (id.clone(), format!("{module}{inner}::{name}"))));
        }
        (is_test, ids) = (false, Vec::new());
    }
    found
}

fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        !area.is_empty()
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The module path of a file below `src` or `tests`.
fn module(file: &Path) -> String {
    let inside: PathBuf = file.with_extension("").components().skip(1).collect();
    let mut parts: Vec<String> = inside
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "main")) {
        parts.pop();
    }
    parts.join("::")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
