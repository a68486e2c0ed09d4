//! The three Services of a `Canary`: the apex that others call, and those of
//! the primary's and the canary's Pods.

use super::defaults::service_port;
use super::discovery::{Discovery, discover};
use super::metadata::{
    HANDS_OFF_ANNOTATIONS, is_controlled_by, map_at, owned_metadata, set_map, to_map,
};
use super::{TargetError, View, Write};
use trueup_kinds::canary::CustomMetadata;
use trueup_object::{Map, Text, Value, value};

/// What a Service has to be.
struct Wanted<'a> {
    name: &'a Text,
    /// The value of the label by which it selects.
    selects: &'a Text,
    metadata: Option<&'a CustomMetadata>,
}

/// Makes or corrects the Services of the canary's and the primary's Pods;
/// nothing for a target without Pods.
pub fn reconcile_backend_services(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let Some(discovery) = discover(view)? else {
        return Ok(Vec::new());
    };
    let service = &view.canary.spec.service;
    let names = view.canary.spec.service_names();
    let canary = Wanted {
        name: &names.canary,
        selects: &discovery.value,
        metadata: service.canary.as_ref(),
    };
    let primary = Wanted {
        name: &names.primary,
        selects: &discovery.primary_value,
        metadata: service.primary.as_ref(),
    };
    let references = [&names.canary, &names.primary].map(|name| view.service_ref(name));
    view.observed.all_read(&references)?;
    let writes = [
        reconcile(view, &discovery, &canary)?,
        reconcile(view, &discovery, &primary)?,
    ];
    Ok(writes.into_iter().flatten().collect())
}

/// Makes or corrects the apex Service, which leads to the primary's Pods: this
/// is the moment in which the primary takes over. An apex that was there
/// before keeps its labels; its ports and selector are replaced.
pub fn reconcile_apex_service(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let Some(discovery) = discover(view)? else {
        return Ok(Vec::new());
    };
    let wanted = Wanted {
        name: &view.canary.spec.service_names().apex,
        selects: &discovery.primary_value,
        metadata: view.canary.spec.service.apex.as_ref(),
    };
    Ok(reconcile(view, &discovery, &wanted)?.into_iter().collect())
}

/// The apex Service leads to the target's own Pods again.
pub(super) fn release_apex(view: &View<'_>, discovery: &Discovery, existing: &Value) -> Vec<Write> {
    let selector = selector(discovery, &discovery.value);
    let ports = wanted_ports(view, discovery, existing);
    let mut next = existing.clone();
    if same_ports(existing, &ports) && existing.at(&["spec", "selector"]) == Some(&selector) {
        return Vec::new();
    }
    next.set_at(&["spec", "selector"], selector);
    next.set_at(&["spec", "ports"], ports);
    vec![Write::Replace(next)]
}

fn reconcile(
    view: &View<'_>,
    discovery: &Discovery,
    wanted: &Wanted<'_>,
) -> Result<Option<Write>, TargetError> {
    if view.canary.spec.service.port == 0 {
        return Err(TargetError::refused(format!(
            "service {}.{}: spec.service.port must be between 1 and 65535",
            wanted.name,
            view.namespace()
        )));
    }
    Ok(
        match view.observed.optional(&view.service_ref(wanted.name))? {
            None => Some(Write::Create(new_service(view, discovery, wanted))),
            Some(existing) => corrected(view, discovery, wanted, existing).map(Write::Replace),
        },
    )
}

fn new_service(view: &View<'_>, discovery: &Discovery, wanted: &Wanted<'_>) -> Value {
    let settings = &view.canary.spec.service;
    let mut service = value!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": (owned_metadata(view.canary, wanted.name)),
        "spec": {
            "type": "ClusterIP",
            "selector": (selector(discovery, wanted.selects)),
        },
    });
    let labels = wanted_labels(discovery, wanted);
    service.set_at(&["metadata", "labels"], labels.into());
    let annotations = with_hands_off(custom_annotations(wanted));
    service.set_at(&["metadata", "annotations"], annotations.into());
    let ports = wanted_ports(view, discovery, &Value::Null);
    service.set_at(&["spec", "ports"], ports);
    if settings.headless {
        service.set_at(&["spec", "clusterIP"], "None".into());
    }
    if !settings.traffic_distribution.is_empty() {
        let distribution = settings.traffic_distribution.clone();
        service.set_at(&["spec", "trafficDistribution"], distribution.into());
    }
    service
}

/// The Service as it should be; `None` if it is.
fn corrected(
    view: &View<'_>,
    discovery: &Discovery,
    wanted: &Wanted<'_>,
    existing: &Value,
) -> Option<Value> {
    let mut next = existing.clone();
    let selector = selector(discovery, wanted.selects);
    let ports = wanted_ports(view, discovery, existing);
    if !same_ports(existing, &ports) || existing.at(&["spec", "selector"]) != Some(&selector) {
        next.set_at(&["spec", "ports"], ports);
        next.set_at(&["spec", "selector"], selector);
    }
    if is_controlled_by(existing, view.canary) {
        put_own_metadata(view, discovery, wanted, existing, &mut next);
        let distribution = &view.canary.spec.service.traffic_distribution;
        if !distribution.is_empty() {
            next.set_at(
                &["spec", "trafficDistribution"],
                distribution.clone().into(),
            );
        }
    }
    if next == *existing {
        return None;
    }
    let annotations = with_hands_off(map_at(&next, &["metadata", "annotations"]));
    next.set_at(&["metadata", "annotations"], annotations.into());
    Some(next)
}

/// Labels and annotations of a Service that is ours are what the `Canary`
/// says, and the keys that it leaves to others.
fn put_own_metadata(
    view: &View<'_>,
    discovery: &Discovery,
    wanted: &Wanted<'_>,
    existing: &Value,
    next: &mut Value,
) {
    let unmanaged = view.canary.spec.service.unmanaged_metadata.as_ref();
    let kept = |member: &str, keys: Option<&Vec<Text>>| -> Map {
        let mut found = map_at(existing, &["metadata", member]);
        found.retain(|key, _| keys.is_some_and(|keys| keys.iter().any(|kept| kept == key)));
        found
    };
    let mut labels = wanted_labels(discovery, wanted);
    labels = merged(labels, kept("labels", unmanaged.map(|it| &it.labels)));
    set_map(next, &["metadata", "labels"], labels);
    let mut annotations = with_hands_off(custom_annotations(wanted));
    annotations = merged(
        annotations,
        kept("annotations", unmanaged.map(|it| &it.annotations)),
    );
    set_map(next, &["metadata", "annotations"], annotations);
}

fn merged(mut base: Map, over: Map) -> Map {
    for (key, value) in over {
        base.insert(key, value);
    }
    base
}

fn wanted_labels(discovery: &Discovery, wanted: &Wanted<'_>) -> Map {
    let mut labels = wanted
        .metadata
        .map(|custom| to_map(&custom.labels))
        .unwrap_or_default();
    labels.insert(discovery.label.clone(), wanted.name.clone());
    labels
}

fn custom_annotations(wanted: &Wanted<'_>) -> Map {
    wanted
        .metadata
        .map(|custom| to_map(&custom.annotations))
        .unwrap_or_default()
}

fn with_hands_off(mut annotations: Map) -> Map {
    for (key, value) in HANDS_OFF_ANNOTATIONS {
        annotations.insert(key, value);
    }
    annotations
}

fn selector(discovery: &Discovery, value: &Text) -> Value {
    let mut selector = Map::new();
    selector.insert(discovery.label.clone(), value.clone());
    selector.into()
}

/// The ports of a Service, with the node ports that it has.
fn wanted_ports(view: &View<'_>, discovery: &Discovery, existing: &Value) -> Value {
    let settings = &view.canary.spec.service;
    let mut first = value!({
        "name": (settings.port_name_or_default()),
        "protocol": "TCP",
        "port": (i64::from(settings.port)),
        "targetPort": (settings.target_port_or_default()),
    });
    if !settings.app_protocol.is_empty() {
        first.set_at(&["appProtocol"], settings.app_protocol.clone().into());
    }
    let discovered = discovery.ports.iter().map(|port| {
        value!({
            "name": (port.name.clone()),
            "protocol": "TCP",
            "port": (i64::from(port.number)),
            "targetPort": (i64::from(port.number)),
        })
    });
    std::iter::once(first)
        .chain(discovered)
        .map(|port| with_node_port(port, existing))
        .collect()
}

fn ports_of(service: &Value) -> &[Value] {
    service
        .at(&["spec", "ports"])
        .and_then(Value::as_list)
        .unwrap_or_default()
}

fn with_node_port(mut port: Value, existing: &Value) -> Value {
    let node_port = ports_of(existing)
        .iter()
        .find(|old| old.get("name") == port.get("name"))
        .and_then(|old| old.i64_at(&["nodePort"]))
        .filter(|number| *number > 0);
    if let Some(number) = node_port {
        port.set_at(&["nodePort"], number.into());
    }
    port
}

/// Whether a Service has these ports, in any order.
fn same_ports(existing: &Value, wanted: &Value) -> bool {
    let sorted = |ports: &[Value]| {
        let mut ports: Vec<Value> = ports.iter().cloned().map(normal_port).collect();
        ports.sort_by(|left, right| port_key(left).cmp(&port_key(right)));
        ports
    };
    sorted(ports_of(existing)) == sorted(wanted.as_list().unwrap_or_default())
}

fn normal_port(mut port: Value) -> Value {
    if port.str_at(&["protocol"]).is_none_or(str::is_empty) {
        port.set_at(&["protocol"], "TCP".into());
    }
    service_port(&mut port);
    port
}

fn port_key(port: &Value) -> (Option<i64>, Option<&str>) {
    (port.i64_at(&["port"]), port.str_at(&["name"]))
}
