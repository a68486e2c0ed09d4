//! Services: cluster IPs and node ports.

use super::status::{ApiError, Cause};
use super::write::Call;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use trueup_object::{EcoVec, Value};

/// The network of cluster IPs: first address and number of addresses.
pub const SERVICE_NETWORK: (Ipv4Addr, u32) = (Ipv4Addr::new(10, 0, 0, 0), 1 << 16);
/// The ports of nodes that services may take.
pub const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

/// The addresses and ports that are taken.
#[derive(Debug, Default)]
pub struct Addresses {
    taken: HashSet<u32>,
    ports: HashSet<i64>,
    next: u32,
    next_port: i64,
}

impl Addresses {
    /// Notes what a service holds.
    pub fn take_all(&mut self, service: &Value) {
        for address in addresses(service) {
            self.taken.insert(address);
        }
        self.ports.extend(node_ports(service));
    }

    /// Frees what a service held.
    pub fn free_all(&mut self, service: &Value) {
        for address in addresses(service) {
            self.taken.remove(&address);
        }
        for port in node_ports(service) {
            self.ports.remove(&port);
        }
    }

    fn allocate(&mut self) -> Option<Ipv4Addr> {
        let (first, size) = SERVICE_NETWORK;
        for _ in 0..size {
            self.next = self.next % (size - 2) + 1;
            // The first one is the API server's own.
            if self.next > 1 && self.taken.insert(self.next) {
                return Some(Ipv4Addr::from(u32::from(first) + self.next));
            }
        }
        None
    }

    fn allocate_port(&mut self) -> Option<i64> {
        let size = NODE_PORTS.end() - NODE_PORTS.start() + 1;
        for _ in 0..size {
            self.next_port = (self.next_port + 1) % size;
            let port = NODE_PORTS.start() + self.next_port;
            if self.ports.insert(port) {
                return Some(port);
            }
        }
        None
    }
}

fn offset(address: &str) -> Option<u32> {
    let address: Ipv4Addr = address.parse().ok()?;
    let (first, size) = SERVICE_NETWORK;
    let offset = u32::from(address).checked_sub(u32::from(first))?;
    (offset < size).then_some(offset)
}

fn addresses(service: &Value) -> Vec<u32> {
    service
        .str_at(&["spec", "clusterIP"])
        .and_then(offset)
        .into_iter()
        .collect()
}

/// The node ports of the ports.
fn port_numbers(service: &Value) -> impl Iterator<Item = i64> {
    let ports = service
        .at(&["spec", "ports"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    ports
        .iter()
        .filter_map(|port| port.i64_at(&["nodePort"]))
        .filter(|port| *port != 0)
}

fn node_ports(service: &Value) -> Vec<i64> {
    let health = service.i64_at(&["spec", "healthCheckNodePort"]);
    port_numbers(service)
        .chain(health.filter(|port| *port != 0))
        .collect()
}

/// Whether the ports of the type may have node ports.
fn has_node_ports(service: &Value) -> bool {
    matches!(kind(service), "NodePort" | "LoadBalancer")
}

/// Whether a balancer asks a port of the node how the Pods there are.
fn has_health_port(service: &Value) -> bool {
    kind(service) == "LoadBalancer"
        && service.str_at(&["spec", "externalTrafficPolicy"]) == Some("Local")
}

/// Whether the Service is reached from outside the cluster.
fn reaches_outside(service: &Value) -> bool {
    let external = service
        .at(&["spec", "externalIPs"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    has_node_ports(service) || (kind(service) == "ClusterIP" && !external.is_empty())
}

fn kind(service: &Value) -> &str {
    service.str_at(&["spec", "type"]).unwrap_or("ClusterIP")
}

fn needs_node_ports(service: &Value) -> bool {
    match kind(service) {
        "NodePort" => true,
        "LoadBalancer" => {
            service
                .at(&["spec", "allocateLoadBalancerNodePorts"])
                .and_then(Value::as_bool)
                != Some(false)
        }
        _ => false,
    }
}

/// A new Service that names one address has a list of that one.
pub fn list_address(object: &mut Value) {
    let one = object
        .str_at(&["spec", "clusterIP"])
        .unwrap_or("")
        .to_owned();
    let listed = object
        .at(&["spec", "clusterIPs"])
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    if !one.is_empty() && !listed {
        object.set_at(&["spec", "clusterIPs"], vec![Value::from(one)].into());
    }
}

/// An update that leaves out what was allocated keeps it.
pub fn carry_over(new: &mut Value, live: &Value) {
    if kind(new) != "ExternalName" && kind(live) != "ExternalName" {
        let unset = new.str_at(&["spec", "clusterIP"]).unwrap_or("").is_empty();
        let first = new
            .at(&["spec", "clusterIPs"])
            .and_then(Value::as_list)
            .and_then(<[Value]>::first)
            .cloned();
        if unset && first.is_none() {
            keep(new, live, "clusterIP");
            keep(new, live, "clusterIPs");
        } else if first.is_none()
            || (new.str_at(&["spec", "clusterIP"]) != live.str_at(&["spec", "clusterIP"])
                && new.at(&["spec", "clusterIPs"]) == live.at(&["spec", "clusterIPs"])
                && !unset)
        {
            let address = new.at(&["spec", "clusterIP"]).cloned().unwrap_or_default();
            new.set_at(&["spec", "clusterIPs"], vec![address].into());
        } else if unset {
            keep(new, live, "clusterIP");
        }
        for key in ["ipFamilies", "ipFamilyPolicy"] {
            if new.at(&["spec", key]).is_none() {
                keep(new, live, key);
            }
        }
    }
    if has_node_ports(new) && has_node_ports(live) {
        keep_node_ports(new, live);
    }
    drop_by_type(new, live);
}

fn keep(new: &mut Value, live: &Value, key: &str) {
    if let Some(value) = live.at(&["spec", key]) {
        new.set_at(&["spec", key], value.clone());
    }
}

fn same_port(a: &Value, b: &Value) -> bool {
    a.get("port") == b.get("port") && a.get("protocol") == b.get("protocol")
}

fn keep_node_ports(new: &mut Value, live: &Value) {
    let old = live
        .at(&["spec", "ports"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    super::defaults::each(new, &["spec", "ports"], |port| {
        if port.i64_at(&["nodePort"]).unwrap_or(0) == 0
            && let Some(number) = old
                .iter()
                .find(|old| same_port(old, port))
                .and_then(|old| old.get("nodePort"))
        {
            port.set_at(&["nodePort"], number.clone());
        }
    });
    if has_health_port(new)
        && has_health_port(live)
        && new.at(&["spec", "healthCheckNodePort"]).is_none()
    {
        keep(new, live, "healthCheckNodePort");
    }
}

/// A new type loses what only the old one could have, if the change left it
/// as it was. What the change did set is judged as any other mistake.
fn drop_by_type(new: &mut Value, live: &Value) {
    if kind(live) != "ExternalName" && kind(new) == "ExternalName" {
        drop_addresses(new, live);
    }
    if has_node_ports(live) && !has_node_ports(new) {
        drop_node_ports(new, live);
    }
    if has_health_port(live) && !has_health_port(new) {
        drop_same(new, live, "healthCheckNodePort");
    }
    if kind(live) == "LoadBalancer" && kind(new) != "LoadBalancer" {
        drop_same(new, live, "allocateLoadBalancerNodePorts");
        drop_same(new, live, "loadBalancerClass");
    }
    if reaches_outside(live) && !reaches_outside(new) {
        drop_same(new, live, "externalTrafficPolicy");
    }
    if kind(new) != "LoadBalancer" && new.at(&["status", "loadBalancer", "ingress"]).is_some() {
        new.remove_at(&["status", "loadBalancer", "ingress"]);
    }
}

/// Removes a field that is what it was.
fn drop_same(new: &mut Value, live: &Value, key: &str) {
    let path = ["spec", key];
    if new.at(&path).is_some() && new.at(&path) == live.at(&path) {
        new.remove_at(&path);
    }
}

fn drop_addresses(new: &mut Value, live: &Value) {
    let unset = new.str_at(&["spec", "clusterIP"]).unwrap_or("").is_empty();
    if unset {
        drop_same(new, live, "clusterIPs");
    }
    list_address(new);
    let same = |key: &str| new.at(&["spec", key]) == live.at(&["spec", key]);
    if same("clusterIP") && same("clusterIPs") {
        drop_same(new, live, "clusterIP");
        drop_same(new, live, "clusterIPs");
    }
    drop_same(new, live, "ipFamilies");
    drop_same(new, live, "ipFamilyPolicy");
}

/// Removes the node ports of all ports, unless one is new.
fn drop_node_ports(new: &mut Value, live: &Value) {
    let old: HashSet<i64> = port_numbers(live).collect();
    if port_numbers(new).any(|number| !old.contains(&number)) {
        return;
    }
    super::defaults::each(new, &["spec", "ports"], |port| {
        if port.get("nodePort").is_some() {
            port.remove_at(&["nodePort"]);
        }
    });
}

/// Gives a service what it needs and has not: a cluster IP, node ports.
pub(super) fn allocate(
    call: &Call<'_>,
    live: Option<&Value>,
    object: &mut Value,
) -> Result<(), ApiError> {
    let mut addresses = super::store::lock(&call.core.addresses);
    let mut given = EcoVec::new();
    if kind(object) != "ExternalName" {
        families(call, object)?;
        if let Some(address) = cluster_ip(call, &mut addresses, live, object)? {
            given.push(address);
        }
    } else if object.at(&["spec", "internalTrafficPolicy"]).is_some() {
        object.remove_at(&["spec", "internalTrafficPolicy"]);
    }
    if needs_node_ports(object) {
        assign_node_ports(call, &mut addresses, live, object)?;
    }
    if call.options.keep == super::options::Keep::DryRun {
        addresses.free_all(object);
        if let Some(live) = live {
            addresses.take_all(live);
        }
    }
    Ok(())
}

/// The families of a Service's addresses. One that has neither addresses nor
/// Pods of its own may have both.
fn families(call: &Call<'_>, object: &mut Value) -> Result<(), ApiError> {
    let selects = object
        .at(&["spec", "selector"])
        .and_then(Value::as_map)
        .is_some_and(|labels| !labels.is_empty());
    let free = object.str_at(&["spec", "clusterIP"]) == Some("None") && !selects;
    let policy = if free {
        "RequireDualStack"
    } else {
        "SingleStack"
    };
    super::defaults::default(object, &["spec", "ipFamilyPolicy"], policy);
    if !free && object.str_at(&["spec", "ipFamilyPolicy"]) == Some("RequireDualStack") {
        let detail = "this cluster is not configured for dual-stack services";
        let cause = Cause::invalid("spec.ipFamilyPolicy", "\"RequireDualStack\"", detail);
        return Err(call.invalid(object, vec![cause]));
    }
    let path = ["spec", "ipFamilies"];
    let mut families = object
        .at(&path)
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    if families.is_empty() {
        families.push("IPv4".into());
    }
    let single = object.str_at(&["spec", "ipFamilyPolicy"]) == Some("SingleStack");
    if free && !single && families.len() == 1 {
        let four = families[0].as_str() == Some("IPv4");
        families.push(if four { "IPv6" } else { "IPv4" }.into());
    }
    object.set_at(&path, families.into());
    Ok(())
}

fn cluster_ip(
    call: &Call<'_>,
    addresses: &mut Addresses,
    live: Option<&Value>,
    object: &mut Value,
) -> Result<Option<Value>, ApiError> {
    let wanted = object
        .str_at(&["spec", "clusterIP"])
        .filter(|text| !text.is_empty())
        .or_else(|| {
            object
                .at(&["spec", "clusterIPs"])
                .and_then(Value::as_list)
                .and_then(<[Value]>::first)
                .and_then(Value::as_str)
        });
    let address = match wanted {
        Some("None") => "None".to_owned(),
        Some(text)
            if live.is_some_and(|live| live.str_at(&["spec", "clusterIP"]) == Some(text)) =>
        {
            text.to_owned()
        }
        Some(text) => {
            reserve(addresses, text).map_err(|why| {
                let detail = format!("failed to allocate IP {text}: {why}");
                call.invalid(
                    object,
                    vec![Cause::invalid(
                        "spec.clusterIPs",
                        format!("[{text:?}]"),
                        &detail,
                    )],
                )
            })?;
            text.to_owned()
        }
        None => addresses
            .allocate()
            .map(|address| address.to_string())
            .ok_or_else(|| ApiError::internal("failed to allocate a serviceIP: range is full"))?,
    };
    object.set_at(&["spec", "clusterIP"], address.as_str().into());
    object.set_at(
        &["spec", "clusterIPs"],
        vec![Value::from(address.as_str())].into(),
    );
    Ok(Some(address.into()))
}

fn reserve(addresses: &mut Addresses, text: &str) -> Result<(), &'static str> {
    let offset = offset(text).ok_or("the provided network does not match the current range")?;
    if addresses.taken.insert(offset) {
        Ok(())
    } else {
        Err("provided IP is already allocated")
    }
}

fn assign_node_ports(
    call: &Call<'_>,
    addresses: &mut Addresses,
    live: Option<&Value>,
    object: &mut Value,
) -> Result<(), ApiError> {
    let dry = call.options.keep == super::options::Keep::DryRun;
    let held: HashSet<i64> = live
        .map(node_ports)
        .unwrap_or_default()
        .into_iter()
        .collect();
    let mut ports = object
        .at(&["spec", "ports"])
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    for (index, port) in ports.iter_mut().enumerate() {
        let wanted = port.i64_at(&["nodePort"]).unwrap_or(0);
        if held.contains(&wanted) {
            continue;
        }
        let problem = if wanted == 0 {
            let number = addresses.allocate_port().ok_or_else(|| {
                ApiError::internal("failed to allocate a nodePort: range is full")
            })?;
            port.set_at(&["nodePort"], number.into());
            continue;
        } else if dry && !NODE_PORTS.contains(&wanted) {
            // Nothing is allocated for show.
            continue;
        } else if !NODE_PORTS.contains(&wanted) {
            "provided port is not in the valid range. The range of valid ports is 30000-32767"
        } else if !addresses.ports.insert(wanted) {
            "provided port is already allocated"
        } else {
            continue;
        };
        if live.is_none() {
            addresses.free_all(object);
        }
        return Err(call.invalid(
            object,
            vec![Cause::invalid(
                format!("spec.ports[{index}].nodePort"),
                wanted,
                problem,
            )],
        ));
    }
    object.set_at(&["spec", "ports"], ports.into());
    if has_health_port(object) && object.i64_at(&["spec", "healthCheckNodePort"]).unwrap_or(0) == 0
    {
        let number = addresses
            .allocate_port()
            .ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))?;
        object.set_at(&["spec", "healthCheckNodePort"], number.into());
    }
    Ok(())
}
