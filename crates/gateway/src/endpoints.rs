//! Where the Pods behind a Service are.

use crate::objects::{Kind, Objects};
use crate::routing::ServicePort;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value};

/// The annotation of a Pod that says where it can be reached, as `ADDR:PORT`,
/// where its own address can't be dialled from here. That of one port `N` has
/// `-N` appended. Only addresses of this machine count: whoever makes Pods must
/// not be able to send requests of the gateway anywhere.
pub const DIAL_ANNOTATION: &str = "trueup.dev/dial";

/// How many endpoints of one Service are used.
pub const MAX_ENDPOINTS: usize = 1_000;

/// Name of a Pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PodName {
    pub namespace: Text,
    pub name: Text,
}

/// One place where a Service is answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub address: SocketAddr,
    pub pod: Option<PodName>,
}

/// The ready endpoints of all Services that routes lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointTable {
    services: BTreeMap<ServicePort, Arc<Endpoints>>,
}

/// The ready endpoints of one Service, taken in turn.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    ready: Vec<Endpoint>,
    turn: AtomicUsize,
}

impl EndpointTable {
    /// The endpoints of `services`. Where a Service had some before, its turns
    /// go on.
    pub(crate) fn of<'a>(
        objects: &Objects,
        services: impl IntoIterator<Item = &'a ServicePort>,
        before: &Self,
    ) -> Self {
        let services = services.into_iter().map(|service| {
            let ready = ready_endpoints(objects, service);
            let endpoints = match before.services.get(service) {
                Some(known) if known.ready == ready => Arc::clone(known),
                known => Arc::new(Endpoints {
                    ready,
                    turn: AtomicUsize::new(known.map_or(0, |it| it.turn.load(Ordering::Relaxed))),
                }),
            };
            (service.clone(), endpoints)
        });
        Self {
            services: services.collect(),
        }
    }

    /// The endpoint whose turn it is, but for those that were `tried`.
    pub(crate) fn next(&self, service: &ServicePort, tried: &[SocketAddr]) -> Option<Endpoint> {
        let endpoints = self.services.get(service)?;
        let ready = &endpoints.ready;
        if ready.is_empty() {
            return None;
        }
        let first = endpoints.turn.fetch_add(1, Ordering::Relaxed);
        let mut turns = (0..ready.len()).map(|step| &ready[first.wrapping_add(step) % ready.len()]);
        let fresh = turns.find(|endpoint| !tried.contains(&endpoint.address));
        fresh.cloned()
    }

    /// All endpoints.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Endpoint> {
        self.services.values().flat_map(|it| &it.ready)
    }
}

/// The ready endpoints of a Service by its slices, each once, in order.
fn ready_endpoints(objects: &Objects, service: &ServicePort) -> Vec<Endpoint> {
    let Some(port_name) = port_name(objects, service) else {
        return Vec::new();
    };
    let slices = objects.all(Kind::EndpointSlice).filter(|slice| {
        *slice.namespace() == service.namespace
            && slice.label("kubernetes.io/service-name") == Some(service.service.as_str())
    });
    let mut ready: Vec<Endpoint> = slices
        .flat_map(|slice| of_slice(objects, slice, &port_name))
        .collect();
    ready.sort();
    ready.dedup_by(|one, other| one.address == other.address);
    ready.truncate(MAX_ENDPOINTS);
    ready
}

/// The name of a Service's port, by which slices tell theirs.
fn port_name(objects: &Objects, service: &ServicePort) -> Option<Text> {
    let object = objects.service(&service.namespace, &service.service)?;
    let mut ports = object.value().at(&["spec", "ports"])?.as_list()?.iter();
    let port = ports.find(|port| port.i64_at(&["port"]) == Some(i64::from(service.port)))?;
    Some(port.str_at(&["name"]).unwrap_or_default().into())
}

fn of_slice(objects: &Objects, slice: &LiveObject, port_name: &str) -> Vec<Endpoint> {
    let list = |key| {
        let list = slice.value().get(key).and_then(Value::as_list);
        list.unwrap_or_default()
    };
    let mut ports = list("ports").iter();
    let port = ports.find(|port| port.str_at(&["name"]).unwrap_or_default() == port_name);
    let port = port.and_then(|port| u16::try_from(port.i64_at(&["port"])?).ok());
    let Some(port) = port else {
        return Vec::new();
    };
    let ready = list("endpoints").iter().filter(|it| is_ready(it));
    ready
        .filter_map(|endpoint| place_of(objects, slice.namespace(), endpoint, port))
        .collect()
}

/// An endpoint of which nothing is said is ready, as the API has it.
fn is_ready(endpoint: &Value) -> bool {
    let condition = |name| endpoint.at(&["conditions", name]).and_then(Value::as_bool);
    condition("ready").unwrap_or(true) && !condition("terminating").unwrap_or(false)
}

/// Where an endpoint is dialled: where its Pod says, else at its address.
fn place_of(objects: &Objects, namespace: &Text, endpoint: &Value, port: u16) -> Option<Endpoint> {
    let is_pod = endpoint.str_at(&["targetRef", "kind"]) == Some("Pod");
    let name = endpoint.str_at(&["targetRef", "name"]).filter(|_| is_pod);
    let pod = name.map(|name| PodName {
        namespace: namespace.clone(),
        name: name.into(),
    });
    let object = name.and_then(|name| objects.get(Kind::Pod, namespace, name));
    let of_port = format!("{DIAL_ANNOTATION}-{port}");
    let dial = object.and_then(|pod| {
        let of_port = pod.annotation(&of_port);
        of_port.or_else(|| pod.annotation(DIAL_ANNOTATION))
    });
    let address = match dial {
        Some(dial) => dial
            .parse()
            .ok()
            .filter(|address: &SocketAddr| address.ip().is_loopback())?,
        None => {
            let addresses = endpoint.get("addresses").and_then(Value::as_list)?;
            let ip: IpAddr = addresses.first()?.as_str()?.parse().ok()?;
            SocketAddr::new(ip, port)
        }
    };
    Some(Endpoint { address, pod })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::{from_yaml, to_json};

    fn objects(annotations: &str, endpoints: &str) -> Objects {
        let mut objects = Objects::default();
        for (kind, text) in [
            (
                Kind::Service,
                "metadata: {name: web, namespace: apps}\nspec: {ports: [{name: admin, port: 90}, {name: http, port: 80}]}".to_owned(),
            ),
            (
                Kind::Pod,
                format!("metadata: {{name: web-1, namespace: apps, annotations: {annotations}}}"),
            ),
            (
                Kind::EndpointSlice,
                format!(
                    "metadata: {{name: web-x, namespace: apps, labels: {{kubernetes.io/service-name: web}}}}\n\
                     ports: [{{name: admin, port: 9090}}, {{name: http, port: 8080}}]\nendpoints: {endpoints}"
                ),
            ),
            (
                Kind::EndpointSlice,
                "metadata: {name: other-x, namespace: apps, labels: {kubernetes.io/service-name: other}}\n\
                 ports: [{name: http, port: 8080}]\nendpoints: [{addresses: [10.0.0.9]}]".to_owned(),
            ),
        ] {
            let json = to_json(&from_yaml(&text).unwrap());
            let object = LiveObject::from_json(&kind.gvk(), json.into()).unwrap();
            objects.put(kind, object);
        }
        objects
    }

    fn web() -> ServicePort {
        ServicePort {
            namespace: "apps".into(),
            service: "web".into(),
            port: 80,
        }
    }

    fn addresses(annotations: &str, endpoints: &str) -> Vec<String> {
        let ready = ready_endpoints(&objects(annotations, endpoints), &web());
        ready.iter().map(|it| it.address.to_string()).collect()
    }

    #[test]
    fn only_ready_endpoints_count_at_the_port_of_their_name() {
        let endpoints = "[{addresses: [10.0.0.1]}, {addresses: [10.0.0.1]},
            {addresses: [10.0.0.2], conditions: {ready: true}},
            {addresses: [10.0.0.3], conditions: {ready: false}},
            {addresses: [10.0.0.4], conditions: {ready: true, terminating: true}},
            {addresses: []}, {addresses: [nonsense]}, {}]";
        assert_eq!(
            addresses("{}", endpoints),
            ["10.0.0.1:8080", "10.0.0.2:8080"]
        );
        assert_eq!(
            addresses("{}", "[{addresses: ['fd00::1']}]"),
            ["[fd00::1]:8080"]
        );
    }

    #[test]
    fn a_pod_says_where_it_is_dialled_on_this_machine_only() {
        let endpoints = "[{addresses: [10.0.0.1], targetRef: {kind: Pod, name: web-1}}]";
        for (annotations, address) in [
            (
                "{trueup.dev/dial: '127.64.0.1:4000'}",
                Some("127.64.0.1:4000"),
            ),
            (
                "{trueup.dev/dial: '127.64.0.1:4000', trueup.dev/dial-8080: '127.64.0.1:5000'}",
                Some("127.64.0.1:5000"),
            ),
            (
                "{trueup.dev/dial-9090: '127.64.0.1:5000'}",
                Some("10.0.0.1:8080"),
            ),
            ("{trueup.dev/dial: '169.254.169.254:80'}", None),
            ("{trueup.dev/dial: 'localhost:80'}", None),
            ("{trueup.dev/dial: ''}", None),
        ] {
            let expected: Vec<&str> = address.into_iter().collect();
            assert_eq!(addresses(annotations, endpoints), expected, "{annotations}");
        }
    }

    #[test]
    fn endpoints_take_turns_that_go_on_when_others_come() {
        let two = objects("{}", "[{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]");
        let first = EndpointTable::of(&two, [&web()], &EndpointTable::default());
        let turn = |table: &EndpointTable, tried: &[SocketAddr]| {
            table
                .next(&web(), tried)
                .map(|it| it.address.ip().to_string())
        };
        assert_eq!(turn(&first, &[]).as_deref(), Some("10.0.0.1"));
        let three = objects(
            "{}",
            "[{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.3]}]",
        );
        let second = EndpointTable::of(&three, [&web()], &first);
        assert_eq!(turn(&second, &[]).as_deref(), Some("10.0.0.2"));
        assert_eq!(turn(&second, &[]).as_deref(), Some("10.0.0.3"));
        let tried: Vec<SocketAddr> = second.all().map(|it| it.address).collect();
        assert_eq!(turn(&second, &tried[..2]).as_deref(), Some("10.0.0.3"));
        assert_eq!(turn(&second, &tried), None);
    }
}
