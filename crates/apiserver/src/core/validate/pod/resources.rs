//! Requests, limits and claims of resources.

use crate::core::status::Cause;
use crate::core::validate::at::{At, Causes};
use std::collections::{BTreeMap, HashSet};
use trueup_object::{Quantity, names};

const HUGE_PAGES: &str = "hugepages-";
/// Resources that the API itself counts, without a domain.
const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// The resources of a container.
pub(super) fn container(causes: &mut Causes, resources: &At<'_>, pod_claims: &At<'_>) {
    requirements(causes, resources, container_resource_name);
    claims(causes, &resources.get("claims"), pod_claims);
}

/// What a Pod needs beside its containers.
pub(in crate::core::validate) fn overhead(causes: &mut Causes, overhead: &At<'_>) {
    for (name, amount) in overhead.entries() {
        let amount = amount.called(format!("{}.limits[{name}]", overhead.path()));
        container_resource_name(causes, name, amount.path());
        amount_of(causes, name, &amount);
    }
}

/// The resources of a Pod as a whole.
pub(super) fn pod_level(causes: &mut Causes, spec: &At<'_>) {
    let resources = spec.get("resources");
    if !resources.is_set() {
        return;
    }
    if spec.at(&["os", "name"]).text() == "windows" {
        return resources.forbidden(causes, "may not be set for a windows pod");
    }
    if resources.get("claims").is_set() {
        let detail = "claims may not be set for Resources at pod-level";
        resources.get("claims").forbidden(causes, detail);
    }
    requirements(causes, &resources, pod_resource_name);
    within_pod(causes, spec, &resources);
}

/// What containers ask for together fits into what their Pod asks for.
fn within_pod(causes: &mut Causes, spec: &At<'_>, resources: &At<'_>) {
    let wanted = requested_together(spec);
    for (name, amount) in resources.get("requests").entries() {
        if let (Some(limit), Some(sum)) = (amount.quantity(), wanted.get(name))
            && sum.nanos() > limit.nanos()
        {
            let detail =
                format!("must be greater than or equal to aggregate container requests of {sum}");
            super::invalid(causes, amount.path(), &limit.to_string(), &detail);
        }
    }
    for (index, container) in spec.get("containers").items().enumerate() {
        for (name, amount) in container.at(&["resources", "limits"]).entries() {
            let most = resources.get("limits").get(name).quantity();
            if let (Some(limit), Some(most)) = (amount.quantity(), most)
                && limit.nanos() > most.nanos()
            {
                let path = format!("{}.containers[{index}][{name}].limits", resources.path());
                let detail = format!("must be less than or equal to pod limits of {most}");
                super::invalid(causes, path, &limit.to_string(), &detail);
            }
        }
    }
}

/// Requests of containers and of init containers that keep running.
fn requested_together<'a>(spec: &At<'a>) -> BTreeMap<&'a str, Quantity> {
    let beside = spec
        .get("initContainers")
        .items()
        .filter(|container| container.get("restartPolicy").text() == "Always");
    let mut sums: BTreeMap<&str, Quantity> = BTreeMap::new();
    for container in spec.get("containers").items().chain(beside) {
        for (name, amount) in container.at(&["resources", "requests"]).entries() {
            let Some(amount) = amount.quantity() else {
                continue;
            };
            let sum = match sums.get(name) {
                Some(sum) => sum.plus(amount),
                None => amount,
            };
            sums.insert(name, sum);
        }
    }
    sums
}

type NameRule = fn(&mut Causes, &str, &str);

fn requirements(causes: &mut Causes, resources: &At<'_>, name_rule: NameRule) {
    let (limits, requests) = (resources.get("limits"), resources.get("requests"));
    for (name, amount) in limits.entries() {
        name_rule(causes, name, amount.path());
        amount_of(causes, name, &amount);
        huge_pages(causes, name, &amount);
    }
    for (name, amount) in requests.entries() {
        name_rule(causes, name, amount.path());
        amount_of(causes, name, &amount);
        against_limit(causes, name, &amount, &limits, requests.path());
        huge_pages(causes, name, &amount);
    }
    let any = |wanted: fn(&str) -> bool| {
        limits.entries().any(|(name, _)| wanted(name))
            || requests.entries().any(|(name, _)| wanted(name))
    };
    if any(|name| name.starts_with(HUGE_PAGES)) && !any(|name| name == "cpu" || name == "memory") {
        resources.forbidden(causes, "HugePages require cpu or memory");
    }
}

fn against_limit(causes: &mut Causes, name: &str, amount: &At<'_>, limits: &At<'_>, path: &str) {
    let overcommits = is_native(name) && !name.starts_with(HUGE_PAGES);
    let limit = limits.get(name);
    if !limit.is_set() {
        if !overcommits {
            let detail = "Limit must be set for non overcommitable resources";
            limits.required(causes, detail);
        }
        return;
    }
    let (Some(request), Some(limit)) = (amount.quantity(), limit.quantity()) else {
        return;
    };
    if request != limit && !overcommits {
        let detail = format!("must be equal to {name} limit of {limit}");
        super::invalid(causes, path, &request.to_string(), &detail);
    } else if request > limit {
        let detail = format!("must be less than or equal to {name} limit of {limit}");
        super::invalid(causes, path, &request.to_string(), &detail);
    }
}

/// An amount must not be negative; what is counted comes in whole numbers.
pub(in crate::core::validate) fn amount_of(causes: &mut Causes, name: &str, amount: &At<'_>) {
    let Some(quantity) = amount.quantity() else {
        return;
    };
    if quantity.nanos() < 0 {
        let detail = "must be greater than or equal to 0";
        super::invalid(causes, amount.path(), &quantity.to_string(), detail);
    }
    let counted = COUNTED.contains(&name) || is_extended(name);
    if counted && quantity.milli_units() % 1000 != 0 {
        let shown = format!("{:?}", quantity.to_string());
        causes.push(Cause::invalid(amount.path(), shown, "must be an integer"));
    }
}

fn huge_pages(causes: &mut Causes, name: &str, amount: &At<'_>) {
    let Some(size) = name.strip_prefix(HUGE_PAGES) else {
        return;
    };
    let Some(quantity) = amount.quantity() else {
        return;
    };
    let divides = Quantity::parse(size)
        .is_ok_and(|size| size.nanos() > 0 && quantity.units() % size.units() == 0);
    if !divides {
        let detail = format!("{quantity} is not positive integer multiple of {name}");
        super::invalid(causes, amount.path(), &quantity.to_string(), &detail);
    }
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && names::is_qualified_name(&format!("requests.{name}"))
}

/// The name of a resource: a known one, or one with a domain.
pub(in crate::core::validate) fn resource_name(causes: &mut Causes, name: &str, path: &str) {
    let errors = names::qualified_name_errors(name);
    if !errors.is_empty() {
        for error in errors {
            super::invalid(causes, path, name, &error);
        }
        return;
    }
    let known = STANDARD.contains(&name)
        || name.starts_with(HUGE_PAGES)
        || name.starts_with("requests.hugepages-");
    if !name.contains('/') && !known {
        let detail = "must be a standard resource type or fully qualified";
        super::invalid(causes, path, name, detail);
    }
}

/// The name of a resource that containers have.
pub(in crate::core::validate) fn container_resource_name(
    causes: &mut Causes,
    name: &str,
    path: &str,
) {
    resource_name(causes, name, path);
    let of_containers =
        ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with(HUGE_PAGES);
    if !name.contains('/') && !of_containers {
        let detail = "must be a standard resource for containers";
        super::invalid(causes, path, name, detail);
    } else if name.contains('/') && !is_native(name) && !is_extended(name) {
        let detail = "doesn't follow extended resource name standard";
        super::invalid(causes, path, name, detail);
    }
}

fn pod_resource_name(causes: &mut Causes, name: &str, path: &str) {
    let before = causes.len();
    resource_name(causes, name, path);
    let known = ["cpu", "memory"].contains(&name) || name.starts_with(HUGE_PAGES);
    if causes.len() == before && !known {
        let shown = format!("{name:?}");
        causes.push(Cause::unsupported(path, shown, &["cpu", "memory"]));
    }
}

/// The claims that a Pod makes.
pub(super) fn pod_claims(causes: &mut Causes, claims: &At<'_>) {
    let mut seen = HashSet::new();
    for claim in claims.items() {
        let name = claim.get("name");
        if !name.text().is_empty() && seen.contains(name.text()) {
            name.duplicate(causes);
        } else {
            name.required_label(causes);
            seen.insert(name.text());
        }
        let (own, template) = (
            claim.get("resourceClaimName"),
            claim.get("resourceClaimTemplateName"),
        );
        if own.is_set() && template.is_set() {
            let detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
            claim.invalid(causes, detail);
        }
        if !own.is_set() && !template.is_set() {
            let detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
            claim.invalid(causes, detail);
        }
        for reference in [own, template].iter().filter(|it| it.is_set()) {
            reference.dns_subdomain(causes);
        }
    }
}

/// The claims that a container uses are those of its Pod.
fn claims(causes: &mut Causes, claims: &At<'_>, pod_claims: &At<'_>) {
    let mut known: Vec<&str> = pod_claims.items().map(|it| it.get("name").text()).collect();
    known.sort_unstable();
    let mut seen = HashSet::new();
    for claim in claims.items() {
        let name = claim.get("name").called(claim.path().to_owned());
        if name.text().is_empty() {
            name.required(causes, "");
            continue;
        }
        let request = claim.get("request");
        if !request.text().is_empty() {
            request.dns_label(causes);
        }
        if !seen.insert((name.text(), request.text())) {
            name.duplicate(causes);
        }
        if !known.contains(&name.text()) {
            let which = if known.is_empty() {
                " which is empty".to_owned()
            } else {
                format!(": {}", known.join(", "))
            };
            let detail = format!("must be one of the names in pod.spec.resourceClaims{which}");
            name.not_found(causes, &detail);
        }
    }
}
