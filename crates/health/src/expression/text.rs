//! Functions of texts. Places are counted in characters.

use super::Fault;
use super::datum::Datum;
use super::evaluate::Meter;
use super::operators::no_overload;
use trueup_gocompat::regexp::{Regexp, RegexpMistake};

type Outcome<'a> = Result<Datum<'a>, Fault>;

/// How large a compiled regular expression may be, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 18;
/// The sizes that are tried, and paid for, before it.
const PATTERN_SIZES: [usize; 3] = [1 << 12, 1 << 15, MAX_PATTERN_BYTES];
/// The steps that reading a byte of a regular expression takes.
const STEPS_OF_A_PATTERN_BYTE: usize = 64;
/// The same where cases may be folded, which is work on whole classes.
const STEPS_OF_A_FOLDED_BYTE: usize = 1_000;
/// How many bytes of a compiled regular expression a search goes through in a
/// step, for each byte of the text.
const SEARCHED_BYTES_OF_A_STEP: usize = 1 << 12;

pub(super) fn call<'a>(name: &str, args: &[Datum<'a>], meter: &Meter) -> Option<Outcome<'a>> {
    if name == "join" {
        return join(args, meter);
    }
    let (Datum::Text(text), rest) = args.split_first()? else {
        return None;
    };
    of_text(name, text, rest, meter)
}

fn of_text<'a>(name: &str, text: &str, rest: &[Datum<'a>], meter: &Meter) -> Option<Outcome<'a>> {
    Some(match (name, rest) {
        ("contains", [Datum::Text(part)]) => Ok(Datum::Bool(text.contains(part.as_str()))),
        ("startsWith", [Datum::Text(part)]) => Ok(Datum::Bool(text.starts_with(part.as_str()))),
        ("endsWith", [Datum::Text(part)]) => Ok(Datum::Bool(text.ends_with(part.as_str()))),
        ("matches", [Datum::Text(pattern)]) => matches(text, pattern, meter),
        ("lowerAscii", []) => Ok(Datum::text(text.to_ascii_lowercase())),
        ("upperAscii", []) => Ok(Datum::text(text.to_ascii_uppercase())),
        ("trim", []) => Ok(Datum::text(text.trim())),
        ("reverse", []) => Ok(Datum::text(text.chars().rev().collect::<String>())),
        ("strings.quote", []) => Ok(Datum::text(format!("{text:?}"))),
        ("charAt", [place]) => char_at(text, place.as_int()?),
        ("substring", [start]) => substring(text, start.as_int()?, None),
        ("substring", [start, end]) => substring(text, start.as_int()?, Some(end.as_int()?)),
        ("indexOf", [Datum::Text(part)]) => index_of(text, part, 0),
        ("indexOf", [Datum::Text(part), start]) => index_of(text, part, start.as_int()?),
        ("lastIndexOf", [Datum::Text(part)]) => last_index_of(text, part, None),
        ("lastIndexOf", [Datum::Text(part), end]) => last_index_of(text, part, Some(end.as_int()?)),
        ("split", [Datum::Text(separator)]) => split(text, separator, -1, meter),
        ("split", [Datum::Text(separator), limit]) => {
            split(text, separator, limit.as_int()?, meter)
        }
        ("replace", [Datum::Text(old), Datum::Text(new)]) => replace(text, old, new, -1, meter),
        ("replace", [Datum::Text(old), Datum::Text(new), limit]) => {
            replace(text, old, new, limit.as_int()?, meter)
        }
        _ => return None,
    })
}

fn matches<'a>(text: &str, pattern: &str, meter: &Meter) -> Outcome<'a> {
    let (regexp, size) = compiled(pattern, meter)?;
    meter.spend(text.len().saturating_mul(size / SEARCHED_BYTES_OF_A_STEP))?;
    Ok(Datum::Bool(regexp.is_match(text)))
}

/// A regular expression, and a size that it doesn't go beyond.
fn compiled(pattern: &str, meter: &Meter) -> Result<(Regexp, usize), Fault> {
    let steps_of_a_byte = match pattern.contains("(?") {
        true => STEPS_OF_A_FOLDED_BYTE,
        false => STEPS_OF_A_PATTERN_BYTE,
    };
    for size in PATTERN_SIZES {
        meter.spend(pattern.len().saturating_mul(steps_of_a_byte))?;
        meter.spend_bytes(size)?;
        match Regexp::compile_within(pattern, size) {
            Err(error) if error.mistake == RegexpMistake::TooLarge && size < MAX_PATTERN_BYTES => {}
            Err(error) => return Err(Fault::of_function("matches", error.to_string())),
            Ok(regexp) => return Ok((regexp, size)),
        }
    }
    Err(Fault::of_function("matches", "expression too large"))
}

/// Where the character of a number begins; also the end of the text.
fn byte_of(text: &str, place: i64, function: &'static str) -> Result<usize, Fault> {
    let outside = || Fault::of_function(function, format!("index out of range: {place}"));
    let place = usize::try_from(place).map_err(|_| outside())?;
    let starts = text.char_indices().map(|(at, _)| at);
    starts.chain([text.len()]).nth(place).ok_or_else(outside)
}

fn char_at<'a>(text: &str, place: i64) -> Outcome<'a> {
    let start = byte_of(text, place, "charAt")?;
    let found = text[start..].chars().next();
    Ok(Datum::text(found.map(String::from).unwrap_or_default()))
}

fn substring<'a>(text: &str, start: i64, end: Option<i64>) -> Outcome<'a> {
    let from = byte_of(text, start, "substring")?;
    let to = match end {
        Some(end) => byte_of(text, end, "substring")?,
        None => text.len(),
    };
    text.get(from..to)
        .map(Datum::text)
        .ok_or_else(|| Fault::of_function("substring", "the start is behind the end"))
}

fn place_of<'a>(text: &str, byte: Option<usize>) -> Datum<'a> {
    let place = byte.map(|byte| text[..byte].chars().count());
    Datum::Int(
        place
            .and_then(|place| i64::try_from(place).ok())
            .unwrap_or(-1),
    )
}

fn index_of<'a>(text: &str, part: &str, start: i64) -> Outcome<'a> {
    let from = byte_of(text, start, "indexOf")?;
    Ok(place_of(text, text[from..].find(part).map(|at| at + from)))
}

fn last_index_of<'a>(text: &str, part: &str, end: Option<i64>) -> Outcome<'a> {
    let Some(end) = end else {
        return Ok(place_of(text, text.rfind(part)));
    };
    // What is found may begin at the end, but not behind it.
    let last = byte_of(text, end, "lastIndexOf")?.saturating_add(part.len());
    let searched = &text[..text.floor_char_boundary(last)];
    Ok(place_of(text, searched.rfind(part)))
}

/// As many pieces as the limit allows, the last with what is left; all of
/// them if it is negative.
fn split<'a>(text: &str, separator: &str, limit: i64, meter: &Meter) -> Outcome<'a> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let pieces: Vec<Datum<'a>> = if most == 0 {
        Vec::new()
    } else if separator.is_empty() {
        let mut pieces: Vec<Datum<'a>> = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if pieces.len() + 1 == most {
                break;
            }
            pieces.push(Datum::text(&rest[..next.len_utf8()]));
            rest = &rest[next.len_utf8()..];
        }
        if !rest.is_empty() {
            pieces.push(Datum::text(rest));
        }
        pieces
    } else {
        text.splitn(most, separator).map(Datum::text).collect()
    };
    meter.spend(pieces.len())?;
    Ok(Datum::list(pieces))
}

fn replace<'a>(text: &str, old: &str, new: &str, limit: i64, meter: &Meter) -> Outcome<'a> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    // What will be made is paid for before it is made.
    let times = text.matches(old).count().min(most);
    meter.spend_bytes(times.saturating_mul(new.len()))?;
    Ok(Datum::text(text.replacen(old, new, most)))
}

fn join<'a>(args: &[Datum<'a>], meter: &Meter) -> Option<Outcome<'a>> {
    let (list, separator) = match args {
        [list] => (list, ""),
        [list, Datum::Text(separator)] => (list, separator.as_str()),
        _ => return None,
    };
    if !list.is_list() {
        return None;
    }
    Some(joined(list, separator, meter).map(Datum::text))
}

fn joined(list: &Datum<'_>, separator: &str, meter: &Meter) -> Result<String, Fault> {
    let mut text = String::new();
    let items = list.elements(meter)?.unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        let Datum::Text(item) = item else {
            return Err(no_overload("join", std::slice::from_ref(item)));
        };
        meter.spend_bytes(separator.len() + item.len())?;
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(item);
    }
    Ok(text)
}
