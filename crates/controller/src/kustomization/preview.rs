//! Plan mode: what would be done, in the status, and nothing written.

use super::apply::{self, DRY_RUNS_AT_ONCE};
use super::execute::Task;
use super::failure::{Failure, Stop};
use super::memory::{Mark, lock};
use super::{decide, events, observe, report};
use crate::context::Context;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status::{self, StatusError};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use trueup_cluster::{ApiError, ErrorClass};
use trueup_kinds::condition_type::{DELETIONS_HELD, PLANNED, READY, RECONCILING, STALLED};
use trueup_kinds::{ConditionStatus, Kustomization, Severity, names, reason};
use trueup_object::{ObjectRef, Value};
use trueup_plan::{
    Action, DryRun, FieldChange, Observation, Observed, Plan, Planning, Preview, Verb,
    changed_fields, settle,
};

impl Task<'_> {
    /// Finds out what a run would do. The API is asked by dry-runs, also
    /// about what a run would write without asking.
    pub(super) async fn preview(&self) -> Result<Preview, Stop> {
        let inventory = self.kustomization.status.inventory.clone();
        let inventory = inventory.unwrap_or_default();
        self.track(&inventory).await;
        let mut observed = observe::known(
            self.context,
            self.target,
            &lock(self.memory),
            self.build.desired(),
            &inventory,
        );
        let plan = self.plan(&inventory, &mut observed).await?;
        let looks: Vec<BoxFuture<'_, _>> = plan
            .actions()
            .filter(|action| !matches!(action.verb, Verb::Unchanged | Verb::Skip))
            .map(|action| self.look_ahead(action, &plan, &observed).boxed())
            .collect();
        let found: Vec<_> = stream::iter(looks)
            .buffered(DRY_RUNS_AT_ONCE)
            .collect()
            .await;
        let mut preview = Preview::default();
        for (action, planning) in found.into_iter().collect::<Result<Vec<_>, Failure>>()? {
            if let Some(planning) = planning {
                preview.add(action, planning);
            }
        }
        preview.add_removals(&plan.prune);
        Ok(preview)
    }

    /// What would become of one object; `None` if it is as it should be.
    async fn look_ahead<'a>(
        &self,
        action: &'a Action,
        plan: &Plan,
        observed: &Observed,
    ) -> Result<(&'a ObjectRef, Option<Planning>), Failure> {
        let object = &action.object;
        let answered = self
            .target
            .session
            .apply(&action.manifest, &apply::options().dry_run())
            .await;
        let mut live = observed.get(object).live().cloned();
        let planning = match answered {
            Ok(would_be) => {
                if live.is_none() && apply::is_stored(&would_be) {
                    live = self.unseen(object).await?;
                }
                self.accepted(action, live.as_ref(), would_be.value())
            }
            Err(error) if !apply::is_answer(&error) => return Err(Failure::api(&error)),
            Err(error) if makes_room_first(plan, object, &error) => Some(Planning::Create),
            Err(error) => {
                let answer = DryRun::Refused(apply::refused(object, &error));
                let force = decide::plan_options(self.kustomization).force;
                Some(match settle(action, live.as_ref(), &answer, force) {
                    Ok(_) => Planning::Recreate,
                    Err(failure) => Planning::Refuse(failure.to_string()),
                })
            }
        };
        Ok((object, planning))
    }

    /// An object that no watch shows.
    async fn unseen(&self, object: &ObjectRef) -> Result<Option<Value>, Failure> {
        let found = apply::look(&self.target.session, object).await;
        match found.map_err(|error| Failure::api(&error))? {
            Observation::Live(live) => Ok(Some(live)),
            _ => Ok(None),
        }
    }

    fn accepted(
        &self,
        action: &Action,
        live: Option<&Value>,
        would_be: &Value,
    ) -> Option<Planning> {
        let answer = DryRun::Accepted(would_be.clone());
        let force = decide::plan_options(self.kustomization).force;
        let settled = settle(action, live, &answer, force).ok()?;
        let settled = self.hands().settled(settled, live);
        match (settled.verb, live) {
            (Verb::Unchanged | Verb::Skip, _) => None,
            (Verb::Recreate, _) => Some(Planning::Recreate),
            (Verb::Create | Verb::Apply, None) => Some(Planning::Create),
            (Verb::Create | Verb::Apply, Some(live)) => {
                Some(Planning::Change(self.shown_changes(action, live, would_be)))
            }
        }
    }

    /// The fields that would change; without values where the manifest holds
    /// some of a Secret.
    fn shown_changes(&self, action: &Action, live: &Value, would_be: &Value) -> Vec<FieldChange> {
        let mut changes = changed_fields(&action.object, live, would_be);
        if self.build.is_tainted(&action.object) {
            for change in &mut changes {
                events::mask(&mut change.from);
                events::mask(&mut change.to);
            }
        }
        changes
    }
}

/// Whether the API refuses an object only for want of a namespace or a kind
/// that the same plan would make before it.
fn makes_room_first(plan: &Plan, object: &ObjectRef, error: &ApiError) -> bool {
    const NOT_FOUND: u16 = 404;
    let lacks = error.code() == NOT_FOUND || error.class() == ErrorClass::KindMissing;
    let makes = |action: &Action| {
        let made = &action.object;
        match made.kind.kind.as_str() {
            "Namespace" => made.name == object.namespace,
            "CustomResourceDefinition" => made
                .name
                .split_once('.')
                .is_some_and(|(_, group)| group == object.kind.group.as_str()),
            _ => false,
        }
    };
    lacks
        && plan
            .actions()
            .filter(|action| action.verb == Verb::Create)
            .any(makes)
}

/// Puts the plan into the status.
pub(super) async fn tell(
    context: &Context,
    key: &ObjectKey,
    mark: &Mark,
    preview: &Preview,
) -> Result<Ended, StatusError> {
    let summary = format!(
        "Plan of {}: {}; nothing was written ({}: plan)",
        mark.revision,
        preview.summary(),
        names::MODE
    );
    let mut lines = vec![summary.clone()];
    let told = preview.lines().into_iter();
    lines.extend(told.map(|line| context.memories.masked(key, &line)));
    let whole = lines.join("\n");
    let before: Kustomization = status::read(context, key)?;
    let told = before.status.conditions.get(PLANNED);
    let is_news = told.is_none_or(|told| told.message != whole);
    let ready = if preview.is_empty() {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    };
    let now = context.clock.now();
    status::change(context, key, &|kustomization: &mut Kustomization| {
        report::acknowledge(kustomization);
        let generation = kustomization.metadata.generation;
        let status = &mut kustomization.status;
        status.last_attempted_revision = Some(mark.revision.clone());
        status
            .conditions
            .change(generation, now)
            .remove(RECONCILING)
            .remove(STALLED)
            .remove(DELETIONS_HELD)
            .set(READY, ready, reason::PLANNED, &summary)
            .set_true(PLANNED, reason::PLANNED, &whole);
    })
    .await?;
    if is_news {
        report::publish(
            context,
            key,
            Some(mark),
            Severity::Info,
            reason::PLANNED,
            &whole,
        );
    }
    Ok(Ended::success(Next::Interval))
}
