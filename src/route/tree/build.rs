//! From routes to the tree.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::route::host::{HostPattern, simplified};
use crate::route::key::RouteKey;
use crate::route::pattern::{End, Segment};
use crate::route::segment::SegmentType;

use super::{
    Branches, Edge, Leaf, LeafEnd, Literals, MatchTree, NONE, Node, Place, RegexLeaf, Run, SHORT_BYTES_MAX, Slot, Tail, Target, Text,
};

/// Slots of the table for each edge, at least: with this much room nearly every edge stands where it is looked for first.
const ROOM: usize = 2;

/// A node while routes are still put in.
#[derive(Default)]
struct Draft {
    any: Option<u32>,
    literals: Vec<Literal>,
    /// By the numbers of the types.
    typed: Vec<(u32, u32)>,
    exact: Vec<Leaf>,
    slash: Vec<Leaf>,
    rest: Vec<Leaf>,
    regexes: Vec<RegexLeaf>,
    best: Option<u32>,
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

/// What is next on the way of a lone route.
enum Next {
    Segment(Tail, u32),
    End(Tail, Leaf),
}

impl Draft {
    /// What is next, when that is one thing only. A regex is not: it looks at what is before its place too.
    fn next(&self) -> Option<Next> {
        let Self { any, literals, typed, exact, slash, rest, regexes, best: _ } = self;
        let below = literals.len() + typed.len() + usize::from(any.is_some());
        let ends = exact.len() + slash.len() + rest.len();
        if below + ends != 1 || !regexes.is_empty() {
            return None;
        }
        let segments = any.iter().map(|child| (Tail::Parameter, *child));
        let segments = segments.chain(typed.iter().map(|(kind, child)| (Tail::Typed(*kind), *child)));
        let literals = literals.iter().map(|it| (Tail::Literal { start: it.start, length: it.length }, it.child));
        let ends = exact.iter().map(|leaf| (Tail::Exact, *leaf));
        let ends = ends.chain(slash.iter().map(|leaf| (Tail::Slash, *leaf))).chain(rest.iter().map(|leaf| (Tail::Rest, *leaf)));
        let segments = segments.chain(literals).map(|(segment, child)| Next::Segment(segment, child));
        segments.chain(ends.map(|(end, leaf)| Next::End(end, leaf))).next()
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
    kinds: Vec<SegmentType>,
    kind_numbers: HashMap<SegmentType, u32>,
    tails: Vec<Tail>,
    /// Where each tail begins.
    tail_starts: HashMap<Vec<Tail>, u32>,
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
        kinds: Vec::new(),
        kind_numbers: HashMap::new(),
        // What follows routes that end at a node.
        tails: vec![Tail::Exact],
        tail_starts: HashMap::from_iter([(vec![Tail::Exact], 0)]),
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
            tail: 0,
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
        let typed = match kind {
            SegmentType::Any => None,
            _ => Some(self.kind(kind)),
        };
        let known = self.drafts.get(parent as usize).and_then(|draft| match typed {
            None => draft.any,
            Some(kind) => draft.typed.iter().find(|(other, _)| *other == kind).map(|(_, child)| *child),
        });
        if let Some(child) = known {
            return child;
        }
        let child = self.draft();
        self.with(parent, |draft| match typed {
            None => draft.any = Some(child),
            Some(kind) => draft.typed.push((kind, child)),
        });
        child
    }

    /// The number of a type.
    fn kind(&mut self, kind: &SegmentType) -> u32 {
        if let Some(known) = self.kind_numbers.get(kind) {
            return *known;
        }
        let new = number(self.kinds.len());
        self.kinds.push(kind.clone());
        self.kind_numbers.insert(kind.clone(), new);
        new
    }

    /// The only route that comes through a draft, with what of its path is behind that.
    fn lone(&mut self, mut draft: u32) -> Option<Leaf> {
        let mut tail = Vec::new();
        let leaf = loop {
            match self.drafts.get(draft as usize)?.next()? {
                Next::Segment(segment, child) => {
                    tail.push(segment);
                    draft = child;
                }
                Next::End(end, leaf) => {
                    tail.push(end);
                    break leaf;
                }
            }
        };
        let start = match self.tail_starts.get(&tail) {
            Some(start) => *start,
            None => {
                let start = number(self.tails.len());
                self.tails.extend_from_slice(&tail);
                self.tail_starts.insert(tail, start);
                start
            }
        };
        Some(Leaf { tail: start, ..leaf })
    }

    fn finish(mut self, routes: &[RouteKey]) -> MatchTree {
        let edges: usize = self.drafts.iter().map(|draft| draft.literals.len()).filter(|count| *count > 1).sum();
        let table = if edges == 0 { 0 } else { (edges * ROOM).next_power_of_two() };
        let mut tree = MatchTree {
            slots: vec![Slot::default(); table],
            edge_mask: table.saturating_sub(1),
            branches: vec![Branches::default()],
            hasher: std::mem::take(&mut self.hasher),
            text: std::mem::take(&mut self.text),
            kinds: std::mem::take(&mut self.kinds),
            typed: Vec::new(),
            tails: Vec::new(),
            leaves: Vec::new(),
            regexes: Vec::new(),
            targets: routes.iter().map(|key| Target { pattern: key.pattern.clone(), methods: key.methods.clone() }).collect(),
            every_host: None,
            exact_hosts: HashMap::new(),
            suffix_hosts: HashMap::new(),
        };
        let mut open = Vec::new();
        for (host, root) in std::mem::take(&mut self.hosts) {
            let place = tree.reserve();
            open.push((root, place));
            match host {
                HostPattern::Any => tree.every_host = Some(place),
                HostPattern::Exact(name) => drop(tree.exact_hosts.insert(name.into(), place)),
                HostPattern::Suffix(suffix) => drop(tree.suffix_hosts.insert(suffix.into(), place)),
            }
        }
        while let Some((draft, place)) = open.pop() {
            let what = match self.lone(draft) {
                Some(leaf) => Place::Leaf(leaf),
                None => Place::Node(tree.node(self.take(draft), place, &mut open)),
            };
            if let Some(slot) = tree.slots.get_mut(place as usize) {
                slot.place = what;
            }
        }
        tree.tails = self.tails;
        tree
    }

    fn take(&mut self, draft: u32) -> Draft {
        self.drafts.get_mut(draft as usize).map(std::mem::take).unwrap_or_default()
    }
}

impl MatchTree {
    /// A node, and places for what is below it, which is still to be put there.
    fn node(&mut self, draft: Draft, at: u32, open: &mut Vec<(u32, u32)>) -> Node {
        let Draft { any, literals, typed, exact, slash, rest, regexes, best } = draft;
        let mut below = |child: u32, place: u32| {
            open.push((child, place));
            place
        };
        let any = any.map_or(NONE, |child| below(child, self.reserve()));
        let typed = typed.into_iter().map(|(kind, child)| (kind, below(child, self.reserve()))).collect();
        let literals = match *literals {
            [] => Literals::None,
            [one] => {
                let place = below(one.child, self.reserve());
                let edge = self.edge(at, one);
                self.lead(place, edge);
                Literals::One(place)
            }
            [_, _, ..] => {
                for one in literals {
                    let edge = self.edge(at, one);
                    let place = self.free(&edge);
                    self.lead(below(one.child, place), edge);
                }
                Literals::Many
            }
        };
        let branches = Branches {
            typed: append(&mut self.typed, typed),
            slash: append(&mut self.leaves, slash),
            rest: append(&mut self.leaves, rest),
            regexes: append(&mut self.regexes, regexes),
        };
        let exact = append(&mut self.leaves, exact);
        Node { best: best.unwrap_or(u32::MAX), any, literals, exact, branches: self.branches(branches) }
    }

    /// One more slot, behind the table of edges.
    fn reserve(&mut self) -> u32 {
        self.slots.push(Slot::default());
        number(self.slots.len() - 1)
    }

    /// Where an edge belongs in the table, which has more slots than edges.
    fn free(&self, edge: &Edge) -> u32 {
        let mut at = self.first_slot(edge.parent, edge.text.of(&self.text));
        while self.slots.get(at).is_some_and(|slot| slot.edge.is_some()) {
            at = (at + 1) & self.edge_mask;
        }
        number(at)
    }

    fn lead(&mut self, to: u32, edge: Edge) {
        if let Some(slot) = self.slots.get_mut(to as usize) {
            slot.edge = Some(edge);
        }
    }

    fn edge(&self, parent: u32, literal: Literal) -> Edge {
        Edge { parent, text: text(literal, &self.text) }
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
