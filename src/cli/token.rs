//! `gate token`

use super::secrets::Machine;
use super::{Outcome, Policy, complain, print_out};
use crate::http::Clock;
use crate::policy::Secrets;
use crate::policy::auth::{self, Kind};
use serde_json::{Map, Value};
use std::time::Duration;

/// Arguments of `gate token`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    policy: Policy,
    /// The `auth jwt` that is to accept it
    #[arg(long)]
    auth: String,
    /// The claims, as a JSON object
    #[arg(long, default_value = "{}")]
    claims: String,
    /// How long it is valid, in seconds
    #[arg(long, default_value_t = 3600)]
    ttl: u64,
}

/// Prints a token for development.
pub fn run(arguments: &Arguments) -> Outcome {
    auth::install_crypto();
    let claims: Map<String, Value> = match serde_json::from_str(&arguments.claims) {
        Ok(claims) => claims,
        Err(error) => return usage(&format!("the claims are no JSON object: {error}")),
    };
    let checked = match arguments.policy.load(arguments.policy.params_with_environment(), None) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    let Some(program) = checked.program else { return Outcome::Failed };
    let Some(declared) = program.auths.iter().find(|declared| declared.name == arguments.auth) else {
        let near = crate::diag::suggest::nearest(&arguments.auth, program.auths.iter().map(|auth| auth.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return usage(&format!("no auth is called `{}`{near}", arguments.auth));
    };
    let Kind::Jwt(jwt) = &declared.kind else { return usage(&format!("auth `{}` has no key to sign tokens with", arguments.auth)) };
    let unfit = auth::unfit(declared, &claims);
    if !unfit.is_empty() {
        complain(&format!("this token will be refused: auth `{}` requires {}, see --claims", declared.name, unfit.join(" and ")));
    }
    let key = match Machine::strict().secret(&jwt.key, auth::purpose(jwt)) {
        Ok(key) => key,
        Err(error) => {
            complain(&error.message);
            return Outcome::Failed;
        }
    };
    match auth::sign(declared, &key, &claims, Clock::system().now(), Duration::from_secs(arguments.ttl)) {
        Ok(Some(token)) => {
            print_out(&format!("{token}\n"));
            Outcome::Fine
        }
        Ok(None) => usage("the token cannot be signed"),
        Err(error) => {
            complain(&error.message);
            Outcome::Failed
        }
    }
}

fn usage(message: &str) -> Outcome {
    complain(message);
    Outcome::Usage
}
