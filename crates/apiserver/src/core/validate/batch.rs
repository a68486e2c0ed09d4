//! Jobs and CronJobs: one rule after the other, in the order of the fields and
//! thereby of the messages that a client gets. A CronJob holds the template of a
//! Job, so the rules of one are most of those of the other.

mod cron_job;
mod policies;
mod update;

pub(super) use cron_job::cron_job;

use super::at::{At, Causes};
use super::pod;
use super::selectors::{label_selector, matches};
use super::text_rules::domain_path_error;
use super::workloads::mismatch;
use crate::core::status::Cause;
use policies::{failure_policy, success_policy};
use trueup_object::{Value, names};
use update::updated;

const MAX_INDEXED_PARALLELISM: i64 = 100_000;
const MAX_FAILED_INDEXES: i64 = 100_000;
const MAX_MANAGED_BY_BYTES: usize = 63;

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
