//! Doing what a step asks for.

use super::look::{Look, Trouble};
use super::memory::Memory;
use super::{Stop, ask, routing, status, tell};
use std::sync::{Arc, Mutex};
use trueup_rollout::machine::{Command, Part};
use trueup_rollout::targets::{self, ScalerPass, TargetKind, View};

/// Does one command; doing it twice changes nothing.
pub(super) async fn execute(
    look: &mut Look<'_>,
    memory: &Arc<Mutex<Memory>>,
    command: Command,
) -> Result<(), Stop> {
    match command {
        Command::Ensure(part) => ensure(look, part).await?,
        Command::SetRouting(routing) => routing::set(look, &routing).await?,
        Command::PauseTargetScaler => look.apply(&targets::pause_target_scaler).await?,
        Command::ResumeTargetScaler => look.apply(&targets::resume_target_scaler).await?,
        Command::HoldPrimaryScaler => look.apply(&targets::hold_primary_replicas).await?,
        Command::ReleasePrimaryScaler => look.apply(&targets::release_primary_replicas).await?,
        Command::ScaleToZero => scale_to_zero(look).await?,
        Command::ScaleFromZero => look.apply(&targets::scale_from_zero).await?,
        Command::CopyToPrimary { revision } => copy_to_primary(look, &revision).await?,
        Command::Ask { question, round } => ask::ask(look, memory, question, round).await?,
        Command::Event(event) => tell::event(look, memory, &event),
        Command::Alert(alert) => tell::alert(look, memory, &alert),
        Command::Count(result) => {
            let numbers = look.context.metrics.canaries();
            numbers.count(look.key, &look.canary, &result);
        }
        Command::WriteStatus(next) => status::write(look, memory, &next).await?,
        Command::AddFinalizer => status::add_finalizer(look).await?,
        Command::RemoveFinalizer => status::remove_finalizer(look).await?,
        Command::RestoreTarget => look.apply(&targets::restore_target).await?,
        Command::RestoreServices => look.apply(&targets::restore_apex_service).await?,
        Command::RestoreRoutes => routing::restore(look).await?,
    }
    Ok(())
}

async fn ensure(look: &mut Look<'_>, part: Part) -> Result<(), Trouble> {
    match part {
        Part::Services => look.apply(&targets::reconcile_backend_services).await,
        Part::Primary => look.apply(&initialize_primary).await,
        Part::PrimaryScaler => {
            let pass = ScalerPass::Ensure;
            look.apply(&move |view: &View<'_>| targets::reconcile_primary_scaler(view, pass))
                .await
        }
        Part::Apex => look.apply(&targets::reconcile_apex_service).await,
        Part::Routes => routing::ensure(look).await,
    }
}

/// What makes the copies that are made once.
pub(super) fn initialize_primary(
    view: &View<'_>,
) -> Result<Vec<targets::Write>, targets::TargetError> {
    let revision = targets::take_snapshot(view)?.hash;
    targets::initialize_primary(view, &flagger_id(view, &revision)?)
}

/// Depends on nothing but what is copied, so that doing it again writes
/// nothing.
fn flagger_id(
    view: &View<'_>,
    revision: &str,
) -> Result<trueup_object::Text, targets::TargetError> {
    let configs = targets::tracked_configs(view)?.unwrap_or_default();
    Ok(targets::flagger_id(targets::promotion_seed(
        revision, &configs,
    )))
}

async fn copy_to_primary(look: &mut Look<'_>, revision: &str) -> Result<(), Trouble> {
    let revision = revision.to_owned();
    look.apply(&move |view: &View<'_>| {
        targets::promote(view, &revision, &flagger_id(view, &revision)?)
    })
    .await?;
    let pass = ScalerPass::Update;
    look.apply(&move |view: &View<'_>| targets::reconcile_primary_scaler(view, pass))
        .await
}

/// A target that is gone has no replicas.
async fn scale_to_zero(look: &mut Look<'_>) -> Result<(), Trouble> {
    if let Ok(kind) = TargetKind::of(&look.canary.spec.target_ref) {
        let target = trueup_object::ObjectRef {
            kind: kind.group_version_kind(),
            namespace: look.canary.metadata.namespace.clone(),
            name: look.canary.spec.target_ref.name.clone(),
        };
        if look.read(&target).await?.is_none() {
            return Ok(());
        }
    }
    look.apply(&targets::scale_to_zero).await
}
