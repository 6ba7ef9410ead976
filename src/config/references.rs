//! `${env:NAME}`, `${env:NAME:-default}`, `${file:/path}` and `$${`: found in the text of one scalar, replaced once.
//! What is put in is text and stays text: it is never searched again and never read as YAML.

use std::path::Path;

use super::environment::Environment;
use super::faults::{Code, Findings};
use super::node::Span;
use crate::base::secret::Secret;

/// The largest file behind a `${file:}`.
const FILE_MAX: u64 = 1024 * 1024;

/// A stretch of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
    File(&'a str),
}

/// Whether `text` would be changed or refused by `replace`: it holds a `${`.
pub(super) fn has_reference(text: &str) -> bool {
    text.contains("${")
}

/// Where references are looked up and what went wrong is told.
pub(super) struct References<'a> {
    pub(super) environment: &'a dyn Environment,
    pub(super) findings: &'a mut Findings,
}

impl References<'_> {
    /// The text with its references replaced; `None` means that the fault is told.
    pub(super) fn replace(&mut self, text: &str, at: Span) -> Option<String> {
        let parts = match split(text) {
            Ok(parts) => parts,
            Err(broken) => {
                self.findings.fault(at, Code::ReferenceSyntax, broken.message(false));
                return None;
            }
        };
        let mut replaced = String::with_capacity(text.len());
        let mut whole = true;
        for part in parts {
            match part {
                Part::Text(text) => replaced.push_str(text),
                Part::Variable { name, default } => match self.variable(name, default, at) {
                    Some(value) => replaced.push_str(&value),
                    None => whole = false,
                },
                Part::File(path) => match self.text_file(path, at) {
                    Some(content) => replaced.push_str(&content),
                    None => whole = false,
                },
            }
        }
        whole.then_some(replaced)
    }

    /// A secret: exactly one reference, without a default.
    pub(super) fn secret(&mut self, text: &str, at: Span) -> Option<Secret> {
        let secret = match split(text).as_deref() {
            Ok([Part::Variable { name, default: None }]) => self.variable(name, None, at)?.into_bytes(),
            Ok([Part::File(path)]) => self.file(path, at)?,
            Ok([Part::Variable { default: Some(_), .. }]) => {
                let message = "a secret takes no default: whoever reads the file would know it; write ${env:NAME}";
                self.findings.fault(at, Code::SecretInline, message);
                return None;
            }
            Ok(_) => {
                let message = "a secret is exactly one reference and nothing else: ${env:NAME} or ${file:/path}";
                self.findings.fault(at, Code::SecretInline, message);
                return None;
            }
            Err(broken) => {
                // What stands there may be the secret itself, with a `${` in it: it is not repeated.
                self.findings.fault(at, Code::ReferenceSyntax, broken.message(true));
                return None;
            }
        };
        if secret.is_empty() {
            self.findings
                .fault(at, Code::SecretEmpty, "the secret behind this reference is empty");
            return None;
        }
        Some(Secret::new(secret))
    }

    fn variable(&mut self, name: &str, default: Option<&str>, at: Span) -> Option<String> {
        let value = self
            .environment
            .variable(name)
            .filter(|value| default.is_none() || !value.is_empty());
        match (value, default) {
            (Some(value), _) => match value.into_string() {
                Ok(value) => Some(value),
                Err(_) => {
                    let message = format!("the environment variable {name} is not UTF-8");
                    self.findings.fault(at, Code::EnvEncoding, message);
                    None
                }
            },
            (None, Some(default)) => Some(default.to_owned()),
            (None, None) => {
                let message = format!(
                    "the environment variable {name} is not set; set it, or write ${{env:{name}:-default}} where a \
                     default will do"
                );
                self.findings.fault(at, Code::EnvMissing, message);
                None
            }
        }
    }

    fn text_file(&mut self, path: &str, at: Span) -> Option<String> {
        match String::from_utf8(self.file(path, at)?) {
            Ok(content) => Some(content),
            Err(_) => {
                self.findings
                    .fault(at, Code::FileEncoding, format!("{path} is not UTF-8"));
                None
            }
        }
    }

    fn file(&mut self, path: &str, at: Span) -> Option<Vec<u8>> {
        // Noted before it is read: a file that is missing now is worth watching too.
        self.findings.watch(Path::new(path));
        let mut content = match self.environment.file(Path::new(path), FILE_MAX) {
            Ok(content) => content,
            Err(error) => {
                self.findings
                    .fault(at, Code::FileUnreadable, format!("{path} cannot be read: {error}"));
                return None;
            }
        };
        if content.len() as u64 > FILE_MAX {
            let message = format!("{path} is larger than 1 MiB, the most that a value may hold");
            self.findings.fault(at, Code::FileTooLarge, message);
            return None;
        }
        if content.last() == Some(&b'\n') {
            content.pop();
            if content.last() == Some(&b'\r') {
                content.pop();
            }
        }
        Some(content)
    }
}

/// What follows a `${` and is no reference.
#[derive(Debug, PartialEq, Eq)]
struct Broken<'a>(&'a str);

impl Broken<'_> {
    fn message(&self, hide: bool) -> String {
        let what = if hide {
            "this".to_owned()
        } else {
            format!("`${{{}`", shortened(self.0))
        };
        format!(
            "{what} is not ${{env:NAME}}, ${{env:NAME:-default}} or ${{file:/path}}; a literal `${{` is written `$${{`"
        )
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
    }
}

fn split(text: &str) -> Result<Vec<Part<'_>>, Broken<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            parts.push(Part::Text(before));
            parts.push(Part::Text("${"));
            rest = after;
            continue;
        }
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let (inside, behind) = after.split_once('}').ok_or(Broken(after))?;
        parts.push(reference(inside).ok_or(Broken(after))?);
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn reference(inside: &str) -> Option<Part<'_>> {
    if let Some(path) = inside.strip_prefix("file:") {
        return (!path.is_empty() && !path.contains('\0')).then_some(Part::File(path));
    }
    let variable = inside.strip_prefix("env:")?;
    let (name, default) = match variable.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (variable, None),
    };
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on_well = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (starts_well && goes_on_well).then_some(Part::Variable { name, default })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::environment::Given;

    fn machine() -> Given {
        Given::nothing()
            .with_variable("NAME", "ada")
            .with_variable("EMPTY", "")
            .with_variable("NESTED", "${env:NAME}")
            .with_file("/lf", "one\n")
            .with_file("/lf2", "one\n\n")
            .with_file("/crlf", "one\r\n")
            .with_file("/cr", "one\r")
            .with_file("/binary", [0xff, 0x00, 0x0a])
            .with_file("/empty", "\n")
    }

    fn replace(text: &str) -> Result<String, Vec<Code>> {
        let mut findings = Findings::of("test.yaml");
        let machine = machine();
        let made = References {
            environment: &machine,
            findings: &mut findings,
        }
        .replace(text, Span::default());
        findings
            .close(made)
            .map(|(text, ..)| text)
            .map_err(|faults| faults.iter().map(|f| f.code).collect())
    }

    fn secret(text: &str) -> Result<Vec<u8>, (Code, String)> {
        let mut findings = Findings::of("test.yaml");
        let machine = machine();
        let made = References {
            environment: &machine,
            findings: &mut findings,
        }
        .secret(text, Span::default());
        findings
            .close(made)
            .map(|(secret, ..)| secret.expose().to_vec())
            .map_err(|faults| {
                let fault = faults.iter().next().unwrap();
                (fault.code, fault.message.clone())
            })
    }

    #[test]
    fn references_are_replaced_wherever_they_stand_and_only_once() {
        assert_eq!(replace("${env:NAME}").unwrap(), "ada");
        assert_eq!(replace("a-${env:NAME}-${env:NAME}!").unwrap(), "a-ada-ada!");
        assert_eq!(replace("${env:NESTED}").unwrap(), "${env:NAME}");
        assert_eq!(replace("$${env:NAME}").unwrap(), "${env:NAME}");
        assert_eq!(replace("$$${env:NAME}").unwrap(), "$${env:NAME}");
        assert_eq!(replace("5$ and $NAME and {x}").unwrap(), "5$ and $NAME and {x}");
    }

    #[test]
    fn a_default_serves_for_a_variable_that_is_unset_or_empty() {
        assert_eq!(replace("${env:ABSENT:-x}").unwrap(), "x");
        assert_eq!(replace("${env:EMPTY:-x}").unwrap(), "x");
        assert_eq!(replace("${env:NAME:-x}").unwrap(), "ada");
        assert_eq!(replace("${env:ABSENT:-}").unwrap(), "");
        assert_eq!(replace("${env:ABSENT:-a:-b}").unwrap(), "a:-b");
        assert_eq!(replace("${env:EMPTY}").unwrap(), "");
        assert_eq!(replace("${env:ABSENT}"), Err(vec![Code::EnvMissing]));
        assert_eq!(
            replace("${env:ABSENT}${env:ABSENT2}"),
            Err(vec![Code::EnvMissing, Code::EnvMissing])
        );
    }

    #[test]
    fn a_file_loses_one_final_newline_and_must_be_text_inside_a_scalar() {
        assert_eq!(replace("<${file:/lf}>").unwrap(), "<one>");
        assert_eq!(replace("${file:/lf2}").unwrap(), "one\n");
        assert_eq!(replace("${file:/crlf}").unwrap(), "one");
        assert_eq!(replace("${file:/cr}").unwrap(), "one\r");
        assert_eq!(replace("${file:/binary}"), Err(vec![Code::FileEncoding]));
        assert_eq!(replace("${file:/absent}"), Err(vec![Code::FileUnreadable]));
    }

    #[test]
    fn what_only_looks_like_a_reference_is_refused() {
        for text in [
            "${NAME}",
            "${env:}",
            "${env:1A}",
            "${env:A-B}",
            "${file:}",
            "${env:NAME",
            "${",
            "${vault:x}",
        ] {
            assert_eq!(replace(text), Err(vec![Code::ReferenceSyntax]), "{text}");
        }
    }

    #[test]
    #[doc = "CF-02"]
    fn a_secret_is_exactly_one_reference_without_a_default() {
        assert_eq!(secret("${env:NAME}").unwrap(), b"ada");
        assert_eq!(secret("${file:/lf}").unwrap(), b"one");
        assert_eq!(secret("${file:/binary}").unwrap(), [0xff, 0x00]);
        for text in [
            "hunter2",
            "${env:NAME}x",
            "x${env:NAME}",
            "${env:NAME:-hunter2}",
            "$${env:NAME}",
            "",
        ] {
            let (code, message) = secret(text).unwrap_err();
            assert_eq!(code, Code::SecretInline, "{text}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        assert_eq!(secret("${env:EMPTY}").unwrap_err().0, Code::SecretEmpty);
        assert_eq!(secret("${file:/empty}").unwrap_err().0, Code::SecretEmpty);
        let (code, message) = secret("pa${hunter2").unwrap_err();
        assert_eq!(code, Code::ReferenceSyntax);
        assert!(!message.contains("hunter2"), "{message}");
    }

    proptest! {
        #[test]
        fn text_without_a_reference_stays_as_it_is(text in "[^$]{0,40}") {
            prop_assert_eq!(replace(&text).unwrap(), text);
        }

        #[test]
        fn any_text_can_be_written_with_doubled_dollars(text in "[a${}:\\-]{0,20}") {
            // Only a `$` right before `${` needs care: the escape is the one that begins leftmost.
            prop_assume!(!text.contains("$${"));
            prop_assert_eq!(replace(&text.replace("${", "$${")).unwrap(), text);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = replace(&text);
            let _ = secret(&text);
        }
    }
}
