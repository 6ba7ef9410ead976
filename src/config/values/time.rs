//! Durations: a whole number and one unit, `250ms 30s 5m 12h 30d`.

use std::time::Duration;

use jiff::SpanRelativeTo;
use serde_json::{Value as Json, json};

use super::numbers::{digits, within};
use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

/// A duration from `MIN` to `MAX` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time<const MIN: u64, const MAX: u64>(pub(crate) Duration);

impl<const MIN: u64, const MAX: u64> Setting for Time<MIN, MAX> {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let text = cx.text(node, "a duration")?;
        match duration(&text.text) {
            Ok(duration) => {
                let limits = Duration::from_millis(MIN)..=Duration::from_millis(MAX);
                within(duration, limits, node.span, &spelled, cx).map(Self)
            }
            Err(way_out) => {
                let message = format!("`{}` is not a duration{way_out}", text.text);
                cx.unfit(node, &text, Code::ValueDuration, "a duration like `30s`", message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)(ms|s|m|h|d)$" });
        let (least, most) = (spelled(Duration::from_millis(MIN)), spelled(Duration::from_millis(MAX)));
        Shape::scalar(schema, format!("duration, {least} to {most}"))
    }
}

impl<const MIN: u64, const MAX: u64> Spell for Time<MIN, MAX> {
    fn spell(&self) -> Json {
        spelled(self.0).into()
    }
}

/// A duration, or what to write instead.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if digits(number).is_none() {
        return Err("; write a whole number with its unit, like `250ms`, `30s`, `5m`, `12h` or `30d`".to_owned());
    }
    match unit {
        "" => Err(format!(
            ": its unit is missing; write `{text}ms`, `{text}s`, `{text}m`, `{text}h` or `{text}d`"
        )),
        "ms" | "s" | "m" | "h" | "d" => Ok(arithmetic(text).unwrap_or(Duration::MAX)),
        _ => Err(": it is one whole number and one of the units ms, s, m, h and d, like `90s`".to_owned()),
    }
}

/// `None` is one that nobody lives to see the end of.
fn arithmetic(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .ok()?
        .try_into()
        .ok()
}

fn spelled(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let unit = units
        .iter()
        .find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) => format!("{}{name}", millis / factor),
        None if millis == 0 || millis == 1000 => format!("{}s", millis / 1000),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused};

    type T = Time<1, 31_536_000_000>;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("12h", 43_200_000),
            ("30d", 2_592_000_000_u64),
        ] {
            assert_eq!(decoded::<T>(text).0, Duration::from_millis(millis), "{text}");
            assert_eq!(spelled(Duration::from_millis(millis)), text);
        }
        assert_eq!(decoded::<T>("\"${env:SEVEN}s\"").0, Duration::from_secs(7));
        assert_eq!(decoded::<Time<0, 9>>("0s").0, Duration::ZERO);
    }

    #[test]
    #[doc = "CF-01"]
    fn durations_without_a_unit_or_with_another_one_are_refused() {
        let not_durations = [
            "30", "30 s", "1h30m", "1.5s", "-5s", "+5s", "030s", "PT30S", "5min", "1mo", "1w", "1y", "s", "30S", "1us",
            "5s ago", "10S", "",
        ];
        for text in not_durations {
            assert_eq!(refused::<T>(&format!("\"{text}\"")), Code::ValueDuration, "{text}");
        }
        assert_eq!(refused::<T>("0s"), Code::ValueZero);
        assert_eq!(refused::<T>("366d"), Code::ValueRange);
        assert_eq!(refused::<T>("99999999999999999999d"), Code::ValueRange);
        assert_eq!(
            duration("30").unwrap_err(),
            ": its unit is missing; write `30ms`, `30s`, `30m`, `30h` or `30d`"
        );
    }
}
