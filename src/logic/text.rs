//! Texts: what a reference can be, tests on it, and the shortest text that passes them.

use super::TooComplex;
use crate::lang::expr::Pattern as Regex;
use crate::route::dfa::{Dfa, RegexFault, Universe};
use crate::route::product::{Budget, Machine, Verdict, witness};
use crate::route::{HostPattern, Pattern, SegmentType, tables};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// The texts that a reference can be.
#[derive(Debug, Clone)]
pub(super) enum Texts<'a> {
    /// Any.
    Any,
    /// A segment once its escapes are resolved: neither nothing nor a step in a path.
    Filled,
    /// A field's value (RFC 9110 §5.5).
    Field,
    /// A cookie's value.
    Cookie,
    /// A normalised path, of a pattern if there is one, and of all the others.
    Path(Option<&'a Pattern>, &'a [&'a Pattern]),
    /// One of these.
    Words(Vec<String>),
    /// Any method but CONNECT and TRACE.
    Methods,
    /// A host of one of the patterns; of none when there are none.
    Hosts(&'a [HostPattern]),
    /// What a table holds.
    Table(&'a Dfa),
}

/// What may be asked of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TextTest<'e> {
    /// It is one of these.
    OneOf(Vec<Arc<str>>),
    /// The whole of it matches.
    Matches(Cow<'e, Regex>),
    /// It comes before the limit byte by byte, or is the limit when that is said.
    Below(Arc<str>, bool),
    /// The pattern takes it.
    Taken(&'e Pattern),
    /// One of the host patterns does.
    Hosted(&'e [HostPattern]),
}

impl TextTest<'_> {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::OneOf(words) => words.iter().any(|word| **word == *text),
            Self::Matches(regex) => regex.matches(text),
            Self::Below(limit, inclusive) => text < &**limit || (*inclusive && text == &**limit),
            Self::Taken(pattern) => pattern.matches(text),
            Self::Hosted(hosts) => hosts.iter().any(|host| host.matches(text)),
        }
    }
}

/// A test and how it is to come out.
pub(super) struct Test<'q> {
    pub what: &'q TextTest<'q>,
    /// The text is put in lower case first.
    pub lowered: bool,
    pub wanted: bool,
}

impl Test<'_> {
    fn passes(&self, text: &str) -> bool {
        let holds = if self.lowered { self.what.holds(&text.to_lowercase()) } else { self.what.holds(text) };
        holds == self.wanted
    }
}

static ANY: LazyLock<Option<Dfa>> = LazyLock::new(|| values("(?s:.*)"));
static FILLED: LazyLock<Option<Dfa>> = LazyLock::new(|| values("(?s:.+)"));
static FIELD: LazyLock<Option<Dfa>> = LazyLock::new(|| values(r"([^\x00-\x20\x7f]([^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?"));
static COOKIE: LazyLock<Option<Dfa>> = LazyLock::new(|| values(r"([^\x00-\x20\x7f;]([^\x00-\x08\x0a-\x1f\x7f;]*[^\x00-\x20\x7f;])?)?"));
static METHOD: LazyLock<Option<Dfa>> = LazyLock::new(|| values(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"));
static HOST: LazyLock<Option<Dfa>> = LazyLock::new(|| values(r"[a-z0-9_.~-]+|\[[0-9a-f:.]+\]"));
static UNESCAPED: LazyLock<Option<Dfa>> = LazyLock::new(|| values("[^%]*"));

fn values(regex: &str) -> Option<Dfa> {
    Dfa::compile(regex, Universe::Bytes).ok()
}

impl<'a> Texts<'a> {
    /// What a parameter is once its escapes are resolved.
    pub(super) fn of(kind: &'a SegmentType) -> Self {
        match kind {
            SegmentType::Any => Self::Filled,
            SegmentType::Choice(words) => Self::Words(words.clone()),
            SegmentType::Int | SegmentType::Hex | SegmentType::Slug | SegmentType::Uuid | SegmentType::Date => {
                kind.table().map_or(Self::Filled, Self::Table)
            }
            SegmentType::Regex(regex) => match UNESCAPED.as_ref() {
                // What the table holds is what arrives, unless it holds escapes.
                Some(unescaped) if escapeless(regex.dfa(), unescaped) => Self::Table(regex.dfa()),
                Some(_) | None => Self::Filled,
            },
            SegmentType::Rest | SegmentType::RegexGroup => Self::Any,
        }
    }

    /// True for texts without letters whose lower case is not one byte.
    fn is_ascii(&self) -> bool {
        match self {
            Self::Any | Self::Filled | Self::Field | Self::Cookie | Self::Words(_) => false,
            Self::Path(..) | Self::Methods | Self::Hosts(_) | Self::Table(_) => true,
        }
    }

    fn contains(&self, text: &str) -> bool {
        let in_table = |table: &Option<Dfa>| table.as_ref().is_none_or(|table| table.contains(text.as_bytes()));
        match self {
            Self::Any => true,
            Self::Filled => !matches!(text, "" | "." | ".."),
            Self::Field => in_table(&FIELD),
            Self::Cookie => in_table(&COOKIE),
            Self::Path(pattern, others) => {
                Universe::Path.contains(text.as_bytes()) && pattern.iter().chain(*others).all(|pattern| pattern.matches(text))
            }
            Self::Words(words) => words.iter().any(|word| word == text),
            Self::Methods => in_table(&METHOD) && !matches!(text, "CONNECT" | "TRACE"),
            Self::Hosts(hosts) => in_table(&HOST) && (hosts.is_empty() || hosts.iter().any(|host| host.matches(text))),
            Self::Table(table) => table.contains(text.as_bytes()),
        }
    }

    /// Readable examples.
    fn preferred(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            Self::Any | Self::Filled | Self::Field | Self::Cookie => words(&["a", "b", "c"]),
            Self::Methods => words(&["GET", "POST", "PUT", "DELETE", "PATCH"]),
            Self::Hosts([]) => words(&["localhost", "example.com"]),
            Self::Hosts(hosts) => hosts.iter().map(HostPattern::example).collect(),
            Self::Path(..) | Self::Words(_) | Self::Table(_) => Vec::new(),
        }
    }

    fn machines<'m>(&'m self, taken: &mut Vec<Machine<'m>>, refused: &mut Vec<Machine<'m>>) -> Result<(), TooComplex> {
        let table = |table: &'static LazyLock<Option<Dfa>>| table.as_ref().map(Machine::Table).ok_or(TooComplex);
        match self {
            Self::Any | Self::Words(_) => taken.push(table(&ANY)?),
            Self::Filled => {
                taken.push(table(&FILLED)?);
                refused.extend([Machine::Word("."), Machine::Word("..")]);
            }
            Self::Field => taken.push(table(&FIELD)?),
            Self::Cookie => taken.push(table(&COOKIE)?),
            Self::Path(pattern, others) => {
                taken.extend(pattern.iter().chain(*others).map(|pattern| Machine::Path(pattern)));
                taken.push(Machine::All(Universe::Path));
            }
            Self::Methods => {
                taken.push(table(&METHOD)?);
                refused.extend([Machine::Word("CONNECT"), Machine::Word("TRACE")]);
            }
            Self::Hosts(_) => taken.push(table(&HOST)?),
            Self::Table(table) => taken.push(Machine::Table(table)),
        }
        Ok(())
    }
}

fn escapeless(table: &Dfa, unescaped: &Dfa) -> bool {
    matches!(witness(&[Machine::Table(table)], &[Machine::Table(unescaped)], &mut Budget::default()), Verdict::Empty)
}

/// A text of all the domains that passes all tests and is none of `avoid`; `None` when there is none.
pub(super) fn choose(
    domains: &[Texts<'_>],
    tests: &[Test<'_>],
    avoid: &[Arc<str>],
    budget: &mut Budget,
) -> Result<Option<String>, TooComplex> {
    let fits = |text: &str| {
        domains.iter().all(|domain| domain.contains(text))
            && tests.iter().all(|test| test.passes(text))
            && !avoid.iter().any(|other| **other == *text)
    };
    if let Some(words) = few(domains, tests) {
        return Ok(words.into_iter().find(|word| fits(word)));
    }
    if let Some(text) = domains.iter().flat_map(Texts::preferred).find(|text| fits(text)) {
        return Ok(Some(text));
    }
    search(domains, tests, avoid, budget).or_else(|TooComplex| {
        // What passes all tests is an answer, wherever it comes from.
        GUESSES.iter().find(|text| fits(text)).map(|text| Some((*text).to_owned())).ok_or(TooComplex)
    })
}

/// Texts that people often ask for, to be tried where a walk is too long: `re"\w{2,64}"` has thousands of states.
const GUESSES: [&str; 6] = ["example", "1", "12345678", "example-1", "a@example.com", "/example"];

fn search(domains: &[Texts<'_>], tests: &[Test<'_>], avoid: &[Arc<str>], budget: &mut Budget) -> Result<Option<String>, TooComplex> {
    // Hosts with and without a suffix are put apart here, so that each walk is about one.
    let suffixes: Vec<Option<&str>> =
        match domains.iter().find_map(|domain| if let Texts::Hosts(hosts) = domain { Some(*hosts) } else { None }) {
            Some(hosts) if !hosts.is_empty() && !hosts.contains(&HostPattern::Any) => hosts
                .iter()
                .map(|host| match host {
                    HostPattern::Exact(name) => Some(name.as_str()),
                    HostPattern::Suffix(suffix) => Some(suffix.as_str()),
                    HostPattern::Any => None,
                })
                .collect(),
            Some(_) | None => vec![None],
        };
    for suffix in suffixes {
        if let Some(text) = walks(domains, tests, avoid, suffix, budget)? {
            return Ok(Some(text));
        }
    }
    if tests.iter().any(|test| test.lowered) && !domains.iter().any(Texts::is_ascii) && lowered_alone(tests, budget)? {
        // A letter beyond ASCII may have this lower case.
        return Err(TooComplex);
    }
    Ok(None)
}

/// All candidates, when a test or a domain leaves few.
fn few(domains: &[Texts<'_>], tests: &[Test<'_>]) -> Option<Vec<String>> {
    let listed = tests.iter().filter(|test| test.wanted && !test.lowered).find_map(|test| match test.what {
        TextTest::OneOf(words) => Some(words.iter().map(|word| word.to_string()).collect()),
        TextTest::Matches(_) | TextTest::Below(..) | TextTest::Taken(_) | TextTest::Hosted(_) => None,
    });
    listed.or_else(|| domains.iter().find_map(|domain| if let Texts::Words(words) = domain { Some(words.clone()) } else { None }))
}

/// Whether some text, taken for the lower case of another, passes the tests on lower case.
fn lowered_alone(tests: &[Test<'_>], budget: &mut Budget) -> Result<bool, TooComplex> {
    let is_lower = |word: &Arc<str>| word.to_lowercase() == **word;
    let none_is = |test: &Test<'_>| matches!(test.what, TextTest::OneOf(words) if test.wanted && !words.iter().any(is_lower));
    let lowered = || tests.iter().filter(|test| test.lowered);
    if lowered().any(none_is) {
        return Ok(false);
    }
    let plain: Vec<Test<'_>> = lowered().map(|test| Test { lowered: false, ..*test }).collect();
    choose(&[Texts::Any], &plain, &[], budget).map(|found| found.is_some())
}

/// One walk for each word that the text can be in lower case, or one altogether.
fn walks(
    domains: &[Texts<'_>],
    tests: &[Test<'_>],
    avoid: &[Arc<str>],
    suffix: Option<&str>,
    budget: &mut Budget,
) -> Result<Option<String>, TooComplex> {
    let lower = tests.iter().filter(|test| test.wanted && test.lowered).find_map(|test| match test.what {
        TextTest::OneOf(words) => Some(words),
        TextTest::Matches(_) | TextTest::Below(..) | TextTest::Taken(_) | TextTest::Hosted(_) => None,
    });
    let Some(words) = lower else { return walk(domains, tests, avoid, (suffix, None), budget) };
    for word in words.iter().filter(|word| word.to_lowercase() == ***word) {
        if let Some(text) = walk(domains, tests, avoid, (suffix, Some(word)), budget)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn walk(
    domains: &[Texts<'_>],
    tests: &[Test<'_>],
    avoid: &[Arc<str>],
    (suffix, lower): (Option<&str>, Option<&str>),
    budget: &mut Budget,
) -> Result<Option<String>, TooComplex> {
    let regexes = tests.iter().filter_map(|test| match test.what {
        TextTest::Matches(regex) => Some((Cow::Borrowed(regex.source()), test)),
        TextTest::Hosted(hosts) => Some((Cow::Owned(hosted(hosts)), test)),
        TextTest::OneOf(_) | TextTest::Below(..) | TextTest::Taken(_) => None,
    });
    let tables: Vec<(Arc<Dfa>, &Test<'_>)> = regexes.map(|(regex, test)| Ok((table(&regex)?, test))).collect::<Result<_, _>>()?;
    let ending = suffix.map(|suffix| format!("{}{}", if suffix.starts_with('.') { "(?s:.+)" } else { "" }, regex::escape(suffix)));
    let ending = ending.map(|regex| table(&regex)).transpose()?;
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for domain in domains {
        domain.machines(&mut taken, &mut refused)?;
    }
    taken.extend(ending.iter().map(|table| Machine::Table(table)));
    taken.extend(lower.map(Machine::FoldedWord));
    for (table, test) in &tables {
        let machine = if test.lowered { Machine::Folded(table) } else { Machine::Table(table) };
        if test.wanted { &mut taken } else { &mut refused }.push(machine);
    }
    for test in tests {
        match test.what {
            // A list that is wanted is `lower`: others were asked about before.
            TextTest::OneOf(words) if !test.wanted => {
                refused.extend(words.iter().map(|word| if test.lowered { Machine::FoldedWord(word) } else { Machine::Word(word) }));
            }
            TextTest::OneOf(words) => {
                if lower.is_some_and(|lower| !words.iter().any(|word| **word == *lower)) {
                    return Ok(None);
                }
            }
            TextTest::Matches(_) | TextTest::Hosted(_) => {}
            TextTest::Taken(pattern) => if test.wanted { &mut taken } else { &mut refused }.push(Machine::Path(pattern)),
            TextTest::Below(..) if test.lowered => return Err(TooComplex),
            TextTest::Below(limit, inclusive) => {
                if test.wanted { &mut taken } else { &mut refused }.push(Machine::Below(limit, *inclusive));
            }
        }
    }
    refused.extend(avoid.iter().map(|word| Machine::Word(word)));
    match witness(&taken, &refused, budget) {
        Verdict::Word(word) => Ok(Some(word)),
        Verdict::Empty => Ok(None),
        Verdict::TooComplex => Err(TooComplex),
    }
}

/// The hosts of some patterns.
fn hosted(hosts: &[HostPattern]) -> String {
    let one = |host: &HostPattern| match host {
        HostPattern::Any => ".*".to_owned(),
        HostPattern::Exact(name) => regex::escape(name),
        HostPattern::Suffix(suffix) => format!(".+{}", regex::escape(suffix)),
    };
    hosts.iter().map(one).collect::<Vec<_>>().join("|")
}

fn table(source: &str) -> Result<Arc<Dfa>, TooComplex> {
    // A regex that matches nothing has a table all the same: the walk finds out.
    match tables::values(source) {
        Ok(table) => Ok(table),
        Err(RegexFault::MatchesNothing) => Ok(Arc::new(Dfa::nothing())),
        Err(RegexFault::Syntax(_) | RegexFault::TooLarge) => Err(TooComplex),
    }
}
