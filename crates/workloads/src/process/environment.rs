//! The environment of a container's process. Nothing of the node's own
//! environment is in it. Pure: ConfigMaps and Secrets are given.

use super::expansion::expand;
use super::machine::Invocation;
use super::supervisor::Order;
use crate::pod::pod_ip;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use trueup_object::{Text, Value};

/// Names and values of variables and all arguments of one process.
pub(super) const MAX_ORDER_TEXT_BYTES: usize = 1024 * 1024;

/// Where programs look for others, as in most images.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables by which a loader takes code into any program.
const LOADER_PREFIXES: [&str; 2] = ["LD_", "DYLD_"];

/// What holds values for variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SourceKind {
    ConfigMap,
    Secret,
}

impl SourceKind {
    /// `kind` in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    fn fields(self) -> (&'static str, &'static str) {
        match self {
            Self::ConfigMap => ("configMapKeyRef", "configMapRef"),
            Self::Secret => ("secretKeyRef", "secretRef"),
        }
    }

    fn value(self, object: &Value, key: &str) -> Option<Result<String, String>> {
        let text = object.get("data")?.get(key)?.as_str()?;
        if self == Self::ConfigMap {
            return Some(Ok(text.to_owned()));
        }
        let bytes = STANDARD.decode(text).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        // Of a Secret nothing is quoted but names.
        Some(text.ok_or_else(|| format!("key {key} in Secret is no UTF-8 text")))
    }
}

const KINDS: [SourceKind; 2] = [SourceKind::ConfigMap, SourceKind::Secret];

/// A ConfigMap or Secret of the Pod's namespace.
pub(super) type Source = (SourceKind, Text);

/// The sources as they were found; `None` for one that is not there.
pub(super) type Sources = BTreeMap<Source, Option<Value>>;

/// The sources that a container's environment needs.
pub(super) fn sources_of(container: &Value) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    let mut add = |kind, reference: Option<&Value>| {
        let name = reference
            .and_then(|it| it.str_at(&["name"]))
            .unwrap_or_default();
        if !name.is_empty() {
            sources.push((kind, name.into()));
        }
    };
    for kind in KINDS {
        let (key, whole) = kind.fields();
        entries(container, "env")
            .iter()
            .for_each(|it| add(kind, it.at(&["valueFrom", key])));
        entries(container, "envFrom")
            .iter()
            .for_each(|it| add(kind, it.get(whole)));
    }
    sources.sort();
    sources.dedup();
    sources
}

fn entries<'a>(container: &'a Value, key: &str) -> &'a [Value] {
    container
        .get(key)
        .and_then(Value::as_list)
        .unwrap_or_default()
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

/// The variables of a container, or why they can't be had. `own` are those
/// that the node sets; a Pod may refer to them and can't change them.
pub(super) fn environment_of(
    pod: &Value,
    container: &Value,
    own: Vec<(String, String)>,
    sources: &Sources,
) -> Result<BTreeMap<String, String>, String> {
    let name = pod.str_at(&["metadata", "name"]).unwrap_or_default();
    let mut variables: BTreeMap<String, String> =
        [("PATH", PATH), ("HOME", "/"), ("HOSTNAME", name)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    variables.extend(own.iter().cloned());
    for entry in entries(container, "envFrom") {
        whole_source(pod, entry, sources, &mut variables)?;
    }
    variables.extend(own.iter().cloned());
    for entry in entries(container, "env") {
        let name = entry.str_at(&["name"]).unwrap_or_default();
        if own.iter().any(|(own, _)| own == name) {
            return Err(format!("env {name}: the node itself sets this variable"));
        }
        if let Some(value) = one_value(pod, name, entry, sources, &variables)? {
            variables.insert(name.to_owned(), value);
        }
    }
    check(&variables)?;
    Ok(variables)
}

fn found<'a>(
    pod: &Value,
    kind: SourceKind,
    reference: &Value,
    sources: &'a Sources,
) -> Result<Option<&'a Value>, String> {
    let name = reference.str_at(&["name"]).unwrap_or_default();
    let object = sources.get(&(kind, name.into())).and_then(Option::as_ref);
    let namespace = pod.str_at(&["metadata", "namespace"]).unwrap_or_default();
    match object {
        None if !flag(reference, "optional") => Err(format!(
            "{} \"{namespace}/{name}\" not found",
            kind.name().to_lowercase()
        )),
        object => Ok(object),
    }
}

/// One entry of `envFrom`.
fn whole_source(
    pod: &Value,
    entry: &Value,
    sources: &Sources,
    variables: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let prefix = entry.str_at(&["prefix"]).unwrap_or_default();
    for kind in KINDS {
        let Some(reference) = entry.get(kind.fields().1) else {
            continue;
        };
        let object = found(pod, kind, reference, sources)?;
        let data = object.and_then(|it| it.get("data")).and_then(Value::as_map);
        for key in data.into_iter().flat_map(|data| data.keys()) {
            if let Some(value) = object.and_then(|it| kind.value(it, key)) {
                variables.insert(format!("{prefix}{key}"), value?);
            }
        }
    }
    Ok(())
}

/// The value of one entry of `env`; `None` where an optional one is missing.
fn one_value(
    pod: &Value,
    name: &str,
    entry: &Value,
    sources: &Sources,
    variables: &BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    let Some(from) = entry.get("valueFrom").filter(|it| !it.is_null()) else {
        let text = entry.str_at(&["value"]).unwrap_or_default();
        return Ok(Some(expand(text, variables)));
    };
    for kind in KINDS {
        if let Some(reference) = from.get(kind.fields().0) {
            return key_value(pod, kind, reference, sources);
        }
    }
    match from.str_at(&["fieldRef", "fieldPath"]) {
        Some(path) => field(pod, path)
            .map(Some)
            .ok_or_else(|| format!("env {name}: the process node knows no field {path}")),
        None => Err(format!(
            "env {name}: valueFrom has none of fieldRef, configMapKeyRef, secretKeyRef"
        )),
    }
}

fn key_value(
    pod: &Value,
    kind: SourceKind,
    reference: &Value,
    sources: &Sources,
) -> Result<Option<String>, String> {
    let key = reference.str_at(&["key"]).unwrap_or_default();
    let Some(object) = found(pod, kind, reference, sources)? else {
        return Ok(None);
    };
    match kind.value(object, key) {
        Some(value) => value.map(Some),
        None if flag(reference, "optional") => Ok(None),
        None => {
            let namespace = pod.str_at(&["metadata", "namespace"]).unwrap_or_default();
            let source = reference.str_at(&["name"]).unwrap_or_default();
            Err(format!(
                "couldn't find key {key} in {} {namespace}/{source}",
                kind.name()
            ))
        }
    }
}

/// A field of the Pod by its path; `None` for one that is not offered.
fn field(pod: &Value, path: &str) -> Option<String> {
    let text = |path: &[&str]| Some(pod.str_at(path).unwrap_or_default().to_owned());
    if let Some((map, key)) = path
        .strip_suffix("']")
        .and_then(|path| path.split_once("['"))
    {
        return match map {
            "metadata.labels" => text(&["metadata", "labels", key]),
            "metadata.annotations" => text(&["metadata", "annotations", key]),
            _ => None,
        };
    }
    match path {
        "metadata.name" => text(&["metadata", "name"]),
        "metadata.namespace" => text(&["metadata", "namespace"]),
        "metadata.uid" => text(&["metadata", "uid"]),
        "spec.nodeName" => text(&["spec", "nodeName"]),
        "spec.serviceAccountName" => text(&["spec", "serviceAccountName"]),
        "status.podIP" | "status.podIPs" => {
            Some(pod_ip(&text(&["metadata", "uid"]).unwrap_or_default()).to_string())
        }
        "status.hostIP" | "status.hostIPs" => Some("10.0.0.1".to_owned()),
        _ => None,
    }
}

fn check(variables: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err("env: a name is empty or has = or NUL in it".to_owned());
        }
        if value.contains('\0') {
            return Err(format!("env {name}: NUL in a value"));
        }
        if LOADER_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            return Err(format!(
                "env {name}: variables that load code into a program are not passed on"
            ));
        }
    }
    Ok(())
}

/// What a supervisor is ordered to run: the program of an image with its own
/// arguments, then the Pod's words with their references replaced.
pub(super) fn order_of(
    invocation: &Invocation,
    environment: &BTreeMap<String, String>,
    expanding: Expanding,
) -> Result<Order, String> {
    let program = &invocation.program;
    let path = program.path.to_str();
    let words = invocation.words.iter().map(|word| match expanding {
        Expanding::References => expand(word, environment),
        Expanding::Nothing => word.clone(),
    });
    let arguments: Vec<String> = program.arguments.iter().cloned().chain(words).collect();
    if arguments.iter().any(|it| it.contains('\0')) {
        return Err("NUL in an argument".to_owned());
    }
    let variables = environment
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2);
    let bytes: usize = arguments
        .iter()
        .map(|it| it.len() + 1)
        .chain(variables)
        .sum();
    if bytes > MAX_ORDER_TEXT_BYTES {
        return Err(format!(
            "arguments and environment have {bytes} bytes, more than {MAX_ORDER_TEXT_BYTES} (MAX_ORDER_TEXT_BYTES)"
        ));
    }
    Ok(Order {
        program: path
            .ok_or("the path of the image's program is no text")?
            .to_owned(),
        arguments,
        environment: environment.clone(),
    })
}

/// Whether `$(NAME)` stands for a variable: in commands and arguments it does,
/// in the commands of probes and hooks it doesn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expanding {
    References,
    Nothing,
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
