//! Everything the settings say of themselves: the JSON schema and the reference page are printed from it.

use serde_json::{Value as Json, json};

use super::authenticators::Kinds;
use super::settings::KeysOf;

/// How a kind of value looks: to an editor, and to a reader.
pub(crate) struct Shape {
    pub(crate) schema: Json,
    pub(crate) words: String,
}

impl Shape {
    pub(crate) fn new(schema: Json, words: impl Into<String>) -> Self {
        Self {
            schema,
            words: words.into(),
        }
    }

    /// A scalar that may also be, or hold, a reference.
    pub(crate) fn scalar(schema: Json, words: impl Into<String>) -> Self {
        Self::new(
            json!({ "anyOf": [schema, { "$ref": "#/definitions/reference" }] }),
            words,
        )
    }
}

/// Everything the settings say of themselves, for the schema and the reference page.
pub(crate) struct Book {
    kinds: Kinds,
    pub(crate) chapters: Vec<Chapter>,
}

pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    pub(crate) text: String,
    pub(crate) keys: Vec<KeyText>,
    pub(crate) later: &'static [&'static str],
}

pub(crate) struct KeyText {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) shape: Shape,
    pub(crate) presence: Presence,
}

pub(crate) enum Presence {
    Required,
    Optional,
    Default(Json),
    /// A section of its own, all of whose keys have defaults.
    Section,
}

impl Book {
    pub(crate) fn new(kinds: Kinds) -> Self {
        Self {
            kinds,
            chapters: Vec::new(),
        }
    }

    /// The kinds of authenticators that may stand in the file.
    pub(crate) fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Adds the chapter of a struct unless it is there, and gives the way to it.
    pub(crate) fn chapter(
        &mut self,
        what: &KeysOf,
        text: &[&str],
        keys: impl FnOnce(&mut Self) -> Vec<KeyText>,
    ) -> Shape {
        if !self.chapters.iter().any(|chapter| chapter.title == what.title) {
            let place = self.chapters.len();
            self.chapters.push(Chapter {
                title: what.title,
                text: joined(text),
                keys: Vec::new(),
                later: what.later,
            });
            let keys = keys(self);
            if let Some(chapter) = self.chapters.get_mut(place) {
                chapter.keys = keys;
            }
        }
        let id = id(what.title);
        Shape::new(
            json!({ "$ref": format!("#/definitions/{id}") }),
            format!("[{}](#{id})", what.title),
        )
    }
}

/// The name of a chapter in links and in the schema.
pub(crate) fn id(title: &str) -> String {
    title.replace(' ', "-")
}

/// The lines of a doc comment as one paragraph.
pub(crate) fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// The first sentence of a doc comment, for messages, without its full stop.
pub(crate) fn first_sentence(lines: &[&str]) -> String {
    let text = joined(lines);
    let sentence = text.split_once(". ").map_or(text.as_str(), |(first, _)| first);
    sentence.trim_end_matches('.').to_owned()
}
