//! The roles and bindings of a new cluster, read from a table.
//!
//! A server makes 133 of them when it first starts. They are decoded and
//! tracked once a process; each server then stores copies of its own.

use trueup_object::{GroupVersionKind, Map, Value, value};
use trueup_schema::{FieldSet, SameShape, Schemas, UpdateInput, update};

const TABLE: &str = include_str!("bootstrap_roles.txt");
const API_VERSION: &str = "rbac.authorization.k8s.io/v1";
const API_GROUP: &str = "rbac.authorization.k8s.io";
const AGGREGATE_TO: &str = "rbac.authorization.k8s.io/aggregate-to-";
/// Who made them, as their managed fields say.
pub const MANAGER: &str = "kube-apiserver";

/// All roles and bindings, as a client would send them.
pub fn objects() -> Vec<Value> {
    let mut objects: Vec<Value> = Vec::new();
    for line in TABLE.lines() {
        match line.strip_prefix("  ") {
            _ if line.is_empty() || line.starts_with('#') => {}
            None => objects.push(object(line)),
            Some(entry) => {
                if let Some(object) = objects.last_mut() {
                    add(object, entry);
                }
            }
        }
    }
    objects
}

/// The same as they are stored, but for uid and times.
pub fn tracked() -> Vec<Value> {
    objects().iter().filter_map(track).collect()
}

fn track(object: &Value) -> Option<Value> {
    let kind = object.str_at(&["kind"]).unwrap_or_default();
    let typ = Schemas::builtin().type_for(&GroupVersionKind::new(API_VERSION, kind))?;
    Some(update(&UpdateInput {
        live: None,
        new: object,
        typ: &typ,
        manager: MANAGER,
        api_version: API_VERSION,
        subresource: "",
        reset: &FieldSet::default(),
        now: "",
        versions: &SameShape(&typ),
    }))
}

/// `KIND [NAMESPACE/]NAME …`
fn object(line: &str) -> Value {
    let mut words = line.split(' ');
    let kind = words.next().unwrap_or_default();
    let (namespace, name) = split(words.next().unwrap_or_default());
    let mut object = value!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}
        }
    });
    if !namespace.is_empty() {
        object.set_at(&["metadata", "namespace"], namespace.into());
    }
    if !kind.ends_with("Binding") {
        object.set_at(&["rules"], Value::Null);
    }
    for word in words {
        match word.split_once('=') {
            Some(("to", role)) => {
                let label = format!("{AGGREGATE_TO}{role}");
                object.set_at(&["metadata", "labels", &label], "true".into());
            }
            Some(("from", role)) => {
                let mut labels = Map::new();
                labels.insert(format!("{AGGREGATE_TO}{role}"), "true");
                let rule =
                    value!({"clusterRoleSelectors": [{"matchLabels": (Value::Map(labels))}]});
                object.set_at(&["aggregationRule"], rule);
            }
            _ => {
                let (role_kind, role) = split(word);
                let reference = value!({"apiGroup": API_GROUP, "kind": role_kind, "name": role});
                object.set_at(&["roleRef"], reference);
            }
        }
    }
    object
}

/// A rule of a role, or a subject of a binding.
fn add(object: &mut Value, entry: &str) {
    let (key, item) = if object.get("roleRef").is_some() {
        ("subjects", subject(entry))
    } else {
        ("rules", rule(entry))
    };
    let mut items = object
        .get(key)
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    items.push(item);
    object.set_at(&[key], items.into_iter().collect());
}

fn subject(entry: &str) -> Value {
    let (kind, name) = entry.split_once(' ').unwrap_or((entry, ""));
    if kind == "ServiceAccount" {
        let (namespace, name) = split(name);
        return value!({"kind": kind, "name": name, "namespace": namespace});
    }
    value!({"kind": kind, "apiGroup": API_GROUP, "name": name})
}

fn rule(entry: &str) -> Value {
    let columns: Vec<Value> = entry.split(" | ").map(texts).collect();
    match columns.as_slice() {
        [verbs, paths] => value!({"verbs": (verbs.clone()), "nonResourceURLs": (paths.clone())}),
        [verbs, groups, resources, names @ ..] => {
            let mut rule = value!({
                "verbs": (verbs.clone()), "apiGroups": (groups.clone()), "resources": (resources.clone())
            });
            if let Some(names) = names.first() {
                rule.set_at(&["resourceNames"], names.clone());
            }
            rule
        }
        _ => Value::map(),
    }
}

fn texts(column: &str) -> Value {
    let texts = column
        .split(',')
        .map(|text| if text == "core" { "" } else { text });
    texts.map(Value::from).collect()
}

/// `A/B`, or `B` alone.
fn split(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or(("", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_what_a_cluster_of_1_36_has() {
        let objects = objects();
        let count = |kind: &str| {
            objects
                .iter()
                .filter(|it| it.str_at(&["kind"]) == Some(kind))
                .count()
        };
        assert_eq!(
            (
                count("ClusterRole"),
                count("Role"),
                count("ClusterRoleBinding"),
                count("RoleBinding")
            ),
            (69, 7, 50, 7)
        );
        assert_eq!(tracked().len(), 133);
        let named = |name: &str| {
            objects
                .iter()
                .find(|it| it.str_at(&["metadata", "name"]) == Some(name))
                .unwrap()
        };
        assert_eq!(
            named("system:basic-user").get("rules"),
            Some(&value!([
                {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
                {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]}
            ]))
        );
    }
}
