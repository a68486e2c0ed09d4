//! Hashes of generated resources.

use crate::BuildError;
use crate::node::Node;
use crate::resource::Resource;
use crate::resources::Resources;
use sha2::{Digest, Sha256};
use trueup_object::{Value, to_json};

/// How many characters of the hash are kept.
const LENGTH: usize = 10;

/// Puts the hash of its content behind the name of every resource that was
/// generated with one.
pub(crate) fn add_suffixes(resources: &mut Resources) -> Result<(), BuildError> {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        let hash = hash(resource)?;
        resource.remember_id();
        let name = format!("{}-{hash}", resource.name());
        resource
            .node
            .set_at(&["metadata", "name"], Node::string(name));
    }
    Ok(())
}

/// The hash of a ConfigMap is that of its data, of a Secret that of its data
/// and type, of anything else that of the whole object. Names have a place in
/// it that is always empty.
pub(crate) fn hash(resource: &Resource) -> Result<String, BuildError> {
    let refused = |error: crate::node::OutputError| BuildError::Transformer {
        position: resource.position.clone(),
        message: format!("{}: {error}", resource.id()),
    };
    let object = resource.node.value().map_err(refused)?;
    let content = match resource.kind() {
        "ConfigMap" => config_map(&object),
        "Secret" => secret(&object),
        _ => object,
    };
    Ok(encoded(&escaped(&to_json(&content))))
}

fn member(object: &Value, path: &[&str], absent: &str) -> Value {
    object.at(path).cloned().unwrap_or_else(|| absent.into())
}

fn config_map(object: &Value) -> Value {
    let mut content = Value::map();
    content.set_at(&["data"], member(object, &["data"], ""));
    content.set_at(&["kind"], "ConfigMap".into());
    content.set_at(&["name"], "".into());
    if let Some(binary) = object.get("binaryData") {
        content.set_at(&["binaryData"], binary.clone());
    }
    content
}

fn secret(object: &Value) -> Value {
    let mut content = Value::map();
    content.set_at(&["data"], member(object, &["data"], ""));
    content.set_at(&["kind"], "Secret".into());
    content.set_at(&["name"], "".into());
    content.set_at(&["type"], member(object, &["type"], ""));
    if let Some(text) = object.get("stringData") {
        content.set_at(&["stringData"], text.clone());
    }
    content
}

/// JSON as Go prints it: characters that matter in HTML are escaped, and the
/// line separators of Unicode.
fn escaped(json: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(json);
    let mut made = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                made.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => made.push(other),
        }
    }
    made.into_bytes()
}

/// The beginning of the SHA-256 in hexadecimal, with letters in the place of
/// characters that could make words or be mistaken.
fn encoded(json: &[u8]) -> String {
    let digest = Sha256::digest(json);
    let hex = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    hex.take(LENGTH)
        .map(|digit| match digit {
            0 => 'g',
            1 => 'h',
            3 => 'k',
            10 => 'm',
            14 => 't',
            digit => char::from_digit(digit.into(), 16).unwrap_or('0'),
        })
        .collect()
}
