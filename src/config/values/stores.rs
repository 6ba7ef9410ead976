//! Where the store is: `sqlite://data/portcullis.db`.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::config::faults::Code;
use crate::config::node::Node;
use crate::config::settings::{Book, Decoding, Setting, Shape};

/// The file of an embedded database. Relative paths are relative to the working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StorePlace(pub(crate) Arc<Path>);

const WANTED: &str =
    "write it like `sqlite://data/portcullis.db`, or `sqlite:///var/lib/portcullis/store.db` for an absolute path";

impl Setting for StorePlace {
    fn decode(node: &Node, cx: &mut Decoding<'_>) -> Option<Self> {
        let given = cx.text(node, "the address of a store")?;
        match path(&given.text) {
            Ok(path) => Some(Self(Path::new(path).into())),
            // The text is not repeated: a password may stand in it.
            Err((code, way_out)) => {
                cx.fault(node.span, code, way_out);
                None
            }
        }
    }

    fn describe(_: &mut Book) -> Shape {
        let schema = json!({ "type": "string", "pattern": "^sqlite://.+" });
        Shape::scalar(schema, "`sqlite://PATH`")
    }
}

fn path(text: &str) -> Result<&str, (Code, String)> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let message = "PostgreSQL as a store is not in this version; write `sqlite://PATH`";
        return Err((Code::ValueLater, message.to_owned()));
    }
    let wrong = |what: &str| Err((Code::ValueStore, format!("{what}; {WANTED}")));
    let Some(path) = text.strip_prefix("sqlite://") else {
        return wrong("this is not the address of a store");
    };
    match path {
        "" => wrong("the path of the file is missing"),
        path if path.contains(":memory:") => wrong("a store in memory would forget who was locked out"),
        path if path.contains(['?', '#', '%', '\0']) => wrong("only a plain path may stand here"),
        path if path.ends_with('/') => wrong("a file is wanted, not a folder"),
        path => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::tests::{decoded, refused, refused_with};

    #[test]
    fn a_store_is_a_file_by_its_path() {
        for (text, path) in [
            ("sqlite://data/portcullis.db", "data/portcullis.db"),
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"),
            ("sqlite://a", "a"),
        ] {
            assert_eq!(&*decoded::<StorePlace>(text).0, Path::new(path), "{text}");
        }
    }

    #[test]
    #[doc = "CF-03"]
    fn what_is_no_store_is_refused_and_never_repeated() {
        for text in [
            "data/a.db",
            "sqlite:a.db",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://a?mode=ro",
            "mysql://a",
            "sqlite://a/",
        ] {
            let quoted = format!("\"{text}\"");
            assert_eq!(refused::<StorePlace>(&quoted), Code::ValueStore, "{text}");
        }
        let (code, message) = refused_with::<StorePlace>("postgres://gate:hunter2@db/x");
        assert_eq!(code, Code::ValueLater);
        assert!(!message.contains("hunter2"), "{message}");
        assert!(
            !refused_with::<StorePlace>("mysql://gate:hunter2@db/x")
                .1
                .contains("hunter2")
        );
    }
}
