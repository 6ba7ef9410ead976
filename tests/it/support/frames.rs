//! Frames of HTTP/2 as a client writes and reads them, beside those that an upstream does.

use super::HOST;
pub use super::upstream::frames::*;

pub const PRIORITY: u8 = 2;

pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// What every request begins with.
pub fn pseudo<'t>(method: &'t str, target: &'t str) -> Vec<(&'t str, &'t str)> {
    vec![
        (":method", method),
        (":scheme", "http"),
        (":authority", HOST),
        (":path", target),
    ]
}

/// A whole request without a body.
pub fn get(stream: u32, target: &str) -> Vec<u8> {
    headers(stream, END_STREAM, &pseudo("GET", target))
}

pub fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, more.to_be_bytes())
}

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub fn window_of(size: u32) -> Vec<u8> {
    settings(&[(4, size)])
}

/// The status at the start of a header block: one of HPACK's own, or written out in digits.
pub fn status(block: &[u8]) -> u16 {
    match block {
        [0x88, ..] => 200,
        [0x89, ..] => 204,
        [0x8a, ..] => 206,
        [0x8b, ..] => 304,
        [0x8c, ..] => 400,
        [0x8d, ..] => 404,
        [0x8e, ..] => 500,
        // Beside the name, kept or not: a Huffman string of three digits, each of five or six bits.
        [0x48 | 0x08 | 0x18, length, rest @ ..] if length & 0x80 != 0 => {
            let length = usize::from(length & 0x7f);
            let mut bits = rest[..length]
                .iter()
                .flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)));
            let mut number = 0;
            for _ in 0..3 {
                let five = (0..5).fold(0, |digit, _| digit << 1 | bits.next().unwrap());
                let digit = if five < 3 {
                    five
                } else {
                    (five << 1 | bits.next().unwrap()) - 22
                };
                number = number * 10 + digit;
            }
            number
        }
        [0x48 | 0x08 | 0x18, 3, a, b, c, ..] => [a, b, c].iter().fold(0, |n, digit| n * 10 + u16::from(**digit - b'0')),
        other => panic!("no status in {}", other.escape_ascii()),
    }
}
