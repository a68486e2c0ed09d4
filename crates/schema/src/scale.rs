//! Owners of the one field that a Scale shares with the object it scales.

use crate::field_set::FieldSet;
use crate::managed::{ManagedEntry, Operation};
use trueup_object::{FieldPath, Text};

/// The version in which a Scale is written.
const SCALE_API_VERSION: &str = "autoscaling/v1";

/// Where each version of a kind keeps its replicas: `apiVersion` and path
/// (`None` for a version that can't be scaled).
pub type ReplicasPaths<'a> = &'a [(Text, Option<FieldPath>)];

fn replicas_of_scale() -> FieldPath {
    FieldPath::of_keys(&["spec", "replicas"])
}

fn path_in<'a>(paths: ReplicasPaths<'a>, api_version: &str) -> Option<&'a Option<FieldPath>> {
    paths
        .iter()
        .find(|(version, _)| version == api_version)
        .map(|(_, path)| path)
}

fn only(path: &FieldPath) -> FieldSet {
    [path.clone()].into_iter().collect()
}

/// The owners of an object as its Scale shows them: those of its replicas.
/// They go into the Scale before an apply or update of it.
#[must_use]
pub fn scale_owners(parent: &[ManagedEntry], paths: ReplicasPaths<'_>) -> Vec<ManagedEntry> {
    let owner = |entry: &ManagedEntry| {
        let path = path_in(paths, &entry.api_version)?.as_ref()?;
        entry.fields.contains(path).then(|| ManagedEntry {
            api_version: SCALE_API_VERSION.into(),
            fields: only(&replicas_of_scale()),
            ..entry.clone()
        })
    };
    parent.iter().filter_map(owner).collect()
}

/// The owners of an object after a write of its Scale in `api_version`:
/// owners of the replicas are those of the Scale. An owner that is new has no
/// time, as in Kubernetes.
#[must_use]
pub fn parent_owners(
    parent: &[ManagedEntry],
    scale: &[ManagedEntry],
    api_version: &str,
    paths: ReplicasPaths<'_>,
) -> Vec<ManagedEntry> {
    let same = |one: &ManagedEntry, other: &ManagedEntry| {
        one.operation == Operation::Apply && one.same_owner(other)
    };
    let mut owners: Vec<ManagedEntry> = Vec::with_capacity(parent.len() + 1);
    for entry in parent {
        let Some(path) = path_in(paths, &entry.api_version) else {
            continue;
        };
        let mut entry = entry.clone();
        if let Some(path) = path
            && !scale.iter().any(|of_scale| same(of_scale, &entry))
        {
            entry.fields = entry.fields.difference(&only(path));
        }
        if !entry.fields.is_empty() {
            owners.push(entry);
        }
    }
    let Some(Some(path)) = path_in(paths, api_version) else {
        return owners;
    };
    let new = scale
        .iter()
        .filter(|entry| entry.fields.contains(&replicas_of_scale()));
    for entry in new {
        if owners.iter().any(|owner| same(owner, entry)) {
            continue;
        }
        owners.push(ManagedEntry {
            api_version: api_version.into(),
            time: None,
            fields: only(path),
            ..entry.clone()
        });
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(
        manager: &str,
        operation: Operation,
        api_version: &str,
        subresource: &str,
        names: &[&[&str]],
    ) -> ManagedEntry {
        ManagedEntry {
            manager: manager.into(),
            operation,
            api_version: api_version.into(),
            time: Some("2024-01-01T00:00:00Z".into()),
            subresource: subresource.into(),
            fields: names
                .iter()
                .map(|names| FieldPath::of_keys(names))
                .collect(),
        }
    }

    const REPLICAS: &[&str] = &["spec", "replicas"];
    const SELECTOR: &[&str] = &["spec", "selector"];

    fn paths() -> Vec<(Text, Option<FieldPath>)> {
        vec![("apps/v1".into(), Some(FieldPath::of_keys(REPLICAS)))]
    }

    #[test]
    fn a_scale_shows_the_owners_of_replicas_only() {
        let parent = [
            entry(
                "alice",
                Operation::Apply,
                "apps/v1",
                "",
                &[REPLICAS, SELECTOR],
            ),
            entry("bob", Operation::Apply, "apps/v1", "", &[SELECTOR]),
        ];
        let owners = scale_owners(&parent, &paths());
        assert_eq!(
            owners,
            [entry(
                "alice",
                Operation::Apply,
                "autoscaling/v1",
                "",
                &[REPLICAS]
            )]
        );
    }

    #[test]
    fn replicas_go_from_the_applier_to_the_scaler() {
        let parent = [entry(
            "alice",
            Operation::Apply,
            "apps/v1",
            "",
            &[REPLICAS, SELECTOR],
        )];
        let scale = [entry(
            "scaler",
            Operation::Update,
            "autoscaling/v1",
            "scale",
            &[REPLICAS],
        )];
        let owners = parent_owners(&parent, &scale, "apps/v1", &paths());
        let mut scaler = entry("scaler", Operation::Update, "apps/v1", "scale", &[REPLICAS]);
        scaler.time = None;
        assert_eq!(
            owners,
            [
                entry("alice", Operation::Apply, "apps/v1", "", &[SELECTOR]),
                scaler
            ]
        );
    }

    #[test]
    fn an_applier_that_still_owns_replicas_keeps_them() {
        let parent = [entry(
            "alice",
            Operation::Apply,
            "apps/v1",
            "",
            &[REPLICAS, SELECTOR],
        )];
        let scale = [entry(
            "alice",
            Operation::Apply,
            "autoscaling/v1",
            "",
            &[REPLICAS],
        )];
        assert_eq!(parent_owners(&parent, &scale, "apps/v1", &paths()), parent);
    }
}
