//! The reference page of the configuration, made of what the settings say of themselves.

use std::fmt::Write;

use serde_json::Value as Json;

use super::authenticators::Kinds;
use super::faults::Code;
use super::raw::RawConfig;
use super::settings::{Book, Chapter, KeyText, Presence, Setting};

const INTRODUCTION: &str = include_str!("reference.md");

/// The page as Markdown.
pub fn reference(kinds: Kinds) -> String {
    let mut book = Book::new(kinds);
    RawConfig::describe(&mut book);
    let mut page = INTRODUCTION.to_owned();
    for chapter in &book.chapters {
        page.push_str(&section(chapter));
    }
    page.push_str(&codes());
    page
}

fn section(chapter: &Chapter) -> String {
    let mut section = format!("\n## {}\n\n{}\n", chapter.title, chapter.text);
    section.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for key in &chapter.keys {
        section.push_str(&row(key));
    }
    if !chapter.later.is_empty() {
        let later: Vec<String> = chapter.later.iter().map(|key| format!("`{key}`")).collect();
        // Writing to a `String` cannot fail.
        let _ = write!(
            section,
            "\nNot in this version, and refused by name: {}.\n",
            later.join(", ")
        );
    }
    section
}

fn row(key: &KeyText) -> String {
    let default = match &key.presence {
        Presence::Required => "**required**".to_owned(),
        Presence::Optional => "none".to_owned(),
        Presence::Section => "see there".to_owned(),
        Presence::Default(default) => format!("`{}`", as_yaml(default)),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    format!(
        "| `{}` | {} | {} | {} |\n",
        key.name,
        cell(&key.shape.words),
        cell(&default),
        cell(&key.text)
    )
}

fn as_yaml(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(as_yaml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn codes() -> String {
    let mut table =
        "\n## Codes of faults and warnings\n\nA code keeps its name; new ones are added.\n\n| code | meaning \
                     |\n|---|---|\n"
            .to_owned();
    for code in Code::ALL {
        let _ = writeln!(table, "| `{code}` | {} |", code.meaning());
    }
    table
}
