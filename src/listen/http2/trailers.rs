//! Pseudo-fields have no place among trailers (RFC 9113 section 8.1), and h2 drops them there without a word. This finds
//! them in a header block as it came. It unpacks nothing and remembers nothing, so a field that is only named by its
//! number in the table of what came before is not known to it; no pseudo-field ever passes either way.

/// The first fields of HPACK's own table: `:authority` to `:status`.
const PSEUDO_FIELDS: usize = 14;

/// What `:` at the start of a name looks like in HPACK's Huffman code: seven bits.
const HUFFMAN_COLON: u8 = 0b101_1100;

/// Whether the block names one. A block that is none is for h2 to judge.
pub(super) fn have_pseudo_field(block: &[u8]) -> bool {
    let mut rest = Block(block);
    while !rest.0.is_empty() {
        match rest.field_is_pseudo() {
            Some(false) => {}
            Some(true) => return true,
            None => return false,
        }
    }
    false
}

struct Block<'b>(&'b [u8]);

impl Block<'_> {
    /// Reads one field; nothing when there is no whole one.
    fn field_is_pseudo(&mut self) -> Option<bool> {
        let first = *self.0.first()?;
        let prefix = match first {
            // By number, name and value.
            0x80.. => return Some((1..=PSEUDO_FIELDS).contains(&self.number(7)?)),
            // A new size of the table.
            0x20..0x40 => {
                self.number(5)?;
                return Some(false);
            }
            0x40..0x80 => 6,
            0x00..0x20 => 4,
        };
        let is_pseudo = match self.number(prefix)? {
            0 => {
                let is_packed = self.0.first()? & 0x80 != 0;
                let name = self.text()?;
                match name.first() {
                    Some(start) if is_packed => start >> 1 == HUFFMAN_COLON,
                    start => start == Some(&b':'),
                }
            }
            number => number <= PSEUDO_FIELDS,
        };
        self.text()?;
        Some(is_pseudo)
    }

    /// An integer of which the first byte holds `prefix` bits (RFC 7541 section 5.1).
    fn number(&mut self, prefix: u32) -> Option<usize> {
        let most = (1_usize << prefix) - 1;
        let mut number = usize::from(self.byte()?) & most;
        if number < most {
            return Some(number);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&[u8]> {
        let length = self.number(7)?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(first: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
        let length = |text: &[u8]| u8::try_from(text.len()).unwrap();
        [&[first, length(name)], name, &[length(value)], value].concat()
    }

    #[test]
    #[doc = "HTTP-12"]
    fn a_pseudo_field_is_found_in_every_spelling_and_nothing_else() {
        for first in [0x00, 0x10, 0x40] {
            assert!(have_pseudo_field(&literal(first, b":path", b"/")));
            assert!(!have_pseudo_field(&literal(first, b"x-sum", b":path")));
            // The name by its number.
            assert!(have_pseudo_field(&[first | 4, 1, b'/']));
            assert!(have_pseudo_field(&[first | 14, 1, b'x']));
        }
        // Packed names: `:path`, and `x-sum`.
        assert!(have_pseudo_field(&[0x00, 0x84, 0xb9, 0x58, 0xd3, 0x3f, 0x01, b'/']));
        assert!(!have_pseudo_field(&[0x00, 0x84, 0xf2, 0xb4, 0x2d, 0xa4, 0x01, b'/']));
        // By number alone: the first and the last of them, the next one, and one that was remembered.
        assert!(have_pseudo_field(&[0x81]) && have_pseudo_field(&[0x8e]));
        assert!(!have_pseudo_field(&[0x8f]) && !have_pseudo_field(&[0xbe]) && !have_pseudo_field(&[0xff, 0x00]));
        // Behind others.
        let block = [&[0x3f, 0x21][..], &literal(0x40, b"x-a", &[b'x'; 126]), &[0xbe, 0x83]].concat();
        assert!(have_pseudo_field(&block));
    }

    #[test]
    fn what_is_no_block_is_left_to_others() {
        let block = literal(0x00, b"x-sum", b"1");
        for end in 0..block.len() {
            assert!(!have_pseudo_field(&block[..end]));
        }
        assert!(!have_pseudo_field(&[0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]));
    }
}
