//! The routes, laid out for matching. Patterns go in, the index of the most specific matching route comes out; what a
//! route does with a request is no business of this module.
//!
//! Order: host (exact, then the longest `*.suffix`, then none), then segment by segment literal before `{name}` and `*`
//! before `**`, then the number of header conditions. Where a more specific host, segment or condition leads nowhere,
//! the next one is tried, so a request is refused only when nothing matches.

use std::sync::Arc;

use http::HeaderMap;

use super::matcher;
use super::tree::{self, Tree};
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
            let text = tree::text(path);
            table.tree.insert(host, &text, route);
            // A pattern with more readings than that is matched by the readings up to there, and by itself.
            readings::all(&text, |reading| {
                reads_differ |= reading.exact != text;
                folds_differ |= reading.folded != text;
                read.insert(host, reading.exact, route);
                folded.insert(host, reading.folded, route);
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

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
