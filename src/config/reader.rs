//! YAML text in, one tree of nodes out, or the faults that make the rest of the file unreadable. The only module that
//! knows the YAML parser. It refuses what YAML allows and a configuration cannot mean: equal keys, several documents,
//! tags, keys that are not text, and more nesting or expansion than the budget.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::faults::{Code, Findings};
use super::node::{Entry, Key, Node, Position, Scalar, Span, Style, Value};

/// Deeper than any sensible file, shallow enough for recursion.
pub(super) const DEPTH: usize = 64;
/// Values of a file with its aliases followed: about 10 000 routes, and no bomb.
pub(super) const NODES: usize = 250_000;

/// Reads `text`; `None` means that `findings` says why not.
pub(super) fn read(text: &str, findings: &mut Findings) -> Option<Node> {
    read_within(text, NODES, findings)
}

/// The same for a file that may hold another number of values.
pub(super) fn read_within(text: &str, nodes: usize, findings: &mut Findings) -> Option<Node> {
    let mut reading = Reading::new(nodes, findings);
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                reading.refuse(&error, text).ok()?;
                return None;
            }
        };
        reading.take(event, place(&span)).ok()?;
    }
    reading.finish()
}

/// The fault is already noted.
struct Refused;

struct Reading<'f> {
    findings: &'f mut Findings,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    nodes_max: usize,
    anchors: HashMap<usize, Built>,
    /// The last scalar, for the one syntax fault that has a better explanation.
    last_scalar: Span,
    duplicates: bool,
}

/// A finished value and what it costs to follow an alias to it.
#[derive(Clone)]
struct Built {
    node: Arc<Node>,
    nodes: usize,
    height: usize,
}

/// A list or map that is still being read.
struct Open {
    start: Position,
    anchor: usize,
    nodes: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Arc<Node>>),
    Map {
        entries: Vec<Entry>,
        names: HashSet<Box<str>>,
        key: Option<Key>,
        merges: Vec<Built>,
    },
}

impl<'f> Reading<'f> {
    fn new(nodes_max: usize, findings: &'f mut Findings) -> Self {
        Self {
            findings,
            open: Vec::new(),
            root: None,
            documents: 0,
            nodes: 0,
            nodes_max,
            anchors: HashMap::new(),
            last_scalar: Span::default(),
            duplicates: false,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Refused> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(
                        span,
                        Code::YamlDocument,
                        "a second document begins; keep one, without `---`",
                    );
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.untagged(tag.as_deref(), span)?;
                self.last_scalar = span;
                self.scalar(&text, style, anchor, span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), span)?;
                self.begin(span, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), span)?;
                let content = Content::Map {
                    entries: Vec::new(),
                    names: HashSet::new(),
                    key: None,
                    merges: Vec::new(),
                };
                self.begin(span, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(id) => self.alias(id, span),
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, span: Span) -> Result<(), Refused> {
        let empty = span.start == span.end;
        if self.wants_key() {
            if empty && style == ScalarStyle::Plain {
                return self.stop(span, Code::YamlKey, "a key is missing before the colon");
            }
            return self.key(text, style, span);
        }
        let value = match style {
            ScalarStyle::Plain if empty || matches!(text, "~" | "null" | "Null" | "NULL") => Value::Nothing,
            ScalarStyle::Plain => Value::Scalar(Scalar {
                text: text.into(),
                style: Style::Plain,
            }),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Value::Scalar(Scalar {
                text: text.into(),
                style: Style::Quoted,
            }),
            _ => Value::Scalar(Scalar {
                text: text.into(),
                style: Style::Block,
            }),
        };
        self.spend(1, span)?;
        let built = Built {
            node: Arc::new(Node { span, value }),
            nodes: 1,
            height: 0,
        };
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        self.place(built, span)
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Map { key: None, .. },
                ..
            })
        )
    }

    fn key(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), Refused> {
        let merge = text == "<<" && style == ScalarStyle::Plain;
        let Some(Open {
            content: Content::Map { key, names, .. },
            ..
        }) = self.open.last_mut()
        else {
            return Ok(());
        };
        *key = Some(Key {
            text: text.into(),
            span,
        });
        if !names.insert(text.into()) {
            // All equal keys are told in one run; nothing else is, because which of the two counts is unknown.
            self.duplicates = true;
            let way_out = if merge {
                "merge a list of aliases instead"
            } else {
                "keep one"
            };
            self.findings.fault(
                span,
                Code::YamlDuplicate,
                format!("`{text}` stands here a second time; {way_out}"),
            );
        }
        Ok(())
    }

    fn begin(&mut self, span: Span, anchor: usize, content: Content) -> Result<(), Refused> {
        if self.wants_key() {
            return self.stop(span, Code::YamlKey, "a list or a map cannot be a key");
        }
        if self.open.len() >= DEPTH {
            return self.stop(span, Code::YamlDepth, &too_deep());
        }
        self.spend(1, span)?;
        self.open.push(Open {
            start: span.start,
            anchor,
            nodes: 1,
            height: 0,
            content,
        });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Refused> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let Open {
            start,
            anchor,
            mut nodes,
            height,
            content,
        } = open;
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map {
                mut entries,
                mut names,
                merges,
                ..
            } => {
                for merge in merges {
                    nodes += merge.nodes;
                    merge_into(&mut entries, &mut names, &merge.node);
                }
                Value::Map(entries)
            }
        };
        let node = Arc::new(Node {
            span: Span { start, end: span.end },
            value,
        });
        let built = Built {
            node,
            nodes,
            height: height + 1,
        };
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        self.place(built, span)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Refused> {
        if self.wants_key() {
            return self.stop(span, Code::YamlKey, "an alias cannot be a key; write the key out");
        }
        let Some(built) = self.anchors.get(&id).cloned() else {
            return self.stop(span, Code::YamlAlias, "the alias stands inside of what it refers to");
        };
        if self.open.len() + built.height > DEPTH {
            return self.stop(
                span,
                Code::YamlDepth,
                &format!("nested more than {DEPTH} levels deep by this alias"),
            );
        }
        self.spend(built.nodes, span)?;
        self.place(built, span)
    }

    /// Put a finished value where the open list or map wants it.
    fn place(&mut self, built: Built, at: Span) -> Result<(), Refused> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(Arc::unwrap_or_clone(built.node));
            return Ok(());
        };
        open.nodes += built.nodes;
        open.height = open.height.max(built.height);
        let (entries, key, merges) = match &mut open.content {
            Content::List(items) => {
                items.push(built.node);
                return Ok(());
            }
            Content::Map {
                entries, key, merges, ..
            } => (entries, key, merges),
        };
        let Some(key) = key.take() else { return Ok(()) };
        if &*key.text != "<<" {
            entries.push(Entry { key, value: built.node });
            return Ok(());
        }
        let parts = match &built.node.value {
            Value::Map(_) => vec![built.node.clone()],
            Value::List(items) => items.clone(),
            _ => Vec::new(),
        };
        if parts.is_empty() || parts.iter().any(|part| !matches!(part.value, Value::Map(_))) {
            return self.stop(
                at,
                Code::YamlAlias,
                "`<<` merges an alias of a map, or a list of such aliases",
            );
        }
        for part in parts {
            let cost = match &part.value {
                Value::Map(entries) => entries.len(),
                _ => 0,
            };
            merges.push(Built {
                node: part,
                nodes: cost,
                height: built.height,
            });
            self.nodes += cost;
        }
        self.spend(0, at)
    }

    fn spend(&mut self, nodes: usize, span: Span) -> Result<(), Refused> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.nodes_max {
            let most = self.nodes_max;
            let message = format!("more than {most} values, aliases followed; make the file smaller");
            return self.stop(span, Code::YamlNodes, &message);
        }
        Ok(())
    }

    fn untagged(&mut self, tag: Option<&Tag>, span: Span) -> Result<(), Refused> {
        match tag {
            None => Ok(()),
            Some(tag) => {
                let message = format!("the tag `{}` has no meaning here; leave it out", tag.original());
                self.stop(span, Code::YamlTag, &message)
            }
        }
    }

    /// What makes the rest unreadable comes alone: equal keys before it may be its doing.
    fn stop(&mut self, at: impl Into<Position>, code: Code, message: &str) -> Result<(), Refused> {
        self.findings.forget();
        self.findings.fault(at, code, message);
        Err(Refused)
    }

    fn refuse(&mut self, error: &ScanError, text: &str) -> Result<(), Refused> {
        let at = position(error.marker());
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.stop(at, Code::YamlDepth, &too_deep());
        }
        let rest = error
            .marker()
            .byte_offset()
            .and_then(|offset| text.split_at_checked(offset));
        if let Some((before, after)) = rest
            && before.ends_with('$')
            && after.starts_with('{')
            && self.last_scalar.end == at
        {
            let message = "a `${…}` inside `{ }` or `[ ]` needs quotes around the whole value: \"${env:NAME}\"";
            return self.stop(self.last_scalar, Code::ReferenceUnquoted, message);
        }
        self.stop(at, Code::YamlSyntax, &error.info())
    }

    fn finish(self) -> Option<Node> {
        if self.root.is_none() {
            let message = "the file is empty; begin with `version: 1`";
            self.findings.fault(Position::FIRST, Code::YamlDocument, message);
        }
        self.root.filter(|_| !self.duplicates)
    }
}

fn too_deep() -> String {
    format!("nested more than {DEPTH} levels deep; no setting is")
}

/// What stands in the map itself wins over what is merged, and an earlier merge over a later one.
fn merge_into(entries: &mut Vec<Entry>, names: &mut HashSet<Box<str>>, from: &Node) {
    let Value::Map(merged) = &from.value else { return };
    for entry in merged {
        if names.insert(entry.key.text.clone()) {
            entries.push(entry.clone());
        }
    }
}

fn place(span: &granit_parser::Span) -> Span {
    Span {
        start: position(&span.start),
        end: position(&span.end),
    }
}

fn position(marker: &Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position {
        line: number(marker.line()),
        col: number(marker.col().saturating_add(1)),
    }
}

#[cfg(test)]
mod tests;
