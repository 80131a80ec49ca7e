//! One conjunction of tests: references that are equal form a class, and each class gets the simplest value that passes its tests.

use super::TooComplex;
use super::facts::{Facts, Kind};
use super::formula::Atom;
use super::model::Example;
use super::search::Literal;
use super::spans::{Addresses, Spans};
use super::text::{Test, Texts, choose};
use crate::lang::expr::Ref;
use crate::route::product::Budget;
use std::sync::Arc;
use std::time::Duration;

/// The longest duration that an example can be, in nanoseconds: about 584 years.
const NANOSECONDS_MAX: u128 = u64::MAX as u128;

/// A conjunction in which no test contradicts another by itself.
pub(super) struct Term<'l, 'f, 'q> {
    facts: Facts<'q>,
    literals: &'l [Literal<'f, 'q>],
    /// The references of the tests, each once.
    refs: Vec<&'q Ref>,
    /// For each reference, whether it is there.
    there: Vec<bool>,
    /// For each reference, the first one that it is equal to.
    class: Vec<usize>,
    /// Pairs of references that are not equal.
    apart: Vec<(usize, usize)>,
    /// Texts that a reference is not.
    avoid: Vec<(usize, Arc<str>)>,
}

impl<'l, 'f, 'q> Term<'l, 'f, 'q> {
    /// The term; `None` when a reference would have to be there and missing, or equal and not.
    pub(super) fn new(facts: Facts<'q>, literals: &'l [Literal<'f, 'q>]) -> Option<Self> {
        let mut refs: Vec<&'q Ref> = Vec::new();
        for reference in literals.iter().flat_map(|(atom, _)| of(atom)).flatten() {
            if !refs.contains(&reference) {
                refs.push(reference);
            }
        }
        let mut term =
            Self { facts, literals, there: Vec::new(), class: (0..refs.len()).collect(), refs, apart: Vec::new(), avoid: Vec::new() };
        term.there = term.presence()?;
        term.relations();
        let consistent = term.apart.iter().all(|(one, other)| term.class.get(*one) != term.class.get(*other));
        consistent.then_some(term)
    }

    fn place(&self, reference: &Ref) -> usize {
        self.refs.iter().position(|known| *known == reference).unwrap_or(usize::MAX)
    }

    /// Which references are there: those that must be, and of the others none.
    fn presence(&self) -> Option<Vec<bool>> {
        let mut there: Vec<Option<bool>> = self.refs.iter().map(|reference| (!self.facts.optional(reference)).then_some(true)).collect();
        for (atom, holds) in self.literals {
            let wanted = match atom {
                Atom::Present(_) => Some(*holds),
                Atom::Same(..) => Some(true),
                Atom::Text(..) | Atom::Number(..) | Atom::Address(..) | Atom::Truth(..) | Atom::Member(..) | Atom::Within(..) => {
                    holds.then_some(true)
                }
                Atom::Opaque(_) => None,
            };
            for reference in of(atom).into_iter().flatten() {
                let cell = there.get_mut(self.place(reference))?;
                match (*cell, wanted) {
                    (Some(known), Some(wanted)) if known != wanted => return None,
                    (None, Some(_)) => *cell = wanted,
                    (Some(_) | None, _) => {}
                }
            }
        }
        Some(there.into_iter().map(|there| there.unwrap_or(false)).collect())
    }

    fn is_there(&self, place: usize) -> bool {
        self.there.get(place) == Some(&true)
    }

    /// Which references are equal, and which differ: as is said, and as follows from who is in which set.
    fn relations(&mut self) {
        let mut members: Vec<(usize, usize)> = Vec::new();
        let mut strangers: Vec<(usize, usize)> = Vec::new();
        for (atom, holds) in self.literals {
            match atom {
                Atom::Same(one, other) if *holds => self.join(self.place(one), self.place(other)),
                Atom::Same(one, other) => self.apart.push((self.place(one), self.place(other))),
                Atom::Within(item, set) => {
                    let pair = (self.place(item), self.place(set));
                    if *holds {
                        members.push(pair);
                    } else if self.is_there(pair.0) && self.is_there(pair.1) {
                        strangers.push(pair);
                    }
                }
                Atom::Present(_)
                | Atom::Text(..)
                | Atom::Number(..)
                | Atom::Address(..)
                | Atom::Truth(..)
                | Atom::Member(..)
                | Atom::Opaque(_) => {}
            }
        }
        for (item, set) in &strangers {
            self.apart.extend(members.iter().filter(|(_, other)| other == set).map(|(member, _)| (*member, *item)));
        }
        for (atom, holds) in self.literals {
            let Atom::Member(text, set) = atom else { continue };
            let set = self.place(set);
            let pairs = if *holds { &strangers } else { &members };
            let differ = pairs.iter().filter(|(_, other)| *other == set).map(|(item, _)| (*item, Arc::from(&**text)));
            self.avoid.extend(differ);
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let (Some(&one), Some(&other)) = (self.class.get(one), self.class.get(other)) else { return };
        let (first, second) = (one.min(other), one.max(other));
        self.class.iter_mut().filter(|class| **class == second).for_each(|class| *class = first);
    }

    /// A value for each reference; `None` when there are none.
    pub(super) fn values(&self, budget: &mut Budget) -> Result<Option<Vec<(&'q Ref, Example)>>, TooComplex> {
        let mut values: Vec<Option<Example>> = vec![None; self.refs.len()];
        for (place, reference) in self.refs.iter().enumerate() {
            let value = if !self.is_there(place) {
                Some(Example::Missing)
            } else if let Some(first) = self.class.get(place).filter(|class| **class < place) {
                values.get(*first).cloned().flatten()
            } else if matches!(self.facts.domain(reference).kind, Kind::Set) {
                // Sets wait for the texts that are in them.
                continue;
            } else {
                self.value(place, &values, budget)?
            };
            let (Some(value), Some(cell)) = (value, values.get_mut(place)) else { return Ok(None) };
            *cell = Some(value);
        }
        for place in 0..self.refs.len() {
            if values.get(place) == Some(&None) {
                let Some(set) = self.set(place, &values) else { return Ok(None) };
                values.get_mut(place).into_iter().for_each(|cell| *cell = Some(set.clone()));
            }
        }
        Ok(values.into_iter().zip(&self.refs).map(|(value, reference)| value.map(|value| (*reference, value))).collect())
    }

    /// The value of a class; a class that must differ from one with a value already does.
    fn value(&self, class: usize, values: &[Option<Example>], budget: &mut Budget) -> Result<Option<Example>, TooComplex> {
        let mine = |place: usize| self.class.get(place) == Some(&class);
        let other = |(one, other): &(usize, usize)| if mine(*one) { Some(*other) } else { mine(*other).then_some(*one) };
        let neighbours = self.apart.iter().filter_map(other);
        let taken: Vec<&Example> = neighbours
            .filter_map(|place| values.get(*self.class.get(place)?)?.as_ref())
            .filter(|value| **value != Example::Missing)
            .collect();
        let found = self.simplest(class, &taken, budget)?;
        // Another choice of the neighbours' values might leave one.
        if found.is_none() && !taken.is_empty() && self.simplest(class, &[], budget)?.is_some() {
            return Err(TooComplex);
        }
        Ok(found)
    }

    fn simplest(&self, class: usize, taken: &[&Example], budget: &mut Budget) -> Result<Option<Example>, TooComplex> {
        let refs: Vec<&'q Ref> = self
            .refs
            .iter()
            .enumerate()
            .filter(|(place, _)| self.class.get(*place) == Some(&class))
            .map(|(_, reference)| *reference)
            .collect();
        let Some(first) = refs.first() else { return Ok(None) };
        let about = |reference: &Ref| refs.contains(&reference);
        let kind = self.facts.domain(first).kind;
        match kind {
            Kind::Text(_) => {
                let domains: Vec<Texts<'q>> = refs
                    .iter()
                    .filter_map(|reference| if let Kind::Text(texts) = self.facts.domain(reference).kind { Some(texts) } else { None })
                    .collect();
                let tests: Vec<Test<'_>> = self
                    .literals
                    .iter()
                    .filter_map(|(atom, wanted)| match atom {
                        Atom::Text(reference, lowered, what) if about(reference) => Some(Test { what, lowered: *lowered, wanted: *wanted }),
                        _ => None,
                    })
                    .collect();
                let mut avoid: Vec<Arc<str>> =
                    self.avoid.iter().filter(|(place, _)| self.class.get(*place) == Some(&class)).map(|(_, text)| text.clone()).collect();
                avoid.extend(taken.iter().filter_map(|value| if let Example::Text(text) = value { Some(text.clone()) } else { None }));
                Ok(choose(&domains, &tests, &avoid, budget)?.map(|text| Example::Text(text.into())))
            }
            Kind::Number(_) | Kind::Duration => {
                let domain = |reference: &Ref| match self.facts.domain(reference).kind {
                    Kind::Number(spans) => spans,
                    Kind::Text(_) | Kind::Duration | Kind::Address | Kind::Truth | Kind::Set => Spans::run(0, NANOSECONDS_MAX),
                };
                let mut left = refs.iter().fold(Spans::run(0, u128::MAX), |left, reference| left.and(&domain(reference)));
                for (atom, wanted) in self.literals {
                    if let Atom::Number(reference, spans) = atom
                        && about(reference)
                    {
                        left = left.holding(spans, *wanted);
                    }
                }
                for value in taken {
                    let number = match value {
                        Example::Number(number) => u128::from(*number),
                        Example::Duration(duration) => duration.as_nanos(),
                        _ => continue,
                    };
                    left = left.without(&Spans::run(number, number));
                }
                let number = left.first().and_then(|(low, _)| u64::try_from(low).ok());
                Ok(number.map(|number| {
                    if matches!(kind, Kind::Duration) { Example::Duration(Duration::from_nanos(number)) } else { Example::Number(number) }
                }))
            }
            Kind::Address => {
                let mut left = Addresses::all();
                for (atom, wanted) in self.literals {
                    if let Atom::Address(reference, addresses) = atom
                        && about(reference)
                    {
                        left = left.holding(addresses, *wanted);
                    }
                }
                for value in taken {
                    if let Example::Address(ip) = value {
                        left = left.holding(&Addresses::of(&[(*ip).into()]), false);
                    }
                }
                Ok(left.example().map(Example::Address))
            }
            Kind::Truth => {
                let fits = |truth: bool| {
                    !taken.contains(&&Example::Truth(truth))
                        && self.literals.iter().all(|(atom, wanted)| match atom {
                            Atom::Truth(reference, value) if about(reference) => (*value == truth) == *wanted,
                            _ => true,
                        })
                };
                Ok([false, true].into_iter().find(|truth| fits(*truth)).map(Example::Truth))
            }
            Kind::Set => Ok(None),
        }
    }

    /// A set with the members that it must have and no others.
    fn set(&self, place: usize, values: &[Option<Example>]) -> Option<Example> {
        let (mut has, mut lacks): (Vec<Arc<str>>, Vec<Arc<str>>) = (Vec::new(), Vec::new());
        for (atom, holds) in self.literals {
            let text: Arc<str> = match atom {
                Atom::Member(text, set) if self.place(set) == place => Arc::from(&**text),
                Atom::Within(item, set) if self.place(set) == place => match values.get(self.place(item)) {
                    Some(Some(Example::Text(text))) => text.clone(),
                    _ => continue,
                },
                _ => continue,
            };
            let list = if *holds { &mut has } else { &mut lacks };
            if !list.contains(&text) {
                list.push(text);
            }
        }
        has.iter().all(|text| !lacks.contains(text)).then_some(Example::Set { has, lacks })
    }
}

/// The references of a test.
fn of<'q>(atom: &Atom<'q>) -> [Option<&'q Ref>; 2] {
    match atom {
        Atom::Present(reference)
        | Atom::Text(reference, ..)
        | Atom::Number(reference, _)
        | Atom::Address(reference, _)
        | Atom::Truth(reference, _)
        | Atom::Member(_, reference) => [Some(reference), None],
        Atom::Within(one, other) | Atom::Same(one, other) => [Some(one), Some(other)],
        Atom::Opaque(_) => [None, None],
    }
}

/// Any value of a reference, the simplest one.
pub(super) fn any_value(facts: Facts<'_>, reference: &Ref, budget: &mut Budget) -> Result<Example, TooComplex> {
    if facts.optional(reference) {
        return Ok(Example::Missing);
    }
    let there = Atom::Present(reference);
    let literals = [(&there, true)];
    let values = Term::new(facts, &literals).ok_or(TooComplex)?.values(budget)?;
    values.and_then(|mut values| values.pop()).map(|(_, value)| value).ok_or(TooComplex)
}
