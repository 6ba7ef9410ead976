//! JSON that can be read in one way only. Bytes come in; an object comes out, or why there is none.
//!
//! `serde_json` keeps the last of two equal names and skips what it does not want without looking: two readers of one
//! token would see two tokens. What stands here knows nothing of tokens and keys.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer as _, de};
use serde_json::{Deserializer, Map, Number, Value};

/// Deeper values are refused; a root is at depth 1 (JWT-12).
const DEPTH_MAX: usize = 32;

/// Why there is no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOne {
    #[error("is not JSON in UTF-8")]
    Json,
    #[error("is no object")]
    Object,
    #[error("holds the same name twice")]
    Repeated,
    #[error("is nested too deeply")]
    Deep,
}

/// The one object that `bytes` are.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, NotOne> {
    let fault = Cell::new(None);
    let mut reader = Deserializer::from_slice(bytes);
    let value = Strict::root(&fault).deserialize(&mut reader);
    let value = value
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|_| NotOne::Json)?;
    match (fault.get(), value) {
        (Some(fault), _) => Err(fault),
        (None, Value::Object(members)) => Ok(members),
        (None, _) => Err(NotOne::Object),
    }
}

/// The elements of the list that stands under `name` in the one object that `bytes` are, each judged for itself: what
/// is wrong with one spoils no other (KEY-05). `None` without such a list.
pub fn elements(bytes: &[u8], name: &str) -> Result<Option<Vec<Element>>, NotOne> {
    let fault = Cell::new(None);
    let mut reader = Deserializer::from_slice(bytes);
    let found = reader.deserialize_any(Root { name, fault: &fault });
    let found = found
        .and_then(|found| reader.end().map(|()| found))
        .map_err(|_| NotOne::Json)?;
    match (fault.get(), found) {
        (Some(fault), _) => Err(fault),
        (None, found) => Ok(found),
    }
}

/// One of [`elements`].
pub type Element = Result<Map<String, Value>, NotOne>;

/// The text of the member `name` of the object that `bytes` are, wherever it stands, and nothing else of it; an error
/// also where the name stands twice.
pub fn text_of(bytes: &[u8], name: &str) -> Result<Option<String>, NotOne> {
    struct Text<'n>(&'n str);

    impl<'de> Visitor<'de> for Text<'_> {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found: Option<Value> = None;
            while let Some(key) = map.next_key_seed(Name)? {
                if key != self.0 {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                let fault = Cell::new(None);
                let value = map.next_value_seed(Strict::root(&fault))?;
                if found.replace(value).is_some() {
                    return Err(A::Error::custom("twice"));
                }
            }
            Ok(match found {
                Some(Value::String(text)) => Some(text),
                _ => None,
            })
        }
    }

    let mut reader = Deserializer::from_slice(bytes);
    let found = reader.deserialize_map(Text(name)).map_err(|_| NotOne::Json)?;
    reader.end().map_err(|_| NotOne::Json)?;
    Ok(found)
}

/// Reads on to the end whatever is wrong and remembers the first fault, so that the reader stands behind the value then.
#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    fault: &'f Cell<Option<NotOne>>,
}

impl<'f> Strict<'f> {
    fn root(fault: &'f Cell<Option<NotOne>>) -> Self {
        Self { depth: 0, fault }
    }

    fn deeper(self) -> Option<Self> {
        let depth = self.depth + 1;
        (depth <= DEPTH_MAX).then_some(Self { depth, ..self })
    }

    fn remember(self, fault: NotOne) {
        self.fault.set(self.fault.get().or(Some(fault)));
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not finite"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Some(inner) = self.deeper() else {
            self.remember(NotOne::Deep);
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some(inner) = self.deeper() else {
            self.remember(NotOne::Deep);
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        let mut members = Map::new();
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                self.remember(NotOne::Repeated);
            }
        }
        Ok(Value::Object(members))
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        de::Deserialize::deserialize(deserializer)
    }
}

/// The object around a list.
struct Root<'a> {
    name: &'a str,
    fault: &'a Cell<Option<NotOne>>,
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = Option<Vec<Element>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut names = std::collections::BTreeSet::new();
        while let Some(name) = map.next_key_seed(Name)? {
            if name == self.name {
                found = Some(map.next_value_seed(Elements)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if !names.insert(name) {
                self.fault.set(Some(NotOne::Repeated));
            }
        }
        Ok(found.flatten())
    }
}

/// The list itself; anything else is none.
struct Elements;

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = Option<Vec<Element>>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Option<Vec<Element>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        loop {
            let fault = Cell::new(None);
            let Some(value) = list.next_element_seed(Strict::root(&fault))? else {
                return Ok(Some(elements));
            };
            elements.push(match (fault.get(), value) {
                (Some(fault), _) => Err(fault),
                (None, Value::Object(members)) => Ok(members),
                (None, _) => Err(NotOne::Object),
            });
        }
    }
}
