//! Everything that a step of a Canary looks at.

use super::act::initialize_primary;
use super::claims;
use super::look::Look;
use super::{references, routing};
use crate::context::Context;
use crate::machine::{Kind, ObjectKey};
use jiff::Timestamp;
use trueup_cluster::ApiError;
use trueup_kinds::canary::FieldError;
use trueup_kinds::{ConditionStatus, Kustomization, Resource, condition_type, names};
use trueup_object::Text;
use trueup_rollout::machine::{
    Answer, Fit, ObjectsSeen, Observation, Readiness, Settings, TargetChange, TargetRevision,
    TargetSeen, WorkloadSeen,
};
use trueup_rollout::targets::{
    self, Change, Detection, ScalerPass, TargetError, TargetKind, View, Write,
};

/// Looks at everything.
pub(super) async fn observe(
    look: &mut Look<'_>,
    answers: Vec<Answer>,
    now: Timestamp,
) -> Result<Observation, ApiError> {
    look.read_first().await?;
    let target = target(look).await?;
    let routes = routing::look(look).await?;
    references::read_all(look).await;
    let mut refusals: Vec<FieldError> = routes.refusal.into_iter().collect();
    refusals.extend(obstacle(look, &target, routes.obstacle));
    refusals.extend(claims::refusal(look.context, look.key));
    let objects = objects(look, &target, routes.fit, &mut refusals).await?;
    let names = look.canary.spec.service_names();
    let primary = workload(look, &targets::primary_readiness, &names.primary, now).await?;
    let canary = workload(look, &targets::canary_readiness, &names.canary, now).await?;
    Ok(Observation {
        metadata: look.canary.metadata.clone(),
        spec: look.canary.spec.clone(),
        settings: settings(look),
        refusals,
        source_revision: source_revision(look).await?,
        target,
        primary,
        canary,
        objects,
        routes: routes.routes,
        answers,
    })
}

/// What keeps routes from being made is no reason to begin: the target serves
/// as it does. Later it is waited for.
fn obstacle(look: &Look<'_>, target: &TargetSeen, obstacle: Option<Text>) -> Option<FieldError> {
    let is_beginning = look.canary.status.phase.is_initial();
    let is_found = matches!(target, TargetSeen::Found(_));
    obstacle
        .filter(|_| is_beginning && is_found)
        .map(|message| FieldError {
            path: "spec".into(),
            message,
        })
}

fn settings(look: &Look<'_>) -> Settings {
    let options = &look.context.canaries.options;
    Settings {
        default_provider: options.router.default_provider.clone(),
        least_interval: options.least_interval,
        references: options.references,
    }
}

async fn target(look: &mut Look<'_>) -> Result<TargetSeen, ApiError> {
    let found = look
        .decide(&|view: &View<'_>| {
            let detection = targets::detect_change(view)?;
            Ok((detection, targets::tracked_configs(view)?))
        })
        .await?;
    Ok(match found {
        Err(message) => TargetSeen::Missing(message.into()),
        Ok((detection, configs)) => TargetSeen::Found(TargetRevision {
            change: change_of(&detection),
            tracked: detection.snapshot.fence.to_string().into(),
            tracking: detection.tracking,
            revision: detection.snapshot.hash,
            configs,
        }),
    })
}

fn change_of(detection: &Detection) -> TargetChange {
    match detection.change {
        Change::NewRevision => TargetChange::New,
        Change::BackToPromoted => TargetChange::BackToPromoted,
        Change::Same | Change::DriftAbsorbed | Change::TakenOver => TargetChange::Same,
    }
}

/// What makes an object right, or why that can't be said.
type Decided = Result<Vec<Write>, TargetError>;

async fn objects(
    look: &mut Look<'_>,
    target: &TargetSeen,
    routes: Fit,
    refusals: &mut Vec<FieldError>,
) -> Result<ObjectsSeen, ApiError> {
    let services = fit(look, &targets::reconcile_backend_services).await?;
    let apex = fit(look, &targets::reconcile_apex_service).await?;
    let scaler = |view: &View<'_>| targets::reconcile_primary_scaler(view, ScalerPass::Ensure);
    let primary_scaler = fit(look, &scaler).await?;
    let is_found = matches!(target, TargetSeen::Found(_));
    if let (Err(message), true) = (&services, is_found) {
        refusals.push(FieldError {
            path: "spec.service".into(),
            message: message.as_str().into(),
        });
    }
    Ok(ObjectsSeen {
        services: services.unwrap_or(Fit::Fits),
        primary: primary(look).await?,
        // What can't be decided is tried, so that somebody is told why.
        primary_scaler: primary_scaler.unwrap_or(Fit::Missing),
        apex: apex.unwrap_or(Fit::Fits),
        routes,
    })
}

async fn fit(
    look: &mut Look<'_>,
    decide: &(dyn Fn(&View<'_>) -> Decided + Send + Sync),
) -> Result<Result<Fit, String>, ApiError> {
    let writes = look.decide(decide).await?;
    Ok(writes.map(|writes| match writes.as_slice() {
        [] => Fit::Fits,
        some if some.iter().any(|it| matches!(it, Write::Create(_))) => Fit::Missing,
        _ => Fit::Differs,
    }))
}

/// The primary fits as soon as it is there. A Service that is a target has
/// another copy, which follows it.
async fn primary(look: &mut Look<'_>) -> Result<Fit, ApiError> {
    let Ok(kind) = TargetKind::of(&look.canary.spec.target_ref) else {
        return Ok(Fit::Fits);
    };
    if kind == TargetKind::Service
        && let Ok(fit) = fit(look, &initialize_primary).await?
    {
        return Ok(fit);
    }
    let reference = trueup_object::ObjectRef {
        kind: kind.group_version_kind(),
        namespace: look.canary.metadata.namespace.clone(),
        name: look.canary.spec.primary_name(),
    };
    Ok(match look.read(&reference).await? {
        Some(_) => Fit::Fits,
        None => Fit::Missing,
    })
}

type Judge = dyn Fn(&View<'_>, Timestamp) -> Result<Readiness, TargetError> + Send + Sync;

async fn workload(
    look: &mut Look<'_>,
    judge: &Judge,
    service: &str,
    now: Timestamp,
) -> Result<WorkloadSeen, ApiError> {
    let readiness = match look.decide(&|view: &View<'_>| judge(view, now)).await? {
        Ok(readiness) => readiness,
        Err(message) => Readiness::Waiting(message.into()),
    };
    let has_pods = TargetKind::of(&look.canary.spec.target_ref) != Ok(TargetKind::Service);
    let ready_endpoints = if has_pods {
        Some(look.ready_endpoints(service).await?)
    } else {
        None
    };
    Ok(WorkloadSeen {
        readiness,
        ready_endpoints,
    })
}

/// The revision that the target's Kustomization brought.
async fn source_revision(look: &mut Look<'_>) -> Result<Text, ApiError> {
    let Ok(kind) = TargetKind::of(&look.canary.spec.target_ref) else {
        return Ok(Text::new());
    };
    let reference = trueup_object::ObjectRef {
        kind: kind.group_version_kind(),
        namespace: look.canary.metadata.namespace.clone(),
        name: look.canary.spec.target_ref.name.clone(),
    };
    let Some(target) = look.read(&reference).await? else {
        return Ok(Text::new());
    };
    let label = |key| target.label(key).map(Text::from);
    let (Some(name), Some(namespace)) = (label(names::OWNER_NAME), label(names::OWNER_NAMESPACE))
    else {
        return Ok(Text::new());
    };
    let key = ObjectKey {
        cluster: look.key.cluster.clone(),
        kind: Kind::Kustomization,
        namespace,
        name,
    };
    Ok(revision_of(look.context, &key).unwrap_or_default())
}

/// The revision that a Kustomization applies now, or has applied last.
fn revision_of(context: &Context, key: &ObjectKey) -> Option<Text> {
    if let Some(revision) = context.memories.applying(key) {
        return Some(revision);
    }
    let object = context.objects.get(key)?;
    let status = Kustomization::read(object.value()).ok()?.status;
    let is_under_way = status
        .conditions
        .get(condition_type::RECONCILING)
        .is_some_and(|it| it.status == ConditionStatus::True);
    let attempted = status.last_attempted_revision.filter(|_| is_under_way);
    attempted.or(status.last_applied_revision)
}
