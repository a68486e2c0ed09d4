//! The priority of a Pod, by the name of its class.

use super::{Change, Context};
use crate::core::status::ApiError;
use trueup_object::{Text, Value};

/// A class as Pods take it over.
struct Class {
    name: Text,
    value: i64,
    preemption: Option<Text>,
}

impl Class {
    fn of(object: &Value) -> Self {
        Self {
            name: object
                .str_at(&["metadata", "name"])
                .unwrap_or_default()
                .into(),
            value: object.i64_at(&["value"]).unwrap_or_default(),
            preemption: object.str_at(&["preemptionPolicy"]).map(Text::from),
        }
    }

    /// What holds where no class is the default.
    fn none() -> Self {
        Self {
            name: Text::new(),
            value: 0,
            preemption: Some("PreemptLowerPriority".into()),
        }
    }
}

pub(super) fn admit(context: &Context<'_>, pod: &mut Value) -> Result<(), ApiError> {
    if !context.creates("", "pods") {
        return Ok(());
    }
    let class = class_of(context, pod)?;
    if let Some(given) = pod
        .i64_at(&["spec", "priority"])
        .filter(|it| *it != class.value)
    {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
            class.value
        );
        return Err(context.forbidden(pod, &why));
    }
    if !class.name.is_empty() {
        pod.set_at(&["spec", "priorityClassName"], class.name.into());
    }
    pod.set_at(&["spec", "priority"], class.value.into());
    let Some(policy) = class.preemption else {
        return Ok(());
    };
    let given = pod.str_at(&["spec", "preemptionPolicy"]);
    if let Some(given) = given.filter(|it| *it != policy) {
        let why = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
        );
        return Err(context.forbidden(pod, &why));
    }
    pod.set_at(&["spec", "preemptionPolicy"], policy.into());
    Ok(())
}

/// A replaced Pod keeps the priority that it leaves out.
pub(super) fn keep(context: &Context<'_>, pod: &mut Value, live: &Value) {
    if !context.is_of("", "pods") || !context.subresource.is_empty() {
        return;
    }
    for key in ["priority", "preemptionPolicy"] {
        if pod.at(&["spec", key]).is_none()
            && let Some(before) = live.at(&["spec", key])
        {
            pod.set_at(&["spec", key], before.clone());
        }
    }
}

fn class_of(context: &Context<'_>, pod: &Value) -> Result<Class, ApiError> {
    let name = pod
        .str_at(&["spec", "priorityClassName"])
        .unwrap_or_default();
    if name.is_empty() {
        return Ok(default_class(context).unwrap_or_else(Class::none));
    }
    let key = super::resource("scheduling.k8s.io", "priorityclasses");
    match context.store.get(&key, "", name) {
        Some(class) => Ok(Class::of(class.value())),
        None => {
            let why = format!("no PriorityClass with name {name} was found");
            Err(context.forbidden(pod, &why))
        }
    }
}

/// The class marked as the default; of several the lowest.
fn default_class(context: &Context<'_>) -> Option<Class> {
    let classes = context.list("scheduling.k8s.io", "priorityclasses", "");
    classes
        .iter()
        .filter(|class| is_default(class.value()))
        .map(|class| Class::of(class.value()))
        .min_by_key(|class| class.value)
}

fn is_default(class: &Value) -> bool {
    class.get("globalDefault").and_then(Value::as_bool) == Some(true)
}

/// There is one default class at most.
pub(super) fn validate(
    context: &Context<'_>,
    class: &Value,
    _live: Option<&Value>,
) -> Result<(), ApiError> {
    let concerned = context.is_of("scheduling.k8s.io", "priorityclasses")
        && context.subresource.is_empty()
        && is_default(class);
    let Some(default) = default_class(context).filter(|_| concerned) else {
        return Ok(());
    };
    let same = class.str_at(&["metadata", "name"]) == Some(&default.name);
    if context.change == Change::Update && same {
        return Ok(());
    }
    let why = format!(
        "PriorityClass {} is already marked as default. Only one default can exist",
        default.name
    );
    Err(context.forbidden(class, &why))
}
