//! Setting the namespace of everything in a build, as kustomize does.

use crate::BuildError;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use trueup_object::{GroupKind, Manifest, Text, Value, to_json};
use trueup_schema::Schemas;

/// The namespace of an object that names none.
const DEFAULT: &str = "default";

/// An object of a build, and where it was before namespaces were set.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The object.
    pub manifest: Manifest,
    /// Every namespace that it has been in on the way, the first one first.
    pub was_in: Vec<Text>,
}

impl Item {
    pub(crate) fn new(mut manifest: Manifest) -> Self {
        quote_metadata(&mut manifest.value);
        let namespace = effective(manifest.namespace());
        Self {
            manifest,
            was_in: vec![namespace],
        }
    }
}

/// Labels and annotations hold text. Numbers and truth values that someone
/// forgot to put in quotes become text, as in kustomize; the API would refuse
/// them.
fn quote_metadata(object: &mut Value) {
    let Some(metadata) = object
        .as_map_mut()
        .and_then(|map| map.get_mut("metadata"))
        .and_then(Value::as_map_mut)
    else {
        return;
    };
    for place in ["labels", "annotations"] {
        let Some(texts) = metadata.get_mut(place).and_then(Value::as_map_mut) else {
            continue;
        };
        for (_, value) in texts.iter_mut() {
            if matches!(value, Value::Integer(_) | Value::Float(_) | Value::Bool(_)) {
                *value = String::from_utf8_lossy(&to_json(value)).into_owned().into();
            }
        }
    }
}

/// Sets the namespace of every object that has one, renames `Namespace`
/// objects to it, and lets references follow: subjects of bindings that name
/// an account of the build or the account `default`, and services named in
/// webhooks and API services.
pub(crate) fn set_namespace(items: &mut [Item], namespace: &str) -> Result<(), BuildError> {
    for item in items.iter_mut() {
        move_object(&mut item.manifest.value, namespace);
        let now = effective(item.manifest.namespace());
        if item.was_in.last() != Some(&now) {
            item.was_in.push(now);
        }
    }
    let moved: Vec<Moved> = items.iter().filter_map(Moved::of).collect();
    items
        .iter_mut()
        .try_for_each(|item| follow(&mut item.manifest, namespace, &moved))
}

/// Whether a kind is known to have no namespace. Kinds that Kubernetes itself
/// does not have are taken to have one, as kustomize does.
pub(crate) fn is_cluster_scoped(kind: &GroupKind) -> bool {
    static CLUSTER_SCOPED: OnceLock<BTreeSet<GroupKind>> = OnceLock::new();
    CLUSTER_SCOPED
        .get_or_init(|| {
            let rows = Schemas::builtin().resources().iter();
            rows.filter(|row| !row.namespaced)
                .map(|row| row.gvk().group_kind())
                .collect()
        })
        .contains(kind)
}

fn effective(namespace: &str) -> Text {
    if namespace.is_empty() {
        DEFAULT.into()
    } else {
        namespace.into()
    }
}

fn group_kind(object: &Value) -> GroupKind {
    trueup_object::GroupVersionKind::of(object).map_or_else(
        || GroupKind {
            group: Text::new(),
            kind: Text::new(),
        },
        |kind| kind.group_kind(),
    )
}

fn move_object(object: &mut Value, namespace: &str) {
    let kind = group_kind(object);
    if !is_cluster_scoped(&kind) {
        object.set_at(&["metadata", "namespace"], namespace.into());
    }
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => object.set_at(&["metadata", "name"], namespace.into()),
        ("apiregistration.k8s.io", "APIService") if object.at(&["spec", "service"]).is_some() => {
            object.set_at(&["spec", "service", "namespace"], namespace.into());
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let path = ["spec", "conversion", "webhook", "clientConfig", "service"];
            if object.at(&path).is_some() {
                object.set_at(
                    &[path.as_slice(), &["namespace"]].concat(),
                    namespace.into(),
                );
            }
        }
        _ => {}
    }
}

/// An object that references may name, where it is and where it was.
struct Moved {
    kind: GroupKind,
    name: Text,
    namespace: Text,
    was_in: Vec<Text>,
}

impl Moved {
    fn of(item: &Item) -> Option<Self> {
        let kind = group_kind(&item.manifest.value);
        let is_named =
            kind.group.is_empty() && matches!(kind.kind.as_str(), "ServiceAccount" | "Service");
        is_named.then(|| Self {
            kind,
            name: item.manifest.name().into(),
            namespace: item.manifest.namespace().into(),
            was_in: item.was_in.clone(),
        })
    }
}

fn follow(manifest: &mut Manifest, namespace: &str, moved: &[Moved]) -> Result<(), BuildError> {
    let kind = group_kind(&manifest.value);
    match (kind.group.as_str(), kind.kind.as_str()) {
        (_, "RoleBinding" | "ClusterRoleBinding") => follow_subjects(manifest, namespace, moved),
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => {
            follow_webhooks(&mut manifest.value, moved);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The account `default` always follows, other accounts only if the build
/// holds them.
fn follow_subjects(
    manifest: &mut Manifest,
    namespace: &str,
    moved: &[Moved],
) -> Result<(), BuildError> {
    let (object, position) = (Box::new(manifest.reference()), manifest.position.clone());
    let Some(subjects) = manifest
        .value
        .as_map_mut()
        .and_then(|map| map.get_mut("subjects"))
        .and_then(Value::as_list_mut)
    else {
        return Ok(());
    };
    for subject in subjects.make_mut() {
        let name: Text = subject.str_at(&["name"]).unwrap_or("").into();
        if name == DEFAULT {
            subject.set_at(&["namespace"], namespace.into());
        }
        if subject.str_at(&["kind"]) != Some("ServiceAccount") {
            continue;
        }
        match find(
            moved,
            "ServiceAccount",
            &name,
            subject.str_at(&["namespace"]),
        ) {
            Found::One(target) => subject.set_at(&["namespace"], target.into()),
            Found::None => {}
            Found::Many => {
                return Err(BuildError::AmbiguousSubject {
                    position,
                    object,
                    name,
                });
            }
        }
    }
    Ok(())
}

fn follow_webhooks(object: &mut Value, moved: &[Moved]) {
    let Some(webhooks) = object
        .as_map_mut()
        .and_then(|map| map.get_mut("webhooks"))
        .and_then(Value::as_list_mut)
    else {
        return;
    };
    for webhook in webhooks.make_mut() {
        let path = ["clientConfig", "service"];
        let name: Text = webhook
            .str_at(&[path.as_slice(), &["name"]].concat())
            .unwrap_or("")
            .into();
        let at = [path.as_slice(), &["namespace"]].concat();
        if let Found::One(target) = find(moved, "Service", &name, webhook.str_at(&at)) {
            webhook.set_at(&at, target.into());
        }
    }
}

enum Found {
    None,
    One(Text),
    Many,
}

/// The present namespace of the object that a reference names: by its first
/// namespace, else by any that it has been in; without a namespace by name
/// alone.
fn find(moved: &[Moved], kind: &str, name: &str, namespace: Option<&str>) -> Found {
    let named: Vec<&Moved> = moved
        .iter()
        .filter(|it| it.kind.kind == kind && it.name == name)
        .collect();
    let fitting: Vec<&Moved> = match namespace {
        None => named,
        Some(namespace) => {
            let first: Vec<&Moved> = named
                .iter()
                .filter(|it| it.was_in.first().is_some_and(|it| it == namespace))
                .copied()
                .collect();
            if first.is_empty() {
                named
                    .into_iter()
                    .filter(|it| it.was_in.iter().any(|it| it == namespace))
                    .collect()
            } else {
                first
            }
        }
    };
    let targets: BTreeSet<&Text> = fitting.iter().map(|it| &it.namespace).collect();
    match (targets.first(), targets.len()) {
        (None, _) => Found::None,
        (Some(target), 1) => Found::One((*target).clone()),
        _ => Found::Many,
    }
}
