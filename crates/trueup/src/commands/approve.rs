//! `trueup approve`.

use super::{COMMAND_MANAGER, Failure, said};
use crate::arguments::{ApproveArguments, ApproveWhat};
use crate::words::{KUSTOMIZATION, condition};
use crate::{connect, progress};
use std::process::ExitCode;
use trueup_cluster::{Form, Patch, WriteOptions};
use trueup_kinds::{Approval, condition_type};
use trueup_object::{Value, value};

/// Consents to the deletions that a Kustomization holds back now. The consent
/// is bound to this very set: what is added to it afterwards waits again.
pub async fn run(arguments: ApproveArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let ApproveWhat::Kustomization { name } = &arguments.what;
    let object = KUSTOMIZATION.object(&arguments.scope.namespace, name);
    let live = session.get(&object, Form::Full).await?;
    let (approval, objects) = asked_for(live.value()).ok_or_else(|| {
        said(format!(
            "no deletions of kustomization {name} wait for consent"
        ))
        .hinted(format!(
            "`trueup get kustomization {name}` shows what it says"
        ))
    })?;
    progress::action(&format!(
        "approving deletions of kustomization {name} in {} namespace, at {}",
        object.namespace, approval.revision
    ));
    objects.iter().for_each(|line| progress::action(line));
    let mut patch = value!({});
    let path = ["metadata", "annotations", Approval::ANNOTATION];
    patch.set_at(&path, approval.to_string().into());
    let options = WriteOptions::new(COMMAND_MANAGER);
    session
        .patch(&object, &Patch::Merge(patch), &options)
        .await?;
    progress::success("deletions approved, once");
    Ok(ExitCode::SUCCESS)
}

/// The approval that is waited for, and what it is about, in lines.
fn asked_for(object: &Value) -> Option<(Approval, Vec<String>)> {
    let held = condition(object, condition_type::DELETIONS_HELD)?;
    let message = held.str_at(&["message"])?;
    let approval = Approval::asked_for(message)?;
    let line = approval.line();
    let mut lines = message.lines().skip_while(|it| *it != line);
    lines.next();
    Some((approval, lines.map(str::to_owned).collect()))
}
