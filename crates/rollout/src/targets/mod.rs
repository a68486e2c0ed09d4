//! Workloads, their copies and Services, and what counts as a new revision.
//!
//! A `Canary` names a workload, here called the *target*. From it are made the
//! *primary* (a copy that serves), three Services, and copies of its autoscaler
//! and of the ConfigMaps and Secrets that its Pods read. Every function here
//! looks at a [`View`] (the `Canary`, the settings of the installation and the
//! objects that were read) and returns what is to be written as [`Write`]s, none
//! where everything is as it should be. What has not been read yet is asked for
//! by [`TargetError::NeedsRead`].
//!
//! The behaviour is Flagger's; docs/differences.md lists where it is not.

mod change;
mod configs;
mod defaults;
mod discovery;
mod endpoints;
mod error;
mod fence;
mod finalize;
mod go_json;
mod guard;
mod hands_off;
mod kind;
mod metadata;
mod observed;
mod options;
mod primary;
mod promote;
mod readiness;
mod scale;
mod scalers;
mod service_target;
mod services;
mod snapshot;
mod template;
mod tidy;
mod view;
mod write;

pub use change::{Change, Detection, Tracking, detect_change};
pub use configs::{ConfigKind, ConfigRef, configs_changed, tracked_configs};
pub use discovery::{Discovery, Port, discover};
pub use endpoints::{ReadyEndpoints, current_revision, ready_endpoints};
pub use error::TargetError;
pub use fence::Fence;
pub use finalize::{restore_apex_service, restore_target};
pub use guard::{Conflict, ConflictCause, conflicts};
pub use hands_off::{HandsOff, hands_off};
pub use kind::TargetKind;
pub use metadata::{HANDS_OFF_ANNOTATIONS, owner_reference};
pub use observed::Observed;
pub use options::{ConfigTracking, TargetOptions};
pub use primary::initialize_primary;
pub use promote::{flagger_id, promote, promotion_seed};
pub use readiness::{Readiness, canary_readiness, primary_readiness};
pub use scale::{scale_from_zero, scale_to_zero};
pub use scalers::{
    ScalerPass, hold_primary_replicas, pause_target_scaler, reconcile_primary_scaler,
    release_primary_replicas, resume_target_scaler,
};
pub use services::{reconcile_apex_service, reconcile_backend_services};
pub use snapshot::{Counter, HASH_PREFIX, Snapshot, content_hash, snapshot_of, take_snapshot};
pub use view::{View, first_needs};
pub use write::Write;

#[cfg(test)]
mod tests;
