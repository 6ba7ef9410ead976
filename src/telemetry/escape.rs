//! Bytes of strangers, made fit for a log: cut, and without anything a terminal, a log shipper or a person could take
//! for something else. Whoever logs such bytes wraps them in [`Untrusted`]; JSON lines go through [`Escaping`] besides.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

/// No field of a log line says more than this of what a stranger sent.
pub(super) const FIELD_MAX: usize = 1024;

/// At most [`FIELD_MAX`] of `bytes`.
pub(super) fn cut(bytes: &[u8]) -> &[u8] {
    bytes.get(..FIELD_MAX).unwrap_or(bytes)
}

/// What a stranger sent. Bytes that are no UTF-8 show as `\xff`.
#[derive(Clone, Copy, Debug)]
pub struct Untrusted<'a>(pub &'a [u8]);

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in cut(self.0).utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() || misleads(c) {
                    write!(f, "{}", c.escape_unicode())?;
                } else {
                    f.write_char(c)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// The text as it stands: a JSON writer escapes by its own rules what [`Display`](fmt::Display) would spell out.
impl Serialize for Untrusted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(cut(self.0)))
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    Cow::Owned(text)
}

/// Characters that are no control characters but end a line for some reader, or turn the order of the others around.
fn misleads(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// JSON on one line. Beyond what JSON asks for, everything from U+007F that controls or misleads is written `\uXXXX`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Escaping;

impl Formatter for Escaping {
    #[inline]
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        if fragment.bytes().fold(true, |plain, byte| plain & (byte < 0x7f)) {
            return writer.write_all(fragment.as_bytes());
        }
        write_escaped(writer, fragment)
    }
}

#[cold]
fn write_escaped<W: ?Sized + io::Write>(writer: &mut W, fragment: &str) -> io::Result<()> {
    let mut rest = fragment;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| c.is_control() || misleads(*c)) {
        let (before, after) = rest.split_at(at);
        writer.write_all(before.as_bytes())?;
        write!(writer, "\\u{:04x}", u32::from(c))?;
        rest = after.strip_prefix(c).unwrap_or("");
    }
    writer.write_all(rest.as_bytes())
}

/// A serializer that appends one line of JSON to `line`.
pub(super) fn json(line: &mut Vec<u8>) -> serde_json::Serializer<&mut Vec<u8>, Escaping> {
    serde_json::Serializer::with_formatter(line, Escaping)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_json(bytes: &[u8]) -> String {
        let mut line = Vec::new();
        Untrusted(bytes).serialize(&mut json(&mut line)).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    #[doc = "LG-02"]
    fn a_stranger_cannot_end_a_line_colour_it_or_close_its_quotes() {
        let hostile = "a\r\nb\u{1b}[31m\"\\\u{7f}\u{85}\u{2028}\u{2029}\u{202e}é".as_bytes();
        let json = as_json(hostile);
        assert_eq!(json, r#""a\r\nb\u001b[31m\"\\\u007f\u0085\u2028\u2029\u202eé""#);
        let back: String = serde_json::from_str(&json).unwrap();
        assert_eq!(back.as_bytes(), hostile);
        let shown = Untrusted(hostile).to_string();
        assert!(shown.chars().all(|c| !c.is_control() && !misleads(c)), "{shown:?}");
    }

    #[test]
    #[doc = "LG-02"]
    fn bytes_that_are_no_text_are_spelled_out() {
        assert_eq!(as_json(b"a\xff\xfeb"), r#""a\\xff\\xfeb""#);
        assert_eq!(Untrusted(b"a\xffb").to_string(), r"a\xffb");
    }

    #[test]
    #[doc = "LG-02"]
    fn a_field_says_at_most_a_kibibyte() {
        let long = vec![b'a'; 5000];
        assert_eq!(as_json(&long).len(), FIELD_MAX + 2);
        assert_eq!(Untrusted(&long).to_string().len(), FIELD_MAX);
        // A cut inside a character leaves no half of it behind.
        let split = [vec![b'a'; FIELD_MAX - 1], "é".as_bytes().to_vec()].concat();
        assert!(as_json(&split).ends_with(r#"a\\xc3""#));
    }
}
