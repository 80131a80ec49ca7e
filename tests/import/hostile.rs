//! Texts that no one wrote: nothing panics, nothing takes long, and whatever becomes a policy is a sound one.

use super::errors;
use gatewright::import::{Kind, import};

const FILES: [(Kind, &str); 4] = [
    (Kind::Nginx, include_str!("shop.nginx.conf")),
    (Kind::Caddy, include_str!("shop.Caddyfile")),
    (Kind::OpenApi, include_str!("shop.openapi.yaml")),
    (Kind::OpenApi, include_str!("pets.openapi.json")),
];

/// How many changed texts of each file are tried.
const ROUNDS: usize = 20;

#[test]
fn files_with_lines_and_words_taken_out_or_moved_are_refused_or_become_sound_policies() {
    let mut random = fastrand::Rng::with_seed(7);
    for (kind, text) in FILES {
        for _ in 0..ROUNDS {
            let mut lines: Vec<&str> = text.lines().collect();
            for _ in 0..random.usize(1..4) {
                let (at, other) = (random.usize(..lines.len()), random.usize(..lines.len()));
                match random.u8(..3) {
                    0 => {
                        lines.remove(at);
                    }
                    1 => lines.swap(at, other),
                    _ => {
                        let line = lines[at];
                        let places: Vec<usize> = line.char_indices().map(|(place, _)| place).collect();
                        lines[at] = random.choice(&places).map_or("", |end| &line[..*end]);
                    }
                }
            }
            let changed = lines.join("\n");
            if let Ok(imported) = import(kind, &changed) {
                assert_eq!(errors(&imported.policy), "", "from:\n{changed}\nbecame:\n{}", imported.policy);
            }
        }
    }
}

#[test]
fn bytes_at_random_are_no_reason_to_panic() {
    let mut random = fastrand::Rng::with_seed(3);
    for (kind, text) in FILES {
        for _ in 0..ROUNDS {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..bytes.len());
                bytes[at] = *random.choice(b"{}[]();\"'\\#@$*:/,&\n\t \x00\xc3").unwrap_or(&b' ');
            }
            let _ = import(kind, &String::from_utf8_lossy(&bytes));
        }
        for end in (0..text.len()).step_by(101).filter(|end| text.is_char_boundary(*end)) {
            let _ = import(kind, &text[..end]);
        }
    }
}

#[test]
fn depth_and_size_are_bounded() {
    for text in ["{".repeat(100_000), "a {\n".repeat(100_000), "[".repeat(100_000), "a: &x [*x]\n".to_owned(), "a;".repeat(100_000)] {
        for kind in [Kind::Nginx, Kind::Caddy, Kind::OpenApi] {
            let _ = import(kind, &text);
        }
    }
    let nested = format!("openapi: 3.0.0\na: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(import(Kind::OpenApi, &nested).is_err());
    let circle = "openapi: 3.0.0\npaths:\n  /a:\n    $ref: '#/paths/~1a'\n";
    assert!(import(Kind::OpenApi, circle).is_ok());
}
