//! The JSON schema that editors complete and check a configuration with, made of what the settings say of themselves.

use serde_json::{Map, Value as Json, json};

use super::authenticators::Kinds;
use super::raw::RawConfig;
use super::settings::{Book, Chapter, Presence, Setting, id};

/// The schema, as text that ends with a newline.
pub fn schema(kinds: Kinds) -> String {
    let mut book = Book::new(kinds);
    let root = RawConfig::describe(&mut book).schema;
    let mut definitions = shared();
    for chapter in &book.chapters {
        definitions.insert(id(chapter.title), object(chapter));
    }
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Portcullis configuration",
        "allOf": [root],
        "definitions": definitions,
    });
    format!("{schema:#}\n")
}

/// Text keeps its source spelling, so an editor must not insist on quotes; and a reference may stand in every scalar.
fn shared() -> Map<String, Json> {
    let reference = r"\$\{(env:[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?|file:[^}]+)\}";
    let secret = r"^\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^}]+)\}$";
    let mut shared = Map::new();
    shared.insert("text".to_owned(), json!({ "type": ["string", "number", "boolean"] }));
    shared.insert(
        "reference".to_owned(),
        json!({ "type": "string", "pattern": reference }),
    );
    shared.insert("secret".to_owned(), json!({ "type": "string", "pattern": secret }));
    shared
}

fn object(chapter: &Chapter) -> Json {
    let mut properties = Map::new();
    for key in &chapter.keys {
        properties.insert(
            key.name.to_owned(),
            property(&key.shape.schema, &key.text, &key.presence),
        );
    }
    let required = chapter
        .keys
        .iter()
        .filter(|key| matches!(key.presence, Presence::Required));
    let required: Vec<Json> = required.map(|key| key.name.into()).collect();
    let mut object = json!({
        "type": "object",
        "description": chapter.text,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty()
        && let Some(object) = object.as_object_mut()
    {
        object.insert("required".to_owned(), required.into());
    }
    object
}

/// In this draft a `$ref` silences its neighbours, so it is wrapped.
fn property(shape: &Json, text: &str, presence: &Presence) -> Json {
    let mut property = match shape.get("$ref") {
        Some(_) => json!({ "allOf": [shape] }),
        None => shape.clone(),
    };
    if let Some(property) = property.as_object_mut() {
        property.insert("description".to_owned(), text.into());
        if let Presence::Default(default) = presence {
            property.insert("default".to_owned(), default.clone());
        }
    }
    property
}
