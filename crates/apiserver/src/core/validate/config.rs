//! ConfigMaps and Secrets.

use super::at::{At, Causes};
use super::text_rules::config_key_errors;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trueup_object::Value;

/// How much data a ConfigMap or Secret may hold.
pub const MAX_DATA_BYTES: usize = 1024 * 1024;
const WHEN_SET: &str = "field is immutable when `immutable` is set";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const REDACTED: &str = "\"<secret contents redacted>\"";

pub(super) fn config_map(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    if let Some(live) = live {
        sealed(&mut causes, object, live, &["data", "binaryData"]);
    }
    let (data, binary) = (root.get("data"), root.get("binaryData"));
    let mut size = 0;
    for (key, value) in data.entries() {
        size += value.text().len();
        key_rules(&mut causes, key, &value);
        if binary.get(key).is_set() {
            let detail = "duplicate of key present in binaryData";
            key_fault(&mut causes, key, &value, detail);
        }
    }
    for (key, value) in binary.entries() {
        size += decoded_length(value.text());
        key_rules(&mut causes, key, &value);
    }
    if size > MAX_DATA_BYTES {
        At::root(object).too_long(&mut causes, MAX_DATA_BYTES);
    }
    causes
}

fn key_rules(causes: &mut Causes, key: &str, at: &At<'_>) {
    for error in config_key_errors(key) {
        key_fault(causes, key, at, &error);
    }
}

fn key_fault(causes: &mut Causes, key: &str, at: &At<'_>, detail: &str) {
    let cause = crate::core::status::Cause::invalid(at.path(), format!("{key:?}"), detail);
    causes.push(cause);
}

/// How long data in base64 is.
fn decoded_length(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

/// Data that was declared immutable.
fn sealed(causes: &mut Causes, new: &Value, live: &Value, fields: &[&str]) {
    let (new, live) = (At::root(new), At::root(live));
    if !live.get("immutable").is_true() {
        return;
    }
    if !new.get("immutable").is_true() {
        new.get("immutable").forbidden(causes, WHEN_SET);
    }
    for field in fields {
        if new.get(field).value() != live.get(field).value() {
            new.get(field).forbidden(causes, WHEN_SET);
        }
    }
}

pub(super) fn secret(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    if let Some(live) = live {
        if root.get("type").value() != live.get("type") {
            root.get("type").invalid(&mut causes, "field is immutable");
        }
        sealed(&mut causes, object, live, &["data"]);
    }
    let data = root.get("data");
    let mut size = 0;
    for (key, value) in data.entries() {
        size += decoded_length(value.text());
        key_rules(&mut causes, key, &value);
    }
    if size > MAX_DATA_BYTES {
        data.too_long(&mut causes, MAX_DATA_BYTES);
    }
    by_type(&mut causes, &root);
    causes
}

fn by_type(causes: &mut Causes, root: &At<'_>) {
    let data = root.get("data");
    let mut require = |key: &str| {
        if !data.get(key).is_set() {
            data.get(key)
                .called(format!("data[{key}]"))
                .required(causes, "");
        }
    };
    match root.get("type").text() {
        "kubernetes.io/service-account-token" => {
            let name = root.at(&["metadata", "annotations"]).get(ACCOUNT);
            if name.text().is_empty() {
                name.called(format!("metadata.annotations[{ACCOUNT}]"))
                    .required(causes, "");
            }
        }
        "kubernetes.io/dockercfg" => docker_config(causes, &data, ".dockercfg"),
        "kubernetes.io/dockerconfigjson" => docker_config(causes, &data, ".dockerconfigjson"),
        "kubernetes.io/basic-auth"
            if !["username", "password"]
                .iter()
                .any(|key| data.get(key).is_set()) =>
        {
            require("username");
            require("password");
        }
        "kubernetes.io/ssh-auth" if data.get("ssh-privatekey").text().is_empty() => {
            data.get("ssh-privatekey")
                .called("data[ssh-privatekey]".to_owned())
                .required(causes, "");
        }
        "kubernetes.io/tls" => {
            require("tls.crt");
            require("tls.key");
        }
        _ => {}
    }
}

/// The configuration of a registry is a JSON object.
fn docker_config(causes: &mut Causes, data: &At<'_>, key: &str) {
    let value = data.get(key).called(format!("data[{key}]"));
    if !value.is_set() {
        return value.required(causes, "");
    }
    let bytes = STANDARD.decode(value.text()).unwrap_or_default();
    if let Some(why) = json_object_error(&bytes) {
        causes.push(crate::core::status::Cause::invalid(
            value.path(),
            REDACTED,
            &why,
        ));
    }
}

/// Why bytes are no JSON object, in the words of the API server's decoder.
fn json_object_error(bytes: &[u8]) -> Option<String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Some("unexpected end of JSON input".to_owned());
    }
    let kind = match trueup_object::from_json(bytes) {
        Ok(Value::Map(_) | Value::Null) => return None,
        Ok(Value::List(_)) => "array",
        Ok(Value::String(_)) => "string",
        Ok(Value::Bool(_)) => "bool",
        Ok(_) => "number",
        Err(_) => {
            let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
            let first = first.map_or('\0', |b| char::from(*b));
            return Some(format!(
                "invalid character '{first}' looking for beginning of value"
            ));
        }
    };
    Some(format!(
        "json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    ))
}
