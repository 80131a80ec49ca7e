//! From routes to the tree.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::route::host::{HostPattern, simplified};
use crate::route::key::RouteKey;
use crate::route::pattern::{End, Segment};
use crate::route::segment::SegmentType;

use super::{Branches, Edge, Leaf, LeafEnd, Literals, MatchTree, NONE, Node, RegexLeaf, Run, SHORT_BYTES_MAX, Slot, Target, Text};

/// A node while routes are still put in.
#[derive(Default)]
struct Draft {
    any: Option<u32>,
    literals: Vec<Literal>,
    typed: Vec<(SegmentType, u32)>,
    exact: Vec<Leaf>,
    slash: Vec<Leaf>,
    rest: Vec<Leaf>,
    regexes: Vec<RegexLeaf>,
    best: Option<u32>,
    /// What leads here from the place of its parent, when that has several literal children.
    edge: Option<Edge>,
}

/// A literal segment below a node.
#[derive(Clone, Copy)]
struct Literal {
    parent: u32,
    child: u32,
    start: u32,
    length: u32,
}

impl Literal {
    /// Its text; `all` is what it is a part of.
    fn of(self, all: &[u8]) -> &[u8] {
        all.get(self.start as usize..(self.start + self.length) as usize).unwrap_or_default()
    }
}

impl Draft {
    /// The route that ends here, when there is one and nothing else.
    fn only_leaf(&self) -> Option<Leaf> {
        let Self { any, literals, typed, exact, slash, rest, regexes, best: _, edge: _ } = self;
        let alone = any.is_none() && literals.is_empty() && typed.is_empty() && slash.is_empty() && rest.is_empty() && regexes.is_empty();
        match exact.as_slice() {
            [leaf] if alone => Some(*leaf),
            _ => None,
        }
    }
}

/// Where the routes go while the tree grows.
struct Builder {
    drafts: Vec<Draft>,
    literals: HashTable<Literal>,
    hasher: DefaultHashBuilder,
    text: Vec<u8>,
    /// Where each text begins.
    texts: HashMap<Box<[u8]>, u32>,
    hosts: HashMap<HostPattern, u32>,
}

/// The tree of the routes, tried in this order.
pub(super) fn tree(routes: &[RouteKey], order: impl Iterator<Item = usize>) -> MatchTree {
    let mut builder = Builder {
        drafts: Vec::with_capacity(routes.len() * 2),
        literals: HashTable::with_capacity(routes.len() * 2),
        hasher: DefaultHashBuilder::default(),
        text: Vec::new(),
        texts: HashMap::new(),
        hosts: HashMap::new(),
    };
    // Routes come in their order, so every list of leaves is sorted and the first one a node sees is its best.
    for (rank, route) in order.enumerate() {
        if let Some(key) = routes.get(route) {
            builder.insert(number(rank), number(route), key);
        }
    }
    builder.finish(routes)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NONE - 1)
}

impl Builder {
    fn insert(&mut self, rank: u32, route: u32, key: &RouteKey) {
        let segments = key.pattern.segments();
        let leaf = Leaf {
            rank,
            route,
            // INVARIANT: a pattern has at most as many segments as there are bits.
            params: segments.iter().rev().fold(0, |params, segment| params << 1 | u64::from(matches!(segment, Segment::Parameter { .. }))),
            method_bits: key.methods.bits(),
            has_predicate: !key.predicate.is_always(),
            end: match key.pattern.end() {
                End::Exact | End::Slash => LeafEnd::Nothing,
                End::Rest => LeafEnd::Rest(u8::try_from(segments.len()).unwrap_or(u8::MAX)),
                End::Regex(_) => LeafEnd::Groups,
            },
        };
        for host in simplified(&key.hosts) {
            let root = match self.hosts.get(&host) {
                Some(root) => *root,
                None => {
                    let root = self.draft();
                    self.hosts.insert(host, root);
                    root
                }
            };
            self.hang(root, leaf, key);
        }
    }

    fn draft(&mut self) -> u32 {
        self.drafts.push(Draft::default());
        number(self.drafts.len() - 1)
    }

    fn hang(&mut self, root: u32, leaf: Leaf, key: &RouteKey) {
        let mut node = root;
        self.touch(node, leaf.rank);
        for segment in key.pattern.segments() {
            node = match segment {
                Segment::Literal(text) => self.literal(node, text.as_bytes()),
                Segment::Parameter { kind, .. } => self.parameter(node, kind),
            };
            self.touch(node, leaf.rank);
        }
        let regex = match key.pattern.end() {
            End::Regex(regex) => regex,
            End::Exact => return self.with(node, |draft| draft.exact.push(leaf)),
            End::Slash => return self.with(node, |draft| draft.slash.push(leaf)),
            End::Rest => return self.with(node, |draft| draft.rest.push(leaf)),
        };
        let mut back = 0;
        for segment in whole_segments(regex.prefix()) {
            node = self.literal(node, segment);
            self.touch(node, leaf.rank);
            back += number(segment.len() + 1);
        }
        let regex = RegexLeaf { leaf, back, dfa: regex.dfa().clone() };
        self.with(node, |draft| draft.regexes.push(regex));
    }

    fn with(&mut self, node: u32, change: impl FnOnce(&mut Draft)) {
        if let Some(draft) = self.drafts.get_mut(node as usize) {
            change(draft);
        }
    }

    fn touch(&mut self, node: u32, rank: u32) {
        self.with(node, |draft| draft.best = Some(draft.best.map_or(rank, |best| best.min(rank))));
    }

    fn literal(&mut self, parent: u32, segment: &[u8]) -> u32 {
        let hash = self.hasher.hash_one((parent, segment));
        let text = &self.text;
        if let Some(known) = self.literals.find(hash, |literal| literal.parent == parent && literal.of(text) == segment) {
            return known.child;
        }
        let start = match self.texts.get(segment) {
            Some(start) => *start,
            None => {
                let start = number(self.text.len());
                self.text.extend_from_slice(segment);
                self.texts.insert(segment.into(), start);
                start
            }
        };
        let child = self.draft();
        let literal = Literal { parent, child, start, length: number(segment.len()) };
        self.with(parent, |draft| draft.literals.push(literal));
        let (hasher, text) = (&self.hasher, &self.text);
        self.literals.insert_unique(hash, literal, |literal| hasher.hash_one((literal.parent, literal.of(text))));
        child
    }

    fn parameter(&mut self, parent: u32, kind: &SegmentType) -> u32 {
        let known = self.drafts.get(parent as usize).and_then(|draft| match kind {
            SegmentType::Any => draft.any,
            _ => draft.typed.iter().find(|(other, _)| other == kind).map(|(_, child)| *child),
        });
        if let Some(child) = known {
            return child;
        }
        let child = self.draft();
        self.with(parent, |draft| match kind {
            SegmentType::Any => draft.any = Some(child),
            _ => draft.typed.push((kind.clone(), child)),
        });
        child
    }

    fn finish(mut self, routes: &[RouteKey]) -> MatchTree {
        let places = self.places();
        let place = |draft: u32| places.get(draft as usize).copied().unwrap_or(NONE);
        let mut tree = MatchTree {
            slots: Vec::with_capacity(self.drafts.len()),
            branches: vec![Branches::default()],
            edges: HashTable::new(),
            hasher: self.hasher,
            text: self.text,
            typed: Vec::new(),
            leaves: Vec::new(),
            regexes: Vec::new(),
            targets: Vec::with_capacity(routes.len()),
            every_host: None,
            exact_hosts: HashMap::new(),
            suffix_hosts: HashMap::new(),
        };
        let mut drafts: Vec<(u32, Draft)> = self.drafts.into_iter().enumerate().map(|(draft, it)| (place(number(draft)), it)).collect();
        drafts.sort_unstable_by_key(|(place, _)| *place);
        for (_, draft) in drafts {
            if let Some(edge) = draft.edge {
                tree.add_edge(edge);
            }
            if let Some(leaf) = draft.only_leaf() {
                tree.slots.push(Slot::Leaf(leaf));
                continue;
            }
            let literals = match *draft.literals {
                [] => Literals::None,
                [one] => Literals::One { child: place(one.child), start: one.start, length: one.length },
                [_, _, ..] => Literals::Many,
            };
            let typed = draft.typed.into_iter().map(|(kind, child)| (kind, place(child))).collect();
            let branches = Branches {
                typed: append(&mut tree.typed, typed),
                slash: append(&mut tree.leaves, draft.slash),
                rest: append(&mut tree.leaves, draft.rest),
                regexes: append(&mut tree.regexes, draft.regexes),
            };
            let best = draft.best.unwrap_or(u32::MAX);
            let any = draft.any.map_or(NONE, place);
            let branches = tree.branches(branches);
            tree.slots.push(Slot::Node(Node { best, any, literals, exact: number(draft.exact.len()), branches }));
            tree.slots.extend(draft.exact.into_iter().map(Slot::Leaf));
        }
        for (host, root) in self.hosts {
            let root = place(root);
            match host {
                HostPattern::Any => tree.every_host = Some(root),
                HostPattern::Exact(name) => drop(tree.exact_hosts.insert(name.into(), root)),
                HostPattern::Suffix(suffix) => drop(tree.suffix_hosts.insert(suffix.into(), root)),
            }
        }
        tree.targets.extend(routes.iter().map(|key| Target { pattern: key.pattern.clone(), methods: key.methods.clone() }));
        tree
    }

    /// Where each draft's node will stand: before all that is below it, behind the edge that leads to it.
    fn places(&mut self) -> Vec<u32> {
        let mut places = vec![NONE; self.drafts.len()];
        let mut next = 0;
        let mut open: Vec<u32> = self.hosts.values().copied().collect();
        open.sort_unstable_by(|one, other| other.cmp(one));
        while let Some(at) = open.pop() {
            let Some(draft) = self.drafts.get(at as usize) else { continue };
            next += u32::from(draft.edge.is_some());
            let parent = next;
            if let Some(place) = places.get_mut(at as usize) {
                *place = parent;
            }
            next += if draft.only_leaf().is_some() { 1 } else { 1 + number(draft.exact.len()) };
            open.extend(draft.any);
            open.extend(draft.typed.iter().rev().map(|(_, child)| *child));
            open.extend(draft.literals.iter().rev().map(|literal| literal.child));
            if let [_, _, ..] = *draft.literals {
                for literal in draft.literals.clone() {
                    let edge = Edge { parent, text: text(literal, &self.text) };
                    self.with(literal.child, |draft| draft.edge = Some(edge));
                }
            }
        }
        places
    }
}

impl MatchTree {
    /// Adds what leads to the slot that is added next.
    fn add_edge(&mut self, edge: Edge) {
        let at = number(self.slots.len());
        self.slots.push(Slot::Edge(edge));
        let hash = |edge: &Edge| self.hasher.hash_one((edge.parent, edge.text.of(&self.text)));
        let slots = &self.slots;
        // INVARIANT: edges stand where the table says.
        self.edges.insert_unique(hash(&edge), at, |at| slots.get(*at as usize).and_then(Slot::edge).map_or(0, hash));
    }

    /// The number of what few nodes have; most have none of it, and share the first.
    fn branches(&mut self, branches: Branches) -> u32 {
        let Branches { typed, slash, rest, regexes } = branches;
        if [typed, slash, rest, regexes].into_iter().all(Run::is_empty) {
            return 0;
        }
        self.branches.push(branches);
        number(self.branches.len() - 1)
    }
}

/// The text of an edge: in short form, when it is short.
fn text(literal: Literal, all: &[u8]) -> Text {
    let written = literal.of(all);
    let mut bytes = [0; SHORT_BYTES_MAX];
    match (bytes.get_mut(..written.len()), u8::try_from(written.len())) {
        (Some(place), Ok(length)) => {
            place.copy_from_slice(written);
            Text::Short { length, bytes }
        }
        (None, _) | (_, Err(_)) => Text::Long { start: literal.start, length: literal.length },
    }
}

fn append<T>(list: &mut Vec<T>, more: Vec<T>) -> Run {
    let start = number(list.len());
    list.extend(more);
    Run { start, end: number(list.len()) }
}

/// The segments of a literal beginning that are certainly whole: all but the text after its last slash.
fn whole_segments(prefix: &[u8]) -> impl Iterator<Item = &[u8]> {
    let last = prefix.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    let whole = prefix.get(..last).unwrap_or_default();
    whole.split(|byte| *byte == b'/').skip(1)
}
