//! Disruption budgets, priorities, quotas, limits, leases, runtime classes.

use super::at::{At, Causes};
use super::pod::{label_selector, resources, taint_effect};
use super::text_rules::network_errors;
use super::workloads::{at_most_all, count_or_percent};
use crate::core::status::Cause;
use std::collections::{BTreeSet, HashSet};
use trueup_object::{Quantity, Value, names};

pub(super) fn budget(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    let (least, most) = (spec.get("minAvailable"), spec.get("maxUnavailable"));
    if least.is_set() && most.is_set() {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        spec.invalid(&mut causes, detail);
    }
    for amount in [least, most].iter().filter(|it| it.is_set()) {
        count_or_percent(&mut causes, amount);
        at_most_all(&mut causes, amount);
    }
    label_selector(&mut causes, &spec.get("selector"));
    spec.get("unhealthyPodEvictionPolicy")
        .optional_one_of(&mut causes, &["AlwaysAllow", "IfHealthyBudget"]);
    causes
}

/// The most that a priority which users make may be.
const HIGHEST_USER_PRIORITY: i64 = 1_000_000_000;

pub(super) fn priority_class(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let value = root.get("value");
    if let Some(live) = live {
        if value.number().unwrap_or(0) != live.i64_at(&["value"]).unwrap_or(0) {
            let detail = "may not be changed in an update.";
            value.forbidden(&mut causes, detail);
        }
        let policy = root.get("preemptionPolicy");
        if policy.value() != live.get("preemptionPolicy") {
            policy.invalid(&mut causes, "field is immutable");
        }
        return causes;
    }
    let name = root.at(&["metadata", "name"]);
    let of_system = ["system-cluster-critical", "system-node-critical"].contains(&name.text());
    if name.text().starts_with("system-") && !of_system {
        let detail = "priority class names with 'system-' prefix are reserved for system use only";
        name.forbidden(&mut causes, detail);
    }
    if !of_system && value.number().unwrap_or(0) > HIGHEST_USER_PRIORITY {
        let detail =
            format!("maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}");
        value.forbidden(&mut causes, &detail);
    }
    let policy = root.get("preemptionPolicy");
    if policy.is_set() {
        policy.required_one_of(&mut causes, &["PreemptLowerPriority", "Never"]);
    }
    causes
}

pub(super) fn lease(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    let duration = spec.get("leaseDurationSeconds");
    if duration.number().is_some_and(|seconds| seconds <= 0) {
        duration.invalid(&mut causes, "must be greater than 0");
    }
    spec.get("leaseTransitions").not_negative(&mut causes);
    let (strategy, holder) = (spec.get("strategy"), spec.get("preferredHolder"));
    if !holder.text().is_empty() && strategy.text().is_empty() {
        let detail = "may only be specified if `strategy` is defined";
        holder.forbidden(&mut causes, detail);
    }
    causes
}

pub(super) fn runtime_class(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let handler = root.get("handler");
    if live.is_some_and(|live| live.get("handler") != handler.value()) {
        handler.invalid(&mut causes, "field is immutable");
    }
    if live.is_some() {
        return causes;
    }
    if handler.text().is_empty() {
        handler.required(&mut causes, "");
    } else {
        handler.dns_label(&mut causes);
    }
    let fixed = root.at(&["overhead", "podFixed"]);
    resources::overhead(&mut causes, &fixed.called("overhead".to_owned()));
    root.at(&["scheduling", "nodeSelector"]).labels(&mut causes);
    let tolerations = root.at(&["scheduling", "tolerations"]);
    super::pod::tolerations(&mut causes, &tolerations);
    let key = |toleration: &At<'_>| {
        ["key", "operator", "value", "effect"].map(|key| toleration.get(key).text().to_owned())
    };
    let mut seen = HashSet::new();
    for toleration in tolerations.items() {
        if !seen.insert(key(&toleration)) {
            toleration.duplicate(&mut causes);
        }
    }
    causes
}

pub(super) fn quota(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    for (name, amount) in spec.get("hard").entries() {
        resources::resource_name(&mut causes, name, amount.path());
        resources::amount_of(&mut causes, name, &amount);
        if name == "storage" {
            let detail = "must be a standard resource for quota";
            causes.push(Cause::invalid(amount.path(), format!("{name:?}"), detail));
        }
    }
    scopes(&mut causes, &spec);
    scope_selector(&mut causes, &spec);
    if let Some(live) = live {
        let set = |object: &Value| -> BTreeSet<String> {
            let scopes = At::root(object).at(&["spec", "scopes"]);
            scopes.items().map(|it| it.text().to_owned()).collect()
        };
        if set(object) != set(live) {
            spec.get("scopes")
                .invalid(&mut causes, "field is immutable");
        }
    }
    causes
}

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
const COMPUTE: [&str; 6] = [
    "cpu",
    "memory",
    "limits.cpu",
    "limits.memory",
    "requests.cpu",
    "requests.memory",
];

/// Whether a scope can restrict the count of a resource.
fn scope_fits(scope: &str, resource: &str) -> bool {
    match scope {
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => {
            ["persistentvolumeclaims", "requests.storage"].contains(&resource)
        }
        scope if SCOPES.contains(&scope) => resource == "pods" || COMPUTE.contains(&resource),
        _ => true,
    }
}

fn scopes(causes: &mut Causes, spec: &At<'_>) {
    let scopes = spec.get("scopes");
    for scope in scopes.items() {
        if !SCOPES.contains(&scope.text()) {
            scopes.invalid(causes, "unsupported scope");
        }
        for (resource, _) in spec.get("hard").entries() {
            if !resource.contains('/') && !scope_fits(scope.text(), resource) {
                scopes.invalid(causes, "unsupported scope applied to resource");
            }
        }
    }
    for pair in [
        ["BestEffort", "NotBestEffort"],
        ["Terminating", "NotTerminating"],
    ] {
        if pair
            .iter()
            .all(|wanted| scopes.items().any(|scope| scope.text() == *wanted))
        {
            scopes.invalid(causes, "conflicting scopes");
        }
    }
}

fn scope_selector(causes: &mut Causes, spec: &At<'_>) {
    const EXISTS_ONLY: &str = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    let selector = spec.get("scopeSelector");
    let expressions = "scopeSelector.matchExpressions";
    for requirement in selector.get("matchExpressions").items() {
        let at = requirement.called(spec.child(expressions));
        let (scope, operator, values) = (at.get("scopeName"), at.get("operator"), at.get("values"));
        if !SCOPES.contains(&scope.text()) {
            scope.invalid(causes, "unsupported scope");
        }
        for (resource, _) in spec.get("hard").entries() {
            if !resource.contains('/') && !scope_fits(scope.text(), resource) {
                selector
                    .called(at.path().to_owned())
                    .invalid(causes, "unsupported scope applied to resource");
            }
        }
        let by_class = ["PriorityClass", "VolumeAttributesClass"].contains(&scope.text());
        if SCOPES.contains(&scope.text()) && !by_class && operator.text() != "Exists" {
            operator.invalid(causes, EXISTS_ONLY);
        }
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => values.required(
                causes,
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            ),
            "Exists" | "DoesNotExist" if !values.is_empty() => values.invalid(
                causes,
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => operator.invalid(causes, "not a valid selector operator"),
        }
    }
}

pub(super) fn limit_range(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let mut kinds = HashSet::new();
    for limit in At::root(object).at(&["spec", "limits"]).items() {
        let kind = limit.get("type");
        limit_type(&mut causes, &kind);
        if !kinds.insert(kind.text()) {
            kind.duplicate(&mut causes);
        }
        limit_names(&mut causes, &limit);
        limit_amounts(&mut causes, &limit);
    }
    causes
}

fn limit_type(causes: &mut Causes, kind: &At<'_>) {
    let errors = names::qualified_name_errors(kind.text());
    let known = ["Pod", "Container", "PersistentVolumeClaim"].contains(&kind.text());
    if errors.is_empty() && !kind.text().contains('/') && !known {
        let detail = "must be a standard limit type or fully qualified";
        kind.invalid(causes, detail);
    }
    kind.rules(causes, errors);
}

fn limit_names(causes: &mut Causes, limit: &At<'_>) {
    let kind = limit.get("type").text();
    let name_rule = if ["Pod", "Container"].contains(&kind) {
        resources::container_resource_name
    } else {
        resources::resource_name
    };
    for key in [
        "max",
        "min",
        "default",
        "defaultRequest",
        "maxLimitRequestRatio",
    ] {
        let amounts = limit.get(key);
        if kind == "Pod" && key.starts_with("default") {
            if !amounts.is_empty() {
                let detail = "may not be specified when `type` is 'Pod'";
                amounts.forbidden(causes, detail);
            }
            continue;
        }
        if key == "maxLimitRequestRatio" {
            storage_bounds(causes, limit);
        }
        for (name, amount) in amounts.entries() {
            name_rule(causes, name, amount.path());
        }
    }
}

fn storage_bounds(causes: &mut Causes, limit: &At<'_>) {
    let bounded = ["min", "max"]
        .iter()
        .any(|key| limit.get(key).get("storage").is_set());
    if limit.get("type").text() == "PersistentVolumeClaim" && !bounded {
        let detail =
            "either minimum or maximum storage value is required, but neither was provided";
        limit.get("limits").required(causes, detail);
    }
}

/// Minimum, default request, default and maximum come in this order.
fn limit_amounts(causes: &mut Causes, limit: &At<'_>) {
    let keys: BTreeSet<&str> = ["max", "min", "default", "defaultRequest"]
        .iter()
        .flat_map(|key| limit.get(key).entries().map(|(name, _)| name))
        .chain(
            limit
                .get("maxLimitRequestRatio")
                .entries()
                .map(|(name, _)| name),
        )
        .collect();
    for name in keys {
        let amount = |key: &str| limit.get(key).get(name).quantity();
        let mut ordered = |low: (&str, &str), high: (&str, &str), blamed: (&str, &str)| {
            if let (Some(least), Some(most), Some(shown)) =
                (amount(low.0), amount(high.0), amount(blamed.1))
                && least > most
            {
                let detail = format!(
                    "{} value {least} is greater than {} value {most}",
                    low.1, high.1
                );
                let path = format!("{}[{name}]", limit.child(blamed.0));
                let shown = format!("{:?}", shown.to_string());
                causes.push(Cause::invalid(path, shown, &detail));
            }
        };
        let (min, max) = (("min", "min"), ("max", "max"));
        let (request, default) = (
            ("defaultRequest", "default request"),
            ("default", "default limit"),
        );
        ordered(min, max, ("min", "min"));
        ordered(min, request, ("defaultRequest", "defaultRequest"));
        ordered(request, max, ("defaultRequest", "defaultRequest"));
        ordered(request, default, ("defaultRequest", "defaultRequest"));
        ordered(min, ("default", "default"), ("default", "min"));
        ordered(("default", "default"), max, ("default", "max"));
        let ratio = limit.get("maxLimitRequestRatio").get(name);
        let path = format!("{}[{name}]", limit.child("maxLimitRequestRatio"));
        ratio_bounds(causes, &ratio.called(path), amount("min"), amount("max"));
    }
}

fn ratio_bounds(causes: &mut Causes, ratio: &At<'_>, min: Option<Quantity>, max: Option<Quantity>) {
    let Some(amount) = ratio.quantity() else {
        return;
    };
    if amount.milli_units() < 1000 {
        ratio.invalid(causes, &format!("ratio {amount} is less than 1"));
    }
    if let (Some(min), Some(max)) = (min, max)
        && min.nanos() != 0
    {
        #[expect(clippy::cast_precision_loss, reason = "the message shows six places")]
        let (wanted, most) = (
            amount.milli_units() as f64 / 1000.0,
            max.milli_units() as f64 / min.milli_units() as f64,
        );
        if wanted > most {
            let detail = format!("ratio {amount} is greater than max/min = {most:.6}");
            ratio.invalid(causes, &detail);
        }
    }
}

/// The finalizers of a new namespace.
pub(super) fn namespace(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let names = At::root(object).at(&["spec", "finalizers"]);
    for name in names.items() {
        let name = name.called(names.path().to_owned());
        name.qualified_name(&mut causes);
        let standard = ["kubernetes", "orphan", "foregroundDeletion"].contains(&name.text());
        if !name.text().contains('/') && !standard {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            name.invalid(&mut causes, detail);
        }
    }
    causes
}

pub(super) fn node(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    taints(&mut causes, &root.at(&["spec", "taints"]));
    if live.is_none() {
        for network in root.at(&["spec", "podCIDRs"]).items() {
            network.rules(&mut causes, network_errors(network.text()));
        }
    }
    for kind in ["capacity", "allocatable"] {
        for (name, amount) in root.at(&["status", kind]).entries() {
            let path = format!("status.{kind}.{name}");
            resources::amount_of(&mut causes, name, &amount.called(path));
        }
    }
    let Some(live) = live else {
        return causes;
    };
    for (key, called) in [("podCIDRs", "podCIDR"), ("providerID", "providerID")] {
        let before = live.at(&["spec", key]);
        if before.is_some() && object.at(&["spec", key]) != before {
            let detail = format!("node updates may not change {called} except from \"\" to valid");
            root.at(&["spec", key]).forbidden(&mut causes, &detail);
        }
    }
    causes
}

fn taints(causes: &mut Causes, taints: &At<'_>) {
    let mut seen = HashSet::new();
    for taint in taints.items() {
        let index = taint.path().rsplit_once('[').map_or("", |(_, index)| index);
        let at = taint.called(format!("metadata.taints[{index}"));
        let (key, value) = (at.get("key"), at.get("value"));
        key.qualified_name(causes);
        let errors = names::label_value_errors(value.text());
        if !errors.is_empty() {
            value.invalid(causes, &errors.join(";"));
        }
        taint_effect(causes, &at.get("effect"));
        if !seen.insert((key.text(), at.get("effect").text())) {
            let message = format!(
                "Duplicate value: {}: taints must be unique by key and effect pair",
                at.shown()
            );
            causes.push(Cause::new("FieldValueDuplicate", at.path(), message));
        }
    }
}
