//! Templates with variables, made into text.

use super::case::{lower, lower_first, upper, upper_first};
use super::error::SubstituteError;
use super::glob::{BadPattern, Effort, Pattern, first_sign};
use super::template::{Expansion, Operation, Piece};
use super::{Strictness, Variables};
use memchr::memmem;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The longest text that one object may become by substitution, in bytes.
pub const MAX_SUBSTITUTED_BYTES: usize = 16 * 1024 * 1024;
/// What the expansions of one object may cost: a step for each byte that they
/// read or make, and for each comparison of a pattern.
pub const MAX_EXPANSION_STEPS: u64 = 50_000_000;

/// What an expansion made.
struct Made<'v> {
    bytes: Cow<'v, [u8]>,
    /// Whether the value of a Secret went into it.
    is_secret: bool,
}

/// One substitution while it runs.
pub(super) struct Expander<'v> {
    variables: &'v Variables,
    strictness: Strictness,
    effort: Effort,
    /// Texts that values of Secrets went into.
    pub secrets: BTreeSet<Vec<u8>>,
}

impl<'v> Expander<'v> {
    pub(super) fn new(variables: &'v Variables, strictness: Strictness) -> Self {
        Self {
            variables,
            strictness,
            effort: Effort::of(MAX_EXPANSION_STEPS),
            secrets: BTreeSet::new(),
        }
    }

    /// All pieces in order.
    pub(super) fn text(&mut self, pieces: &[Piece<'_>]) -> Result<Vec<u8>, SubstituteError> {
        let mut out = Vec::new();
        for piece in pieces {
            let made = self.piece(piece)?;
            if out.len() + made.bytes.len() > MAX_SUBSTITUTED_BYTES {
                return Err(too_long());
            }
            if made.is_secret {
                self.secrets.insert(made.bytes.to_vec());
            }
            out.extend_from_slice(&made.bytes);
        }
        Ok(out)
    }

    fn piece<'p>(&mut self, piece: &'p Piece<'_>) -> Result<Made<'p>, SubstituteError>
    where
        'v: 'p,
    {
        let literal = |text: &'p str| Made {
            bytes: Cow::Borrowed(text.as_bytes()),
            is_secret: false,
        };
        match piece {
            Piece::Literal(text) => Ok(literal(text)),
            Piece::Unescaped(text) => Ok(literal(text)),
            Piece::Expansion(expansion) => self.expansion(expansion),
        }
    }

    /// The words come first, also where they are not needed: what is not set
    /// in them is missed all the same.
    fn expansion<'p>(&mut self, expansion: &'p Expansion<'_>) -> Result<Made<'p>, SubstituteError>
    where
        'v: 'p,
    {
        let mut words = Vec::with_capacity(expansion.words.len());
        for word in &expansion.words {
            words.push(self.piece(word)?);
        }
        let variable = self.variables.get(expansion.name);
        let may_miss =
            self.strictness == Strictness::Lenient || expansion.operation == Operation::Default;
        if variable.is_none() && !may_miss {
            return Err(SubstituteError::NotSet {
                name: expansion.name.into(),
            });
        }
        let value = variable.map_or(&[][..], |it| it.value());
        let is_secret = variable.is_some_and(super::Variable::is_secret)
            || words.iter().any(|word| word.is_secret);
        let read = words.iter().map(|word| word.bytes.len()).sum::<usize>() + value.len();
        self.spend(expansion.name, read)?;
        let bytes = self.operate(expansion, value, &words)?;
        if bytes.len() > MAX_SUBSTITUTED_BYTES {
            return Err(too_long());
        }
        if let Cow::Owned(made) = &bytes {
            self.spend(expansion.name, made.len())?;
        }
        Ok(Made {
            is_secret: is_secret && expansion.operation != Operation::Length,
            bytes,
        })
    }

    /// Spends a step for each of so many bytes.
    fn spend(&mut self, name: &str, bytes: usize) -> Result<(), SubstituteError> {
        match self.effort.spend(bytes as u64) {
            true => Ok(()),
            false => Err(too_much_effort(name)),
        }
    }

    fn operate<'p>(
        &mut self,
        expansion: &Expansion<'_>,
        value: &'p [u8],
        words: &[Made<'p>],
    ) -> Result<Cow<'p, [u8]>, SubstituteError> {
        let word = |index: usize| words.get(index).map(|made| made.bytes.as_ref());
        let (first, second) = (word(0).unwrap_or_default(), word(1));
        Ok(match expansion.operation {
            Operation::Value => Cow::Borrowed(value),
            Operation::Length => value.len().to_string().into_bytes().into(),
            Operation::Default if value.is_empty() => joined(words)?.into(),
            Operation::Default => Cow::Borrowed(value),
            Operation::Slice => slice(expansion.name, value, first, second)?.into(),
            Operation::LowerFirst => lower_first(value).into(),
            Operation::Lower => lower(value).into(),
            Operation::UpperFirst => upper_first(value).into(),
            Operation::Upper => upper(value).into(),
            Operation::ShortestPrefix => self.trim(expansion.name, value, first, Least)?.into(),
            Operation::LongestPrefix => self.trim(expansion.name, value, first, Most)?.into(),
            Operation::ShortestSuffix => self.trim_end(expansion.name, value, first, Least)?.into(),
            Operation::LongestSuffix => self.trim_end(expansion.name, value, first, Most)?.into(),
            Operation::ReplaceFirst => replaced(value, first, second.unwrap_or_default(), 1)?,
            Operation::ReplaceAll => {
                replaced(value, first, second.unwrap_or_default(), usize::MAX)?
            }
            // Without a replacement these two leave everything as it is.
            Operation::ReplacePrefix => match (value.strip_prefix(first), second) {
                (Some(rest), Some(new)) => [new, rest].concat().into(),
                _ => Cow::Borrowed(value),
            },
            Operation::ReplaceSuffix => match (value.strip_suffix(first), second) {
                (Some(rest), Some(new)) => [rest, new].concat().into(),
                _ => Cow::Borrowed(value),
            },
        })
    }

    /// The value without the shortest or longest beginning that fits; a
    /// pattern that is none fits nothing.
    fn trim<'b>(
        &mut self,
        name: &str,
        value: &'b [u8],
        pattern: &[u8],
        extent: Extent,
    ) -> Result<&'b [u8], SubstituteError> {
        let pattern = Pattern::read(pattern, value.len());
        let mut cut = 0;
        for end in (1..=value.len()).rev() {
            let fitting = pattern.fits(&value[..end], &mut self.effort);
            if self.effort.is_spent() {
                return Err(too_much_effort(name));
            }
            match fitting {
                Ok(true) => cut = end,
                Ok(false) => continue,
                Err(BadPattern) => return Ok(value),
            }
            if extent == Most {
                break;
            }
        }
        Ok(&value[cut..])
    }

    /// As [`Self::trim`] from the other end: value and pattern are turned
    /// around sign by sign, brackets too, as Flux does it.
    fn trim_end(
        &mut self,
        name: &str,
        value: &[u8],
        pattern: &[u8],
        extent: Extent,
    ) -> Result<Vec<u8>, SubstituteError> {
        let (value, pattern) = (reversed(value), reversed(pattern));
        Ok(reversed(self.trim(name, &value, &pattern, extent)?))
    }
}

/// How much is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Least,
    Most,
}
use Extent::{Least, Most};

fn too_long() -> SubstituteError {
    SubstituteError::TooLong {
        limit: MAX_SUBSTITUTED_BYTES,
    }
}

fn too_much_effort(name: &str) -> SubstituteError {
    SubstituteError::TooMuchEffort {
        name: name.into(),
        limit: MAX_EXPANSION_STEPS,
    }
}

fn joined(words: &[Made<'_>]) -> Result<Vec<u8>, SubstituteError> {
    let mut out = Vec::new();
    for word in words {
        out.extend_from_slice(&word.bytes);
        if out.len() > MAX_SUBSTITUTED_BYTES {
            return Err(too_long());
        }
    }
    Ok(out)
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(bytes)
        .chars()
        .rev()
        .collect::<String>()
        .into_bytes()
}

/// A number as Go's `strconv.Atoi` reads it.
fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The bytes from an offset on, up to a length. A negative offset counts from
/// the end; where offset or length is no number, the whole value stays.
fn slice<'b>(
    name: &str,
    value: &'b [u8],
    offset: &[u8],
    length: Option<&[u8]>,
) -> Result<&'b [u8], SubstituteError> {
    let Some(offset) = number(offset) else {
        return Ok(value);
    };
    let distance = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let start = if offset < 0 {
        value.len().saturating_sub(distance)
    } else {
        distance
    };
    let rest = value.get(start..).unwrap_or_default();
    let Some(length) = length else {
        return Ok(rest);
    };
    match number(length) {
        None => Ok(value),
        Some(_) if rest.is_empty() => Ok(rest),
        Some(length) if length < 0 => Err(SubstituteError::NegativeLength { name: name.into() }),
        Some(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            Ok(&rest[..length.min(rest.len())])
        }
    }
}

/// The value with the first `count` places of `old` replaced.
fn replaced<'b>(
    value: &'b [u8],
    old: &[u8],
    new: &[u8],
    count: usize,
) -> Result<Cow<'b, [u8]>, SubstituteError> {
    let mut out = Vec::new();
    let mut kept_from = 0;
    for at in places(value, old).take(count) {
        out.extend_from_slice(&value[kept_from..at]);
        out.extend_from_slice(new);
        if out.len() > MAX_SUBSTITUTED_BYTES {
            return Err(too_long());
        }
        kept_from = at + old.len();
    }
    out.extend_from_slice(&value[kept_from..]);
    Ok(out.into())
}

/// Where a text stands in a value, in time that grows with both only. Nothing
/// stands before, between and behind all signs.
fn places<'b>(value: &'b [u8], old: &'b [u8]) -> Box<dyn Iterator<Item = usize> + 'b> {
    if !old.is_empty() {
        return Box::new(memmem::find_iter(value, old));
    }
    let behind = |at: &usize| {
        let rest = value.get(*at..).filter(|rest| !rest.is_empty())?;
        Some(at + first_sign(rest).1)
    };
    Box::new(std::iter::successors(Some(0), behind))
}
