//! The walk through the tree, and what is gathered on the way.

use crate::route::found::{Asked, Captures, Found};
use crate::route::methods::{self, Methods};

use super::{Edge, Leaf, Literals, MatchTree, NONE, Place, Tail};

/// What a walk is for.
pub(super) trait Gather {
    /// Routes at this place in the order or later are of no interest any more.
    fn bound(&self) -> u32;
    /// Takes a route whose host and path match.
    fn take(&mut self, leaf: &Leaf);
}

/// A walk of one path.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) tree: &'a MatchTree,
    pub(super) path: &'a [u8],
}

impl<'a> Search<'a> {
    /// Goes on from `node`, whose segments end at `at`.
    pub(super) fn visit(self, node: u32, at: usize, gather: &mut impl Gather) {
        let rest = self.path.get(at..).unwrap_or_default();
        let node_data = match self.tree.slots.get(node as usize).map(|slot| &slot.place) {
            Some(Place::Node(data)) => data,
            Some(Place::Leaf(leaf)) if leaf.rank < gather.bound() && self.follows(leaf.tail, rest) => return gather.take(leaf),
            Some(Place::Leaf(_) | Place::Free) | None => return,
        };
        if node_data.best >= gather.bound() {
            return;
        }
        let branches = self.tree.branches.get(node_data.branches as usize).copied().unwrap_or_default();
        match rest {
            [] => leaves(node_data.exact.of(&self.tree.leaves), gather),
            [b'/'] => leaves(branches.slash.of(&self.tree.leaves), gather),
            [b'/', segments @ ..] => {
                let (segment, _) = first(segments);
                let end = at + 1 + segment.len();
                let child = match node_data.literals {
                    Literals::None => None,
                    Literals::One(child) => {
                        self.edge(child as usize).is_some_and(|edge| edge.text.of(&self.tree.text) == segment).then_some(child)
                    }
                    Literals::Many => self.literal(node, segment),
                };
                if let Some(child) = child {
                    self.visit(child, end, gather);
                }
                if !segment.is_empty() {
                    for (kind, child) in branches.typed.of(&self.tree.typed) {
                        if self.is_of(*kind, segment) {
                            self.visit(*child, end, gather);
                        }
                    }
                    if node_data.any != NONE {
                        self.visit(node_data.any, end, gather);
                    }
                }
            }
            _ => return,
        }
        leaves(branches.rest.of(&self.tree.leaves), gather);
        for regex in branches.regexes.of(&self.tree.regexes) {
            if regex.leaf.rank >= gather.bound() {
                break;
            }
            let tail = at.checked_sub(regex.back as usize).and_then(|start| self.path.get(start..));
            if tail.is_some_and(|tail| regex.dfa.contains(tail)) {
                gather.take(&regex.leaf);
            }
        }
    }

    /// The child that an edge of the table leads to.
    #[inline]
    fn literal(self, parent: u32, segment: &[u8]) -> Option<u32> {
        let mut at = self.tree.first_slot(parent, segment);
        loop {
            let edge = self.edge(at)?;
            if edge.parent == parent && edge.text.of(&self.tree.text) == segment {
                return u32::try_from(at).ok();
            }
            at = (at + 1) & self.tree.edge_mask;
        }
    }

    #[inline]
    fn edge(self, at: usize) -> Option<&'a Edge> {
        self.tree.slots.get(at)?.edge.as_ref()
    }

    fn is_of(self, kind: u32, segment: &[u8]) -> bool {
        self.tree.kinds.get(kind as usize).is_some_and(|kind| kind.contains(segment))
    }

    /// True when the rest of a path is what a lone route has there.
    fn follows(self, tail: u32, mut rest: &[u8]) -> bool {
        for next in self.tree.tails.get(tail as usize..).unwrap_or_default() {
            let segment = match (next, rest) {
                (Tail::Exact, _) => return rest.is_empty(),
                (Tail::Slash, _) => return rest == b"/",
                (Tail::Rest, _) => return matches!(rest, [] | [b'/', ..]),
                (Tail::Literal { .. } | Tail::Parameter | Tail::Typed(_), [b'/', segments @ ..]) => {
                    let (segment, behind) = first(segments);
                    rest = behind;
                    segment
                }
                (Tail::Literal { .. } | Tail::Parameter | Tail::Typed(_), _) => return false,
            };
            let fits = match *next {
                Tail::Literal { start, length } => self.tree.text.get(start as usize..(start + length) as usize) == Some(segment),
                Tail::Typed(kind) => !segment.is_empty() && self.is_of(kind, segment),
                Tail::Parameter | Tail::Exact | Tail::Slash | Tail::Rest => !segment.is_empty(),
            };
            if !fits {
                return false;
            }
        }
        false
    }
}

/// The first of some segments, and what is behind it.
#[inline]
fn first(segments: &[u8]) -> (&[u8], &[u8]) {
    let length = segments.iter().position(|byte| *byte == b'/').unwrap_or(segments.len());
    segments.split_at_checked(length).unwrap_or((segments, &[]))
}

#[inline]
fn leaves<'a>(leaves: impl IntoIterator<Item = &'a Leaf>, gather: &mut impl Gather) {
    for leaf in leaves {
        if leaf.rank >= gather.bound() {
            return;
        }
        gather.take(leaf);
    }
}

/// Gathers the first route by the order.
pub(super) struct Best<'a> {
    tree: &'a MatchTree,
    bit: u8,
    method: &'a str,
    path: &'a str,
    predicate: &'a mut Asked<'a>,
    /// Those of the route whose predicate is asked.
    params: &'a mut Captures,
    leaf: Option<Leaf>,
}

impl<'a> Best<'a> {
    pub(super) fn new(
        tree: &'a MatchTree,
        (bit, method): (u8, &'a str),
        path: &'a str,
        predicate: &'a mut Asked<'a>,
        params: &'a mut Captures,
    ) -> Self {
        Self { tree, bit, method, path, predicate, params, leaf: None }
    }

    fn holds(&mut self, leaf: &Leaf) -> bool {
        if !leaf.has_predicate {
            return true;
        }
        self.tree.bind(leaf, self.path, self.params);
        (self.predicate)(leaf.route as usize, self.params)
    }

    pub(super) fn found(&self) -> Option<Leaf> {
        self.leaf
    }
}

impl Gather for Best<'_> {
    #[inline]
    fn bound(&self) -> u32 {
        self.leaf.map_or(u32::MAX, |leaf| leaf.rank)
    }

    #[inline]
    fn take(&mut self, leaf: &Leaf) {
        if leaf.method_bits & self.bit == 0 || leaf.rank >= self.bound() {
            return;
        }
        let route = leaf.route as usize;
        let named = methods::has_own(self.bit)
            || self.tree.targets.get(route).is_some_and(|target| target.methods.contains_bit(self.bit, self.method));
        if named && self.holds(leaf) {
            self.leaf = Some(*leaf);
        }
    }
}

/// Gathers what the routes of a path allow.
pub(super) struct Allowed<'a> {
    tree: &'a MatchTree,
    method: &'a str,
    methods: Option<Methods>,
    taken: bool,
}

impl<'a> Allowed<'a> {
    pub(super) fn new(tree: &'a MatchTree, method: &'a str) -> Self {
        Self { tree, method, methods: None, taken: false }
    }

    pub(super) fn verdict(self) -> Found {
        match self.methods {
            Some(methods) if !self.taken => Found::MethodNotAllowed(methods),
            Some(_) | None => Found::NotFound,
        }
    }
}

impl Gather for Allowed<'_> {
    fn bound(&self) -> u32 {
        u32::MAX
    }

    fn take(&mut self, leaf: &Leaf) {
        let Some(target) = self.tree.targets.get(leaf.route as usize) else { return };
        self.taken |= target.methods.contains(self.method);
        self.methods = Some(match self.methods.take() {
            None => target.methods.clone(),
            Some(methods) => methods.union(&target.methods),
        });
    }
}
