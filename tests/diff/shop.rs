//! The sample shop, changed in twelve ways.

use crate::support::{Routes, checked, compared, request, said};
use gatewright::analyse::diff::{Change, Class};

/// The sample shop, where one route asks for more than a token, and one for a password.
fn shop() -> String {
    let shop = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/gateways/shop.gate")).unwrap();
    replaced(
        &shop,
        &[
            (
                "  route list_users GET /users -> users\n",
                "  route list_users GET /users -> users {\n    require claim.role == \"admin\"\n  }\n",
            ),
            ("## A name and a password", "route state GET /state {\n  auth staff\n  respond health\n}\n\n## A name and a password"),
        ],
    )
}

#[track_caller]
fn replaced(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "`{from}` stands once");
        text.replace(from, to)
    })
}

/// A change of the shop, the class it is of, and what is said of it.
struct Way {
    changes: &'static [(&'static str, &'static str)],
    class: Class,
    says: &'static str,
    witness: &'static str,
}

const TWELVE: [Way; 12] = [
    Way {
        changes: &[
            ("  route list_products GET /products -> products\n", ""),
            ("repeat 20 GET /api/v1/products\n", "repeat 20 GET /api/v1/products/1\n"),
        ],
        class: Class::Breaking,
        says: "`list_products` answered these requests, now no route takes them (404)",
        witness: "GET /api/v1/products",
    },
    Way {
        changes: &[("  route show_user GET", "  route show_order GET /orders/{id:int} -> orders\n  route show_user GET")],
        class: Class::Looser,
        says: "no route took these requests (404), now `show_order` answers them",
        witness: "GET /api/v1/orders/1",
    },
    Way {
        changes: &[("/users/{id:int} -> users\n", "/users/{id:re\"[1-9][0-9]{0,8}\"} -> users\n")],
        class: Class::Breaking,
        says: "`show_user` answered these requests, now no route takes them (404): its path is now `/api/v1/users/{id:re\"[1-9][0-9]{0,8}\"}`, before `/api/v1/users/{id:int}`",
        witness: "GET /api/v1/users/0",
    },
    Way {
        changes: &[("/products/{id:int} -> products\n", "/products/{id} -> products\n")],
        class: Class::Looser,
        says: "no route took these requests (404), now `show_product` answers them: its path is now `/api/v1/products/{id}`, before `/api/v1/products/{id:int}`",
        witness: "GET /api/v1/products/a",
    },
    Way {
        changes: &[
            ("  auth staff\n  respond health", "  public \"all may look\"\n  respond health"),
            ("[index, health]", "[index, health, state]"),
        ],
        class: Class::Looser,
        says: "`public` is in force, was `auth staff`: callers without a credential get in",
        witness: "GET /state, without a credential",
    },
    Way {
        changes: &[
            ("auth jwt main {", "auth basic clerks {\n  users env(\"SHOP_CLERKS\")\n}\n\nauth jwt main {"),
            ("  auth staff\n  limit", "  auth clerks\n  limit"),
        ],
        class: Class::Breaking,
        says: "`auth clerks` is asked for, was `auth staff`: callers with a credential of `staff` get 401",
        witness: "POST /api/token, with a credential of `staff`",
    },
    Way {
        changes: &[("-> orders {\n    query {", "-> orders {\n    require claim.sub != \"0\"\n    query {")],
        class: Class::Tighter,
        says: "`require claim.sub != \"0\"` is in force",
        witness: "GET /api/v1/orders, with `claim.sub` = `0`",
    },
    Way {
        changes: &[("require claim.role == \"admin\"", "require claim.role in [\"admin\", \"auditor\"]")],
        class: Class::Looser,
        says: "`require claim.role in [\"admin\", \"auditor\"]` is in force, was `require claim.role == \"admin\"`",
        witness: "GET /api/v1/users, with `claim.role` = `auditor`",
    },
    Way {
        changes: &[("limit logins 10/min", "limit logins 20/min")],
        class: Class::Looser,
        says: "limit `logins` is 20/min, was 10/min",
        witness: "POST /api/token, often enough",
    },
    Way {
        changes: &[("GET /users -> users {", "GET /users -> orders {")],
        class: Class::Rerouted,
        says: "upstream `orders` answers, was upstream `users`",
        witness: "GET /api/v1/users",
    },
    Way {
        changes: &[("    set X-User-Role claim.role\n", "")],
        class: Class::Reshaped,
        says: "the request's field `x-user-role` is not set any more (was to `claim.role`)",
        witness: "GET /api/v1/users",
    },
    Way {
        changes: &[("attempt 2s; total 5s", "attempt 2s; total 8s")],
        class: Class::Tuned,
        says: "`timeout total` for `users` is 8s, was 5s",
        witness: "GET /api/v1/users",
    },
];
#[track_caller]
fn finds(way: &Way, changes: &[Change]) {
    let found = changes.iter().find(|change| change.class == way.class && change.says == way.says);
    assert!(found.is_some_and(|change| change.witness.is_some()), "{} is not in {changes:#?}", way.says);
}

#[test]
fn each_of_twelve_ways_is_found_in_its_class_and_no_other() {
    for way in &TWELVE {
        let diff = compared(&shop(), &replaced(&shop(), way.changes));
        finds(way, &diff.changes);
        // Whoever has the new credential gets in, who did not before.
        let besides = way.says.starts_with("`auth clerks`").then_some(Class::Looser);
        let told = |class: Class| [way.class, Class::Cosmetic].contains(&class) || Some(class) == besides;
        assert!(diff.changes.iter().all(|change| told(change.class)), "{diff}");
        let witness = diff.changes.iter().find(|change| change.says == way.says).and_then(|change| change.witness.as_ref()).unwrap();
        assert_eq!(witness.to_string(), way.witness);
    }
}

#[test]
fn all_twelve_at_once_are_found_and_nothing_else() {
    let all: Vec<(&str, &str)> = TWELVE.iter().flat_map(|way| way.changes.iter().copied()).collect();
    let diff = compared(&shop(), &replaced(&shop(), &all));
    for way in &TWELVE {
        finds(way, &diff.changes);
    }
    let counts: Vec<usize> = Class::ALL.iter().map(|class| diff.count(*class)).collect();
    // One statement of `timeout` is that of three upstreams, and a test asks for another path.
    assert_eq!(counts, [3, 6, 1, 1, 1, 3, 1], "{diff}");
}

#[test]
fn a_witness_is_taken_by_the_routes_that_are_named() {
    let all: Vec<(&str, &str)> = TWELVE.iter().flat_map(|way| way.changes.iter().copied()).collect();
    let (old, new) = (checked("old.gate", &shop()).unwrap(), checked("new.gate", &replaced(&shop(), &all)).unwrap());
    let (before, now) = (Routes::of(&old), Routes::of(&new));
    let diff = gatewright::analyse::diff::diff(&old, &new);
    for change in diff.changes.iter().filter(|change| change.class != Class::Cosmetic) {
        let request = request(change.witness.as_ref().unwrap());
        let (was, is) = (before.find(&request).map(|route| &route.name), now.find(&request).map(|route| &route.name));
        let named = |place: &Option<gatewright::analyse::diff::Place>| place.as_ref().map(|place| place.route.clone());
        let pair = &change.routes[0];
        if change.says.contains("now no route takes them") {
            assert_eq!((was.cloned(), is), (named(&pair.old), None), "{}", change.says);
        } else if change.says.starts_with("no route took") {
            assert_eq!((was, is.cloned()), (None, named(&pair.new)), "{}", change.says);
        } else {
            assert_eq!((was.cloned(), is.cloned()), (named(&pair.old), named(&pair.new)), "{}", change.says);
        }
    }
}

/// The text with its top-level statements the other way round and twice as far indented, and comments between.
fn shuffled(text: &str) -> String {
    let mut statements: Vec<String> = Vec::new();
    for part in text.trim_start_matches("gate 1\n").trim().split("\n\n") {
        match statements.last_mut() {
            Some(last) if part.starts_with([' ', '}']) => *last = format!("{last}\n\n\n{part}"),
            _ => statements.push(part.to_owned()),
        }
    }
    statements.reverse();
    let text = statements.join("\n\n# moved\n").replace("\n  ", "\n      ");
    let routes = ["      route list_products GET /products -> products\n", "      route show_product GET /products/{id:int} -> products\n"];
    assert!(text.contains(&routes.concat()));
    text.replace(&routes.concat(), &[routes[1], routes[0]].concat())
}

#[test]
fn a_reordered_and_reformatted_file_is_cosmetic_only() {
    let diff = compared(&shop(), &shuffled(&shop()));
    assert_eq!(said(&diff), ["COSMETIC statements stand in other places"]);
    assert_eq!(diff.summary(), "no change a request could tell");
    assert_eq!(said(&compared(&shop(), &shop())), Vec::<String>::new());
}

#[test]
fn other_names_are_cosmetic() {
    let names = [
        ("route list_users", "route all_users"),
        ("upstream users {", "upstream people {"),
        ("GET /users -> users {", "GET /users -> people {"),
        ("{id:int} -> users", "{number:int} -> people"),
        ("auth basic staff {", "auth basic clerks {"),
        ("group api /api", "group v1 /api"),
    ];
    let new = names.iter().fold(shop().replace("auth staff", "auth clerks"), |text, (from, to)| text.replace(from, to));
    let new = new.split("test \"").next().unwrap().to_owned();
    let diff = compared(&shop(), &new);
    assert!(diff.is_cosmetic(), "{diff}");
    assert_eq!(
        said(&diff),
        [
            "COSMETIC route `list_users` is called `all_users`",
            "COSMETIC upstream `users` is called `people`",
            "COSMETIC auth `staff` is called `clerks`",
            "COSMETIC routes stand in other groups",
            "COSMETIC `test` blocks differ"
        ]
    );
}
