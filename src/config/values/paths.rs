//! Path patterns: literal segments, `{name}`, `*` and a final `**`. Literals are kept in one spelling: escapes of
//! characters that need none are undone, those that stay are in upper case, and what needs one gets it.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::pattern::{PathPattern, Segment};
use crate::config::settings::{Book, Decoding, Setting, Shape};

/// The pattern of a route's `path`.
#[derive(Clone, Debug)]
pub(crate) struct Path(pub(crate) PathPattern);

impl Setting for Path {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a path")?;
        let text = given.text.as_str();
        match segments(text) {
            Ok(segments) => Some(Self(PathPattern {
                text: text.into(),
                segments,
            })),
            Err(way_out) => {
                cx.unfit(
                    node,
                    &given,
                    Code::ValuePath,
                    "a path pattern",
                    format!("`{text}` is not a path pattern: {way_out}"),
                );
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let pattern = r"^(/|\$\{)";
        Shape::new(
            json!({ "type": "string", "pattern": pattern }),
            "path pattern like `/orders/{id}/**`",
        )
    }
}

fn segments(text: &str) -> Result<Vec<Segment>, Cow<'static, str>> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err("it begins with `/`".into());
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let last = parts.len() - 1;
    let mut segments: Vec<Segment> = Vec::with_capacity(parts.len());
    for (place, part) in parts.into_iter().enumerate() {
        let segment = match part {
            "" if place < last => return Err("`//` is refused in requests, so it cannot match".into()),
            "**" if place < last => return Err("`**` stands for the rest and so stands only last".into()),
            "**" => Segment::Rest,
            "*" => Segment::Any,
            _ => match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => Segment::Param(param(name, &segments)?),
                None => Segment::Literal(literal(part)?.into()),
            },
        };
        segments.push(segment);
    }
    Ok(segments)
}

fn param(name: &str, before: &[Segment]) -> Result<Arc<str>, Cow<'static, str>> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !starts_well || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err("a name between `{` and `}` is made of letters, digits and `_`".into());
    }
    if before
        .iter()
        .any(|segment| matches!(segment, Segment::Param(other) if **other == *name))
    {
        return Err(format!("the name `{{{name}}}` stands in it twice").into());
    }
    Ok(name.into())
}

/// The segments of a path without patterns, each in its one spelling; for `strip_prefix`.
pub(crate) fn literal_segments(path: &str) -> Result<Vec<Segment>, Cow<'static, str>> {
    let segments = segments(path)?;
    if segments.iter().any(|segment| !matches!(segment, Segment::Literal(_))) {
        return Err("it holds no `*` and no `{name}`".into());
    }
    Ok(segments)
}

/// A literal segment in its one spelling.
fn literal(text: &str) -> Result<String, Cow<'static, str>> {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '%' {
            let escape = rest.get(1..3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
            let Some(hex) = escape else {
                return Err("a `%` is followed by two hexadecimal digits".into());
            };
            escaped(hex, &mut spelled)?;
            rest = rest.get(3..).unwrap_or("");
            continue;
        }
        plain(first, &mut spelled)?;
        rest = rest.get(first.len_utf8()..).unwrap_or("");
    }
    if matches!(spelled.as_str(), "." | "..") {
        return Err("the segments `.` and `..` are refused in requests, so they cannot match".into());
    }
    Ok(spelled)
}

fn escaped(hex: &str, spelled: &mut String) -> Result<(), Cow<'static, str>> {
    let byte = u8::from_str_radix(hex, 16).unwrap_or(0);
    if byte < b' ' || byte == 0x7f {
        return Err("control characters are refused in requests, so they cannot match".into());
    }
    if byte == b'\\' {
        return Err("a backslash is refused in requests, so it cannot match".into());
    }
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        spelled.push(char::from(byte));
        return Ok(());
    }
    spelled.push('%');
    spelled.push_str(&hex.to_ascii_uppercase());
    Ok(())
}

fn plain(character: char, spelled: &mut String) -> Result<(), Cow<'static, str>> {
    let legal = character.is_ascii_alphanumeric() || "-._~!$&'()+,;=:@".contains(character);
    if legal {
        spelled.push(character);
        return Ok(());
    }
    if !character.is_ascii() && !character.is_control() {
        let mut buffer = [0; 4];
        for byte in character.encode_utf8(&mut buffer).bytes() {
            spelled.push_str(&format!("%{byte:02X}"));
        }
        return Ok(());
    }
    Err(match character {
        '*' => "`*` stands alone for a whole segment; a star itself is written `%2A`".into(),
        '{' | '}' => "`{name}` stands alone for a whole segment".into(),
        '?' | '#' => "a query or a fragment is no part of the path".into(),
        '\\' => "`\\` is refused in requests, so it cannot match".into(),
        other => format!("{other:?} is written with `%` and two hexadecimal digits").into(),
    })
}

/// What a literal needs the route's `path_allow` to name, because requests that hold it are refused otherwise.
pub(crate) fn needs(pattern: &PathPattern) -> Vec<&'static str> {
    let mut needs = Vec::new();
    for segment in &pattern.segments {
        let Segment::Literal(text) = segment else { continue };
        if text.contains(';') || text.contains("%3B") {
            needs.push("semicolon");
        }
        if text.contains("%2F") {
            needs.push("encoded_slash");
        }
        if percent_decode_str(text).decode_utf8().is_err() {
            needs.push("non_utf8");
        }
    }
    needs.dedup();
    needs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::values::tests::{decoded, refused};

    fn shown(text: &str) -> String {
        let segment = |segment: &Segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Param(name) => format!("/<{name}>"),
            Segment::Any => "/<>".to_owned(),
            Segment::Rest => "/<...>".to_owned(),
        };
        decoded::<Path>(&serde_json::to_string(text).unwrap())
            .0
            .segments
            .iter()
            .map(segment)
            .collect()
    }

    #[test]
    fn a_pattern_is_read_segment_by_segment() {
        assert_eq!(shown("/"), "/");
        assert_eq!(shown("/a/"), "/a/");
        assert_eq!(shown("/a/b"), "/a/b");
        assert_eq!(shown("/**"), "/<...>");
        assert_eq!(shown("/orders/{tenant}/*/x/**"), "/orders/<tenant>/<>/x/<...>");
        assert_eq!(&*decoded::<Path>("/%61/{x}").0.text, "/%61/{x}");
    }

    #[test]
    fn literals_have_one_spelling() {
        assert_eq!(shown("/%41%7e%2d/%c3%a9/é"), "/A~-/%C3%A9/%C3%A9");
        assert_eq!(shown("/a%2Ab"), "/a%2Ab");
        assert_eq!(shown("/a%20b/x!$&'()+,=:@"), "/a%20b/x!$&'()+,=:@");
    }

    #[test]
    #[doc = "PATH-07"]
    fn what_cannot_match_or_could_be_misread_is_refused() {
        for text in [
            "",
            "a",
            "a/b",
            "//",
            "/a//b",
            "/**/a",
            "/a*",
            "/a/*b",
            "/{a}b",
            "/{}",
            "/{1a}",
            "/{a-b}",
            "/{a}/{a}",
            "/{**}",
            "/.",
            "/a/../b",
            "/%2e%2E/x",
            "/a?b",
            "/a#b",
            "/a b",
            "/a\\b",
            "/%",
            "/%4",
            "/%zz",
            "/%00",
            "/%0a",
            "/%7f",
            "/%5c",
            "/a\"b",
            "/<a>",
            "/{a",
            "/a}",
            "/***",
        ] {
            assert_eq!(
                refused::<Path>(&serde_json::to_string(text).unwrap()),
                Code::ValuePath,
                "{text}"
            );
        }
    }

    #[test]
    fn a_literal_that_default_rules_refuse_says_what_it_needs() {
        let needs = |text: &str| needs(&decoded::<Path>(text).0);
        assert_eq!(needs("/a;b"), ["semicolon"]);
        assert_eq!(needs("/a%2fb"), ["encoded_slash"]);
        assert_eq!(needs("/%ff"), ["non_utf8"]);
        assert!(needs("/a/%C3%A9/{id}/**").is_empty());
    }

    proptest! {
        #[test]
        fn a_spelling_is_its_own_spelling(text in "/[a-z%2-9A-F/é!;]{0,20}") {
            if let Ok(once) = segments(&text) {
                let joined: String = once.iter().map(|segment| match segment {
                    Segment::Literal(text) => format!("/{text}"),
                    _ => String::new(),
                }).collect();
                prop_assert_eq!(segments(&joined).unwrap(), once);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = segments(&text);
        }
    }
}
