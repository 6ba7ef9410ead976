//! Whole numbers and sizes, each with its limits in its type.

use serde_json::{Value as Json, json};

use crate::config::faults::Code;
use crate::config::node::{Node, Span};
use crate::config::settings::{Book, Decoding, Setting, Shape, Spell};

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<const MIN: u64, const MAX: u64> Setting for Number<MIN, MAX> {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let text = cx.bare(node, "a whole number")?;
        let Some(number) = digits(&text.text) else {
            let message = not_a_number(&text.text);
            cx.unfit(
                node,
                &text,
                Code::ValueNumber,
                "a whole number in plain digits",
                message,
            );
            return None;
        };
        let number = number.unwrap_or(u64::MAX);
        within(number, MIN..=MAX, node.span, &|limit| limit.to_string(), cx).map(Self)
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "integer", "minimum": MIN, "maximum": MAX });
        Shape::scalar(schema, format!("whole number, {MIN} to {MAX}"))
    }
}

impl<const MIN: u64, const MAX: u64> Spell for Number<MIN, MAX> {
    fn spell(&self) -> Json {
        self.0.into()
    }
}

/// A number of bytes from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size<const MIN: u64, const MAX: u64>(pub(crate) u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl<const MIN: u64, const MAX: u64> Setting for Size<MIN, MAX> {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let text = cx.text(node, "a size")?;
        match size(&text.text) {
            Ok(bytes) => within(bytes, MIN..=MAX, node.span, &spelled, cx).map(Self),
            Err(way_out) => {
                let message = format!("`{}` is not a size{way_out}", text.text);
                cx.unfit(node, &text, Code::ValueSize, "a size like `64KiB`", message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)(B|KiB|MiB|GiB)$" });
        Shape::scalar(schema, format!("size, {} to {}", spelled(MIN), spelled(MAX)))
    }
}

impl<const MIN: u64, const MAX: u64> Spell for Size<MIN, MAX> {
    fn spell(&self) -> Json {
        spelled(self.0).into()
    }
}

/// Bytes, or what to write instead.
fn size(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let Some(number) = digits(number) else {
        return Err("; write a number with its unit, like `64KiB` or `10MiB`".to_owned());
    };
    let number = number.unwrap_or(u64::MAX);
    if unit.is_empty() {
        return Err(format!(
            ": its unit is missing; write `{text}B`, `{text}KiB`, `{text}MiB` or `{text}GiB`"
        ));
    }
    if let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return Ok(number.saturating_mul(*factor));
    }
    let first = unit.trim_start().chars().next().map(|first| first.to_ascii_uppercase());
    let near = UNITS
        .iter()
        .find(|(name, _)| name.chars().next() == first)
        .map_or("KiB", |(name, _)| name);
    Err(format!(
        ": units are B, KiB, MiB and GiB, right behind the number; write `{number}{near}`"
    ))
}

/// In the largest unit that leaves no rest.
fn spelled(bytes: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    unit.map_or_else(
        || format!("{bytes}B"),
        |(name, factor)| format!("{}{name}", bytes / factor),
    )
}

/// A number in plain digits without a leading zero; the inner `None` is one too large to hold.
#[expect(
    clippy::option_option,
    reason = "not a number and too large a number have different faults"
)]
pub(super) fn digits(text: &str) -> Option<Option<u64>> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (plain && !leading_zero).then(|| text.parse().ok())
}

fn not_a_number(text: &str) -> String {
    let bare = text.trim_start_matches('0');
    if !bare.is_empty() && bare.len() < text.len() && bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("`{text}` begins with a zero, which some read as octal; write `{bare}`");
    }
    format!("`{text}` is not a whole number; write digits only")
}

pub(super) fn within<T: Copy + PartialOrd + Default>(
    value: T,
    limits: std::ops::RangeInclusive<T>,
    at: Span,
    spell: &dyn Fn(T) -> String,
    cx: &mut Decoding<'_>,
) -> Option<T> {
    if limits.contains(&value) {
        return Some(value);
    }
    let (least, most) = (spell(*limits.start()), spell(*limits.end()));
    if value == T::default() {
        cx.fault(
            at,
            Code::ValueZero,
            format!("zero never means unlimited; write {least} to {most}"),
        );
    } else {
        cx.fault(at, Code::ValueRange, format!("must be {least} to {most}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused};

    #[test]
    fn numbers_are_plain_digits_within_their_limits() {
        type N = Number<1, 1000>;
        assert_eq!(decoded::<N>("1").0, 1);
        assert_eq!(decoded::<N>("1000").0, 1000);
        assert_eq!(decoded::<N>("\"${env:SEVEN}\"").0, 7);
        assert_eq!(decoded::<N>("1${env:SEVEN}0").0, 170);
        for text in ["010", "+1", "-1", "1_000", "0x10", "1e3", "1.0", "ten", "''", "00"] {
            let code = refused::<N>(text);
            assert!(matches!(code, Code::ValueNumber | Code::ValueType), "{text}: {code}");
        }
        assert_eq!(refused::<N>("0"), Code::ValueZero);
        assert_eq!(refused::<N>("1001"), Code::ValueRange);
        assert_eq!(refused::<N>("99999999999999999999999999"), Code::ValueRange);
        assert_eq!(refused::<N>("\"5\""), Code::ValueType);
        assert_eq!(refused::<N>("[5]"), Code::ValueType);
        assert_eq!(refused::<N>("~"), Code::ValueMissing);
        assert_eq!(decoded::<Number<0, 9>>("0").0, 0);
    }

    #[test]
    #[doc = "CF-01"]
    fn sizes_need_their_unit() {
        type S = Size<1, { 1 << 40 }>;
        for (text, bytes) in [
            ("1B", 1),
            ("64KiB", 65_536),
            ("10MiB", 10 << 20),
            ("2GiB", 2 << 30),
            ("'1KiB'", 1024),
        ] {
            assert_eq!(decoded::<S>(text).0, bytes, "{text}");
        }
        for text in [
            "64", "64KB", "64kib", "64 KiB", "KiB", "1.5MiB", "064KiB", "-1KiB", "64k", "1TiB", "",
        ] {
            let quoted = format!("\"{text}\"");
            assert_eq!(refused::<S>(&quoted), Code::ValueSize, "{text}");
        }
        assert_eq!(refused::<S>("0B"), Code::ValueZero);
        assert_eq!(refused::<S>("99999999999999999999GiB"), Code::ValueRange);
    }

    #[test]
    fn sizes_are_spelled_in_the_largest_unit_that_fits() {
        assert_eq!(spelled(10 << 20), "10MiB");
        assert_eq!(spelled(1500), "1500B");
        assert_eq!(spelled(0), "0B");
        assert_eq!(
            size("64").unwrap_err(),
            ": its unit is missing; write `64B`, `64KiB`, `64MiB` or `64GiB`"
        );
    }
}
