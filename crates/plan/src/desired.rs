//! What the source wants an object to be.

use crate::ignore::{JsonPointer, manifest_for};
use crate::scope::normal;
use crate::{Fingerprint, IgnoreRules};
use std::sync::Arc;
use trueup_kinds::names;
use trueup_object::{ObjectRef, Text, Value};

/// The Kustomization that objects belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
}

impl Owner {
    /// Whether an object carries both owner labels of this Kustomization.
    /// The labels alone never prove ownership: the inventory must agree.
    #[must_use]
    pub fn is_on(&self, object: &Value) -> bool {
        let label = |key: &str| object.str_at(&["metadata", "labels", key]);
        label(names::OWNER_NAME) == Some(&self.name)
            && label(names::OWNER_NAMESPACE) == Some(&self.namespace)
    }

    /// Writes both owner labels.
    pub fn put_on(&self, object: &mut Value) {
        object.set_at(
            &["metadata", "labels", names::OWNER_NAME],
            self.name.clone().into(),
        );
        object.set_at(
            &["metadata", "labels", names::OWNER_NAMESPACE],
            self.namespace.clone().into(),
        );
    }

    /// The selector text of a watch on everything that carries the labels.
    #[must_use]
    pub fn selector(&self) -> String {
        format!(
            "{}={},{}={}",
            names::OWNER_NAME,
            self.name,
            names::OWNER_NAMESPACE,
            self.namespace
        )
    }
}

/// One manifest, ready to be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    reference: ObjectRef,
    manifest: Value,
    fingerprint: Fingerprint,
    ignored: Vec<JsonPointer>,
    overridden: Arc<[Text]>,
}

impl Desired {
    /// Takes a manifest as rendered and brings it to the form that is
    /// applied: owner labels on; what only the server writes dropped
    /// (`status` but of definitions, `managedFields`, `uid`,
    /// `resourceVersion`, `creationTimestamp`, `generation`); the namespace of
    /// an object that has none dropped; a Secret's `stringData` moved to
    /// `data`. `None` if it names no object.
    #[must_use]
    pub fn new(mut manifest: Value, owner: &Owner) -> Option<Self> {
        let reference = normal(ObjectRef::of(&manifest)?);
        if reference.namespace.is_empty() {
            manifest.remove_at(&["metadata", "namespace"]);
        }
        owner.put_on(&mut manifest);
        for key in [
            "creationTimestamp",
            "generation",
            "managedFields",
            "resourceVersion",
            "uid",
            "selfLink",
        ] {
            manifest.remove_at(&["metadata", key]);
        }
        if reference.kind.kind != "CustomResourceDefinition" {
            manifest.remove_at(&["status"]);
        }
        if is_secret(&reference) {
            move_string_data(&mut manifest);
        }
        let fingerprint = Fingerprint::of(&manifest);
        Some(Self {
            reference,
            manifest,
            fingerprint,
            ignored: Vec::new(),
            overridden: Arc::default(),
        })
    }

    /// The same, with the fields that these rules name left to others.
    #[must_use]
    pub fn leaving(mut self, rules: &IgnoreRules) -> Self {
        self.ignored = rules.pointers_for(&self.manifest);
        if !self.ignored.is_empty() {
            // Other rules make another judgement of the same manifest.
            let rules = Fingerprint::of(&Value::from(format!("{:?}", self.ignored)));
            self.fingerprint = Fingerprint::of_all([self.fingerprint, rules]);
        }
        self
    }

    /// The same, taking over from these managers too (by prefix, whatever
    /// they do): Flux's `--override-manager`.
    #[must_use]
    pub fn overriding(mut self, managers: Arc<[Text]>) -> Self {
        self.overridden = managers;
        self
    }

    /// What is left to others.
    pub(crate) fn ignored(&self) -> &[JsonPointer] {
        &self.ignored
    }

    /// The managers that are taken over from beside the usual ones.
    pub(crate) fn overridden(&self) -> &[Text] {
        &self.overridden
    }

    /// The manifest to apply to what is there.
    #[must_use]
    pub fn manifest_for(&self, live: Option<&Value>) -> Value {
        match live {
            Some(live) if !self.ignored.is_empty() => {
                manifest_for(&self.manifest, live, &self.ignored, &self.overridden)
            }
            _ => self.manifest.clone(),
        }
    }

    /// The object's full name.
    #[must_use]
    pub fn reference(&self) -> &ObjectRef {
        &self.reference
    }

    /// The manifest to apply.
    #[must_use]
    pub fn manifest(&self) -> &Value {
        &self.manifest
    }

    /// The fingerprint of the manifest.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// Whether the values of an object must not be shown.
pub(crate) fn is_secret(object: &ObjectRef) -> bool {
    object.kind.group.is_empty() && object.kind.kind == "Secret"
}

/// Only text is moved: anything else is for the API to refuse.
fn move_string_data(manifest: &mut Value) {
    let is_text = |value: &Value| value.as_str().is_some();
    match manifest.get("stringData") {
        Some(Value::Map(texts)) if texts.values().all(is_text) => {}
        _ => return,
    }
    let Some(Value::Map(texts)) = manifest.remove_at(&["stringData"]) else {
        return;
    };
    for (key, text) in &texts {
        let text = text.as_str().unwrap_or_default();
        manifest.set_at(&["data", key], base64(text.as_bytes()).into());
    }
}

/// Base64 with padding, RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_usize, |group, byte| group << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[group >> (18 - 6 * place) & 63];
            text.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn a_manifest_is_brought_to_the_form_that_is_applied() {
        let owner = Owner {
            namespace: "flux-system".into(),
            name: "apps".into(),
        };
        let manifest = value!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "a", "creationTimestamp": null, "uid": "x"},
            "stringData": {"a": "x", "b": "xy", "c": "xyz", "d": ""},
            "status": {},
        });
        let desired = Desired::new(manifest, &owner).unwrap();
        assert!(owner.is_on(desired.manifest()));
        assert_eq!(
            desired.manifest().get("data"),
            Some(&value!({"a": "eA==", "b": "eHk=", "c": "eHl6", "d": ""}))
        );
        assert_eq!(desired.manifest().get("stringData"), None);
        assert_eq!(desired.manifest().get("status"), None);
        assert_eq!(desired.manifest().at(&["metadata", "uid"]), None);
        assert_eq!(Desired::new(value!({"kind": "X"}), &owner), None);
        let wrong = value!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": 1},
        });
        let desired = Desired::new(wrong, &owner).unwrap();
        assert_eq!(
            desired.manifest().get("stringData"),
            Some(&value!({"a": 1}))
        );
    }
}
