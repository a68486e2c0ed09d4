//! LimitRanges: what containers state if they state nothing, and how much or
//! how little may be asked for.

use super::amounts::{Amounts, Side, containers, read};
use super::{Change, Context};
use crate::core::defaults::each;
use crate::core::status::ApiError;
use crate::core::store::Stored;
use std::sync::Arc;
use trueup_object::{Map, Quantity, Text, Value};

const ANNOTATION: &str = "kubernetes.io/limit-ranger";
const LISTS: [(&str, &str); 2] = [
    ("containers", "container"),
    ("initContainers", "init container"),
];

fn ranges(context: &Context<'_>) -> Vec<Arc<Stored>> {
    context.list("", "limitranges", context.namespace)
}

fn limits(range: &Stored) -> &[Value] {
    range
        .value()
        .at(&["spec", "limits"])
        .and_then(Value::as_list)
        .unwrap_or_default()
}

/// Fills in the default requests and limits of a new Pod's containers, and
/// says so in an annotation.
pub(super) fn admit(context: &Context<'_>, pod: &mut Value) -> Result<(), ApiError> {
    if !context.creates("", "pods") {
        return Ok(());
    }
    for range in ranges(context) {
        let (mut limits_set, mut requests_set) = (Map::new(), Map::new());
        for limit in limits(&range)
            .iter()
            .filter(|limit| kind(limit) == "Container")
        {
            merge(&mut requests_set, limit.get("defaultRequest"));
            merge(&mut limits_set, limit.get("default"));
        }
        let mut told = Vec::new();
        for (list, what) in LISTS {
            each(pod, &["spec", list], |container| {
                let name: Text = container.str_at(&["name"]).unwrap_or_default().into();
                let sides = [
                    ("limits", &limits_set, "limit"),
                    ("requests", &requests_set, "request"),
                ];
                let set = sides.map(|(side, amounts, word)| {
                    let names = fill(container, side, amounts);
                    (!names.is_empty())
                        .then(|| format!("{} {word} for {what} {name}", names.join(", ")))
                });
                told.extend(set.into_iter().rev().flatten());
            });
        }
        if !told.is_empty() {
            let text = format!("LimitRanger plugin set: {}", told.join("; "));
            pod.set_at(&["metadata", "annotations", ANNOTATION], text.into());
        }
    }
    Ok(())
}

fn kind(limit: &Value) -> &str {
    limit.str_at(&["type"]).unwrap_or_default()
}

fn merge(into: &mut Map, amounts: Option<&Value>) {
    for (name, amount) in amounts.and_then(Value::as_map).into_iter().flatten() {
        into.insert(name.clone(), amount.clone());
    }
}

/// Sets what a container lacks; returns the names.
fn fill(container: &mut Value, side: &str, amounts: &Map) -> Vec<Text> {
    let mut names = Vec::new();
    for (name, amount) in amounts {
        if container.at(&["resources", side, name]).is_none() {
            container.set_at(&["resources", side, name], amount.clone());
            names.push(name.clone());
        }
    }
    names
}

/// Refuses what asks for too much or too little.
pub(super) fn validate(
    context: &Context<'_>,
    object: &Value,
    live: Option<&Value>,
) -> Result<(), ApiError> {
    let ending = live.is_some_and(|live| live.at(&["metadata", "deletionTimestamp"]).is_some());
    let resize = context.subresource == "resize" && context.change == Change::Update;
    let pod = context.creates("", "pods") || (context.is_of("", "pods") && resize);
    let claim = context.is_of("", "persistentvolumeclaims") && context.subresource.is_empty();
    if ending || !(pod || claim) {
        return Ok(());
    }
    for range in ranges(context) {
        let mut why = Vec::new();
        for limit in limits(&range) {
            match kind(limit) {
                "Container" if pod => {
                    for container in LISTS.iter().flat_map(|(list, _)| containers(object, list)) {
                        let requests = Side::Requests.of_container(container);
                        why.extend(exceeded(
                            limit,
                            &requests,
                            &Side::Limits.of_container(container),
                        ));
                    }
                }
                "Pod" if pod => {
                    let requests = Side::Requests.of_pod(object);
                    why.extend(exceeded(limit, &requests, &Side::Limits.of_pod(object)));
                }
                "PersistentVolumeClaim" if claim => {
                    why.extend(claimed(
                        limit,
                        &read(object.at(&["spec", "resources", "requests"])),
                    ));
                }
                _ => {}
            }
        }
        if !why.is_empty() {
            return Err(context.forbidden(object, &together(why)));
        }
    }
    Ok(())
}

/// Several reasons as one, each once.
fn together(why: Vec<String>) -> String {
    let mut once: Vec<String> = Vec::new();
    for reason in why {
        if !once.contains(&reason) {
            once.push(reason);
        }
    }
    match once.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

fn exceeded(limit: &Value, requests: &Amounts, limits: &Amounts) -> Vec<String> {
    let kind = kind(limit);
    let minima = read(limit.get("min"));
    let maxima = read(limit.get("max"));
    let ratios = read(limit.get("maxLimitRequestRatio"));
    let asked = |name: &Text| (requests.get(name).copied(), limits.get(name).copied());
    let too_little = minima.iter().filter_map(|(name, bound)| {
        let (request, limit) = asked(name);
        below(*bound, request, limit)
            .map(|but| format!("minimum {name} usage per {kind} is {bound}{but}"))
    });
    let too_much = maxima.iter().filter_map(|(name, bound)| {
        let (request, limit) = asked(name);
        above(*bound, request, limit)
            .map(|but| format!("maximum {name} usage per {kind} is {bound}{but}"))
    });
    let too_far = ratios.iter().filter_map(|(name, bound)| {
        let (request, limit) = asked(name);
        apart(*bound, request, limit).map(|but| {
            format!("{name} max limit to request ratio per {kind} is {bound}, but {but}")
        })
    });
    too_little.chain(too_much).chain(too_far).collect()
}

/// Claims have requests only.
fn claimed(limit: &Value, requests: &Amounts) -> Vec<String> {
    let kind = kind(limit);
    let minima = read(limit.get("min"));
    let maxima = read(limit.get("max"));
    let too_little = minima.iter().filter_map(|(name, bound)| {
        below(*bound, requests.get(name).copied(), None)
            .map(|but| format!("minimum {name} usage per {kind} is {bound}{but}"))
    });
    let too_much = maxima.iter().filter_map(|(name, bound)| {
        let but = match requests.get(name) {
            None => Some(".  No request is specified".to_owned()),
            Some(request) if request > bound => Some(format!(", but request is {request}")),
            Some(_) => None,
        };
        but.map(|but| format!("maximum {name} usage per {kind} is {bound}{but}"))
    });
    too_little.chain(too_much).collect()
}

fn below(bound: Quantity, request: Option<Quantity>, limit: Option<Quantity>) -> Option<String> {
    match (request, limit) {
        (None, _) => Some(".  No request is specified".to_owned()),
        (Some(request), _) if request < bound => Some(format!(", but request is {request}")),
        (_, Some(limit)) if limit < bound => Some(format!(", but limit is {limit}")),
        _ => None,
    }
}

fn above(bound: Quantity, request: Option<Quantity>, limit: Option<Quantity>) -> Option<String> {
    match (request, limit) {
        (_, None) => Some(".  No limit is specified".to_owned()),
        (_, Some(limit)) if limit > bound => Some(format!(", but limit is {limit}")),
        (Some(request), _) if request > bound => Some(format!(", but request is {request}")),
        _ => None,
    }
}

fn apart(bound: Quantity, request: Option<Quantity>, limit: Option<Quantity>) -> Option<String> {
    let some = |amount: Option<Quantity>| amount.filter(|it| it.nanos() != 0);
    let Some(request) = some(request) else {
        return Some("no request is specified or request is 0".to_owned());
    };
    let Some(limit) = some(limit) else {
        return Some("no limit is specified or limit is 0".to_owned());
    };
    #[expect(clippy::cast_precision_loss, reason = "the API server compares so too")]
    let (ratio, bound) = (
        limit.milli_units() as f64 / request.milli_units() as f64,
        bound.milli_units() as f64 / 1000.0,
    );
    (ratio > bound).then(|| format!("provided ratio is {ratio:.6}"))
}
