//! ConfigMaps and Secrets made of literals and files.

mod pairs;

use crate::BuildError;
use crate::files::Files;
use crate::kustomization::{GeneratorOptions, GeneratorRule, Pairs};
use crate::node::{Node, Scalar};
use crate::resource::Resource;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use trueup_artifact::TreePath;

/// How long a line of base64 is.
const LINE_BYTES: usize = 70;

/// The ConfigMap of an entry of `configMapGenerator`.
pub(crate) fn config_map(
    files: &mut Files<'_>,
    folder: &TreePath,
    rule: &GeneratorRule,
    options: Option<&GeneratorOptions>,
) -> Result<Resource, BuildError> {
    let mut object = base("ConfigMap", rule)?;
    for (key, value) in pairs::read(files, folder, rule)? {
        let (field, text) = match String::from_utf8(value) {
            Ok(text) => ("data", text),
            Err(error) => ("binaryData", in_lines(error.as_bytes())),
        };
        object.set_at(&[field, &key], Node::string(text));
    }
    Ok(finish(object, rule, options))
}

/// The Secret of an entry of `secretGenerator`.
pub(crate) fn secret(
    files: &mut Files<'_>,
    folder: &TreePath,
    rule: &GeneratorRule,
    options: Option<&GeneratorOptions>,
) -> Result<Resource, BuildError> {
    let mut object = base("Secret", rule)?;
    let kind = match rule.secret_type.as_str() {
        "" => "Opaque",
        kind => kind,
    };
    object.set_at(&["type"], Node::string(kind));
    object.set_at(&["data"], Node::map());
    for (key, value) in pairs::read(files, folder, rule)? {
        object.set_at(&["data", &key], Node::string(in_lines(&value)));
    }
    Ok(finish(object, rule, options))
}

fn base(kind: &str, rule: &GeneratorRule) -> Result<Node, BuildError> {
    if rule.name.is_empty() {
        return Err(BuildError::Generator {
            position: rule.position.clone(),
            message: format!("a {kind} must have a name"),
        });
    }
    let mut object = Node::map();
    object.set_at(&["apiVersion"], Node::string("v1"));
    object.set_at(&["kind"], Node::string(kind));
    object.set_at(&["metadata", "name"], Node::string(rule.name.clone()));
    if !rule.namespace.is_empty() {
        let namespace = Node::string(rule.namespace.clone());
        object.set_at(&["metadata", "namespace"], namespace);
    }
    Ok(object)
}

/// Options of the entry itself win over those of the root; what either
/// disables is disabled.
fn finish(mut object: Node, rule: &GeneratorRule, global: Option<&GeneratorOptions>) -> Resource {
    let options = [global, rule.options.as_ref()];
    for options in options.into_iter().flatten() {
        set_all(&mut object, "labels", &options.labels);
        set_all(&mut object, "annotations", &options.annotations);
        if options.immutable {
            object.set_at(&["immutable"], Node::Scalar(Scalar::plain("true")));
        }
    }
    let hashes = |options: &GeneratorOptions| !options.disable_name_suffix_hash;
    let needs_hash = options.into_iter().flatten().all(hashes);
    let mut resource = Resource::new(object, rule.position.clone());
    resource.behavior = rule.behavior;
    resource.needs_hash = needs_hash;
    resource
}

fn set_all(object: &mut Node, place: &str, pairs: &Pairs) {
    for (key, value) in pairs {
        object.set_at(&["metadata", place, key], Node::string(value.clone()));
    }
}

/// Base64, in lines if it is longer than one.
fn in_lines(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < LINE_BYTES {
        return text;
    }
    let mut lines = String::with_capacity(text.len() + text.len() / LINE_BYTES + 1);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE_BYTES));
        lines.push_str(line);
        lines.push('\n');
        rest = more;
    }
    lines
}
