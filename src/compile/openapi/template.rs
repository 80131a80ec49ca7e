//! A route's pattern as OpenAPI says paths: templates whose parameters are whole segments, with a schema each.

use crate::route::pattern::{End, Pattern, Segment};
use crate::route::segment::SegmentType;
use serde_json::{Value as Json, json};

/// One segment of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// This text.
    Literal(String),
    /// `{name}`, with its schema and perhaps more about it.
    Parameter {
        /// The name.
        name: String,
        /// The parameter's object, as OpenAPI writes it.
        object: Json,
    },
}

/// A path as OpenAPI says it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template {
    /// Its segments.
    pub parts: Vec<Part>,
    /// A slash ends it.
    pub slash: bool,
}

/// A pattern as a template, and whether that says all there is to it; none for a regex over whole paths.
pub(super) fn template(pattern: &Pattern) -> Option<(Template, bool)> {
    let mut parts: Vec<Part> = pattern.segments().iter().map(part).collect();
    let (slash, whole) = match pattern.end() {
        End::Exact => (false, true),
        End::Slash => (true, true),
        End::Rest => {
            parts.push(parameter("rest", json!({ "type": "string" })));
            (false, false)
        }
        End::Regex(_) => return None,
    };
    Some((Template { parts, slash }, whole))
}

fn part(segment: &Segment) -> Part {
    match segment {
        Segment::Literal(text) => Part::Literal(text.clone()),
        Segment::Parameter { name, kind } => parameter(name, schema(kind)),
    }
}

fn parameter(name: &str, schema: Json) -> Part {
    Part::Parameter { name: name.to_owned(), object: json!({ "name": name, "in": "path", "required": true, "schema": schema }) }
}

/// Which segments a type takes, as a JSON Schema.
pub(super) fn schema(kind: &SegmentType) -> Json {
    match kind {
        SegmentType::Any | SegmentType::Rest | SegmentType::RegexGroup => json!({ "type": "string" }),
        SegmentType::Int => json!({ "type": "integer", "minimum": 0 }),
        SegmentType::Hex => json!({ "type": "string", "pattern": "^[0-9a-fA-F]+$" }),
        SegmentType::Slug => json!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" }),
        SegmentType::Uuid => json!({ "type": "string", "format": "uuid" }),
        SegmentType::Date => json!({ "type": "string", "format": "date" }),
        SegmentType::Choice(words) => json!({ "type": "string", "enum": words }),
        SegmentType::Regex(regex) => json!({ "type": "string", "pattern": format!("^(?:{})$", regex.source()) }),
    }
}

/// A parameter's object with another member.
fn with(object: &Json, name: &str, value: Json) -> Json {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    object
}

impl Template {
    /// Reads a path of a document; none when a parameter shares its segment with other text.
    pub fn read(path: &str, object: impl Fn(&str) -> Json) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let (path, slash) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, path.is_empty()),
        };
        let segments = path.split('/').filter(|segment| !segment.is_empty()).map(|segment| {
            if !segment.contains(['{', '}']) {
                return Some(Part::Literal(segment.to_owned()));
            }
            let name = segment.strip_prefix('{')?.strip_suffix('}').filter(|name| !name.contains(['{', '}']))?;
            Some(Part::Parameter { name: name.to_owned(), object: object(name) })
        });
        Some(Self { parts: segments.collect::<Option<_>>()?, slash })
    }

    /// The path, with a name or nothing in its braces.
    fn written(&self, named: bool) -> String {
        let mut out = String::new();
        for part in &self.parts {
            out.push('/');
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Parameter { name, .. } if named => out.push_str(&format!("{{{name}}}")),
                Part::Parameter { .. } => out.push_str("{}"),
            }
        }
        if self.slash || out.is_empty() {
            out.push('/');
        }
        out
    }

    /// The path, `/users/{id}`.
    pub fn path(&self) -> String {
        self.written(true)
    }

    /// What it has in common with the templates that OpenAPI takes for the same one: all but the names.
    pub fn shape(&self) -> String {
        self.written(false)
    }

    /// The objects of its parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &Json> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Parameter { object, .. } => Some(object),
        })
    }

    /// With the objects of its parameters made over.
    pub fn map(self, mut object: impl FnMut(Json) -> Json) -> Self {
        let parts = self.parts.into_iter().map(|part| match part {
            Part::Literal(text) => Part::Literal(text),
            Part::Parameter { name, object: own } => Part::Parameter { name, object: object(own) },
        });
        Self { parts: parts.collect(), slash: self.slash }
    }

    /// What identifies an operation for which nobody has a name: `users_id` of `/users/{id}`.
    pub fn identifier(&self) -> String {
        let texts = self.parts.iter().map(|part| match part {
            Part::Literal(text) => text,
            Part::Parameter { name, .. } => name,
        });
        let letters = |text: &String| text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
        texts.map(letters).collect::<Vec<String>>().join("_")
    }

    /// With the names of another template of the same shape.
    pub fn named_as(&self, other: &Self) -> Self {
        let parts = self.parts.iter().zip(&other.parts).map(|pair| match pair {
            (Part::Parameter { object, .. }, Part::Parameter { name, .. }) => {
                Part::Parameter { name: name.clone(), object: with(object, "name", name.as_str().into()) }
            }
            (part, _) => part.clone(),
        });
        Self { parts: parts.collect(), slash: self.slash }
    }

    /// The paths that this template and a pattern both take, as far as one template can say them; none when there are none.
    pub fn within(&self, pattern: &Pattern) -> Option<Self> {
        let (own, fixed) = (&self.parts, pattern.segments());
        let fits = match pattern.end() {
            End::Exact => own.len() == fixed.len() && !self.slash,
            End::Slash => own.len() == fixed.len() && self.slash,
            End::Rest => own.len() >= fixed.len() && !(own.is_empty() && fixed.is_empty() && !self.slash),
            End::Regex(_) => false,
        };
        if !fits {
            return None;
        }
        let both = own.iter().enumerate().map(|(at, part)| match (part, fixed.get(at)) {
            (part, None) => Some(part.clone()),
            (Part::Literal(text), Some(Segment::Literal(other))) => (text == other).then(|| part.clone()),
            (Part::Literal(text), Some(Segment::Parameter { kind, .. })) => kind.contains(text.as_bytes()).then(|| part.clone()),
            (Part::Parameter { .. }, Some(Segment::Literal(text))) => Some(Part::Literal(text.clone())),
            (Part::Parameter { name, object }, Some(Segment::Parameter { kind, .. })) => {
                let typed = *kind != SegmentType::Any;
                let object = if typed { with(object, "schema", schema(kind)) } else { object.clone() };
                Some(Part::Parameter { name: name.clone(), object })
            }
        });
        Some(Self { parts: both.collect::<Option<_>>()?, slash: self.slash })
    }

    /// What is left behind a prefix of literal segments.
    pub fn without_prefix(&self, prefix: &str) -> Option<Self> {
        let prefix: Vec<&str> = prefix.split('/').filter(|segment| !segment.is_empty()).collect();
        let front = self.parts.get(..prefix.len())?;
        let same = front.iter().zip(&prefix).all(|(part, text)| matches!(part, Part::Literal(own) if own == text));
        let parts = self.parts.get(prefix.len()..)?.to_vec();
        let slash = self.slash && (prefix.is_empty() || !parts.is_empty());
        same.then_some(Self { parts, slash })
    }

    /// With a prefix of literal segments.
    pub fn with_prefix(self, prefix: &str) -> Self {
        let front = prefix.split('/').filter(|segment| !segment.is_empty()).map(|segment| Part::Literal(segment.to_owned()));
        let mut parts: Vec<Part> = front.collect();
        // The prefix itself, and not what is below it.
        let slash = self.slash && (parts.is_empty() || !self.parts.is_empty());
        parts.extend(self.parts);
        Self { parts, slash }
    }
}
