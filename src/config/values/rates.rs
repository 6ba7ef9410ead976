//! Rates: how many in which time, `50/s 100/min 1000/h 1/d`.

use std::time::Duration;

use serde_json::json;

use super::numbers::digits;
use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape};

/// At least one in a second, a minute, an hour or a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) per: Duration,
}

const UNITS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3600), ("d", 86_400)];

impl Setting for Rate {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "a rate")?;
        match rate(&given.text) {
            Ok(rate) => Some(rate),
            Err((code, way_out)) => {
                let message = format!("`{}` is not a rate{way_out}", given.text);
                cx.unfit(node, &given, code, "a rate like `50/s`", message);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^[1-9][0-9]*/(s|min|h|d)$" });
        Shape::scalar(schema, "rate like `50/s`, `100/min`, `1000/h` or `1/d`")
    }
}

/// A rate, or what to write instead.
pub(crate) fn rate(text: &str) -> Result<Rate, (Code, &'static str)> {
    let wanted = "; write it like `50/s`, `100/min`, `1000/h` or `1/d`";
    let (count, unit) = text.split_once('/').ok_or((Code::ValueRate, wanted))?;
    let count = digits(count).ok_or((Code::ValueRate, wanted))?;
    let units = ": the units are s, min, h and d";
    let (_, seconds) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or((Code::ValueRate, units))?;
    let count = count.and_then(|count| u32::try_from(count).ok());
    match count {
        Some(0) => Err((
            Code::ValueZero,
            ": zero never means unlimited; leave the key out for no limit",
        )),
        Some(count) => Ok(Rate {
            count,
            per: Duration::from_secs(*seconds),
        }),
        None => Err((Code::ValueRange, ": it is too large to be a limit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused};

    #[test]
    fn a_rate_is_a_number_and_a_unit_of_time() {
        for (text, count, seconds) in [
            ("50/s", 50, 1),
            ("100/min", 100, 60),
            ("1000/h", 1000, 3600),
            ("1/d", 1, 86_400),
        ] {
            let per = Duration::from_secs(seconds);
            assert_eq!(decoded::<Rate>(text), Rate { count, per }, "{text}");
        }
    }

    #[test]
    #[doc = "CF-01"]
    fn anything_else_is_no_rate() {
        for text in [
            "50", "50/", "/s", "50/m", "50/sec", "50 / s", "05/s", "-1/s", "1.5/s", "50/S", "1e3/s",
        ] {
            assert_eq!(refused::<Rate>(&format!("\"{text}\"")), Code::ValueRate, "{text}");
        }
        assert_eq!(refused::<Rate>("0/s"), Code::ValueZero);
        assert_eq!(refused::<Rate>("4294967296/s"), Code::ValueRange);
        assert_eq!(refused::<Rate>("99999999999999999999/s"), Code::ValueRange);
    }
}
