//! The rules of the tree. Each takes one file and gives the lines that break it, as sentences; none knows where the
//! files come from.

use crate::source::{Path, Source};

/// Imports point one way: a folder may use any folder to its right and none to its left.
pub const ORDER: &[&str] = &[
    "cli",
    "app",
    "listen",
    "endpoints",
    "pipeline",
    "forward",
    "authz",
    "authn",
    "admission",
    "route",
    "request",
    "upstream",
    "identity",
    "outbound",
    "storage",
    "telemetry",
    "problem",
    "config",
    "base",
];

/// Files about one thing that is long: a table, a list. Everything else is split before it gets here.
const LONG_LISTS: &[&str] = &[];

const LONGEST: usize = 500;

/// Files that may start a task on the worker's own thread.
const MAY_SPAWN_LOCAL: &[&str] = &[
    "src/listen/listener.rs",
    // Each stream is answered for itself.
    "src/listen/http2/mod.rs",
    "src/app/worker.rs",
    // A connection that many requests share belongs to none of their tasks.
    "src/upstream/http2/connection.rs",
];

pub type Rule = fn(&Source) -> Vec<String>;

/// Every rule by the name a failure is reported under.
pub const RULES: &[(&str, Rule)] = &[
    ("imports point one way", imports_point_one_way),
    ("the binary only calls cli", binary_only_calls_cli),
    (
        "hyper-util's ready-made parts stay off the data path",
        no_ready_made_client_or_server,
    ),
    ("local tasks start in one place", local_tasks_start_in_one_place),
    ("only config reads the environment", only_config_reads_environment),
    ("no unsafe", no_unsafe),
    ("no test is skipped", no_ignored_test),
    ("nothing is left for later", nothing_left_for_later),
    ("a file is about one thing", file_is_short),
    ("a file says what it is", file_has_module_doc),
    ("a file holds code", file_holds_code),
];

/// What `source` breaks, as `path:line: sentence`.
pub fn faults(source: &Source) -> Vec<String> {
    RULES
        .iter()
        .flat_map(|(name, rule)| rule(source).into_iter().map(move |fault| format!("{fault} [{name}]")))
        .collect()
}

fn at(source: &Source, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", source.path)
}

fn in_library(source: &Source) -> bool {
    source.path.starts_with("src/") && source.path != "src/main.rs"
}

fn rank(folder: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == folder)
}

pub fn imports_point_one_way(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some(folder) = module.first().filter(|_| in_library(source)) else {
        return Vec::new();
    };
    let Some(here) = rank(folder) else {
        return vec![at(source, 1, &format!("`{folder}` has no place in the import order"))];
    };
    let renamed = source.lines_with(&["crate", "as"]).into_iter();
    let mut faults: Vec<String> = renamed
        .map(|line| at(source, line, "the crate root gets no other name"))
        .collect();
    for path in source.paths() {
        let Some(absolute) = absolute(&module, &path) else {
            continue;
        };
        let fault = match absolute.first().map(String::as_str) {
            None | Some("*" | "self") => "takes the whole crate root: name the folder".to_owned(),
            Some(target) => match rank(target) {
                Some(there) if there >= here => continue,
                Some(_) => format!("`{folder}` must not know `{target}`: it stands to its left"),
                None => format!("`{target}` has no place in the import order"),
            },
        };
        faults.push(at(source, path.line, &fault));
    }
    faults
}

/// Where a path of this crate leads, from the root; nothing for paths that start elsewhere.
fn absolute(module: &[String], path: &Path) -> Option<Vec<String>> {
    let segments = path.segments.iter().skip_while(|segment| *segment == "use");
    let mut segments = segments.map(String::as_str).peekable();
    let mut base: Vec<String> = match *segments.peek()? {
        "crate" | "portcullis" => {
            segments.next();
            Vec::new()
        }
        "self" | "super" => module.iter().chain(&path.within).cloned().collect(),
        _ => return None,
    };
    while let Some(step) = segments.next_if(|segment| matches!(*segment, "self" | "super")) {
        if step == "super" {
            base.pop();
        }
    }
    base.extend(segments.map(str::to_owned));
    Some(base)
}

pub fn binary_only_calls_cli(source: &Source) -> Vec<String> {
    if source.path != "src/main.rs" {
        return Vec::new();
    }
    let climbs = |path: &Path| match path.segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["portcullis", "cli", ..] => false,
        ["portcullis" | "crate", ..] => true,
        _ => false,
    };
    let paths = source.paths();
    let broken = paths.iter().filter(|path| climbs(path));
    broken
        .map(|path| {
            at(
                source,
                path.line,
                "the binary is a call of `portcullis::cli` and nothing else",
            )
        })
        .collect()
}

/// The legacy client hides which target answered and keeps one lock for all; the auto server has no timeout before the
/// first byte.
pub fn no_ready_made_client_or_server(source: &Source) -> Vec<String> {
    let outbound = source.path.starts_with("src/outbound/");
    let mut faults = Vec::new();
    for path in source.paths() {
        let names = |word: &str| path.segments.iter().any(|segment| segment == word);
        if !names("hyper_util") {
            continue;
        }
        if names("legacy") && !outbound {
            faults.push(at(
                source,
                path.line,
                "hyper-util's legacy client belongs to `outbound`",
            ));
        }
        if names("auto") {
            faults.push(at(source, path.line, "`auto::Builder` waits for ever for a first byte"));
        }
        if path.segments.last().is_some_and(|last| last == "*") {
            faults.push(at(source, path.line, "name what you take from hyper-util"));
        }
    }
    faults
}

pub fn local_tasks_start_in_one_place(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/") || MAY_SPAWN_LOCAL.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let lines = source.lines_with(&["spawn_local"]).into_iter();
    lines
        .map(|line| {
            at(
                source,
                line,
                &format!("`spawn_local` outside {}", MAY_SPAWN_LOCAL.join(" and ")),
            )
        })
        .collect()
}

pub fn only_config_reads_environment(source: &Source) -> Vec<String> {
    if !in_library(source) || source.path.starts_with("src/config/") {
        return Vec::new();
    }
    let reads = |path: &&Path| {
        let mut pairs = path.segments.windows(2);
        pairs.any(|pair| matches!(pair, [env, what] if env == "env" && (what.starts_with("var") || what == "*")))
    };
    let mut lines: Vec<usize> = source.paths().iter().filter(reads).map(|path| path.line).collect();
    lines.extend(source.lines_with(&["env", "as"]));
    lines
        .into_iter()
        .map(|line| at(source, line, "only `config` reads the environment"))
        .collect()
}

pub fn no_unsafe(source: &Source) -> Vec<String> {
    // The one audited file: an allocator is called through an unsafe trait.
    if source.path == "src/base/allocator.rs" {
        return Vec::new();
    }
    source
        .lines_with(&["unsafe"])
        .into_iter()
        .map(|line| at(source, line, "`unsafe`"))
        .collect()
}

pub fn no_ignored_test(source: &Source) -> Vec<String> {
    let plain = source.lines_with(&["#", "[", "ignore"]).into_iter();
    let conditional = source.lines_with(&["cfg_attr"]).into_iter().filter(|line| {
        source
            .tokens
            .iter()
            .any(|token| token.line == *line && token.text == "ignore")
    });
    plain
        .chain(conditional)
        .map(|line| at(source, line, "a test that does not run proves nothing"))
        .collect()
}

pub fn nothing_left_for_later(source: &Source) -> Vec<String> {
    let words = ["todo", "unimplemented", "dbg"];
    let found = words.iter().flat_map(|word| {
        source
            .lines_with(&[word, "!"])
            .into_iter()
            .map(move |line| (line, word))
    });
    found
        .map(|(line, word)| at(source, line, &format!("`{word}!`")))
        .collect()
}

pub fn file_is_short(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= LONGEST || LONG_LISTS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    vec![at(
        source,
        lines,
        &format!("{lines} lines: which two things is it about?"),
    )]
}

pub fn file_has_module_doc(source: &Source) -> Vec<String> {
    // The unit tests of `policy.rs` in `policy/tests.rs` are part of it, and it has said what it is.
    if source.path.starts_with("src/") && source.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let first = source
        .text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    if first.is_some_and(|line| line.starts_with("//!") && line.len() > "//! ".len()) {
        return Vec::new();
    }
    vec![at(
        source,
        1,
        "starts without a module doc: what comes in, what goes out, what it refuses to know",
    )]
}

/// A module that only announces itself is a folder for the future.
pub fn file_holds_code(source: &Source) -> Vec<String> {
    if source.tokens.is_empty() {
        vec![at(source, 1, "holds no code: leave it out until it does")]
    } else {
        Vec::new()
    }
}
