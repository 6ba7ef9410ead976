//! Lists, and maps whose keys the writer chooses. A bad element is left out and told; the others are read all the same.

use serde_json::{Value as Json, json};

use crate::config::node::{Node, Span, Value};
use crate::config::settings::{At, Book, Decoding, Name, Setting, Shape, Spell};

#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<At<T>>,
    /// Whether every element could be read.
    pub(crate) whole: bool,
}

impl<T> List<T> {
    pub(crate) fn empty() -> Self {
        Self {
            items: Vec::new(),
            whole: true,
        }
    }

    /// For a default.
    pub(crate) fn of(values: impl IntoIterator<Item = T>) -> Self {
        let items = values
            .into_iter()
            .map(|value| At {
                value,
                at: Span::default(),
            })
            .collect();
        Self { items, whole: true }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|item| &item.value)
    }

    /// Nothing was written between the brackets; an element that could not be read is something.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.whole
    }
}

impl<T: Setting> Setting for List<T> {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let Value::List(nodes) = &node.value else {
            cx.wrong_kind(node, "a list");
            return None;
        };
        let mut list = Self::empty();
        for node in nodes {
            match T::decode(node, cx) {
                Some(value) => list.items.push(At { value, at: node.span }),
                None => list.whole = false,
            }
        }
        Some(list)
    }

    fn describe(book: &mut Book) -> Shape {
        let item = T::describe(book);
        Shape::new(
            json!({ "type": "array", "items": item.schema }),
            format!("list of: {}", item.words),
        )
    }
}

impl<T: Spell> Spell for List<T> {
    fn spell(&self) -> Json {
        self.values().map(Spell::spell).collect()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Map<K, V> {
    pub(crate) entries: Vec<(At<K>, At<V>)>,
    /// Names whose value could not be read: they exist all the same.
    pub(crate) broken: Vec<K>,
    pub(crate) whole: bool,
}

impl<K, V> Map<K, V> {
    pub(crate) fn empty() -> Self {
        Self {
            entries: Vec::new(),
            broken: Vec::new(),
            whole: true,
        }
    }
}

impl<K: Name, V: Setting> Setting for Map<K, V> {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let Value::Map(nodes) = &node.value else {
            cx.wrong_kind(node, "a map");
            return None;
        };
        let mut map = Self::empty();
        for entry in nodes {
            let key = K::decode(&entry.key, cx);
            let value = V::decode(&entry.value, cx);
            match (key, value) {
                (Some(key), Some(value)) => {
                    let key = At {
                        value: key,
                        at: entry.key.span,
                    };
                    map.entries.push((
                        key,
                        At {
                            value,
                            at: entry.value.span,
                        },
                    ));
                }
                (key, _) => {
                    map.broken.extend(key);
                    map.whole = false;
                }
            }
        }
        Some(map)
    }

    fn describe(book: &mut Book) -> Shape {
        let value = V::describe(book);
        let schema = json!({
            "type": "object",
            "propertyNames": { "pattern": K::PATTERN },
            "additionalProperties": value.schema,
        });
        Shape::new(schema, format!("map, {}: {}", K::WORDS, value.words))
    }
}

impl<K, V> Spell for Map<K, V> {
    fn spell(&self) -> Json {
        json!({})
    }
}
