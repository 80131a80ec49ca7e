//! Random routes and requests over a small alphabet, so that they meet often; for property tests.

use proptest::prelude::{Just, Strategy, prop, prop_oneof};
use proptest::strategy::Union;

use super::host::HostPattern;
use super::key::RouteKey;
use super::methods::Methods;
use super::pattern::Pattern;
use super::predicate::{Atom, Predicate, Test, holds};

/// What a request is to the matcher: the header is the one attribute that predicates test.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    pub host: &'static str,
    pub path: String,
    pub header: Option<&'static str>,
}

impl Request {
    /// True when the route takes it, by the definition of the four sets.
    pub fn is_of(&self, key: &RouteKey) -> bool {
        key.methods.contains(self.method) && key.matches_host(self.host) && key.pattern.matches(&self.path) && self.fulfils(&key.predicate)
    }

    pub fn fulfils(&self, predicate: &Predicate) -> bool {
        predicate.atoms.iter().all(|atom| holds(&atom.test, self.header).unwrap_or(false))
    }
}

fn of(texts: &[&'static str]) -> Union<Just<String>> {
    Union::new(texts.iter().map(|text| Just((*text).to_owned())))
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let segment = prop_oneof![
        4 => of(&["a", "b", "1", "a-1", "G"]),
        3 => Just("{}".to_owned()),
        3 => of(&["{:int}", "{:hex}", "{:slug}", "{:a|b}", "{:a|a-1}", "{:1|G}", "{:re\"[a-z]+\"}", "{:re\"a|1\"}", "{:re\".*1\"}"]),
    ];
    let end = prop_oneof![4 => Just(""), 1 => Just("/"), 2 => Just("/**"), 1 => Just("re\"/a.*\""), 1 => Just("re\"/(?<g>[a-z]+)(/1)?\"")];
    (prop::collection::vec(segment, 0..4), end).prop_map(|(segments, end)| {
        let named: Vec<String> =
            segments.iter().enumerate().map(|(index, text)| text.replace('{', &format!("{{p{index}")).replace(":}", "}")).collect();
        let mut text = named.iter().fold(String::new(), |text, segment| format!("{text}/{segment}")) + end;
        if text.is_empty() {
            text.push('/');
        }
        Pattern::parse(&text).expect("a good pattern")
    })
}

/// Any route.
pub fn route() -> impl Strategy<Value = RouteKey> {
    let host = of(&["*", "x", "a.x", "*.x", "*.a.x"]).prop_map(|text| HostPattern::parse(&text).expect("a host"));
    let methods = of(&["GET", "HEAD", "GET,POST", "ANY", "PURGE"]).prop_map(|text| Methods::parse(text.split(',')).expect("methods"));
    let text = || of(&["1", "2"]);
    let test = prop_oneof![
        text().prop_map(Test::Equals),
        text().prop_map(Test::NotEquals),
        Just(Test::In(vec!["1".to_owned(), "3".to_owned()])),
        Just(Test::Matches("[12]".to_owned())),
        Just(Test::Matches("[0-9]".to_owned())),
        Just(Test::Present),
        Just(Test::Absent),
    ];
    let atom = test.prop_map(|test| Atom { attribute: "header(\"v\")".to_owned(), test });
    let predicate = prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(atom, 1..3)].prop_map(|atoms| Predicate { atoms });
    let hosts = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(host, 1..3)];
    let priority = prop_oneof![5 => Just(0_i64), 1 => Just(1_i64), 1 => Just(-1_i64)];
    (hosts, methods, pattern(), predicate, priority).prop_map(|(hosts, methods, pattern, predicate, priority)| RouteKey {
        hosts,
        methods,
        pattern,
        predicate,
        priority,
    })
}

/// Any request.
pub fn request() -> impl Strategy<Value = Request> {
    let segments = prop::collection::vec(of(&["a", "b", "1", "a-1", "G", "c", "11"]), 0..5);
    let pick = |texts: &'static [&'static str]| (0..texts.len()).prop_map(move |index| texts[index]);
    let method = pick(&["GET", "HEAD", "POST", "PURGE", "TRACE"]);
    let host = pick(&["x", "a.x", "b.x", "b.a.x:80", "y", "A.X."]);
    let header = (0..5_usize).prop_map(|index| ["1", "2", "3", "x"].get(index).copied());
    (method, host, segments, prop::bool::ANY, header).prop_map(|(method, host, segments, slash, header)| {
        let mut path = segments.iter().fold(String::new(), |path, segment| format!("{path}/{segment}"));
        if slash || path.is_empty() {
            path.push('/');
        }
        Request { method, host, path, header }
    })
}
