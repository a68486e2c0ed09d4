//! `trueup canary pause` and `trueup canary resume`.

use crate::arguments::{CanaryPauseArguments, Scope};
use crate::commands::select::{self, Extent};
use crate::commands::{COMMAND_MANAGER, Failure};
use crate::words::CANARY;
use crate::{connect, progress};
use std::process::ExitCode;
use trueup_cluster::{Patch, WriteOptions};
use trueup_kinds::names;
use trueup_object::{Value, value};

/// Sets `spec.suspend`, which Flagger understands, too.
pub async fn pause(scope: &Scope, wanted: &CanaryPauseArguments) -> Result<ExitCode, Failure> {
    let patch = value!({"spec": {"suspend": true}});
    change(scope, wanted, &patch, "pausing", "paused").await
}

/// Removes `spec.suspend` and our annotation that means the same.
pub async fn resume(scope: &Scope, wanted: &CanaryPauseArguments) -> Result<ExitCode, Failure> {
    let mut patch = value!({"spec": {"suspend": null}});
    let annotation = ["metadata", "annotations", names::CANARY_PAUSED];
    patch.set_at(&annotation, Value::Null);
    change(scope, wanted, &patch, "resuming", "resumed").await
}

async fn change(
    scope: &Scope,
    wanted: &CanaryPauseArguments,
    patch: &Value,
    doing: &str,
    done: &str,
) -> Result<ExitCode, Failure> {
    let session = connect::session(scope).await?;
    let extent = Extent::of(wanted.all);
    let live = select::live(&session, scope, &CANARY, &wanted.names, extent).await?;
    for object in select::references(&live) {
        let (name, namespace) = (&object.name, &object.namespace);
        progress::action(&format!("{doing} canary {name} in {namespace} namespace"));
        let options = WriteOptions::new(COMMAND_MANAGER);
        let patch = Patch::Merge(patch.clone());
        session.patch(&object, &patch, &options).await?;
        progress::success(&format!("canary {done}"));
    }
    Ok(ExitCode::SUCCESS)
}
