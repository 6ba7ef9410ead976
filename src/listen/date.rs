//! The `Date` of answers (RFC 9110 section 6.6.1), written anew once a second. In HTTP/1 hyper does it.

use std::cell::{Cell, RefCell};

use http::HeaderValue;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::base::clock::Timestamp;

#[derive(Debug)]
pub struct Date {
    /// Since the Unix epoch.
    second: Cell<u64>,
    written: RefCell<Option<HeaderValue>>,
}

impl Default for Date {
    fn default() -> Self {
        Self {
            second: Cell::new(u64::MAX),
            written: RefCell::default(),
        }
    }
}

impl Date {
    /// `now`, as HTTP writes it; nothing for a time beyond the year 9999.
    pub fn at(&self, now: Timestamp) -> Option<HeaderValue> {
        let second = now.as_millis() / 1000;
        if self.second.replace(second) != second {
            *self.written.borrow_mut() = written(second);
        }
        self.written.borrow().clone()
    }
}

fn written(second: u64) -> Option<HeaderValue> {
    let timestamp = jiff::Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()?;
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it_and_follows_the_clock() {
        let date = Date::default();
        let at = |millis| date.at(Timestamp::from_millis(millis)).unwrap();
        assert_eq!(at(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(784_111_777_999), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(784_111_778_000), "Sun, 06 Nov 1994 08:49:38 GMT");
    }
}
