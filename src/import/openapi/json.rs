//! JSON (RFC 8259) to a tree that knows its lines.

use super::super::Fault;
use super::node::{Content, DEPTH_MAX, NODES_MAX, Node};

/// Reads JSON.
pub(super) fn json(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader { text, at: 0, line: 1, count: 0 };
    let node = reader.value(0)?;
    reader.space();
    if reader.at < text.len() { Err(reader.fault("nothing is expected behind the document")) } else { Ok(node) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    count: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, what: &str) -> Fault {
        Fault::new(self.line, format!("this is not JSON: {what}"))
    }

    fn space(&mut self) {
        while let Some(byte) = self.text.as_bytes().get(self.at).filter(|byte| b" \t\r\n".contains(byte)) {
            self.line += usize::from(*byte == b'\n');
            self.at += 1;
        }
    }

    /// Takes a byte if it is next, behind any space.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        self.count += 1;
        if depth > DEPTH_MAX || self.count > NODES_MAX {
            return Err(Fault::new(self.line, format!("the document has more than {DEPTH_MAX} levels or {NODES_MAX} values")));
        }
        self.space();
        let line = self.line;
        let content = match self.text.as_bytes().get(self.at) {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Content::Text(self.string()?),
            _ => self.word()?,
        };
        Ok(Node::new(line, content))
    }

    fn map(&mut self, depth: usize) -> Result<Content, Fault> {
        self.at += 1;
        let mut members = Vec::new();
        if self.takes(b'}') {
            return Ok(Content::Map(members));
        }
        loop {
            self.space();
            let line = self.line;
            let key = self.string()?;
            if !self.takes(b':') {
                return Err(self.fault("a `:` is expected behind a member's name"));
            }
            members.push((key, line, self.value(depth + 1)?));
            if self.takes(b'}') {
                return Ok(Content::Map(members));
            }
            if !self.takes(b',') {
                return Err(self.fault("a `,` or `}` is expected"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Content, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(Content::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.takes(b']') {
                return Ok(Content::List(items));
            }
            if !self.takes(b',') {
                return Err(self.fault("a `,` or `]` is expected"));
            }
        }
    }

    /// A string; its escapes are read by the library that knows them all.
    fn string(&mut self) -> Result<String, Fault> {
        let mut escaped = false;
        let bytes = self.rest().bytes().enumerate();
        let end = bytes.skip(1).find(|(_, byte)| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        });
        let written = end.and_then(|(end, _)| self.rest().get(..=end)).filter(|written| written.starts_with('"'));
        let read = written.and_then(|written| Some((serde_json::from_str(written).ok()?, written.len())));
        let (text, length) = read.ok_or_else(|| self.fault("a string is expected"))?;
        self.at += length;
        Ok(text)
    }

    fn word(&mut self) -> Result<Content, Fault> {
        let length = self.rest().bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
        let word = self.rest().get(..length).unwrap_or_default().to_owned();
        let content = match word.as_str() {
            "null" => Content::Null,
            "true" => Content::Bool(true),
            "false" => Content::Bool(false),
            number if serde_json::from_str::<serde_json::Number>(number).is_ok() => Content::Number(word),
            _ => return Err(self.fault("a value is expected")),
        };
        self.at += length;
        Ok(content)
    }
}
