//! The shape of the tree, checked: imports point one way, a few names stay where they belong, files are short and say
//! what they are. The compiler does not watch direction inside one crate; this does.

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use rules::faults;
use source::Source;

/// Where Rust lives, and where a folder without a file would be a promise.
const CODE: &[&str] = &["src", "tests", "benches", "fuzz/fuzz_targets"];
const FOLDERS: &[&str] = &[
    "src",
    "tests",
    "benches",
    "docs",
    "config",
    "scripts",
    ".ci",
    "fuzz/fuzz_targets",
];

#[test]
fn the_tree_keeps_every_rule() {
    let sources: Vec<Source> = CODE
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(read)
        .collect();
    assert!(
        sources.len() > 30,
        "only {} files found: the check looks in the wrong place",
        sources.len()
    );
    let broken: Vec<String> = sources.iter().flat_map(faults).collect();
    assert!(broken.is_empty(), "{} faults:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn no_folder_is_empty() {
    let empty: Vec<PathBuf> = FOLDERS
        .iter()
        .flat_map(|folder| empty_folders(&root().join(folder)))
        .collect();
    assert!(empty.is_empty(), "folders for the future: {empty:?}");
}

#[test]
fn lib_names_the_folders_in_import_order() {
    let library = read(root().join("src/lib.rs"));
    let mut names = library.tokens.iter().map(|token| token.text.as_str());
    let mut found = Vec::new();
    while let Some(word) = names.next() {
        if word == "mod" {
            found.extend(names.next());
        }
    }
    let expected: Vec<&str> = rules::ORDER
        .iter()
        .copied()
        .filter(|name| found.contains(name))
        .collect();
    assert_eq!(found, expected);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).into_iter().flatten();
    let mut entries: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let found = entries(folder).into_iter().flat_map(|path| match path.is_dir() {
        true => rust_files(&path),
        false if path.extension().is_some_and(|extension| extension == "rs") => vec![path],
        false => Vec::new(),
    });
    found.collect()
}

fn empty_folders(folder: &Path) -> Vec<PathBuf> {
    let inside = entries(folder);
    if folder.is_dir() && inside.is_empty() {
        return vec![folder.to_owned()];
    }
    inside
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|path| empty_folders(path))
        .collect()
}

fn read(path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).expect("a source file is UTF-8 text");
    let relative = path.strip_prefix(root()).expect("it was found below the root");
    Source::new(&relative.to_string_lossy().replace('\\', "/"), &text)
}

/// Each rule is seen failing, so that a rule that sees nothing is noticed.
mod the_check_itself {
    use super::rules::{self, Rule};
    use super::source::Source;

    fn broken(rule: Rule, path: &str, text: &str) -> usize {
        rule(&Source::new(path, text)).len()
    }

    #[track_caller]
    fn refuses(rule: Rule, path: &str, texts: &[&str]) {
        for text in texts {
            assert_ne!(broken(rule, path, text), 0, "not noticed in {path}: {text}");
        }
    }

    #[track_caller]
    fn accepts(rule: Rule, path: &str, texts: &[&str]) {
        for text in texts {
            assert_eq!(
                rule(&Source::new(path, text)),
                Vec::<String>::new(),
                "refused in {path}: {text}"
            );
        }
    }

    #[test]
    fn climbing_imports_are_seen_in_every_spelling() {
        let climbing = [
            "use crate::listen::Serve;",
            "use crate::{base::clock::Clock, listen::Serve};",
            "use crate::{base::{clock, id}, pipeline::{self, exit::{Exit}}};",
            "use crate::{\n    base,\n    cli as anything,\n};",
            "fn f() -> crate::listen::Serve { todo() }",
            "fn f(x: &dyn Fn(crate::app::Gateway)) {}",
            "fn f() { let x = Vec::<crate::app::Gateway>::new(); }",
            "macro_rules! m { () => { $crate::app::run() } }",
            "use super::listen::Serve;",
            "use super::{listen, base};",
            "mod tests { use super::super::listen::Serve; }",
            "mod tests { mod deep { fn f() { super::super::super::listen::serve() } } }",
            "use crate::*;",
            "use crate::{self};",
            "use crate as root;",
            "use super::*;",
            "use crate::nowhere::Thing;",
            "use portcullis::listen::Serve;",
        ];
        refuses(rules::imports_point_one_way, "src/route/mod.rs", &climbing);
        refuses(
            rules::imports_point_one_way,
            "src/route/table.rs",
            &["use super::super::listen::Serve;"],
        );
        refuses(
            rules::imports_point_one_way,
            "src/route/table/tree.rs",
            &["use super::super::super::app::run;"],
        );
        refuses(rules::imports_point_one_way, "src/helpers/mod.rs", &["fn f() {}"]);
    }

    #[test]
    fn every_step_up_the_order_is_refused_and_every_step_down_allowed() {
        for (here, folder) in rules::ORDER.iter().enumerate() {
            for (there, target) in rules::ORDER.iter().enumerate() {
                let text = format!("use crate::{target}::Thing;");
                let found = broken(rules::imports_point_one_way, &format!("src/{folder}/mod.rs"), &text);
                assert_eq!(found, usize::from(there < here), "{folder} using {target}");
            }
        }
    }

    #[test]
    fn imports_down_the_order_and_words_that_only_look_like_paths_pass() {
        let fine = [
            "use crate::request::Arrived;",
            "use crate::{base::{clock, id}, request};",
            "mod tests { use super::*; }",
            "mod tests { use super::super::request; }",
            "use self::table::Table; mod table;",
            "// use crate::listen::Serve;",
            "/* crate::app::run() /* nested */ crate::cli */",
            "/// See [`crate::listen`].\nfn f() {}",
            "const TEXT: &str = \"crate::listen\";",
            "const TEXT: &str = r#\"use crate::listen::\"Serve\";\"#;",
            "const QUOTE: char = '\"'; use crate::base::id; const OTHER: char = '\"';",
            "fn f<'listen>(x: &'listen str) {}",
            "pub(crate) struct Table; pub(in crate::route) fn f() {}",
            "use std::{fs, listen::Other};",
        ];
        accepts(rules::imports_point_one_way, "src/route/mod.rs", &fine);
        accepts(
            rules::imports_point_one_way,
            "src/route/table.rs",
            &["use super::matcher::Matcher;", "use super::*;"],
        );
        accepts(
            rules::imports_point_one_way,
            "src/lib.rs",
            &["pub mod cli; pub mod base;"],
        );
    }

    #[test]
    fn the_binary_reaching_past_cli_is_seen() {
        refuses(
            rules::binary_only_calls_cli,
            "src/main.rs",
            &["use portcullis::app;", "fn main() { crate::x::y() }"],
        );
        accepts(
            rules::binary_only_calls_cli,
            "src/main.rs",
            &["fn main() -> std::process::ExitCode { portcullis::cli::main() }"],
        );
    }

    #[test]
    fn ready_made_parts_are_seen_however_they_are_imported() {
        let named = [
            "use hyper_util::client::legacy::Client;",
            "use hyper_util::{client::{legacy::{connect::HttpConnector}}, rt::TokioIo};",
            "type C = ::hyper_util::client::legacy::Client<(), ()>;",
            "use hyper_util::server::conn::auto;",
            "use hyper_util::server::conn::auto::Builder;",
            "use hyper_util::client::*;",
        ];
        refuses(rules::no_ready_made_client_or_server, "src/upstream/client.rs", &named);
        let auto = ["use hyper_util::server::conn::auto::Builder;"];
        refuses(rules::no_ready_made_client_or_server, "src/outbound/mod.rs", &auto);
        let outbound = ["use hyper_util::client::legacy::Client;"];
        accepts(rules::no_ready_made_client_or_server, "src/outbound/mod.rs", &outbound);
        accepts(
            rules::no_ready_made_client_or_server,
            "src/upstream/client.rs",
            &["use hyper::client::conn::http1;"],
        );
    }

    #[test]
    fn local_tasks_elsewhere_are_seen() {
        let text = [
            "fn f() { tokio::task::spawn_local(async {}); }",
            "fn f(set: &LocalSet) { set.spawn_local(async {}); }",
        ];
        refuses(rules::local_tasks_start_in_one_place, "src/forward/mod.rs", &text);
        accepts(rules::local_tasks_start_in_one_place, "src/listen/listener.rs", &text);
    }

    #[test]
    fn reading_the_environment_elsewhere_is_seen() {
        let text = [
            "fn f() { std::env::var(\"X\"); }",
            "fn f() { std::env::vars_os(); }",
            "use std::env::{self, var_os};",
            "use std::env::*;",
            "use std::env as surroundings;",
            "use std::{env::var, fs};",
        ];
        refuses(rules::only_config_reads_environment, "src/app/mod.rs", &text);
        accepts(rules::only_config_reads_environment, "src/config/secrets.rs", &text);
        let fine = [
            "fn f() { std::env::args_os(); }",
            "const V: &str = env!(\"CARGO_PKG_VERSION\");",
        ];
        accepts(rules::only_config_reads_environment, "src/cli/mod.rs", &fine);
    }

    #[test]
    fn unsafe_code_is_seen_and_the_word_in_a_comment_is_not() {
        refuses(
            rules::no_unsafe,
            "src/base/id.rs",
            &["fn f() { unsafe { g() } }", "unsafe impl Send for X {}"],
        );
        accepts(
            rules::no_unsafe,
            "src/base/id.rs",
            &["// unsafe methods\nfn f() {}", "#![deny(unsafe_code)]"],
        );
    }

    #[test]
    fn skipped_tests_are_seen() {
        let skipped = [
            "#[test]\n#[ignore]\nfn f() {}",
            "#[ignore = \"slow\"]",
            "#[cfg_attr(windows, ignore)]",
        ];
        refuses(rules::no_ignored_test, "tests/it/main.rs", &skipped);
        accepts(
            rules::no_ignored_test,
            "tests/it/main.rs",
            &["fn ignore() {}", "// #[ignore]"],
        );
    }

    #[test]
    fn what_was_left_for_later_is_seen() {
        let later = [
            "fn f() { todo!() }",
            "fn f() { unimplemented!(\"x\") }",
            "fn f() { dbg!(1); }",
        ];
        refuses(rules::nothing_left_for_later, "src/base/id.rs", &later);
        accepts(
            rules::nothing_left_for_later,
            "src/base/id.rs",
            &["fn todo() {}", "const X: &str = \"todo!()\";"],
        );
    }

    #[test]
    fn long_files_are_seen() {
        let (long, short) = ("// line\n".repeat(501), "// line\n".repeat(500));
        refuses(rules::file_is_short, "src/base/id.rs", &[&long]);
        accepts(rules::file_is_short, "src/base/id.rs", &[&short]);
    }

    #[test]
    fn files_without_a_word_about_themselves_are_seen() {
        let silent = ["use std::fs;", "// not a doc\n//! late", "//!\nfn f() {}", ""];
        refuses(rules::file_has_module_doc, "src/base/id.rs", &silent);
        accepts(
            rules::file_has_module_doc,
            "src/base/id.rs",
            &["//! Request ids.\nfn f() {}", "\n//! Ids.\n"],
        );
        accepts(
            rules::file_has_module_doc,
            "src/authz/policy/tests.rs",
            &["use super::*;"],
        );
    }

    #[test]
    fn files_without_code_are_seen() {
        refuses(
            rules::file_holds_code,
            "src/storage/mod.rs",
            &["//! Storage, one day.\n", "//! X\n/* y */\n"],
        );
        accepts(
            rules::file_holds_code,
            "src/storage/mod.rs",
            &["//! Storage.\nmod pool;\n"],
        );
    }

    #[test]
    fn a_fault_names_its_file_and_line() {
        let source = Source::new(
            "src/route/mod.rs",
            "//! Routes.\n\nuse crate::{\n    base::id,\n    listen::Serve,\n};\n",
        );
        let found = rules::faults(&source);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found
                .iter()
                .all(|fault| fault.starts_with("src/route/mod.rs:5: `route` must not know `listen`")),
            "{found:?}"
        );
    }
}
