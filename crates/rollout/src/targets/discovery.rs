//! What tells the target's Pods, and which ports they have.

use super::metadata::map_at;
use super::view::{PRIMARY_SUFFIX, View};
use super::{TargetError, TargetKind};
use std::collections::BTreeMap;
use trueup_kinds::canary::{CanaryService, TargetPort};
use trueup_object::names::label_value_errors;
use trueup_object::{Text, Value};

/// Containers that meshes put into Pods; their ports are not the target's.
const MESH_PROXIES: [&str; 2] = ["istio-proxy", "envoy"];

/// What tells the target's Pods from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The key of the label by which Services select.
    pub label: Text,
    /// Its value on the target's Pods.
    pub value: Text,
    /// Its value on the primary's Pods.
    pub primary_value: Text,
    /// Ports beside that of the `Canary`, by name; empty unless
    /// `service.portDiscovery` is set.
    pub ports: Vec<Port>,
}

/// A discovered port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name.
    pub name: Text,
    /// Number, the same on Service and container.
    pub number: u16,
}

/// Finds the label and the ports of a Deployment or DaemonSet; `None` for a
/// Service, which has no Pods of its own. Fails in Flagger's words if the
/// target's selector has none of the labels of the installation.
pub fn discover(view: &View<'_>) -> Result<Option<Discovery>, TargetError> {
    let kind = view.kind()?;
    if kind == TargetKind::Service {
        return Ok(None);
    }
    let target = view.target()?;
    let (label, value) = selector_label(view, kind, target)
        .map_err(|error| error.within("getSelectorLabel failed"))?;
    let primary_value: Text = format!("{value}{PRIMARY_SUFFIX}").into();
    if let Some(error) = label_value_errors(&primary_value).first() {
        return Err(TargetError::refused(format!(
            "label {label}={primary_value} of the primary's Pods: {error}"
        )));
    }
    let service = &view.canary.spec.service;
    let ports = if service.port_discovery {
        container_ports(service, target)
    } else {
        Vec::new()
    };
    Ok(Some(Discovery {
        label,
        value,
        primary_value,
        ports,
    }))
}

/// The same for a step that only Deployments and DaemonSets take.
pub(super) fn discover_pods(view: &View<'_>) -> Result<Discovery, TargetError> {
    discover(view)?.ok_or_else(|| {
        TargetError::refused(format!(
            "service {} has no Pods",
            view.canary.spec.target_ref.name
        ))
    })
}

fn selector_label(
    view: &View<'_>,
    kind: TargetKind,
    target: &Value,
) -> Result<(Text, Text), TargetError> {
    let labels = map_at(target, &["spec", "selector", "matchLabels"]);
    let wanted = &view.options.selector_labels;
    for key in wanted {
        if let Some(Value::String(value)) = labels.get(key) {
            return Ok((key.clone(), value.clone()));
        }
    }
    // Flagger's text for a DaemonSet ends with a quote.
    let end = match kind {
        TargetKind::DaemonSet => "'",
        TargetKind::Deployment | TargetKind::Service => "",
    };
    Err(TargetError::refused(format!(
        "{} {}.{} spec.selector.matchLabels must contain one of [{}]{end}",
        kind.word(),
        view.canary.spec.target_ref.name,
        view.namespace(),
        wanted.join(" ")
    )))
}

/// The ports of all containers but mesh proxies and those that the Services
/// have anyway.
fn container_ports(service: &CanaryService, target: &Value) -> Vec<Port> {
    let containers = target
        .at(&["spec", "template", "spec", "containers"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let mut found = BTreeMap::new();
    for container in containers {
        let container_name = container.str_at(&["name"]).unwrap_or_default();
        if MESH_PROXIES.contains(&container_name) {
            continue;
        }
        let ports = container.get("ports").and_then(Value::as_list);
        for (index, port) in ports.unwrap_or_default().iter().enumerate() {
            let name = port.str_at(&["name"]).filter(|name| !name.is_empty());
            let Some(number) = port.i64_at(&["containerPort"]) else {
                continue;
            };
            let Ok(number) = u16::try_from(number) else {
                continue;
            };
            if is_service_port(service, name, number) {
                continue;
            }
            let name = name.map_or_else(|| format!("tcp-{container_name}-{index}"), str::to_owned);
            found.insert(Text::from(name), number);
        }
    }
    found
        .into_iter()
        .map(|(name, number)| Port { name, number })
        .collect()
}

/// Whether a port is the one that the Services lead to, or would clash with
/// it: the API refuses a Service with one name or number twice.
fn is_service_port(service: &CanaryService, name: Option<&str>, number: u16) -> bool {
    let target = match service.target_port_or_default() {
        TargetPort::Number(target) => target == number,
        TargetPort::Name(target) => name == Some(target.as_str()),
    };
    target || number == service.port || name == Some(service.port_name_or_default())
}
