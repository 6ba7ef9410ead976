//! Which protocol a connection speaks, on a listener that takes HTTP/2 in clear text: its first bytes tell.

/// What a connection of HTTP/2 begins with (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
    /// Too few bytes to tell.
    Unsure,
}

/// What a connection that begins with `read` speaks. No method of HTTP/1 that is answered here begins as the preface does.
pub(super) fn spoken(read: &[u8]) -> Spoken {
    let (begins, whole) = match read.get(..PREFACE.len()) {
        Some(begins) => (begins, true),
        None => (read, false),
    };
    if !PREFACE.starts_with(begins) {
        return Spoken::Http1;
    }
    if whole { Spoken::Http2 } else { Spoken::Unsure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[doc = "HTTP-15"]
    fn only_the_whole_preface_is_http2() {
        for length in 0..PREFACE.len() {
            assert_eq!(spoken(&PREFACE[..length]), Spoken::Unsure, "{length}");
            let mut other = PREFACE[..length].to_vec();
            other.push(b'~');
            assert_eq!(spoken(&other), Spoken::Http1, "{length}");
        }
        assert_eq!(spoken(PREFACE), Spoken::Http2);
        assert_eq!(spoken(&[&PREFACE[..], b"\0\0\0\x04"].concat()), Spoken::Http2);
        for http1 in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"POST",
            b"PUT",
            b"PATCH",
            b"PRI * HTTP/1.1\r\n",
            b"\x16\x03\x01",
        ] {
            assert_eq!(spoken(http1), Spoken::Http1);
        }
    }
}
