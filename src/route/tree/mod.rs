//! The index over the routes: which one takes a request, in a time that does not grow with their number.
//!
//! One tree per host pattern, its nodes being segments. Children of all nodes that have several literal ones stand in one hash
//! table, with open addressing, so that finding one of ten thousand is one wait for memory; at
//! each node at most the distinct parameter types that some route has there are tried. Below a place that only one route
//! comes through there are no nodes: the rest of its path is compared as it is. The search looks at every branch that could
//! still hold a route that comes before the best one found, so the definition decides, never the shape of the tree.

mod build;
mod search;

#[cfg(test)]
mod tests;

use hashbrown::{DefaultHashBuilder, HashMap};
use smallvec::SmallVec;
use std::hash::BuildHasher;

use super::dfa::Dfa;
use super::found::{Asked, Captures, Found};
use super::host::bare;
use super::key::RouteKey;
use super::methods::{self, Methods};
use super::pattern::Pattern;
use super::segment::SegmentType;

use search::{Allowed, Best, Search};

/// A node that is not there.
const NONE: u32 = u32::MAX;

/// The routes of a policy, ready for look-ups.
///
/// What a look-up touches is small and stands together: with ten thousand routes the time goes into waiting for memory.
#[derive(Debug)]
pub struct MatchTree {
    /// First the table of edges: the children of nodes that have several literal ones, by the hashes of their edges. Then all
    /// other places.
    slots: Vec<Slot>,
    /// The table's length, a power of two, less one.
    edge_mask: usize,
    branches: Vec<Branches>,
    hasher: DefaultHashBuilder,
    /// The texts of literal segments, each once.
    text: Vec<u8>,
    /// The types of parameters, each once.
    kinds: Vec<SegmentType>,
    /// The typed parameters of branches: their types, and the nodes below them.
    typed: Vec<(u32, u32)>,
    /// What follows the places of lone routes, each once, one behind the other.
    tails: Vec<Tail>,
    /// The leaves of nodes.
    leaves: Vec<Leaf>,
    regexes: Vec<RegexLeaf>,
    targets: Vec<Target>,
    every_host: Option<u32>,
    exact_hosts: HashMap<Box<str>, u32>,
    suffix_hosts: HashMap<Box<str>, u32>,
}

/// A place at a segment's end, and what leads there: a line of the processor's cache, so that both are one wait for memory.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Slot {
    /// What leads here, when that is a literal segment.
    edge: Option<Edge>,
    place: Place,
}

/// What stands at a segment's end.
#[derive(Debug, Clone, Copy, Default)]
enum Place {
    /// Nothing: a table has room.
    #[default]
    Free,
    /// Where several routes come through.
    Node(Node),
    /// Where one does.
    Leaf(Leaf),
}

/// A place that the search may go on from.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// The earliest place in the order that any route at or below this node has.
    best: u32,
    any: u32,
    literals: Literals,
    /// The routes that end there, among the leaves.
    exact: Run,
    /// What few nodes have, by its number.
    branches: u32,
}

/// What few nodes have: typed parameters, and ends other than the path's own.
#[derive(Debug, Clone, Copy, Default)]
struct Branches {
    typed: Run,
    slash: Run,
    rest: Run,
    regexes: Run,
}

/// The literal children of a node.
#[derive(Debug, Clone, Copy, Default)]
enum Literals {
    #[default]
    None,
    /// One, which needs no hashing to be found.
    One(u32),
    /// Some, in the table of edges.
    Many,
}

/// Some neighbours in one of the tree's lists.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    start: u32,
    end: u32,
}

impl Run {
    fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A literal segment below a node.
#[derive(Debug, Clone, Copy)]
struct Edge {
    parent: u32,
    text: Text,
}

/// A segment's text; one that is short stands in its edge, where it costs no further look at memory.
#[derive(Debug, Clone, Copy)]
enum Text {
    Short { length: u8, bytes: [u8; SHORT_BYTES_MAX] },
    Long { start: u32, length: u32 },
}

/// Bytes of a text that stands in its edge.
const SHORT_BYTES_MAX: usize = 26;

impl Text {
    /// The text; `all` is what long ones are a part of.
    fn of<'a>(&'a self, all: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)),
            Self::Long { start, length } => all.get(*start as usize..(*start + *length) as usize),
        }
        .unwrap_or_default()
    }
}

/// What of a lone route's path follows the place where it stands: segments, and then how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tail {
    Literal { start: u32, length: u32 },
    Parameter,
    Typed(u32),
    Exact,
    Slash,
    Rest,
}

/// A route that ends at a node, or that nothing else is below; the leaves of a run stand in order.
#[derive(Debug, Clone, Copy)]
struct Leaf {
    rank: u32,
    route: u32,
    /// Where what follows the place begins among the tails; of a route that ends at a node, nothing does.
    tail: u32,
    /// Which segments are parameters, the first one's bit being the lowest.
    params: u64,
    method_bits: u8,
    has_predicate: bool,
    end: LeafEnd,
}

/// What of a path a route binds behind its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeafEnd {
    Nothing,
    /// What follows so many segments.
    Rest(u8),
    /// The groups of a regex.
    Groups,
}

/// A route with a regex, hung as deep as the regex's literal beginning allows.
#[derive(Debug, Clone)]
struct RegexLeaf {
    leaf: Leaf,
    /// How many bytes before the node what the regex sees begins.
    back: u32,
    dfa: std::sync::Arc<Dfa>,
}

/// What is rarely needed of a route.
#[derive(Debug)]
struct Target {
    pattern: Pattern,
    methods: Methods,
}

impl MatchTree {
    /// Builds the index over routes that stand in the order in which they are tried.
    #[must_use]
    pub fn build(routes: &[RouteKey]) -> Self {
        build::tree(routes, 0..routes.len())
    }

    /// Builds the index over routes that are tried in the order of these numbers, which they keep.
    #[must_use]
    pub fn in_order(routes: &[RouteKey], order: &[usize]) -> Self {
        build::tree(routes, order.iter().copied())
    }

    /// The route that takes the request: of all that match, the first in order. `host` is that
    /// of the Host field, `path` is normalised; `predicate` says whether a route's predicate holds, given what its
    /// parameters match, and is only asked for routes that have one.
    pub fn find(&self, method: &str, host: &str, path: &str, predicate: &mut Asked<'_>, params: &mut Captures) -> Found {
        params.clear();
        let roots = self.roots(host);
        let mut best = Best::new(self, (methods::bit(method), method), path, predicate, params);
        for root in &roots {
            Search { tree: self, path: path.as_bytes() }.visit(*root, 0, &mut best);
        }
        let Some(leaf) = best.found() else {
            params.clear();
            return self.without_route(&roots, method, path);
        };
        self.bind(&leaf, path, params);
        Found::Route(leaf.route as usize)
    }

    /// Where in the table an edge is looked for first.
    #[inline]
    fn first_slot(&self, parent: u32, segment: &[u8]) -> usize {
        self.hasher.hash_one((parent, segment)) as usize & self.edge_mask
    }

    /// Binds the parameters of a route that takes the path.
    fn bind(&self, leaf: &Leaf, path: &str, params: &mut Captures) {
        match leaf.end {
            LeafEnd::Nothing if leaf.params == 0 => params.clear(),
            LeafEnd::Nothing => params.bind_segments(leaf.params, None, path),
            LeafEnd::Rest(segments) => params.bind_segments(leaf.params, Some(segments), path),
            LeafEnd::Groups => {
                if let Some(target) = self.targets.get(leaf.route as usize) {
                    params.bind(&target.pattern, path);
                }
            }
        }
    }

    /// The roots of the trees for the host.
    fn roots(&self, host: &str) -> SmallVec<[u32; 4]> {
        let mut roots: SmallVec<[u32; 4]> = self.every_host.into_iter().collect();
        if self.exact_hosts.is_empty() && self.suffix_hosts.is_empty() {
            return roots;
        }
        let name = bare(host);
        let mut folded: SmallVec<[u8; 256]> = SmallVec::from_slice(name.as_bytes());
        folded.make_ascii_lowercase();
        let lower = std::str::from_utf8(&folded).unwrap_or_default();
        roots.extend(self.exact_hosts.get(lower).copied());
        if !self.suffix_hosts.is_empty() {
            for (dot, _) in lower.match_indices('.').filter(|(dot, _)| *dot > 0) {
                roots.extend(lower.get(dot..).and_then(|suffix| self.suffix_hosts.get(suffix)).copied());
            }
        }
        roots
    }

    /// 405 when host and path match but no route there takes the method, 404 otherwise.
    #[cold]
    fn without_route(&self, roots: &[u32], method: &str, path: &str) -> Found {
        let mut allowed = Allowed::new(self, method);
        for root in roots {
            Search { tree: self, path: path.as_bytes() }.visit(*root, 0, &mut allowed);
        }
        allowed.verdict()
    }
}
