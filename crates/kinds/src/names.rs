//! Groups, labels, annotations, finalizers and field managers: the words that
//! live objects carry and other tools look for.

use trueup_object::Value;

/// API group of sources.
pub const SOURCE_GROUP: &str = "source.toolkit.fluxcd.io";
/// API group of Kustomizations.
pub const KUSTOMIZE_GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// API group whose objects configure kustomize and are never applied.
pub const KUSTOMIZE_CONFIG_GROUP: &str = "kustomize.config.k8s.io";
/// Prefix of annotations whose keys a user wants in event metadata.
pub const EVENT_GROUP: &str = "event.toolkit.fluxcd.io";

/// API group of canaries.
pub const FLAGGER_GROUP: &str = "flagger.app";

/// The finalizer on every reconciled object.
pub const FINALIZER: &str = "finalizers.fluxcd.io";
/// The finalizer on a `Canary` that is put back before it goes.
pub const FLAGGER_FINALIZER: &str = "finalizer.flagger.app";

/// Annotation: any change of its value asks for a reconciliation; the value
/// is copied to `status.lastHandledReconcileAt` as it is.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// Label on ConfigMaps and Secrets: `Enabled` wakes the objects that refer to it.
pub const WATCH_LABEL: &str = "reconcile.fluxcd.io/watch";
/// Label that assigns an object to a shard.
pub const SHARDING_KEY: &str = "sharding.fluxcd.io/key";

/// Owner label on applied objects: the Kustomization's name.
pub const OWNER_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// Owner label on applied objects: the Kustomization's namespace.
pub const OWNER_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";

/// `disabled` on an applied object: it is never pruned.
pub const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// `disabled` on a manifest, as label or annotation: no variables are put in.
pub const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
/// `disabled` on an applied object: it is neither applied nor pruned.
pub const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// How an object is applied: `Override` (default), `Merge`, `IfNotPresent`, `Ignore`.
pub const APPLY_POLICY: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// `enabled` on an applied object: it is recreated when an immutable field changes.
pub const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// Annotation of old Flux versions, removed at take-over.
pub const LEGACY_CHECKSUM: &str = "kustomize.toolkit.fluxcd.io/checksum";

/// Annotation that `kubectl apply` keeps; removed at take-over.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Annotation of Flux v1, removed at take-over.
pub const SYNC_CHECKSUM: &str = "fluxcd.io/sync-checksum";
/// Label of Flux v1, removed at take-over.
pub const SYNC_GC_MARK: &str = "fluxcd.io/sync-gc-mark";

/// What every annotation of our own begins with.
pub const OWN_PREFIX: &str = "trueup.dev/";
/// On a Kustomization: how many objects one revision may delete, such as
/// `10`, `20%` or `10,20%`.
pub const MAX_DELETIONS: &str = "trueup.dev/max-deletions";
/// `confirm` on a Kustomization or an applied object: it is deleted only with
/// a person's consent.
pub const ASK_BEFORE_PRUNE: &str = "trueup.dev/prune";
/// On a Kustomization: which deletions a person consents to, once.
pub const APPROVED_DELETIONS: &str = "trueup.dev/approved-deletions";
/// `plan` on a Kustomization: nothing is written, the status says what would be.
pub const MODE: &str = "trueup.dev/mode";
/// `partial` on a Kustomization: what the API refuses is left out, the rest is applied.
pub const APPLY_EXTENT: &str = "trueup.dev/apply";
/// Why an object was suspended.
pub const SUSPEND_REASON: &str = "trueup.dev/suspend-reason";
/// Who suspended an object.
pub const SUSPEND_BY: &str = "trueup.dev/suspend-by";
/// When a suspension ends by itself, RFC 3339.
pub const SUSPEND_UNTIL: &str = "trueup.dev/suspend-until";
/// On a Canary: what a person asks for, once: `promote`, `abort`, `approve` or
/// `retry`, a slash, and any text that makes it differ from what was asked
/// before.
pub const CANARY_REQUEST: &str = "trueup.dev/canary-request";
/// On a Canary: the digest of the revision whose gates are open.
pub const CANARY_APPROVED: &str = "trueup.dev/approved-revision";
/// `true` on a Canary: the run stands still, as if suspended.
pub const CANARY_PAUSED: &str = "trueup.dev/paused";
/// On a Canary: how many checks of a run may find no data before it fails;
/// without it each counts as a failed check, as in Flagger.
pub const CANARY_NO_DATA_LIMIT: &str = "trueup.dev/no-data-limit";
/// On a Canary: how many checks of a run may be impossible to make before it
/// fails; without it each counts as a failed check, as in Flagger.
pub const CANARY_ERROR_LIMIT: &str = "trueup.dev/error-limit";
/// On a Canary: how long a run may take before it fails, such as `2h`;
/// without it there is no end, as in Flagger.
pub const CANARY_MAX_DURATION: &str = "trueup.dev/max-duration";
/// Annotation of a primary's autoscaler while its least replicas are kept up:
/// what they were before, empty where nothing was said.
pub const HELD_REPLICAS: &str = "trueup.dev/held-min-replicas";

/// Label that marks everything that belongs to an installation.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// The value of [`PART_OF`] that the `flux` CLI looks for.
pub const PART_OF_VALUE: &str = "flux";
/// Label with the namespace of an installation.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label with the version of an installation.
pub const VERSION: &str = "app.kubernetes.io/version";
/// Label that says which tool made an installation; Flux sets none.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`] on what we installed.
pub const MANAGED_BY_VALUE: &str = "trueup";

/// Field manager of server-side apply, as Flux: other tools filter by it.
pub const APPLY_MANAGER: &str = "kustomize-controller";
/// Field manager of a Kustomization's status and finalizer.
pub const KUSTOMIZATION_STATUS_MANAGER: &str = "gotk-kustomize-controller";
/// Field manager of a source's status and finalizer.
pub const SOURCE_STATUS_MANAGER: &str = "source-controller";
/// The name in events and logs of the controller of Kustomizations.
pub const KUSTOMIZE_CONTROLLER: &str = "kustomize-controller";
/// The name in events and logs of the controller of sources.
pub const SOURCE_CONTROLLER: &str = "source-controller";
/// Field manager of a Canary's status and finalizer.
pub const FLAGGER_STATUS_MANAGER: &str = "flagger";
/// The name in events and logs of the controller of canaries.
pub const FLAGGER_CONTROLLER: &str = "flagger";

/// The value of a label or annotation `key`; labels are looked at first.
#[must_use]
pub fn mark<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    ["labels", "annotations"]
        .into_iter()
        .find_map(|place| object.str_at(&["metadata", place, key]))
}

/// Whether an object says `key: wanted` in a label or an annotation, upper
/// and lower case alike, as Flux compares all its per-object settings.
#[must_use]
pub fn is_marked(object: &Value, key: &str, wanted: &str) -> bool {
    ["labels", "annotations"]
        .into_iter()
        .filter_map(|place| object.str_at(&["metadata", place, key]))
        .any(|found| found.eq_ignore_ascii_case(wanted))
}
