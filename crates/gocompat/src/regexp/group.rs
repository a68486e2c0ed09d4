//! What `(?` starts: named groups, groups without a number, flags.

use super::error::{RegexpError, RegexpMistake as Mistake};
use super::translate::Translator;

const FLAGS: [char; 4] = ['i', 'm', 's', 'U'];

pub(super) fn perl(translator: &mut Translator<'_>) -> Result<(), RegexpError> {
    let start = translator.rest;
    for prefix in ["(?P<", "(?<"] {
        if let Some(named) = start.strip_prefix(prefix) {
            return name(translator, named);
        }
    }
    flags(translator)
}

fn name(translator: &mut Translator<'_>, named: &str) -> Result<(), RegexpError> {
    let start = translator.rest;
    let refused = |part: &str| RegexpError::new(Mistake::NamedCapture, part);
    let (name, rest) = named.split_once('>').ok_or_else(|| refused(start))?;
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.is_empty() || !name.chars().all(is_word) {
        let end = start.len() - rest.len();
        return Err(refused(&start[..end]));
    }
    translator.names.push(Some(name.to_owned()));
    translator.advance(start.len() - rest.len());
    translator.open("(")
}

/// `(?i)`, `(?i-s:`, `(?:`.
fn flags(translator: &mut Translator<'_>) -> Result<(), RegexpError> {
    let start = translator.rest;
    let mut states = [None; FLAGS.len()];
    let (mut turns_on, mut is_pending) = (true, false);
    for (at, character) in start.char_indices().skip(2) {
        if let Some(flag) = FLAGS.iter().position(|flag| *flag == character) {
            states[flag] = Some(turns_on);
            is_pending = false;
            continue;
        }
        match character {
            '-' if turns_on => (turns_on, is_pending) = (false, true),
            ':' | ')' if !is_pending => {
                translator.advance(at + 1);
                return apply(translator, &states, character);
            }
            _ => {
                let end = at + character.len_utf8();
                return Err(RegexpError::new(Mistake::PerlSyntax, &start[..end]));
            }
        }
    }
    Err(RegexpError::new(Mistake::PerlSyntax, start))
}

/// Writes flags, each once: the last word on a flag counts.
fn apply(
    translator: &mut Translator<'_>,
    states: &[Option<bool>; FLAGS.len()],
    end: char,
) -> Result<(), RegexpError> {
    let those = |wanted: bool| -> String {
        let all = FLAGS.iter().zip(states);
        all.filter(|(_, state)| **state == Some(wanted))
            .map(|(flag, _)| flag)
            .collect()
    };
    let (on, off) = (those(true), those(false));
    let dash = if off.is_empty() { "" } else { "-" };
    match end {
        ':' => translator.open(&format!("(?{on}{dash}{off}:")),
        _ if on.is_empty() && off.is_empty() => Ok(()),
        _ => {
            let written = format!("(?{on}{dash}{off})");
            translator.out.push_str(&written);
            Ok(())
        }
    }
}
