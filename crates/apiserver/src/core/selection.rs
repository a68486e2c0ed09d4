//! Which objects of a resource a list or watch wants: namespace, labels,
//! fields.

use super::labels::LabelSelector;
use super::store::Stored;
use trueup_object::{Text, Value};

/// A namespace, a label selector and a field selector.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Namespace, empty for all.
    pub namespace: Text,
    /// Name, empty for all (`metadata.name=` narrows to it too).
    pub name: Text,
    /// Requirements on labels.
    pub labels: LabelSelector,
    /// Requirements on fields.
    pub fields: Vec<FieldRequirement>,
}

/// One `path=value` or `path!=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// The path as written, such as `spec.nodeName`.
    pub path: Text,
    /// The value to compare with.
    pub value: Text,
    /// Whether it must be equal or must differ.
    pub relation: Relation,
}

/// Equal or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The field has the value.
    Equal,
    /// The field has another value.
    Different,
}

impl Selection {
    /// Whether an object belongs to the selection.
    #[must_use]
    pub fn matches(&self, object: &Stored) -> bool {
        (self.namespace.is_empty() || object.key.namespace == self.namespace)
            && (self.name.is_empty() || object.key.name == self.name)
            && self
                .labels
                .matches(object.value().at(&["metadata", "labels"]))
            && self
                .fields
                .iter()
                .all(|requirement| requirement.matches(object.value()))
    }

    /// Whether anything beyond the namespace is asked.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        !self.name.is_empty() || !self.labels.is_empty() || !self.fields.is_empty()
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Value) -> bool {
        let found = field_text(object, &self.path);
        (found == self.value) == (self.relation == Relation::Equal)
    }
}

/// A field as selectors see it: the text at the path, empty if missing.
#[must_use]
pub fn field_text(object: &Value, path: &str) -> Text {
    let path = match path {
        "spec.unschedulable" => &["spec", "unschedulable"][..],
        "source" => return event_source(object),
        _ => &path.split('.').collect::<Vec<_>>(),
    };
    match object.at(path) {
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
