//! What other servers could make of a path (PATH-05): a path goes in, every reading of it goes to a visitor. Which
//! readings matter is for the route table to say; this module knows no routes.
//!
//! A reading is the path decoded not at all, once or twice, and any choice of: compatibility forms replaced (NFKC, and
//! overlong UTF-8 in what is no UTF-8), cut at a decoded `?`, `#` or NUL, `\` as `/`, `;params` dropped, dots and spaces
//! at the end of segments cut, slashes merged, dot segments removed, in this order. Each comes in two spellings: as it
//! is, and folded for readers that know no case and cut the ends of segments.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// A path that needs more than this to be told apart is ambiguous for that reason alone: an ordinary one has three
/// readings. The bounds keep the work for one request to a few tenths of a millisecond, and the longest path in another
/// script well inside.
const MOST_READINGS: usize = 128;
const MOST_BYTES: usize = 32 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    pub exact: &'a [u8],
    /// Lower-case, and without dots and spaces at the end of its segments.
    pub folded: &'a [u8],
}

/// Whether `agree` holds for every reading of `path`, the path itself first. Also `false` when there are too many.
pub fn all(path: &[u8], agree: impl FnMut(Reading<'_>) -> bool) -> bool {
    let mut visit = Visit {
        agree,
        readings: 0,
        bytes: 0,
    };
    let once = decode(path);
    let twice = once.as_deref().and_then(decode);
    let forms = once.as_deref().and_then(compatible);
    let forms_decoded = forms.as_deref().and_then(decode);
    let forms_of_twice = twice.as_deref().and_then(compatible);
    let bases = [
        Some(path),
        once.as_deref(),
        twice.as_deref(),
        forms.as_deref(),
        forms_decoded.as_deref(),
        forms_of_twice.as_deref(),
    ];
    bases.into_iter().flatten().all(|base| visit.read(base, STEPS))
}

/// What a reader that knows no case sees.
pub fn fold(reading: &[u8]) -> Cow<'_, [u8]> {
    let trimmed = cut_segment_ends(reading).map_or(Cow::Borrowed(reading), Cow::Owned);
    if trimmed.is_ascii() {
        if !trimmed.iter().any(u8::is_ascii_uppercase) {
            return trimmed;
        }
        return Cow::Owned(trimmed.to_ascii_lowercase());
    }
    match std::str::from_utf8(&trimmed) {
        Ok(text) => Cow::Owned(text.to_lowercase().into_bytes()),
        Err(_) => Cow::Owned(trimmed.to_ascii_lowercase()),
    }
}

struct Visit<F> {
    agree: F,
    readings: usize,
    bytes: usize,
}

/// Changes a reading, or has nothing to change.
type Step = fn(&[u8]) -> Option<Vec<u8>>;

const STEPS: &[Step] = &[
    cut_at_delimiter,
    turn_backslashes,
    drop_parameters,
    cut_segment_ends,
    merge_slashes,
    remove_dot_segments,
];

impl<F: FnMut(Reading<'_>) -> bool> Visit<F> {
    /// Every choice of `steps` that changes something.
    fn read(&mut self, reading: &[u8], steps: &[Step]) -> bool {
        let Some((step, later)) = steps.split_first() else {
            return self.judge(reading);
        };
        if !self.read(reading, later) {
            return false;
        }
        match step(reading) {
            Some(changed) => self.read(&changed, later),
            None => true,
        }
    }

    fn judge(&mut self, exact: &[u8]) -> bool {
        self.readings += 1;
        self.bytes += exact.len();
        if self.readings > MOST_READINGS || self.bytes > MOST_BYTES {
            return false;
        }
        (self.agree)(Reading {
            exact,
            folded: &fold(exact),
        })
    }
}

fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let escaped = memchr::memchr(b'%', path).is_some();
    escaped
        .then(|| percent_decode(path).collect::<Vec<u8>>())
        .filter(|decoded| decoded != path)
}

/// Full-width letters, ligatures and the like, as the letters they stand for.
fn compatible(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    match std::str::from_utf8(path) {
        Ok(text) if is_nfkc(text) => None,
        Ok(text) => Some(text.nfkc().collect::<String>().into_bytes()),
        Err(_) => shorten_overlong(path),
    }
}

/// `C0 AF` is a slash to a decoder that does not mind the length.
fn shorten_overlong(path: &[u8]) -> Option<Vec<u8>> {
    let mut shortened = Vec::with_capacity(path.len());
    let mut rest = path;
    loop {
        rest = match rest {
            [lead @ (0xC0 | 0xC1), next @ 0x80..=0xBF, tail @ ..] => {
                shortened.push((lead & 0x01) << 6 | (next & 0x3F));
                tail
            }
            [0xE0, middle @ (0x80 | 0x81), next @ 0x80..=0xBF, tail @ ..] => {
                shortened.push((middle & 0x01) << 6 | (next & 0x3F));
                tail
            }
            [byte, tail @ ..] => {
                shortened.push(*byte);
                tail
            }
            [] => break,
        };
    }
    (shortened != path).then_some(shortened)
}

/// A server that decodes before it looks for the query ends the path at a decoded `?`; one written in C ends it at NUL.
fn cut_at_delimiter(path: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memchr3(b'?', b'#', 0, path)?;
    path.get(..at).map(<[u8]>::to_vec)
}

fn turn_backslashes(path: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'\\', path)?;
    Some(
        path.iter()
            .map(|&byte| if byte == b'\\' { b'/' } else { byte })
            .collect(),
    )
}

fn drop_parameters(path: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b';', path)?;
    Some(by_segment(path, |segment| {
        memchr::memchr(b';', segment)
            .and_then(|at| segment.get(..at))
            .unwrap_or(segment)
    }))
}

fn cut_segment_ends(path: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr2(b'.', b' ', path)?;
    let ends = |segment: &[u8]| matches!(segment.last(), Some(b'.' | b' ')) && cut_end(segment) != segment;
    path.split(|&byte| byte == b'/')
        .any(ends)
        .then(|| by_segment(path, cut_end))
}

/// What stays of `. ` or `.. .` is the dot segment that a reader who cuts spaces first would see.
fn cut_end(segment: &[u8]) -> &[u8] {
    let kept = segment
        .iter()
        .rposition(|byte| !matches!(byte, b'.' | b' '))
        .map_or(0, |last| last + 1);
    if kept > 0 {
        return segment.get(..kept).unwrap_or(segment);
    }
    match segment.iter().filter(|&&byte| byte == b'.').count() {
        0 => b"",
        1 => b".",
        _ => b"..",
    }
}

fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(path, b"//")?;
    let mut merged = path.to_vec();
    merged.dedup_by(|byte, before| *byte == b'/' && *before == b'/');
    Some(merged)
}

/// RFC 3986 section 5.2.4.
fn remove_dot_segments(path: &[u8]) -> Option<Vec<u8>> {
    let inner = path.strip_prefix(b"/")?;
    if !inner
        .split(|&byte| byte == b'/')
        .any(|segment| matches!(segment, b"." | b".."))
    {
        return None;
    }
    let mut kept = Vec::with_capacity(path.len());
    let mut ends_in_dots = false;
    for segment in inner.split(|&byte| byte == b'/') {
        ends_in_dots = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => kept.truncate(memchr::memrchr(b'/', &kept).unwrap_or(0)),
            segment => {
                kept.push(b'/');
                kept.extend_from_slice(segment);
            }
        }
    }
    if ends_in_dots || kept.is_empty() {
        kept.push(b'/');
    }
    Some(kept)
}

fn by_segment(path: &[u8], change: impl Fn(&[u8]) -> &[u8]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(path.len());
    for (index, segment) in path.split(|&byte| byte == b'/').enumerate() {
        if index > 0 {
            changed.push(b'/');
        }
        changed.extend_from_slice(change(segment));
    }
    changed
}

#[cfg(test)]
pub(crate) mod tests;
