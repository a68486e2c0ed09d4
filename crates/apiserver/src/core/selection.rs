//! Which objects of a resource a list or watch wants: namespace, labels,
//! fields.

use super::registry::Resource;
use super::status::ApiError;
use super::store::Stored;
use trueup_object::{Comparison, FieldSelector, FieldTerm, Selector, Text, Value};

/// A namespace, a label selector and a field selector.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Namespace, empty for all.
    pub namespace: Text,
    /// Name, empty for all.
    pub name: Text,
    labels: Selector,
    fields: FieldSelector,
}

impl Selection {
    /// Everything in a namespace (empty: in all).
    #[must_use]
    pub fn all(namespace: Text) -> Self {
        let (labels, fields) = (Selector::everything(), FieldSelector::all_of([]));
        Self {
            namespace,
            name: Text::new(),
            labels,
            fields,
        }
    }

    /// Reads the selectors of a query. Fails with 400 where they can't be
    /// read, or name a field that the kind does not select by.
    pub fn read(
        resource: &Resource,
        namespace: Text,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<Self, ApiError> {
        let labels = Selector::parse(labels.unwrap_or(""))
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        let fields = FieldSelector::parse(fields.unwrap_or(""))
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        for term in fields.terms() {
            check_field(resource, &term.field)?;
        }
        let fields = FieldSelector::all_of(fields.terms().iter().map(|term| FieldTerm {
            field: stored_field(resource, &term.field),
            ..term.clone()
        }));
        let name = fields.required("metadata.name").unwrap_or("").into();
        Ok(Self {
            namespace,
            name,
            labels,
            fields,
        })
    }

    /// Whether an object belongs to the selection.
    #[must_use]
    pub fn matches(&self, object: &Stored) -> bool {
        (self.namespace.is_empty() || object.key.namespace == self.namespace)
            && (self.name.is_empty() || object.key.name == self.name)
            && self.labels_match(object.value())
            && self.fields.terms().iter().all(|term| {
                let equal = field_text(object.value(), &term.field) == term.value;
                equal == (term.comparison == Comparison::Equals)
            })
    }

    fn labels_match(&self, object: &Value) -> bool {
        if self.labels.is_everything() {
            return true;
        }
        let labels = object.at(&["metadata", "labels"]).and_then(Value::as_map);
        self.labels.matches_with(|key| {
            labels
                .and_then(|labels| labels.get(key))
                .and_then(Value::as_str)
        })
    }

    /// Whether anything beyond the namespace is asked.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        !self.name.is_empty() || !self.labels.is_everything() || !self.fields.is_everything()
    }
}

/// The fields, beside name and namespace, that kinds select by.
const SELECTABLE: [(&str, &str, &[&str]); 12] = [
    (
        "",
        "pods",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
    ),
    (
        "",
        "events",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    (
        "events.k8s.io",
        "events",
        &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
    ),
    ("", "namespaces", &["status.phase"]),
    ("", "nodes", &["spec.unschedulable"]),
    ("", "secrets", &["type"]),
    ("", "services", &["spec.clusterIP", "spec.type"]),
    ("", "replicationcontrollers", &["status.replicas"]),
    ("", "persistentvolumeclaims", &[]),
    ("", "persistentvolumes", &[]),
    ("batch", "jobs", &["status.successful"]),
    (
        "certificates.k8s.io",
        "certificatesigningrequests",
        &["spec.signerName"],
    ),
];

fn check_field(resource: &Resource, field: &str) -> Result<(), ApiError> {
    if field == "metadata.name"
        || (field == "metadata.namespace"
            && resource.custom.as_ref().is_none_or(|_| resource.namespaced))
    {
        return Ok(());
    }
    let own = SELECTABLE
        .iter()
        .find(|(group, plural, _)| *group == resource.group && *plural == resource.plural);
    let custom = resource
        .custom
        .as_ref()
        .is_some_and(|custom| custom.selects_by(field));
    if custom || own.is_some_and(|(_, _, fields)| fields.contains(&field)) {
        return Ok(());
    }
    let own = own.filter(|(_, _, fields)| !fields.is_empty());
    Err(ApiError::bad_request(
        match (resource.group.as_str(), own) {
            ("batch", Some(_)) => {
                format!("field label {field:?} not supported for {}", resource.kind)
            }
            (_, Some(_)) => format!("field label not supported: {field}"),
            _ if resource.custom.is_some() => format!("field label not supported: {field}"),
            _ => format!(
                "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            ),
        },
    ))
}

/// The field of the stored object that a selector means: Events are kept as
/// those of the core group.
fn stored_field(resource: &Resource, field: &Text) -> Text {
    if resource.group != "events.k8s.io" {
        return field.clone();
    }
    match field.strip_prefix("regarding.") {
        Some(rest) => ecow::eco_format!("involvedObject.{rest}"),
        None if field == "reportingController" => "reportingComponent".into(),
        None => field.clone(),
    }
}

/// A field as selectors see it: the text at the path, empty if missing.
#[must_use]
pub fn field_text(object: &Value, path: &str) -> Text {
    match path {
        "source" => return event_source(object),
        "spec.unschedulable" | "spec.hostNetwork"
            if object.at(&path.split('.').collect::<Vec<_>>()).is_none() =>
        {
            return "false".into();
        }
        "status.successful" => {
            return ecow::eco_format!("{}", object.i64_at(&["status", "succeeded"]).unwrap_or(0));
        }
        "status.replicas" => {
            return ecow::eco_format!("{}", object.i64_at(&["status", "replicas"]).unwrap_or(0));
        }
        _ => {}
    }
    match object.at(&path.split('.').collect::<Vec<_>>()) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(truth)) => {
            if *truth {
                "true".into()
            } else {
                "false".into()
            }
        }
        Some(Value::Integer(number)) => ecow::eco_format!("{number}"),
        _ => Text::new(),
    }
}

/// An event's source component, or its reporting controller.
fn event_source(object: &Value) -> Text {
    let source = object
        .str_at(&["source", "component"])
        .filter(|text| !text.is_empty());
    source
        .or_else(|| object.str_at(&["reportingComponent"]))
        .unwrap_or("")
        .into()
}
