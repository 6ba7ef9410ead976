//! `auth:`, here and on a route.

use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::json;

use crate::config::authenticators::Plan;
use crate::config::faults::Code;
use crate::config::node::{Node, Span, Value};
use crate::config::settings::{At, Book, Decoding, Setting, Shape, closest, listed};

/// Kinds that a later version has.
const LATER: &[&str] = &["session", "mtls"];

/// One entry of `auth:`: a map with one key, its kind.
#[derive(Clone, Debug)]
pub(crate) struct RawAuthenticator {
    pub(crate) kind: &'static str,
    pub(crate) plan: Arc<dyn Plan>,
    pub(crate) digest: [u8; 32],
}

impl Setting for RawAuthenticator {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let wanted = "a map with one key, which is the kind of authenticator";
        let Value::Map(entries) = &node.value else {
            cx.wrong_kind(node, wanted);
            return None;
        };
        let kinds = cx.kinds();
        let known: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let [entry] = entries.as_slice() else {
            let message = format!("{wanted}, is wanted; the kinds are {}", listed(&known));
            cx.fault(node.span, Code::KeyConflict, message);
            return None;
        };
        let name = &*entry.key.text;
        let Some(kind) = kinds.iter().find(|kind| kind.name() == name) else {
            unknown_kind(name, entry.key.span, &known, cx);
            return None;
        };
        let (plan, digest) = cx.digested(&entry.value, |cx| kind.parse(&entry.value, cx));
        Some(Self {
            kind: kind.name(),
            plan: plan?,
            digest,
        })
    }

    fn describe(book: &mut Book) -> Shape {
        let kinds = book.kinds();
        let shapes: Vec<_> = kinds.iter().map(|kind| (kind.name(), kind.describe(book))).collect();
        let one_of: Vec<_> = shapes
            .iter()
            .map(|(name, shape)| {
                json!({
                    "type": "object",
                    "properties": { *name: shape.schema },
                    "required": [name],
                    "additionalProperties": false,
                })
            })
            .collect();
        let words: Vec<_> = shapes
            .iter()
            .map(|(name, shape)| format!("`{name}:` {}", shape.words))
            .collect();
        Shape::new(json!({ "oneOf": one_of }), format!("one of: {}", words.join(", ")))
    }
}

fn unknown_kind(name: &str, at: Span, known: &[&str], cx: &mut Decoding<'_>) {
    let (code, message) = if LATER.contains(&name) {
        let message = format!("the kind `{name}` is not in this version; there are {}", listed(known));
        (Code::KeyLater, message)
    } else {
        let way_out = match closest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", listed(known)),
        };
        (
            Code::KeyUnknown,
            format!("there is no kind of authenticator `{name}`; {way_out}"),
        )
    };
    cx.fault(at, code, message);
}

/// `auth:` of a route. There is no default: a route is never open by mistake.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    Public,
    Listed {
        items: Vec<AuthItem>,
        /// `public` stands last: who presents nothing is anonymous.
        or_public: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum AuthItem {
    One(At<String>),
    /// `{ all: [...] }`.
    All(Vec<At<String>>),
}

const WANTED: &str = "`public`, the name of an authenticator, or a list of them";

impl Setting for Auth {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(_) => {
                let name = name(node, cx)?;
                if name.value == "public" {
                    return Some(Self::Public);
                }
                Some(Self::Listed {
                    items: vec![AuthItem::One(name)],
                    or_public: false,
                })
            }
            Value::List(nodes) if nodes.is_empty() => {
                let message = format!("an empty list lets nobody in and is never meant; write {WANTED}");
                cx.fault(node.span, Code::ValueEmpty, message);
                None
            }
            Value::List(nodes) => list(nodes, cx),
            Value::Map(_) => {
                let message = format!("{WANTED} is wanted; `{{ all: [...] }}` stands inside a list");
                cx.fault(node.span, Code::ValueType, message);
                None
            }
            Value::Nothing => {
                cx.fault(
                    node.span,
                    Code::ValueMissing,
                    format!("nothing says who may come in; write {WANTED}"),
                );
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let name = json!({ "type": "string" });
        let all = json!({
            "type": "object",
            "properties": { "all": { "type": "array", "items": name, "minItems": 2 } },
            "required": ["all"],
            "additionalProperties": false,
        });
        let item = json!({ "anyOf": [name, all] });
        Shape::scalar(
            json!({ "anyOf": [name, { "type": "array", "items": item, "minItems": 1 }] }),
            "`public`, a name under `auth`, or a list of names and `{ all: [name, name] }`; `public` may stand last",
        )
    }
}

fn list(nodes: &[Arc<Node>], cx: &mut Decoding<'_>) -> Option<Auth> {
    let (mut items, mut or_public, mut whole) = (Vec::new(), false, true);
    for (index, node) in nodes.iter().enumerate() {
        let Some(item) = item(node, cx) else {
            whole = false;
            continue;
        };
        match item {
            AuthItem::One(name) if name.value == "public" => {
                if index + 1 < nodes.len() {
                    let message = "`public` may stand only last: what follows it would never be asked for";
                    cx.fault(name.at, Code::ValueOrder, message);
                    whole = false;
                }
                or_public = true;
            }
            item => items.push(item),
        }
    }
    if !whole {
        return None;
    }
    Some(match items.is_empty() {
        true => Auth::Public,
        false => Auth::Listed { items, or_public },
    })
}

fn item(node: &Node, cx: &mut Decoding<'_>) -> Option<AuthItem> {
    let Value::Map(entries) = &node.value else {
        return name(node, cx).map(AuthItem::One);
    };
    match entries.as_slice() {
        [entry] if &*entry.key.text == "all" => {
            let Value::List(nodes) = &entry.value.value else {
                cx.wrong_kind(&entry.value, "a list of names");
                return None;
            };
            let names: Vec<_> = nodes.iter().map(|node| name(node, cx)).collect();
            let names = names.into_iter().collect::<Option<Vec<_>>>()?;
            if names.len() < 2 {
                let message = "`all` joins at least two authenticators; write a single one by its name";
                cx.fault(entry.value.span, Code::ValueEmpty, message);
                return None;
            }
            if let Some(public) = names.iter().find(|name| name.value == "public") {
                cx.fault(
                    public.at,
                    Code::ValueOrder,
                    "`public` asks for nothing, so it cannot stand in `all`",
                );
                return None;
            }
            Some(AuthItem::All(names))
        }
        _ => {
            let message = "a name is wanted, or `{ all: [name, name] }` where several must be presented together";
            cx.fault(node.span, Code::ValueType, message);
            None
        }
    }
}

fn name(node: &Node, cx: &mut Decoding<'_>) -> Option<At<String>> {
    let text = cx.text(node, "the name of an authenticator")?;
    Some(At {
        value: text.text,
        at: node.span,
    })
}

/// SHA-256, fed length by length so that no two inputs are one.
pub(crate) struct Fingerprint(digest::Context);

impl Fingerprint {
    pub(crate) fn of(node: &Node) -> Self {
        let mut fingerprint = Self(digest::Context::new(&digest::SHA256));
        fingerprint.node(node);
        fingerprint
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn node(&mut self, node: &Node) {
        match &node.value {
            Value::Nothing => self.add(b"nothing"),
            Value::Scalar(scalar) => {
                self.add(b"scalar");
                self.add(scalar.text.as_bytes());
            }
            Value::List(nodes) => {
                self.add(b"list");
                self.add(&(nodes.len() as u64).to_be_bytes());
                nodes.iter().for_each(|node| self.node(node));
            }
            Value::Map(entries) => {
                self.add(b"map");
                self.add(&(entries.len() as u64).to_be_bytes());
                for entry in entries {
                    self.add(entry.key.text.as_bytes());
                    self.node(&entry.value);
                }
            }
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        bytes
    }
}
