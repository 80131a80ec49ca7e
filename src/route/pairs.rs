//! All pairs of routes that share a request, found without comparing every route with every other.
//!
//! Patterns stand in a tree per host; two subtrees are walked together and part where their literals differ.

use std::collections::HashMap;

use super::apart;
use super::host::{HostPattern, simplified};
use super::key::RouteKey;
use super::pattern::{End, Segment};
use super::predicate::Predicates;
use super::relation::{hosts, paths};
use super::segment::SegmentType;
use super::types::{Relation, kinds};

/// The most pairs of routes that are compared; past it the analysis is `too complex`.
pub const PAIRS_MAX: usize = 1_000_000;
/// Steps of work that two regexes count as which are held against each other.
const STEPS_PER_REGEXES: usize = 300;

/// The fewest pairs for which it is worth while to look for an attribute that tells most of them apart.
const SWEPT_MIN: usize = 1_024;

/// Two routes with a common request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// The route with the smaller number.
    pub first: usize,
    /// The other one.
    pub second: usize,
    /// How they lie to each other; they overlap.
    pub relation: Relation,
}

/// The pairs, and whether all were looked at.
pub(super) struct Pairs {
    pub list: Vec<Pair>,
    pub complete: bool,
}

/// All overlapping pairs, sorted.
pub(super) fn overlapping(routes: &[RouteKey], predicates: &dyn Predicates) -> Pairs {
    let mut forest = Forest { routes, predicates, nodes: Vec::new(), pairs: Vec::new(), left: PAIRS_MAX };
    let roots = forest.plant();
    for (host, root) in &roots {
        forest.join(*root, *root);
        for wider in wider(host) {
            if let Some(other) = roots.get(&wider) {
                forest.join(*root, *other);
            }
        }
    }
    let mut found = forest.pairs;
    found.sort_unstable();
    found.dedup();
    let list = found.into_iter().filter_map(|(first, second)| related(routes, first as usize, second as usize, predicates)).collect();
    Pairs { list, complete: forest.left > 0 }
}

fn related(routes: &[RouteKey], first: usize, second: usize, predicates: &dyn Predicates) -> Option<Pair> {
    let (one, other) = (routes.get(first)?, routes.get(second)?);
    if !one.methods.overlaps(&other.methods) {
        return None;
    }
    let path = paths(&one.pattern, &other.pattern);
    if !path.overlap {
        return None;
    }
    let regexes = one.predicate.has_regex() && other.predicate.has_regex();
    let conditioned = usize::from(!one.predicate.is_always() || !other.predicate.is_always());
    if !predicates.spend(if regexes { STEPS_PER_REGEXES } else { conditioned }) {
        // Priorities order them still; what else would is not known.
        let relation = Relation { subset: false, superset: false, overlap: true, unknown: true };
        return Some(Pair { first, second, relation });
    }
    if !one.predicate.overlaps(&other.predicate) {
        return None;
    }
    // One condition is enough: it may rule out the methods, hosts or paths of the other route.
    let either = !one.predicate.is_always() || !other.predicate.is_always();
    let together = if either { predicates.possible(&[first, second], &[], &[]) } else { Some(true) };
    if together == Some(false) {
        return None;
    }
    let methods =
        Relation { subset: one.methods.is_subset(&other.methods), superset: other.methods.is_subset(&one.methods), ..Relation::EQUAL };
    let bounds = path.and(methods).and(hosts(&one.hosts, &other.hosts));
    let inside = |around: bool, paths: bool, (mine, key): (usize, &RouteKey), (theirs, wanted): (usize, &RouteKey)| {
        if around && key.predicate.is_subset(&wanted.predicate) {
            return Some(true);
        }
        // Without a condition of its own a route takes all its hosts and methods.
        if !paths || (!around && key.predicate.is_always()) { Some(false) } else { predicates.inside(mine, theirs) }
    };
    // Of two that priorities order, whether now or were they none, only what the first leaves of the second matters.
    let ordered = one.priority != other.priority && one.priority != 0 && other.priority != 0;
    let matters = |earlier: &RouteKey, later: &RouteKey| !ordered || earlier.priority > later.priority;
    let subset = if matters(other, one) { inside(bounds.subset, path.subset, (first, one), (second, other)) } else { Some(false) };
    let superset = if matters(one, other) { inside(bounds.superset, path.superset, (second, other), (first, one)) } else { Some(false) };
    let relation = Relation {
        subset: subset == Some(true),
        superset: superset == Some(true),
        overlap: true,
        unknown: bounds.unknown || together.is_none() || subset.is_none() || superset.is_none(),
    };
    Some(Pair { first, second, relation })
}

/// The patterns other than this one that contain it.
fn wider(host: &HostPattern) -> Vec<HostPattern> {
    let name = match host {
        HostPattern::Any => return Vec::new(),
        HostPattern::Exact(name) => name.as_str(),
        HostPattern::Suffix(suffix) => suffix.as_str(),
    };
    let suffixes = name.match_indices('.').filter(|(dot, _)| *dot > 0).filter_map(|(dot, _)| name.get(dot..));
    suffixes.map(|suffix| HostPattern::Suffix(suffix.to_owned())).chain([HostPattern::Any]).collect()
}

#[derive(Default)]
struct Node<'a> {
    literals: HashMap<&'a str, u32>,
    kinds: Vec<(&'a SegmentType, u32)>,
    exact: Vec<u32>,
    slash: Vec<u32>,
    /// Routes that may reach below: `/**` and regexes.
    open: Vec<u32>,
}

struct Forest<'a> {
    routes: &'a [RouteKey],
    predicates: &'a dyn Predicates,
    nodes: Vec<Node<'a>>,
    pairs: Vec<(u32, u32)>,
    left: usize,
}

impl<'a> Forest<'a> {
    fn plant(&mut self) -> HashMap<HostPattern, u32> {
        let mut roots = HashMap::new();
        for (number, route) in self.routes.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            for host in simplified(&route.hosts) {
                let root = *roots.entry(host).or_insert_with(|| fresh(&mut self.nodes));
                self.hang(root, number, route);
            }
        }
        roots
    }

    fn hang(&mut self, root: u32, number: u32, route: &'a RouteKey) {
        let mut at = root;
        for segment in route.pattern.segments() {
            let known = self.nodes.get(at as usize).and_then(|node| match segment {
                Segment::Literal(text) => node.literals.get(text.as_str()).copied(),
                Segment::Parameter { kind, .. } => node.kinds.iter().find(|(other, _)| *other == kind).map(|(_, child)| *child),
            });
            let child = known.unwrap_or_else(|| fresh(&mut self.nodes));
            if let (None, Some(node)) = (known, self.nodes.get_mut(at as usize)) {
                match segment {
                    Segment::Literal(text) => drop(node.literals.insert(text, child)),
                    Segment::Parameter { kind, .. } => node.kinds.push((kind, child)),
                }
            }
            at = child;
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            match route.pattern.end() {
                End::Exact => node.exact.push(number),
                End::Slash => node.slash.push(number),
                End::Rest | End::Regex(_) => node.open.push(number),
            }
        }
    }

    /// Finds the pairs of which one route is at or below `first`, the other at or below `second`, whose paths so far overlap.
    fn join(&mut self, first: u32, second: u32) {
        let mut tasks = vec![(first, second)];
        while let Some((first, second)) = tasks.pop() {
            if self.left == 0 {
                return;
            }
            let (Some(one), Some(other)) = (self.nodes.get(first as usize), self.nodes.get(second as usize)) else { continue };
            let mut met: Vec<(u32, u32)> = Vec::new();
            let same = first == second;
            self.cross(&one.exact, &other.exact, same, &mut met);
            self.cross(&one.slash, &other.slash, same, &mut met);
            self.cross(&one.open, &other.open, same, &mut met);
            self.reach_down(&one.open, second, &mut met);
            if !same {
                self.reach_down(&other.open, first, &mut met);
            }
            common_children(one, other, same, &mut tasks);
            let kept = met.len().min(self.left);
            self.left -= kept;
            let routes = self.routes;
            self.pairs.extend(met.into_iter().take(kept).filter(|(first, second)| share_method(routes, *first, *second)).map(sorted));
        }
    }

    /// Pairs routes of one list with those of the other, but for those that one attribute tells apart.
    fn cross(&self, first: &[u32], second: &[u32], same: bool, met: &mut Vec<(u32, u32)>) {
        if first.len().saturating_mul(second.len()) < SWEPT_MIN || !apart::pairs(self.predicates, first, second, same, met) {
            cross(first, second, same, met);
        }
    }

    /// Pairs the open routes with everything at and below a node, open routes of the node itself apart.
    fn reach_down(&self, open: &[u32], top: u32, met: &mut Vec<(u32, u32)>) {
        if open.is_empty() {
            return;
        }
        let mut below = vec![top];
        while let Some(at) = below.pop() {
            let Some(node) = self.nodes.get(at as usize) else { continue };
            self.cross(open, &node.exact, false, met);
            self.cross(open, &node.slash, false, met);
            if at != top {
                self.cross(open, &node.open, false, met);
            }
            if met.len() > self.left {
                return;
            }
            below.extend(node.literals.values().copied());
            below.extend(node.kinds.iter().map(|(_, child)| *child));
        }
    }
}

fn fresh(nodes: &mut Vec<Node<'_>>) -> u32 {
    nodes.push(Node::default());
    u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
}

fn sorted((first, second): (u32, u32)) -> (u32, u32) {
    (first.min(second), first.max(second))
}

fn share_method(routes: &[RouteKey], first: u32, second: u32) -> bool {
    first != second
        && match (routes.get(first as usize), routes.get(second as usize)) {
            (Some(one), Some(other)) => one.methods.overlaps(&other.methods),
            (_, _) => false,
        }
}

fn cross(first: &[u32], second: &[u32], same: bool, met: &mut Vec<(u32, u32)>) {
    for (index, one) in first.iter().enumerate() {
        met.extend(second.iter().skip(if same { index + 1 } else { 0 }).map(|other| (*one, *other)));
        if met.len() > PAIRS_MAX {
            return;
        }
    }
}

fn common_children(one: &Node<'_>, other: &Node<'_>, same: bool, tasks: &mut Vec<(u32, u32)>) {
    if same {
        tasks.extend(one.literals.values().map(|child| (*child, *child)));
    } else {
        let (small, large, turned) = if one.literals.len() <= other.literals.len() { (one, other, false) } else { (other, one, true) };
        for (text, child) in &small.literals {
            if let Some(twin) = large.literals.get(text) {
                tasks.push(if turned { (*twin, *child) } else { (*child, *twin) });
            }
        }
    }
    let taken = |literals: &HashMap<&str, u32>, kind: &SegmentType| -> Vec<u32> {
        literals.iter().filter(|(text, _)| kind.contains(text.as_bytes())).map(|(_, child)| *child).collect()
    };
    for (kind, child) in &other.kinds {
        tasks.extend(taken(&one.literals, kind).into_iter().map(|literal| (literal, *child)));
    }
    if !same {
        for (kind, child) in &one.kinds {
            tasks.extend(taken(&other.literals, kind).into_iter().map(|literal| (*child, literal)));
        }
    }
    for (index, (kind, child)) in one.kinds.iter().enumerate() {
        for (other_kind, other_child) in other.kinds.iter().skip(if same { index } else { 0 }) {
            if kinds(kind, other_kind).overlap {
                tasks.push((*child, *other_child));
            }
        }
    }
}
