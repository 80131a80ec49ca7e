//! Caddyfiles: a group per site, routes by what its directives take.

mod block;
mod level;
mod matcher;
mod tokens;
mod values;

use super::draft::{Draft, Group, LOOPBACK};
use super::{Fault, words};
use crate::route::HostPattern;
use block::{Around, Shared, block, guards, reason};
use level::Level;
use matcher::{Matcher, Named};
use std::collections::BTreeMap;
use tokens::Directive;

/// How often snippets may stand in snippets.
const SNIPPETS_DEEP_MAX: usize = 8;
/// Most directives after snippets were put in.
const DIRECTIVES_MAX: usize = 100_000;

/// Reads a Caddyfile into a draft.
pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Fault> {
    let mut file = tokens::directives(text)?;
    let mut snippets: BTreeMap<String, Vec<Directive>> = BTreeMap::new();
    file.retain(|directive| {
        let name = directive.word(0).strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).map(str::to_owned);
        let snippet = name.zip(directive.block.clone());
        let is_one = snippet.is_some();
        snippets.extend(snippet);
        !is_one
    });
    let mut sites: Vec<(Vec<String>, usize, Vec<Directive>)> = Vec::new();
    let whole = file.iter().find(|directive| !directive.words.is_empty()).is_some_and(|first| first.block.is_none());
    let (global, file): (Vec<Directive>, Vec<Directive>) = file.into_iter().partition(|directive| directive.words.is_empty());
    global.iter().for_each(|directive| options(directive, draft));
    let mut rest = file.into_iter();
    // One site without braces: its addresses on the first line, its directives behind it.
    if whole && let Some(first) = rest.next() {
        sites.push((first.words, first.line, rest.by_ref().collect()));
    }
    sites.extend(rest.map(|site| (site.words, site.line, site.block.unwrap_or_default())));
    let mut shared = Shared::default();
    for (addresses, line, directives) in sites {
        let mut count = 0;
        let directives = expanded(directives, &snippets, 0, &mut count)?;
        site(&addresses, line, &directives, &mut shared, draft)?;
    }
    shared.unreached(draft);
    Ok(())
}

/// The global options.
fn options(block: &Directive, draft: &mut Draft) {
    for inner in block.inner() {
        draft.leave_out(inner.line, inner.text(), "a global option without a counterpart");
    }
}

/// The directives with snippets in place of their imports.
fn expanded(
    directives: Vec<Directive>,
    snippets: &BTreeMap<String, Vec<Directive>>,
    depth: usize,
    count: &mut usize,
) -> Result<Vec<Directive>, Fault> {
    let mut out = Vec::new();
    for mut directive in directives {
        *count += 1;
        if *count > DIRECTIVES_MAX || depth > SNIPPETS_DEEP_MAX {
            return Err(Fault::new(directive.line, "snippets stand in snippets too often"));
        }
        let snippet = (directive.name() == "import" && directive.words.len() == 2).then(|| snippets.get(directive.word(1))).flatten();
        match snippet {
            Some(inside) => out.extend(expanded(inside.clone(), snippets, depth + 1, count)?),
            None => {
                directive.block = match directive.block {
                    Some(block) => Some(expanded(block, snippets, depth, count)?),
                    None => None,
                };
                out.push(directive);
            }
        }
    }
    Ok(out)
}

fn site(addresses: &[String], line: usize, directives: &[Directive], shared: &mut Shared, draft: &mut Draft) -> Result<(), Fault> {
    let mut group = Group::default();
    let (mut every, mut unfit) = (false, 0);
    let addresses: Vec<&str> =
        addresses.iter().map(|address| address.trim_end_matches(',')).filter(|address| !address.is_empty()).collect();
    for written in &addresses {
        match self::address(written) {
            Ok(address) => {
                match address.listener {
                    Some(listener) => {
                        group.listeners.insert(listener);
                    }
                    None => {
                        draft.leave_out(
                            line,
                            *written,
                            "a listener on loopback stands for it: give it its certificates with `tls`, then its own address",
                        );
                        group.listeners.insert(LOOPBACK.to_owned());
                    }
                }
                match address.host {
                    Some(host) => group.hosts.push(host),
                    None => every = true,
                }
            }
            Err(why) => {
                unfit += 1;
                draft.leave_out(line, *written, why);
            }
        }
    }
    if unfit == addresses.len() {
        return Ok(());
    }
    if every {
        group.hosts.clear();
    }
    let mut named: Vec<String> = Vec::new();
    group.hosts.retain(|host| {
        let new = !named.contains(host);
        named.push(host.clone());
        new
    });
    let wish = group.hosts.first().map_or_else(|| "site".to_owned(), |host| words::name(host.trim_start_matches("*.")));
    group.name = draft.name("group", &wish);
    let host = u32::from(group.hosts.is_empty()) * 2 + u32::from(group.hosts.iter().any(|host| host.starts_with('*')));
    let around = Around {
        scope: "/**".to_owned(),
        prefix: String::new(),
        matcher: Matcher::default(),
        level: Level::default(),
        rank: vec![host],
        depth: 0,
        written: false,
    };
    let (outside, inside): (Vec<&Directive>, Vec<&Directive>) =
        directives.iter().partition(|directive| matches!(directive.name(), "tls" | "bind") && !guards(directive));
    outside.into_iter().for_each(|directive| draft.leave_out(directive.line, directive.text(), reason(directive.name())));
    let inside: Vec<Directive> = inside.into_iter().cloned().collect();
    block(&inside, &around, &Named::new(), shared, &mut group, draft)?;
    draft.groups.push(group);
    Ok(())
}

/// What an address of a site stands for.
struct Address {
    /// The listener; none when it needs TLS.
    listener: Option<String>,
    /// The host; none is every host.
    host: Option<String>,
}

fn address(text: &str) -> Result<Address, String> {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        return Err("an address with a path: match the path in the site".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or("it is no port")?),
        None => None,
    };
    let host = match host {
        "" | "*" | "0.0.0.0" | "[::]" => None,
        host => Some(host.to_owned()),
    };
    if let Some(host) = &host
        && HostPattern::parse(host).is_err()
    {
        return Err("a host is exact, or begins with `*.`".to_owned());
    }
    // Caddy speaks TLS wherever a host is named, unless the scheme or the port says otherwise.
    let plain = scheme == Some("http") || port == Some(80) || (host.is_none() && scheme != Some("https") && port != Some(443));
    let listener = plain.then(|| format!(":{}", port.unwrap_or(80)));
    Ok(Address { listener, host })
}
