//! nginx's syntax: directives of words, ended by `;` or followed by a block.

use super::super::Fault;

/// Most levels of blocks.
const DEPTH_MAX: usize = 32;
/// Most directives of a file.
const DIRECTIVES_MAX: usize = 200_000;
/// Most words of one directive.
const WORDS_MAX: usize = 10_000;

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    /// Its first word.
    pub name: String,
    /// What follows it.
    pub words: Vec<String>,
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its block.
    pub block: Option<Vec<Directive>>,
}

impl Directive {
    /// The directive on one line, without its block.
    pub fn text(&self) -> String {
        std::iter::once(&self.name).chain(&self.words).map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The directives of its block.
    pub fn inner(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// A word behind the first.
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }
}

enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

/// Reads a file.
pub(super) fn directives(text: &str) -> Result<Vec<Directive>, Fault> {
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut here: Vec<Directive> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let (mut line, mut start, mut count) = (1_usize, 1_usize, 0_usize);
    let mut letters = text.chars().peekable();
    while let Some(token) = next(&mut letters, &mut line)? {
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    start = line;
                }
                words.push(word);
                if words.len() > WORDS_MAX {
                    return Err(Fault::new(start, "a directive without an end: a `;` is missing"));
                }
            }
            Token::Semicolon if words.is_empty() => return Err(Fault::new(line, "a `;` with nothing before it")),
            Token::Semicolon => here.push(directive(&mut words, start, None)),
            Token::Open => {
                if words.is_empty() || open.len() >= DEPTH_MAX {
                    return Err(Fault::new(line, "this `{` belongs to nothing, or nests too deep"));
                }
                open.push((directive(&mut words, start, Some(Vec::new())), std::mem::take(&mut here)));
            }
            Token::Close => {
                if !words.is_empty() {
                    return Err(Fault::new(start, "a directive without an end: a `;` is missing"));
                }
                let Some((mut closed, around)) = open.pop() else { return Err(Fault::new(line, "this `}` closes nothing")) };
                closed.block = Some(std::mem::replace(&mut here, around));
                here.push(closed);
            }
        }
        count += 1;
        if count > DIRECTIVES_MAX * 8 {
            return Err(Fault::new(line, "the file is too long"));
        }
    }
    if let Some((unclosed, _)) = open.last() {
        return Err(Fault::new(unclosed.line, format!("the block of `{}` is not closed", unclosed.name)));
    }
    if words.is_empty() { Ok(here) } else { Err(Fault::new(start, "a directive without an end: a `;` is missing")) }
}

fn directive(words: &mut Vec<String>, line: usize, block: Option<Vec<Directive>>) -> Directive {
    let mut all = std::mem::take(words).into_iter();
    Directive { name: all.next().unwrap_or_default(), words: all.collect(), line, block }
}

fn next(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, line: &mut usize) -> Result<Option<Token>, Fault> {
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => *line += 1,
            space if space.is_whitespace() => {}
            '#' => {
                while letters.peek().is_some_and(|next| *next != '\n') {
                    letters.next();
                }
            }
            ';' => return Ok(Some(Token::Semicolon)),
            '{' => return Ok(Some(Token::Open)),
            '}' => return Ok(Some(Token::Close)),
            quote @ ('"' | '\'') => return quoted(quote, letters, line).map(|word| Some(Token::Word(word))),
            first => return Ok(Some(Token::Word(plain(first, letters)))),
        }
    }
    Ok(None)
}

fn quoted(quote: char, letters: &mut std::iter::Peekable<std::str::Chars<'_>>, line: &mut usize) -> Result<String, Fault> {
    let start = *line;
    let mut word = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(escaped) if escaped == quote || escaped == '\\' => word.push(escaped),
                Some('n') => word.push('\n'),
                Some('t') => word.push('\t'),
                Some(other) => {
                    word.push('\\');
                    word.push(other);
                }
                None => {}
            },
            '\n' => {
                *line += 1;
                word.push('\n');
            }
            end if end == quote => return Ok(word),
            other => word.push(other),
        }
    }
    Err(Fault::new(start, "a string that does not end"))
}

/// A word without quotes; `${name}` and the braces of a regex's `{2,3}` belong to it.
fn plain(first: char, letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut word = String::from(first);
    let mut escaped = first == '\\';
    let mut braces = 0_usize;
    while let Some(letter) = letters.peek().copied() {
        let variable = letter == '{' && word.ends_with('$') && !escaped;
        let ends = match letter {
            _ if escaped => false,
            '{' => !variable,
            '}' => braces == 0,
            ';' => true,
            space => space.is_whitespace(),
        };
        if ends {
            break;
        }
        braces += usize::from(variable);
        braces -= usize::from(letter == '}' && braces > 0 && !escaped);
        escaped = letter == '\\' && !escaped;
        word.push(letter);
        letters.next();
    }
    word
}
