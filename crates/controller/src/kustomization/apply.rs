//! Carrying out a plan, as far as it applies: beside pruning the only place that
//! writes objects to the cluster.

use super::build::Build;
use super::failure::{Cure, Failure, Stop};
use super::memory::{Memory, lock};
use super::target::Target;
use crate::context::Context;
use crate::live;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use trueup_cluster::{
    ApiError, ApplyOptions, DeleteOptions, Deletion, ErrorClass, Form, LiveObject, Patch,
    Propagation, Session, WriteOptions,
};
use trueup_kinds::{Inventory, message, names, reason};
use trueup_object::{ObjectRef, Text, Value};
use trueup_plan::{
    Action, Cause, ChangeLine, ChangeVerb, Check, Desired, Drift, DryRun, Extent, Forcing, Held,
    Observation, Observed, Owner, Reason, Record, Refused, Stage, Verb, settle,
};

/// How many dry-runs are under way at once: Flux's `--concurrent-ssa`.
pub(super) const DRY_RUNS_AT_ONCE: usize = 4;
/// How many refused objects a message names.
const MAX_FAILURES_NAMED: usize = 10;

/// What was done so far.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// All objects of ours that the run has reckoned with: those of the
    /// inventory with which it began, and those that it has named since.
    pub known: Inventory,
    /// Objects that were written, in order.
    pub changes: Vec<ChangeLine>,
    /// Fields that were corrected.
    pub drift: Vec<Drift>,
    /// Objects that another Kustomization had applied before, and which.
    pub rivals: Vec<(ObjectRef, Text)>,
    /// Objects whose deletion is confirmed.
    pub gone: Vec<ObjectRef>,
    /// Objects that the API refuses and that were left out, and why.
    pub refused: Vec<(ObjectRef, Failure)>,
    /// Deletions that wait for a person.
    pub held: Option<Held>,
    /// How long health has been waited for, if it was looked at.
    pub waited: Duration,
}

impl Done {
    /// Whether an object was left out.
    pub(super) fn is_refused(&self, object: &ObjectRef) -> bool {
        self.refused.iter().any(|(refused, _)| refused == object)
    }
}

/// Everything that carrying out needs beside the plan.
pub(super) struct Hands<'a> {
    pub context: &'a Context,
    pub owner: Owner,
    pub target: &'a Target,
    pub memory: &'a Mutex<Memory>,
    pub build: &'a Build,
    pub force: Forcing,
    pub extent: Extent,
    pub cancel: &'a CancellationToken,
}

/// What the dry-runs of a stage came to.
pub(super) enum Checked {
    /// Carry these out, and leave out what is refused.
    Actions {
        actions: Vec<Action>,
        refused: Vec<(ObjectRef, Failure)>,
    },
    /// These are there although no watch shows them: read them, plan anew.
    Found(Vec<ObjectRef>),
}

impl Hands<'_> {
    /// Dry-runs what wants to be checked. Nothing is written if any object is
    /// refused, and the failure names each of them; unless the good ones are to
    /// be applied all the same.
    ///
    /// `absent` are objects that were read and are not there.
    pub(super) async fn check(
        &self,
        stage: &Stage,
        observed: &Observed,
        absent: &BTreeSet<ObjectRef>,
    ) -> Result<Checked, Stop> {
        let checks: Vec<BoxFuture<'_, _>> = stage
            .actions
            .iter()
            .map(|action| self.check_one(action, observed, absent).boxed())
            .collect();
        let answers: Vec<_> = stream::iter(checks)
            .buffered(DRY_RUNS_AT_ONCE)
            .collect()
            .await;
        let (mut actions, mut found, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (answer, checked) in answers.into_iter().zip(&stage.actions) {
            match answer {
                Ok(Answer::Do(action)) => actions.push(*action),
                Ok(Answer::Exists(reference)) => found.push(reference),
                Err(failure) => refused.push((checked.object.clone(), failure)),
            }
        }
        if !refused
            .iter()
            .all(|(_, failure)| self.may_leave_out(failure))
        {
            let failures = refused.into_iter().map(|(_, failure)| failure);
            return Err(joined(failures.collect()).into());
        }
        Ok(if found.is_empty() {
            Checked::Actions { actions, refused }
        } else {
            Checked::Found(found)
        })
    }

    /// Whether others go on without an object. Where nobody answered, nobody
    /// knows whether it is refused.
    fn may_leave_out(&self, failure: &Failure) -> bool {
        self.extent == Extent::Partial && failure.cure != Cure::Soon
    }

    async fn check_one(
        &self,
        action: &Action,
        observed: &Observed,
        absent: &BTreeSet<ObjectRef>,
    ) -> Result<Answer, Failure> {
        if action.check == Check::None {
            return Ok(Answer::Do(Box::new(action.clone())));
        }
        let live = observed.get(&action.object).live();
        let unseen = live.is_none() && !absent.contains(&action.object);
        let answered = self
            .target
            .session
            .apply(&action.manifest, &options().dry_run())
            .await;
        let cure = match &answered {
            Err(error) if error.class() == ErrorClass::KindMissing => Cure::Kind,
            _ => Cure::Retry,
        };
        let answer = match answered {
            Ok(object) if unseen && is_stored(&object) => {
                return Ok(Answer::Exists(action.object.clone()));
            }
            Ok(object) => DryRun::Accepted(object.value().clone()),
            Err(error) if is_answer(&error) => DryRun::Refused(refused(&action.object, &error)),
            Err(error) => return Err(Failure::api(&error)),
        };
        let settled = settle(action, live, &answer, self.force).map_err(|failure| {
            Failure::new(reason::RECONCILIATION_FAILED, failure.to_string(), cure)
        })?;
        Ok(Answer::Do(Box::new(self.settled(settled, live))))
    }

    /// An object that is as it should be is remembered as such; one with
    /// fields to take over is never left as it is.
    pub(super) fn settled(&self, action: Action, live: Option<&Value>) -> Action {
        if action.verb != Verb::Unchanged {
            return action;
        }
        if action.take_over.is_some() {
            return Action {
                verb: Verb::Apply,
                reason: Reason::TakeOver,
                ..action
            };
        }
        if let (Some(live), Some(desired)) = (live, self.build.find(&action.object)) {
            lock(self.memory)
                .records
                .insert(&action.object, Record::of(desired, live));
        }
        action
    }

    /// Writes what is to be written, in order. Between any two writes the run
    /// may be given up: what is done is done, and planned no more.
    pub(super) async fn write(
        &self,
        actions: &[Action],
        observed: &Observed,
        done: &mut Done,
    ) -> Result<(), Stop> {
        for action in actions {
            if self.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let live = observed.get(&action.object).live();
            let written = match action.verb {
                Verb::Create | Verb::Apply => self.apply(action, live, done).await,
                Verb::Recreate => self.recreate(action, done).await,
                Verb::Unchanged | Verb::Skip => Ok(()),
            };
            match written {
                Err(failure) if self.may_leave_out(&failure) => {
                    done.refused.push((action.object.clone(), failure));
                }
                written => written?,
            }
        }
        Ok(())
    }

    async fn apply(
        &self,
        action: &Action,
        live: Option<&Value>,
        done: &mut Done,
    ) -> Result<(), Failure> {
        if let Some(patch) = &action.take_over {
            self.take_over(action, patch).await?;
        }
        let object = self.send(action).await?;
        if let Some(line) = ChangeLine::of_apply(&action.object, live, object.value()) {
            done.changes.push(line);
        }
        done.drift.extend(action.drift.iter().cloned());
        if let Some(rival) = &action.rival {
            done.rivals.push((action.object.clone(), rival.clone()));
        }
        Ok(())
    }

    async fn send(&self, action: &Action) -> Result<LiveObject, Failure> {
        let object = self
            .target
            .session
            .apply(&action.manifest, &options())
            .await
            .map_err(|error| write_failed(&action.object, &error))?;
        if action.object.kind.kind == "CustomResourceDefinition" {
            self.target.session.cluster().invalidate_discovery();
        }
        live::answered(self.context, &self.target.viewer, &object);
        if let Some(desired) = self.build.find(&action.object) {
            lock(self.memory)
                .records
                .insert(&action.object, Record::of(desired, object.value()));
        }
        Ok(object)
    }

    /// Moves the fields of managers that we take over from. The patch holds
    /// for one version of the object; if that is outdated, the object is
    /// looked at anew in the next run.
    async fn take_over(&self, action: &Action, patch: &Value) -> Result<(), Failure> {
        let options = WriteOptions::new(names::APPLY_MANAGER);
        match self
            .target
            .session
            .patch(&action.object, &Patch::Json(patch.clone()), &options)
            .await
        {
            Ok(object) => {
                live::answered(self.context, &self.target.viewer, &object);
                Ok(())
            }
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(write_failed(&action.object, &error)),
        }
    }

    /// Deletes, and makes anew once it is gone. Where it does not go at once
    /// its end is waited for as any other change.
    async fn recreate(&self, action: &Action, done: &mut Done) -> Result<(), Failure> {
        let options = DeleteOptions {
            propagation: Propagation::Foreground,
            ..DeleteOptions::of_uid(&action.uid)
        };
        match self.target.session.delete(&action.object, &options).await {
            Ok(Deletion::Gone) => {}
            Ok(Deletion::Pending(object)) => {
                live::answered(self.context, &self.target.viewer, &object);
                done.changes.push(line(&action.object, ChangeVerb::Deleted));
                return Ok(());
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(write_failed(&action.object, &error)),
        }
        let viewer = &self.target.viewer;
        self.context.live.confirmed_gone(viewer, &action.object);
        lock(self.memory).records.remove(&action.object);
        // What was left to others on the old object has to be there again.
        let whole = self.build.find(&action.object).map(Desired::manifest);
        self.send(&Action {
            manifest: whole.unwrap_or(&action.manifest).clone(),
            ..action.clone()
        })
        .await?;
        done.changes
            .push(line(&action.object, ChangeVerb::Recreated));
        Ok(())
    }
}

/// What one check came to.
enum Answer {
    Do(Box<Action>),
    Exists(ObjectRef),
}

pub(super) fn options() -> ApplyOptions {
    ApplyOptions::new(names::APPLY_MANAGER).taking_over()
}

pub(super) fn line(object: &ObjectRef, verb: ChangeVerb) -> ChangeLine {
    ChangeLine {
        object: object.clone(),
        verb,
        fields: Vec::new(),
    }
}

/// Whether the answer to a dry-run is about an object that is stored: one
/// that would be made has no version yet. Some servers give it one; then the
/// read that follows finds nothing, and nothing is lost.
pub(super) fn is_stored(object: &LiveObject) -> bool {
    !object.resource_version().is_empty() && object.resource_version() != "0"
}

/// Whether an error is what the API thinks of the object, rather than
/// trouble on the way.
pub(super) fn is_answer(error: &ApiError) -> bool {
    !error.is_transient()
}

pub(super) fn refused(object: &ObjectRef, error: &ApiError) -> Refused {
    // A namespaced kind without a namespace never reaches the server.
    let no_namespace = error.class() == ErrorClass::Unbuildable && object.namespace.is_empty();
    let causes = error.causes().iter();
    Refused {
        code: if no_namespace { 404 } else { error.code() },
        reason: error.reason().into(),
        message: error.message().into(),
        causes: causes
            .map(|it| Cause {
                field: it.field.clone(),
                message: it.message.clone(),
            })
            .collect(),
    }
}

fn write_failed(object: &ObjectRef, error: &ApiError) -> Failure {
    let cure = if error.is_transient() || error.class() == ErrorClass::Conflict {
        Cure::Soon
    } else {
        Cure::Retry
    };
    let text = format!("{object} apply failed: {}", error.message());
    Failure::new(reason::RECONCILIATION_FAILED, text, cure)
}

/// What was left out, and what that means for the rest.
pub(super) fn left_out(refused: &[(ObjectRef, Failure)]) -> Failure {
    let failures = refused.iter().map(|(_, failure)| failure.clone());
    let failure = joined(failures.collect());
    let text = format!(
        "{} refused and left out, the others are applied, nothing is deleted:\n{}",
        refused.len(),
        failure.message
    );
    Failure {
        message: text,
        ..failure
    }
}

/// One failure of many, all named up to a bound. Where nobody answered for
/// one of them, all are tried again soon.
fn joined(failures: Vec<Failure>) -> Failure {
    let any = |cure| failures.iter().any(|failure| failure.cure == cure);
    let cure = match (any(Cure::Soon), any(Cure::Kind)) {
        (true, _) => Cure::Soon,
        (false, true) => Cure::Kind,
        (false, false) => Cure::Retry,
    };
    let texts = failures.iter().map(|it| &it.message);
    let texts = message::capped(texts, MAX_FAILURES_NAMED);
    Failure::new(reason::RECONCILIATION_FAILED, texts.join("\n"), cure)
}

/// The form in which an object is read for its health.
pub(super) async fn look(
    session: &Session,
    reference: &ObjectRef,
) -> Result<Observation, ApiError> {
    match session.find(reference, Form::Full).await {
        Ok(Some(object)) => Ok(Observation::Live(object.value().clone())),
        Ok(None) => Ok(Observation::Absent),
        Err(error) if error.class() == ErrorClass::KindMissing => Ok(Observation::KindUnknown),
        Err(error) => Err(error),
    }
}
