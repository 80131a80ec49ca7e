//! One path of a pattern that hardly any other pattern takes: a cheap proof of most differences.

use super::dfa::Universe;
use super::pattern::{End, Pattern, Segment};
use super::product::{Budget, Machine, Verdict, witness};
use super::segment::SegmentType;

/// A path of the pattern whose parameters are unlike anything; without the segments of a `/**`.
pub(super) fn unlikely_path(pattern: &Pattern) -> Option<String> {
    let mut path = String::new();
    for segment in pattern.segments() {
        path.push('/');
        match segment {
            Segment::Literal(text) => path.push_str(text),
            Segment::Parameter { kind, .. } => path.push_str(&match kind {
                SegmentType::Any | SegmentType::Rest | SegmentType::RegexGroup => "~~".to_owned(),
                SegmentType::Int => "7305918264730591826".to_owned(),
                SegmentType::Hex => "7Fe3bD05a91c".to_owned(),
                SegmentType::Slug => "z9-zz-q7".to_owned(),
                SegmentType::Uuid => "7Fe3bD05-91c6-4a0B-8d2e-5f60c7e9a134".to_owned(),
                SegmentType::Date => "9999-99-99".to_owned(),
                SegmentType::Choice(words) => words.first()?.clone(),
                SegmentType::Regex(regex) => match witness(&[Machine::Table(regex.dfa())], &[], &mut Budget::default()) {
                    Verdict::Word(word) => word,
                    Verdict::Empty | Verdict::TooComplex => return None,
                },
            }),
        }
    }
    match pattern.end() {
        End::Exact | End::Rest => {}
        End::Slash => path.push('/'),
        End::Regex(_) => {
            let positives = [Machine::Path(pattern), Machine::All(Universe::Path)];
            match witness(&positives, &[], &mut Budget::default()) {
                Verdict::Word(word) => path = word,
                Verdict::Empty | Verdict::TooComplex => return None,
            }
        }
    }
    Some(path)
}
