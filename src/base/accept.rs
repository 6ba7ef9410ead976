//! Which of the offered media types an `Accept` field likes best (RFC 9110 section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

/// How much a client wants `offered` (a media type without parameters), from 0 to 1000.
///
/// The most specific range that covers the type decides; without any `Accept` field everything is wanted.
pub fn quality(headers: &HeaderMap, offered: &str) -> u16 {
    let mut asked = false;
    let mut best = (0, 0);
    for field in headers.get_all(ACCEPT) {
        asked = true;
        for range in split_unquoted(field.as_bytes(), b',') {
            if let Some((specific, quality)) = judge(range, offered)
                && specific >= best.0
            {
                // Of two equal ranges the better word counts: `text/html;level=1;q=0.2, text/html`.
                best = (
                    specific,
                    if specific == best.0 {
                        quality.max(best.1)
                    } else {
                        quality
                    },
                );
            }
        }
    }
    if asked { best.1 } else { 1000 }
}

/// How specifically one range covers `offered`, and the quality it gives.
fn judge(range: &[u8], offered: &str) -> Option<(u8, u16)> {
    let mut parts = split_unquoted(range, b';').map(<[u8]>::trim_ascii);
    let range = parts.next()?;
    let (kind, _) = offered.split_once('/')?;
    let specific = if range.eq_ignore_ascii_case(offered.as_bytes()) {
        3
    } else if range == b"*/*" {
        1
    } else if range
        .strip_suffix(b"/*")
        .is_some_and(|asked| asked.eq_ignore_ascii_case(kind.as_bytes()))
    {
        2
    } else {
        return None;
    };
    let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    Some((specific, weight.map_or(1000, thousandths)))
}

/// `0.85` is 850. What is no quality counts as not wanted.
fn thousandths(weight: &[u8]) -> u16 {
    let digits = match weight {
        [b'0'] | [b'0', b'.'] => return 0,
        [b'1'] | [b'1', b'.'] => return 1000,
        [b'1', b'.', zeros @ ..] if zeros.len() <= 3 && zeros.iter().all(|digit| *digit == b'0') => return 1000,
        [b'0', b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return 0,
    };
    let mut total = 0;
    for place in 0..3 {
        let digit = digits.get(place).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return 0;
        }
        total = total * 10 + u16::from(digit - b'0');
    }
    total
}

/// Split at `separator`, but not inside quotes.
fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        if escaped {
            escaped = false;
        } else if quoted && *byte == b'\\' {
            escaped = true;
        } else if *byte == b'"' {
            quoted = !quoted;
        }
        !quoted && *byte == separator
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn asked(accept: &'static str, offered: &str) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        quality(&headers, offered)
    }

    #[test]
    fn the_most_specific_range_decides() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(asked(browser, "text/html"), 1000);
        assert_eq!(asked(browser, "application/json"), 800);
        assert_eq!(asked("text/*;q=0.3, text/html;q=0.7, */*;q=0.5", "text/html"), 700);
        assert_eq!(asked("*/*, text/html;q=0", "text/html"), 0);
        assert_eq!(asked("text/html ; level=1 ; Q=0.25", "TEXT/html"), 250);
    }

    #[test]
    fn no_accept_field_means_anything_and_an_odd_one_means_nothing() {
        assert_eq!(quality(&HeaderMap::new(), "text/html"), 1000);
        for odd in [
            "",
            "text",
            "text/html;q=2",
            "text/html;q=-1",
            "text/html;q=0.1234",
            "text/html;q=1.5",
            "/*",
        ] {
            assert_eq!(asked(odd, "text/html"), 0, "{odd:?}");
        }
    }

    #[test]
    fn a_comma_in_quotes_separates_nothing() {
        assert_eq!(asked(r#"text/plain;note="a\",text/html", image/png"#, "text/html"), 0);
        assert_eq!(asked(r#"text/plain;note="a", text/html;q=0.4"#, "text/html"), 400);
    }
}
