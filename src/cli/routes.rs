//! `gate routes`

use super::{Outcome, Policy, print_json, print_out};
use crate::ir::Listed;
use std::fmt::Write;

/// Arguments of `gate routes`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: Policy,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Lists the routes in the order they are tried.
pub fn run(arguments: &Arguments) -> Outcome {
    let checked = match arguments.policy.load(arguments.policy.params(), None) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    let Some(program) = checked.program else { return Outcome::Failed };
    let rows: Vec<Listed> = program.routes.iter().map(|route| Listed::new(route, &program)).collect();
    if arguments.json {
        print_json(&rows)
    } else {
        print_out(&table(&rows))
    }
    Outcome::Fine
}

fn table(rows: &[Listed]) -> String {
    let cells = |row: &Listed| {
        [
            row.route.clone(),
            row.methods.clone(),
            row.host.clone(),
            row.path.clone(),
            row.target.clone(),
            row.auth.clone(),
            row.place.clone(),
        ]
    };
    let head = ["ROUTE", "METHODS", "HOST", "PATH", "TARGET", "AUTH", "WHERE"].map(str::to_owned);
    let lines: Vec<[String; 7]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let mut widths = [0_usize; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (width, cell) in widths.iter().zip(line) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
    out
}
