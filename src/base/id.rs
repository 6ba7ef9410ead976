//! Names for one request: its id and its place in a trace.

use std::fmt;

use super::clock::Timestamp;
use super::random::Random;

/// UUIDv7: sorts by time, and says nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(uuid::Uuid);

impl RequestId {
    pub fn new(now: Timestamp, random: &mut Random) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &random.bytes()).into_uuid())
    }

    /// The usual spelling, written into `buffer`.
    pub fn encode(self, buffer: &mut [u8; 36]) -> &str {
        self.0.hyphenated().encode_lower(buffer)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_7_uuid_of_its_millisecond() {
        let id = RequestId::new(Timestamp::from_millis(0x0192_3456_789a), &mut Random::system());
        let text = id.to_string();
        assert!(text.starts_with("01923456-789a-7"), "{text}");
        assert_eq!(id.encode(&mut [0; 36]), text);
    }
}
