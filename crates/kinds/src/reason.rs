//! Condition and event reasons, by Flux's names.

/// The last step went well.
pub const SUCCEEDED: &str = "Succeeded";
/// The last step failed.
pub const FAILED: &str = "Failed";
/// Work is under way.
pub const PROGRESSING: &str = "Progressing";
/// Work failed and is tried again.
pub const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
/// `spec.suspend` is set.
pub const SUSPENDED: &str = "Suspended";
/// A dependency is not ready.
pub const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";
/// `spec.path` leads nowhere or out of the artifact.
pub const INVALID_PATH: &str = "InvalidPath";
/// A removed object could not be deleted.
pub const PRUNE_FAILED: &str = "PruneFailed";
/// The source has no artifact or it could not be read.
pub const ARTIFACT_FAILED: &str = "ArtifactFailed";
/// The manifests could not be built.
pub const BUILD_FAILED: &str = "BuildFailed";
/// A health check failed or ran out of time.
pub const HEALTH_CHECK_FAILED: &str = "HealthCheckFailed";
/// A health check was given up for a newer revision.
pub const HEALTH_CHECK_CANCELED: &str = "HealthCheckCanceled";
/// A Kustomization was applied.
pub const RECONCILIATION_SUCCEEDED: &str = "ReconciliationSucceeded";
/// A Kustomization was not applied.
pub const RECONCILIATION_FAILED: &str = "ReconciliationFailed";
/// A reference to another namespace is not allowed.
pub const ACCESS_DENIED: &str = "AccessDenied";
/// A field is asked for that this version does not serve; our own reason.
pub const FIELD_NOT_SERVED: &str = "FieldNotServed";
/// `dependsOn` leads back to where it started; our own reason.
pub const DEPENDENCY_CYCLE: &str = "DependencyCycle";
/// A field was changed back again and again; our own reason.
pub const DRIFT_CORRECTION_SLOWED: &str = "DriftCorrectionSlowed";
/// Live objects may not be watched; our own reason.
pub const WATCH_FAILED: &str = "WatchFailed";
/// A change of a live object was undone; our own reason.
pub const DRIFT_CORRECTED: &str = "DriftCorrected";

/// One of our own annotations says what is not understood; our own reason.
pub const INVALID_ANNOTATION: &str = "InvalidAnnotation";
/// Deletions wait for a person's consent; our own reason.
pub const DELETIONS_HELD: &str = "DeletionsHeld";
/// Deletions were made with a person's consent (event); our own reason.
pub const DELETIONS_APPROVED: &str = "DeletionsApproved";
/// Nothing is written, the status says what would be; our own reason.
pub const PLANNED: &str = "Planned";
/// A suspension ended at its time (event); our own reason.
pub const RESUMED: &str = "Resumed";

/// A new artifact was stored (event).
pub const NEW_ARTIFACT: &str = "NewArtifact";
/// The source moved on (condition).
pub const NEW_REVISION: &str = "NewRevision";
/// The artifact is that of the newest revision (event).
pub const ARTIFACT_UP_TO_DATE: &str = "ArtifactUpToDate";
/// A source has no artifact yet.
pub const NO_ARTIFACT: &str = "NoArtifact";
/// The URL of a source can't be used.
pub const URL_INVALID: &str = "URLInvalid";
/// Credentials are missing, incomplete or refused.
pub const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
/// Talking Git failed.
pub const GIT_OPERATION_FAILED: &str = "GitOperationFailed";
/// Talking Git went well (event after a failure).
pub const GIT_OPERATION_SUCCEEDED: &str = "GitOperationSucceeded";
/// The archive could not be written.
pub const ARCHIVE_OPERATION_FAILED: &str = "ArchiveOperationFailed";
/// Ignore rules could not be read.
pub const SOURCE_IGNORE_ERROR: &str = "SourceIgnoreError";
/// Old artifacts were removed (event).
pub const GARBAGE_COLLECTION_SUCCEEDED: &str = "GarbageCollectionSucceeded";
/// Old artifacts could not be removed (event).
pub const GARBAGE_COLLECTION_FAILED: &str = "GarbageCollectionFailed";
/// An expression of the specification is none.
pub const INVALID_CEL_EXPRESSION: &str = "InvalidCELExpression";
/// An object was applied that another Kustomization had applied before.
pub const OWNED_BY_ANOTHER: &str = "OwnedByAnother";
