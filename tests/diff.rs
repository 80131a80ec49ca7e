//! `gate diff`: what a change of a policy changes for requests, each class with a request that shows it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use gatewright::analyse::diff::{Change, Class, Diff, diff};
use gatewright::check::{Files, Options, check};
use gatewright::ir::Program;
use gatewright::route::{Captures, Found, MatchTree, RouteKey};
use std::path::Path;
use std::process::{Command, Output};

struct Memory<'t>(&'t str);

impl Files for Memory<'_> {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

#[track_caller]
fn program(name: &str, text: &str) -> Program {
    let checked = check(Path::new(name), &Memory(text), &Options::default()).unwrap();
    let found: Vec<String> = checked.report.into_sorted().iter().map(|found| format!("{}: {}", found.code, found.message)).collect();
    checked.program.unwrap_or_else(|| panic!("{found:?}"))
}

#[track_caller]
fn compared(old: &str, new: &str) -> Diff {
    diff(&program("old.gate", old), &program("new.gate", new))
}

/// The sample shop, where one route asks for more than a token, and one for a password.
fn shop() -> String {
    let shop = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/gateways/shop.gate")).unwrap();
    replaced(
        &shop,
        &[
            ("  route list_users GET /users -> users\n", "  route list_users GET /users -> users {\n    require claim.role == \"admin\"\n  }\n"),
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
        changes: &[("  route list_products GET /products -> products\n", ""), ("repeat 20 GET /api/v1/products\n", "repeat 20 GET /api/v1/products/1\n")],
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
        says: "`show_user` answered these requests, now no route takes them (404): its path is `/api/v1/users/{id:re\"[1-9][0-9]{0,8}\"}`, was `/api/v1/users/{id:int}`",
        witness: "GET /api/v1/users/0",
    },
    Way {
        changes: &[("/products/{id:int} -> products\n", "/products/{id} -> products\n")],
        class: Class::Looser,
        says: "no route took these requests (404), now `show_product` answers them: its path is `/api/v1/products/{id}`, was `/api/v1/products/{id:int}`",
        witness: "GET /api/v1/products/a",
    },
    Way {
        changes: &[("  auth staff\n  respond health", "  public \"all may look\"\n  respond health"), ("[index, health]", "[index, health, state]")],
        class: Class::Looser,
        says: "`public` is in force, was `auth staff`: callers without a credential get in",
        witness: "GET /state, without a credential",
    },
    Way {
        changes: &[("auth jwt main {", "auth basic clerks {\n  users env(\"SHOP_CLERKS\")\n}\n\nauth jwt main {"), ("  auth staff\n  limit", "  auth clerks\n  limit")],
        class: Class::Breaking,
        says: "`auth clerks` is asked for, was `auth staff`: callers with a credential of `staff` get 401",
        witness: "POST /api/token, with a credential of `staff`",
    },
    Way {
        changes: &[("-> orders {\n    query {", "-> orders {\n    require claim.sub != \"0\"\n    query {")],
        class: Class::Tighter,
        says: "`require claim.sub != \"0\"` is in force",
        witness: "GET /api/v1/orders",
    },
    Way {
        changes: &[("require claim.role == \"admin\"", "require claim.role in [\"admin\", \"auditor\"]")],
        class: Class::Looser,
        says: "`require claim.role in [\"admin\", \"auditor\"]` is in force, was `require claim.role == \"admin\"`",
        witness: "GET /api/v1/users",
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
        witness: "GET /api/v1/orders",
    },
    Way {
        changes: &[("attempt 2s; total 5s", "attempt 2s; total 8s")],
        class: Class::Tuned,
        says: "`timeout total` for `users` is 8s, was 5s",
        witness: "GET /api/v1/users",
    },
];
#[test]
fn look() {
    let old = shop();
    for way in &TWELVE {
        println!("--------\n{}", compared(&old, &replaced(&old, way.changes)));
    }
    let all: Vec<(&str, &str)> = TWELVE.iter().flat_map(|way| way.changes.iter().copied()).collect();
    println!("========\n{}", compared(&old, &replaced(&old, &all)));
}
