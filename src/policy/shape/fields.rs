//! Lines about fields, ready to run: values are worked out first, then the header section is changed.

use super::{Choice, Lines, Names, Set};
use crate::http::hop::{are_aliases, remove_aliases};
use crate::lang::eval::Facts;
use crate::lang::expr::Expr;
use crate::policy::BuildError;
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

/// Lines of a `request` or `response`.
pub(super) struct Fields {
    remove: Vec<Removed>,
    rename: Vec<(HeaderName, HeaderName)>,
    set: Vec<Field>,
    add: Vec<Field>,
}

enum Removed {
    Exact(HeaderName),
    Prefix(String),
}

struct Field {
    name: HeaderName,
    choices: Vec<(Option<Expr>, Value)>,
    if_missing: bool,
    vouched: bool,
}

enum Value {
    Ready(HeaderValue),
    Worked(Expr),
}

/// The values of one message, in the order of the lines; none where nothing is to be set.
pub(super) struct Values {
    set: SmallVec<[Option<HeaderValue>; 4]>,
    add: SmallVec<[Option<HeaderValue>; 2]>,
}

impl Fields {
    /// The lines with their secrets resolved.
    pub(super) fn new(lines: &Lines, resolve: impl Fn(&Expr) -> Result<Expr, BuildError>) -> Result<Self, BuildError> {
        let name = |text: &str| HeaderName::try_from(text).ok();
        let removed = |names: &Names| match names {
            Names::Exact(text) => name(text).map(Removed::Exact),
            Names::Prefix(prefix) => Some(Removed::Prefix(prefix.clone())),
        };
        Ok(Self {
            remove: lines.remove.iter().filter_map(removed).collect(),
            rename: lines.rename.iter().filter_map(|rename| Some((name(&rename.old)?, name(&rename.new)?))).collect(),
            set: lines.set.iter().filter_map(|set| field(set, &resolve).transpose()).collect::<Result<_, _>>()?,
            add: lines.add.iter().filter_map(|set| field(set, &resolve).transpose()).collect::<Result<_, _>>()?,
        })
    }

    /// True when there are no lines.
    pub(super) fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.rename.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    /// True when a line removes or sets a field: a trailer of that name, which whoever gets it may take for the field, would
    /// bring back what the line has taken.
    pub(super) fn speaks_of(&self, name: &HeaderName) -> bool {
        let is = |other: &HeaderName| are_aliases(name, other);
        self.remove.iter().any(|removed| match removed {
            Removed::Exact(other) => is(other),
            Removed::Prefix(prefix) => starts_alike(name.as_str(), prefix),
        }) || self.rename.iter().any(|(old, new)| is(old) || is(new))
            || self.set.iter().chain(&self.add).any(|field| is(&field.name))
    }

    /// Works out every value from the message as it arrived.
    pub(super) fn values(&self, facts: Facts<'_>) -> Values {
        Values {
            set: self.set.iter().map(|field| field.value(facts)).collect(),
            add: self.add.iter().map(|field| field.value(facts)).collect(),
        }
    }

    /// Changes a request's fields. Upstreams that read fields as variables (CGI) take `X_User_Id` for `X-User-Id`, so
    /// whatever is removed or set goes under both spellings.
    pub(super) fn apply_to_request(&self, headers: &mut HeaderMap, values: Values) {
        for removed in &self.remove {
            match removed {
                Removed::Exact(name) => remove_aliases(headers, name),
                Removed::Prefix(prefix) => remove_all(headers, |name| starts_alike(name.as_str(), prefix)),
            }
        }
        self.rename(headers);
        for field in self.set.iter().chain(&self.add).filter(|field| field.vouched) {
            remove_aliases(headers, &field.name);
        }
        for (field, value) in self.set.iter().zip(values.set) {
            if let Some(value) = value {
                remove_aliases(headers, &field.name);
                headers.insert(field.name.clone(), value);
            }
        }
        self.add(headers, values.add);
    }

    /// Changes a response's fields.
    pub(super) fn apply_to_response(&self, headers: &mut HeaderMap, values: Values) {
        for removed in &self.remove {
            match removed {
                Removed::Exact(name) => {
                    headers.remove(name);
                }
                Removed::Prefix(prefix) => remove_all(headers, |name| name.as_str().starts_with(prefix.as_str())),
            }
        }
        self.rename(headers);
        for (field, value) in self.set.iter().zip(values.set) {
            if let Some(value) = value
                && !(field.if_missing && headers.contains_key(&field.name))
            {
                headers.insert(field.name.clone(), value);
            }
        }
        self.add(headers, values.add);
    }

    fn rename(&self, headers: &mut HeaderMap) {
        for (old, new) in &self.rename {
            let moved: SmallVec<[HeaderValue; 2]> = headers.get_all(old).iter().cloned().collect();
            if moved.is_empty() {
                continue;
            }
            headers.remove(old);
            headers.remove(new);
            for value in moved {
                headers.append(new.clone(), value);
            }
        }
    }

    fn add(&self, headers: &mut HeaderMap, values: impl IntoIterator<Item = Option<HeaderValue>>) {
        for (field, value) in self.add.iter().zip(values) {
            if let Some(value) = value {
                headers.append(field.name.clone(), value);
            }
        }
    }
}

/// None when its name is none: the checker lets no such line through.
fn field(set: &Set, resolve: impl Fn(&Expr) -> Result<Expr, BuildError>) -> Result<Option<Field>, BuildError> {
    let Ok(name) = HeaderName::try_from(set.name.as_str()) else { return Ok(None) };
    let ready = |choice: &Choice| -> Result<(Option<Expr>, Value), BuildError> {
        let value = match resolve(&choice.value)? {
            Expr::Const(crate::lang::value::Value::Text(text)) => match field_value(&text) {
                Some(value) => Value::Ready(value),
                None => Value::Worked(Expr::Const(crate::lang::value::Value::None)),
            },
            expr => Value::Worked(expr),
        };
        Ok((choice.when.clone(), value))
    };
    let choices = set.choices.iter().map(ready).collect::<Result<_, _>>()?;
    Ok(Some(Field { name, choices, if_missing: set.if_missing, vouched: set.vouched }))
}

impl Field {
    fn value(&self, facts: Facts<'_>) -> Option<HeaderValue> {
        let (_, value) = self.choices.iter().find(|(when, _)| when.as_ref().is_none_or(|when| when.holds(facts)))?;
        match value {
            Value::Ready(value) => Some(value.clone()),
            Value::Worked(expr) => field_value(&expr.eval(facts).as_text()?),
        }
    }
}

/// Text as a field value (RFC 9110 §5.5): control characters are dropped, so that no value ends its field.
fn field_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok().or_else(|| {
        let kept: String = text.chars().filter(|letter| *letter == '\t' || !letter.is_ascii_control()).collect();
        HeaderValue::from_bytes(kept.as_bytes()).ok()
    })
}

fn remove_all(headers: &mut HeaderMap, gone: impl Fn(&HeaderName) -> bool) {
    let names: SmallVec<[HeaderName; 4]> = headers.keys().filter(|name| gone(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn starts_alike(text: &str, prefix: &str) -> bool {
    let same = |(left, right): (u8, u8)| left == right || matches!((left, right), (b'-', b'_') | (b'_', b'-'));
    text.len() >= prefix.len() && text.bytes().zip(prefix.bytes()).all(same)
}
