//! One generated object: what of it is ours, and how a live one differs.

use super::RouterError;
use super::error::describe;
use super::fields::{Fields, whole};
use super::subject::Subject;
use super::write::Write;
use std::collections::BTreeMap;
use trueup_object::{Map, ObjectRef, Text, Value};

/// One generated object as it should be. Only what is named here is ours:
/// other fields, labels and annotations are left as they are.
pub(super) struct Manifest {
    reference: ObjectRef,
    labels: BTreeMap<Text, Text>,
    /// `None` is an annotation that must not be there.
    annotations: BTreeMap<Text, Option<Text>>,
    fields: Vec<OwnedField>,
    routes: Vec<OwnedField>,
    route_annotations: BTreeMap<Text, Option<Text>>,
}

/// A field that is ours altogether.
struct OwnedField {
    path: &'static [&'static str],
    /// `None` is a field that must not be there.
    value: Option<Value>,
    completed: fn(&Value) -> Value,
}

impl Manifest {
    /// An object of which nothing is ours yet.
    pub(super) fn new(reference: ObjectRef) -> Self {
        Self {
            reference,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            fields: Vec::new(),
            routes: Vec::new(),
            route_annotations: BTreeMap::new(),
        }
    }

    /// An object with the metadata of the apex Service.
    pub(super) fn with_apex_metadata(reference: ObjectRef, subject: &Subject<'_>) -> Self {
        Self::new(reference)
            .labels(subject.apex_labels())
            .annotations(subject.apex_annotations())
    }

    /// Adds labels.
    pub(super) fn labels(mut self, labels: BTreeMap<Text, Text>) -> Self {
        self.labels.extend(labels);
        self
    }

    /// Adds annotations; `None` is one that must not be there.
    pub(super) fn annotations(
        mut self,
        annotations: impl IntoIterator<Item = (Text, Option<Text>)>,
    ) -> Self {
        self.annotations.extend(annotations);
        self
    }

    /// Adds a field.
    pub(super) fn field(self, path: &'static [&'static str], value: Option<Value>) -> Self {
        self.completed_field(path, value, Value::clone)
    }

    /// Adds a field whose defaults the API fills in as `completed` does.
    pub(super) fn completed_field(
        mut self,
        path: &'static [&'static str],
        value: Option<Value>,
        completed: fn(&Value) -> Value,
    ) -> Self {
        self.fields.push(OwnedField {
            path,
            value,
            completed,
        });
        self
    }

    /// Adds a field that says how traffic is shared.
    pub(super) fn route(self, path: &'static [&'static str], value: Option<Value>) -> Self {
        self.completed_route(path, value, Value::clone)
    }

    /// Adds a field that says how traffic is shared and whose defaults the
    /// API fills in as `completed` does.
    pub(super) fn completed_route(
        mut self,
        path: &'static [&'static str],
        value: Option<Value>,
        completed: fn(&Value) -> Value,
    ) -> Self {
        self.routes.push(OwnedField {
            path,
            value,
            completed,
        });
        self
    }

    /// Adds annotations that say how traffic is shared.
    pub(super) fn route_annotations(
        mut self,
        annotations: impl IntoIterator<Item = (Text, Option<Text>)>,
    ) -> Self {
        self.route_annotations.extend(annotations);
        self
    }

    /// Which object it is.
    pub(super) fn reference(&self) -> &ObjectRef {
        &self.reference
    }

    /// What makes the object so: nothing if it is so already.
    pub(super) fn reconcile(
        &self,
        live: Option<&Value>,
        subject: &Subject<'_>,
    ) -> Result<Option<Write>, RouterError> {
        match live {
            None => Ok(Some(Write::Create(self.created(subject)))),
            Some(live) => self.corrected(live, subject),
        }
    }

    /// What makes the object share traffic so, and changes nothing else: an
    /// error if there is no object, nothing if it does so already or has no
    /// part in it.
    pub(super) fn shift(&self, live: Option<&Value>) -> Result<Option<Write>, RouterError> {
        if self.routes.is_empty() && self.route_annotations.is_empty() {
            return Ok(None);
        }
        let live = live.ok_or_else(|| RouterError::missing(&self.reference))?;
        self.check_shape(live)?;
        let mut wanted = live.clone();
        set_annotations(&mut wanted, self.route_annotations.iter());
        for field in &self.routes {
            field.set_in(&mut wanted);
        }
        Ok(Write::replacing(live, wanted))
    }

    fn created(&self, subject: &Subject<'_>) -> Value {
        let mut object = Value::map();
        let api_version = self.reference.kind.api_version();
        object.set_at(&["apiVersion"], api_version.into());
        object.set_at(&["kind"], self.reference.kind.kind.clone().into());
        object.set_at(&["metadata", "name"], self.reference.name.clone().into());
        let namespace = self.reference.namespace.clone();
        object.set_at(&["metadata", "namespace"], namespace.into());
        if let Some(owner) = subject.owner_reference() {
            object.set_at(&["metadata", "ownerReferences"], vec![owner].into());
        }
        self.set_all_in(&mut object, subject);
        object
    }

    fn corrected(&self, live: &Value, subject: &Subject<'_>) -> Result<Option<Write>, RouterError> {
        self.check_shape(live)?;
        let mut wanted = live.clone();
        self.set_all_in(&mut wanted, subject);
        Ok(Write::replacing(live, wanted))
    }

    fn set_all_in(&self, object: &mut Value, subject: &Subject<'_>) {
        let unmanaged = subject.service().unmanaged_metadata.as_ref();
        let left_alone =
            |keys: Option<&Vec<Text>>, key: &Text| keys.is_some_and(|keys| keys.contains(key));
        let labels = unmanaged.map(|unmanaged| &unmanaged.labels);
        for (key, value) in &self.labels {
            if !left_alone(labels, key) {
                object.set_at(&["metadata", "labels", key.as_str()], value.clone().into());
            }
        }
        let annotations = unmanaged.map(|unmanaged| &unmanaged.annotations);
        let managed = self.annotations.iter();
        let managed = managed.filter(|(key, _)| !left_alone(annotations, key));
        set_annotations(object, managed.chain(&self.route_annotations));
        for field in self.fields.iter().chain(&self.routes) {
            field.set_in(object);
        }
    }

    /// That everything on the way to what is ours is a map, so that setting it
    /// destroys nothing.
    fn check_shape(&self, live: &Value) -> Result<(), RouterError> {
        let fields = Fields::of(describe(&self.reference), live)?;
        let metadata = fields.section("metadata")?;
        metadata.text_map("labels")?;
        metadata.text_map("annotations")?;
        for field in self.fields.iter().chain(&self.routes) {
            if let Some((_, parents)) = field.path.split_last() {
                fields.below(parents)?;
            }
        }
        Ok(())
    }
}

impl OwnedField {
    /// Sets the field, or removes it, unless it means the same already.
    fn set_in(&self, object: &mut Value) {
        let live = object.at(self.path);
        if self.meaning(live) == self.meaning(self.value.as_ref()) {
            return;
        }
        match &self.value {
            Some(value) => object.set_at(self.path, value.clone()),
            None => {
                object.remove_at(self.path);
            }
        }
    }

    fn meaning(&self, value: Option<&Value>) -> Option<Value> {
        value.and_then(|value| meaningful(&(self.completed)(value)))
    }
}

fn set_annotations<'a>(
    object: &mut Value,
    annotations: impl Iterator<Item = (&'a Text, &'a Option<Text>)>,
) {
    for (key, value) in annotations {
        let path = ["metadata", "annotations", key.as_str()];
        match value {
            Some(value) => object.set_at(&path, value.clone().into()),
            None => {
                object.remove_at(&path);
            }
        }
    }
}

/// What of a value has a meaning: without `null`, empty lists and empty maps
/// as members, and with whole floats as integers; `None` if nothing is left.
fn meaningful(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Map(map) => {
            let members = map.iter();
            let kept: Map = members
                .filter_map(|(key, value)| Some((key.clone(), meaningful(value)?)))
                .collect();
            (!kept.is_empty()).then_some(Value::Map(kept))
        }
        // Items are counted: an empty one is still one.
        Value::List(list) => (!list.is_empty()).then(|| {
            let items = list.iter();
            items
                .map(|item| meaningful(item).unwrap_or_default())
                .collect()
        }),
        Value::Float(_) => Some(whole(value).map_or_else(|| value.clone(), Value::Integer)),
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn what_is_empty_means_nothing_but_an_empty_item_is_an_item() {
        let written = value!({"a": [], "b": {}, "c": null, "d": [{}], "e": 80.0});
        assert_eq!(meaningful(&written), Some(value!({"d": [null], "e": 80})));
        assert_eq!(meaningful(&value!({"a": {"b": {}}})), None);
    }
}
