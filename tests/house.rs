//! What is written about the project agrees with what is there: links lead somewhere, commands exist, decisions are
//! listed.

#![expect(clippy::panic, reason = "a check ends at the first file it cannot read")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_link_between_pages_leads_to_a_file() {
    let pages = pages();
    assert!(
        pages.len() > 6,
        "only {pages:?} found: the check looks in the wrong place"
    );
    let broken: Vec<String> = pages
        .iter()
        .flat_map(|page| {
            let folder = page.parent().expect("a page lies in a folder");
            let dead = links(&read(page))
                .into_iter()
                .filter(|link| !folder.join(link).exists());
            dead.map(|link| format!("{}: {link}", page.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "dead links:\n{}", broken.join("\n"));
}

#[test]
fn every_make_command_a_page_or_a_check_names_exists() {
    let targets = targets(&read(&root().join("Makefile")));
    let mut places = pages();
    places.push(root().join(".ci/run"));
    places.push(root().join("scripts/advisories"));
    let mut named = 0;
    for place in places {
        for command in make_commands(&read(&place)) {
            named += 1;
            assert!(
                targets.contains(&command),
                "{} names `make {command}`, which does not exist",
                place.display()
            );
        }
    }
    assert!(named > 10, "only {named} commands found: the check reads nothing");
}

#[test]
fn every_target_explains_itself() {
    let makefile = read(&root().join("Makefile"));
    let silent: Vec<String> = makefile
        .lines()
        .filter(|line| target(line).is_some() && !line.contains(" ## "))
        .filter_map(target)
        .filter(|target| !matches!(target.as_str(), "fetch" | "release"))
        .collect();
    assert!(silent.is_empty(), "`make help` says nothing about {silent:?}");
}

#[test]
fn every_decision_is_in_the_index() {
    let folder = root().join("docs/decisions");
    let listed: BTreeSet<String> = links(&read(&folder.join("README.md"))).into_iter().collect();
    let written: BTreeSet<String> = names(&folder).filter(|name| name != "README.md").collect();
    let missing: Vec<&String> = written.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/decisions/README.md does not list {missing:?}");
}

#[test]
fn the_changelog_has_room_for_the_next_change() {
    let changelog = read(&root().join("CHANGELOG.md"));
    let first = changelog.lines().find_map(|line| line.strip_prefix("## "));
    assert_eq!(first, Some("Unreleased"));
}

#[test]
fn the_readers_of_this_check_see_what_they_should() {
    let page =
        "[a](b.md) `[no](code.md)` [c](../d.md#part) [e](https://f.example) [g](#here)\n```\n[no](fence.md)\n```\n";
    assert_eq!(links(page), ["b.md", "../d.md"]);
    let text =
        "Run `make lint test`, then make tea. `make run CONFIG=x`\nstep a make clippy\n    make fuzz TARGET=path\n";
    assert_eq!(make_commands(text), ["lint", "test", "run", "clippy", "fuzz"]);
    assert_eq!(target("run: fetch ## x"), Some("run".to_owned()));
    assert_eq!(target("\tcargo run"), None);
    assert_eq!(target("BINARY := x"), None);
    assert_eq!(target(".PHONY: a b"), None);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
}

/// The Markdown pages of the root and of every folder that has some.
fn pages() -> Vec<PathBuf> {
    let mut waiting: Vec<PathBuf> = ["docs", "benches", "config", "fuzz", "tests"]
        .map(|name| root().join(name))
        .into();
    let mut found: Vec<PathBuf> = names(root())
        .filter(|name| name.ends_with(".md"))
        .map(|name| root().join(name))
        .collect();
    while let Some(folder) = waiting.pop() {
        for path in names(&folder).map(|name| folder.join(name)) {
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("corpus") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Where a page leads inside the project, without the part behind `#`. Code is not read.
fn links(page: &str) -> Vec<String> {
    let prose = outside(&outside(page, "```"), "`");
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    inside
        .filter_map(|target| target.split('#').next())
        .map(str::to_owned)
        .collect()
}

/// What does not stand between two marks.
fn outside(text: &str, mark: &str) -> String {
    text.split(mark).step_by(2).collect()
}

/// What follows `make` in a code span, at the start of a line, or in a step of the checks.
fn make_commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let starts = line.match_indices("make ").filter(|(at, _)| {
            let before = line.get(..*at).unwrap_or_default();
            before.trim().is_empty() || before.ends_with('`') || before.starts_with("step ")
        });
        for (at, word) in starts {
            let rest = line.get(at + word.len()..).unwrap_or_default();
            let command = rest
                .split(['`', '#', '(', ',', '.', ';', '&', '|'])
                .next()
                .unwrap_or_default();
            let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            found.extend(command.split_whitespace().take_while(plain).map(str::to_owned));
        }
    }
    found
}

fn targets(makefile: &str) -> BTreeSet<String> {
    makefile.lines().filter_map(target).collect()
}

fn target(line: &str) -> Option<String> {
    let (name, rest) = line.split_once(':')?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    (plain && !rest.starts_with('=')).then(|| name.to_owned())
}
