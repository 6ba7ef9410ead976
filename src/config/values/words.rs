//! A word out of a list. Words of a later version are known, so that they can be refused by name.

macro_rules! words {
    (
        $(#[$meta:meta])*
        enum $Name:ident {
            $($variant:ident = $word:literal,)+
        }
        $(later { $($later:literal),* $(,)? })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $Name {
            $($variant,)+
        }

        impl $Name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            const LATER: &'static [&'static str] = &[$($($later),*)?];
        }

        impl $crate::config::settings::Setting for $Name {
            fn decode(
                node: &$crate::config::node::Node,
                cx: &mut $crate::config::settings::Decoding<'_>,
            ) -> Option<Self> {
                let text = $crate::config::values::words::word(node, Self::WORDS, Self::LATER, cx)?;
                match text.as_str() {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn describe(_: &mut $crate::config::settings::Book) -> $crate::config::settings::Shape {
                $crate::config::values::words::shape(Self::WORDS)
            }
        }

        impl $crate::config::settings::Spell for $Name {
            fn spell(&self) -> serde_json::Value {
                match self { $(Self::$variant => $word.into(),)+ }
            }
        }
    };
}
pub(crate) use words;

use serde_json::json;

use crate::config::faults::Code;
use crate::config::node::{Node, Value};
use crate::config::settings::{Decoding, Shape, closest, listed};

/// The text, if it is one of `words`; otherwise the fault is told.
pub(crate) fn word(
    node: &Node,
    words: &'static [&'static str],
    later: &[&str],
    cx: &mut Decoding<'_>,
) -> Option<String> {
    if !later.is_empty() && matches!(node.value, Value::List(_) | Value::Map(_)) {
        let message = format!(
            "only {} may stand here; anything else is not in this version",
            listed(words)
        );
        cx.fault(node.span, Code::ValueLater, message);
        return None;
    }
    let given = cx.text(node, &format!("one of {}", listed(words)))?;
    let text = given.text.as_str();
    if words.contains(&text) {
        return Some(given.text);
    }
    if later.contains(&text) {
        let message = format!("`{text}` is not in this version; write {}", either(words));
        cx.fault(node.span, Code::ValueLater, message);
        return None;
    }
    let message = match closest(text, words.iter().copied()) {
        Some(near) => format!("`{text}` may not stand here; did you mean `{near}`?"),
        None => format!("`{text}` may not stand here; write {}", either(words)),
    };
    cx.unfit(node, &given, Code::ValueWord, &either(words), message);
    None
}

pub(crate) fn shape(words: &'static [&'static str]) -> Shape {
    let list: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    Shape::scalar(json!({ "enum": words }), list.join(" or "))
}

fn either(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(" or ")
}
