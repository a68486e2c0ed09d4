//! ConfigMaps and Secrets that the target's Pods read.

mod copies;
mod references;

pub(super) use copies::copy_configs;
pub(super) use references::{Mandate, visit_references};

use super::go_json::go_json;
use super::metadata::map_at;
use super::snapshot::short_digest;
use super::{ConfigTracking, TargetError, TargetKind, View};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use trueup_kinds::canary::CanaryStatus;
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};

/// The annotation that takes a ConfigMap or Secret out of tracking, if its
/// value begins with `disable`.
const TRACKING: &str = "flagger.app/config-tracking";

/// The types of Secrets that are tracked; others belong to registries and
/// service accounts.
const TRACKED_SECRETS: [&str; 4] = [
    "Opaque",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/tls",
];

/// What stands between the digests of texts and of bytes.
const BINARY_SEPARATOR: char = '-';

/// What a configuration is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// A ConfigMap or Secret in the namespace of the `Canary`; written
/// `configmap/NAME` or `secret/NAME`, as in `status.trackedConfigs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigRef {
    /// ConfigMap or Secret.
    pub kind: ConfigKind,
    /// Name.
    pub name: Text,
}

impl ConfigRef {
    fn object(&self, view: &View<'_>) -> ObjectRef {
        let kind = match self.kind {
            ConfigKind::ConfigMap => "ConfigMap",
            ConfigKind::Secret => "Secret",
        };
        view.local(GroupVersionKind::new("v1", kind), self.name.clone())
    }
}

impl fmt::Display for ConfigRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ConfigKind::ConfigMap => "configmap",
            ConfigKind::Secret => "secret",
        };
        write!(formatter, "{kind}/{}", self.name)
    }
}

/// The tracked configurations of a workload as they were read.
pub(super) type Configs<'a> = BTreeMap<ConfigRef, &'a Value>;

/// The configurations that a workload refers to and that are tracked: they
/// exist, are of a type that is, and do not ask to be left out. Fails if one
/// is missing that is not optional.
pub(super) fn configs_of<'a>(
    view: &View<'a>,
    workload: &Value,
) -> Result<Configs<'a>, TargetError> {
    if view.options.config_tracking == ConfigTracking::Disabled {
        return Ok(Configs::new());
    }
    let references = references::references_of(workload);
    let objects: Vec<ObjectRef> = references.keys().map(|it| it.object(view)).collect();
    view.observed.all_read(&objects)?;
    let mut configs = Configs::new();
    for ((reference, mandate), object) in references.into_iter().zip(&objects) {
        match view.observed.optional(object)? {
            Some(found) if is_tracked(reference.kind, found) => {
                configs.insert(reference, found);
            }
            None if mandate == Mandate::Required => {
                return Err(TargetError::not_found(object).within("GetTargetConfigs failed"));
            }
            _ => {}
        }
    }
    Ok(configs)
}

fn is_tracked(kind: ConfigKind, object: &Value) -> bool {
    let left_out = object
        .str_at(&["metadata", "annotations", TRACKING])
        .is_some_and(|value| value.starts_with("disable"));
    let secret_type = object.str_at(&["type"]).unwrap_or("Opaque");
    !left_out && (kind == ConfigKind::ConfigMap || TRACKED_SECRETS.contains(&secret_type))
}

/// The names alone.
pub(super) fn names_of(configs: &Configs<'_>) -> BTreeSet<ConfigRef> {
    configs.keys().cloned().collect()
}

/// Digests of the target's tracked configurations, for
/// `status.trackedConfigs`. `None` for a Service and where tracking is off:
/// then the status has no such field.
pub fn tracked_configs(view: &View<'_>) -> Result<Option<BTreeMap<Text, Text>>, TargetError> {
    let tracks = view.options.config_tracking == ConfigTracking::Enabled;
    if !tracks || view.kind()? == TargetKind::Service {
        return Ok(None);
    }
    let configs = configs_of(view, view.target()?)?;
    let digests = configs.iter().map(|(reference, object)| {
        let name = Text::from(reference.to_string());
        (name, checksum(object))
    });
    Ok(Some(digests.collect()))
}

/// The digest of a configuration: Flagger's, of its texts (for a Secret, its
/// values in base64), and with bytes (`binaryData`) a second one of these.
fn checksum(object: &Value) -> Text {
    let texts = map_at(object, &["data"]);
    // Go writes a map that was never made as null.
    let texts = if texts.is_empty() {
        Value::Null
    } else {
        texts.into()
    };
    let bytes = map_at(object, &["binaryData"]);
    let digest = short_digest(&go_json(&texts));
    if bytes.is_empty() {
        return digest.into();
    }
    format!(
        "{digest}{BINARY_SEPARATOR}{}",
        short_digest(&go_json(&bytes.into()))
    )
    .into()
}

/// Whether the tracked configurations are other than those that the status
/// remembers: one is new, gone, or has changed. A status that Flagger wrote
/// says nothing of bytes, so that these are not compared with it.
#[must_use]
pub fn configs_changed(status: &CanaryStatus, current: Option<&BTreeMap<Text, Text>>) -> bool {
    let Some(current) = current else {
        return false;
    };
    let Some(remembered) = &status.tracked_configs else {
        return !current.is_empty();
    };
    let texts_only = status.last_tracked_revision.is_empty();
    let same = |name: &Text, digest: &Text| {
        let comparable = match digest.split_once(BINARY_SEPARATOR) {
            Some((texts, _)) if texts_only => texts,
            _ => digest.as_str(),
        };
        remembered.get(name).is_some_and(|old| old == comparable)
    };
    remembered.len() != current.len() || !current.iter().all(|(name, digest)| same(name, digest))
}
