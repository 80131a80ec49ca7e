//! Who may pass a location, and the fields that go along both ways.

use super::super::draft::Draft;
use super::super::words;
use super::level::Level;
use super::tokens::Directive;
use super::values;

/// Whom the rules behind one let in.
enum Rest {
    Everyone,
    Nobody,
    Those(String),
}

/// The first rule that takes the address decides; the rest may come in.
pub(super) fn access(rules: &[Directive]) -> Result<Vec<String>, (usize, String)> {
    let mut runs: Vec<(bool, Option<Vec<String>>)> = Vec::new();
    for rule in rules {
        let allow = rule.name == "allow";
        if rule.word(0) == "all" {
            runs.push((allow, None));
            break;
        }
        let network = rule.word(0);
        let good = network.parse::<std::net::IpAddr>().is_ok() || network.parse::<ipnet::IpNet>().is_ok();
        if !good {
            return Err((rule.line, rule.text()));
        }
        match runs.last_mut() {
            Some((same, Some(networks))) if *same == allow => networks.push(network.to_owned()),
            _ => runs.push((allow, Some(vec![network.to_owned()]))),
        }
    }
    let within = |networks: &[String]| format!("client.ip in [{}]", networks.join(", "));
    Ok(match runs.as_slice() {
        [] | [(true, None)] => Vec::new(),
        [(false, Some(denied))] | [(false, Some(denied)), (true, None)] => vec![format!("deny {}", within(denied))],
        [(true, Some(_))] | [(true, Some(_)), (true, None)] => Vec::new(),
        [(true, Some(allowed)), (false, None)] => vec![format!("allow {}", within(allowed))],
        [(false, Some(denied)), (true, Some(allowed)), (false, None)] => {
            vec![format!("deny {}", within(denied)), format!("allow {}", within(allowed))]
        }
        several => match several.iter().rev().fold(Rest::Everyone, |rest, (allow, networks)| match (allow, networks) {
            (true, None) => Rest::Everyone,
            (false, None) => Rest::Nobody,
            (true, Some(networks)) => match rest {
                Rest::Everyone => Rest::Everyone,
                Rest::Nobody => Rest::Those(within(networks)),
                Rest::Those(others) => Rest::Those(format!("{} or {others}", within(networks))),
            },
            (false, Some(networks)) => match rest {
                Rest::Everyone => Rest::Those(format!("not {}", within(networks))),
                Rest::Nobody => Rest::Nobody,
                Rest::Those(others) => Rest::Those(format!("(not {} and ({others}))", within(networks))),
            },
        }) {
            Rest::Everyone => Vec::new(),
            Rest::Nobody => vec!["deny client.ip in [0.0.0.0/0, ::/0]".to_owned()],
            Rest::Those(condition) => vec![format!("allow {condition}")],
        },
    })
}

/// The fields that go upstream.
pub(super) fn sent(level: &Level, draft: &mut Draft) -> Vec<String> {
    const ITS_OWN: &[&str] = &["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded"];
    let mut lines = Vec::new();
    for directive in &level.sent {
        let (field, value) = (directive.word(0).to_ascii_lowercase(), directive.word(1));
        let why = match field.as_str() {
            "host" if matches!(value, "$host" | "$http_host" | "$proxy_host") => continue,
            "host" => "the Host sent is a matter of the upstream: `host \"…\"`",
            // The gateway sets these by itself.
            own if ITS_OWN.contains(&own) && own != "x-real-ip" => continue,
            "connection" | "upgrade" | "keep-alive" | "te" | "transfer-encoding" if value.is_empty() => continue,
            "connection" | "upgrade" | "keep-alive" | "te" | "transfer-encoding" => "fields of the connection are the gateway's own",
            _ if value.is_empty() => {
                lines.push(format!("remove {}", words::text(directive.word(0))));
                continue;
            }
            _ if value.contains("$request_uri") || value.contains("$args") || value.contains("$query_string") => {
                "the query as a whole has no reference"
            }
            _ if value.contains("$remote_user") && level.auth.is_none() => "nobody is known by name here",
            // A credential for the upstream stays out of the policy.
            name if words::is_credential(name) && !value.contains('$') => {
                let value = draft.secret(directive.line, &format!("proxy_set_header {}", directive.word(0)), name);
                lines.push(format!("{}\nset {} {value}", words::PUT_THERE, words::text(directive.word(0))));
                continue;
            }
            _ => match values::expression(value, &[]) {
                Ok(expression) => {
                    lines.push(format!("set {} {expression}", words::text(directive.word(0))));
                    continue;
                }
                Err(why) => {
                    draft.leave_out(directive.line, directive.text(), why);
                    continue;
                }
            },
        };
        draft.leave_out(directive.line, directive.text(), why);
    }
    if lines.is_empty() { Vec::new() } else { vec![format!("request {{\n{}\n}}", lines.join("\n"))] }
}

/// The fields of the reply.
pub(super) fn received(level: &Level, draft: &mut Draft) -> Vec<String> {
    let mut lines: Vec<String> = level.hidden.iter().map(|hidden| format!("remove {}", words::text(hidden.word(0)))).collect();
    for directive in &level.added {
        match values::expression(directive.word(1), &[]) {
            Ok(_) if directive.word(1).is_empty() => {}
            Ok(expression) => lines.push(format!("add {} {expression}", words::text(directive.word(0)))),
            Err(why) => draft.leave_out(directive.line, directive.text(), why),
        }
    }
    if lines.is_empty() { Vec::new() } else { vec![format!("response {{\n{}\n}}", lines.join("\n"))] }
}
