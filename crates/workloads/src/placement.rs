//! Whether a Pod may run on a node: name, labels, affinity, taints.

use trueup_cluster::LiveObject;
use trueup_object::Value;

/// What a node says to a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It may come.
    Runs,
    /// It may not come, but may stay if it is there.
    Stays,
    /// It may neither come nor stay.
    Leaves,
}

/// Whether a Pod with this `spec` fits a node.
pub(crate) fn fit(spec: &Value, node: &LiveObject) -> Fit {
    let named = spec
        .str_at(&["nodeName"])
        .filter(|name| !name.is_empty())
        .is_none_or(|name| node.name() == name);
    if !named || !selects(spec, node) || !attracts(spec, node) {
        return Fit::Leaves;
    }
    if untolerated(spec, node, &["NoExecute"]) {
        Fit::Leaves
    } else if untolerated(spec, node, &["NoSchedule"]) {
        Fit::Stays
    } else {
        Fit::Runs
    }
}

/// `nodeSelector`
fn selects(spec: &Value, node: &LiveObject) -> bool {
    let selector = spec.get("nodeSelector").and_then(Value::as_map);
    selector
        .into_iter()
        .flatten()
        .all(|(key, value)| node.label(key) == value.as_str())
}

/// The required terms of the node affinity: one of them must hold.
fn attracts(spec: &Value, node: &LiveObject) -> bool {
    let path = [
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    ];
    let Some(terms) = spec.at(&path).and_then(Value::as_list) else {
        return true;
    };
    terms.iter().any(|term| {
        let part = |key| term.get(key).and_then(Value::as_list).unwrap_or_default();
        let (expressions, fields) = (part("matchExpressions"), part("matchFields"));
        let named = |key: &str| (key == "metadata.name").then_some(node.name().as_str());
        // A term without requirements matches no node.
        !(expressions.is_empty() && fields.is_empty())
            && expressions
                .iter()
                .all(|it| holds(it, |key| node.label(key)))
            && fields.iter().all(|it| holds(it, named))
    })
}

fn holds<'a>(requirement: &Value, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
    let key = requirement.str_at(&["key"]).unwrap_or_default();
    let values = requirement
        .get("values")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let value = value_of(key);
    let listed = || {
        values
            .iter()
            .any(|wanted| value.is_some() && wanted.as_str() == value)
    };
    let compared = |compare: fn(&i64, &i64) -> bool| {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let bound = number(values.first().and_then(Value::as_str));
        matches!((number(value), bound), (Some(number), Some(bound)) if compare(&number, &bound))
    };
    match requirement.str_at(&["operator"]).unwrap_or_default() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared(i64::gt),
        "Lt" => compared(i64::lt),
        _ => false,
    }
}

/// Whether the node has a taint of one of these effects that the Pod does not
/// tolerate.
fn untolerated(spec: &Value, node: &LiveObject, effects: &[&str]) -> bool {
    let list = |value: &Value, path: &[&str]| {
        let list = value.at(path).and_then(Value::as_list);
        list.map(<[Value]>::to_vec).unwrap_or_default()
    };
    let tolerations = list(spec, &["tolerations"]);
    list(node.value(), &["spec", "taints"]).iter().any(|taint| {
        taint
            .str_at(&["effect"])
            .is_some_and(|effect| effects.contains(&effect))
            && !tolerations
                .iter()
                .any(|toleration| tolerates(toleration, taint))
    })
}

/// An empty effect or key of a toleration stands for all.
fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |value: &Value, key| value.str_at(&[key]).unwrap_or_default().to_owned();
    let same_or_any = |key| {
        let wanted = text(toleration, key);
        wanted.is_empty() || wanted == text(taint, key)
    };
    let exists = text(toleration, "operator") == "Exists";
    same_or_any("effect")
        && same_or_any("key")
        && (exists || text(toleration, "value") == text(taint, "value"))
}
