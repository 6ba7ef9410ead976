//! Names of protocols to switch to.

use serde_json::{Value as Json, json};

use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::protocol::ProtocolName;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

impl Setting for ProtocolName {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "the name of a protocol")?;
        let text = given.text.as_str();
        let name = Self::parse(text);
        if name.is_none() {
            let message = if text.eq_ignore_ascii_case("h2c") {
                "nobody may switch to HTTP/2: its requests would pass unjudged; a listener speaks it from the first byte \
                 where its `protocols` names `h2c`"
                    .to_owned()
            } else {
                format!("`{text}` is not the name of a protocol; write one like `websocket` or `name/version`")
            };
            cx.unfit(node, &given, Code::ValueProtocol, "the name of a protocol", message);
        }
        name
    }

    fn describe(_: &mut Book) -> Shape {
        Shape::new(json!({ "type": "string" }), "name of a protocol, like `websocket`")
    }
}

impl Spell for ProtocolName {
    fn spell(&self) -> Json {
        self.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused_with};

    #[test]
    #[doc = "HTTP-15"]
    fn a_name_is_taken_in_any_case_and_h2c_in_none() {
        assert!(decoded::<ProtocolName>("WebSocket").is_websocket());
        for text in ["h2c", "\"a b\"", "a/b/"] {
            assert_eq!(refused_with::<ProtocolName>(text).0, Code::ValueProtocol, "{text}");
        }
        assert!(refused_with::<ProtocolName>("H2C").1.contains("protocols"));
    }
}
