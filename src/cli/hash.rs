//! `gate hash`

use super::{Outcome, complain, print_out};
use crate::policy::auth;
use std::io::{IsTerminal, Read};

/// Arguments of `gate hash`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What is hashed: a key (SHA-256) or a password (argon2id)
    #[arg(value_parser = ["key", "password"])]
    what: String,
    /// The name on the line
    #[arg(long, default_value = "NAME")]
    name: String,
}

/// Reads a key or a password from standard input and prints the line for the file.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        complain(&format!("type the {}, then Enter and Ctrl+D", arguments.what));
    }
    if let Err(error) = std::io::stdin().lock().read_to_string(&mut text) {
        complain(&error.to_string());
        return Outcome::Usage;
    }
    let secret = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if secret.is_empty() {
        complain("nothing came on standard input");
        return Outcome::Usage;
    }
    if arguments.name.is_empty() || arguments.name.contains([' ', '\t', ':', '#', '\n']) {
        complain("a name has no spaces, `:` or `#`");
        return Outcome::Usage;
    }
    if arguments.what == "key" {
        print_out(&format!("{} {}\n", arguments.name, auth::hash_key(secret)));
        return Outcome::Fine;
    }
    match auth::hash_password(secret) {
        Ok(hash) => {
            print_out(&format!("{}:{hash}\n", arguments.name));
            Outcome::Fine
        }
        Err(message) => {
            complain(&message);
            Outcome::Failed
        }
    }
}
