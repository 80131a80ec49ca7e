//! From text to program: how long 10,000 routes take with groups, limits, auth and shaping.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gatewright::check::{Files, Options, check};
use std::fmt::Write;
use std::io;
use std::path::Path;

struct Memory<'t>(&'t str);

impl Files for Memory<'_> {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// A policy of this many routes, a hundred in each group.
fn policy(routes: usize) -> String {
    let mut text = "gateway { listen :8080 }\nauth jwt main {\n  algorithms [HS256]\n  key env(\"KEY\")\n  claims { sub str; role enum(user, admin) = user }\n}\nupstream app { target http://127.0.0.1:9000 }\n".to_owned();
    for route in 0..routes {
        let (group, at) = (route / 100, route % 100);
        if at == 0 {
            let _ = writeln!(
                text,
                "group g{group} /g{group} {{\n  auth main\n  limit per_client 100/min by client.ip burst 20\n  request {{ set X-User claim.sub }}"
            );
        }
        let _ = match at % 4 {
            0 => writeln!(text, "  route r{route} GET /r{at} -> app"),
            1 => writeln!(text, "  route r{route} GET /r{at}/{{id:int}} -> app"),
            2 => writeln!(text, "  route r{route} GET,POST /r{at}/{{name}}/x -> app {{ require claim.role == admin }}"),
            _ => writeln!(text, "  route r{route} ANY /r{at}/** -> app {{ timeout {{ total 5s }} }}"),
        };
        if at == 99 || route + 1 == routes {
            text.push_str("}\n");
        }
    }
    text
}

fn compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    for routes in [1_000, 10_000] {
        let text = policy(routes);
        group.bench_function(format!("{routes} routes"), |bencher| {
            bencher.iter_batched(
                Options::default,
                |options| check(Path::new("policy.gate"), &Memory(&text), &options).map(|checked| checked.program.is_some()),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, compile);
criterion_main!(benches);
