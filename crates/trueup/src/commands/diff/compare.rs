//! One object as built against the one in the cluster.

use super::{Built, Failure, said};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::BTreeSet;
use trueup_cluster::{ApiError, ApplyOptions, ErrorClass, Form, Placement, Session};
use trueup_kinds::{Inventory, names};
use trueup_object::{
    FieldPath, GroupKind, GroupVersionKind, ObjectRef, Segment, Text, Value, hide_values,
};
use trueup_plan::{
    Action, Cause, Desired, DryRun, Forcing, IgnoreRules, Observation, Observed, Owner, Plan,
    PlanInput, PlanOptions, Planned, Pruning, Reason, Records, Refused, Verb, changed_fields, plan,
    settle,
};
use trueup_render::ENCRYPTED_MASK;

/// What would happen to an object.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Nothing.
    Same,
    /// It is left alone, for this reason.
    Skipped(&'static str),
    /// It would be made.
    Created,
    /// It would be deleted and made anew.
    Recreated,
    /// It would be changed.
    Drifted(Vec<Difference>),
}

impl Outcome {
    /// Whether an apply would write.
    pub fn is_change(&self) -> bool {
        !matches!(self, Self::Same | Self::Skipped(_))
    }
}

/// One field that would change.
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// Where.
    pub field: FieldPath,
    /// What it is in the cluster; `None` if it is not there.
    pub from: Option<Shown>,
    /// What it would be; `None` if it would go.
    pub to: Option<Shown>,
}

/// A value as it may be shown.
#[derive(Debug, PartialEq)]
pub enum Shown {
    /// In full.
    Open(Value),
    /// Not at all.
    Masked,
}

/// What all objects of a build are compared with. What is done with an object
/// is for the plan to say, as in the controllers.
pub struct Comparison<'a> {
    session: &'a Session,
    built: &'a Built,
    owner: Owner,
    ignored: IgnoreRules,
    desired: Vec<Desired>,
    observed: Observed,
    new_namespaces: BTreeSet<Text>,
    new_kinds: BTreeSet<GroupKind>,
}

impl<'a> Comparison<'a> {
    /// Of a build with a cluster; fails if `spec.ignore` can't be read.
    pub fn new(session: &'a Session, built: &'a Built) -> Result<Self, Failure> {
        let metadata = &built.kustomization.metadata;
        let of_kind = |kind: &'static str| {
            let objects = built.objects.iter();
            objects.filter(move |object| object.str_at(&["kind"]) == Some(kind))
        };
        Ok(Self {
            session,
            built,
            owner: Owner {
                namespace: metadata.namespace.clone(),
                name: metadata.name.clone(),
            },
            ignored: IgnoreRules::compile(&built.kustomization.spec.ignore).map_err(said)?,
            desired: Vec::new(),
            observed: Observed::new(),
            new_namespaces: of_kind("Namespace")
                .filter_map(|it| it.str_at(&["metadata", "name"]).map(Text::from))
                .collect(),
            new_kinds: of_kind("CustomResourceDefinition")
                .filter_map(defined_kind)
                .collect(),
        })
    }

    /// What would happen to an object of the build.
    pub async fn of(&mut self, object: &Value) -> Result<(ObjectRef, Outcome), Failure> {
        let desired = self.desired(object).await?;
        let reference = desired.reference().clone();
        self.look(&reference).await?;
        let outcome = self.outcome(&desired).await?;
        self.desired.push(desired);
        Ok((reference, outcome))
    }

    /// The plan of everything that was compared, deletions included. What
    /// left the files is read for it.
    pub async fn whole_plan(&mut self) -> Result<Plan, Failure> {
        let inventory = self.built.kustomization.status.inventory.clone();
        let inventory = inventory.unwrap_or_default();
        loop {
            let unread = match self.plan(&self.desired, &inventory) {
                Planned::Plan(plan) => return Ok(plan),
                Planned::Refused(refusal) => return Err(said(refusal)),
                Planned::NeedsReads(unread) => unread,
            };
            for object in &unread {
                self.look(object).await?;
            }
        }
    }

    /// The object as it was read; `None` if it is not there.
    pub fn live(&self, object: &ObjectRef) -> Option<&Value> {
        self.observed.get(object).live()
    }

    /// The object in the form in which it is applied.
    async fn desired(&self, object: &Value) -> Result<Desired, Failure> {
        let catalogue = self.session.catalogue().await?;
        let is_cluster_wide = GroupVersionKind::of(object)
            .and_then(|kind| catalogue.resource_of(&kind).map(|row| row.placement))
            == Some(Placement::ClusterWide);
        let mut object = object.clone();
        if is_cluster_wide {
            object.remove_at(&["metadata", "namespace"]);
        }
        let desired = Desired::new(object, &self.owner)
            .ok_or_else(|| said("an object without a name was built"))?;
        Ok(desired.leaving(&self.ignored))
    }

    /// Reads an object. A kind that the API lacks is no failure: it may come
    /// with the build, and what left it is kept.
    async fn look(&mut self, object: &ObjectRef) -> Result<(), Failure> {
        let seen = match self.session.find(object, Form::Full).await {
            Ok(Some(live)) => Observation::Live(live.value().clone()),
            Ok(None) => Observation::Absent,
            Err(error) if error.class() == ErrorClass::KindMissing => Observation::KindUnknown,
            Err(error) if self.comes_first(object, &error) => Observation::Absent,
            Err(error) => return Err(error.into()),
        };
        self.observed.insert(object, seen);
        Ok(())
    }

    fn plan(&self, desired: &[Desired], inventory: &Inventory) -> Planned {
        plan(&PlanInput {
            owner: &self.owner,
            desired,
            observed: &self.observed,
            inventory,
            records: &Records::new(),
            options: PlanOptions {
                force: self.forcing(),
                prune: Pruning::On,
            },
        })
    }

    fn forcing(&self) -> Forcing {
        if self.built.kustomization.spec.force {
            Forcing::Always
        } else {
            Forcing::WhereMarked
        }
    }

    async fn outcome(&self, desired: &Desired) -> Result<Outcome, Failure> {
        let reference = desired.reference();
        let action = match self.plan(std::slice::from_ref(desired), &Inventory::default()) {
            Planned::Plan(plan) => plan.actions().next().cloned(),
            Planned::Refused(refusal) => return Err(said(refusal)),
            Planned::NeedsReads(_) => None,
        };
        let Some(action) = action else {
            return Err(said(format!("{reference} was not read")));
        };
        if action.verb == Verb::Skip {
            return Ok(Outcome::Skipped(skipped_for(action.reason)));
        }
        let options = ApplyOptions::new(names::APPLY_MANAGER)
            .taking_over()
            .dry_run();
        let live = self.live(reference);
        match (self.session.apply(&action.manifest, &options).await, live) {
            (Ok(_), None) => Ok(Outcome::Created),
            (Ok(would_be), Some(live)) => Ok(self.compared(desired, live, would_be.value())),
            (Err(error), None) if self.comes_first(reference, &error) => Ok(Outcome::Created),
            (Err(error), live) => self.refused(&action, live, &error),
        }
    }

    /// What a refused dry-run comes to. The API quotes what it refuses: what
    /// came from a Secret is no part of the message.
    fn refused(
        &self,
        action: &Action,
        live: Option<&Value>,
        error: &ApiError,
    ) -> Result<Outcome, Failure> {
        let answer = DryRun::Refused(refusal(&action.object, error));
        match settle(action, live, &answer, self.forcing()) {
            Ok(_) => Ok(Outcome::Recreated),
            Err(failure) => Err(said(without_values(
                &failure.to_string(),
                &self.built.secrets,
            ))),
        }
    }

    /// Whether what the API misses is in the same build.
    fn comes_first(&self, object: &ObjectRef, error: &ApiError) -> bool {
        match error.class() {
            ErrorClass::KindMissing => self.new_kinds.contains(&object.kind.group_kind()),
            ErrorClass::NotFound => self.new_namespaces.contains(&object.namespace),
            _ => false,
        }
    }

    fn compared(&self, desired: &Desired, live: &Value, would_be: &Value) -> Outcome {
        let differences: Vec<Difference> = changed_fields(desired.reference(), live, would_be)
            .into_iter()
            .map(|change| change.field)
            .filter(|field| !is_hidden(desired, field))
            .map(|field| self.difference(desired.reference(), field, live, would_be))
            .collect();
        if differences.is_empty() {
            return Outcome::Same;
        }
        Outcome::Drifted(differences)
    }

    fn difference(
        &self,
        object: &ObjectRef,
        field: FieldPath,
        live: &Value,
        would_be: &Value,
    ) -> Difference {
        let (from, to) = (field.find_in(live), field.find_in(would_be));
        let is_secret = is_secret_field(object, &field)
            || [from, to]
                .into_iter()
                .flatten()
                .any(|it| self.holds_secret(it));
        let shown = |value: &Value| {
            if is_secret {
                Shown::Masked
            } else {
                Shown::Open(value.clone())
            }
        };
        Difference {
            from: from.map(shown),
            to: to.map(shown),
            field,
        }
    }

    /// Whether a value holds what came from a Secret's variable.
    fn holds_secret(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.built.secrets.iter().any(|secret| {
                !secret.is_empty()
                    && text
                        .as_bytes()
                        .windows(secret.len())
                        .any(|part| part == secret.as_slice())
            }),
            Value::List(items) => items.iter().any(|item| self.holds_secret(item)),
            Value::Map(map) => map.values().any(|item| self.holds_secret(item)),
            Value::Null => false,
            other => self.built.secrets.contains(&trueup_object::to_json(other)),
        }
    }
}

/// A message without what came from Secrets. Messages are text: a value that
/// is none can't be in them.
fn without_values(message: &str, secrets: &BTreeSet<Vec<u8>>) -> String {
    let texts = secrets.iter().map(|bytes| std::str::from_utf8(bytes));
    hide_values(message, texts.filter_map(Result::ok))
}

/// What the API says of an object, for the plan to settle.
fn refusal(object: &ObjectRef, error: &ApiError) -> Refused {
    const NOT_FOUND: u16 = 404;
    // A namespaced kind without a namespace never reaches the server.
    let no_namespace = error.class() == ErrorClass::Unbuildable && object.namespace.is_empty();
    let causes = error.causes().iter().map(|it| Cause {
        field: it.field.clone(),
        message: it.message.clone(),
    });
    Refused {
        code: if no_namespace {
            NOT_FOUND
        } else {
            error.code()
        },
        reason: error.reason().into(),
        message: error.message().into(),
        causes: causes.collect(),
    }
}

/// Why an object is left alone, by the mark that says so.
fn skipped_for(reason: Reason) -> &'static str {
    match reason {
        Reason::ReconcileDisabled => "kustomize.toolkit.fluxcd.io/reconcile: disabled",
        Reason::Ignored => "kustomize.toolkit.fluxcd.io/ssa: Ignore",
        Reason::AlreadyPresent => "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent",
        Reason::BeingDeleted => "it is being deleted, and made anew once it is gone",
        _ => "nothing is to be done",
    }
}

/// Values that are encrypted in the files are not known here: only their keys
/// are compared. What a controller writes into a definition is its own.
fn is_hidden(desired: &Desired, field: &FieldPath) -> bool {
    if field.dotted() == "spec.conversion.webhook.clientConfig.caBundle" {
        return desired.reference().kind.kind == "CustomResourceDefinition";
    }
    let is_data = matches!(field.segments(), [Segment::Key(top), _] if top == "data");
    let is_mask = |text: &str| text == BASE64_STANDARD.encode(ENCRYPTED_MASK);
    is_data
        && is_secret(desired.reference())
        && field
            .find_in(desired.manifest())
            .and_then(Value::as_str)
            .is_some_and(is_mask)
}

fn is_secret(object: &ObjectRef) -> bool {
    object.kind.group.is_empty() && object.kind.kind == "Secret"
}

fn is_secret_field(object: &ObjectRef, field: &FieldPath) -> bool {
    let is_data = matches!(field.segments().first(),
        Some(Segment::Key(top)) if top == "data" || top == "stringData");
    is_secret(object) && is_data
}

fn defined_kind(definition: &Value) -> Option<GroupKind> {
    Some(GroupKind {
        group: definition.str_at(&["spec", "group"])?.into(),
        kind: definition.str_at(&["spec", "names", "kind"])?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_a_secret_is_in_no_message() {
        let secrets = BTreeSet::from([b"hunter2".to_vec(), b"7".to_vec(), vec![0xff]]);
        let message = "Deployment/apps/web dry-run failed (Invalid): spec.replicas: \"hunter2\" \
                       of 17: Invalid value: \"7\"";
        assert_eq!(
            without_values(message, &secrets),
            "Deployment/apps/web dry-run failed (Invalid): spec.replicas: \"***\" of 17: Invalid \
             value: \"***\""
        );
    }
}
