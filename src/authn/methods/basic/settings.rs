//! The settings of `basic`: what is written in the file comes in, users with readable hashes go out.

use std::collections::HashSet;
use std::sync::Arc;

use super::credential::NAME_MAX;
use crate::authn::principal::Principal;
use crate::config::faults::Code;
use crate::config::node::Span;
use crate::config::settings::{Decoding, Field, settings};
use crate::config::values::{List, Written};
use crate::identity::passwords::PasswordHash;

settings! {
    /// A name and a password with each request (RFC 7617). Only for connections that nobody else can read.
    struct RawBasic as "basic" {
        /// Who may come in.
        required users: List<RawUser>,
    }
}

settings! {
    /// A user of `basic`.
    struct RawUser as "basic user" {
        /// The name, which is the principal's id, too. No colon; at most 255 bytes.
        required name: Written,
        /// The hash of the password: what `portcullis hash-password` prints. argon2id, argon2i and bcrypt are verified.
        required hash: Written,
        /// The roles of this user.
        optional roles: List<Written>,
        /// The permissions of this user, besides those of the roles.
        optional permissions: List<Written>,
        /// The scopes of this user.
        optional scopes: List<Written>,
    }
}

const WAY_OUT: &str = "make one with `portcullis hash-password`";

/// Somebody with a password.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) principal: Principal,
    pub(super) hash: Arc<PasswordHash>,
}

impl RawBasic {
    pub(super) fn check(&self, cx: &mut Decoding<'_>) -> Option<Vec<User>> {
        let written = self.users.value()?;
        if written.is_empty() {
            let message = "there are no users: nobody could come in; add one or leave the authenticator out";
            cx.fault(self.users.place(self.at), Code::ValueEmpty, message);
            return None;
        }
        let mut names = HashSet::new();
        let users: Vec<_> = written.values().map(|user| user.check(&mut names, cx)).collect();
        let users = users.into_iter().collect::<Option<Vec<_>>>()?;
        written.whole.then_some(users)
    }
}

impl RawUser {
    fn check(&self, names: &mut HashSet<Box<str>>, cx: &mut Decoding<'_>) -> Option<User> {
        let name = name(&self.name, self.at, cx);
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            let message = "this name stands there twice; which password would be right?";
            cx.fault(self.name.place(self.at), Code::UserDuplicate, message);
        }
        let hash = hash(&self.hash, self.at, cx);
        let principal = Principal {
            id: name?,
            roles: texts(&self.roles)?,
            permissions: texts(&self.permissions)?,
            scopes: texts(&self.scopes)?,
            ..Principal::default()
        };
        Some(User {
            principal,
            hash: Arc::new(hash?),
        })
    }
}

fn name(field: &Field<Written>, at: Span, cx: &mut Decoding<'_>) -> Option<Box<str>> {
    let written = field.value()?;
    let text = &*written.text;
    let is_sendable = !text.contains(':') && !text.chars().any(char::is_control) && text.len() <= NAME_MAX;
    if !is_sendable || text.trim() != text {
        let message = format!(
            "`{}` cannot be a user's name: no colon, no control character, no space around it, at most {NAME_MAX} bytes",
            written.shown().escape_debug()
        );
        cx.fault(field.place(at), Code::NameInvalid, message);
        return None;
    }
    Some(text.into())
}

/// The text is not repeated: whoever reads the report could try passwords on it.
fn hash(field: &Field<Written>, at: Span, cx: &mut Decoding<'_>) -> Option<PasswordHash> {
    let place = field.place(at);
    match PasswordHash::parse(&field.value()?.text) {
        Ok(hash) => {
            if hash.is_weak() {
                let message = format!("this password hash is quick to guess for whoever reads it; {WAY_OUT}");
                cx.findings.warn(place, Code::HashWeak, message);
            }
            Some(hash)
        }
        Err(fault) => {
            let message = format!("this is not a password hash to verify: {fault}; {WAY_OUT}");
            cx.fault(place, Code::HashInvalid, message);
            None
        }
    }
}

/// An element that could not be read is told already.
fn texts(field: &Field<List<Written>>) -> Option<Vec<Box<str>>> {
    match field {
        Field::Absent => Some(Vec::new()),
        field => {
            let list = field.value().filter(|list| list.whole)?;
            Some(list.values().map(|written| (&*written.text).into()).collect())
        }
    }
}
