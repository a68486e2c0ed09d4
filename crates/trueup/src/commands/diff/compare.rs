//! One object as built against the one in the cluster.

use super::{Built, Failure, said};
use std::collections::BTreeSet;
use trueup_cluster::{ApiError, ApplyOptions, ErrorClass, Form, Placement, Session};
use trueup_kinds::{message, names};
use trueup_object::{FieldPath, GroupKind, GroupVersionKind, ObjectRef, Segment, Text, Value};
use trueup_plan::{Desired, Owner, changed_fields, masked};

/// What stands in a Secret for a value that is encrypted in the files.
const ENCRYPTED_MASK: &str = "KipTT1BTKio=";

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

/// What all objects of a build are compared with.
pub struct Comparison<'a> {
    session: &'a Session,
    built: &'a Built,
    owner: Owner,
    new_namespaces: BTreeSet<Text>,
    new_kinds: BTreeSet<GroupKind>,
}

impl<'a> Comparison<'a> {
    /// Of a build with a cluster.
    pub fn new(session: &'a Session, built: &'a Built) -> Self {
        let metadata = &built.kustomization.metadata;
        let of_kind = |kind: &'static str| {
            let objects = built.objects.iter();
            objects.filter(move |object| object.str_at(&["kind"]) == Some(kind))
        };
        Self {
            session,
            built,
            owner: Owner {
                namespace: metadata.namespace.clone(),
                name: metadata.name.clone(),
            },
            new_namespaces: of_kind("Namespace")
                .filter_map(|it| it.str_at(&["metadata", "name"]).map(Text::from))
                .collect(),
            new_kinds: of_kind("CustomResourceDefinition")
                .filter_map(defined_kind)
                .collect(),
        }
    }

    /// What would happen to an object of the build.
    pub async fn of(&self, object: &Value) -> Result<(ObjectRef, Outcome), Failure> {
        let desired = self.desired(object).await?;
        let reference = desired.reference().clone();
        let outcome = self.outcome(&desired).await?;
        Ok((reference, outcome))
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
        Desired::new(object, &self.owner).ok_or_else(|| said("an object without a name was built"))
    }

    async fn outcome(&self, desired: &Desired) -> Result<Outcome, Failure> {
        let reference = desired.reference();
        let live = match self.session.find(reference, Form::Full).await {
            Ok(live) => live,
            Err(error) if self.comes_first(reference, &error) => return Ok(Outcome::Created),
            Err(error) => return Err(error.into()),
        };
        let live = live.as_ref().map(|live| live.value());
        if let Some(reason) = skipped(desired.manifest(), live) {
            return Ok(Outcome::Skipped(reason));
        }
        let options = ApplyOptions::new(names::APPLY_MANAGER)
            .taking_over()
            .dry_run();
        match (self.session.apply(desired.manifest(), &options).await, live) {
            (Ok(_), None) => Ok(Outcome::Created),
            (Ok(would_be), Some(live)) => Ok(self.compared(desired, live, would_be.value())),
            (Err(error), None) if self.comes_first(reference, &error) => Ok(Outcome::Created),
            (Err(error), Some(live)) if self.may_recreate(desired, live, &error) => {
                Ok(Outcome::Recreated)
            }
            (Err(error), _) => {
                let text = masked(desired.manifest(), error.message());
                Err(said(message::apply_failed(
                    reference,
                    error.reason(),
                    &text,
                )))
            }
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

    fn may_recreate(&self, desired: &Desired, live: &Value, error: &ApiError) -> bool {
        let is_forced = self.built.kustomization.spec.force
            || names::is_marked(desired.manifest(), names::FORCE, "enabled")
            || names::is_marked(live, names::FORCE, "enabled");
        is_forced && error.class() == ErrorClass::Immutable
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

/// Why an object is not applied, if it says so.
fn skipped(desired: &Value, live: Option<&Value>) -> Option<&'static str> {
    let says = |key, wanted| {
        names::is_marked(desired, key, wanted)
            || live.is_some_and(|live| names::is_marked(live, key, wanted))
    };
    if says(names::RECONCILE, "disabled") {
        return Some("kustomize.toolkit.fluxcd.io/reconcile: disabled");
    }
    if says(names::APPLY_POLICY, "ignore") {
        return Some("kustomize.toolkit.fluxcd.io/ssa: Ignore");
    }
    let is_there = live.is_some();
    (is_there && names::is_marked(desired, names::APPLY_POLICY, "ifnotpresent"))
        .then_some("kustomize.toolkit.fluxcd.io/ssa: IfNotPresent")
}

/// Values that are encrypted in the files are not known here: only their keys
/// are compared. What a controller writes into a definition is its own.
fn is_hidden(desired: &Desired, field: &FieldPath) -> bool {
    if field.dotted() == "spec.conversion.webhook.clientConfig.caBundle" {
        return desired.reference().kind.kind == "CustomResourceDefinition";
    }
    let is_data = matches!(field.segments(), [Segment::Key(top), _] if top == "data");
    is_data
        && is_secret(desired.reference())
        && field.find_in(desired.manifest()).and_then(Value::as_str) == Some(ENCRYPTED_MASK)
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
