//! What an object of a built-in type holds before anything is set.
//!
//! The server holds built-in objects as Go structs. A struct that is part of
//! another is there from the start, and so is a field that is always written;
//! a POST does not "add" these, so nobody owns them afterwards.

use crate::types::{Form, MapType, Scalar, Type};
use trueup_object::{Map, Text, Value};

/// How deep structs are followed; none nests deeper.
const MAX_ZERO_DEPTH: usize = 16;

/// The new object; empty for a type that is not built in.
pub(crate) fn zero_object(typ: &Type) -> Value {
    match (typ.definition_name(), typ.atom().form(None)) {
        (Some(name), Form::Map(map)) => struct_of(name, map, Place::Object, 0),
        _ => Value::map(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Object,
    Below,
}

fn struct_of(definition: &str, map: &MapType, place: Place, depth: usize) -> Value {
    let part = |name: &Text| {
        let top = place == Place::Object && ["metadata", "spec", "status"].contains(&name.as_str());
        top || is_part(definition, name)
    };
    let members = map.fields.iter().filter_map(|field| {
        let zero = if part(&field.name) || field.required {
            zero(&field.typ, depth + 1)
        } else {
            None
        };
        Some((field.name.clone(), zero?))
    });
    Value::Map(members.collect::<Map>())
}

fn zero(typ: &Type, depth: usize) -> Option<Value> {
    if depth > MAX_ZERO_DEPTH {
        return None;
    }
    Some(match (typ.atom().form(None), typ.definition_name()) {
        (Form::Scalar(Scalar::Numeric), _) => Value::Integer(0),
        (Form::Scalar(Scalar::String), _) => Value::from(""),
        (Form::Scalar(Scalar::Boolean), _) => Value::Bool(false),
        (Form::Map(map), Some(name)) if !map.fields.is_empty() => {
            struct_of(name, map, Place::Below, depth)
        }
        _ => Value::Null,
    })
}

/// Fields that are there from the start though they may be left out of JSON:
/// structs that are no references, and lists and scalars that are always
/// written; by the last parts of the definition's name.
const PARTS: &[(&str, &[&str])] = &[
    ("ClusterRole", &["rules"]),
    ("Container", &["resources"]),
    ("ContainerStatus", &["state", "lastState"]),
    ("CronJobSpec", &["jobTemplate"]),
    (
        "CustomResourceDefinitionStatus",
        &["acceptedNames", "conditions", "storedVersions"],
    ),
    ("DaemonSetSpec", &["template", "updateStrategy"]),
    ("DeploymentSpec", &["template", "strategy"]),
    ("DeviceClaim", &["requests"]),
    ("Endpoint", &["conditions"]),
    ("EndpointSlice", &["endpoints", "ports"]),
    ("EphemeralContainer", &["resources"]),
    (
        "Event",
        &[
            "involvedObject",
            "source",
            "deprecatedSource",
            "regarding",
            "firstTimestamp",
            "lastTimestamp",
            "deprecatedFirstTimestamp",
            "deprecatedLastTimestamp",
            "eventTime",
            "reportingComponent",
            "reportingInstance",
        ],
    ),
    (
        "FlowSchemaSpec",
        &["priorityLevelConfiguration", "matchingPrecedence"],
    ),
    ("HorizontalPodAutoscalerStatus", &["currentMetrics"]),
    ("IngressStatus", &["loadBalancer"]),
    ("JobSpec", &["template"]),
    ("JobTemplateSpec", &["metadata", "spec"]),
    ("LimitedPriorityLevelConfiguration", &["limitResponse"]),
    ("NetworkPolicySpec", &["podSelector"]),
    ("NodeDaemonEndpoints", &["kubeletEndpoint"]),
    ("NodeStatus", &["daemonEndpoints", "nodeInfo"]),
    ("PersistentVolumeClaimSpec", &["resources"]),
    ("PersistentVolumeClaimTemplate", &["metadata", "spec"]),
    (
        "PodDisruptionBudgetStatus",
        &[
            "currentHealthy",
            "desiredHealthy",
            "disruptionsAllowed",
            "expectedPods",
        ],
    ),
    ("PodTemplate", &["template"]),
    ("PodTemplateSpec", &["metadata", "spec"]),
    ("PriorityClass", &["value"]),
    ("ReplicaSetSpec", &["template"]),
    ("ResourceClaimSpec", &["devices"]),
    ("ResourceClaimTemplateSpec", &["metadata", "spec"]),
    ("Role", &["rules"]),
    ("RoleRef", &["apiGroup"]),
    ("ServiceStatus", &["loadBalancer"]),
    (
        "StatefulSetSpec",
        &["template", "updateStrategy", "serviceName"],
    ),
    ("StatefulSetStatus", &["availableReplicas"]),
    ("VolumeAttachmentSpec", &["source"]),
];

fn is_part(definition: &str, field: &str) -> bool {
    let kind = definition.rsplit('.').next().unwrap_or(definition);
    let row = PARTS.binary_search_by(|(name, _)| (*name).cmp(kind)).ok();
    row.is_some_and(|row| PARTS[row].1.contains(&field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemas;
    use trueup_object::GroupVersionKind;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(PARTS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_new_deployment_has_its_structs_and_the_fields_always_written() {
        let typ = Schemas::builtin()
            .type_for(&GroupVersionKind::new("apps/v1", "Deployment"))
            .unwrap();
        let zero = zero_object(&typ);
        assert_eq!(
            zero.at(&["spec", "template", "spec", "containers"]),
            Some(&Value::Null)
        );
        assert_eq!(zero.at(&["spec", "strategy"]), Some(&Value::map()));
        assert_eq!(zero.at(&["spec", "replicas"]), None);
    }
}
