//! The `Canary` whose traffic is routed.

use super::RouterError;
use super::settings::{Ownership, RouterSettings};
use serde::Serialize;
use std::collections::BTreeMap;
use trueup_kinds::canary::{Canary, CanaryAnalysis, CanaryService, ServiceNames, SessionAffinity};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, encode, value};

/// Marks an object as one that Flux's kustomize-controller leaves alone.
pub(super) const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// Marks an object as one whose drift Flux's helm-controller leaves alone.
pub(super) const DRIFT_DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";
/// The value of both marks.
pub(super) const DISABLED: &str = "disabled";
/// In the keys of labels and annotations by which Flux knows its objects.
pub(super) const TOOLKIT: &str = "toolkit.fluxcd.io";

/// The `Canary` whose traffic is routed, the names of its Services and what is
/// configured.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) canary: &'a Canary,
    pub(super) names: &'a ServiceNames,
    pub(super) settings: &'a RouterSettings,
}

impl<'a> Subject<'a> {
    pub(super) fn service(&self) -> &'a CanaryService {
        &self.canary.spec.service
    }

    pub(super) fn analysis(&self) -> &'a CanaryAnalysis {
        &self.canary.spec.analysis
    }

    pub(super) fn namespace(&self) -> &'a str {
        &self.canary.metadata.namespace
    }

    /// The provider as it was asked for.
    pub(super) fn provider_name(&self) -> &'a str {
        self.canary
            .spec
            .provider_or(&self.settings.default_provider)
    }

    /// The port of the Services.
    pub(super) fn port(&self) -> i64 {
        self.service().port.into()
    }

    /// Whether only matching requests go to the canary.
    pub(super) fn is_matched(&self) -> bool {
        !self.analysis().matches.is_empty()
    }

    /// Cookies that keep a user with the canary; not where requests are told
    /// apart by a match.
    pub(super) fn affinity(&self) -> Option<&'a SessionAffinity> {
        let affinity = self.analysis().session_affinity.as_ref();
        affinity.filter(|_| !self.is_matched())
    }

    /// A reference to an object in the namespace of the `Canary`.
    pub(super) fn reference(&self, api_version: &str, kind: &str, name: &str) -> ObjectRef {
        ObjectRef {
            kind: GroupVersionKind::new(api_version, kind),
            namespace: self.namespace().into(),
            name: name.into(),
        }
    }

    /// `name.namespace` of an object in the namespace of the `Canary`.
    pub(super) fn qualified(&self, name: &str) -> String {
        format!("{name}.{}", self.namespace())
    }

    /// The labels that `service.apex` asks for.
    pub(super) fn apex_labels(&self) -> BTreeMap<Text, Text> {
        let apex = self.service().apex.as_ref();
        apex.map(|apex| apex.labels.clone()).unwrap_or_default()
    }

    /// The annotations that `service.apex` asks for, and the marks that keep
    /// Flux away.
    pub(super) fn apex_annotations(&self) -> BTreeMap<Text, Option<Text>> {
        let apex = self.service().apex.as_ref();
        let given = apex.map(|apex| apex.annotations.clone());
        let given = given.unwrap_or_default().into_iter();
        given
            .map(|(key, value)| (key, Some(value)))
            .chain(hands_off())
            .collect()
    }

    /// Who owns generated objects, if anybody can.
    pub(super) fn owner_reference(&self) -> Option<Value> {
        let metadata = &self.canary.metadata;
        (self.settings.ownership == Ownership::Owned).then(|| {
            value!({
                "apiVersion": "flagger.app/v1beta1",
                "kind": "Canary",
                "name": metadata.name.clone(),
                "uid": metadata.uid.clone(),
                "controller": true,
                "blockOwnerDeletion": true,
            })
        })
    }

    /// Whether a live object has this `Canary` as its owner.
    pub(super) fn owns(&self, live: &Value) -> bool {
        let owners = live.at(&["metadata", "ownerReferences"]);
        let owners = owners.and_then(Value::as_list).unwrap_or_default();
        owners.iter().any(|owner| {
            owner.str_at(&["kind"]) == Some("Canary")
                && owner.str_at(&["uid"]) == Some(self.canary.metadata.uid.as_str())
        })
    }
}

/// The marks that keep Flux away from an object.
pub(super) fn hands_off() -> [(Text, Option<Text>); 2] {
    [RECONCILE, DRIFT_DETECTION].map(|key| (key.into(), Some(DISABLED.into())))
}

/// Whether a live object carries both marks that keep Flux away.
pub(super) fn has_hands_off(live: &Value) -> bool {
    [RECONCILE, DRIFT_DETECTION]
        .iter()
        .all(|key| live.str_at(&["metadata", "annotations", key]) == Some(DISABLED))
}

/// A part of a `Canary` as the tree that goes into an object.
pub(super) fn tree<T: Serialize>(part: &T) -> Result<Value, RouterError> {
    encode(part).map_err(|error| RouterError::invalid(error.to_string()))
}

/// Whether a label is copied to generated objects.
pub(super) fn is_included(key: &str, prefixes: &[Text]) -> bool {
    !key.contains(TOOLKIT)
        && prefixes
            .iter()
            .any(|prefix| prefix == "*" || (!prefix.is_empty() && key.starts_with(prefix.as_str())))
}
