//! Shaping: fields, query and path of requests, fields of responses.

use super::target::shortened;
use super::{Class, Difference};
use crate::analyse::words::Names;
use crate::policy::Config;
use crate::policy::shape::Names as Which;
use crate::policy::shape::{self, Choice, Lines, Path, Set};

/// What the upstream or the client sees otherwise.
pub fn differences(old: &[Config], new: &[Config], names: &Names<'_>, found: &mut Vec<Difference>) {
    let keep = shape::Config::default();
    let of = |policies: &[Config]| {
        policies.iter().find_map(|policy| if let Config::Shape(config) = policy { Some(config.clone()) } else { None })
    };
    let (was, is) = (of(old).unwrap_or_else(|| keep.clone()), of(new).unwrap_or(keep));
    if was == is {
        return;
    }
    lines("the request's field", &was.request, &is.request, names, found);
    lines("the response's field", &was.response, &is.response, names, found);
    lines("the query's parameter", &was.query, &is.query, names, found);
    if was.path != is.path {
        let says = format!("the upstream's path {}, {}", path(&is.path, names), path(&was.path, names).replacen("is", "was", 1));
        found.push(Difference::new(Class::Reshaped, says));
    }
}

fn lines(what: &str, was: &Lines, is: &Lines, names: &Names<'_>, found: &mut Vec<Difference>) {
    // Every kind of line is named, so that a new one is compared as well.
    let Lines { remove, rename, set, add } = is;
    let mut says = Vec::new();
    for (verb, old, new) in [("set", &was.set, set), ("added", &was.add, add)] {
        for (name, then, now) in by_name(old, new) {
            let text = |lines: &[&Set]| lines.iter().map(|line| given(line, names)).collect::<Vec<_>>().join(" and ");
            match (then.is_empty(), now.is_empty()) {
                (true, _) => says.push(format!("{what} `{name}` is {verb} to {}", text(&now))),
                (false, true) => says.push(format!("{what} `{name}` is not {verb} any more (was to {})", text(&then))),
                (false, false) if then == now => {}
                (false, false) if text(&then) == text(&now) => says.push(format!("{what} `{name}` is {verb} in other cases")),
                (false, false) => says.push(format!("{what} `{name}` is {verb} to {}, was to {}", text(&now), text(&then))),
            }
        }
    }
    let which = |names: &Which| match names {
        Which::Exact(name) => name.clone(),
        Which::Prefix(prefix) => format!("{prefix}*"),
    };
    changes(
        &was.remove,
        remove,
        |name| format!("{what} `{}` is removed", which(name)),
        |name| format!("{what} `{}` is not removed any more", which(name)),
        &mut says,
    );
    changes(
        &was.rename,
        rename,
        |rename| format!("{what} `{}` is renamed `{}`", rename.old, rename.new),
        |rename| format!("{what} `{}` is not renamed `{}` any more", rename.old, rename.new),
        &mut says,
    );
    found.extend(says.into_iter().map(|says| Difference::new(Class::Reshaped, says)));
}

/// The lines about each name, those of the new list first.
fn by_name<'l>(old: &'l [Set], new: &'l [Set]) -> Vec<(&'l str, Vec<&'l Set>, Vec<&'l Set>)> {
    let mut names: Vec<&str> = Vec::new();
    for line in new.iter().chain(old) {
        if !names.contains(&line.name.as_str()) {
            names.push(&line.name);
        }
    }
    let about = |list: &'l [Set], name: &str| list.iter().filter(|line| line.name == name).collect::<Vec<_>>();
    names.into_iter().map(|name| (name, about(old, name), about(new, name))).collect()
}

fn changes<T: PartialEq>(was: &[T], is: &[T], added: impl Fn(&T) -> String, gone: impl Fn(&T) -> String, says: &mut Vec<String>) {
    says.extend(is.iter().filter(|line| !was.contains(line)).map(added));
    says.extend(was.iter().filter(|line| !is.contains(line)).map(gone));
}

fn given(line: &Set, names: &Names<'_>) -> String {
    let choice = |choice: &Choice| match &choice.when {
        Some(when) => format!("{} when {}", names.expr(&choice.value), names.expr(when)),
        None => names.expr(&choice.value),
    };
    let choices = line.choices.iter().map(choice).collect::<Vec<_>>().join("; ");
    format!("`{}`", shortened(&choices))
}

fn path(path: &Path, names: &Names<'_>) -> String {
    match path {
        Path::Keep => "is the request's".to_owned(),
        Path::Prefix { strip, add } => {
            let strip = strip.iter().map(|prefix| format!("without `{prefix}`"));
            let add = add.iter().map(|prefix| format!("behind `{}`", shortened(&names.expr(prefix))));
            format!("is the request's {}", strip.chain(add).collect::<Vec<_>>().join(", "))
        }
        Path::Rewrite(text) => format!("is `{}`", shortened(&names.expr(text))),
    }
}
