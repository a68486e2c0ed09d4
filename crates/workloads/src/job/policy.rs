//! The rules of a Job on failures and successes.

use super::indexes::Indexes;
use trueup_cluster::LiveObject;
use trueup_object::Value;

/// What the rules say to one failed Pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Whether the failure counts towards a limit.
    pub counts: bool,
    /// Whether the index of the Pod has failed for good.
    pub fails_index: bool,
    /// Why the whole Job fails, if it does.
    pub fails_job: Option<String>,
}

/// The first rule of `podFailurePolicy` that matches decides.
pub(super) fn failure_match(policy: Option<&Value>, pod: &LiveObject) -> Match {
    let rules = policy.and_then(|policy| policy.get("rules")?.as_list());
    for (number, rule) in rules.unwrap_or_default().iter().enumerate() {
        let action = rule.str_at(&["action"]).unwrap_or_default();
        let Some(what) = matched(rule, pod) else {
            continue;
        };
        let why = format!("{what} matching {action} rule at index {number}");
        return Match {
            counts: action != "Ignore",
            fails_index: action == "FailIndex",
            fails_job: (action == "FailJob").then_some(why),
        };
    }
    Match {
        counts: true,
        fails_index: false,
        fails_job: None,
    }
}

/// What of a Pod a rule matches, in words.
fn matched(rule: &Value, pod: &LiveObject) -> Option<String> {
    let place = format!("{}/{}", pod.namespace(), pod.name());
    if let Some(wanted) = rule.get("onExitCodes") {
        let (name, code) = exit_code(wanted, pod.value())?;
        return Some(format!(
            "Container {name} for pod {place} failed with exit code {code}"
        ));
    }
    let patterns = rule.get("onPodConditions")?.as_list()?;
    let conditions = pod.value().at(&["status", "conditions"])?.as_list()?;
    let same = |a: &Value, b: &Value, key: &str| a.str_at(&[key]) == b.str_at(&[key]);
    let condition = conditions.iter().find(|condition| {
        patterns
            .iter()
            .any(|pattern| same(condition, pattern, "type") && same(condition, pattern, "status"))
    })?;
    let kind = condition.str_at(&["type"]).unwrap_or_default();
    Some(format!("Pod {place} has condition {kind}"))
}

/// The first container whose exit code is wanted.
fn exit_code<'a>(wanted: &Value, pod: &'a Value) -> Option<(&'a str, i64)> {
    let container = wanted.str_at(&["containerName"]);
    let values = wanted
        .get("values")
        .and_then(Value::as_list)
        .unwrap_or_default();
    ["containerStatuses", "initContainerStatuses"]
        .iter()
        .filter_map(|list| pod.at(&["status", list])?.as_list())
        .flatten()
        .filter_map(|status| {
            let code = status.i64_at(&["state", "terminated", "exitCode"])?;
            Some((status.str_at(&["name"]).unwrap_or_default(), code))
        })
        .filter(|(name, code)| *code != 0 && container.is_none_or(|it| it == *name))
        .find(|(_, code)| {
            let listed = values.iter().any(|value| value.as_i64() == Some(*code));
            match wanted.str_at(&["operator"]) {
                Some("In") => listed,
                Some("NotIn") => !listed,
                _ => false,
            }
        })
}

/// Why a Job counts as succeeded before all its indexes have.
pub(super) fn success(policy: Option<&Value>, completions: i64, done: &Indexes) -> Option<String> {
    let rules = policy?.get("rules")?.as_list()?;
    if done.total() == 0 {
        return None;
    }
    let met = rules.iter().position(|rule| {
        let count = rule.i64_at(&["succeededCount"]);
        match rule.str_at(&["succeededIndexes"]) {
            Some(text) => {
                let wanted = Indexes::parse(text, completions);
                let shared = wanted.shared(done);
                wanted.total() > 0
                    && (shared == wanted.total() || count.is_some_and(|count| shared >= count))
            }
            None => count.is_some_and(|count| done.total() >= count),
        }
    })?;
    Some(format!("Matched rules at index {met}"))
}
