//! Names of fields. `http` takes a quotation mark for a letter where a name comes in HTTP/2; in HTTP/1.1 no name has one,
//! and what a reader there makes of it is anybody's guess.

use http::{HeaderMap, HeaderName};

/// Whether every one of these names can be written in HTTP/1.1.
pub fn are_tokens(headers: &HeaderMap) -> bool {
    headers.keys().all(is_token)
}

fn is_token(name: &HeaderName) -> bool {
    memchr::memchr(b'"', name.as_str().as_bytes()).is_none()
}

/// Without the names that cannot.
pub fn keep_tokens(headers: &mut HeaderMap) {
    let odd: Vec<HeaderName> = headers.keys().filter(|name| !is_token(name)).cloned().collect();
    for name in odd {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    #[doc = "HTTP-07, HTTP-12"]
    fn a_name_that_came_in_http2_is_a_token_of_http1() {
        for byte in 0..=255 {
            let Ok(name) = HeaderName::from_lowercase(&[b'x', byte]) else {
                continue;
            };
            let is_token_byte = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_token(&name), is_token_byte, "{}", byte.escape_ascii());
        }
    }

    #[test]
    fn only_what_is_no_token_goes() {
        let odd = HeaderName::from_lowercase(b"x\"y").unwrap();
        let value = HeaderValue::from_static("1");
        let mut headers = HeaderMap::from_iter([(odd, value.clone()), (HeaderName::from_static("x-y"), value)]);
        assert!(!are_tokens(&headers));
        keep_tokens(&mut headers);
        assert!(are_tokens(&headers) && headers.len() == 1);
    }
}
