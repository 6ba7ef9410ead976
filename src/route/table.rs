//! The routes, laid out for matching. Patterns go in, the index of the most specific matching route comes out; what a
//! route does with a request is no business of this module.
//!
//! Order: host (exact, then the longest `*.suffix`, then none), then segment by segment literal before `{name}` and `*`
//! before `**`, then the number of header conditions. Where a more specific host, segment or condition leads nowhere,
//! the next one is tried, so a request is refused only when nothing matches.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use http::HeaderMap;

use super::matcher;
use crate::config::pattern::{HostPattern, PathPattern, Segment};
use crate::config::spec::{HeaderCondition, HeaderWant};
use crate::request::path::{NormalPath, Shape};
use crate::request::readings;

#[derive(Debug)]
pub struct Table {
    routes: Vec<RouteShape>,
    /// The patterns as written.
    tree: Tree,
    /// The patterns as other servers could read them, exact and folded; `None` where that is the same tree.
    read: Option<Tree>,
    folded: Option<Tree>,
}

#[derive(Debug)]
struct RouteShape {
    conditions: Box<[HeaderCondition]>,
    captures: Box<[Capture]>,
}

/// `{name}` and the segment it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Capture {
    name: Arc<str>,
    segment: usize,
}

/// The route of a request.
#[derive(Clone, Copy, Debug)]
pub struct Found<'t> {
    pub route: usize,
    captures: &'t [Capture],
}

impl<'t> Found<'t> {
    /// What `{name}` stands for in the path that was matched, as sent.
    pub fn capture<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        let capture = self.captures.iter().find(|capture| &*capture.name == name)?;
        path.strip_prefix('/')?.split('/').nth(capture.segment)
    }

    /// All captures, in the order of the pattern.
    pub fn captures<'p>(&self, path: &'p str) -> impl Iterator<Item = (&'t str, &'p str)> + use<'t, 'p> {
        let captures = self.captures;
        captures.iter().filter_map(move |capture| {
            let value = path.strip_prefix('/')?.split('/').nth(capture.segment)?;
            Some((&*capture.name, value))
        })
    }
}

impl Table {
    /// Routes are known by their place in `routes`.
    pub fn build<'a>(
        routes: impl IntoIterator<Item = (&'a HostPattern, &'a PathPattern, &'a [HeaderCondition])>,
    ) -> Self {
        let mut table = Self {
            routes: Vec::new(),
            tree: Tree::default(),
            read: None,
            folded: None,
        };
        let mut read = Tree::default();
        let mut folded = Tree::default();
        let (mut reads_differ, mut folds_differ) = (false, false);
        for (route, (host, path, conditions)) in routes.into_iter().enumerate() {
            let steps = steps(path);
            table.tree.insert(host, &steps, route);
            let text = text(&steps);
            // A pattern with more readings than that is matched by the readings up to there, and by itself.
            readings::all(&text, |reading| {
                reads_differ |= reading.exact != text;
                folds_differ |= reading.folded != text;
                read.insert(host, &steps_of_text(reading.exact), route);
                folded.insert(host, &steps_of_text(reading.folded), route);
                true
            });
            table.routes.push(RouteShape {
                conditions: conditions.into(),
                captures: captures(path),
            });
        }
        let routes = &table.routes;
        let conditions = |route: usize| routes.get(route).map_or(0, |route| route.conditions.len());
        for tree in [&mut table.tree, &mut read, &mut folded] {
            tree.rank(conditions);
        }
        table.read = reads_differ.then_some(read);
        table.folded = (reads_differ || folds_differ).then_some(folded);
        table
    }

    /// `host` as [`crate::request::host::Host::name`] tells it.
    pub fn find(&self, host: Option<&str>, path: &str, headers: &HeaderMap) -> Option<Found<'_>> {
        let route = matcher::walk(&self.tree, host, path.as_bytes(), &mut |leaf| {
            leaf.iter().copied().find(|&route| self.conditions_hold(route, headers))
        })?;
        let captures = &self.routes.get(route)?.captures;
        Some(Found { route, captures })
    }

    /// Whether no reading of `path` leads to another route than the `chosen` one (PATH-05). A reading that leads
    /// nowhere is harmless: this gateway forwards to no such place.
    pub fn agrees(&self, host: Option<&str>, path: &NormalPath, headers: &HeaderMap, chosen: usize) -> bool {
        let itself = path.path().as_bytes();
        let choice = Choice {
            table: self,
            host,
            headers,
            itself,
            chosen,
        };
        match path.shape() {
            Shape::Plain => choice.stands(&self.folded, itself) && choice.stands(&self.read, itself),
            Shape::Cased => {
                let mut buffer = [0; 256];
                let owned;
                let folded = match buffer.get_mut(..itself.len()) {
                    Some(folded) => {
                        folded.copy_from_slice(itself);
                        folded.make_ascii_lowercase();
                        &*folded
                    }
                    None => {
                        owned = itself.to_ascii_lowercase();
                        &owned
                    }
                };
                choice.stands(&self.read, itself) && choice.stands(&self.folded, folded)
            }
            Shape::Odd => readings::all(itself, |reading| {
                choice.stands(&self.read, reading.exact) && choice.stands(&self.folded, reading.folded)
            }),
        }
    }

    /// A field sent twice must satisfy its condition twice: nobody knows which one the upstream reads (HDR-08).
    fn conditions_hold(&self, route: usize, headers: &HeaderMap) -> bool {
        let conditions = self
            .routes
            .get(route)
            .map(|route| &*route.conditions)
            .unwrap_or_default();
        conditions.iter().all(|condition| match &condition.want {
            HeaderWant::Present => headers.contains_key(&condition.name),
            HeaderWant::Value(value) => {
                headers.contains_key(&condition.name)
                    && headers.get_all(&condition.name).iter().all(|sent| sent == value)
            }
        })
    }
}

/// A request and the route that was found for it.
struct Choice<'a> {
    table: &'a Table,
    host: Option<&'a str>,
    headers: &'a HeaderMap,
    itself: &'a [u8],
    chosen: usize,
}

impl Choice<'_> {
    /// Whether `reading` leads to the chosen route or to none, in `tree` or, where that is the same, in the first one.
    fn stands(&self, tree: &Option<Tree>, reading: &[u8]) -> bool {
        let tree = match tree {
            Some(tree) => tree,
            // This is how it was chosen.
            None if reading == self.itself => return true,
            None => &self.table.tree,
        };
        matcher::walk(tree, self.host, reading, &mut |leaf| self.judge(leaf, reading)).unwrap_or(true)
    }

    /// `None`: no route of this leaf takes the request. Routes of the same rank can meet in a leaf of readings
    /// (`/Users` and `/users`, which both fold to the latter); who spells a path as one of them is written means that
    /// one, and any other spelling means nobody knows which.
    fn judge(&self, leaf: &[usize], reading: &[u8]) -> Option<bool> {
        let mut rank = None;
        let (mut has_chosen, mut has_other) = (false, false);
        for &route in leaf {
            let conditions = self.table.routes.get(route).map_or(0, |route| route.conditions.len());
            if rank.is_some_and(|rank| rank != conditions) {
                break;
            }
            if self.table.conditions_hold(route, self.headers) {
                rank = Some(conditions);
                has_chosen |= route == self.chosen;
                has_other |= route != self.chosen;
            }
        }
        rank.map(|_| has_chosen && (reading == self.itself || !has_other))
    }
}

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

enum Step {
    Literal(Box<[u8]>),
    Wild,
    Rest,
}

/// Stand for `*` and `**` in the text of a pattern while its readings are made: no request can hold them.
const WILD: &[u8] = b"\x01";
const REST: &[u8] = b"\x02";

fn steps(path: &PathPattern) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Literal(text) => Step::Literal(text.as_bytes().into()),
        Segment::Param(_) | Segment::Any => Step::Wild,
        Segment::Rest => Step::Rest,
    };
    path.segments.iter().map(step).collect()
}

fn text(steps: &[Step]) -> Vec<u8> {
    let mut text = Vec::new();
    for step in steps {
        text.push(b'/');
        text.extend_from_slice(match step {
            Step::Literal(literal) => literal,
            Step::Wild => WILD,
            Step::Rest => REST,
        });
    }
    text
}

fn steps_of_text(text: &[u8]) -> Vec<Step> {
    let step = |segment: &[u8]| match segment {
        WILD => Step::Wild,
        REST => Step::Rest,
        literal => Step::Literal(literal.into()),
    };
    text.strip_prefix(b"/")
        .unwrap_or(text)
        .split(|&byte| byte == b'/')
        .map(step)
        .collect()
}

fn captures(path: &PathPattern) -> Box<[Capture]> {
    let capture = |(segment, kind): (usize, &Segment)| match kind {
        Segment::Param(name) => Some(Capture {
            name: name.clone(),
            segment,
        }),
        Segment::Literal(_) | Segment::Any | Segment::Rest => None,
    };
    path.segments.iter().enumerate().filter_map(capture).collect()
}

impl Tree {
    fn insert(&mut self, host: &HostPattern, steps: &[Step], route: usize) {
        let mut id = self.root(host);
        for step in steps {
            id = match step {
                Step::Literal(literal) => self.literal(id, literal),
                Step::Wild => self.wild(id),
                Step::Rest => {
                    if let Some(node) = self.nodes.get_mut(id) {
                        add_once(&mut node.rest, route);
                    }
                    return;
                }
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

    fn rank(&mut self, conditions: impl Fn(usize) -> usize) {
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

#[cfg(test)]
mod tests;
