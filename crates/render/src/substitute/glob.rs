//! Patterns of `${v#p}` and its like: `*`, `?`, `[a-z]`, `[^a]`, `\x`. `/` is a
//! sign like any other.

use std::ops::RangeInclusive;

/// A pattern that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// What may yet be spent, so that hostile templates and patterns end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    steps: u64,
}

impl Effort {
    pub(super) fn of(steps: u64) -> Self {
        Self { steps }
    }

    /// Spends steps; false when none are left.
    pub(super) fn spend(&mut self, steps: u64) -> bool {
        let enough = steps <= self.steps;
        self.steps = self.steps.saturating_sub(steps);
        enough
    }

    pub(super) fn is_spent(&self) -> bool {
        self.steps == 0
    }
}

/// The first sign of a text and its length in bytes; a byte that begins none
/// counts as a sign of its own.
pub(super) fn first_sign(text: &[u8]) -> (char, usize) {
    let chunk = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(chunk) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&chunk[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(sign) => (sign, sign.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// One part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Any text.
    Stars,
    /// Any sign.
    Sign,
    /// This byte.
    Byte(u8),
    /// One sign of some, or of all but some.
    Class(Class),
    /// What can't be read; nothing stands behind it.
    Bad,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    is_negated: bool,
    ranges: Vec<RangeInclusive<char>>,
}

/// A pattern, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    /// Reads a pattern for texts of at most `text_bytes`: no more of it than
    /// such a text can reach.
    pub(super) fn read(pattern: &[u8], text_bytes: usize) -> Self {
        let (mut tokens, mut rest) = (Vec::new(), pattern);
        let mut taking = 0;
        while let [first, after @ ..] = rest
            && taking <= text_bytes
        {
            let (token, later) = token(*first, after);
            rest = later;
            let is_repeated = token == Token::Stars && tokens.last() == Some(&token);
            if !is_repeated {
                taking += usize::from(token != Token::Stars);
                tokens.push(token);
            }
        }
        Self { tokens }
    }

    /// Whether the pattern fits the whole of a text. A mistake in it counts
    /// only where the text reaches it. False, too, once the effort is spent.
    pub(super) fn fits(&self, text: &[u8], effort: &mut Effort) -> Result<bool, BadPattern> {
        let (mut next, mut at) = (0, 0);
        // Behind the last stars: the token, and where the text was tried.
        let mut behind_stars: Option<(usize, usize)> = None;
        loop {
            let taken = match self.tokens.get(next) {
                None if at == text.len() => return Ok(true),
                None => None,
                Some(Token::Stars) if next + 1 == self.tokens.len() => return Ok(true),
                Some(Token::Stars) => {
                    behind_stars = Some((next + 1, at));
                    Some(0)
                }
                Some(_) if !effort.spend(1) => return Ok(false),
                Some(token) => token.taken(&text[at..])?,
            };
            (next, at) = match (taken, behind_stars) {
                (Some(bytes), _) => (next + 1, at + bytes),
                (None, Some((token, tried))) if tried < text.len() => {
                    behind_stars = Some((token, tried + 1));
                    (token, tried + 1)
                }
                (None, _) => return Ok(false),
            };
        }
    }
}

impl Token {
    /// How many bytes of a text it takes; `None` if it does not fit.
    fn taken(&self, text: &[u8]) -> Result<Option<usize>, BadPattern> {
        let Some(byte) = text.first() else {
            return Ok(None);
        };
        let (sign, length) = first_sign(text);
        Ok(match self {
            Self::Stars => Some(0),
            Self::Sign => Some(length),
            Self::Byte(wanted) => (wanted == byte).then_some(1),
            Self::Class(class) => class.holds(sign).then_some(length),
            Self::Bad => return Err(BadPattern),
        })
    }
}

impl Class {
    fn holds(&self, sign: char) -> bool {
        self.ranges.iter().any(|range| range.contains(&sign)) != self.is_negated
    }
}

/// The token that begins with a byte, and what follows it.
fn token(first: u8, after: &[u8]) -> (Token, &[u8]) {
    const NOTHING: &[u8] = &[];
    match (first, after) {
        (b'*', _) => (Token::Stars, after),
        (b'?', _) => (Token::Sign, after),
        (b'[', _) => match class(after) {
            Some((class, later)) => (Token::Class(class), later),
            None => (Token::Bad, NOTHING),
        },
        (b'\\', [escaped, later @ ..]) => (Token::Byte(*escaped), later),
        (b'\\', []) => (Token::Bad, NOTHING),
        _ => (Token::Byte(first), after),
    }
}

/// A class whose opening bracket is read, and what follows it.
fn class(text: &[u8]) -> Option<(Class, &[u8])> {
    let unnegated = text.strip_prefix(b"^");
    let mut rest = unnegated.unwrap_or(text);
    let mut ranges = Vec::new();
    while ranges.is_empty() || *rest.first()? != b']' {
        let (low, behind_low) = member(rest)?;
        let (high, behind) = match behind_low.strip_prefix(b"-") {
            Some(after) => member(after)?,
            None => (low, behind_low),
        };
        ranges.push(low..=high);
        rest = behind;
    }
    let class = Class {
        is_negated: unnegated.is_some(),
        ranges,
    };
    Some((class, &rest[1..]))
}

/// A sign of a class, and what follows it.
fn member(text: &[u8]) -> Option<(char, &[u8])> {
    let text = match text.first()? {
        b'-' | b']' => return None,
        b'\\' => &text[1..],
        _ => text,
    };
    match first_sign(text) {
        (char::REPLACEMENT_CHARACTER, 1) => None,
        (sign, length) => Some((sign, &text[length..])),
    }
}
