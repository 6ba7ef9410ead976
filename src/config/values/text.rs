//! Texts, switches, names that the writer chooses, and secrets.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::base::secret::Secret;
use crate::config::faults::Code;
use crate::config::node::{Key, Node};
use crate::config::references::has_reference;
use crate::config::settings::{Book, Decoding, Name, Setting, Shape, Spell};

/// Exactly the text that was typed: `1.10`, `007`, `no` and `1e3` too. Not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) text: Arc<str>,
    /// Before its references were replaced.
    pub(crate) source: Arc<str>,
}

impl Written {
    /// For messages: what a reference brings is not repeated.
    pub(crate) fn shown(&self) -> &str {
        if has_reference(&self.source) {
            &self.source
        } else {
            &self.text
        }
    }
}

impl Setting for Written {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let text = cx.text(node, "a text")?;
        if text.text.is_empty() {
            cx.fault(
                node.span,
                Code::ValueEmpty,
                "the text is empty; write one or leave the key out",
            );
            return None;
        }
        Some(Self {
            text: text.text.into(),
            source: text.written.into(),
        })
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "$ref": "#/definitions/text" }), "text")
    }
}

impl Setting for bool {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.bare(node, "`true` or `false`")?;
        let text = given.text.as_str();
        match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                let way_out = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "true" | "y" | "1" => "write `true`",
                    "no" | "off" | "false" | "n" | "0" => "write `false`",
                    _ => "write `true` or `false`",
                };
                cx.unfit(
                    node,
                    &given,
                    Code::ValueSwitch,
                    "`true` or `false`",
                    format!("`{text}` is not a switch; {way_out}"),
                );
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::scalar(json!({ "type": "boolean" }), "`true` or `false`")
    }
}

impl Spell for bool {
    fn spell(&self) -> Json {
        (*self).into()
    }
}

/// Exactly one reference; what it leads to is never printed.
#[derive(Clone, Debug)]
pub(crate) struct SecretText(pub(crate) Secret);

impl Setting for SecretText {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        cx.secret(node).map(Self)
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(
            json!({ "$ref": "#/definitions/secret" }),
            "secret: exactly one reference",
        )
    }
}

/// A name that logs and metrics will show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChosenName(pub(crate) Arc<str>);

impl Name for ChosenName {
    const WORDS: &'static str = "NAME";
    const PATTERN: &'static str = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";

    fn decode(key: &Key, cx: &mut Decoding<'_>) -> Option<Self> {
        if has_reference(&key.text) {
            cx.fault(
                key.span,
                Code::ReferenceKey,
                "a `${…}` is replaced in values only; write the name out",
            );
            return None;
        }
        let starts_well = key.text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let goes_on_well = key
            .text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if !starts_well || !goes_on_well || key.text.len() > 64 {
            let message = "a name is 1 to 64 of letters, digits, `_`, `.` and `-`, and begins with a letter or digit";
            cx.fault(key.span, Code::NameInvalid, message);
            return None;
        }
        Some(Self((&*key.text).into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::values::tests::{decoded, refused};

    #[test]
    #[doc = "CF-01"]
    fn a_text_field_gets_exactly_what_was_typed() {
        for text in [
            "1.10",
            "007",
            "no",
            "1e3",
            "on",
            "0x1F",
            "true",
            "2024-01-01",
            ".inf",
            "1_000",
            "-",
            "=",
            "a: b",
        ] {
            let source = if text == "a: b" || text == "-" {
                format!("\"{text}\"")
            } else {
                text.to_owned()
            };
            assert_eq!(&*decoded::<Written>(&source).text, text);
        }
        assert_eq!(&*decoded::<Written>("\"null\"").text, "null");
        assert_eq!(&*decoded::<Written>("'~'").text, "~");
        assert_eq!(refused::<Written>("null"), Code::ValueMissing);
        assert_eq!(refused::<Written>("''"), Code::ValueEmpty);
        assert_eq!(refused::<Written>("{ a: b }"), Code::ValueType);
    }

    #[test]
    fn only_true_and_false_are_switches() {
        assert!(decoded::<bool>("true"));
        assert!(!decoded::<bool>("false"));
        assert!(decoded::<bool>("\"${env:SWITCH:-true}\""));
        for text in ["yes", "no", "on", "off", "y", "n", "True", "TRUE", "1", "0"] {
            assert_eq!(refused::<bool>(text), Code::ValueSwitch, "{text}");
        }
        assert_eq!(refused::<bool>("\"true\""), Code::ValueType);
    }

    proptest! {
        #[test]
        fn a_quoted_text_arrives_whole(text in "[ -~&&[^$]]{1,40}") {
            let source = serde_json::to_string(&text).unwrap();
            let written = decoded::<Written>(&source).text;
            prop_assert_eq!(&*written, text);
        }
    }
}
