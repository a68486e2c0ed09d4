//! Patterns of `${v#p}` and its like: `*`, `?`, `[a-z]`, `[^a]`, `\x`, as Go's
//! `path.Match` reads them, but for `/`, which is a sign like any other.

/// A pattern that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// What may yet be spent on comparing, so that hostile patterns end.
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

/// Whether a pattern fits the whole of a text. A pattern is looked at only as
/// far as the text goes, so that a mistake behind that is not seen.
pub(super) fn fits(pattern: &[u8], text: &[u8], effort: &mut Effort) -> Result<bool, BadPattern> {
    let (mut pattern, mut text) = (pattern, text);
    'chunks: while !pattern.is_empty() {
        let (has_star, chunk, later) = next_chunk(pattern);
        pattern = later;
        if has_star && chunk.is_empty() {
            return Ok(true);
        }
        let is_last = pattern.is_empty();
        let ends = |rest: &[u8]| rest.is_empty() || !is_last;
        if let Some(rest) = chunk_fits(chunk, text, effort)?
            && ends(rest)
        {
            text = rest;
            continue;
        }
        if has_star {
            for start in 1..=text.len() {
                if let Some(rest) = chunk_fits(chunk, &text[start..], effort)?
                    && ends(rest)
                {
                    text = rest;
                    continue 'chunks;
                }
            }
        }
        return Ok(false);
    }
    Ok(text.is_empty())
}

/// The stars in front, what stands up to the next star, and the rest.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    let pattern = &pattern[stars..];
    let (mut at, mut in_class) = (0, false);
    while at < pattern.len() {
        match pattern[at] {
            b'\\' if at + 1 < pattern.len() => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    (stars > 0, &pattern[..at], &pattern[at..])
}

/// What of the text is left behind a chunk without stars; `None` if it does
/// not fit.
fn chunk_fits<'t>(
    chunk: &[u8],
    text: &'t [u8],
    effort: &mut Effort,
) -> Result<Option<&'t [u8]>, BadPattern> {
    let (mut chunk, mut text) = (chunk, text);
    while let [first, rest @ ..] = chunk {
        if text.is_empty() || !effort.spend(1) {
            return Ok(None);
        }
        match first {
            b'[' => {
                let (sign, length) = first_sign(text);
                let (is_in, later) = class_holds(rest, sign)?;
                if !is_in {
                    return Ok(None);
                }
                (text, chunk) = (&text[length..], later);
            }
            b'?' => (text, chunk) = (&text[first_sign(text).1..], rest),
            _ => {
                let (wanted, later) = match (first, rest) {
                    (b'\\', [escaped, later @ ..]) => (escaped, later),
                    (b'\\', []) => return Err(BadPattern),
                    _ => (first, rest),
                };
                if *wanted != text[0] {
                    return Ok(None);
                }
                (text, chunk) = (&text[1..], later);
            }
        }
    }
    Ok(Some(text))
}

/// Whether a class, its bracket read, holds a sign; and what follows it.
fn class_holds(class: &[u8], sign: char) -> Result<(bool, &[u8]), BadPattern> {
    let (is_negated, mut class) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let (mut holds, mut is_first) = (false, true);
    loop {
        if let ([b']', rest @ ..], false) = (class, is_first) {
            return Ok((holds != is_negated, rest));
        }
        let (low, rest) = class_sign(class)?;
        let (high, rest) = match rest {
            [b'-', rest @ ..] => class_sign(rest)?,
            _ => (low, rest),
        };
        holds |= (low..=high).contains(&sign);
        (class, is_first) = (rest, false);
    }
}

/// One sign of a class; something must follow it.
fn class_sign(class: &[u8]) -> Result<(char, &[u8]), BadPattern> {
    let class = match class {
        [] | [b'-' | b']', ..] => return Err(BadPattern),
        [b'\\', rest @ ..] => rest,
        _ => class,
    };
    if class.is_empty() {
        return Err(BadPattern);
    }
    let (sign, length) = first_sign(class);
    let rest = &class[length..];
    let is_broken = sign == char::REPLACEMENT_CHARACTER && length == 1;
    if is_broken || rest.is_empty() {
        return Err(BadPattern);
    }
    Ok((sign, rest))
}
