//! A dictionary of structured fields (RFC 9651 §3.2), as far as directives need it.

/// A member's value; its parameters say nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An integer.
    Integer(i64),
    /// A boolean; a member without a value is true.
    Boolean(bool),
    /// A string or a token.
    Text(String),
    /// Something else that is sound.
    Other,
}

/// The members in their order; none where the text is no dictionary: then the whole field is to be ignored.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<(String, Value)>> {
    let mut reader = Reader { rest: text.trim_matches(' ') };
    let mut members: Vec<(String, Value)> = Vec::new();
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        let value = if reader.takes('=') { reader.value()? } else { Value::Boolean(true) };
        reader.parameters()?;
        members.retain(|(known, _)| *known != key);
        members.push((key, value));
        reader.rest = reader.rest.trim_start_matches([' ', '\t']);
        if reader.rest.is_empty() {
            break;
        }
        if !reader.takes(',') {
            return None;
        }
        reader.rest = reader.rest.trim_start_matches([' ', '\t']);
        // A comma at the end.
        if reader.rest.is_empty() {
            return None;
        }
    }
    Some(members)
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn takes(&mut self, character: char) -> bool {
        self.rest.strip_prefix(character).map(|rest| self.rest = rest).is_some()
    }

    fn while_is(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|character| !is(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn key(&mut self) -> Option<String> {
        let begins = self.rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '*');
        let is = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "_-.*".contains(character);
        begins.then(|| self.while_is(is).to_owned())
    }

    fn value(&mut self) -> Option<Value> {
        if self.takes('(') {
            loop {
                self.while_is(|character| character == ' ');
                if self.takes(')') {
                    return Some(Value::Other);
                }
                self.item()?;
                self.parameters()?;
            }
        }
        self.item()
    }

    fn item(&mut self) -> Option<Value> {
        match self.rest.chars().next()? {
            '"' => self.string().map(Value::Text),
            '?' => {
                let truth = self.rest.get(1..2)?;
                self.rest = self.rest.get(2..)?;
                match truth {
                    "1" => Some(Value::Boolean(true)),
                    "0" => Some(Value::Boolean(false)),
                    _ => None,
                }
            }
            ':' => {
                self.takes(':');
                self.while_is(|character| character.is_ascii_alphanumeric() || "+/=".contains(character));
                self.takes(':').then_some(Value::Other)
            }
            first if first == '-' || first.is_ascii_digit() => self.number(),
            first if first == '*' || first.is_ascii_alphabetic() => {
                let is = |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(character);
                Some(Value::Text(self.while_is(is).to_owned()))
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        let negative = self.takes('-');
        let digits = self.while_is(|character| character.is_ascii_digit());
        if digits.is_empty() || digits.len() > 15 {
            return None;
        }
        if self.takes('.') {
            let fraction = self.while_is(|character| character.is_ascii_digit());
            return (!fraction.is_empty() && fraction.len() <= 3).then_some(Value::Other);
        }
        let number: i64 = digits.parse().ok()?;
        Some(Value::Integer(if negative { -number } else { number }))
    }

    fn string(&mut self) -> Option<String> {
        self.takes('"');
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => match characters.next()?.1 {
                    escaped @ ('"' | '\\') => text.push(escaped),
                    _ => return None,
                },
                ' '..='~' => text.push(character),
                _ => return None,
            }
        }
        None
    }

    fn parameters(&mut self) -> Option<()> {
        while self.takes(';') {
            self.while_is(|character| character == ' ');
            self.key()?;
            if self.takes('=') {
                self.item()?;
            }
        }
        Some(())
    }
}
