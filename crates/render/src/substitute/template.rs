//! Text with expansions, taken apart.
//!
//! The grammar is that of Flux's `envsubst`: what of a shell's parameter
//! expansion it reads, and the words in which it refuses the rest.

use super::error::SyntaxError;

/// How many expansions may stand in each other.
pub const MAX_NESTED_EXPANSIONS: usize = 64;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Stands for itself.
    Literal(&'t str),
    /// Literal text in which something was escaped.
    Unescaped(String),
    /// Stands for a value.
    Expansion(Expansion<'t>),
}

/// `${name…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expansion<'t> {
    /// The variable.
    pub name: &'t str,
    /// What is done with its value.
    pub operation: Operation,
    /// What it is done with, in order.
    pub words: Vec<Piece<'t>>,
}

/// What is done with the value of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// `${v}`, and case operators that mix two signs.
    Value,
    /// `${#v}`.
    Length,
    /// `${v=w}`, `${v:=w}`, `${v:-w}`, `${v:?w}`, `${v:+w}`: all alike.
    Default,
    /// `${v:offset}`, `${v:offset:length}`.
    Slice,
    /// `${v,}`.
    LowerFirst,
    /// `${v,,}`.
    Lower,
    /// `${v^}`.
    UpperFirst,
    /// `${v^^}`.
    Upper,
    /// `${v#p}`.
    ShortestPrefix,
    /// `${v##p}`.
    LongestPrefix,
    /// `${v%p}`.
    ShortestSuffix,
    /// `${v%%p}`.
    LongestSuffix,
    /// `${v/p/r}`.
    ReplaceFirst,
    /// `${v//p/r}`.
    ReplaceAll,
    /// `${v/#p/r}`.
    ReplacePrefix,
    /// `${v/%p/r}`.
    ReplaceSuffix,
}

/// Takes a text apart. Outside of expansions `$$` is `$`, and a `$` without a
/// brace stands for itself.
pub(super) fn parse(text: &str) -> Result<Vec<Piece<'_>>, SyntaxError> {
    let mut reader = Reader {
        rest: text,
        depth: 0,
    };
    let mut pieces = Vec::new();
    while let Some(dollar) = reader.rest.find('$') {
        let (before, from) = reader.rest.split_at(dollar);
        let with_dollar = &reader.rest[..=dollar];
        if let Some(after) = from.strip_prefix("${") {
            reader.rest = after;
            push_literal(&mut pieces, before);
            pieces.push(Piece::Expansion(reader.expansion()?));
        } else {
            // Of two signs the first is kept, so nothing is copied.
            reader.rest = from.strip_prefix("$$").unwrap_or(&from[1..]);
            push_literal(&mut pieces, with_dollar);
        }
    }
    push_literal(&mut pieces, reader.rest);
    Ok(pieces)
}

fn push_literal<'t>(pieces: &mut Vec<Piece<'t>>, text: &'t str) {
    if !text.is_empty() {
        pieces.push(Piece::Literal(text));
    }
}

/// Where a word ends, other than at an expansion or the end of the text.
#[derive(Clone, Copy)]
struct Word {
    ends: fn(char) -> bool,
    escapes: Escapes,
}

/// Whether `\/`, `\\` and `$$` stand for their second sign.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Read,
    None,
}

const UNTIL_BRACE: Word = Word {
    ends: |sign| sign == '}',
    escapes: Escapes::None,
};
const UNTIL_COLON: Word = Word {
    ends: |sign| sign == ':' || sign == '}',
    escapes: Escapes::None,
};
const PATTERN: Word = Word {
    ends: |sign| sign == '/',
    escapes: Escapes::Read,
};
const REPLACEMENT: Word = Word {
    ends: |sign| sign == '}',
    escapes: Escapes::Read,
};

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    /// An expansion whose `${` has been read.
    fn expansion(&mut self) -> Result<Expansion<'t>, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_NESTED_EXPANSIONS {
            return Err(SyntaxError::too_deep());
        }
        let expansion = if self.take("#") {
            self.length()?
        } else {
            let name = self.name();
            if name.is_empty() {
                return Err(SyntaxError::no_name());
            }
            let (operation, words) = self.operation().map_err(|error| error.about(name))?;
            Expansion {
                name,
                operation,
                words,
            }
        };
        self.depth -= 1;
        Ok(expansion)
    }

    fn length(&mut self) -> Result<Expansion<'t>, SyntaxError> {
        let name = self.name();
        if name.is_empty() || !self.take("}") {
            return Err(SyntaxError::bad_substitution());
        }
        Ok(Expansion {
            name,
            operation: Operation::Length,
            words: Vec::new(),
        })
    }

    fn operation(&mut self) -> Result<(Operation, Vec<Piece<'t>>), SyntaxError> {
        match self.peek() {
            Some(':') => match self.rest[1..].chars().next() {
                Some('=' | '-' | '?' | '+') => self.default(2),
                Some(sign) if sign.is_ascii() => self.slice(),
                _ => Err(SyntaxError::bad_substitution()),
            },
            Some('=') => self.default(1),
            Some(',' | '^') => self.casing(),
            Some('/') => self.replace(),
            Some('#') => self.trim("#", Operation::ShortestPrefix, Operation::LongestPrefix),
            Some('%') => self.trim("%", Operation::ShortestSuffix, Operation::LongestSuffix),
            _ if self.take("}") => Ok((Operation::Value, Vec::new())),
            _ => Err(SyntaxError::no_closing_brace()),
        }
    }

    /// `sign_bytes` is how long the operator is.
    fn default(&mut self, sign_bytes: usize) -> Result<(Operation, Vec<Piece<'t>>), SyntaxError> {
        self.rest = &self.rest[sign_bytes..];
        let mut words = Vec::new();
        while !self.take("}") {
            words.push(self.word(UNTIL_BRACE)?);
        }
        Ok((Operation::Default, words))
    }

    fn slice(&mut self) -> Result<(Operation, Vec<Piece<'t>>), SyntaxError> {
        self.rest = &self.rest[1..];
        let mut words = vec![self.word(UNTIL_COLON)?];
        if self.take("}") {
            return Ok((Operation::Slice, words));
        }
        self.take_all(':')?;
        words.push(self.word(UNTIL_BRACE)?);
        self.close((Operation::Slice, words))
    }

    fn casing(&mut self) -> Result<(Operation, Vec<Piece<'t>>), SyntaxError> {
        let operation = match (self.sign_of(",^"), self.sign_of(",^")) {
            (Some(','), None) => Operation::LowerFirst,
            (Some(','), Some(',')) => Operation::Lower,
            (Some('^'), None) => Operation::UpperFirst,
            (Some('^'), Some('^')) => Operation::Upper,
            _ => Operation::Value,
        };
        self.close((operation, Vec::new()))
    }

    fn replace(&mut self) -> Result<(Operation, Vec<Piece<'t>>), SyntaxError> {
        self.rest = &self.rest[1..];
        let operation = match self.sign_of("/#%") {
            Some('/') => Operation::ReplaceAll,
            Some('#') => Operation::ReplacePrefix,
            Some('%') => Operation::ReplaceSuffix,
            _ => Operation::ReplaceFirst,
        };
        let mut words = vec![self.word(PATTERN)?];
        self.take_all('/')?;
        if self.peek() != Some('}') {
            words.push(self.word(REPLACEMENT)?);
        }
        self.close((operation, words))
    }

    fn trim(
        &mut self,
        sign: &str,
        shortest: Operation,
        longest: Operation,
    ) -> Result<(Operation, Vec<Piece<'t>>), SyntaxError> {
        self.take(sign);
        let operation = if self.take(sign) { longest } else { shortest };
        let words = vec![self.word(UNTIL_BRACE)?];
        self.close((operation, words))
    }

    fn close<T>(&mut self, read: T) -> Result<T, SyntaxError> {
        if self.take("}") {
            Ok(read)
        } else {
            Err(SyntaxError::bad_substitution())
        }
    }

    /// One operand: an expansion, or a text of one sign at least.
    fn word(&mut self, word: Word) -> Result<Piece<'t>, SyntaxError> {
        if self.take("${") {
            return Ok(Piece::Expansion(self.expansion()?));
        }
        let start = self.rest;
        let mut unescaped: Option<String> = None;
        while let Some(sign) = self.peek() {
            if self.rest.starts_with("${") {
                break;
            }
            if word.escapes == Escapes::Read && is_escape(self.rest) {
                let before = &start[..start.len() - self.rest.len()];
                let text = unescaped.get_or_insert_with(|| before.to_owned());
                text.push_str(&self.rest[1..2]);
                self.rest = &self.rest[2..];
                continue;
            }
            if (word.ends)(sign) {
                break;
            }
            if let Some(text) = &mut unescaped {
                text.push(sign);
            }
            self.rest = &self.rest[sign.len_utf8()..];
        }
        let read = &start[..start.len() - self.rest.len()];
        if read.is_empty() {
            return Err(SyntaxError::bad_word());
        }
        Ok(unescaped.map_or(Piece::Literal(read), Piece::Unescaped))
    }

    fn name(&mut self) -> &'t str {
        let is_part = |sign: char| sign == '_' || sign.is_ascii_digit() || sign.is_alphabetic();
        let end = self.rest.find(|sign| !is_part(sign));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        name
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// One of some ASCII signs, if one of them comes next.
    fn sign_of(&mut self, signs: &str) -> Option<char> {
        let sign = self.peek().filter(|sign| signs.contains(*sign))?;
        self.rest = &self.rest[1..];
        Some(sign)
    }

    /// A separator, which may be repeated.
    fn take_all(&mut self, separator: char) -> Result<(), SyntaxError> {
        let rest = self.rest.trim_start_matches(separator);
        if rest.len() == self.rest.len() {
            return Err(SyntaxError::bad_substitution());
        }
        self.rest = rest;
        Ok(())
    }
}

fn is_escape(text: &str) -> bool {
    ["\\/", "\\\\", "$$"]
        .iter()
        .any(|pair| text.starts_with(pair))
}
