//! The one reading of a path. In comes the target as it was sent, out comes a [`NormalPath`]: the same bytes, known to
//! hold nothing that no route may allow, and with a note of the spellings that a route must allow by name. It decodes,
//! repairs and reorders nothing, so what was judged is what is forwarded.

use std::str::Split;

use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode;

use crate::config::spec::PathAllow;

/// A path and its query, byte for byte as sent.
#[derive(Clone, Debug)]
pub struct NormalPath {
    raw: PathAndQuery,
    oddities: PathAllow,
    shape: Shape,
}

/// How much another reader could make of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Every reading of it is itself.
    Plain,
    /// Only its capital letters can be read in another way.
    Cased,
    /// It has escapes, parameters, empty segments or dots at the end of a segment.
    Odd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    #[error("the target does not start with a slash")]
    NotAbsolute,
    #[error("a byte that must be percent-encoded")]
    Byte,
    #[error("a percent sign without two hexadecimal digits")]
    Escape,
    #[error("a control character")]
    Control,
    #[error("escapes that are not UTF-8")]
    NonUtf8,
    #[error("a NUL")]
    Nul,
    #[error("a backslash")]
    Backslash,
    #[error("a dot segment")]
    DotSegment,
    #[error("an encoded slash")]
    EncodedSlash,
    #[error("a semicolon")]
    Semicolon,
    #[error("an empty segment")]
    DoubleSlash,
    #[error("an encoded dot")]
    EncodedDot,
}

impl PathFault {
    /// Well-formed, but servers differ in what it names (`path.ambiguous`); otherwise it is malformed.
    pub fn is_ambiguous(self) -> bool {
        match self {
            Self::NotAbsolute | Self::Byte | Self::Escape | Self::Control | Self::NonUtf8 => false,
            Self::Nul
            | Self::Backslash
            | Self::DotSegment
            | Self::EncodedSlash
            | Self::Semicolon
            | Self::DoubleSlash
            | Self::EncodedDot => true,
        }
    }
}

impl NormalPath {
    /// Expects origin-form or absolute-form; [`super::target`] decides which targets get here.
    pub fn read(uri: &Uri) -> Result<Self, PathFault> {
        Self::check(uri.path_and_query().ok_or(PathFault::NotAbsolute)?.clone())
    }

    /// For targets that the gateway makes itself: a stripped prefix, a question in decision mode.
    pub fn check(raw: PathAndQuery) -> Result<Self, PathFault> {
        // `http://host?q` gives a target that starts with the question mark, while `path()` says `/`.
        if !raw.as_str().starts_with('/') {
            return Err(PathFault::NotAbsolute);
        }
        // What `http` has cut a whole `#fragment` from says `/` when it is asked, and nothing when it is sent.
        let raw = if raw.as_str() == "/" {
            PathAndQuery::from_static("/")
        } else {
            raw
        };
        if let Some(query) = raw.query() {
            check_query(query.as_bytes())?;
        }
        let path = raw.path().as_bytes();
        let marks = survey(path);
        let (oddities, shape) = match marks {
            0 => (PathAllow::default(), Shape::Plain),
            UPPER => (PathAllow::default(), Shape::Cased),
            _ => (examine(path)?, Shape::Odd),
        };
        Ok(Self { raw, oddities, shape })
    }

    pub fn path(&self) -> &str {
        self.raw.path()
    }

    pub fn query(&self) -> Option<&str> {
        self.raw.query()
    }

    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.raw
    }

    /// What stands between the slashes; a final slash gives a final empty segment.
    pub fn segments(&self) -> Split<'_, char> {
        let path = self.path();
        path.strip_prefix('/').unwrap_or(path).split('/')
    }

    /// The opt-outs without which this path is refused.
    pub fn oddities(&self) -> PathAllow {
        self.oddities
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    pub fn is_plain(&self) -> bool {
        self.shape == Shape::Plain
    }

    /// Refuses the spellings that `allow` does not name.
    pub fn permit(&self, allow: PathAllow) -> Result<(), PathFault> {
        if self.shape != Shape::Odd {
            return Ok(());
        }
        let odd = self.oddities;
        let faults = [
            (odd.non_utf8 && !allow.non_utf8, PathFault::NonUtf8),
            (odd.encoded_slash && !allow.encoded_slash, PathFault::EncodedSlash),
            (odd.encoded_dot && !allow.encoded_dot, PathFault::EncodedDot),
            (odd.double_slash && !allow.double_slash, PathFault::DoubleSlash),
            (odd.semicolon && !allow.semicolon, PathFault::Semicolon),
        ];
        faults
            .into_iter()
            .find_map(|(refused, fault)| refused.then_some(Err(fault)))
            .unwrap_or(Ok(()))
    }

    /// The target without `prefix`, which matches whole segments only, judged again (PATH-08). `None`: the path does
    /// not stand below the prefix.
    pub fn without_prefix(&self, prefix: &str) -> Option<Result<Self, PathFault>> {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let rest = self.raw.as_str().strip_prefix(prefix)?;
        let target = match rest.as_bytes().first() {
            Some(b'/') => PathAndQuery::try_from(rest),
            None | Some(b'?') => PathAndQuery::try_from(format!("/{rest}")),
            Some(_) => return None,
        };
        Some(match target {
            Ok(target) => Self::check(target),
            Err(_) => Err(PathFault::Byte),
        })
    }
}

const UPPER: u8 = 1;
const EXAMINE: u8 = 2;
const FORBIDDEN: u8 = 4;
const QUERY_FORBIDDEN: u8 = 8;
const QUERY_ESCAPE: u8 = 16;

/// RFC 3986: `pchar` and `/` in a path, `?` besides in a query.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut i = 0;
    while i < 256 {
        #[expect(
            clippy::indexing_slicing,
            reason = "the loop ends at the array's length, and runs while compiling"
        )]
        {
            classes[i] = match i as u8 {
                b'A'..=b'Z' => UPPER,
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => 0,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => 0,
                b';' => EXAMINE,
                b'%' => EXAMINE | QUERY_ESCAPE,
                b'?' => EXAMINE | FORBIDDEN,
                _ => EXAMINE | FORBIDDEN | QUERY_FORBIDDEN,
            };
        }
        i += 1;
    }
    classes
};

fn class(byte: u8) -> u8 {
    CLASSES
        .get(usize::from(byte))
        .copied()
        .unwrap_or(EXAMINE | FORBIDDEN | QUERY_FORBIDDEN)
}

/// One cheap pass that tells an ordinary path from one that wants a closer look.
fn survey(path: &[u8]) -> u8 {
    let mut marks = 0;
    let mut before = 0;
    for &byte in path {
        marks |= class(byte);
        if byte == b'/' && (before == b'/' || before == b'.') {
            marks |= EXAMINE;
        }
        before = byte;
    }
    if before == b'.' {
        marks |= EXAMINE;
    }
    marks & (UPPER | EXAMINE)
}

fn check_query(query: &[u8]) -> Result<(), PathFault> {
    let mut marks = 0;
    for &byte in query {
        marks |= class(byte);
    }
    if marks & QUERY_FORBIDDEN != 0 {
        return Err(PathFault::Byte);
    }
    if marks & QUERY_ESCAPE == 0 {
        return Ok(());
    }
    let mut rest = query;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (byte, after) = escape(rest.get(at + 1..).unwrap_or_default())?;
        match byte {
            0 => return Err(PathFault::Nul),
            // Text areas and GraphQL documents in a query hold these.
            b'\t' | b'\n' | b'\r' => {}
            byte if byte.is_ascii_control() => return Err(PathFault::Control),
            _ => {}
        }
        rest = after;
    }
    Ok(())
}

/// The byte that two hexadecimal digits stand for, and what follows them.
fn escape(digits: &[u8]) -> Result<(u8, &[u8]), PathFault> {
    let Some(([high, low], rest)) = digits.split_first_chunk() else {
        return Err(PathFault::Escape);
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match (digit(*high), digit(*low)) {
        (Some(high), Some(low)) => Ok((high << 4 | low, rest)),
        _ => Err(PathFault::Escape),
    }
}

/// What a segment is made of so far, raw or encoded alike. Its parameters do not count: `..;x` is a dot segment to
/// servers that drop them.
#[derive(Default)]
struct Segment {
    dots: usize,
    others: bool,
    parameters: bool,
}

impl Segment {
    fn add(&mut self, byte: u8) {
        match byte {
            _ if self.parameters => {}
            b';' => self.parameters = true,
            b'.' => self.dots += 1,
            _ => self.others = true,
        }
    }

    fn end(&mut self) -> Result<(), PathFault> {
        let dots = std::mem::take(self);
        if !dots.others && (1..=2).contains(&dots.dots) {
            Err(PathFault::DotSegment)
        } else {
            Ok(())
        }
    }
}

fn examine(path: &[u8]) -> Result<PathAllow, PathFault> {
    let mut found = PathAllow::default();
    let mut segment = Segment::default();
    let mut beyond_ascii = false;
    let mut after_slash = false;
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let (byte, tail) = escape(tail)?;
            match byte {
                0 => return Err(PathFault::Nul),
                b'\\' => return Err(PathFault::Backslash),
                b'/' => found.encoded_slash = true,
                b'.' => found.encoded_dot = true,
                byte if byte.is_ascii_control() => return Err(PathFault::Control),
                byte => beyond_ascii |= !byte.is_ascii(),
            }
            if byte == b'/' {
                segment.end()?;
            } else {
                segment.add(byte);
            }
            after_slash = false;
            rest = tail;
            continue;
        }
        match byte {
            b'/' if after_slash => found.double_slash = true,
            b'/' => segment.end()?,
            b';' => found.semicolon = true,
            b'\\' => return Err(PathFault::Backslash),
            byte if byte.is_ascii_control() => return Err(PathFault::Control),
            byte if class(byte) & FORBIDDEN != 0 => return Err(PathFault::Byte),
            _ => {}
        }
        after_slash = byte == b'/';
        if !after_slash {
            segment.add(byte);
        }
        rest = tail;
    }
    segment.end()?;
    found.non_utf8 = beyond_ascii && percent_decode(path).decode_utf8().is_err();
    Ok(found)
}

#[cfg(test)]
mod tests;
