//! Why a head is no statement, in the user's terms: what other languages write and this one does not, then what is
//! missing or too much at the place where the grammar stopped.

use super::lex::{Kind, Token};
use super::scan::is_operator_word;
use super::wording::{no_comment, relative_socket, short};
use crate::diag::{Code, Diagnostic, Edit, FileId, Span};

/// True for a head that the grammar would read, though nobody means it: `timeout: x`, `drain = x`, `drain 5s // why`.
pub(super) fn is_misread(tokens: &[Token], text: &str) -> bool {
    has_wrong_mark(tokens) || tokens.iter().any(|token| token.kind == Kind::Path && token.text(text) == "//")
}

fn has_wrong_mark(tokens: &[Token]) -> bool {
    matches!(tokens, [first, second, ..] if first.kind == Kind::Word && matches!(second.kind, Kind::Colon | Kind::Assign))
}

/// The diagnostic of a head that the grammar could not read beyond the file's byte `at`.
pub(super) fn explain(file: FileId, text: &str, tokens: &[Token], at: usize) -> Diagnostic {
    let head = Head { file, text, tokens, at };
    head.habit().or_else(|| head.first()).unwrap_or_else(|| head.place())
}

struct Head<'a> {
    file: FileId,
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl Head<'_> {
    fn span(&self, token: Token) -> Span {
        Span::new(self.file, token.start as usize, token.end as usize)
    }

    fn letters(&self, token: Token) -> &str {
        token.text(self.text)
    }

    fn unexpected(message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Code::SyntaxUnexpected, message)
    }

    /// What stands where the grammar stopped: the token at or behind that byte.
    fn found(&self) -> Option<(usize, Token)> {
        let at = self
            .tokens
            .iter()
            .position(|token| token.end as usize > self.at && !matches!(token.kind, Kind::Newline | Kind::Break | Kind::Comment))?;
        Some((at, *self.tokens.get(at)?))
    }

    fn replaced(&self, token: Token, by: &str, means: &str) -> Diagnostic {
        let (span, letters) = (self.span(token), self.letters(token));
        Self::unexpected(format!("`{letters}` has no meaning here"))
            .at(span, means)
            .help(format!("write `{by}`"))
            .fix(format!("write `{by}`"), vec![Edit { span, text: by.to_owned() }])
    }

    /// What other languages write.
    fn habit(&self) -> Option<Diagnostic> {
        let socket = |pair: &&[Token]| matches!(pair, [word, mark] if word.end == mark.start && (self.letters(*word), self.letters(*mark)) == ("unix", ":"));
        if let Some([word, mark]) = self.tokens.windows(2).find(socket)
            && mark.end as usize <= self.at
        {
            return Some(relative_socket(Code::SyntaxUnexpected, self.span(*word).to(self.span(*mark))));
        }
        if has_wrong_mark(self.tokens)
            && let [word, mark, rest @ ..] = self.tokens
        {
            let (span, letters, word) = (self.span(*mark), self.letters(*mark), short(self.letters(*word)));
            let value = rest.first().map_or_else(|| "…".to_owned(), |value| short(self.letters(*value)));
            let next = rest.first().map_or(span.after(), |value| self.span(*value).before());
            let gap = Span { start: self.tokens.first().map_or(span.start, |word| word.end), end: next.start, ..span };
            return Some(
                Self::unexpected(format!("`{letters}` stands between `{word}` and its value"))
                    .at(span, "a value follows its word without a mark")
                    .help(format!("write `{word} {value}`"))
                    .fix(format!("remove the `{letters}`"), vec![Edit { span: gap, text: " ".to_owned() }]),
            );
        }
        let comment = |token: &&Token| self.letters(**token).starts_with("//") && token.kind == Kind::Path;
        if let Some(token) = self.tokens.iter().find(comment)
            && (token.start as usize >= self.at || self.tokens.first() == Some(token) || self.letters(*token) == "//")
        {
            let marks = Span::new(self.file, token.start as usize, token.start as usize + 2);
            let spaced = self.letters(*token) == "//";
            return Some(no_comment(marks, spaced));
        }
        if let Some(found) = self.choices_as_members() {
            return Some(found);
        }
        let odd = self.tokens.iter().find(|token| matches!(token.kind, Kind::Odd) && token.start as usize >= self.at).or_else(|| {
            let (_, found) = self.found()?;
            self.tokens.iter().find(|token| token.start == found.start && matches!(token.kind, Kind::Odd | Kind::Path))
        })?;
        let next = self.tokens.iter().find(|token| token.start >= odd.end);
        Some(match self.letters(*odd) {
            "&&" => self.replaced(*odd, "and", "this operator is a word"),
            "||" => self.replaced(*odd, "or", "this operator is a word"),
            "!" => self.replaced(*odd, "not ", "this operator is a word"),
            "&" | "|" => Self::unexpected(format!("`{}` has no meaning here", self.letters(*odd)))
                .at(self.span(*odd), "no operator")
                .help("conditions are joined with `and` and `or`, items of a list with `,`"),
            "=>" => self.replaced(*odd, "->", "an arrow is written with a dash"),
            "'" => Self::unexpected("strings are not written in single quotes").at(self.span(*odd), "a single quote").help("use `\"…\"`"),
            "`" => Self::unexpected("strings are not written in backticks").at(self.span(*odd), "a backtick").help("use `\"…\"`"),
            "“" | "”" | "„" | "‘" | "’" | "«" | "»" => Self::unexpected("strings are not written in typographic quotes")
                .at(self.span(*odd), "not a plain quote")
                .help("use `\"…\"`"),
            "+" | "%" | "^" | "~" => Self::unexpected(format!("`{}` has no meaning here", self.letters(*odd)))
                .at(self.span(*odd), "there is no arithmetic")
                .help("write the value itself; texts are joined in a string, as in `\"a-${name}\"`"),
            "-" if next.is_some_and(|next| next.kind == Kind::Number && next.start == odd.end) => {
                Self::unexpected("numbers have no sign").at(self.span(*odd), "a minus").help("numbers are zero or more")
            }
            "-" => Self::unexpected("`-` has no meaning here")
                .at(self.span(*odd), "not a part of a name")
                .help("a name does not begin or end with `-`; the items of a list go in `[a, b]`"),
            "$" => Self::unexpected("`$` has no meaning here")
                .at(self.span(*odd), "interpolation belongs to strings")
                .help("write the name alone, or `\"${name}\"` inside a string"),
            "@" => {
                Self::unexpected("`@` has no meaning here").at(self.span(*odd), "no token begins with it").help("put the text in quotes")
            }
            "?" => {
                Self::unexpected("`?` does not touch its type").at(self.span(*odd), "behind a space").help("write `str?`, without a space")
            }
            letters if self.tokens.iter().any(|token| token == odd && token.kind == Kind::Odd) => {
                Self::unexpected(format!("`{letters}` has no meaning here"))
                    .at(self.span(*odd), "no token begins with it")
                    .help("put text in quotes")
            }
            _ => return None,
        })
    }

    /// `set<enum(a, b)>`: the types in angle brackets are plain ones.
    fn choices_as_members(&self) -> Option<Diagnostic> {
        let at = self.tokens.windows(3).position(|tokens| {
            let letters: Vec<&str> = tokens.iter().map(|token| self.letters(*token)).collect();
            matches!(letters.as_slice(), ["set" | "list" | "range", "<", "enum"])
        })?;
        let (outer, inner) = (self.tokens.get(at)?, self.tokens.get(at + 2)?);
        let outer = self.letters(*outer);
        Some(
            Self::unexpected(format!("the members of a `{outer}` are not choices"))
                .at(self.span(*inner), "a plain type is expected, such as `str`")
                .help(format!("write `{outer}<str>`, and compare with the words where it is used, as in `\"a\" in claim.roles`")),
        )
    }

    /// A head that does not begin with a word.
    fn first(&self) -> Option<Diagnostic> {
        let first = *self.tokens.first()?;
        let (span, letters) = (self.span(first), short(self.letters(first)));
        if first.kind == Kind::Word && is_operator_word(&letters) {
            return Some(
                Self::unexpected(format!("a statement begins with the operator `{letters}`"))
                    .at(span, "nothing stands before it")
                    .help("end the line before with an operator, or put the expression in parentheses"),
            );
        }
        let plain =
            first.kind == Kind::Word && self.letters(first).bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if plain {
            return None;
        }
        let found = Self::unexpected(format!("a statement begins with `{letters}`")).at(span, "here a word should stand");
        Some(match first.kind {
            Kind::Arrow => found.help("an arrow belongs to the head of its route: `route NAME METHOD PATH -> upstream`"),
            Kind::Comma | Kind::CloseBracket => found.help("a line that goes on ends with an operator, a comma or an open bracket"),
            Kind::Text => found.help("a string follows the word it belongs to; was the line broken before it?"),
            _ => found.help("a statement is a word, its clauses, and perhaps a block"),
        })
    }

    /// What is wrong where the grammar stopped.
    fn place(&self) -> Diagnostic {
        let Some((index, token)) = self.found() else { return self.missing() };
        let before = index.checked_sub(1).and_then(|before| self.tokens.get(before)).copied();
        let (span, letters) = (self.span(token), short(self.letters(token)));
        if token.kind == Kind::Text && (token.start as usize) < self.at {
            return self.inside(token);
        }
        if let Some(before) = before.filter(|before| before.end == token.start && touches(*before) && touches(token)) {
            let first = short(self.letters(before));
            let found = Self::unexpected(format!("`{first}` and `{letters}` touch"))
                .at(self.span(before).to(span), "two tokens, or text that needs quotes");
            return if letters.starts_with('/') {
                found.help(format!("a path begins with `/`: `/{first}{letters}`; or put a space between them"))
            } else {
                found.help("put a space between them, or quotes around both")
            };
        }
        let found = Self::unexpected(format!("`{letters}` is not expected here"));
        match token.kind {
            Kind::Comma if index == 1 => {
                found.at(span, "nothing to separate").help("a statement ends with its line or at a `;`, and its clauses need no comma")
            }
            Kind::Comma => found.at(span, "nothing stands before this comma").help("a comma stands between two values"),
            Kind::CloseBracket if before.is_some_and(|before| before.kind == Kind::OpenBracket) => {
                found.at(span, "nothing stands inside").help("put an expression between the parentheses")
            }
            Kind::CloseBracket => found.at(span, "a value is missing before this").help("finish the expression before closing it"),
            Kind::Arrow => found.at(span, "an arrow stands before one target").help("write `-> name`, once"),
            Kind::Assign if self.in_brackets(index) => self.replaced(token, "==", "it gives a name its value"),
            Kind::Assign => found.at(span, "what gets a value here").help("`=` stands behind a name; equality is asked with `==`"),
            Kind::Colon => found
                .at(span, "a type should follow, as in `name: str`")
                .help("a value follows its word without a colon; text with a colon goes in quotes"),
            Kind::Operator => found.at(span, "a value is missing before this").help("an operator stands between two values"),
            Kind::Word if is_operator_word(&letters) => {
                found.at(span, "a value is missing beside this").help("an operator stands between two values")
            }
            Kind::Path => found
                .at(span, "this path or url does not end where a token may end")
                .help("put it in quotes if it has other letters than a path may have"),
            _ if before.is_some_and(|before| matches!(before.kind, Kind::Word | Kind::Number | Kind::Text | Kind::Path))
                && self.in_brackets(index) =>
            {
                found.at(span, "a comma or an operator is missing before this").help("separate values with `,`")
            }
            _ => found
                .at(span, "the statement makes sense up to here")
                .help("a statement is a word, its clauses, and perhaps a block; text goes in quotes"),
        }
    }

    fn in_brackets(&self, index: usize) -> bool {
        let depth = self.tokens.iter().take(index).fold(0_isize, |depth, token| match token.kind {
            Kind::OpenBracket => depth + 1,
            Kind::CloseBracket => depth - 1,
            _ => depth,
        });
        depth > 0
    }

    /// The head ends where something should follow.
    fn missing(&self) -> Diagnostic {
        let Some(last) = self.tokens.iter().rev().find(|token| !matches!(token.kind, Kind::Newline | Kind::Break | Kind::Comment)).copied()
        else {
            return Self::unexpected("a statement is empty");
        };
        let (span, letters) = (self.span(last), short(self.letters(last)));
        let found = Self::unexpected(format!("the statement stops after `{letters}`"));
        match last.kind {
            Kind::Arrow => found.at(span, "where to").help("name a target behind the arrow"),
            Kind::Assign => found.at(span, "which value").help("put a value behind `=`"),
            Kind::Comma => found.at(span, "what follows the comma").help("remove the comma, or go on behind it"),
            Kind::Colon => found.at(span, "which type").help("put a type behind the colon, or remove it"),
            Kind::Operator => found.at(span, "its right side is missing").help("an operator stands between two values"),
            Kind::Word if is_operator_word(&letters) => {
                found.at(span, "its right side is missing").help("an operator stands between two values")
            }
            _ => found.at(span, "this cannot be the end").help("text with other letters than a word has goes in quotes"),
        }
    }

    /// The grammar stopped inside a string: in one of its interpolations.
    fn inside(&self, token: Token) -> Diagnostic {
        let before = self.text.get(token.start as usize..self.at).unwrap_or_default();
        let open = before.rfind("${").map_or(token.start as usize, |at| token.start as usize + at);
        let rest = self.text.get(open..token.end as usize).unwrap_or_default();
        let close = rest.find('}').map_or(token.end as usize, |at| open + at + 1);
        Diagnostic::new(Code::SyntaxString, "an interpolation holds no expression")
            .at(Span::new(self.file, open, close), "between `${` and `}` stands one expression")
            .help("a `$` that begins no interpolation is written `\\$`, in a raw string `$${`")
    }
}

/// True for tokens that need a space between them.
fn touches(token: Token) -> bool {
    matches!(token.kind, Kind::Word | Kind::Number | Kind::Path | Kind::Text | Kind::Regex)
}
