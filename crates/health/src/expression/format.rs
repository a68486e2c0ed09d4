//! `format` of the extension for strings.

use super::Fault;
use super::conversions::shown;
use super::datum::Datum;
use super::evaluate::Meter;
use super::operators::no_overload;

/// How many digits after the point may be asked for.
const MAX_PRECISION: usize = 100;

/// Fills the places of a pattern (`%s %d %f %e %x %X %o %b %%`) with values.
pub(super) fn format(pattern: &str, values: &Datum<'_>, meter: &Meter) -> Result<String, Fault> {
    if !values.is_list() {
        return Err(no_overload("format", std::slice::from_ref(values)));
    }
    let (mut text, mut rest, mut place) = (String::new(), pattern, 0);
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let (precision, verb, after) = clause(rest)?;
        let value = values
            .item(place)
            .ok_or_else(|| Fault::of_function("format", format!("index {place} out of range")))?;
        place += 1;
        let filled = filled(verb, precision, &value, meter)?;
        meter.spend_bytes(filled.len())?;
        text.push_str(&filled);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

fn clause(text: &str) -> Result<(Option<usize>, char, &str), Fault> {
    let unknown = || Fault::of_function("format", "could not parse formatting clause");
    let (precision, rest) = match text.strip_prefix('.') {
        Some(after) => {
            let end = after
                .find(|it: char| !it.is_ascii_digit())
                .ok_or_else(unknown)?;
            let digits: usize = after[..end].parse().map_err(|_| unknown())?;
            if digits > MAX_PRECISION {
                let cause = format!("more than {MAX_PRECISION} digits after the point");
                return Err(Fault::of_function("format", cause));
            }
            (Some(digits), &after[end..])
        }
        None => (None, text),
    };
    let verb = rest.chars().next().ok_or_else(unknown)?;
    Ok((precision, verb, &rest[verb.len_utf8()..]))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the verb prints a double, whatever it is given"
)]
fn filled(
    verb: char,
    precision: Option<usize>,
    value: &Datum<'_>,
    meter: &Meter,
) -> Result<String, Fault> {
    meter.spend(1)?;
    let digits = precision.unwrap_or(6);
    Ok(match (verb, value) {
        ('s', _) => listed(value, meter)?,
        ('d', Datum::Int(_) | Datum::Uint(_)) => shown(value).into(),
        ('f', Datum::Double(float)) => format!("{float:.digits$}"),
        ('f', Datum::Int(whole)) => format!("{:.digits$}", *whole as f64),
        ('e', Datum::Double(float)) => format!("{float:.digits$e}"),
        ('x', Datum::Int(whole)) => format!("{whole:x}"),
        ('x', Datum::Uint(whole)) => format!("{whole:x}"),
        ('X', Datum::Int(whole)) => format!("{whole:X}"),
        ('X', Datum::Uint(whole)) => format!("{whole:X}"),
        ('o', Datum::Int(whole)) => format!("{whole:o}"),
        ('o', Datum::Uint(whole)) => format!("{whole:o}"),
        ('b', Datum::Int(whole)) => format!("{whole:b}"),
        ('b', Datum::Uint(whole)) => format!("{whole:b}"),
        ('b', Datum::Bool(flag)) => format!("{}", u8::from(*flag)),
        _ => {
            let cause = format!("%{verb} can't show a value of type {}", value.type_name());
            return Err(Fault::of_function("format", cause));
        }
    })
}

/// `[a, b]` of lists of scalars.
fn listed(value: &Datum<'_>, meter: &Meter) -> Result<String, Fault> {
    if !value.is_list() {
        return Ok(shown(value).into());
    }
    let mut items: Vec<String> = Vec::new();
    for item in value.elements(meter)?.unwrap_or_default() {
        let text = shown(&item);
        meter.spend_bytes(text.len() + 1)?;
        items.push(text.into());
    }
    Ok(format!("[{}]", items.join(", ")))
}
