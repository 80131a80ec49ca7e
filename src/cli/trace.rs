//! `gate trace`

use super::{Outcome, Policy, complain, print_json, print_out};
use crate::admin::Query;
use crate::ir::Program;
use crate::testing::trace::{Passed, Sent, Verdict};
use crate::testing::{self, Ask, Trace};
use clap::ValueEnum;
use serde_json::{Map, Value};
use std::fmt::Write;
use std::net::IpAddr;

/// Arguments of `gate trace`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The policy
    file: std::path::PathBuf,
    /// The method
    method: String,
    /// A path with its query, or a URL; taken raw, nothing of it is resolved before the gateway sees it
    url: String,
    /// A field of the request; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_field)]
    headers: Vec<(String, String)>,
    /// The caller has a token with these claims, a JSON object
    #[arg(long, value_name = "JSON", value_parser = parse_object)]
    claims: Option<Map<String, Value>>,
    /// The caller has a key of this name, or with these attributes, a JSON object
    #[arg(long, value_name = "NAME|JSON")]
    key: Option<String>,
    /// The caller is this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Where the request comes from (192.0.2.1)
    #[arg(long, value_name = "IP")]
    client_ip: Option<IpAddr>,
    /// The listener it comes in by, by its name or address; told from the URL's port and scheme otherwise
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The request's body
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// How the trace is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// The value of a `param`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = super::parse_set)]
    set: Vec<(String, String)>,
}

/// How a trace is printed, always on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines
    Human,
    /// One JSON object
    Json,
}

/// Most routes that lost which are shown; JSON has all.
const RIVALS_SHOWN: usize = 8;

/// Traces a request; the exit code says nothing of the verdict.
pub fn run(arguments: &Arguments) -> Outcome {
    let policy = Policy { file: arguments.file.clone(), set: arguments.set.clone() };
    let checked = match policy.load(policy.params(), None) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    let Some(program) = checked.program else { return Outcome::Failed };
    let key = match arguments.key.as_deref().map(key).transpose() {
        Ok(key) => key,
        Err(why) => return usage(&why),
    };
    let ask = Ask {
        method: arguments.method.clone(),
        url: arguments.url.clone(),
        headers: arguments.headers.clone(),
        body: arguments.body.clone(),
        client_ip: arguments.client_ip,
        claims: arguments.claims.clone(),
        key,
        user: arguments.user.clone(),
        listener: arguments.listener.clone(),
    };
    match testing::trace(&program, &ask) {
        Ok(trace) => {
            match arguments.format {
                Format::Human => print_out(&human(&trace)),
                Format::Json => print_json(&trace),
            }
            Outcome::Fine
        }
        Err(why) => usage(&why),
    }
}

/// Traces a request that the admin listener was asked to try out: its parameters are called as the options are.
///
/// # Errors
/// When they say something that cannot be meant.
pub fn rehearse(program: &Program, asked: &Query) -> Result<Value, String> {
    let text = |name: &str| asked.get(name).filter(|text| !text.is_empty());
    let fields = text("headers").unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let fields = fields.map(|line| parse_field(line).map_err(|why| format!("`{line}` in `headers`: {why}")));
    let address = text("client_ip").map(|ip| ip.parse().map_err(|_| format!("`{ip}` in `client_ip` is no IP address")));
    let ask = Ask {
        method: text("method").unwrap_or("GET").to_owned(),
        url: text("url").unwrap_or("/").to_owned(),
        headers: fields.collect::<Result<_, _>>()?,
        body: text("body").map(str::to_owned),
        client_ip: address.transpose()?,
        claims: text("claims").map(parse_object).transpose()?,
        key: text("key").map(key).transpose()?,
        user: text("user").map(str::to_owned),
        listener: text("listener").map(str::to_owned),
    };
    let trace = testing::trace(program, &ask)?;
    serde_json::to_value(&trace).map_err(|error| error.to_string())
}

fn usage(message: &str) -> Outcome {
    complain(message);
    Outcome::Usage
}

/// A field as `-H` gives it.
fn parse_field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or_else(|| "write `Name: value`".to_owned())?;
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON object: {error}"))
}

/// A key by its name, or by its attributes.
fn key(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim_start().starts_with('{') {
        return parse_object(text);
    }
    Ok(Map::from_iter([("name".to_owned(), Value::from(text))]))
}

fn human(trace: &Trace) -> String {
    let mut out = format!("{}\n", request(&trace.request));
    let _ = writeln!(out, "route   {}", trace.route.as_deref().unwrap_or("none"));
    let status = trace.status.map_or_else(|| "none: no answer came within a day".to_owned(), |status| status.to_string());
    let _ = writeln!(out, "status  {status}\n\n{}", stages(trace, true));
    if !trace.rivals.is_empty() {
        out.push_str(&rivals(trace));
        out.push('\n');
    }
    match &trace.sent {
        Some(sent) => out.push_str(&passed(sent)),
        None => out.push_str("no upstream got a request\n"),
    }
    out
}

/// A request and its fields, on lines of their own.
pub fn request(sent: &Sent) -> String {
    let host = if sent.host.is_empty() { String::new() } else { format!(" for {}", sent.host) };
    let mut out = format!("{} {}{host} from {}\n", sent.method, sent.target, sent.from);
    for (name, value) in &sent.headers {
        let _ = writeln!(out, "  {name}: {value}");
    }
    out
}

/// What the stages made of a request: a line for each statement, and below it what it did; with or without those that the
/// request did not reach.
pub fn stages(trace: &Trace, all: bool) -> String {
    let mut out = String::new();
    let mut before = "";
    for stage in trace.stages.iter().filter(|stage| all || stage.verdict != Verdict::NotReached) {
        let name = if stage.stage == before { "" } else { stage.stage };
        before = stage.stage;
        let place = stage.place.as_ref().map_or_else(String::new, |place| format!("  ({place})"));
        let (first, second) = if stage.statement.is_empty() { (&stage.detail, "") } else { (&stage.statement, stage.detail.as_str()) };
        let line = format!("  {name:<12}  {:<11}  {first}{place}", stage.verdict.name());
        let _ = writeln!(out, "{}", line.trim_end());
        if !second.is_empty() {
            let _ = writeln!(out, "  {:<12}  {:<11}    {second}", "", "");
        }
    }
    out
}

/// Why the other routes did not take the request, the closest first.
pub fn rivals(trace: &Trace) -> String {
    let mut out = String::from("other routes\n");
    let width = trace.rivals.iter().take(RIVALS_SHOWN).map(|rival| rival.route.chars().count()).max().unwrap_or(0);
    for rival in trace.rivals.iter().take(RIVALS_SHOWN) {
        let _ = writeln!(out, "  {:<width$}  {}  ({})", rival.route, rival.why, rival.place);
    }
    if let Some(more) = trace.rivals.len().checked_sub(RIVALS_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and {more} more");
    }
    out
}

fn passed(sent: &Passed) -> String {
    let mut out = format!("upstream {} got {} {}\n", sent.upstream, sent.method, sent.path);
    for (name, value) in &sent.headers {
        let _ = writeln!(out, "  {name}: {value}");
    }
    out
}
