//! One write instead of a gathered one, where that is cheaper.
//!
//! A head and a short body come as two pieces. The kernel takes longer to look at a list of pieces than it takes to copy
//! a few hundred bytes next to each other, and a single piece needs no list at all.

use std::io::{self, IoSlice};
use std::task::Poll;

/// More than that is left where it is.
const SHORT: usize = 1024;

/// Write `pieces` by `one` if there is one piece or they are short together, else by `all`.
pub fn write<W>(
    writer: W,
    pieces: &[IoSlice<'_>],
    one: impl FnOnce(W, &[u8]) -> Poll<io::Result<usize>>,
    all: impl FnOnce(W, &[IoSlice<'_>]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<usize>> {
    if let [piece] = pieces {
        return one(writer, piece);
    }
    let mut joined = [0; SHORT];
    match join(pieces, &mut joined) {
        Some(joined) => one(writer, joined),
        None => all(writer, pieces),
    }
}

/// The pieces one after the other, if there is room for all of them.
fn join<'j>(pieces: &[IoSlice<'_>], joined: &'j mut [u8; SHORT]) -> Option<&'j [u8]> {
    let mut length = 0;
    for piece in pieces {
        joined.get_mut(length..length + piece.len())?.copy_from_slice(piece);
        length += piece.len();
    }
    joined.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut out = (Vec::new(), false);
        let done = write(
            &mut out,
            &slices,
            |out, bytes| {
                out.0.extend_from_slice(bytes);
                Poll::Ready(Ok(bytes.len()))
            },
            |out, pieces| {
                out.1 = true;
                pieces.iter().for_each(|piece| out.0.extend_from_slice(piece));
                Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
            },
        );
        assert!(matches!(done, Poll::Ready(Ok(count)) if count == out.0.len()));
        out
    }

    #[test]
    fn short_pieces_are_joined_and_long_ones_are_not_copied() {
        assert_eq!(written(&[b"head", b"", b"body"]), (b"headbody".to_vec(), false));
        let long = vec![b'x'; SHORT * 4];
        assert_eq!(written(&[&long]), (long.clone(), false));
        assert_eq!(written(&[b"head", &long]), ([b"head", &*long].concat(), true));
        let full = vec![b'x'; SHORT - 4];
        assert!(!written(&[b"head", &full]).1);
        assert!(written(&[b"heads", &full]).1);
        assert_eq!(written(&[]), (Vec::new(), false));
    }
}
