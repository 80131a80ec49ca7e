//! The Caddyfile's syntax: lines of words, each perhaps with a block.

use super::super::Fault;

/// Most levels of blocks.
const DEPTH_MAX: usize = 32;
/// Most words of a file.
const WORDS_MAX: usize = 500_000;

/// A line and its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    /// Its words; empty for a block of its own, the global options.
    pub words: Vec<String>,
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its block.
    pub block: Option<Vec<Directive>>,
}

impl Directive {
    /// Its first word.
    pub fn name(&self) -> &str {
        self.word(0)
    }

    /// A word; empty when there is none.
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// The line without its block.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// The lines of its block.
    pub fn inner(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// A word with its line, and whether quotes were around it.
struct Word {
    text: String,
    line: usize,
    quoted: bool,
}

/// Reads a file.
pub(super) fn directives(text: &str) -> Result<Vec<Directive>, Fault> {
    let words = words(text)?;
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut here: Vec<Directive> = Vec::new();
    let mut current: Option<(Directive, usize)> = None;
    let finish = |current: &mut Option<(Directive, usize)>, here: &mut Vec<Directive>| {
        if let Some((directive, _)) = current.take() {
            here.push(directive);
        }
    };
    for word in words {
        // A comma at a line's end goes on with the list of addresses.
        let goes_on = current
            .as_ref()
            .is_some_and(|(directive, last)| word.line == *last || directive.words.last().is_some_and(|word| word.ends_with(',')));
        if !goes_on {
            finish(&mut current, &mut here);
        }
        match word.text.as_str() {
            "{" if !word.quoted => {
                if open.len() >= DEPTH_MAX {
                    return Err(Fault::new(word.line, "blocks nest too deep"));
                }
                let head = current.take().map_or_else(|| Directive { words: Vec::new(), line: word.line, block: None }, |(head, _)| head);
                open.push((head, std::mem::take(&mut here)));
            }
            "}" if !word.quoted => {
                finish(&mut current, &mut here);
                let Some((mut closed, around)) = open.pop() else { return Err(Fault::new(word.line, "this `}` closes nothing")) };
                closed.block = Some(std::mem::replace(&mut here, around));
                here.push(closed);
            }
            _ => match &mut current {
                Some((directive, last)) => {
                    directive.words.push(word.text);
                    *last = word.line;
                }
                None => current = Some((Directive { line: word.line, words: vec![word.text], block: None }, word.line)),
            },
        }
    }
    finish(&mut current, &mut here);
    match open.last() {
        Some((unclosed, _)) => Err(Fault::new(unclosed.line, format!("the block of `{}` is not closed", unclosed.text()))),
        None => Ok(here),
    }
}

fn words(text: &str) -> Result<Vec<Word>, Fault> {
    let mut out = Vec::new();
    let mut line = 1_usize;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if out.len() > WORDS_MAX {
            return Err(Fault::new(line, "the file is too long"));
        }
        match letter {
            '\n' => line += 1,
            space if space.is_whitespace() => {}
            '#' => {
                while letters.peek().is_some_and(|next| *next != '\n') {
                    letters.next();
                }
            }
            '\\' if matches!(letters.peek(), Some('\n' | '\r')) => {
                // The next line goes on with this one: it keeps this line's number.
                while letters.next_if(|next| next.is_whitespace()).is_some() {}
            }
            quote @ ('"' | '`') => {
                let start = line;
                let mut word = String::new();
                let mut closed = false;
                while let Some(letter) = letters.next() {
                    match letter {
                        '\\' if quote == '"' && letters.peek().is_some_and(|next| *next == '"' || *next == '\\') => {
                            word.extend(letters.next());
                        }
                        end if end == quote => {
                            closed = true;
                            break;
                        }
                        other => {
                            line += usize::from(other == '\n');
                            word.push(other);
                        }
                    }
                }
                if !closed {
                    return Err(Fault::new(start, "a string that does not end"));
                }
                // What follows on the line where the string ends belongs to the same directive.
                out.push(Word { text: word, line: start, quoted: true });
            }
            first => {
                let mut word = String::from(first);
                while let Some(next) = letters.next_if(|next| !next.is_whitespace()) {
                    word.push(next);
                }
                if word.starts_with("<<") {
                    return Err(Fault::new(line, "here-documents are not read: put the text in backquotes"));
                }
                out.push(Word { text: word, line, quoted: false });
            }
        }
    }
    Ok(out)
}
