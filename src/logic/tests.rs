//! Answers by example, and against every assignment of a few values.

use super::{Arms, Example, Facts, Known, Model, TooComplex, arms, implies, sample, satisfiable};
use crate::lang::checker::{AttributeFact, Entrance};
use crate::lang::expr::{Comparison, Expr, Pattern, Ref};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::route::{HostPattern, Methods, Pattern as Path, Predicate, RouteKey};
use http::HeaderName;
use proptest::prelude::{BoxedStrategy, Just, ProptestConfig, Strategy, prop, prop_oneof};
use proptest::{prop_assert, proptest};

fn header() -> Ref {
    Ref::Header(HeaderName::from_static("x-a"))
}

fn claim(slot: u16) -> Ref {
    Ref::Attribute(vec![(0, slot)])
}

fn text(text: &str) -> Expr {
    Expr::Const(Value::Text(text.into()))
}

fn of(reference: Ref) -> Expr {
    Expr::Ref(reference)
}

fn compare(left: Expr, how: Comparison, right: Expr) -> Expr {
    Expr::Compare(Box::new(left), how, Box::new(right))
}

fn equal(left: Expr, right: Expr) -> Expr {
    compare(left, Comparison::Equal, right)
}

fn within(item: Expr, set: Expr) -> Expr {
    Expr::In(Box::new(item), Box::new(set))
}

fn matches(item: Expr, regex: &str) -> Expr {
    Expr::Matches(Box::new(item), Pattern::new(regex).unwrap())
}

fn not(inner: Expr) -> Expr {
    Expr::Not(Box::new(inner))
}

fn attributes() -> Vec<AttributeFact> {
    let fact = |slot: u16, name: &str, ty: Type| AttributeFact { root: "claim", name: name.to_owned(), ty, slots: vec![(0, slot)] };
    vec![
        fact(0, "role", Type::Enum(["user".to_owned(), "admin".to_owned()].into())),
        fact(1, "age", Type::Int.optional()),
        fact(2, "staff", Type::Bool.optional()),
        fact(3, "roles", Type::Set(Box::new(Type::Str))),
        fact(4, "sub", Type::Str),
    ]
}

fn key(methods: &str, path: &str) -> RouteKey {
    RouteKey {
        hosts: Vec::new(),
        methods: Methods::parse(methods.split(',')).unwrap(),
        pattern: Path::parse(path).unwrap(),
        predicate: Predicate::default(),
        priority: 0,
    }
}

#[track_caller]
fn example(all: &[&Expr]) -> String {
    let attributes = attributes();
    let facts = Facts { attributes: &attributes, ..Facts::default() };
    satisfiable(facts, all).unwrap().map_or_else(|| "never".to_owned(), |model| model.to_string())
}

#[test]
fn examples_are_the_simplest_values() {
    assert_eq!(example(&[&equal(of(header()), text("gold"))]), "`header(\"x-a\")` = `gold`");
    assert_eq!(example(&[&compare(of(header()), Comparison::NotEqual, text("gold"))]), "no `header(\"x-a\")`");
    assert_eq!(example(&[&matches(of(header()), "v[0-9]+"), &not(matches(of(header()), "v1.*"))]), "`header(\"x-a\")` = `v2`");
    assert_eq!(example(&[&within(text("admin"), of(claim(3)))]), "`claim.roles` with `admin`");
    assert_eq!(example(&[&not(within(text("admin"), of(claim(3))))]), "`claim.roles` without `admin`");
    assert_eq!(example(&[&not(equal(of(claim(0)), text("user")))]), "`claim.role` = `admin`");
    assert_eq!(example(&[]), "any request");
}

/// What the gateway lets in is in the theory: a method in small letters, a host with a tilde or two dots in a row.
#[test]
fn methods_and_hosts_are_all_that_arrive() {
    assert_ne!(example(&[&not(matches(of(Ref::Method), "[^a-z]+"))]), "never");
    for host in ["a~b", "a..b", ".a", "a_b", "[::1]"] {
        assert_ne!(example(&[&equal(of(Ref::Host), text(host))]), "never", "{host}");
    }
}

#[test]
fn each_theory_knows_when_nothing_is_left() {
    let age = || Expr::OrElse(Box::new(of(claim(1))), Box::new(Expr::Const(Value::Int(0))));
    let number = |number| Expr::Const(Value::Int(number));
    let networks = |list: &[&str]| Expr::Const(Value::List(list.iter().map(|text| Value::Network(text.parse().unwrap())).collect()));
    let ip = || of(Ref::ClientIp);
    let lower = || Expr::Lower(Box::new(of(header())));
    for contradiction in [
        vec![equal(of(header()), text("a")), equal(of(header()), text("b"))],
        vec![matches(of(header()), "a+"), matches(of(header()), "b+")],
        vec![matches(of(header()), "a.*"), not(matches(of(header()), "a.*|b"))],
        vec![compare(age(), Comparison::Greater, number(5)), compare(age(), Comparison::Less, number(6))],
        vec![compare(age(), Comparison::Greater, number(0)), not(Expr::Has(Box::new(of(claim(1)))))],
        vec![within(ip(), networks(&["10.1.0.0/16"])), not(within(ip(), networks(&["10.0.0.0/8"])))],
        vec![not(within(ip(), networks(&["0.0.0.0/0", "::/1", "8000::/1"])))],
        vec![compare(of(claim(0)), Comparison::NotEqual, text("user")), compare(of(claim(0)), Comparison::NotEqual, text("admin"))],
        vec![equal(lower(), text("Gold"))],
        vec![equal(lower(), text("gold")), equal(of(header()), text("silver"))],
        vec![equal(of(header()), of(claim(4))), equal(of(claim(4)), text("a")), not(equal(of(header()), text("a")))],
        vec![within(of(header()), of(claim(3))), equal(of(header()), text("x")), not(within(text("x"), of(claim(3))))],
        vec![compare(of(header()), Comparison::NotEqual, Expr::Const(Value::None)), not(Expr::Has(Box::new(of(header()))))],
    ] {
        assert_eq!(example(&contradiction.iter().collect::<Vec<_>>()), "never", "{contradiction:?}");
    }
    assert_eq!(example(&[&equal(lower(), text("gold")), &not(equal(of(header()), text("gold")))]), "`header(\"x-a\")` = `golD`");
    assert_eq!(
        example(&[&equal(of(header()), of(claim(4))), &not(equal(of(claim(4)), text("a")))]),
        "`header(\"x-a\")` = `b`, `claim.sub` = `b`"
    );
}

#[test]
fn what_follows_is_proved_and_what_does_not_has_a_counterexample() {
    let attributes = attributes();
    let facts = Facts { attributes: &attributes, ..Facts::default() };
    let admin = within(text("admin"), of(claim(3)));
    let both = Expr::And(vec![admin.clone(), equal(of(claim(0)), text("admin"))]);
    assert_eq!(implies(facts, &[&both], &admin), Ok(None));
    let counter = implies(facts, &[&admin], &both).unwrap().unwrap();
    assert_eq!(counter.to_string(), "`claim.roles` with `admin`, `claim.role` = `user`");
    assert_eq!(
        implies(facts, &[], &within(of(claim(0)), Expr::Const(Value::List(vec![Value::Text("user".into()), Value::Text("admin".into())])))),
        Ok(None)
    );
}

#[test]
fn a_route_bounds_what_its_requests_are() {
    let mut key = key("GET,POST", "/users/{id:int}/{kind:a|b}");
    key.hosts = vec![HostPattern::parse("*.x.org").unwrap()];
    let facts = Facts { key: Some(&key), ..Facts::default() };
    let never = |condition: &Expr| satisfiable(facts, &[condition]) == Ok(None);
    assert!(never(&equal(of(Ref::Method), text("PUT"))));
    assert!(never(&matches(of(Ref::Path), "/admin/.*")));
    assert!(never(&equal(of(Ref::Host), text("x.org"))));
    assert!(never(&equal(of(Ref::Param { slot: 1, int: false }), text("c"))));
    assert!(never(&matches(of(Ref::Host), "x[.]com")));
    let wanted = [equal(of(Ref::Param { slot: 0, int: true }), Expr::Const(Value::Int(7))), matches(of(Ref::Host), "[^.]+[.]y[.]x[.]org")];
    let found = satisfiable(facts, &wanted.iter().collect::<Vec<_>>()).unwrap().unwrap();
    assert_eq!(sample(&key, &found).unwrap().to_string(), "GET http://a.y.x.org/users/7/a");
    let found =
        satisfiable(facts, &[&equal(of(Ref::Query("q".to_owned())), text("a b")), &equal(of(header()), text("1"))]).unwrap().unwrap();
    assert_eq!(sample(&key, &found).unwrap().to_string(), "GET http://a.x.org/users/1/a?q=a%20b with `x-a: 1`");
}

#[test]
fn listeners_and_schemes_are_those_of_the_gateway() {
    let entrance = |listener: &str, schemes| Entrance { listener: listener.to_owned(), schemes };
    let entrances = [entrance("public", &["https"]), entrance("inside", &["http"])];
    let facts = Facts { entrances: &entrances, ..Facts::default() };
    let listener = |name: &str| equal(of(Ref::Listener), text(name));
    let scheme = |name: &str| equal(of(Ref::Scheme), text(name));
    assert_eq!(satisfiable(facts, &[&listener("other")]), Ok(None));
    assert_eq!(implies(facts, &[&listener("inside")], &scheme("http")), Ok(None));
    assert_eq!(implies(facts, &[&not(listener("inside"))], &scheme("https")), Ok(None));
    assert_eq!(implies(facts, &[&scheme("https")], &listener("public")), Ok(None));
    assert_eq!(implies(facts, &[], &scheme("http")).unwrap().unwrap().to_string(), "`request.scheme` = `https`");
    let public = Facts { entrances: &entrances[..1], ..facts };
    assert_eq!(implies(public, &[], &scheme("https")), Ok(None));
    assert!(satisfiable(Facts::default(), &[&listener("other"), &scheme("http")]).unwrap().is_some());
}

#[test]
fn too_many_terms_are_said_to_be_too_complex() {
    // Pigeons and holes: nothing short of trying every way shows that they do not fit.
    let place = |pigeon: usize, hole: usize| equal(of(Ref::Query(format!("p{pigeon}"))), text(&format!("h{hole}")));
    let mut all: Vec<Expr> = (0..9).map(|pigeon| Expr::Or((0..8).map(|hole| place(pigeon, hole)).collect())).collect();
    for hole in 0..8 {
        for one in 0..9 {
            all.extend((0..one).map(|other| not(Expr::And(vec![place(one, hole), place(other, hole)]))));
        }
    }
    assert_eq!(satisfiable(Facts::default(), &all.iter().collect::<Vec<_>>()), Err(TooComplex));
}

#[test]
fn a_regex_of_too_many_states_has_an_example_where_a_common_word_is_one() {
    let words = |regex: &str| matches(of(Ref::Query("q".to_owned())), regex);
    assert_eq!(example(&[&words(r"[\w ]{2,64}")]), "`query(\"q\")` = `example`");
    assert_eq!(satisfiable(Facts::default(), &[&words(r"\w{40,90}")]), Err(TooComplex));
}

#[test]
fn arms_are_compared_with_each_other_and_with_what_is_left() {
    let attributes = attributes();
    let facts = Facts { attributes: &attributes, ..Facts::default() };
    let role = |role: &str| equal(of(claim(0)), text(role));
    let found = arms(facts, &[], &[&role("user"), &role("admin")]);
    assert_eq!(found, Arms { both: Vec::new(), unknown: Vec::new(), never: Vec::new(), left: Ok(None) });
    let found = arms(facts, &[], &[&role("user"), &within(text("x"), of(claim(3))), &role("none")]);
    assert_eq!((found.both.len(), found.never, found.left.unwrap().is_some()), (1, vec![2], true));
}

/// The values that are tried, for each reference of the random conditions.
fn universe() -> Vec<(Ref, Vec<Example>)> {
    let texts = |texts: &[&str]| texts.iter().map(|text| Example::Text((*text).into())).collect::<Vec<_>>();
    let optional = |values: Vec<Example>| [Example::Missing].into_iter().chain(values).collect::<Vec<_>>();
    let set = |texts: &[&str]| Example::Set { has: texts.iter().map(|text| (*text).into()).collect(), lacks: Vec::new() };
    vec![
        (header(), optional(texts(&["", "a", "b", "A", "ab", "zz"]))),
        (claim(0), texts(&["user", "admin"])),
        (claim(1), optional([0, 1, 2, 3, 9].map(Example::Number).to_vec())),
        (claim(2), optional([true, false].map(Example::Truth).to_vec())),
        (claim(3), vec![set(&[]), set(&["a"]), set(&["a", "b"]), set(&["b", "zz"])]),
        (claim(4), texts(&["", "a", "b", "A", "zz"])),
        (Ref::ClientIp, ["10.0.0.1", "10.1.2.3", "192.0.2.1", "fd00::1"].map(|ip| Example::Address(ip.parse().unwrap())).to_vec()),
    ]
}

fn condition() -> BoxedStrategy<Expr> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let word = || prop::sample::select(vec!["a", "b", "A", "ab", "zz", ""]).prop_map(text);
    let textual = || {
        let plain = prop_oneof![3 => Just(of(header())), 2 => Just(of(claim(4)))];
        prop_oneof![
            4 => plain.clone(),
            1 => plain.clone().prop_map(|inner| Expr::Lower(Box::new(inner))),
            1 => word().prop_map(|default| Expr::OrElse(Box::new(of(header())), Box::new(default))),
            1 => Just(Expr::OrElse(Box::new(of(header())), Box::new(of(claim(4))))),
        ]
    };
    let regex = prop::sample::select(vec!["a.*", "[ab]", "[^a]*", "z+", "A|b"]);
    let age = prop_oneof![
        Just(of(claim(1))),
        (0..4_u64).prop_map(|number| Expr::OrElse(Box::new(of(claim(1))), Box::new(Expr::Const(Value::Int(number)))))
    ];
    let words = prop::collection::vec(prop::sample::select(vec!["a", "b", "zz"]), 0..3)
        .prop_map(|texts| Expr::Const(Value::List(texts.into_iter().map(|text| Value::Text(text.into())).collect())));
    let networks =
        prop::collection::vec(prop::sample::select(vec!["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "fd00::/8", "0.0.0.0/0"]), 1..3)
            .prop_map(|texts| Expr::Const(Value::List(texts.into_iter().map(|text| Value::Network(text.parse().unwrap())).collect())));
    let order = || prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]);
    let equality = || prop::sample::select(vec![Equal, NotEqual]);
    let atom = prop_oneof![
        3 => (textual(), order(), word()).prop_map(|(left, how, right)| compare(left, how, right)),
        1 => (textual(), equality()).prop_map(|(left, how)| compare(left, how, Expr::Const(Value::None))),
        2 => (textual(), words).prop_map(|(item, set)| within(item, set)),
        2 => (textual(), regex).prop_map(|(item, regex)| matches(item, regex)),
        1 => textual().prop_map(|inner| Expr::Has(Box::new(inner))),
        2 => (age, order(), 0..4_u64).prop_map(|(left, how, right)| compare(left, how, Expr::Const(Value::Int(right)))),
        1 => prop::sample::select(vec!["user", "admin", "none"]).prop_map(|role| equal(of(claim(0)), text(role))),
        1 => Just(of(claim(2))),
        1 => prop::bool::ANY.prop_map(|truth| equal(of(claim(2)), Expr::Const(Value::Bool(truth)))),
        2 => prop::sample::select(vec!["a", "b", "zz"]).prop_map(|word| within(text(word), of(claim(3)))),
        1 => prop::sample::select(vec![header(), claim(4)]).prop_map(|item| within(of(item), of(claim(3)))),
        1 => (Just(of(header())), equality()).prop_map(|(left, how)| compare(left, how, of(claim(4)))),
        2 => networks.prop_map(|set| within(of(Ref::ClientIp), set)),
    ];
    atom.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(not),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner, 2..4).prop_map(Expr::Or),
        ]
    })
    .boxed()
}

/// Assignments of the universe, drawn by number.
fn assignment(universe: &[(Ref, Vec<Example>)], mut number: usize) -> Model {
    let mut known = Vec::new();
    for (reference, values) in universe {
        known.push(Known {
            reference: reference.clone(),
            name: String::new(),
            value: values[number % values.len()].clone(),
            decisive: true,
        });
        number /= values.len();
    }
    Model { known }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn answers_agree_with_every_assignment_that_is_tried(
        given in prop::collection::vec(condition(), 0..3),
        then in condition(),
        numbers in prop::collection::vec(0..7 * 2 * 6 * 3 * 4 * 5 * 4_usize, 250),
    ) {
        let (attributes, universe) = (attributes(), universe());
        let facts = Facts { attributes: &attributes, ..Facts::default() };
        let all: Vec<&Expr> = given.iter().collect();
        let together: Vec<&Expr> = given.iter().chain([&then]).collect();
        let (some, counter) = (satisfiable(facts, &together), implies(facts, &all, &then));
        for number in numbers {
            let model = assignment(&universe, number);
            let holds = all.iter().all(|condition| condition.holds(&model));
            if holds && then.holds(&model) {
                prop_assert!(some != Ok(None), "holds for {}", model);
            }
            if holds && !then.holds(&model) {
                prop_assert!(counter != Ok(None), "refuted by {}", model);
            }
        }
        if let Ok(Some(model)) = &some {
            prop_assert!(together.iter().all(|condition| condition.holds(model)), "{} is no example", model);
        }
        if let Ok(Some(model)) = &counter {
            prop_assert!(all.iter().all(|condition| condition.holds(model)) && !then.holds(model), "{} is no counterexample", model);
        }
    }
}
