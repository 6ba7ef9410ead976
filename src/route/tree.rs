//! Patterns as a tree of segments: what `table` fills and `matcher` walks. It knows routes by number only.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::config::pattern::{HostPattern, PathPattern, Segment};

/// A tree per host pattern, in one arena.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    exact: HashMap<Box<str>, Id, RandomState>,
    /// By what follows the `*`, with its dot.
    suffixes: HashMap<Box<str>, Id, RandomState>,
    any: Option<Id>,
}

/// Place of a node in its tree.
pub(super) type Id = usize;

#[derive(Debug, Default)]
pub(super) struct Node {
    literals: Literals,
    pub(super) wild: Option<Id>,
    /// Routes whose pattern ends here, most header conditions first.
    pub(super) ends: Vec<usize>,
    /// Routes whose pattern goes on with `**`, likewise.
    pub(super) rest: Vec<usize>,
}

/// Few are found faster one by one.
#[derive(Debug)]
enum Literals {
    Few(Vec<(Box<[u8]>, Id)>),
    Many(HashMap<Box<[u8]>, Id, RandomState>),
}

const FEW: usize = 8;

impl Default for Literals {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Literals {
    fn find(&self, segment: &[u8]) -> Option<Id> {
        match self {
            Self::Few(list) => list
                .iter()
                .find(|(literal, _)| **literal == *segment)
                .map(|&(_, id)| id),
            Self::Many(map) => map.get(segment).copied(),
        }
    }

    fn add(&mut self, segment: Box<[u8]>, id: Id) {
        match self {
            Self::Few(list) if list.len() < FEW => list.push((segment, id)),
            Self::Few(list) => {
                let mut map: HashMap<_, _, RandomState> = std::mem::take(list).into_iter().collect();
                map.insert(segment, id);
                *self = Self::Many(map);
            }
            Self::Many(map) => {
                map.insert(segment, id);
            }
        }
    }
}

/// Stand for `*` and `**` in the text of a pattern: no request can hold them, and no reading changes them.
const WILD: &[u8] = b"\x01";
const REST: &[u8] = b"\x02";

/// A pattern as a path, which can be read like one.
pub(super) fn text(pattern: &PathPattern) -> Vec<u8> {
    let mut text = Vec::new();
    for segment in &pattern.segments {
        text.push(b'/');
        text.extend_from_slice(match segment {
            Segment::Literal(literal) => literal.as_bytes(),
            Segment::Param(_) | Segment::Any => WILD,
            Segment::Rest => REST,
        });
    }
    text
}

impl Tree {
    /// `pattern` is a [`text`], or a reading of one.
    pub(super) fn insert(&mut self, host: &HostPattern, pattern: &[u8], route: usize) {
        let mut id = self.root(host);
        for segment in pattern
            .strip_prefix(b"/")
            .unwrap_or(pattern)
            .split(|&byte| byte == b'/')
        {
            id = match segment {
                WILD => self.wild(id),
                REST => {
                    if let Some(node) = self.nodes.get_mut(id) {
                        add_once(&mut node.rest, route);
                    }
                    return;
                }
                literal => self.literal(id, literal),
            };
        }
        if let Some(node) = self.nodes.get_mut(id) {
            add_once(&mut node.ends, route);
        }
    }

    fn root(&mut self, host: &HostPattern) -> Id {
        let fresh = self.nodes.len();
        let id = match host {
            HostPattern::Any => *self.any.get_or_insert(fresh),
            HostPattern::Exact(name) => *self.exact.entry((**name).into()).or_insert(fresh),
            HostPattern::Suffix(suffix) => *self.suffixes.entry((**suffix).into()).or_insert(fresh),
        };
        if id == fresh {
            self.nodes.push(Node::default());
        }
        id
    }

    fn literal(&mut self, parent: Id, literal: &[u8]) -> Id {
        let fresh = self.nodes.len();
        let Some(node) = self.nodes.get_mut(parent) else {
            return parent;
        };
        if let Some(id) = node.literals.find(literal) {
            return id;
        }
        node.literals.add(literal.into(), fresh);
        self.nodes.push(Node::default());
        fresh
    }

    fn wild(&mut self, parent: Id) -> Id {
        let fresh = self.nodes.len();
        let Some(node) = self.nodes.get_mut(parent) else {
            return parent;
        };
        let id = *node.wild.get_or_insert(fresh);
        if id == fresh {
            self.nodes.push(Node::default());
        }
        id
    }

    /// Puts the routes of each leaf in order, most `conditions` first.
    pub(super) fn rank(&mut self, conditions: impl Fn(usize) -> usize) {
        for node in &mut self.nodes {
            for leaf in [&mut node.ends, &mut node.rest] {
                leaf.sort_by_key(|&route| (std::cmp::Reverse(conditions(route)), route));
            }
        }
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// The roots that `host` may be looked up in, most specific first.
    pub(super) fn roots<'t>(&'t self, host: Option<&'t str>) -> impl Iterator<Item = Id> + 't {
        let exact = host.and_then(|host| self.exact.get(host).copied());
        let suffixed = host
            .filter(|_| !self.suffixes.is_empty())
            .into_iter()
            .flat_map(|host| self.suffixed(host));
        exact.into_iter().chain(suffixed).chain(self.any)
    }

    /// Longest first. At least one byte stands before the suffix.
    fn suffixed<'t>(&'t self, host: &'t str) -> impl Iterator<Item = Id> + 't {
        let dots = host.match_indices('.').map(|(at, _)| at).filter(|&at| at > 0);
        dots.filter_map(|at| self.suffixes.get(host.get(at..)?).copied())
    }
}

impl Node {
    pub(super) fn literal(&self, segment: &[u8]) -> Option<Id> {
        self.literals.find(segment)
    }
}

fn add_once(leaf: &mut Vec<usize>, route: usize) {
    if !leaf.contains(&route) {
        leaf.push(route);
    }
}
