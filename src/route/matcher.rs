//! The walk through a route table's tree: a host and a path go in, leaves come out, most specific first, until one is
//! taken. Each node stands for one place in the path, so none is visited twice and the work is bounded by the tree.

use super::tree::{Id, Tree};

/// The first `Some` that `take` gives for a leaf: the routes of one pattern, most header conditions first.
pub(super) fn walk<R>(
    tree: &Tree,
    host: Option<&str>,
    path: &[u8],
    take: &mut impl FnMut(&[usize]) -> Option<R>,
) -> Option<R> {
    let segments = path.strip_prefix(b"/")?;
    tree.roots(host)
        .find_map(|root| descend(tree, root, Some(segments), take))
}

/// `rest`: what follows the slash after this node's segment; `None` when the path ends with that segment.
fn descend<R>(tree: &Tree, id: Id, rest: Option<&[u8]>, take: &mut impl FnMut(&[usize]) -> Option<R>) -> Option<R> {
    let node = tree.node(id)?;
    let Some(rest) = rest else {
        return take_leaf(&node.ends, take).or_else(|| take_leaf(&node.rest, take));
    };
    let (segment, below) = match end_of_segment(rest) {
        Some(at) => (rest.get(..at)?, rest.get(at + 1..)),
        None => (rest, None),
    };
    if let Some(child) = node.literal(segment)
        && let Some(taken) = descend(tree, child, below, take)
    {
        return Some(taken);
    }
    if let Some(child) = node.wild
        && !segment.is_empty()
        && let Some(taken) = descend(tree, child, below, take)
    {
        return Some(taken);
    }
    take_leaf(&node.rest, take)
}

fn take_leaf<R>(leaf: &[usize], take: &mut impl FnMut(&[usize]) -> Option<R>) -> Option<R> {
    if leaf.is_empty() { None } else { take(leaf) }
}

/// Segments are short: looking at each byte is done before a search for large inputs has begun.
fn end_of_segment(rest: &[u8]) -> Option<usize> {
    rest.iter().position(|&byte| byte == b'/')
}
