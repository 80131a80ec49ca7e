//! A JSON or YAML document as a tree that knows its lines.

use super::super::Fault;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Most levels of a document.
pub(super) const DEPTH_MAX: usize = 64;
/// Most values of a document.
pub(super) const NODES_MAX: usize = 1_000_000;

/// A value and its line.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// From 1.
    pub line: usize,
    /// What it is; shared where a YAML alias repeats it.
    pub content: Rc<Content>,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Content {
    /// `null`
    Null,
    /// `true`
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Members with the lines of their names, in order.
    Map(Vec<(String, usize, Node)>),
}

impl Node {
    /// A value.
    pub fn new(line: usize, content: Content) -> Self {
        Self { line, content: Rc::new(content) }
    }

    /// The member of a name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(found, ..)| found == name).map(|(_, _, node)| node)
    }

    /// The members; none of what is no map.
    pub fn members(&self) -> &[(String, usize, Self)] {
        match self.content.as_ref() {
            Content::Map(members) => members,
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::List(_) => &[],
        }
    }

    /// The items; none of what is no list.
    pub fn items(&self) -> &[Self] {
        match self.content.as_ref() {
            Content::List(items) => items,
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) | Content::Map(_) => &[],
        }
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match self.content.as_ref() {
            Content::Text(text) => Some(text),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// The text of a member.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// True for `true`.
    pub fn is_true(&self) -> bool {
        matches!(self.content.as_ref(), Content::Bool(true))
    }

    /// Text, or a number or truth as it is written.
    pub fn scalar(&self) -> Option<String> {
        match self.content.as_ref() {
            Content::Text(text) | Content::Number(text) => Some(text.clone()),
            Content::Bool(truth) => Some(truth.to_string()),
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }
}

/// Reads YAML. Anchors are shared, tags are passed over, a second document is refused.
pub(super) fn yaml(text: &str) -> Result<Node, Fault> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: BTreeMap<usize, Node> = BTreeMap::new();
    let mut whole: Option<Node> = None;
    let mut count = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Fault::new(error.marker().line(), format!("this is not YAML: {}", error.info())))?;
        let line = span.start.line();
        count += 1;
        if count > NODES_MAX {
            return Err(Fault::new(line, format!("the document has more than {NODES_MAX} values")));
        }
        let done = match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
            Event::DocumentStart(_) if whole.is_some() => return Err(Fault::new(line, "a file with one document is expected")),
            Event::DocumentStart(_) => continue,
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(node) => (node.clone(), 0),
                None => return Err(Fault::new(line, "an alias of what is not there yet")),
            },
            Event::Scalar(text, style, anchor, _) => (Node::new(line, scalar(&text, style)), anchor),
            Event::SequenceStart(anchor, _) => {
                push(&mut open, Open { line, anchor, content: Content::List(Vec::new()), key: None })?;
                continue;
            }
            Event::MappingStart(anchor, _) => {
                push(&mut open, Open { line, anchor, content: Content::Map(Vec::new()), key: None })?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(closed) => (Node::new(closed.line, closed.content), closed.anchor),
                None => continue,
            },
        };
        let (node, anchor) = done;
        if anchor > 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            None => whole = Some(node),
            Some(around) => around.take(node)?,
        }
    }
    whole.ok_or_else(|| Fault::new(1, "the file is empty"))
}

/// A list or map that is still being read.
struct Open {
    line: usize,
    anchor: usize,
    content: Content,
    key: Option<(String, usize)>,
}

impl Open {
    fn take(&mut self, node: Node) -> Result<(), Fault> {
        match &mut self.content {
            Content::List(items) => items.push(node),
            Content::Map(members) => match self.key.take() {
                Some((key, line)) => members.push((key, line, node)),
                None => {
                    let key = node.scalar().ok_or_else(|| Fault::new(node.line, "a member's name is text"))?;
                    self.key = Some((key, node.line));
                }
            },
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => {}
        }
        Ok(())
    }
}

fn push(open: &mut Vec<Open>, next: Open) -> Result<(), Fault> {
    if open.len() >= DEPTH_MAX {
        return Err(Fault::new(next.line, format!("the document nests deeper than {DEPTH_MAX} levels")));
    }
    open.push(next);
    Ok(())
}

/// A scalar by the core schema of YAML 1.2.
fn scalar(text: &str, style: ScalarStyle) -> Content {
    if style != ScalarStyle::Plain {
        return Content::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Bool(true),
        "false" | "False" | "FALSE" => Content::Bool(false),
        _ if text.parse::<f64>().is_ok() && text.starts_with(|first: char| first.is_ascii_digit() || "-+.".contains(first)) => {
            Content::Number(text.to_owned())
        }
        _ => Content::Text(text.to_owned()),
    }
}
