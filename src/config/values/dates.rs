//! Points in time: a day, or a day with time and zone, `2027-01-01` or `2027-01-01T12:00:00Z`.

use serde_json::json;

use crate::base::clock::Timestamp;
use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape};

/// A day alone means its beginning in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) Timestamp);

impl Setting for Date {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a date")?;
        if let Some(at) = date(&given.text) {
            return Some(Self(at));
        }
        let message = format!(
            "`{}` is not a date; write it like `2027-01-01`, which is the beginning of that day in UTC, or like \
             `2027-01-01T12:00:00Z`",
            given.text
        );
        cx.unfit(node, &given, Code::ValueDate, "a date like `2027-01-01`", message);
        None
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$" });
        Shape::scalar(schema, "date like `2027-01-01` or `2027-01-01T12:00:00Z`")
    }
}

/// The moment that `text` says, if it says one after 1970.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    // The library reads more spellings than anybody would recognise as a date.
    let shape: Vec<u8> = text.bytes().take(10).collect();
    let is_day = shape.len() == 10
        && shape.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_day {
        return None;
    }
    let at = match text.len() {
        10 => text
            .parse::<jiff::civil::Date>()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp(),
        _ if text.as_bytes().get(10) == Some(&b'T') => text.parse::<jiff::Timestamp>().ok()?,
        _ => return None,
    };
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused};

    #[test]
    fn a_day_begins_at_midnight_in_utc_and_a_time_says_its_zone() {
        for (text, millis) in [
            ("2027-01-01", 1_798_761_600_000),
            ("2027-01-01T00:00:00Z", 1_798_761_600_000),
            ("2027-01-01T01:30:00+01:00", 1_798_763_400_000),
            ("1970-01-01", 0),
        ] {
            assert_eq!(decoded::<Date>(text).0, Timestamp::from_millis(millis), "{text}");
        }
    }

    #[test]
    #[doc = "CF-01"]
    fn what_names_no_moment_is_no_date() {
        for text in [
            "2027",
            "2027-1-1",
            "20270101",
            "2027-02-30",
            "2027-01-01T12:00:00",
            "2027-01-01 12:00:00Z",
            "1969-12-31",
            "tomorrow",
            "-2027-01-01",
            "2027-01-01T",
            "01.01.2027",
            "2027-W01-1",
        ] {
            assert_eq!(refused::<Date>(&format!("\"{text}\"")), Code::ValueDate, "{text}");
        }
    }
}
