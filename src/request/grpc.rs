//! Whether a request is a call of gRPC, and how long its caller waits.
//!
//! gRPC names itself by its content type and travels as POST over HTTP/2. Its caller may say in `grpc-timeout` how long it
//! waits for the whole call: that is passed on, and held here too.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// A call of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// How long its caller waits for all of it.
    pub timeout: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout is no number of 1 to 8 digits with one of the units H, M, S, m, u, n, sent once")]
pub struct TimeoutFault;

impl Grpc {
    /// `is_typed` says whether the content type was found to be [one of gRPC](names_grpc).
    ///
    /// A call is free of a body's limits: over HTTP/1, where none can be made, a content type must not buy that.
    pub fn read(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        is_typed: bool,
    ) -> Result<Option<Self>, TimeoutFault> {
        if !is_typed || *method != Method::POST || version != Version::HTTP_2 {
            return Ok(None);
        }
        let mut fields = headers.get_all(GRPC_TIMEOUT).iter();
        let timeout = match (fields.next(), fields.next()) {
            (None, _) => None,
            (Some(field), None) => Some(duration(field.as_bytes()).ok_or(TimeoutFault)?),
            (Some(_), Some(_)) => return Err(TimeoutFault),
        };
        Ok(Some(Self { timeout }))
    }
}

/// `application/grpc`, alone or with a format or a parameter behind it. `application/grpc-web` is another protocol, which
/// looks like any request to what stands between.
pub fn names_grpc(content_type: &HeaderValue) -> bool {
    const TYPE: &[u8] = b"application/grpc";
    let value = content_type.as_bytes();
    let (Some(name), rest) = (value.get(..TYPE.len()), value.get(TYPE.len()..)) else {
        return false;
    };
    name.eq_ignore_ascii_case(TYPE) && matches!(rest.and_then(<[u8]>::first), None | Some(b'+' | b';' | b' ' | b'\t'))
}

fn duration(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        method: Method,
        content_type: &'static str,
        timeouts: &[&'static str],
    ) -> Result<Option<Grpc>, TimeoutFault> {
        let mut headers = HeaderMap::new();
        for timeout in timeouts {
            headers.append(GRPC_TIMEOUT, HeaderValue::from_static(timeout));
        }
        let is_typed = names_grpc(&HeaderValue::from_static(content_type));
        Grpc::read(&method, Version::HTTP_2, &headers, is_typed)
    }

    #[test]
    fn a_call_names_itself_by_its_content_type() {
        for call in [
            "application/grpc",
            "application/grpc+proto",
            "Application/gRPC;x=y",
            "application/grpc ; a=b",
        ] {
            assert!(read(Method::POST, call, &[]).unwrap().is_some(), "{call}");
            assert!(read(Method::GET, call, &["nonsense"]).unwrap().is_none(), "{call}");
        }
        for other in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpcx",
            "application/grp",
            "text/plain",
            "",
        ] {
            assert!(read(Method::POST, other, &["nonsense"]).unwrap().is_none(), "{other}");
        }
    }

    #[test]
    fn a_call_comes_over_http2() {
        let headers = HeaderMap::from_iter([(GRPC_TIMEOUT, HeaderValue::from_static("nonsense"))]);
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(
                Grpc::read(&Method::POST, version, &headers, true),
                Ok(None),
                "{version:?}"
            );
        }
        let read = Grpc::read(&Method::POST, Version::HTTP_2, &headers, true);
        assert_eq!(read, Err(TimeoutFault));
    }

    #[test]
    fn a_timeout_is_up_to_eight_digits_and_a_unit() {
        for (text, nanos) in [
            ("1H", 3_600_000_000_000),
            ("2M", 120_000_000_000),
            ("003S", 3_000_000_000),
            ("100m", 100_000_000),
            ("99999999u", 99_999_999_000),
            ("5n", 5),
            ("0S", 0),
        ] {
            let timeout = read(Method::POST, "application/grpc", &[text])
                .unwrap()
                .unwrap()
                .timeout;
            assert_eq!(timeout, Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in [
            "",
            "S",
            "5",
            "123456789S",
            "-1S",
            "+1S",
            "1.5S",
            "1s",
            "1 S",
            " 1S",
            "1SS",
            "0x1S",
        ] {
            assert_eq!(
                read(Method::POST, "application/grpc", &[text]),
                Err(TimeoutFault),
                "{text}"
            );
        }
        assert_eq!(read(Method::POST, "application/grpc", &["1S", "1S"]), Err(TimeoutFault));
        assert_eq!(
            read(Method::POST, "application/grpc", &[]),
            Ok(Some(Grpc { timeout: None }))
        );
    }
}
