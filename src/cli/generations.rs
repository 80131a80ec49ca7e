//! `gate generations`

use super::state::State;
use super::{Outcome, complain, print_out};
use crate::admin::Generation;
use crate::server::control::By;
use std::path::PathBuf;

/// Arguments of `gate generations`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The policy
    file: PathBuf,
    /// Where the gateway keeps them
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Lists what is kept, the newest first.
pub fn run(arguments: &Arguments) -> Outcome {
    let Some(state) = State::of(&arguments.file, arguments.state.as_deref()) else {
        complain("there is no folder where policies are kept: name it with `--state DIR`");
        return Outcome::Usage;
    };
    if state.numbers().is_empty() {
        complain(&format!(
            "no policy of `{}` is kept in `{}`: name the gateway's folder with `--state DIR`",
            arguments.file.display(),
            state.folder().display()
        ));
        return Outcome::Failed;
    }
    let mut outcome = Outcome::Fine;
    for number in state.numbers().into_iter().rev() {
        match state.read(number, &arguments.file) {
            Ok(snapshot) => print_out(&format!("{number:>4}  {}  {}\n", snapshot.date(), how(&snapshot.generation))),
            Err(error) => {
                // It hides none of the others.
                complain(&error);
                outcome = Outcome::Usage;
            }
        }
    }
    outcome
}

/// By what it came to be in force, and what it changed: `admin ann, back to 2: 1 LOOSER`.
fn how(generation: &Generation) -> String {
    let by = generation.by.as_ref();
    // Whoever asked chose the name, which is not to be taken for anything else here.
    let user = by.and_then(By::user).map(|user| format!(" {}", user.escape_debug())).unwrap_or_default();
    let back = generation.rollback.map(|number| format!(", back to {number}")).unwrap_or_default();
    let summary = if generation.summary.is_empty() { String::new() } else { format!(": {}", generation.summary) };
    format!("{}{user}{back}{summary}", by.map_or("-", By::name))
}

#[cfg(test)]
mod tests {
    use super::how;
    use crate::admin::Generation;
    use crate::server::control::By;

    #[test]
    fn a_name_of_somebodys_choice_stays_on_its_line() {
        let by = Some(By::Admin { user: Some("ann\n2026 INFO\u{1b}[31m".into()) });
        let generation =
            Generation { number: 2, since: std::time::Duration::ZERO, by, rollback: Some(1), hash: String::new(), summary: String::new() };
        assert_eq!(how(&generation), "admin ann\\n2026 INFO\\u{1b}[31m, back to 1");
    }
}
