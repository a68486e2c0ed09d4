//! Affinities and selectors.

use crate::core::validate::at::{At, Causes};
use std::collections::HashSet;
use trueup_object::names;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn all(causes: &mut Causes, affinity: &At<'_>) {
    let nodes = affinity.get("nodeAffinity");
    if nodes.get(REQUIRED).is_set() {
        node_selector(causes, &nodes.get(REQUIRED));
    }
    for term in nodes.get(PREFERRED).items() {
        weight(causes, &term);
        node_selector_term(causes, &term.get("preference"), Values::Free);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        for term in affinity.get(kind).get(REQUIRED).items() {
            pod_term(causes, &term);
        }
        for term in affinity.get(kind).get(PREFERRED).items() {
            weight(causes, &term);
            pod_term(causes, &term.get("podAffinityTerm"));
        }
    }
}

fn weight(causes: &mut Causes, term: &At<'_>) {
    let number = term.get("weight").number().unwrap_or(0);
    if !(1..=100).contains(&number) {
        causes.push(crate::core::status::Cause::invalid(
            term.child("weight"),
            number,
            "must be in the range 1-100",
        ));
    }
}

/// Whether the values of a node selector must be label values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Checked,
    Free,
}

/// A selector of nodes that must match.
pub(in crate::core::validate) fn node_selector(causes: &mut Causes, selector: &At<'_>) {
    let terms = selector.get("nodeSelectorTerms");
    if terms.is_empty() {
        return terms.required(causes, "must have at least one node selector term");
    }
    for term in terms.items() {
        node_selector_term(causes, &term, Values::Checked);
    }
}

fn node_selector_term(causes: &mut Causes, term: &At<'_>, values: Values) {
    for requirement in term.get("matchExpressions").items() {
        node_requirement(causes, &requirement, values);
    }
    for requirement in term.get("matchFields").items() {
        node_field_requirement(causes, &requirement);
    }
}

fn node_requirement(causes: &mut Causes, requirement: &At<'_>, checked: Values) {
    let (operator, values) = (requirement.get("operator"), requirement.get("values"));
    match operator.text() {
        "Gt" | "Lt" if values.list().len() != 1 => values.required(
            causes,
            "must be specified single value when `operator` is 'Lt' or 'Gt'",
        ),
        "Gt" | "Lt" => {}
        _ => set_operator(causes, &operator, &values),
    }
    requirement.get("key").qualified_name(causes);
    if checked == Values::Checked {
        label_values(causes, &values);
    }
}

/// The operators that label and node selectors share.
fn set_operator(causes: &mut Causes, operator: &At<'_>, values: &At<'_>) {
    match operator.text() {
        "In" | "NotIn" if values.is_empty() => values.required(
            causes,
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        "Exists" | "DoesNotExist" if !values.is_empty() => values.forbidden(
            causes,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => operator.invalid(causes, "not a valid selector operator"),
    }
}

fn label_values(causes: &mut Causes, values: &At<'_>) {
    for value in values.items() {
        value.rules(causes, names::label_value_errors(value.text()));
    }
}

fn node_field_requirement(causes: &mut Causes, requirement: &At<'_>) {
    let values = requirement.get("values");
    let operator = requirement.get("operator");
    match operator.text() {
        "In" | "NotIn" if values.list().len() != 1 => values.required(
            causes,
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ),
        "In" | "NotIn" => {}
        _ => operator.invalid(causes, "not a valid selector operator"),
    }
    let key = requirement.get("key");
    if key.text() == "metadata.name" {
        for value in values.items() {
            value.dns_subdomain(causes);
        }
    } else {
        key.invalid(causes, "not a valid field selector key");
    }
}

fn pod_term(causes: &mut Causes, term: &At<'_>) {
    label_selector(causes, &term.get("labelSelector"));
    label_selector(causes, &term.get("namespaceSelector"));
    for namespace in term.get("namespaces").items() {
        namespace.called(term.child("namespace")).dns_label(causes);
    }
    label_keys(causes, term);
    let topology = term.get("topologyKey");
    if topology.text().is_empty() {
        topology.required(causes, "can not be empty");
    }
    topology.qualified_name(causes);
}

/// A structured selector of labels, if there is one.
pub(in crate::core::validate) fn label_selector(causes: &mut Causes, selector: &At<'_>) {
    selector.get("matchLabels").labels(causes);
    for requirement in selector.get("matchExpressions").items() {
        let values = requirement.get("values");
        set_operator(causes, &requirement.get("operator"), &values);
        requirement.get("key").qualified_name(causes);
        label_values(causes, &values);
    }
}

/// Keys whose values are taken from the Pod itself.
pub(super) fn label_keys(causes: &mut Causes, term: &At<'_>) {
    let selector = term.get("labelSelector");
    let (matched, mismatched) = (term.get("matchLabelKeys"), term.get("mismatchLabelKeys"));
    for keys in [&matched, &mismatched] {
        if keys.is_empty() {
            continue;
        }
        if selector.is_set() {
            keys.items().for_each(|key| key.qualified_name(causes));
        } else {
            keys.forbidden(
                causes,
                "must not be specified when labelSelector is not set",
            );
        }
    }
    let mut selected: HashSet<&str> = selector
        .get("matchLabels")
        .entries()
        .map(|(key, _)| key)
        .collect();
    for requirement in selector.get("matchExpressions").items() {
        let key = requirement.get("key").text();
        let place = matched.items().position(|given| given.text() == key);
        if let Some(index) = place.filter(|_| selected.contains(key)) {
            let path = format!("{}[{index}]", term.path());
            let detail = "exists in both matchLabelKeys and labelSelector";
            super::invalid(causes, path, key, detail);
        }
        selected.insert(key);
    }
    let both = |key: &At<'_>| mismatched.items().any(|other| other.text() == key.text());
    for key in matched.items().filter(both) {
        key.invalid(
            causes,
            "exists in both matchLabelKeys and mismatchLabelKeys",
        );
    }
}
