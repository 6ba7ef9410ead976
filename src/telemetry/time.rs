//! Unix time as people and log shippers read it.

use crate::base::clock::Timestamp;

/// UTC, to the millisecond: `2027-01-31T12:00:00.000Z`.
pub(super) fn rfc3339(at: Timestamp) -> String {
    let time = i64::try_from(at.as_millis())
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    format!("{:.3}", time.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_millisecond_is_always_written_out() {
        assert_eq!(
            rfc3339(Timestamp::from_millis(1_800_000_000_000)),
            "2027-01-15T08:00:00.000Z"
        );
        assert_eq!(
            rfc3339(Timestamp::from_millis(1_800_000_000_007)),
            "2027-01-15T08:00:00.007Z"
        );
    }
}
