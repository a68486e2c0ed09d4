//! Objects that SOPS has encrypted, where nothing decrypts them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use trueup_object::{Value, to_json, value};

/// What stands in the place of an encrypted value, as in flux.
pub const ENCRYPTED_MASK: &str = "**SOPS**";

/// What happens to objects that SOPS has encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encrypted {
    /// The render fails and names them: what they hold must not be applied.
    #[default]
    Refused,
    /// Values of Secrets are replaced by [`ENCRYPTED_MASK`]: for looking at a
    /// build where there are no keys.
    Masked,
}

/// Whether an object carries the metadata of SOPS.
pub(crate) fn is_encrypted(object: &Value) -> bool {
    object.at(&["sops", "mac"]).is_some() || (is_secret(object) && object.get("sops").is_some())
}

/// Masks what is encrypted in a Secret: all values if SOPS has encrypted the
/// manifest, else those that are encrypted files. Other objects stay.
pub(crate) fn mask(object: &mut Value) {
    if !is_secret(object) {
        return;
    }
    let is_whole = is_encrypted(object);
    object.remove_at(&["sops"]);
    let shown = mask_of(object);
    let encoded = BASE64_STANDARD.encode(&shown);
    for (place, mask) in [("data", encoded), ("stringData", shown)] {
        let Some(values) = object.get(place).and_then(Value::as_map) else {
            continue;
        };
        let hides = |value: &Value| is_whole || is_encrypted_text(place, value);
        let masked: Value = values
            .iter()
            .map(|(key, value)| {
                let value = if hides(value) {
                    Value::string(mask.as_str())
                } else {
                    value.clone()
                };
                (key.clone(), value)
            })
            .collect::<trueup_object::Map>()
            .into();
        object.set_at(&[place], masked);
    }
}

fn is_secret(object: &Value) -> bool {
    object.str_at(&["kind"]) == Some("Secret")
}

/// Registry credentials are JSON: their mask is too.
fn mask_of(secret: &Value) -> String {
    if secret.str_at(&["type"]) == Some("kubernetes.io/dockerconfigjson") {
        let json = to_json(&value!({"mask": ENCRYPTED_MASK}));
        return String::from_utf8_lossy(&json).into_owned();
    }
    ENCRYPTED_MASK.to_owned()
}

fn is_encrypted_text(place: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let text = match place {
        "data" => BASE64_STANDARD.decode(text).unwrap_or_default(),
        _ => text.as_bytes().to_vec(),
    };
    let holds = |part: &[u8]| text.windows(part.len()).any(|it| it == part);
    holds(b"sops") && holds(b"ENC[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_secret_keeps_its_keys_only() {
        let mut secret = value!({
            "kind": "Secret", "data": {"a": "RU5D"}, "stringData": {"b": "ENC[x]"},
            "sops": {"mac": "ENC[y]"},
        });
        mask(&mut secret);
        let expected = value!({
            "kind": "Secret", "data": {"a": "KipTT1BTKio="}, "stringData": {"b": "**SOPS**"},
        });
        assert_eq!(secret, expected);
    }

    #[test]
    fn an_encrypted_file_in_a_secret_is_masked_and_the_rest_is_left() {
        let file = BASE64_STANDARD.encode("a: ENC[x]\nsops: {}\n");
        let mut secret = value!({"kind": "Secret", "data": {"file": file, "plain": "cGxhaW4="}});
        mask(&mut secret);
        let expected =
            value!({"kind": "Secret", "data": {"file": "KipTT1BTKio=", "plain": "cGxhaW4="}});
        assert_eq!(secret, expected);
    }

    #[test]
    fn registry_credentials_stay_json() {
        let mut secret = value!({
            "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": "ENC[x]"}, "sops": {"mac": "ENC[y]"},
        });
        mask(&mut secret);
        let text = secret.str_at(&["stringData", ".dockerconfigjson"]);
        assert_eq!(text, Some("{\"mask\":\"**SOPS**\"}"));
    }

    #[test]
    fn other_objects_stay() {
        let mut config = value!({"kind": "ConfigMap", "data": {"a": "ENC[x] sops"}});
        let before = config.clone();
        mask(&mut config);
        assert_eq!(config, before);
    }
}
