//! Jobs and CronJobs.
//!
//! Longer than other files: one rule after the other, in the order of the
//! fields and thereby of the messages that a client gets. A CronJob holds the
//! template of a Job, so the rules of one are most of those of the other.

use super::at::{At, Causes};
use super::cron;
use super::pod;
use super::selectors::{label_selector, matches};
use super::text_rules::domain_path_error;
use super::workloads::mismatch;
use crate::core::status::Cause;
use std::collections::HashSet;
use trueup_object::{Value, names};

const IMMUTABLE: &str = "field is immutable";
const MAX_INDEXED_PARALLELISM: i64 = 100_000;
const MAX_FAILED_INDEXES: i64 = 100_000;
const MAX_RULES: usize = 20;
const MAX_EXIT_CODES: usize = 255;
const MAX_MANAGED_BY_BYTES: usize = 63;
/// Names of CronJobs leave room for the time in the names of their Jobs.
const MAX_CRON_JOB_NAME: usize = 52;

pub(super) fn job(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    own_labels(&mut causes, &root);
    selected_spec(&mut causes, &root.get("spec"));
    indexed_name(&mut causes, &root);
    if let Some(live) = live {
        // A changed Job is looked at twice, and said so twice.
        selected_spec(&mut causes, &root.get("spec"));
        updated(&mut causes, &root.get("spec"), live);
    }
    causes
}

fn selected_spec(causes: &mut Causes, spec: &At<'_>) {
    job_spec(causes, spec);
    let selector = spec.get("selector");
    if selector.is_set() {
        label_selector(causes, &selector);
    } else {
        selector.required(causes, "");
    }
    if matches(&selector, &spec.get("template")) == Some(false) {
        mismatch(causes, &spec.get("template"));
    }
}

/// A Job that makes its selector carries the labels that go with it.
fn own_labels(causes: &mut Causes, root: &At<'_>) {
    let spec = root.get("spec");
    if spec.get("manualSelector").is_true() || !spec.get("selector").is_set() {
        return;
    }
    let (uid, name) = (
        root.at(&["metadata", "uid"]).text(),
        root.at(&["metadata", "name"]).text(),
    );
    let labels = spec.at(&["template", "metadata", "labels"]);
    let wanted = [
        ("controller-uid", uid),
        ("job-name", name),
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
    ];
    for (key, value) in wanted {
        let label = labels.get(key);
        let path = format!("{}[{key}]", labels.path());
        let detail = format!("must be '{value}'");
        if !label.is_set() {
            causes.push(Cause::required(path, &detail));
        } else if label.text() != value {
            causes.push(Cause::invalid(path, labels.shown(), &detail));
        }
    }
    let expected: Value = wanted
        .iter()
        .fold(Value::map(), |mut labels, (key, value)| {
            labels.set_at(&["metadata", "labels", key], (*value).into());
            labels
        });
    let selector = spec.get("selector");
    if matches(&selector, &At::root(&expected)) == Some(false) {
        selector.invalid(causes, "`selector` not auto-generated");
    }
}

fn job_spec(causes: &mut Causes, spec: &At<'_>) {
    for key in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        spec.get(key).not_negative(causes);
    }
    let per_index = spec.get("backoffLimitPerIndex");
    if spec.get("maxFailedIndexes").is_set() && !per_index.is_set() {
        per_index.required(causes, "when maxFailedIndexes is specified");
    }
    managed_by(causes, &spec.get("managedBy"));
    completion_mode(causes, spec);
    failure_policy(causes, spec);
    success_policy(causes, spec);
    let replacement = spec.get("podReplacementPolicy");
    if spec.get("podFailurePolicy").is_set() {
        replacement.optional_one_of(causes, &["Failed"]);
    } else {
        replacement.optional_one_of(causes, &["Failed", "TerminatingOrFailed"]);
    }
    pod::template(causes, &spec.get("template"));
    restart_policy(causes, spec);
}

fn managed_by(causes: &mut Causes, manager: &At<'_>) {
    if !manager.is_set() {
        return;
    }
    if manager.text().is_empty() {
        return manager.required(causes, "");
    }
    if let Some(error) = domain_path_error(manager.text()) {
        manager.invalid(causes, error);
    } else {
        let domain = manager.text().split('/').next().unwrap_or("");
        for error in names::dns_subdomain_errors(domain) {
            causes.push(Cause::invalid(
                manager.path(),
                format!("{domain:?}"),
                &error,
            ));
        }
    }
    if manager.text().len() > MAX_MANAGED_BY_BYTES {
        manager.too_long(causes, MAX_MANAGED_BY_BYTES);
    }
}

fn completion_mode(causes: &mut Causes, spec: &At<'_>) {
    let mode = spec.get("completionMode");
    mode.optional_one_of(causes, &["NonIndexed", "Indexed"]);
    let (completions, failed) = (spec.get("completions"), spec.get("maxFailedIndexes"));
    if mode.text() == "Indexed" {
        if !completions.is_set() {
            completions.required(causes, "when completion mode is Indexed");
        }
        let parallelism = spec.get("parallelism");
        if parallelism.number().unwrap_or(0) > MAX_INDEXED_PARALLELISM {
            let detail = format!(
                "must be less than or equal to {MAX_INDEXED_PARALLELISM} when completion mode is Indexed"
            );
            parallelism.invalid(causes, &detail);
        }
        if let (Some(failures), Some(all)) = (failed.number(), completions.number())
            && failures > all
        {
            failed.invalid(causes, "must be less than or equal to completions");
        }
        if failed.number().unwrap_or(0) > MAX_FAILED_INDEXES {
            let detail = format!("must be less than or equal to {MAX_FAILED_INDEXES}");
            failed.invalid(causes, &detail);
        }
    }
    if !mode.is_set() || mode.text() == "NonIndexed" {
        for key in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            if spec.get(key).is_set() {
                spec.get(key)
                    .invalid(causes, "requires indexed completion mode");
            }
        }
    }
}

fn restart_policy(causes: &mut Causes, spec: &At<'_>) {
    let policy = spec.at(&["template", "spec", "restartPolicy"]);
    match policy.text() {
        "" | "Always" => {
            policy.required(causes, "valid values: \"OnFailure\", \"Never\"");
        }
        "Never" => {}
        "OnFailure" if spec.get("podFailurePolicy").is_set() => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            policy.invalid(causes, detail);
        }
        "OnFailure" => {}
        _ => policy.unsupported(causes, &["OnFailure", "Never"]),
    }
}

fn failure_policy(causes: &mut Causes, spec: &At<'_>) {
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

fn success_policy(causes: &mut Causes, spec: &At<'_>) {
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

/// The name of an Indexed Job and its highest index name a Pod.
fn indexed_name(causes: &mut Causes, root: &At<'_>) {
    let spec = root.get("spec");
    let Some(completions) = spec
        .get("completions")
        .number()
        .filter(|number| *number > 0)
    else {
        return;
    };
    let name = root.at(&["metadata", "name"]);
    let hostname = format!("{}-{}", name.text(), completions - 1);
    if spec.get("completionMode").text() == "Indexed" && !names::is_dns_label(&hostname) {
        let detail = format!("will not able to create pod with invalid DNS label: {hostname}");
        name.invalid(causes, &detail);
    }
}

fn updated(causes: &mut Causes, spec: &At<'_>, live: &Value) {
    let old = At::root(live).get("spec");
    completions(causes, spec, &old);
    immutable(causes, spec, &old, "selector");
    template(causes, spec, live);
    for key in [
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        immutable(causes, spec, &old, key);
    }
}

fn immutable(causes: &mut Causes, new: &At<'_>, old: &At<'_>, key: &str) {
    let now = new.get(key);
    if now.value() == old.get(key).value() {
        return;
    }
    let shown = if now.is_set() {
        now.shown()
    } else {
        "null".to_owned()
    };
    causes.push(Cause::invalid(now.path(), shown, IMMUTABLE));
}

fn completions(causes: &mut Causes, spec: &At<'_>, old: &At<'_>) {
    if spec.get("completionMode").text() != "Indexed" {
        return immutable(causes, spec, old, "completions");
    }
    let now = spec.get("completions");
    let changed = now.value() != old.get("completions").value();
    if changed && now.is_set() && now.value() != spec.get("parallelism").value() {
        let detail = "can only be modified in tandem with spec.parallelism";
        now.invalid(causes, detail);
    }
}

/// A template may change in a Job that is suspended and has not started, in
/// where its Pods run and what they need.
fn template(causes: &mut Causes, spec: &At<'_>, live: &Value) {
    let root = At::root(live);
    let old = root.get("spec");
    let (now, before) = (spec.get("template"), old.get("template"));
    let waits =
        old.get("suspend").is_true() && root.at(&["status", "active"]).number().unwrap_or(0) == 0;
    if !waits {
        return immutable(causes, spec, &old, "template");
    }
    let fixed = |template: &At<'_>| {
        let mut template = template.value().cloned().unwrap_or_default();
        for path in [
            &["metadata"][..],
            &["spec", "nodeSelector"],
            &["spec", "tolerations"],
            &["spec", "schedulingGates"],
            &["spec", "affinity"],
        ] {
            template.remove_at(path);
        }
        for kind in ["containers", "initContainers"] {
            crate::core::defaults::each(&mut template, &["spec", kind], |container| {
                container.remove_at(&["resources"]);
            });
        }
        template
    };
    if fixed(&now) != fixed(&before) {
        let spec = now.get("spec");
        spec.invalid(causes, IMMUTABLE);
    }
}

pub(super) fn cron_job(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let spec = root.get("spec");
    schedule(&mut causes, &spec, live);
    spec.get("startingDeadlineSeconds")
        .not_negative(&mut causes);
    let zone = spec.get("timeZone");
    if live.is_none_or(|live| live.at(&["spec", "timeZone"]) != zone.value()) {
        time_zone(&mut causes, &zone);
    }
    spec.get("concurrencyPolicy")
        .required_one_of(&mut causes, &["Allow", "Forbid", "Replace"]);
    let job = spec.at(&["jobTemplate", "spec"]);
    job_spec(&mut causes, &job);
    if job.get("selector").is_set() {
        job.get("selector")
            .invalid(&mut causes, "`selector` will be auto-generated");
    }
    if job.get("manualSelector").is_true() {
        job.get("manualSelector")
            .unsupported(&mut causes, &["nil", "false"]);
    }
    for key in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        spec.get(key).not_negative(&mut causes);
    }
    let name = root.at(&["metadata", "name"]);
    if live.is_none() && name.text().len() > MAX_CRON_JOB_NAME {
        name.invalid(&mut causes, "must be no more than 52 characters");
    }
    causes
}

fn schedule(causes: &mut Causes, spec: &At<'_>, live: Option<&Value>) {
    let schedule = spec.get("schedule");
    if schedule.text().is_empty() {
        return schedule.required(causes, "");
    }
    if let Err(error) = cron::check(schedule.text()) {
        schedule.invalid(causes, &error);
    }
    let names_zone = schedule.text().contains("TZ");
    let had_zone = live
        .and_then(|live| live.str_at(&["spec", "schedule"]))
        .is_some_and(|schedule| schedule.contains("TZ"));
    if names_zone && !had_zone {
        let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        schedule.invalid(causes, detail);
    } else if names_zone && spec.get("timeZone").is_set() {
        let detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
        schedule.invalid(causes, detail);
    }
}

fn time_zone(causes: &mut Causes, zone: &At<'_>) {
    const MAX_PART: usize = 14;
    if !zone.is_set() {
        return;
    }
    let name = zone.text();
    if name.is_empty() {
        return zone.invalid(causes, "timeZone must be nil or non-empty string");
    }
    let is_part = |part: &str| {
        (1..=MAX_PART).contains(&part.len())
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_+".contains(&b))
    };
    if !name.split('/').all(is_part) {
        return zone.invalid(causes, &format!("unknown time zone {name}"));
    }
    if name.eq_ignore_ascii_case("local") {
        let detail =
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        zone.invalid(causes, detail);
    } else if !is_area(name) {
        zone.invalid(causes, &format!("unknown time zone {name}"));
    }
}

/// Whether a time zone is named as the zones of the time zone database are:
/// the areas are known here, the places within them are not.
fn is_area(name: &str) -> bool {
    const AREAS: [&str; 13] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Brazil",
        "Canada",
        "Etc",
        "Europe",
        "Indian",
        "Pacific",
    ];
    match name.split_once('/') {
        Some((area, _)) => AREAS.contains(&area) || ["Chile", "Mexico", "US"].contains(&area),
        None => name.starts_with(|c: char| c.is_ascii_uppercase()) && name.len() >= 2,
    }
}
