//! The body of an operation, read strictly: one JSON object, each member once and of a known name. Everything that is
//! wrong with it is told in one answer.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::authn::jose::json::object;
use crate::base::clock::Timestamp;
use crate::config::values::{date, duration};
use crate::problem::{Code, Problem};

/// Names go into logs and headers, as the same names of the file do.
pub const NAME_MAX: usize = 128;

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Missing,
    Invalid,
    /// No such member; or it names something that is not there.
    Unknown,
    /// Beside another member it may not stand.
    Conflict,
}

/// The members that nobody has read yet, and what was wrong with the others.
pub(super) struct Input {
    members: Map<String, Json>,
    errors: Vec<Json>,
}

impl Input {
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let members = object(body).map_err(|fault| {
            let detail = format!("The body {fault}.");
            Problem::new(Code::InputInvalid).with_detail(detail)
        })?;
        let errors = Vec::new();
        Ok(Self { members, errors })
    }

    /// What `read` makes of the text under `name`, if it is there. A `null` is as good as nothing.
    pub(super) fn text<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        let read = value.as_str().and_then(read);
        if read.is_none() {
            self.wrong(name, Wrong::Invalid);
        }
        read
    }

    /// The same of a list of texts; without it there are none.
    pub(super) fn texts<T>(&mut self, name: &str, read: impl FnMut(&str) -> Option<T>) -> Vec<T> {
        let Some(value) = self.members.remove(name).filter(|value| !value.is_null()) else {
            return Vec::new();
        };
        let texts = value
            .as_array()
            .and_then(|list| list.iter().map(Json::as_str).collect::<Option<Vec<_>>>());
        let read = texts.and_then(|texts| texts.into_iter().map(read).collect());
        read.unwrap_or_else(|| {
            self.wrong(name, Wrong::Invalid);
            Vec::new()
        })
    }

    pub(super) fn wrong(&mut self, name: &str, wrong: Wrong) {
        self.errors.push(json!({ "field": name, "code": wrong.as_str() }));
    }

    /// Whether something was wrong with this member.
    pub(super) fn is_wrong(&self, name: &str) -> bool {
        self.errors
            .iter()
            .any(|error| error.get("field").and_then(Json::as_str) == Some(name))
    }

    /// To be asked when every member that means something has been read.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let unread: Vec<String> = self.members.keys().cloned().collect();
        for name in unread {
            self.wrong(&name, Wrong::Unknown);
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Code::InputInvalid).with_errors(self.errors))
    }
}

impl Wrong {
    fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
            Self::Conflict => "conflict",
        }
    }
}

/// When something ends, as people say it: in a while, or at a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    After(Duration),
    At(Timestamp),
}

impl Expiry {
    /// `90d`, `12h`, `2027-01-01` or `2027-01-01T12:00:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(at) = date(text) {
            return Some(Self::At(at));
        }
        duration(text).ok().filter(|span| !span.is_zero()).map(Self::After)
    }

    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::After(span) => {
                let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
                Timestamp::from_millis(now.as_millis().saturating_add(millis))
            }
        }
    }

    /// The end as seen from `now`, if that still lies ahead.
    pub(super) fn ahead(text: &str, now: Timestamp) -> Option<Timestamp> {
        Self::parse(text)
            .map(|expiry| expiry.from(now))
            .filter(|end| *end > now)
    }
}

/// A name that can stand in a header, a log line and a rule.
pub fn name(text: &str) -> Option<Box<str>> {
    let printable = !text.is_empty() && text.len() <= NAME_MAX && !text.chars().any(char::is_control);
    printable.then(|| text.into())
}

/// To the second, in UTC.
pub fn time(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "never".to_owned(), |at| at.to_string())
}
