//! Keys and values from env files, literals and files.

use crate::BuildError;
use crate::files::{FileName, Files, file_position};
use crate::kustomization::GeneratorRule;
use std::collections::BTreeMap;
use trueup_artifact::TreePath;
use trueup_object::Position;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The keys and values of an entry; a key that comes twice is refused.
pub(super) fn read(
    files: &mut Files<'_>,
    folder: &TreePath,
    rule: &GeneratorRule,
) -> Result<BTreeMap<String, Vec<u8>>, BuildError> {
    let mut all = Vec::new();
    for file in &rule.envs {
        let (path, text) = files.read_text(folder, file, &rule.position)?;
        all.extend(env_pairs(&path, &text)?);
    }
    for literal in &rule.literals {
        all.push(literal_pair(literal, &rule.position)?);
    }
    for source in &rule.files {
        let (key, file) = file_source(source, &rule.position)?;
        let (_, bytes) = files.read(folder, file, &rule.position)?;
        all.push((key.to_owned(), bytes.to_vec()));
    }
    let mut pairs = BTreeMap::new();
    for (key, value) in all {
        if pairs.insert(key.clone(), value).is_some() {
            let message = format!("{} illegally repeats the key `{key}`", rule.name);
            return Err(refused(&rule.position, message));
        }
    }
    Ok(pairs)
}

type Pair = (String, Vec<u8>);

fn refused(position: &Position, message: String) -> BuildError {
    BuildError::Generator {
        position: position.clone(),
        message,
    }
}

/// `KEY=value` a line; a line without `=` is a key without a value. Lines that
/// are empty or begin with `#` say nothing.
fn env_pairs(name: &FileName, text: &str) -> Result<Vec<Pair>, BuildError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if key.is_empty() {
            let mut position = file_position(name);
            position.line = u32::try_from(number + 1).unwrap_or(u32::MAX);
            return Err(refused(
                &position,
                "a line has no key before its '='".to_owned(),
            ));
        }
        pairs.push((key.to_owned(), value.as_bytes().to_vec()));
    }
    Ok(pairs)
}

fn literal_pair(literal: &str, position: &Position) -> Result<Pair, BuildError> {
    match literal.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            Ok((key.to_owned(), unquoted(value).as_bytes().to_vec()))
        }
        _ => {
            let message = format!("invalid literal source {literal}, expected key=value");
            Err(refused(position, message))
        }
    }
}

/// The text without the quotes around it, if they are the same at both ends.
fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote) {
            return &text[1..text.len() - 1];
        }
    }
    text
}

/// `path` whose last segment is the key, or `key=path`.
fn file_source<'a>(source: &'a str, position: &Position) -> Result<(&'a str, &'a str), BuildError> {
    let Some((key, path)) = source.split_once('=') else {
        let name = source.trim_end_matches('/').rsplit('/').next();
        return Ok((name.unwrap_or(source), source));
    };
    let message = if key.is_empty() {
        format!("missing key name for file path {path:?} in source {source:?}")
    } else if path.is_empty() {
        format!("missing file path for key name {key:?} in source {source:?}")
    } else if path.contains('=') {
        format!("source {source:?} key name or file path contains '='")
    } else {
        return Ok((key, path));
    };
    Err(refused(position, message))
}
