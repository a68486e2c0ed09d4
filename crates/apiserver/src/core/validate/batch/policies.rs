//! When a Job ends early: its `podFailurePolicy` and its `successPolicy`.

use super::super::at::{At, Causes};
use crate::core::status::Cause;
use std::collections::HashSet;

const MAX_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;

/// When a Job fails, by how its Pods did.
pub(super) fn failure_policy(causes: &mut Causes, spec: &At<'_>) {
    let rules = spec.at(&["podFailurePolicy", "rules"]);
    if rules.list().len() > MAX_RULES {
        rules.too_many(causes, MAX_RULES);
    }
    for rule in rules.items() {
        failure_rule(causes, &rule, spec);
    }
}

fn failure_rule(causes: &mut Causes, rule: &At<'_>, spec: &At<'_>) {
    let action = rule.get("action");
    match action.text() {
        "" => action.required(
            causes,
            "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]",
        ),
        "FailIndex" if !spec.get("backoffLimitPerIndex").is_set() => {
            action.invalid(causes, "requires the backoffLimitPerIndex to be set");
        }
        _ => action.one_of(causes, &["Count", "FailIndex", "FailJob", "Ignore"]),
    }
    let (codes, conditions) = (rule.get("onExitCodes"), rule.get("onPodConditions"));
    if codes.is_set() {
        exit_codes(causes, &codes, spec);
    }
    if conditions.list().len() > MAX_RULES {
        conditions.too_many(causes, MAX_RULES);
    }
    for condition in conditions.items() {
        condition.get("type").qualified_name(causes);
        let status = condition.get("status");
        if status.text().is_empty() {
            status.required(causes, "valid values: [\"False\" \"True\" \"Unknown\"]");
        } else {
            status.one_of(causes, &["False", "True", "Unknown"]);
        }
    }
    let detail = match (codes.is_set(), !conditions.is_empty()) {
        (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    let message = format!("Invalid value: {detail}");
    causes.push(Cause::new("FieldValueInvalid", rule.path(), message));
}

fn exit_codes(causes: &mut Causes, codes: &At<'_>, spec: &At<'_>) {
    let operator = codes.get("operator");
    if operator.text().is_empty() {
        operator.required(causes, "valid values: [\"In\" \"NotIn\"]");
    } else {
        operator.one_of(causes, &["In", "NotIn"]);
    }
    let container = codes.get("containerName");
    let template = spec.at(&["template", "spec"]);
    let known = ["containers", "initContainers"].iter().any(|kind| {
        let mut containers = template.get(kind).items();
        containers.any(|it| it.get("name").text() == container.text())
    });
    if container.is_set() && !known {
        let detail = "must be one of the container or initContainer names in the pod template";
        container.invalid(causes, detail);
    }
    let values = codes.get("values");
    if values.is_empty() {
        causes.push(Cause::invalid(
            values.path(),
            "null",
            "at least one value is required",
        ));
    } else if values.list().len() > MAX_EXIT_CODES {
        values.too_many(causes, MAX_EXIT_CODES);
    }
    exit_code_values(causes, &values, operator.text());
}

fn exit_code_values(causes: &mut Causes, values: &At<'_>, operator: &str) {
    let mut seen = HashSet::new();
    let mut ordered = true;
    let mut last = i64::MIN;
    for value in values.items() {
        let number = value.number().unwrap_or(0);
        if operator == "In" && number == 0 {
            value.invalid(causes, "must not be 0 for the In operator");
        }
        if !seen.insert(number) {
            value.duplicate(causes);
        }
        ordered &= last <= number;
        last = number;
    }
    if !ordered {
        values.invalid(causes, "must be ordered");
    }
}

/// When a Job succeeds before all of its Pods did.
pub(super) fn success_policy(causes: &mut Causes, spec: &At<'_>) {
    let policy = spec.get("successPolicy");
    if !policy.is_set() {
        return;
    }
    if spec.get("completionMode").text() != "Indexed" {
        return policy.invalid(causes, "requires indexed completion mode");
    }
    let rules = policy.get("rules");
    if rules.is_empty() {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        rules.required(causes, detail);
    }
    if rules.list().len() > MAX_RULES {
        rules.too_many(causes, MAX_RULES);
    }
    for rule in rules.items() {
        success_rule(causes, &rule, spec.get("completions").number().unwrap_or(0));
    }
}

fn success_rule(causes: &mut Causes, rule: &At<'_>, completions: i64) {
    let (count, indexes) = (rule.get("succeededCount"), rule.get("succeededIndexes"));
    if !count.is_set() && !indexes.is_set() {
        let detail = "at least one of succeededCount or succeededIndexes must be specified";
        rule.required(causes, detail);
    }
    let mut total = 0;
    if indexes.is_set() {
        match index_count(indexes.text(), completions) {
            Ok(found) => total = found,
            Err(why) => indexes.invalid(causes, &format!("error parsing succeededIndexes: {why}")),
        }
    }
    let Some(number) = count.number() else {
        return;
    };
    count.not_negative(causes);
    if number > completions {
        let detail = format!(
            "must be less than or equal to {completions} (the number of specified completions)"
        );
        count.invalid(causes, &detail);
    }
    if indexes.is_set() && number > total {
        let detail = format!(
            "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        );
        count.invalid(causes, &detail);
    }
}

/// How many indexes a list such as `1,3-5` names.
fn index_count(list: &str, completions: i64) -> Result<i64, String> {
    if list.is_empty() {
        return Ok(0);
    }
    let mut total = 0;
    let mut last = None;
    for interval in list.split(',') {
        let (first, end) = index_interval(interval, completions)?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!(
                "non-increasing order, previous: {last}, current: {first}"
            ));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn index_interval(interval: &str, completions: i64) -> Result<(i64, i64), String> {
    let number = |text: &str| {
        let number: i64 = text
            .parse()
            .map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
        if number >= completions {
            return Err(format!("too large index: {text:?}"));
        }
        Ok(number)
    };
    let parts: Vec<&str> = interval.split('-').collect();
    match parts[..] {
        [one] => number(one).map(|index| (index, index)),
        [first, end] => {
            let (first, end) = (number(first)?, number(end)?);
            if first >= end {
                return Err(format!(
                    "non-increasing order, previous: {first}, current: {end}"
                ));
            }
            Ok((first, end))
        }
        _ => Err(format!(
            "the fragment {interval:?} violates the requirement that an index interval can have at most two parts separated by '-'"
        )),
    }
}
