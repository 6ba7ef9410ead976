//! Names for one request: its id and its place in a trace. Both are header values, made once and cloned by count.

use std::fmt;

use http::HeaderValue;

use super::clock::Timestamp;
use super::random::Random;

/// The id of a request: a UUIDv7 of ours, or the client's own when it is short and harmless.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    pub fn new(now: Timestamp, random: &mut Random) -> Self {
        let id = uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &random.bytes()).into_uuid();
        Self(ascii(id.hyphenated().encode_lower(&mut [0; 36])))
    }

    /// The id a client sent, if it can stand in a log line as it is (LG-02).
    pub fn given(value: &HeaderValue) -> Option<Self> {
        let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let fits = (1..=128).contains(&value.len()) && value.as_bytes().iter().all(harmless);
        fits.then(|| Self(value.clone()))
    }

    pub fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A W3C `traceparent`, version 00.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceParent(HeaderValue);

const TRACE_ID: std::ops::Range<usize> = 3..35;
const SPAN_ID: std::ops::Range<usize> = 36..52;
const TRACEPARENT_LEN: usize = 55;

/// The two digits of every byte.
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(
            clippy::indexing_slicing,
            reason = "a byte has 256 values and two digits; checked while compiling"
        )]
        {
            table[byte] = [digits[byte >> 4], digits[byte & 15]];
        }
        byte += 1;
    }
    table
};

impl TraceParent {
    /// The start of a trace that nobody has asked to sample.
    pub fn new(random: &mut Random) -> Self {
        let mut ids = random.bytes::<24>();
        // An id of zeros means none.
        ids[0] |= 1;
        ids[16] |= 1;
        let mut text = *b"00-0123456789abcdef0123456789abcdef-0123456789abcdef-00";
        let (trace, span) = ids.split_at(16);
        for (id, place) in [(trace, TRACE_ID), (span, SPAN_ID)] {
            let digits = text.get_mut(place).unwrap_or_default().chunks_exact_mut(2);
            for (byte, pair) in id.iter().zip(digits) {
                #[expect(clippy::indexing_slicing, reason = "the table has an entry for every byte")]
                pair.copy_from_slice(&HEX[usize::from(*byte)]);
            }
        }
        Self(HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("invalid")))
    }

    /// The one a client sent, if it is well formed.
    pub fn given(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let dashes = [2, 35, 52].iter().all(|&at| bytes.get(at) == Some(&b'-'));
        let hex = |range: std::ops::Range<usize>| {
            let digits = bytes.get(range).unwrap_or_default();
            digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let not_zero = |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|id| id.iter().any(|b| *b != b'0'));
        let well_formed = bytes.len() == TRACEPARENT_LEN
            && bytes.starts_with(b"00")
            && dashes
            && hex(TRACE_ID)
            && hex(SPAN_ID)
            && hex(53..55)
            && not_zero(TRACE_ID)
            && not_zero(SPAN_ID);
        well_formed.then(|| Self(value.clone()))
    }

    pub fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.0
            .to_str()
            .ok()
            .and_then(|text| text.get(TRACE_ID))
            .unwrap_or_default()
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_7_uuid_of_its_millisecond() {
        let id = RequestId::new(Timestamp::from_millis(0x0192_3456_789a), &mut Random::system());
        assert!(id.as_str().starts_with("01923456-789a-7"), "{id}");
        assert_eq!(id.as_str().len(), 36);
    }

    #[test]
    fn a_clients_id_is_kept_only_when_it_can_stand_in_a_log() {
        let given = |text: &str| RequestId::given(&HeaderValue::from_str(text).unwrap()).is_some();
        assert!(given("req-1_2.3"));
        assert!(!given(""));
        assert!(!given("a b"));
        assert!(!given("a\"b"));
        assert!(!given(&"a".repeat(129)));
    }

    #[test]
    fn a_trace_is_made_well_formed_and_continued_only_when_well_formed() {
        let made = TraceParent::new(&mut Random::system());
        assert_eq!(TraceParent::given(made.as_header()).as_ref(), Some(&made), "{made:?}");
        assert_eq!(made.trace_id().len(), 32);
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let given = |text: &str| TraceParent::given(&HeaderValue::from_str(text).unwrap()).is_some();
        assert!(given(good));
        for bad in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01",
        ] {
            assert!(!given(bad), "{bad}");
        }
    }
}
