//! Header names and header values.

use http::{HeaderName, HeaderValue};
use serde_json::{Value as Json, json};

use crate::config::faults::Code;
use crate::config::node::{Key, Node};
use crate::config::references::has_reference;
use crate::config::settings::{Book, Decoding, Name, Setting, Shape, Spell};

impl Setting for HeaderName {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a header name")?;
        let text = given.text.as_str();
        let name = Self::from_bytes(text.as_bytes()).ok();
        if name.is_none() {
            cx.unfit(node, &given, Code::ValueHeader, "a header name", not_a_name(text));
        }
        name
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "type": "string" }), "header name")
    }
}

impl Spell for HeaderName {
    fn spell(&self) -> Json {
        self.as_str().into()
    }
}

impl Name for HeaderName {
    const WORDS: &'static str = "HEADER";
    const PATTERN: &'static str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

    fn decode(key: &Key, cx: &mut Decoding<'_>) -> Option<Self> {
        if has_reference(&key.text) {
            cx.fault(
                key.span,
                Code::ReferenceKey,
                "a `${…}` is replaced in values only; write the name out",
            );
            return None;
        }
        let name = Self::from_bytes(key.text.as_bytes()).ok();
        if name.is_none() {
            cx.fault(key.span, Code::ValueHeader, not_a_name(&key.text));
        }
        name
    }
}

fn not_a_name(text: &str) -> String {
    format!("`{text}` is not a header name; letters, digits and `-` make one")
}

/// A header value and the text it was made of.
#[derive(Clone, Debug)]
pub(crate) struct HeaderText {
    pub(crate) value: HeaderValue,
    /// Before its references were replaced, for ids and logs.
    pub(crate) source: String,
}

impl Setting for HeaderText {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let text = cx.text(node, "a header value")?;
        // A space at an end would be lost on the way; other bytes than these are read differently by different servers.
        let sound = text.text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.text.trim() == text.text;
        let Some(mut value) = HeaderValue::from_str(&text.text).ok().filter(|_| sound) else {
            // The text itself may come from a reference and be secret.
            let message = "a header value is printable ASCII without spaces at its ends";
            cx.fault(node.span, Code::ValueHeader, message);
            return None;
        };
        value.set_sensitive(text.referenced);
        Some(Self {
            value,
            source: text.written,
        })
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "$ref": "#/definitions/text" }), "header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused};

    #[test]
    fn header_values_are_printable_text_without_edges() {
        assert_eq!(
            decoded::<HeaderText>("max-age=31536000; preload").value,
            "max-age=31536000; preload"
        );
        assert_eq!(decoded::<HeaderText>("no").value, "no");
        assert_eq!(decoded::<HeaderText>("''").value, "");
        for text in ["\"a\\r\\nX: y\"", "\"a\\0\"", "\"a\\tb\"", "ü", "' a'", "'a '"] {
            assert_eq!(refused::<HeaderText>(text), Code::ValueHeader, "{text}");
        }
    }

    #[test]
    #[doc = "LG-01"]
    fn a_value_behind_a_reference_does_not_print() {
        let text = decoded::<HeaderText>("\"Bearer ${env:SEVEN}\"");
        assert_eq!(text.value, "Bearer 7");
        assert_eq!(format!("{:?}", text.value), "Sensitive");
        assert_eq!(text.source, "Bearer ${env:SEVEN}");
    }

    #[test]
    fn header_names_are_tokens() {
        assert_eq!(decoded::<HeaderName>("X-Env"), "x-env");
        for text in ["'a b'", "'a:'", "''", "ü", "\"a\\n\""] {
            assert_eq!(refused::<HeaderName>(text), Code::ValueHeader, "{text}");
        }
    }
}
