//! How a node becomes a setting. One macro declares a struct of settings once and yields its decoder, its part of the
//! JSON schema and its section of the reference page, so the three cannot drift. Decoding collects every fault and
//! goes on: a field that is bad is marked so, and the fields beside it are read all the same.

use std::path::Path;

use serde_json::Value as Json;

use super::authenticators::Kinds;
pub(crate) use super::book::{Book, Chapter, KeyText, Presence, Shape, first_sentence, id, joined};
use super::environment::Environment;
use super::faults::{Code, Findings};
use super::node::{Key, Node, Position, Span, Style, Value};
use super::raw::Fingerprint;
use super::reader;
use super::references::{References, has_reference};
use crate::base::secret::Secret;

/// A kind of value that may stand in the file.
pub(crate) trait Setting: Sized {
    /// `None` means that the fault is told.
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self>;
    fn describe(book: &mut Book) -> Shape;
}

/// A kind of setting that can be a default, and is then written as JSON.
pub(crate) trait Spell {
    fn spell(&self) -> Json;
}

/// A setting that stands where a name of the writer's choice is the key.
pub(crate) trait Name: Sized {
    fn decode(key: &Key, cx: &mut Decoding<'_>) -> Option<Self>;
    /// What the names are, and a pattern for them.
    const WORDS: &'static str;
    const PATTERN: &'static str;
}

/// A struct made by the `settings` macro.
pub(crate) trait Section: Setting {
    /// With every key at its default; a key that must be there is a fault at `at`.
    fn absent(at: Span, cx: &mut Decoding<'_>) -> Self;
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: Span,
}

/// What one key brought.
#[derive(Clone, Debug)]
pub(crate) enum Field<T> {
    Absent,
    /// Its fault is told already.
    Bad,
    Default(T),
    Written(At<T>),
}

impl<T> Field<T> {
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Default(value) => Some(value),
            Self::Written(written) => Some(&written.value),
            Self::Absent | Self::Bad => None,
        }
    }

    pub(crate) fn written(&self) -> Option<&At<T>> {
        match self {
            Self::Written(written) => Some(written),
            _ => None,
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent | Self::Default(_))
    }

    /// Where the value stands, or else where the thing it belongs to begins.
    pub(crate) fn place(&self, otherwise: Span) -> Span {
        self.written().map_or(otherwise, |written| written.at)
    }
}

/// What decoding works with.
pub(crate) struct Decoding<'a> {
    environment: &'a dyn Environment,
    pub(crate) findings: &'a mut Findings,
    kinds: Kinds,
    /// Of the authenticator that is being decoded.
    fingerprint: Option<Fingerprint>,
}

/// The text of a scalar, its references replaced.
pub(crate) struct Text {
    pub(crate) text: String,
    /// The text as it stands in the file.
    pub(crate) written: String,
    pub(crate) referenced: bool,
    style: Style,
}

impl Text {
    /// Whether it may be a number or a switch: it is not in quotes, or the quotes are there for a reference.
    fn may_be_bare(&self) -> bool {
        self.style == Style::Plain || self.referenced
    }
}

impl<'a> Decoding<'a> {
    pub(crate) fn new(environment: &'a dyn Environment, findings: &'a mut Findings, kinds: Kinds) -> Self {
        Self {
            environment,
            findings,
            kinds,
            fingerprint: None,
        }
    }

    /// The kinds of authenticators that may stand in the file.
    pub(crate) fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// What `decode` makes of `node`, and a digest over everything that went into it, references and files included.
    pub(crate) fn digested<T>(&mut self, node: &Node, decode: impl FnOnce(&mut Self) -> T) -> (T, [u8; 32]) {
        let outer = self.fingerprint.replace(Fingerprint::of(node));
        let made = decode(self);
        let own = std::mem::replace(&mut self.fingerprint, outer);
        (made, own.map(Fingerprint::finish).unwrap_or_default())
    }

    fn remember(&mut self, bytes: &[u8]) {
        if let Some(fingerprint) = &mut self.fingerprint {
            fingerprint.add(bytes);
        }
    }

    /// The content of a file that the configuration names by its path, at most `at_most` bytes; a change of it is a
    /// reason to load again.
    pub(crate) fn file(&mut self, path: &Path, at: Span, at_most: u64) -> Option<Vec<u8>> {
        self.findings.watch(path);
        match self.environment.file(path, at_most) {
            Ok(bytes) if bytes.len() as u64 > at_most => {
                let message = format!("{} is larger than {at_most} bytes", path.display());
                self.fault(at, Code::FileTooLarge, message);
                None
            }
            Ok(bytes) => {
                self.remember(&bytes);
                Some(bytes)
            }
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                self.fault(at, Code::FileUnreadable, message);
                None
            }
        }
    }

    /// What `decode` makes of a YAML file of its own, at most `at_most` bytes and `nodes` values. Its faults are told with
    /// its name and its lines.
    pub(crate) fn yaml<T>(
        &mut self,
        path: &Path,
        at: Span,
        (at_most, nodes): (u64, usize),
        decode: impl FnOnce(&Node, &mut Self) -> Option<T>,
    ) -> Option<T> {
        let bytes = self.file(path, at, at_most)?;
        let outer = std::mem::replace(self.findings, Findings::of(&path.display().to_string()));
        let text = super::text(bytes, at_most, self.findings);
        let root = text.and_then(|text| reader::read_within(&text, nodes, self.findings));
        let made = root.and_then(|root| decode(&root, self));
        let inner = std::mem::replace(self.findings, outer);
        self.findings.absorb(inner);
        made
    }

    pub(crate) fn fault(&mut self, at: impl Into<Position>, code: Code, message: impl Into<String>) {
        self.findings.fault(at, code, message);
    }

    /// The text of a scalar exactly as written, references replaced.
    pub(crate) fn text(&mut self, node: &Node, wanted: &str) -> Option<Text> {
        let Value::Scalar(scalar) = &node.value else {
            self.wrong_kind(node, wanted);
            return None;
        };
        let mut references = References {
            environment: self.environment,
            findings: self.findings,
        };
        let text = references.replace(&scalar.text, node.span)?;
        self.remember(text.as_bytes());
        Some(Text {
            text,
            written: scalar.text.to_string(),
            referenced: has_reference(&scalar.text),
            style: scalar.style,
        })
    }

    /// A text that is no text but a number or a switch.
    pub(crate) fn bare(&mut self, node: &Node, wanted: &str) -> Option<Text> {
        let text = self.text(node, wanted)?;
        if !text.may_be_bare() {
            let message = format!("{wanted} is wanted, and quotes make it text; write it without quotes");
            self.fault(node.span, Code::ValueType, message);
            return None;
        }
        Some(text)
    }

    /// A text that is not what was `wanted`. What a reference brings may be a secret that stands in the wrong place, so
    /// then `message`, which repeats the text, is not used.
    pub(crate) fn unfit(&mut self, node: &Node, text: &Text, code: Code, wanted: &str, message: impl Into<String>) {
        let message = match text.referenced {
            true => format!("what `{}` stands for is not {wanted}", text.written),
            false => message.into(),
        };
        self.fault(node.span, code, message);
    }

    pub(crate) fn secret(&mut self, node: &Node) -> Option<Secret> {
        let Value::Scalar(scalar) = &node.value else {
            self.wrong_kind(node, "a reference to a secret");
            return None;
        };
        let secret = References {
            environment: self.environment,
            findings: self.findings,
        }
        .secret(&scalar.text, node.span)?;
        self.remember(secret.expose());
        Some(secret)
    }

    pub(crate) fn wrong_kind(&mut self, node: &Node, wanted: &str) {
        if node.value == Value::Nothing {
            let message = format!("{wanted} is wanted, nothing stands here; write one or leave the key out");
            self.fault(node.span, Code::ValueMissing, message);
        } else {
            self.fault(
                node.span,
                Code::ValueType,
                format!("{wanted} is wanted, not {}", node.kind()),
            );
        }
    }
}

/// The entries of a map, checked against the keys that exist and handed out by name.
pub(crate) struct Keys<'n> {
    at: Span,
    entries: &'n [super::node::Entry],
}

impl<'n> Keys<'n> {
    pub(crate) fn none(at: Span) -> Self {
        Self { at, entries: &[] }
    }

    pub(crate) fn open(node: &'n Node, what: &KeysOf, cx: &mut Decoding<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            cx.wrong_kind(node, &format!("a map of the {} settings", what.title));
            return None;
        };
        for entry in entries {
            what.admit(&entry.key, cx);
        }
        Some(Self { at: node.span, entries })
    }

    pub(crate) fn at(&self) -> Span {
        self.at
    }

    fn find(&self, name: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|entry| &*entry.key.text == name)
            .map(|entry| &*entry.value)
    }

    pub(crate) fn optional<T: Setting>(&self, name: &str, cx: &mut Decoding<'_>) -> Field<T> {
        let Some(node) = self.find(name) else {
            return Field::Absent;
        };
        match T::decode(node, cx) {
            Some(value) => Field::Written(At { value, at: node.span }),
            None => Field::Bad,
        }
    }

    pub(crate) fn required<T: Setting>(&self, name: &str, meaning: &str, cx: &mut Decoding<'_>) -> Field<T> {
        let field = self.optional(name, cx);
        if field.is_absent() {
            cx.fault(self.at, Code::KeyMissing, format!("`{name}` is missing: {meaning}"));
            return Field::Bad;
        }
        field
    }

    pub(crate) fn or<T: Setting>(&self, name: &str, default: T, cx: &mut Decoding<'_>) -> Field<T> {
        match self.optional(name, cx) {
            Field::Absent => Field::Default(default),
            field => field,
        }
    }

    pub(crate) fn section<T: Section>(&self, name: &str, cx: &mut Decoding<'_>) -> T {
        let made = self.find(name).and_then(|node| T::decode(node, cx));
        made.unwrap_or_else(|| T::absent(self.at, cx))
    }
}

/// The keys of one struct: those of this version, and those that a later one has.
pub(crate) struct KeysOf {
    pub(crate) title: &'static str,
    pub(crate) known: &'static [&'static str],
    pub(crate) later: &'static [&'static str],
}

impl KeysOf {
    fn admit(&self, key: &Key, cx: &mut Decoding<'_>) {
        let name = &*key.text;
        if self.known.contains(&name) {
            return;
        }
        if self.later.contains(&name) {
            cx.fault(
                key.span,
                Code::KeyLater,
                format!("`{name}` is not in this version; leave it out"),
            );
            return;
        }
        let message = match closest(name, self.known.iter().chain(self.later).copied()) {
            Some(near) if self.later.contains(&near) => {
                format!(
                    "`{name}` is not a key of the {} settings; did you mean `{near}` (not in this version)?",
                    self.title
                )
            }
            Some(near) => format!(
                "`{name}` is not a key of the {} settings; did you mean `{near}`?",
                self.title
            ),
            None => format!(
                "`{name}` is not a key of the {} settings; they are {}",
                self.title,
                listed(self.known)
            ),
        };
        cx.fault(key.span, Code::KeyUnknown, message);
    }
}

/// The candidate that a slip of the pen would turn into `name`.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    // Longer than any name there is: not worth a quadratic comparison.
    if name.len() > 64 {
        return None;
    }
    let name = folded(name);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(name.chars().count()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "`a`, `b` and `c`".
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

macro_rules! settings {
    (
        $(#[doc = $text:literal])+
        struct $Name:ident as $title:literal {
            $($(#[doc = $field_text:literal])+ $kind:ident $field:ident: $type:ty $(= $default:expr)?,)*
        }
        $(later { $($later:ident),* $(,)? })?
    ) => {
        $(#[doc = $text])+
        #[allow(dead_code, reason = "a key that has only one value yet is decoded and never asked")]
        #[derive(Clone, Debug)]
        pub(crate) struct $Name {
            pub(crate) at: $crate::config::node::Span,
            $($(#[doc = $field_text])+ pub(crate) $field: settings!(@held $kind $type),)*
        }

        impl $Name {
            const KEYS: $crate::config::settings::KeysOf = $crate::config::settings::KeysOf {
                title: $title,
                known: &[$(stringify!($field)),*],
                later: &[$($(stringify!($later)),*)?],
            };

            fn read(
                keys: &$crate::config::settings::Keys<'_>,
                cx: &mut $crate::config::settings::Decoding<'_>,
            ) -> Self {
                Self {
                    at: keys.at(),
                    $($field: settings!(@read $kind $field, keys, cx, [$($field_text)+], $($default)?),)*
                }
            }
        }

        impl $crate::config::settings::Setting for $Name {
            fn decode(
                node: &$crate::config::node::Node,
                cx: &mut $crate::config::settings::Decoding<'_>,
            ) -> Option<Self> {
                let keys = $crate::config::settings::Keys::open(node, &Self::KEYS, cx)?;
                Some(Self::read(&keys, cx))
            }

            fn describe(book: &mut $crate::config::settings::Book) -> $crate::config::settings::Shape {
                book.chapter(&Self::KEYS, &[$($text),+], |book| {
                    vec![$($crate::config::settings::KeyText {
                        name: stringify!($field),
                        text: $crate::config::settings::joined(&[$($field_text),+]),
                        shape: <$type as $crate::config::settings::Setting>::describe(book),
                        presence: settings!(@presence $kind $type, $($default)?),
                    }),*]
                })
            }
        }

        impl $crate::config::settings::Section for $Name {
            fn absent(
                at: $crate::config::node::Span,
                cx: &mut $crate::config::settings::Decoding<'_>,
            ) -> Self {
                Self::read(&$crate::config::settings::Keys::none(at), cx)
            }
        }
    };

    (@held section $type:ty) => { $type };
    (@held $kind:ident $type:ty) => { $crate::config::settings::Field<$type> };

    (@read required $field:ident, $keys:ident, $cx:ident, [$first:literal $($rest:literal)*],) => {
        $keys.required(stringify!($field), $crate::config::settings::first_sentence(&[$first, $($rest),*]).as_str(), $cx)
    };
    (@read optional $field:ident, $keys:ident, $cx:ident, $text:tt,) => { $keys.optional(stringify!($field), $cx) };
    (@read default $field:ident, $keys:ident, $cx:ident, $text:tt, $default:expr) => {
        $keys.or(stringify!($field), $default, $cx)
    };
    (@read section $field:ident, $keys:ident, $cx:ident, $text:tt,) => { $keys.section(stringify!($field), $cx) };

    (@presence required $type:ty,) => { $crate::config::settings::Presence::Required };
    (@presence optional $type:ty,) => { $crate::config::settings::Presence::Optional };
    (@presence default $type:ty, $default:expr) => {{
        let default: $type = $default;
        $crate::config::settings::Presence::Default($crate::config::settings::Spell::spell(&default))
    }};
    (@presence section $type:ty,) => { $crate::config::settings::Presence::Section };
}
pub(crate) use settings;
