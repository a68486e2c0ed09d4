//! Amounts of resources by name, and what a Pod asks for as a whole.

use std::collections::BTreeMap;
use trueup_object::{Quantity, Text, Value};

/// Amounts by the name of the resource.
pub(super) type Amounts = BTreeMap<Text, Quantity>;

/// The amounts in a map of texts; what is no quantity counts as nothing.
pub(super) fn read(map: Option<&Value>) -> Amounts {
    map.and_then(Value::as_map)
        .into_iter()
        .flatten()
        .filter_map(|(name, amount)| Some((name.clone(), quantity(amount)?)))
        .collect()
}

/// A quantity, which may be written as a number.
fn quantity(amount: &Value) -> Option<Quantity> {
    match amount {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Integer(number) => Quantity::parse(&number.to_string()).ok(),
        _ => None,
    }
}

/// The amounts as a map of texts.
pub(super) fn write(amounts: &Amounts) -> Value {
    let texts = amounts
        .iter()
        .map(|(name, amount)| (name.clone(), Value::from(amount.to_string())));
    Value::Map(texts.collect())
}

/// Adds amounts to others.
pub(super) fn add(amounts: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = amounts.get(name).map_or(*amount, |it| it.plus(*amount));
        amounts.insert(name.clone(), sum);
    }
}

fn raise(amounts: &mut Amounts, to: &Amounts) {
    for (name, amount) in to {
        let known = amounts.entry(name.clone()).or_insert(*amount);
        *known = (*known).max(*amount);
    }
}

/// `requests` or `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Requests,
    Limits,
}

impl Side {
    fn key(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Limits => "limits",
        }
    }

    /// What one container states.
    pub(super) fn of_container(self, container: &Value) -> Amounts {
        read(container.at(&["resources", self.key()]))
    }

    /// What a Pod states as a whole: its containers together, or the most
    /// that its preparation takes; what it states for itself overrules.
    pub(super) fn of_pod(self, pod: &Value) -> Amounts {
        let mut total = Amounts::new();
        for container in containers(pod, "containers") {
            add(&mut total, &self.of_container(container));
        }
        let (mut staying, mut most) = (Amounts::new(), Amounts::new());
        for container in containers(pod, "initContainers") {
            let mut own = self.of_container(container);
            if container.str_at(&["restartPolicy"]) == Some("Always") {
                add(&mut total, &own);
                add(&mut staying, &own);
                own = staying.clone();
            } else {
                add(&mut own, &staying);
            }
            raise(&mut most, &own);
        }
        raise(&mut total, &most);
        for (name, amount) in read(pod.at(&["spec", "resources", self.key()])) {
            if is_of_pods(&name) {
                total.insert(name, amount);
            }
        }
        total
    }
}

/// Whether a Pod may state this for itself.
fn is_of_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// Whether a Pod states resources for itself.
pub(super) fn has_own(pod: &Value) -> bool {
    ["requests", "limits"].iter().any(|side| {
        read(pod.at(&["spec", "resources", side]))
            .keys()
            .any(|name| is_of_pods(name))
    })
}

/// The containers of a list of a Pod.
pub(super) fn containers<'a>(pod: &'a Value, list: &str) -> &'a [Value] {
    pod.at(&["spec", list])
        .and_then(Value::as_list)
        .unwrap_or_default()
}
