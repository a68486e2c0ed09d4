//! Repetitions.

use super::error::{RegexpError, RegexpMistake as Mistake};
use super::escape;
use super::translate::Translator;

/// How often something may be repeated, repetitions within it counted in.
const MAX_REPEAT: usize = 1000;

/// Digits of a count from which on its value does not matter.
const MAX_DIGITS: usize = 8;

/// `*`, `+` or `?`. `before` starts at the repetition right before this one.
pub(super) fn simple<'a>(
    translator: &mut Translator<'a>,
    before: Option<&'a str>,
) -> Result<(), RegexpError> {
    let start = translator.rest;
    translator.advance(1);
    repeat(translator, start, before, None)
}

/// `{2}`, `{2,}` or `{2,3}`; any other `{` is one.
pub(super) fn counted<'a>(
    translator: &mut Translator<'a>,
    before: Option<&'a str>,
) -> Result<(), RegexpError> {
    let start = translator.rest;
    let Some((count, rest)) = read_count(start) else {
        translator.advance(1);
        translator.atom(|out| escape::push_character(out, '{'));
        return Ok(());
    };
    translator.rest = rest;
    let is_reversed = count.max.is_some_and(|max| count.min > max);
    if is_reversed || count.largest() > MAX_REPEAT {
        let part = up_to(start, rest);
        return Err(RegexpError::new(Mistake::RepeatCount, part));
    }
    repeat(translator, start, before, Some(count))
}

struct Count {
    min: usize,
    max: Option<usize>,
}

impl Count {
    fn largest(&self) -> usize {
        self.max.unwrap_or(0).max(self.min)
    }

    /// How often what is repeated counts.
    fn factor(&self) -> usize {
        self.max.unwrap_or(self.min)
    }
}

fn read_count(text: &str) -> Option<(Count, &str)> {
    let (min, rest) = number(text.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => {
            let (max, rest) = number(rest)?;
            (Some(max), rest)
        }
    };
    Some((Count { min, max }, rest.strip_prefix('}')?))
}

/// A number without a zero in front.
fn number(text: &str) -> Option<(usize, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    let value = match digits.len() < MAX_DIGITS {
        true => digits.parse().ok()?,
        false => usize::MAX,
    };
    Some((value, rest))
}

fn repeat<'a>(
    translator: &mut Translator<'a>,
    start: &'a str,
    before: Option<&'a str>,
    count: Option<Count>,
) -> Result<(), RegexpError> {
    if translator.rest.starts_with('?') {
        translator.advance(1);
    }
    if let Some(before) = before {
        let part = up_to(before, translator.rest);
        return Err(RegexpError::new(Mistake::NestedRepetition, part));
    }
    let Some(mut atom) = translator.group().last else {
        let part = up_to(start, translator.rest);
        return Err(RegexpError::new(Mistake::MissingArgument, part));
    };
    if let Some(count) = count {
        let weight = match count.factor() {
            0 => 1,
            factor => factor * atom.weight.max(1),
        };
        if count.largest() >= 2 && weight > MAX_REPEAT {
            let part = up_to(start, translator.rest);
            return Err(RegexpError::new(Mistake::RepeatCount, part));
        }
        atom.weight = weight;
    }
    // Flags may stand between the atom and its repetition.
    let written = up_to(start, translator.rest);
    translator.out.insert_str(atom.end, written);
    atom.end += written.len();
    let group = translator.group();
    group.weight = group.weight.max(atom.weight);
    group.last = Some(atom);
    translator.last_repeat = Some(start);
    Ok(())
}

/// The part of `start` before `rest`, which is its end.
fn up_to<'a>(start: &'a str, rest: &str) -> &'a str {
    &start[..start.len() - rest.len()]
}
