//! Templates of replacements.

use regex::Captures;

/// Digits of a number from which on it is a name.
const MAX_DIGITS: usize = 9;

/// The template with what its groups matched.
pub(super) fn expand(template: &str, captures: &Captures<'_>, names: &[Option<String>]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(behind) = after.strip_prefix('$') {
            out.push('$');
            rest = behind;
        } else if let Some((name, behind)) = reference(after) {
            out.push_str(group(name, captures, names));
            rest = behind;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out + rest
}

/// `name` or `{name}` at the start of `text`, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let body = inner.unwrap_or(text);
    let end = body
        .find(|character: char| !(character.is_alphanumeric() || character == '_'))
        .unwrap_or(body.len());
    let (name, rest) = body.split_at(end);
    if name.is_empty() {
        return None;
    }
    match inner {
        Some(_) => Some((name, rest.strip_prefix('}')?)),
        None => Some((name, rest)),
    }
}

/// What the group of a number or a name matched; of several groups of one
/// name the first one that matched counts.
fn group<'t>(name: &str, captures: &Captures<'t>, names: &[Option<String>]) -> &'t str {
    let text = |place: usize| captures.get(place).map(|found| found.as_str());
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit())
        && name.len() < MAX_DIGITS
        && (name == "0" || !name.starts_with('0'));
    if is_number {
        return name.parse().ok().and_then(text).unwrap_or_default();
    }
    let places = (0..names.len()).filter(|place| names[*place].as_deref() == Some(name));
    places.filter_map(text).next().unwrap_or_default()
}
