//! Words of the language that this release knows and refuses: ignoring one would change what a policy means.
//!
//! A word leaves this list in the change that brings its policy.

use crate::lang::form::{Form, Merge, Place, Word};

const ANYWHERE: &[Place] = &[Place::Gateway, Place::Group, Place::Route, Place::Policy];
const CALLS: &[Place] = &[Place::Gateway, Place::Upstream, Place::Group, Place::Route, Place::Policy];

/// The words, in the order of the pipeline.
pub const WORDS: &[Word] = &[
    word("trace", "sends traces to an OpenTelemetry collector", &[Place::Gateway], Merge::Single, ""),
    word("events", "posts what happens to the gateway itself to a URL", &[Place::Gateway], Merge::Conjunctive, ""),
    word("store", "counters that several gateways share", &[Place::File], Merge::Keyed, ""),
    word("flag", "a switch that is turned while the gateway runs", &[Place::File], Merge::Keyed, ""),
    word("hook", "a service that is asked about every request or response", &[Place::File], Merge::Keyed, ""),
    word("maintenance", "answers 503 while it is on", ANYWHERE, Merge::Single, "access"),
    word("to", "chooses the upstream by conditions or shares", &[Place::Route], Merge::Single, "target"),
    word("cache", "keeps responses and answers from them", ANYWHERE, Merge::Single, "cache"),
    word("mirror", "sends a copy of a share of the requests to another upstream", ANYWHERE, Merge::Single, "shape"),
    word("retry", "makes a failed call again", CALLS, Merge::Fields, "call"),
    word("fallback", "what answers when the target fails", ANYWHERE, Merge::Single, "call"),
    word("error", "pages in place of error responses", ANYWHERE, Merge::Keyed, "respond"),
    word("deprecated", "tells clients that the route will go away", ANYWHERE, Merge::Single, "respond"),
    word("security_headers", "response fields that make browsers stricter", ANYWHERE, Merge::Single, "respond"),
];

const fn word(word: &'static str, doc: &'static str, places: &'static [Place], merge: Merge, stage: &'static str) -> Word {
    Word { form: Form::new(word, doc).later(), places, merge, stage }
}
